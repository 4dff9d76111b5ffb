## GPU class: a work-group of edge x edge items computes a tile of the result, each item a square
## of it; tiles of both factors pass through local memory, read coalesced along their unit stride.
<%namespace name="part" file="matmul_epilogue.cl.mako"/>
<%
T = index_type
acc_t = types.register_type(accumulate)
R = tile // edge
items = edge * edge
lane_step = tile + 1
def product(a, b, c):
    return f"MATMUL_MAD({a}, {b}, {c})" if accumulate.is_floating_point else f"({a} * {b} + {c})"
fast = "FP_FAST_FMA" + ("F" if accumulate.itemsize == 4 else "")
%>\
#undef MATMUL_MAD
#ifdef ${fast}
#define MATMUL_MAD(a, b, c) fma(a, b, c)
#else
#define MATMUL_MAD(a, b, c) ((a) * (b) + (c))
#endif
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(a_dtype)} *a, const ulong a_offset,
    __global const ${types.memory_type(b_dtype)} *b, const ulong b_offset,
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    ${part.arguments()}
) {
    __local ${acc_t} a_tile[${tile_k * lane_step}], b_tile[${tile_k * lane_step}];
    ${part.add_offsets(["a", "b", "y"] + [f"x{i}" for i in range(len(extras))])}
    const uint item = get_local_id(0);
    const uint item_m = item / ${edge}, item_n = item % ${edge};
    ${T} rest = get_group_id(0);
    const ${T} n = (rest % tiles_n) * ${tile}; rest /= tiles_n;
    const ${T} m = (rest % tiles_m) * ${tile}; rest /= tiles_m;
    const ${T} split = rest % splits; rest /= splits;
    ${part.batch_offsets(["a", "b"] + [f"x{i}" for i in range(len(extras))], "rest")}
    const ${T} y_at = ${" + ".join([f"i{d} * y_b{d}" for d in range(batch_rank)] + ["split * split_step"])};
    const ${T} k_first = min(K, split * depth), k_stop = min(K, k_first + depth);
    ${acc_t} acc[${R}][${R}];
% for i in range(R):
% for j in range(R):
    acc[${i}][${j}] = 0;
% endfor
% endfor
    for (${T} k = k_first; k < k_stop; k += ${tile_k}) {
        for (uint e = item; e < ${tile * tile_k}; e += ${items}) {
% if a_along_k:
            const uint kk = e % ${tile_k}, r = e / ${tile_k};
% else:
            const uint kk = e / ${tile}, r = e % ${tile};
% endif
            a_tile[kk * ${lane_step} + r] = m + r < M && k + kk < k_stop
                ? ${types.convert(types.load(a_dtype, "a", "a_at + (m + r) * a_m + (k + kk) * a_n"), a_dtype, accumulate)} : (${acc_t})0;
        }
        for (uint e = item; e < ${tile * tile_k}; e += ${items}) {
% if b_along_k:
            const uint kk = e % ${tile_k}, r = e / ${tile_k};
% else:
            const uint kk = e / ${tile}, r = e % ${tile};
% endif
            b_tile[kk * ${lane_step} + r] = n + r < N && k + kk < k_stop
                ? ${types.convert(types.load(b_dtype, "b", "b_at + (k + kk) * b_m + (n + r) * b_n"), b_dtype, accumulate)} : (${acc_t})0;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint kk = 0; kk < ${tile_k}; ++kk) {
% for i in range(R):
            const ${acc_t} a${i} = a_tile[kk * ${lane_step} + item_m + ${i * edge}];
            const ${acc_t} b${i} = b_tile[kk * ${lane_step} + item_n + ${i * edge}];
% endfor
% for i in range(R):
% for j in range(R):
            acc[${i}][${j}] = ${product(f"a{i}", f"b{j}", f"acc[{i}][{j}]")};
% endfor
% endfor
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (uint i = 0; i < ${R}; ++i)
        for (uint j = 0; j < ${R}; ++j) {
            const ${T} row = m + item_m + i * ${edge}, column = n + item_n + j * ${edge};
            if (row < M && column < N)
                ${part.store_one("acc[i][j]", "row", "column")}
        }
}
