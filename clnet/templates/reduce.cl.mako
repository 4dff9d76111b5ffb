## out[kept] = post(combine over the reduced dimensions of map(operands)).
##
## The reduced dimensions are walked as segments: (row of the outer ones, chunk of the innermost).
## A task is one output (or `width` neighbouring outputs in mode "col") and one split of the
## segments; with more than one split the raw accumulators go to a temporary that a second launch
## of this skeleton combines.  Sums add each segment on its own first, which keeps rounding errors
## near those of a pairwise sum.  With `lanes` above 1 so many work-items of a group share a task,
## reading neighbours, and combine what they found in local memory.
<%! from clnet.codegen import fold %>\
<%
W = width
T = index_type
col = mode == "col"
arg = fold.indexed(combine)
V = W                                   # lanes of the accumulator
acc_t = types.register_type(acc, V)
one_t = types.register_type(acc)
idx_one = "long" if acc.itemsize == 8 else "int"
idx_t = idx_one + (str(V) if V > 1 else "")
idx_max = "LONG_MAX" if acc.itemsize == 8 else "INT_MAX"
mask_t = types.mask_type(acc, V)
kept_rank, red_rank = len(kept_classes[0]), len(reduced_classes[0])
red_last = red_rank - 1
kept_last = kept_rank - 1
inputs = [(f"x{i}", d, kept_classes[i], reduced_classes[i]) for i, d in enumerate(operands)]
def identity(v): return fold.identity(combine, acc, v)
def step(a, v, ai, vi, n): return fold.step(combine, acc, n, a, v, ai, vi)
def offset(prefix, name, classes, count):
    return " + ".join(f"{prefix}{d} * {name}_{prefix}s{d}" for d in range(count) if classes[d] == "s") or "0"
def at(name, kc, rc, lane, r):
    "Index of one element: lane of the kept vector, position r of the innermost reduced dimension."
    text = f"{name}_row"
    if col and kc[kept_last] != "b":
        text += f" + ({lane})" + (f" * {name}_ks{kept_last}" if kc[kept_last] == "s" else "")
    if rc[red_last] != "b":
        text += f" + ({r})" + (f" * {name}_rs{red_last}" if rc[red_last] == "s" else "")
    return text
writer = Writer(V)
for i, d in enumerate(operands):
    writer.bind(Arg(i, types.register_dtype(d)), f"v{i}")
mapped = writer.write(expr)
# Several accumulators hide the latency of adding, where whole vectors lie in memory.
UNROLL = 4
unrolled = V > 1 and not col and not arg and all(rc[red_last] != "s" for _, _, _, rc in inputs)
%>\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
% for name, d, kc, rc in inputs:
    __global const ${types.memory_type(d)} *${name}, const ulong ${name}_offset,
% endfor
% if given_index:
    __global const long *given, const ulong given_offset,
% endif
% if value_out is not None:
    __global ${types.memory_type(value_out)} *y, const ulong y_offset,
% endif
% if index_out:
    __global long *yi, const ulong yi_offset,
% endif
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
% if given_index:
    given += given_offset;
% endif
% if value_out is not None:
    y += y_offset;
% endif
% if index_out:
    yi += yi_offset;
% endif
% if arg and V > 1 and not col:
    const ${idx_t} lane_ids = (${idx_t})(${", ".join(map(str, range(V)))});
% endif
% if lanes > 1:
    __local ${one_t} shared[${local_size[0]}];
% if arg:
    __local ${idx_one} shared_i[${local_size[0]}];
% endif
    const uint item = get_local_id(0), lane_id = item % ${lanes};
    const ${T} stride = (${T})get_num_groups(0) * ${local_size[0] // lanes};
    for (${T} first = (${T})get_group_id(0) * ${local_size[0] // lanes}; first < tasks; first += stride) {
        // Where tasks run out, the last is done again, so that all meet at the barriers.
        const ${T} own = first + item / ${lanes};
        const ${T} task = min(own, tasks - 1);
% else:
    const ${T} workers = (${T})get_global_size(0);
% endif
% if lanes > 1:
% elif V == 1:
    for (${T} task = get_global_id(0); task < tasks; task += workers) {
% else:
    const ${T} share = (tasks + workers - 1) / workers;
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
% endif
        const ${T} split = task % splits;
        ${T} rest = task / splits;
% if col:
        // Vectors of neighbours along the innermost kept dimension.
        const ${T} vectors = (k${kept_last}_size + ${V - 1}) / ${V};
        const ${T} k${kept_last} = (rest % vectors) * ${V};
        rest /= vectors;
        const uint lanes = (uint)min((${T})${V}, k${kept_last}_size - k${kept_last});
        ${T} place = k${kept_last};
        ${T} place_step = k${kept_last}_size;
% for d in reversed(range(kept_last)):
        const ${T} k${d} = rest % k${d}_size; rest /= k${d}_size;
        place += k${d} * place_step; place_step *= k${d}_size;
% endfor
% else:
        const ${T} place = rest;
% for d in reversed(range(kept_rank)):
        const ${T} k${d} = rest % k${d}_size; rest /= k${d}_size;
% endfor
% endif
% for name, d, kc, rc in inputs:
        const ${T} ${name}_kept = ${offset("k", name, kc, kept_rank)}${f" + k{kept_last}" if kc[kept_last] == "u" else ""};
% endfor
        ${acc_t} total = ${identity(V)};
% if arg:
        ${idx_t} total_i = (${idx_t})(${idx_max});
% endif
        const ${T} segment_stop = min(segments, (split + 1) * per_split);
        for (${T} segment = split * per_split; segment < segment_stop; ++segment) {
            const ${T} begin = (segment % chunks) * chunk;
            const ${T} end = min(n, begin + chunk);
            const ${T} row = segment / chunks;
% if red_last:
            ${T} left = row;
% for d in reversed(range(red_last)):
            const ${T} r${d} = left % r${d}_size; left /= r${d}_size;
% endfor
% endif
% for name, d, kc, rc in inputs:
            const ${T} ${name}_row = ${name}_kept + ${offset("r", name, rc, red_last)};
% endfor
            ${acc_t} part = ${identity(V)};
% if arg:
            ${idx_t} part_i = (${idx_t})(${idx_max});
% endif
            ${T} r = begin${" + lane_id" if lanes > 1 else ""};
% if unrolled:
            if (end - begin >= ${UNROLL * V}) {
% for u in range(1, UNROLL):
                ${acc_t} part${u} = ${identity(V)};
% endfor
                for (; r + ${UNROLL * V} <= end; r += ${UNROLL * V}) {
% for u in range(UNROLL):
                    {
% for i, (name, d, kc, rc) in enumerate(inputs):
% if rc[red_last] == "u":
                        const ${types.register_type(d, V)} v${i} = ${types.load(d, name, at(name, kc, rc, "0", f"r + {u * V}"), V)};
% else:
                        const ${types.register_type(d, V)} v${i} = ${types.splat(d, types.load(d, name, at(name, kc, rc, "0", "r")), V)};
% endif
% endfor
% for line in writer.lines:
                        ${line}
% endfor
                        ${step(f"part{u or ''}", mapped, "", "", V)}
                    }
% endfor
                }
% for u in range(1, UNROLL):
                ${step("part", f"part{u}", "", "", V)}
% endfor
            }
% endif
            for (; r < end; r += ${lanes if lanes > 1 else 1 if col else V}) {
% if not col and V > 1:
                const uint lanes = (uint)min((${T})${V}, end - r);
% endif
% for i, (name, d, kc, rc) in enumerate(inputs):
<%
vt = types.register_type(d, V)
along = kc[kept_last] if col else rc[red_last]
def element(j):
    return at(name, kc, rc, j, "r") if col else at(name, kc, rc, "0", f"r + {j}")
%>\
% if V == 1:
                const ${vt} v${i} = ${types.load(d, name, element("0"))};
% elif along == "b":
                const ${vt} v${i} = ${types.splat(d, types.load(d, name, element("0")), V)};
% else:
                ${vt} v${i};
% if along == "u":
                if (lanes == ${V}) {
                    v${i} = ${types.load(d, name, element("0"), V)};
                } else
% endif
                {
                    ${types.register_type(d)} lane[${V}];
                    for (uint j = 0; j < ${V}; ++j)
                        lane[j] = ${types.load(d, name, element("min(j, lanes - 1)"))};
                    v${i} = ${types.gather(d, "lane", V)};
                }
% endif
% endfor
% for line in writer.lines:
                ${line}
% endfor
                ${acc_t} value = ${mapped};
% if arg:
% if given_index:
% if V > 1 or not col:
                ${idx_t} value_i = ${"given[x0_row + r]" if not col and V == 1 else "0"};
% endif
% if V > 1:
                {
                    ${idx_one} lane[${V}];
                    for (uint j = 0; j < ${V}; ++j)
                        lane[j] = (${idx_one})given[${at("x0", inputs[0][2], inputs[0][3], "min(j, lanes - 1)", "r") if col else at("x0", inputs[0][2], inputs[0][3], "0", "r + min(j, lanes - 1)")}];
                    value_i = vload${V}(0, lane);
                }
% elif col:
                ${idx_t} value_i = (${idx_t})given[${at("x0", inputs[0][2], inputs[0][3], "0", "r")}];
% endif
% elif col or V == 1:
                ${idx_t} value_i = (${idx_t})((${idx_one})(row * n + r));
% else:
                ${idx_t} value_i = (${idx_t})((${idx_one})(row * n + r)) + lane_ids;
% endif
% endif
% if not col and V > 1:
                if (lanes < ${V}) {
                    ${one_t} lane[${V}];
                    ${types.spread(acc, "value", "lane", V)}
                    for (uint j = lanes; j < ${V}; ++j) lane[j] = ${identity(1)};
                    value = ${types.gather(acc, "lane", V)};
% if arg:
                    ${idx_one} lane_i[${V}];
                    vstore${V}(value_i, 0, lane_i);
                    for (uint j = lanes; j < ${V}; ++j) lane_i[j] = ${idx_max};
                    value_i = vload${V}(0, lane_i);
% endif
                }
% endif
                ${step("part", "value", "part_i", "value_i", V)}
            }
            ${step("total", "part", "total_i", "part_i", V)}
        }
% if col and V > 1:
        ${one_t} result[${V}];
        ${types.spread(acc, "total", "result", V)}
% if arg:
        ${idx_one} result_i[${V}];
        vstore${V}(total_i, 0, result_i);
% endif
        for (uint j = 0; j < lanes; ++j) {
            const ${one_t} value = result[j];
            const ${T} at = split * kept + place + j;
% else:
% if V > 1:
        ${one_t} result[${V}];
        ${types.spread(acc, "total", "result", V)}
% if arg:
        ${idx_one} result_i[${V}];
        vstore${V}(total_i, 0, result_i);
% endif
        for (uint half_width = ${V // 2}; half_width; half_width /= 2)
            for (uint j = 0; j < half_width; ++j) {
                const ${one_t} other = result[j + half_width];
% if arg:
                const ${idx_one} other_i = result_i[j + half_width];
% endif
                ${step("result[j]", "other", "result_i[j]", "other_i", 1)}
            }
% elif lanes > 1:
        shared[item] = total;
% if arg:
        shared_i[item] = total_i;
% endif
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint half_width = ${lanes // 2}; half_width; half_width /= 2) {
            if (lane_id < half_width) {
                const ${one_t} other = shared[item + half_width];
% if arg:
                const ${idx_one} other_i = shared_i[item + half_width];
% endif
                ${step("shared[item]", "other", "shared_i[item]", "other_i", 1)}
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        const ${one_t} result[1] = {shared[item]};
% if arg:
        const ${idx_one} result_i[1] = {shared_i[item]};
% endif
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane_id != 0 || own >= tasks) continue;
% else:
        const ${one_t} result[1] = {total};
% if arg:
        const ${idx_one} result_i[1] = {total_i};
% endif
% endif
        {
            const uint j = 0;
            const ${one_t} value = result[0];
            const ${T} at = split * kept + place;
% endif
% if value_out is not None:
<%
final = Writer(1, "p")
final.bind(Arg(0, acc), "value")
final.bind(Arg(1, acc.to_real()), "count")
done = final.write(post)
%>\
% for line in final.lines:
            ${line}
% endfor
            ${types.store(value_out, "y", "at", done)}
% endif
% if index_out:
            yi[at] = (long)result_i[j];
% endif
        }
    }
}
