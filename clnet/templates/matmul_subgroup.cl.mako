## GPU class: a subgroup computes ``rows`` rows of the result by ``columns`` times its lanes.  Lanes hold
## consecutive k of each row of a, which are broadcast; b is read along its rows.  No local memory.
<%namespace name="part" file="matmul_epilogue.cl.mako"/>\
<%namespace name="stage" file="matmul_stage.cl.mako"/>\
<%namespace name="group" file="subgroup.cl.mako"/>\
<%
T = index_type
acc_t = types.register_type(accumulate)
def load(dtype, name, at):
    return types.convert(types.load(dtype, name, at), dtype, accumulate)
%>\
${group.extension()}\
${stage.multiply_add()}\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1))) ${group.attribute()}
void ${entry}(
    __global const ${types.memory_type(a_dtype)} *a, const ulong a_offset,
    __global const ${types.memory_type(b_dtype)} *b, const ulong b_offset,
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    ${part.arguments()}
) {
% if not native:
    __local ${acc_t} shared[${tile_m}][${subgroup}];
% endif
    ${part.add_offsets(["a", "b", "y"] + [f"x{i}" for i in range(len(extras))])}
${group.position()}\
${stage.place()}\
    ${part.batch_offsets(["a", "b"] + [f"x{i}" for i in range(len(extras))], "rest")}
${stage.place_k()}\
    const ${T} row = m + sub * ${rows}, column = n + lane;
% for i in range(rows):
    ${acc_t} ${", ".join(f"acc{i}_{j} = 0" for j in range(columns))};
% endfor
    for (uint step = 0; step < steps; ++step) {
        const ${T} k = k_first + step * ${tile_k};
% for i in range(rows):
        const ${acc_t} a${i} = row + ${i} < M && k + lane < k_stop
            ? ${load(a_dtype, "a", f"a_at + (row + {i}) * a_m + (k + lane) * a_n")} : (${acc_t})0;
% endfor
% if not native:
        barrier(CLK_LOCAL_MEM_FENCE);
% for i in range(rows):
        shared[sub * ${rows} + ${i}][lane] = a${i};
% endfor
        barrier(CLK_LOCAL_MEM_FENCE);
% endif
        const uint stop = min((${T})${tile_k}, k_stop - k);
        for (uint kk = 0; kk < stop; ++kk) {
% for j in range(columns):
            const ${acc_t} b${j} = column + ${j * subgroup} < N
                ? ${load(b_dtype, "b", f"b_at + (k + kk) * b_m + (column + {j * subgroup}) * b_n")} : (${acc_t})0;
% endfor
% for i in range(rows):
            {
                const ${acc_t} a_kk = ${f"sub_group_broadcast(a{i}, kk)" if native else f"shared[sub * {rows} + {i}][kk]"};
% for j in range(columns):
                acc${i}_${j} = MATMUL_MAD(a_kk, b${j}, acc${i}_${j});
% endfor
            }
% endfor
        }
    }
% for i in range(rows):
    if (row + ${i} < M) {
% for j in range(columns):
        if (column + ${j * subgroup} < N)
            ${part.store_one(f"acc{i}_{j}", f"row + {i}", f"column + {j * subgroup}")}
% endfor
    }
% endfor
}
