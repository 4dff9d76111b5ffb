## Statistics of each row, one pass after another over a row that stays in cache, then results per
## element and per row.
##
## Mode "row": a row is `segments` runs of n neighbouring elements.  CPU class: a work-item takes a
## share of the rows and walks them in vectors; GPU class: a work-group takes a row.
## Mode "col": a row is n elements `inner` apart; a work-item takes `width` neighbouring rows.
##
## Expressions read operands Arg(i), statistics Arg(STAT + k), the raw value of a statistic being
## finished Arg(RAW), and the value that an earlier pass left in the first result Arg(STASH).
<%
W = width
col = mode == "col"
gpu_row = not col and W == 1
L = local_size[0]
T = index_type
one_t = types.register_type(acc)
V = W
acc_t = types.register_type(acc, V)
N_ROW = V if col else 1                 # lanes of values that belong to rows
row_t = types.register_type(acc, N_ROW)
full = [i for i, o in enumerate(inputs) if o[0] == "full"]
def value_type(i, w):
    return types.register_type(inputs[i][2], w)
def identity(combine, w):
    return types.literal(0 if combine == "sum" else float("-inf"), acc, w)
def fold(combine, a, v, w):
    if combine == "sum": return f"{a} + {v}"
    # A NaN, once met, stays.
    test = f"({v} > {a}) {'|' if w > 1 else '||'} ({v} != {v})"
    return f"select({a}, {v}, {test})" if w > 1 else f"(({test}) ? {v} : {a})"
stats = [s for group in passes for s in group]
first_stat = [sum(len(g) for g in passes[:p]) for p in range(len(passes))]
def bind_rows(writer, upto):
    "What belongs to rows: scalars in mode row (spread over lanes where needed), lanes in mode col."
    spread = writer.width > 1 and not col
    for i, o in enumerate(inputs):
        if o[0] in ("row", "number"):
            name = f"v{i}"
            if spread or (o[0] == "number" and writer.width > 1):
                name = f"(({value_type(i, writer.width)})({name}))"
            writer.bind(Arg(i, o[2]), name)
    for k in range(upto):
        name = f"stat{k}"
        writer.bind(Arg(STAT + k, acc), f"(({acc_t})({name}))" if spread else name)
def element_writer(exprs, upto, prefix):
    writer = Writer(W, prefix)
    bind_rows(writer, upto)
    for i, o in enumerate(inputs):
        if o[0] in ("full", "column", "position"):
            writer.bind(Arg(i, o[2]), f"e{i}")
    writer.bind(Arg(STASH, acc), "stashed")
    return writer, [writer.write(e) for e in exprs]
def row_writer(exprs, upto, prefix):
    writer = Writer(N_ROW, prefix)
    bind_rows(writer, upto)
    writer.bind(Arg(RAW, acc), "raw")
    return writer, [writer.write(e) for e in exprs]
def loaded(reads):
    "Operands among what is read that differ from element to element."
    return [i for i in reads if i < STAT and inputs[i][0] not in ("row", "number")]
row_outs = [(k, o) for k, o in enumerate(outs) if o[0] == "row"]
full_outs = [(k, o) for k, o in enumerate(outs) if o[0] == "full"]
%>\
<%def name="load_vector(kind, name, dtype, held, pointer, index)">
% if W == 1:
                ${kind} ${name} = ${types.convert(types.load(dtype, pointer, index), dtype, held)};
% else:
% if whole:
                const ${types.register_type(dtype, W)} raw_${name} = ${types.load(dtype, pointer, index, W)};
% else:
                ${types.register_type(dtype, W)} raw_${name};
                if (lanes == ${W}) {
                    raw_${name} = ${types.load(dtype, pointer, index, W)};
                } else {
                    ${types.register_type(dtype)} part[${W}];
                    for (uint j = 0; j < ${W}; ++j)
                        part[j] = ${types.load(dtype, pointer, f"{index} + min(j, lanes - 1)")};
                    raw_${name} = vload${W}(0, part);
                }
% endif
                const ${kind} ${name} = ${types.convert(f"raw_{name}", dtype, held, W)};
% endif
</%def>\
<%def name="store_vector(dtype, pointer, index, value)">
% if W == 1:
                ${types.store(dtype, pointer, index, value)}
% elif whole:
                ${types.store(dtype, pointer, index, value, W)}
% else:
                if (lanes == ${W}) {
                    ${types.store(dtype, pointer, index, value, W)}
                } else {
                    ${types.register_type(dtype)} part[${W}];
                    vstore${W}(${value}, 0, part);
                    for (uint j = 0; j < lanes; ++j)
                        ${types.store(dtype, pointer, f"{index} + j", "part[j]")}
                }
% endif
</%def>\
<%def name="elements(used)">
% for i in used:
<% o = inputs[i] %>\
% if o[0] == "full":
${load_vector(f"{value_type(i, W)}", f"e{i}", o[1], o[2], f"x{i}", "at")}\
% elif o[0] == "column":
% if col:
                const ${value_type(i, W)} e${i} = (${value_type(i, W)})(${types.convert(types.load(o[1], f"x{i}", "r"), o[1], o[2])});
% else:
${load_vector(f"{value_type(i, W)}", f"e{i}", o[1], o[2], f"x{i}", "segment * n + r")}\
% endif
% elif o[0] == "position":
% if col or W == 1:
                const ${value_type(i, W)} e${i} = (${value_type(i, W)})((int)(${"r" if col else "segment * n + r"}));
% else:
                const ${value_type(i, W)} e${i} = (${value_type(i, W)})((int)(segment * n + r)) + (${value_type(i, W)})(${", ".join(map(str, range(W)))});
% endif
% endif
% endfor
</%def>\
<%def name="walk_open()">
% if col:
            for (${T} r = 0; r < n; ++r) {
                const ${T} at = base + r * inner;
% else:
            for (${T} segment = 0; segment < segments; ++segment)
            for (${T} r = ${"get_local_id(0)" if gpu_row else "0"}; r < n; r += ${L if gpu_row else W}) {
                const ${T} at = base + segment * segment_stride + r;
% if W > 1 and not whole:
                const uint lanes = (uint)min((${T})${W}, n - r);
% endif
% endif
</%def>\
__kernel __attribute__((reqd_work_group_size(${L}, 1, 1)))
void ${entry}(
% for i, o in enumerate(inputs):
% if o[0] == "number":
    const ${value_type(i, 1)} v${i},
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
% if col:
    const ${T} outer, const ${T} n, const ${T} inner${"," if spec.faults else ""}
% else:
    const ${T} rows, const ${T} segments, const ${T} n, const ${T} row_stride,
    const ${T} segment_stride${"," if spec.faults else ""}
% endif
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
% if gpu_row:
    __local ${one_t} shared[${L}];
    for (${T} row = get_group_id(0); row < rows; row += get_num_groups(0)) {
% else:
% if col:
    const ${T} vectors = (inner + ${W - 1}) / ${W};
    const ${T} tasks = outer * vectors;
% else:
    const ${T} tasks = rows;
% endif
% if W == 1:
    for (${T} task = get_global_id(0); task < tasks; task += get_global_size(0)) {
% else:
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} first_task = (${T})get_global_id(0) * share;
    const ${T} stop_task = min(tasks, first_task + share);
    for (${T} task = first_task; task < stop_task; ++task) {
% endif
% if col:
        const ${T} o = task / vectors, lane = (task % vectors) * ${W};
        const ${T} base = o * n * inner + lane;
        const ${T} row = o * inner + lane;
% if W > 1 and not whole:
        const uint lanes = (uint)min((${T})${W}, inner - lane);
% endif
% else:
        const ${T} row = task;
% endif
% endif
% if not col:
        const ${T} base = row * row_stride;
% endif
% for i, o in enumerate(inputs):
% if o[0] == "row":
% if col:
${load_vector(value_type(i, W), f"v{i}", o[1], o[2], f"x{i}", "row")}\
% else:
        const ${value_type(i, 1)} v${i} = ${types.convert(types.load(o[1], f"x{i}", "row"), o[1], o[2])};
% endif
% endif
% endfor
% if target is not None:
        for (uint j = 0; j < ${"1" if not col or W == 1 else W if whole else "lanes"}; ++j) {
            const long t = (long)x${target}[row + j];
            if (t != ignored && (t < 0 || t >= (long)n)) record_fault(fault_word, ${fault_code}, t);
        }
% endif
% for p, group in enumerate(passes):
<%
sums = any(s[0] == "sum" for s in group)
def part_of(k, u):
    "The accumulator of statistic k; several in turn, so that their additions overlap."
    return f"{'part' if group[k][0] == 'sum' else 'total'}{first_stat[p] + k}{f'_{u}' if u else ''}"
%>\
% for k in range(len(group)):
        ${acc_t} total${first_stat[p] + k} = ${identity(group[k][0], V)};
% for u in range(unroll):
% if group[k][0] == "sum" or u:
        ${acc_t} ${part_of(k, u)} = ${identity(group[k][0], V)};
% endif
% endfor
% endfor
        {
% if sums:
            uint beat = 0;
% endif
<%
writer, mapped = element_writer([s[1] for s in group], first_stat[p], f"p{p}_")
%>\
% if unroll > 1:
            for (${T} segment = 0; segment < segments; ++segment)
            for (${T} first = 0; first < n; first += ${W * unroll}) {
% else:
${walk_open()}\
% endif
% for u in range(unroll):
% if unroll > 1:
                {
                const ${T} r = first + ${u * W};
                const ${T} at = base + segment * segment_stride + r;
% endif
${elements(loaded(pass_reads[p]))}\
% for line in writer.lines:
                ${line}
% endfor
% for k, s in enumerate(group):
<% number = first_stat[p] + k %>\
                ${acc_t} m${number} = ${mapped[k]};
% if stash == number:
${store_vector(outs[0][1], "y0", "at", f"m{number}")}\
% endif
% if W > 1 and not col and not whole:
                if (lanes < ${W}) {
                    ${one_t} part[${W}];
                    vstore${W}(m${number}, 0, part);
                    for (uint j = lanes; j < ${W}; ++j) part[j] = ${identity(s[0], 1)};
                    m${number} = vload${W}(0, part);
                }
% endif
                ${part_of(k, u)} = ${fold(s[0], part_of(k, u), f"m{number}", V)};
% endfor
% if unroll > 1:
                }
% endif
% endfor
% if sums:
                // Sums of short stretches first: errors grow with the stretch, not with the row.
                if ((++beat & 63u) == 0) {
% for k, s in enumerate(group):
% if s[0] == "sum":
% for u in range(unroll):
                    total${first_stat[p] + k} += ${part_of(k, u)};
                    ${part_of(k, u)} = ${identity("sum", V)};
% endfor
% endif
% endfor
                }
% endif
            }
% for k, s in enumerate(group):
% for u in range(0 if s[0] == "sum" else 1, unroll):
            total${first_stat[p] + k} = ${fold(s[0], f"total{first_stat[p] + k}", part_of(k, u), V)};
% endfor
% endfor
        }
% for k, s in enumerate(group):
<% number = first_stat[p] + k %>\
        ${row_t} stat${number};
        {
% if gpu_row:
            barrier(CLK_LOCAL_MEM_FENCE);
            shared[get_local_id(0)] = total${number};
            for (uint half_size = ${L // 2}; half_size; half_size /= 2) {
                barrier(CLK_LOCAL_MEM_FENCE);
                if (get_local_id(0) < half_size)
                    shared[get_local_id(0)] = ${fold(s[0], "shared[get_local_id(0)]", "shared[get_local_id(0) + half_size]", 1)};
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            const ${row_t} raw = shared[0];
% elif col or W == 1:
            const ${row_t} raw = total${number};
% else:
<% wide, name = W // 2, f"total{number}" %>\
% if W == 16:
            // oclgrind takes .hi of a vector of 16 for unwritten.
            ${row_t} lanes16[16];
            vstore16(${name}, 0, lanes16);
            const ${types.register_type(acc, 8)} low8 = vload8(0, lanes16), high8 = vload8(1, lanes16);
            const ${types.register_type(acc, 8)} half8 = ${fold(s[0], "low8", "high8", 8)};
<% wide, name = 4, "half8" %>\
% endif
% while wide:
            const ${types.register_type(acc, wide)} half${wide} = ${fold(s[0], f"{name}.lo", f"{name}.hi", wide)};
<% name, wide = f"half{wide}", wide // 2 %>\
% endwhile
            const ${row_t} raw = half1;
% endif
<% writer, [value] = row_writer([s[2]], number, f"q{number}_") %>\
% for line in writer.lines:
            ${line}
% endfor
            stat${number} = ${value};
        }
% endfor
% endfor
% if row_outs:
% if gpu_row:
        if (get_local_id(0) == 0)
% endif
        {
<% writer, finals = row_writer([o[2] for _, o in row_outs], len(stats), "f") %>\
% for line in writer.lines:
            ${line}
% endfor
% for (k, o), value in zip(row_outs, finals):
% if col:
${store_vector(o[1], f"y{k}", "row", value)}\
% else:
            ${types.store(o[1], f"y{k}", "row", value)}
% endif
% endfor
        }
% endif
% if full_outs:
        {
<%
writer, finals = element_writer([o[2] for _, o in full_outs], len(stats), "o")
%>\
${walk_open()}\
${elements(loaded(out_reads))}\
% if STASH in out_reads:
${load_vector(acc_t, "stashed", outs[0][1], acc, "y0", "at")}\
% endif
% for line in writer.lines:
                ${line}
% endfor
% for (k, o), value in zip(full_outs, finals):
${store_vector(o[1], f"y{k}", "at", value)}\
% endfor
            }
        }
% endif
    }
}
