## CPU class: statistics and results of rows whose elements lie `inner` apart, as rowwise.cl.mako has them.
##
## A task is a block of neighbouring rows: all passes walk along the block, so memory is read in runs of the
## block's width instead of one vector per cache line and page, and the block stays in cache between passes.
## A ragged last vector overlaps the one before it; results don't depend on what they overwrite.
<%! from clnet.codegen import fold %>\
<%
V, T = width, index_type
acc_t = types.register_type(acc, V)
def value_type(i): return types.register_type(inputs[i][2], V)
stats = [s for group in passes for s in group]
first_stat = [sum(len(g) for g in passes[:p]) for p in range(len(passes))]
row_outs = [(k, o) for k, o in enumerate(outs) if o[0] == "row"]
full_outs = [(k, o) for k, o in enumerate(outs) if o[0] == "full"]
def written(exprs, upto, prefix):
    writer = Writer(V, prefix)
    for i, o in enumerate(inputs):
        writer.bind(Arg(i, o[2]), f"(({value_type(i)})(v{i}))" if o[0] == "number" else f"v{i}")
    for k in range(upto):
        writer.bind(Arg(STAT + k, acc), f"total{k}[b]")
    writer.bind(Arg(RAW, acc), "raw")
    writer.bind(Arg(STASH, acc), "stashed")
    return writer, [writer.write(e) for e in exprs]
%>\
<%def name="load_inputs(reads)">
% for i in reads:
% if i < STAT and inputs[i][0] != "number":
<% kind, memory, held = inputs[i] %>\
% if kind == "position":
                    const ${value_type(i)} v${i} = (${value_type(i)})((int)r);
% elif kind == "column":
                    const ${value_type(i)} v${i} = (${value_type(i)})(${types.convert(types.load(memory, f"x{i}", "r"), memory, held)});
% else:
                    const ${value_type(i)} v${i} = ${types.convert(types.load(memory, f"x{i}", "at" if kind == "full" else "row + c", V), memory, held, V)};
% endif
% endif
% endfor
</%def>\
<%def name="each_vector()">
                for (${T} b = 0; b < held; ++b) {
                    const ${T} c = min((first + b) * ${V}, inner - ${V});
</%def>\
<%def name="each_element(reads)">
${each_vector()}\
                    const ${T} at = base + r * inner + c;
${load_inputs(reads)}\
</%def>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(${acc_t})))
void ${entry}(
% for i, o in enumerate(inputs):
% if o[0] == "number":
    const ${types.register_type(o[2])} v${i},
% elif o[0] != "position":
    __global const ${types.memory_type(o[1])} *x${i}, const ulong x${i}_offset,
% endif
% endfor
% for k, o in enumerate(outs):
    __global ${types.memory_type(o[1])} *y${k}, const ulong y${k}_offset,
% endfor
% if target is not None:
    const long ignored,
% endif
    const ${T} outer, const ${T} n, const ${T} inner, const ${T} block${"," if spec.faults else ""}
% if spec.faults:
    volatile __global int *fault_word
% endif
) {
% for i, o in enumerate(inputs):
% if o[0] not in ("number", "position"):
    x${i} += x${i}_offset;
% endif
% endfor
% for k, o in enumerate(outs):
    y${k} += y${k}_offset;
% endfor
    const ${T} vectors = (inner + ${V - 1}) / ${V};
    const ${T} blocks = (vectors + block - 1) / block;
    const ${T} tasks = outer * blocks;
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} first_task = (${T})get_global_id(0) * share;
    const ${T} stop_task = min(tasks, first_task + share);
    for (${T} task = first_task; task < stop_task; ++task) {
        const ${T} o = task / blocks, first = (task % blocks) * block;
        const ${T} held = min(block, vectors - first);
        const ${T} base = o * n * inner, row = o * inner;
% if target is not None:
${each_vector()}\
                    for (uint j = 0; j < ${V}; ++j) {
                        const long t = (long)x${target}[row + c + j];
                        if (t != ignored && (t < 0 || t >= (long)n)) record_fault(fault_word, ${fault_code}, t);
                    }
                }
% endif
% for p, group in enumerate(passes):
<%
numbers = [first_stat[p] + k for k in range(len(group))]
sums = [number for number, s in zip(numbers, group) if s[0] == "sum"]
writer, mapped = written([s[1] for s in group], first_stat[p], f"p{p}_")
%>\
% for number, s in zip(numbers, group):
        ${acc_t} total${number}[${most}];
        for (${T} b = 0; b < held; ++b) total${number}[b] = ${fold.identity(s[0], acc, V)};
% endfor
        for (${T} r_first = 0; r_first < n; r_first += 64) {
            const ${T} r_stop = min(n, r_first + 64);
            // Sums of short stretches first: errors grow with the stretch, not with the row.
% for number in sums:
            ${acc_t} part${number}[${most}];
            for (${T} b = 0; b < held; ++b) part${number}[b] = (${acc_t})(0);
% endfor
            for (${T} r = r_first; r < r_stop; ++r)
${each_element(pass_reads[p])}\
% for line in writer.lines:
                    ${line}
% endfor
% for number, s, value in zip(numbers, group, mapped):
                    const ${acc_t} m${number} = ${value};
% if stash == number:
                    ${types.store(outs[0][1], "y0", "at", f"m{number}", V)}
% endif
                    ${fold.step(s[0], acc, V, f"{'part' if s[0] == 'sum' else 'total'}{number}[b]", f"m{number}")}
% endfor
                }
% for number in sums:
            for (${T} b = 0; b < held; ++b) total${number}[b] += part${number}[b];
% endfor
        }
% for number, s in zip(numbers, group):
% if s[2] != Arg(RAW, acc):
${each_vector()}\
                    const ${acc_t} raw = total${number}[b];
${load_inputs(post_reads[number])}\
<% writer, [value] = written([s[2]], number, f"q{number}_") %>\
% for line in writer.lines:
                    ${line}
% endfor
                    total${number}[b] = ${value};
                }
% endif
% endfor
% endfor
% if row_outs:
<% writer, finals = written([o[2] for _, o in row_outs], len(stats), "f") %>\
${each_vector()}\
${load_inputs(row_reads)}\
% for line in writer.lines:
                    ${line}
% endfor
% for (k, o), value in zip(row_outs, finals):
                    ${types.store(o[1], f"y{k}", "row + c", value, V)}
% endfor
                }
% endif
% if full_outs:
<% writer, finals = written([o[2] for _, o in full_outs], len(stats), "o") %>\
        for (${T} r = 0; r < n; ++r)
${each_element(out_reads)}\
% if STASH in out_reads:
                    const ${acc_t} stashed = ${types.load(outs[0][1], "y0", "at", V)};
% endif
% for line in writer.lines:
                    ${line}
% endfor
% for (k, o), value in zip(full_outs, finals):
                    ${types.store(o[1], f"y{k}", "at", value, V)}
% endfor
                }
% endif
    }
}
