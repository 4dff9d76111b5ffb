## unfold: columns of the windows of planes, zero outside; fold: sums of the columns' elements at
## their places.  Each work-item walks rows (CPU class) or elements of the result.
<%
T = index_type
acc_t = types.register_type(acc)
C = types.memory_type(dtype)
zero = f"({acc_t})(0)"
%>\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${C} *x, const ulong x_offset, __global ${C} *y, const ulong y_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    x += x_offset;
    y += y_offset;
    const ${T} workers = (${T})get_global_size(0);
% if rows:
    const ${T} share = (tasks + workers - 1) / workers;
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
        ${T} rest = task;
% else:
    for (${T} task = (${T})get_global_id(0); task < tasks; task += workers) {
        ${T} rest = task;
        const ${T} p_w = rest % ${"out_w" if kind == "unfold" else "in_w"}; rest /= ${"out_w" if kind == "unfold" else "in_w"};
% endif
% if kind == "unfold":
        const ${T} p_h = rest % out_h; rest /= out_h;
        const ${T} j = rest % tap_w; rest /= tap_w;
        const ${T} i = rest % tap_h; rest /= tap_h;
        const ${T} u_h = p_h * stride_h + i * dil_h - pad_h;
        const ${T} from = (rest / channels) * x_n + (rest % channels) * x_c + u_h * x_h;
        const bool row_inside = u_h >= 0 && u_h < in_h;
% else:
        const ${T} p_h = rest % in_h; rest /= in_h;
        const ${T} from = (rest / channels) * x_n, row_first = (rest % channels) * tap_h * tap_w;
% endif
% if rows:
        for (${T} p_w = 0; p_w < ${"out_w" if kind == "unfold" else "in_w"}; ++p_w) {
            const ${T} at = task * ${"out_w" if kind == "unfold" else "in_w"} + p_w;
% else:
        {
            const ${T} at = task;
% endif
            ${acc_t} value = ${zero};
% if kind == "unfold":
            const ${T} u_w = p_w * stride_w + j * dil_w - pad_w;
            if (row_inside && u_w >= 0 && u_w < in_w)
                value = ${types.convert(types.load(dtype, "x", "from + u_w * x_w"), dtype, acc)};
% else:
            for (${T} i = 0; i < tap_h; ++i) {
                const ${T} v_h = p_h + pad_h - i * dil_h;
                if (v_h < 0 || v_h % stride_h || v_h / stride_h >= out_h) continue;
                for (${T} j = 0; j < tap_w; ++j) {
                    const ${T} v_w = p_w + pad_w - j * dil_w;
                    if (v_w < 0 || v_w % stride_w || v_w / stride_w >= out_w) continue;
                    const ${T} block = (v_h / stride_h) * out_w + v_w / stride_w;
                    value ${"|=" if dtype is dt.bool_ else "+="} ${types.convert(types.load(dtype, "x", "from + (row_first + i * tap_w + j) * x_row + block * x_block"), dtype, acc)};
                }
            }
% endif
            ${types.store(dtype, "y", "at", types.convert("value", acc, dtype))}
        }
    }
}
