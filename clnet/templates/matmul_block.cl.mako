## GPU class: a work-group computes a tile of the result, each item a block of it in registers; tiles of
## both factors pass through two buffers in local memory, so that the next is read while one is used.
<%namespace name="part" file="matmul_epilogue.cl.mako"/>\
<%namespace name="stage" file="matmul_stage.cl.mako"/>\
<%
T = index_type
V = lanes
acc_t = types.register_type(accumulate)
vec_t = types.register_type(accumulate, V)
groups_m, groups_n = tile_m // rows, tile_n // columns
load_a = lambda at, w: types.convert(types.load(a_dtype, "a", at, w), a_dtype, accumulate, w)
load_b = lambda at, w: types.convert(types.load(b_dtype, "b", at, w), b_dtype, accumulate, w)
def put(tile):
    return lambda r, kk, value: f"((__local {acc_t} *){tile}[step & 1][{kk}])[{r}] = {value};"
def put_vector(tile, order):
    return None if order in ("k", "gather") else lambda r, kk, value: f"{tile}[step & 1][{kk}][{r} / {V}] = {value};"
%>\
${stage.multiply_add()}\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(a_dtype)} *a, const ulong a_offset,
    __global const ${types.memory_type(b_dtype)} *b, const ulong b_offset,
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    ${part.arguments()}
) {
    // One more vector to a row spreads the writes of columns over the banks.
    __local ${vec_t} a_tile[2][${tile_k}][${tile_m // V + 1}];
    __local ${vec_t} b_tile[2][${tile_k}][${tile_n // V + 1}];
${stage.tables()}\
    ${part.add_offsets(["a", "b", "y"] + [f"x{i}" for i in range(len(extras))])}
    const uint item = get_local_id(0);
    const uint item_m = item / ${groups_n}, item_n = item % ${groups_n};
${stage.place()}\
    ${part.batch_offsets(["a", "b"] + [f"x{i}" for i in range(len(extras))], "rest")}
${stage.place_k()}\
${stage.begin_windows()}\
${stage.hold("a", a_order, tile_m, acc_t)}\
${stage.hold("b", b_order, tile_n, acc_t)}\
% for i in range(rows):
    ${vec_t} ${", ".join(f"acc{i}_{j} = ({vec_t})(0)" for j in range(columns // V))};
% endfor
    // In each round one tile is read from global memory, the one before is used, and the read one written
    // to the buffer that was used a round earlier.
    for (uint step = 0; step <= steps; ++step) {
        const ${T} k = k_first + step * ${tile_k};
        if (step < steps) {
${stage.fetch("a", a_order, tile_m, acc_t, load_a)}\
${stage.fetch("b", b_order, tile_n, acc_t, load_b)}\
${stage.turn_windows(f"k + {tile_k}", "(step + 1) & 1")}\
        }
        if (step > 0)
            for (uint kk = 0; kk < ${tile_k}; ++kk) {
% for c in range(rows // V):
                const ${vec_t} a${c} = a_tile[(step - 1) & 1][kk][item_m + ${c * groups_m}];
% endfor
% for c in range(columns // V):
                const ${vec_t} b${c} = b_tile[(step - 1) & 1][kk][item_n + ${c * groups_n}];
% endfor
% for i in range(rows):
% for j in range(columns // V):
                acc${i}_${j} = MATMUL_MAD((${vec_t})(a${i // V}.s${i % V}), b${j}, acc${i}_${j});
% endfor
% endfor
            }
        if (step < steps) {
${stage.deposit("a", a_order, tile_m, put("a_tile"), put_vector("a_tile", a_order))}\
${stage.deposit("b", b_order, tile_n, put("b_tile"), put_vector("b_tile", b_order))}\
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
% for i in range(rows):
    {
        const ${T} row = m + (item_m + ${i // V * groups_m}) * ${V} + ${i % V};
        if (row < M) {
% for j in range(columns // V):
            const ${T} column${j} = n + (item_n + ${j * groups_n}) * ${V};
            ${part.store_lanes(f"acc{i}_{j}", "row", f"column{j}", "n", "N")}
% endfor
        }
    }
% endfor
}
