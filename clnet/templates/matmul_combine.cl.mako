## Adds the partial sums of a split product and applies the epilogue.
<%namespace name="part" file="matmul_epilogue.cl.mako"/>
<%
T = index_type
acc_t = types.register_type(accumulate, lanes)
one_t = types.register_type(accumulate)
%>\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${one_t} *t, const ulong t_offset,
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    ${part.arguments()}
) {
    ${part.add_offsets(["t", "y"] + [f"x{i}" for i in range(len(extras))])}
    for (${T} task = get_global_id(0); task < tasks; task += get_global_size(0)) {
        const ${T} n = (task % vectors) * ${lanes};
        ${T} rest = task / vectors;
        const ${T} m = rest % M; rest /= M;
        ${part.batch_offsets(["t", "y"] + [f"x{i}" for i in range(len(extras))], "rest")}
        __global const ${one_t} *from = t + t_at + m * t_m + n;
% if lanes > 1:
        ${acc_t} sum = (${acc_t})(0);
        if (n + ${lanes} <= N)
            for (${T} i = 0; i < splits; ++i)
                sum += vload${lanes}(0, from + i * split_step);
        else {
            ${one_t} part[${lanes}];
            for (${T} l = 0; l < ${lanes}; ++l) {
                part[l] = 0;
                for (${T} i = 0; n + l < N && i < splits; ++i)
                    part[l] += from[i * split_step + l];
            }
            sum = vload${lanes}(0, part);
        }
        ${part.store_lanes("sum", "m", "n", "n", "N")}
% else:
        ${one_t} sum = 0;
        for (${T} i = 0; i < splits; ++i)
            sum += from[i * split_step];
        ${part.store_one("sum", "m", "n")}
% endif
    }
}
