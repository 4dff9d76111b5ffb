## Pooling over planes.  Each work-item walks rows (CPU class) or elements of the result.
##
## max: largest element of a window and its flat index; mean: the window's mean; spread: the adjoint
## of the mean; route: each input adds the elements whose index names it; take: the reverse.
<%
T = index_type
dtype = dtypes[0]
acc_t = types.register_type(accumulate)
axes = "dhw"
floating = accumulate.is_floating_point
low = {"int32": "INT_MIN", "int64": "LONG_MIN"}.get(accumulate.name, "(-INFINITY)")
backward = kind in ("spread", "route")
place = "in" if backward else "out"
%>\
<%def name="window(axis, p)">
## Bounds of window p of one axis within the input, and its padded length.
% if adaptive:
    const ${index_type} first_${axis} = (${index_type})((long)${p} * in_${axis} / out_${axis});
    const ${index_type} stop_${axis} = (${index_type})((((long)${p} + 1) * in_${axis} + out_${axis} - 1) / out_${axis});
    const ${index_type} length_${axis} = stop_${axis} - first_${axis};
% else:
    const ${index_type} begin_${axis} = ${p} * stride_${axis} - pad_${axis};
    const ${index_type} length_${axis} = min(begin_${axis} + tap_${axis}, in_${axis} + pad_${axis}) - begin_${axis};
    const ${index_type} first_${axis} = begin_${axis} < 0 ? begin_${axis} + (-begin_${axis} + dil_${axis} - 1) / dil_${axis} * dil_${axis} : begin_${axis};
    const ${index_type} stop_${axis} = min(begin_${axis} + (tap_${axis} - 1) * dil_${axis} + 1, in_${axis});
% endif
</%def>
<%def name="divide(value, axes)">
% if has_divisor:
    ${value} / (${acc_t})divisor
% elif include_pad or adaptive:
    ${value} / (${acc_t})(${" * ".join(f"length_{a}" for a in axes)})
% else:
    ${value} / (${acc_t})(${" * ".join(f"(stop_{a} - first_{a})" for a in axes)})
% endif
</%def>
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(dtype)} *x, const ulong x_offset,
% if len(dtypes) > 1:
    __global const long *index, const ulong index_offset,
% endif
    __global ${types.memory_type(dtype)} *y, const ulong y_offset,
% if kind == "max":
    __global long *yi, const ulong yi_offset,
% endif
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
% for name, value in fixed:
    const ${T} ${name} = ${value};
% endfor
    x += x_offset;
    y += y_offset;
% if len(dtypes) > 1:
    index += index_offset;
% endif
% if kind == "max":
    yi += yi_offset;
% endif
    const ${T} workers = (${T})get_global_size(0);
% if scatter:
    // A task owns a plane: what each window gives is added where it belongs, window after window.
    const ${T} share = (tasks + workers - 1) / workers;
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
        __global ${types.memory_type(dtype)} *plane = y + task * in_d * in_h * in_w;
        for (${T} at = 0; at < in_d * in_h * in_w; ++at) plane[at] = 0;
        const ${T} x_at = (task / channels) * x_n + (task % channels) * x_c;
% if kind == "route":
        const ${T} i_at = (task / channels) * i_n + (task % channels) * i_c;
% endif
        for (${T} q_d = 0; q_d < out_d; ++q_d) {
% if kind == "spread":
            ${window("d", "q_d")}
% endif
            for (${T} q_h = 0; q_h < out_h; ++q_h) {
% if kind == "spread":
                ${window("h", "q_h")}
% endif
                for (${T} q_w = 0; q_w < out_w; ++q_w) {
                    const ${acc_t} part = x[x_at + q_d * x_d + q_h * x_h + q_w * x_w];
% if kind == "route":
                    plane[(${T})index[i_at + q_d * i_d + q_h * i_h + q_w * i_w]] += part;
% else:
                    ${window("w", "q_w")}
                    const ${acc_t} value = ${divide("part", axes)};
                    for (${T} u_d = first_d; u_d < stop_d; ++u_d)
                        for (${T} u_h = first_h; u_h < stop_h; ++u_h)
                            for (${T} u_w = first_w; u_w < stop_w; ++u_w)
                                plane[(u_d * in_h + u_h) * in_w + u_w] += value;
% endif
                }
            }
        }
    }
}
% else:
% if rows:
    const ${T} share = (tasks + workers - 1) / workers;
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
        ${T} rest = task;
% else:
    for (${T} task = (${T})get_global_id(0); task < tasks; task += workers) {
        ${T} rest = task;
        const ${T} p_w = rest % ${place}_w; rest /= ${place}_w;
% endif
        const ${T} p_h = rest % ${place}_h; rest /= ${place}_h;
        const ${T} p_d = rest % ${place}_d; rest /= ${place}_d;
        const ${T} n = rest / channels, c = rest % channels;
        const ${T} x_at = n * x_n + c * x_c;
% if len(dtypes) > 1:
        const ${T} i_at = n * i_n + c * i_c;
% endif
% if kind in ("max", "mean"):
        ${window("d", "p_d")}
        ${window("h", "p_h")}
% elif tiled:
        const ${T} q_d = p_d / stride_d, q_h = p_h / stride_h;
        const bool covered = q_d < out_d && q_h < out_h;
        const ${T} q_row = q_d * x_d + q_h * x_h;
% if kind == "route":
        const ${T} i_row = q_d * i_d + q_h * i_h;
% endif
% elif backward:
% for axis in "dh":
        ${covering(axis)}
% endfor
% endif
% if rows:
        for (${T} p_w = 0; p_w < ${place}_w; ++p_w) {
            const ${T} at = task * ${place}_w + p_w;
% if vector:
            // Neighbouring windows that lie within the row are walked together.
            const ${T} start = p_w * stride_w - pad_w;
            if (x_w == 1 && start >= 0 && start + (tap_w - 1) * dil_w + ${vector} * stride_w <= in_w && p_w + ${vector} <= out_w) {
                const int${vector} lane = (int${vector})(${", ".join(map(str, range(vector)))}) * stride_w;
                float${vector} value = -INFINITY;
                int${vector} best = lane + ((first_d * in_h + first_h) * in_w + start);
                for (${T} u_d = first_d; u_d < stop_d; u_d += dil_d)
                    for (${T} u_h = first_h; u_h < stop_h; u_h += dil_h)
                        for (${T} r = 0; r < tap_w; ++r) {
                            const ${T} from = x_at + u_d * x_d + u_h * x_h + start + r * dil_w;
% if dict(fixed)["stride_w"] == 1:
                            const float${vector} candidate = ${types.load(dtype, "x", "from", vector)};
% else:
                            const float${2 * vector} both = ${types.load(dtype, "x", "from", 2 * vector)};
                            const float${vector} candidate = both.even;
% endif
                            const int${vector} better = (candidate > value) | (candidate != candidate);
                            value = select(value, candidate, better);
                            best = select(best, lane + ((u_d * in_h + u_h) * in_w + start + r * dil_w), better);
                        }
                ${types.store(dtype, "y", "at", "value", vector)}
                vstore${vector}(convert_long${vector}(best), 0, yi + at);
                p_w += ${vector - 1};
                continue;
            }
% endif
% else:
        {
            const ${T} at = task;
% endif
% if kind == "take":
            ${T} from = (${T})index[i_at + p_d * i_d + p_h * i_h + p_w * i_w];
            const ${T} u_w = from % in_w; from /= in_w;
            const ${acc_t} value = ${types.convert(types.load(dtype, "x", "x_at + (from / in_h) * x_d + (from % in_h) * x_h + u_w * x_w"), dtype, accumulate)};
% elif kind == "max":
            ${window("w", "p_w")}
            ${acc_t} value = ${low};
            ${T} best = (first_d * in_h + first_h) * in_w + first_w;
            for (${T} u_d = first_d; u_d < stop_d; u_d += ${"1" if adaptive else "dil_d"})
                for (${T} u_h = first_h; u_h < stop_h; u_h += ${"1" if adaptive else "dil_h"})
                    for (${T} u_w = first_w; u_w < stop_w; u_w += ${"1" if adaptive else "dil_w"}) {
                        const ${acc_t} candidate = ${types.convert(types.load(dtype, "x", "x_at + u_d * x_d + u_h * x_h + u_w * x_w"), dtype, accumulate)};
                        const bool better = candidate > value${" || candidate != candidate" if floating else ""};
                        value = better ? candidate : value;
                        best = better ? (u_d * in_h + u_h) * in_w + u_w : best;
                    }
            yi[at] = best;
% elif kind == "mean":
            ${window("w", "p_w")}
            ${acc_t} value = 0;
            for (${T} u_d = first_d; u_d < stop_d; ++u_d)
                for (${T} u_h = first_h; u_h < stop_h; ++u_h)
                    for (${T} u_w = first_w; u_w < stop_w; ++u_w)
                        value += ${types.convert(types.load(dtype, "x", "x_at + u_d * x_d + u_h * x_h + u_w * x_w"), dtype, accumulate)};
            value = ${divide("value", axes)};
% elif tiled:
            // Windows side by side: one at most covers this position.
            const ${T} q_w = p_w / stride_w;
            ${acc_t} value = 0;
            if (covered && q_w < out_w) {
                const ${acc_t} part = ${types.convert(types.load(dtype, "x", "x_at + q_row + q_w * x_w"), dtype, accumulate)};
% if kind == "route":
                value = index[i_at + i_row + q_w * i_w] == ((long)p_d * in_h + p_h) * in_w + p_w ? part : 0;
% else:
                value = part / (${acc_t})${"divisor" if has_divisor else "(tap_d * tap_h * tap_w)"};
% endif
            }
% else:
            ${covering("w")}
            ${acc_t} value = 0;
% if kind == "route":
            const long self = ((long)p_d * in_h + p_h) * in_w + p_w;
% endif
% for axis in axes:
            for (${T} q_${axis} = low_${axis}; q_${axis} < high_${axis}; ++q_${axis}) {
% if kind == "spread":
                ${window(axis, f"q_{axis}")}
% endif
% endfor
                const ${acc_t} part = ${types.convert(types.load(dtype, "x", "x_at + q_d * x_d + q_h * x_h + q_w * x_w"), dtype, accumulate)};
% if kind == "route":
                if (index[i_at + q_d * i_d + q_h * i_h + q_w * i_w] == self) value += part;
% else:
                value += ${divide("part", axes)};
% endif
            }}}
% endif
            ${types.store(dtype, "y", "at", types.convert("value", accumulate, dtype))}
        }
    }
}
% endif
<%def name="covering(axis)">
## Windows low up to high cover position p of one axis (with dilation, they may).
% if adaptive:
        const ${index_type} low_${axis} = (${index_type})((long)p_${axis} * out_${axis} / in_${axis});
        const ${index_type} high_${axis} = min(out_${axis}, (${index_type})((((long)p_${axis} + 1) * out_${axis} + in_${axis} - 1) / in_${axis}));
% else:
        const ${index_type} reach_${axis} = p_${axis} + pad_${axis} - (tap_${axis} - 1) * dil_${axis};
        const ${index_type} low_${axis} = reach_${axis} > 0 ? (reach_${axis} + stride_${axis} - 1) / stride_${axis} : 0;
        const ${index_type} high_${axis} = min(out_${axis}, (p_${axis} + pad_${axis}) / stride_${axis} + 1);
% endif
</%def>
