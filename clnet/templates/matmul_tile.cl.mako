## CPU class: a task is one panel of columns and a group of row tiles; a row tile is kept in
## `rows` x `vectors` vector registers, fed by one broadcast per row and `vectors` loads per k.
##
## Packed operands lie as [panel][k][row or column in the panel], filled up with zeros.  An
## unpacked b is read where it lies: its last panel is moved left to end at column N, and stores
## only the columns that the panel before lacks.  Rows of an unpacked a of a narrow type are widened
## `widen` elements at a time, since a broadcast that converts costs more than the products.
<%namespace name="part" file="matmul_epilogue.cl.mako"/>
<%
T = index_type
acc_t = types.register_type(accumulate, lanes)
one_t = types.register_type(accumulate)
width = vectors * lanes
def product(a, b, c):
    return f"fma({a}, {b}, {c})" if accumulate.is_floating_point else f"({a} * {b} + {c})"
%>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(${acc_t})))
void ${entry}(
    __global const ${types.memory_type(a_dtype)} *a, const ulong a_offset,
    __global const ${types.memory_type(b_dtype)} *b, const ulong b_offset,
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    ${part.arguments()}
) {
    ${part.add_offsets(["a", "b", "y"] + [f"x{i}" for i in range(len(extras))])}
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
        ${T} rest = task;
        const ${T} group = rest % groups; rest /= groups;
        const ${T} panel = rest % panels; rest /= panels;
% if split:
        const ${T} piece = rest % splits; rest /= splits;
        const ${T} k_first = min(K, piece * depth), k_stop = min(K, k_first + depth);
% else:
        const ${T} k_first = 0, k_stop = K;
% endif
        ${part.batch_offsets(["a", "b"] + [f"x{i}" for i in range(len(extras))], "rest")}
        const ${T} y_at = ${" + ".join([f"i{d} * y_b{d}" for d in range(batch_rank)] + (["piece * split_step"] if split else [])) or "0"};
        const ${T} n_first = panel * ${width};
% if pack_b:
        const ${T} n = n_first;
        __global const ${types.memory_type(b_dtype)} *b_panel = b + b_at + panel * K * ${width} + k_first * ${width};
% else:
        const ${T} n = min(n_first, N - ${width});
        __global const ${types.memory_type(b_dtype)} *b_panel = b + b_at + n + k_first * b_m;
% endif
        const ${T} tile_stop = min(tiles, (group + 1) * group_tiles);
        for (${T} tile = group * group_tiles; tile < tile_stop; ++tile) {
            const ${T} m = tile * ${rows};
            __global const ${types.memory_type(b_dtype)} *b_row = b_panel;
% if pack_a:
            __global const ${types.memory_type(a_dtype)} *a_column = a + a_at + tile * K * ${rows} + k_first * ${rows};
% else:
            __global const ${types.memory_type(a_dtype)} *a_column = a + a_at + m * a_m + k_first * a_n;
% for i in range(rows):
            const ${T} r${i} = ${f"min(({T}){i}, M - 1 - m) * a_m" if i else "0"};
% endfor
% endif
% for i in range(rows):
% for j in range(vectors):
            ${acc_t} acc_${i}_${j} = (${acc_t})(0);
% endfor
% endfor
% if widen:
            ${one_t} wide[${rows * widen}];
            for (${T} k_here = k_first; k_here < k_stop; k_here += ${widen}) {
                const uint stretch = (uint)min((${T})${widen}, k_stop - k_here);
                if (stretch == ${widen}) {
% for i in range(rows):
% for k in range(0, widen, lanes):
                    vstore${lanes}(${types.convert(types.load(a_dtype, "a_column", f"r{i} + {k}", lanes), a_dtype, accumulate, lanes)}, 0, wide + ${i * widen + k});
% endfor
% endfor
                } else
                    for (uint k = 0; k < stretch; ++k) {
% for i in range(rows):
                        wide[${i * widen} + k] = ${types.convert(types.load(a_dtype, "a_column", f"r{i} + k"), a_dtype, accumulate)};
% endfor
                    }
                a_column += stretch;
                for (uint k = 0; k < stretch; ++k) {
% else:
            {
                for (${T} k = k_first; k < k_stop; ++k) {
% endif
% for j in range(vectors):
                    const ${acc_t} b${j} = ${types.convert(types.load(b_dtype, "b_row", str(j * lanes), lanes), b_dtype, accumulate, lanes)};
% endfor
% for i in range(rows):
                    const ${acc_t} a${i} = (${acc_t})(${f"wide[{i * widen} + k]" if widen else types.convert(types.load(a_dtype, "a_column", str(i) if pack_a else f"r{i}"), a_dtype, accumulate)});
% for j in range(vectors):
                    acc_${i}_${j} = ${product(f"a{i}", f"b{j}", f"acc_{i}_{j}")};
% endfor
% endfor
                    b_row += ${width if pack_b else "b_m"};
% if not widen:
                    a_column += ${rows if pack_a else "a_n"};
% endif
                }
            }
            const ${acc_t} sums[${rows * vectors}] = {
                ${", ".join(f"acc_{i}_{j}" for i in range(rows) for j in range(vectors))}};
            const ${T} rows_here = min((${T})${rows}, M - m);
            for (${T} i = 0; i < rows_here; ++i)
                for (${T} j = 0; j < ${vectors}; ++j) {
                    const ${T} column = n + j * ${lanes};
                    ${part.store_lanes(f"sums[i * {vectors} + j]", "m + i", "column", "n_first", "N")}
                }
        }
    }
}
