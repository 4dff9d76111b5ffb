## out[kept] = post(combine over the reduced dimensions of map(operands)), where memory runs along
## the innermost kept dimension.
##
## A task is one block of neighbouring outputs and one split of the segments.  Four rows at a time
## are folded into the block's accumulators, which stay in the first-level cache, so memory is read
## in runs of a block's width.  A ragged last vector overlaps the one before it.
<%! from clnet.codegen import fold %>\
<%
V = width
T = index_type
ROWS = 4
acc_t = types.register_type(acc, V)
kept_rank, red_rank = len(kept_classes[0]), len(reduced_classes[0])
red_last, kept_last = red_rank - 1, kept_rank - 1
inputs = [(f"x{i}", d, kept_classes[i], reduced_classes[i]) for i, d in enumerate(operands)]
def offset(prefix, name, classes, count):
    return " + ".join(f"{prefix}{d} * {name}_{prefix}s{d}" for d in range(count) if classes[d] == "s") or "0"
writer = Writer(V)
for i, d in enumerate(operands):
    writer.bind(Arg(i, types.register_dtype(d)), f"v{i}")
mapped = writer.write(expr)
final = Writer(V, "p")
final.bind(Arg(0, acc), "value")
final.bind(Arg(1, acc.to_real()), "counts")
done = final.write(post)
def step(a, v): return fold.step(combine, acc, V, a, v)
nothing = fold.identity(combine, acc, V)
%>\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
% for name, d, kc, rc in inputs:
    __global const ${types.memory_type(d)} *${name}, const ulong ${name}_offset,
% endfor
    __global ${types.memory_type(value_out)} *y, const ulong y_offset,
% if uses_count:
    const ${types.register_type(acc.to_real())} count,
% endif
% for d in range(kept_rank):
    const ${T} k${d}_size,
% endfor
% for d in range(red_last):
    const ${T} r${d}_size,
% endfor
% for name, d, kc, rc in inputs:
% for j in range(kept_rank):
% if kc[j] == "s":
    const ${T} ${name}_ks${j},
% endif
% endfor
% for j in range(red_rank):
% if rc[j] == "s":
    const ${T} ${name}_rs${j},
% endif
% endfor
% endfor
    const ${T} n, const ${T} chunk, const ${T} chunks, const ${T} segments, const ${T} splits,
    const ${T} per_split, const ${T} kept, const ${T} tasks
) {
% for name, d, kc, rc in inputs:
    ${name} += ${name}_offset;
% endfor
    y += y_offset;
% if uses_count:
    const ${types.register_type(acc.to_real(), V)} counts = (${types.register_type(acc.to_real(), V)})(count);
% endif
    const ${T} vectors = (k${kept_last}_size + ${V - 1}) / ${V};
    const ${T} blocks = (vectors + ${block - 1}) / ${block};
    for (${T} task = get_global_id(0); task < tasks; task += get_global_size(0)) {
        const ${T} split = task % splits;
        ${T} rest = task / splits;
        const ${T} first = (rest % blocks) * ${block};
        const ${T} held = min((${T})${block}, vectors - first);
        rest /= blocks;
        ${T} place = 0, place_step = k${kept_last}_size;
% for d in reversed(range(kept_last)):
        const ${T} k${d} = rest % k${d}_size; rest /= k${d}_size;
        place += k${d} * place_step; place_step *= k${d}_size;
% endfor
% for name, d, kc, rc in inputs:
        const ${T} ${name}_kept = ${offset("k", name, kc, kept_rank)};
% endfor
        ${acc_t} total[${block}];
        for (${T} b = 0; b < held; ++b) total[b] = ${nothing};
        const ${T} segment_stop = min(segments, (split + 1) * per_split);
        for (${T} segment = split * per_split; segment < segment_stop; ++segment) {
            const ${T} begin = (segment % chunks) * chunk;
            const ${T} end = min(n, begin + chunk);
% if red_last:
            ${T} left = segment / chunks;
% for d in reversed(range(red_last)):
            const ${T} r${d} = left % r${d}_size; left /= r${d}_size;
% endfor
% endif
% for name, d, kc, rc in inputs:
            const ${T} ${name}_row = ${name}_kept + ${offset("r", name, rc, red_last)};
% endfor
            ${acc_t} part[${block}];
            for (${T} b = 0; b < held; ++b) part[b] = ${nothing};
            ${T} r = begin;
% for rows in (ROWS, 1):
            for (; r + ${rows} <= end; r += ${rows})
                for (${T} b = 0; b < held; ++b) {
                    const ${T} c = min((first + b) * ${V}, k${kept_last}_size - ${V});
% for u in range(rows):
                    ${acc_t} value${u};
                    {
% for i, (name, d, kc, rc) in enumerate(inputs):
<%
row = f"{name}_row" + (f" + (r + {u}) * {name}_rs{red_last}" if rc[red_last] == "s" else "")
wide = types.register_type(d, V)
%>\
% if kc[kept_last] == "u":
                        const ${wide} v${i} = ${types.load(d, name, f"{row} + c", V)};
% else:
                        const ${wide} v${i} = ${types.splat(d, types.load(d, name, row), V)};
% endif
% endfor
% for line in writer.lines:
                        ${line}
% endfor
                        value${u} = ${mapped};
                    }
% endfor
% for half in ((2, 1) if rows == 4 else ()):
% for u in range(half):
                    ${step(f"value{u}", f"value{u + half}")}
% endfor
% endfor
                    ${step("part[b]", "value0")}
                }
% endfor
            for (${T} b = 0; b < held; ++b) ${step("total[b]", "part[b]")}
        }
        for (${T} b = 0; b < held; ++b) {
            const ${acc_t} value = total[b];
            const ${T} at = split * kept + place + min((first + b) * ${V}, k${kept_last}_size - ${V});
% for line in final.lines:
            ${line}
% endfor
            ${types.store(value_out, "y", "at", done, V)}
        }
    }
}
