## CPU class: few rows, both factors contiguous along k.  A task is a tile of rows x columns inner
## products, lanes along k, whose sums stay in registers.
<%namespace name="part" file="matmul_epilogue.cl.mako"/>
<%
T = index_type
V = lanes
acc_t = types.register_type(accumulate, V)
one_t = types.register_type(accumulate)
def product(a, b, c):
    return f"fma({a}, {b}, {c})" if accumulate.is_floating_point else f"({a} * {b} + {c})"
tile = [(i, j) for i in range(rows) for j in range(columns)]
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
        const ${T} m = (rest % m_tiles) * ${rows}; rest /= m_tiles;
        const ${T} n = (rest % n_tiles) * ${columns}; rest /= n_tiles;
        const ${T} piece = rest % splits; rest /= splits;
        const ${T} k_first = min(K, piece * depth), k_stop = min(K, k_first + depth);
        ${part.batch_offsets(["a", "b"] + [f"x{i}" for i in range(len(extras))], "rest")}
        const ${T} y_at = ${" + ".join([f"i{d} * y_b{d}" for d in range(batch_rank)] + ["piece * split_step"])};
% for i in range(rows):
        __global const ${types.memory_type(a_dtype)} *a${i} = a + a_at + min(m + ${i}, M - 1) * a_m;
% endfor
% for j in range(columns):
        __global const ${types.memory_type(b_dtype)} *b${j} = b + b_at + min(n + ${j}, N - 1) * b_n;
% endfor
% for u in range(unroll):
% for i, j in tile:
        ${acc_t} acc_${i}_${j}_${u} = (${acc_t})(0);
% endfor
% endfor
        ${T} k = k_first;
        for (; k + ${unroll * V} <= k_stop; k += ${unroll * V}) {
% for u in range(unroll):
% for j in range(columns):
            const ${acc_t} q${j}_${u} = ${types.convert(types.load(b_dtype, f"b{j}", f"k + {u * V}", V), b_dtype, accumulate, V)};
% endfor
% for i in range(rows):
            const ${acc_t} p${i}_${u} = ${types.convert(types.load(a_dtype, f"a{i}", f"k + {u * V}", V), a_dtype, accumulate, V)};
% for j in range(columns):
            acc_${i}_${j}_${u} = ${product(f"p{i}_{u}", f"q{j}_{u}", f"acc_{i}_{j}_{u}")};
% endfor
% endfor
% endfor
        }
        ${acc_t} sums[${rows * columns}] = {
            ${", ".join(" + ".join(f"acc_{i}_{j}_{u}" for u in range(unroll)) for i, j in tile)}};
        for (; k < k_stop; ++k) {
% for i, j in tile:
            sums[${i * columns + j}].s0 = ${product(types.convert(types.load(a_dtype, f"a{i}", "k"), a_dtype, accumulate), types.convert(types.load(b_dtype, f"b{j}", "k"), b_dtype, accumulate), f"sums[{i * columns + j}].s0")};
% endfor
        }
        for (${T} i = 0; i < ${rows}; ++i)
            for (${T} j = 0; j < ${columns}; ++j)
                if (m + i < M && n + j < N) {
% if V == 16:
                    ${one_t} half_sums[16];  // oclgrind takes .hi for unwritten
                    vstore16(sums[i * ${columns} + j], 0, half_sums);
                    const ${one_t}8 s8 = vload8(0, half_sums) + vload8(1, half_sums);
% else:
                    const ${one_t}8 s8 = sums[i * ${columns} + j];
% endif
                    const ${one_t}4 s4 = s8.lo + s8.hi;
                    const ${one_t}2 s2 = s4.lo + s4.hi;
                    const ${one_t} sum = s2.x + s2.y;
                    ${part.store_one("sum", "m + i", "n + j")}
                }
    }
}
