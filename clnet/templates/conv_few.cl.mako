## GPU class: convolutions with few rows (output channels of a group).  An item sums ``rows`` of them for ``strip``
## places one above the other; neighbouring items have neighbouring columns, so that reads are coalesced.
<%namespace name="part" file="matmul_epilogue.cl.mako"/>\
<%namespace name="stage" file="matmul_stage.cl.mako"/>\
<%
T = index_type
acc_t = types.register_type(accumulate)
load_a = lambda at: types.convert(types.load(a_dtype, "a", at), a_dtype, accumulate)
load_b = lambda at: types.convert(types.load(b_dtype, "b", at), b_dtype, accumulate)
extra = [f"x{i}" for i in range(len(extras))]
%>\
${stage.multiply_add()}\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(a_dtype)} *a, const ulong a_offset,
    __global const ${types.memory_type(b_dtype)} *b, const ulong b_offset,
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    ${part.arguments()}
) {
    ${part.add_offsets(["a", "b", "y"] + extra)}
    for (${T} task = get_global_id(0); task < tasks; task += get_global_size(0)) {
        ${T} rest = task;
        const ${T} i_w = rest % n_w; rest /= n_w;
        const ${T} i_h = rest % strips * ${strip}; rest /= strips;
        const ${T} i_d = rest % n_d; rest /= n_d;
        const ${T} image = rest % images; rest /= images;
        const ${T} row = rest % row_blocks * ${rows}; rest /= row_blocks;
        ${part.batch_offsets(["a", "b", "y"] + extra, "rest")}
        const ${T} u_d = i_d * n_step_d + n_origin_d, u_h = i_h * n_step_h + n_origin_h, u_w = i_w * n_step_w + n_origin_w;
% for i in range(rows):
        ${acc_t} ${", ".join(f"acc{i}_{v} = 0" for v in range(strip))};
        const ${T} row${i} = min(row + ${i}, M - 1) * a_m;
% endfor
        for (${T} c = 0; c < inner; ++c)
            for (${T} j_d = 0; j_d < k_d; ++j_d) {
                const ${T} q_d = u_d + j_d * k_step_d;
                if (q_d >= in_d)
                    continue;
                for (${T} j_h = 0; j_h < k_h; ++j_h) {
                    const ${T} q_h = u_h + j_h * k_step_h;
                    const ${T} b_from = b_at + image * n_outer + c * k_outer + q_d * b_d;
                    const ${T} a_from = a_at + c * a_outer + j_d * a_d + j_h * a_h;
                    for (${T} j_w = 0; j_w < k_w; ++j_w) {
                        const ${T} q_w = u_w + j_w * k_step_w;
                        if (q_w >= in_w)
                            continue;
% for i in range(rows):
                        const ${acc_t} a${i} = ${load_a(f"a_from + j_w * a_w + row{i}")};
% endfor
% for v in range(strip):
                        {
                            const ${T} q = q_h + ${v} * n_step_h;
                            const ${acc_t} value = q < in_h ? ${load_b("b_from + q * b_h + q_w * b_w")} : (${acc_t})0;
% for i in range(rows):
                            acc${i}_${v} = MATMUL_MAD(a${i}, value, acc${i}_${v});
% endfor
                        }
% endfor
                    }
                }
            }
        const ${T} to = image * y_outer + i_d * y_d + i_h * y_h + i_w * y_w;
% for i in range(rows):
% for v in range(strip):
        if (row + ${i} < M && i_h + ${v} < n_h)
            ${part.store_one(f"acc{i}_{v}", f"(row + {i})", f"(to + {v} * y_h)")}
% endfor
% endfor
    }
}
