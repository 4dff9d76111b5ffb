## CPU class: windows over laid planes.  A task is `rows` output channels by a few vectors of
## neighbouring outputs of one image, in registers; each tap of each input channel costs one
## broadcast per row and one load per vector.
##
## Vectors cover each output row by itself, or (`flat`) run on over the padded rows.
<%
T = index_type
V = lanes
acc_t = types.register_type(accumulate, V)
one_t = types.register_type(accumulate)
Q = row_vectors_count
def product(a, b, c):
    return f"fma({a}, {b}, {c})" if accumulate.is_floating_point else f"({a} * {b} + {c})"
axes = "dhw"
%>\
<%def name="tap_start(axis)">\
% if phased:
                ${index_type} s_${axis} = 0, p_${axis} = 0;
% endif
</%def>\
<%def name="tap_next(axis)">\
% if phased:
                    s_${axis} += shift_${axis}; p_${axis} += turn_${axis};
                    if (p_${axis} >= phases_${axis}) { p_${axis} -= phases_${axis}; ++s_${axis}; }
% endif
</%def>\
<%
def tap_offset(axis, i):
    pitch = {"d": " * pitch_d", "h": " * pitch_h", "w": ""}[axis]
    if phased:
        return f"p_{axis} * phase_step_{axis} + s_{axis}{pitch}"
    return f"{i} * shift_{axis}{pitch}"
%>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(${acc_t})))
void ${entry}(
    __global const ${one_t} *x, const ulong x_offset,
    __global const ${one_t} *w, const ulong w_offset,
% if bias is not None:
    __global const ${types.memory_type(bias)} *bias, const ulong bias_offset,
% endif
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    x += x_offset;
    w += w_offset;
    y += y_offset;
% if bias is not None:
    bias += bias_offset;
% endif
    const ${T} taps = tap_d * tap_h * tap_w;
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
        ${T} rest = task;
% if tile_outer:
        const ${T} vector_first = (rest % vector_tiles) * ${Q}; rest /= vector_tiles;
        const ${T} images = tasks / (vector_tiles * tiles * groups);
        const ${T} n = rest % images; rest /= images;
        const ${T} tile = rest % tiles, group = rest / tiles;
% else:
        const ${T} tile = rest % tiles; rest /= tiles;
        const ${T} vector_first = (rest % vector_tiles) * ${Q}; rest /= vector_tiles;
        const ${T} group = rest % groups, n = rest / groups;
% endif
        __global const ${one_t} *image = x + (n * groups + group) * inner * plane;
% for j in range(Q):
        const ${T} v${j} = min(vector_first + ${j}, vectors - 1);
% if flat:
        const ${T} x${j} = v${j} * ${V};
% else:
        const ${T} line${j} = v${j} / row_vectors, column${j} = (v${j} % row_vectors) * ${V};
        const ${T} x${j} = (line${j} / out_h) * pitch_d + (line${j} % out_h) * pitch_h + column${j};
% endif
% endfor
        __global const ${one_t} *weights = w + (group * tiles + tile) * inner * taps * ${rows};
        const ${T} row_first = tile * ${rows}, rows_here = min((${T})${rows}, out - row_first);
% for i in range(rows):
% if bias is not None:
        const ${acc_t} start${i} = (${acc_t})(${types.convert(types.load(bias, "bias", f"(group * out + row_first + min(({T}){i}, rows_here - 1)) * bias_step"), bias, accumulate)});
% endif
% for j in range(Q):
        ${acc_t} acc_${i}_${j} = ${f"start{i}" if bias is not None else f"({acc_t})(0)"};
% endfor
% endfor
        for (${T} c = 0; c < inner; ++c) {
            ${tap_start("d")}
            for (${T} i = 0; i < tap_d; ++i) {
                __global const ${one_t} *slice = image + ${tap_offset("d", "i")};
                ${tap_start("h")}
                for (${T} j = 0; j < tap_h; ++j) {
                    __global const ${one_t} *line = slice + ${tap_offset("h", "j")};
                    ${tap_start("w")}
                    for (${T} k = 0; k < tap_w; ++k) {
                        __global const ${one_t} *at = line + ${tap_offset("w", "k")};
% for j in range(Q):
                        const ${acc_t} b${j} = vload${V}(0, at + x${j});
% endfor
% for i in range(rows):
                        const ${acc_t} a${i} = (${acc_t})(weights[${i}]);
% for j in range(Q):
                        acc_${i}_${j} = ${product(f"a{i}", f"b{j}", f"acc_{i}_{j}")};
% endfor
% endfor
                        weights += ${rows};
                        ${tap_next("w")}
                    }
                    ${tap_next("h")}
                }
                ${tap_next("d")}
            }
            image += plane;
        }
        const ${acc_t} sums[${rows * Q}] = {
            ${", ".join(f"acc_{i}_{j}" for j in range(Q) for i in range(rows))}};
        __global ${types.memory_type(y_dtype)} *result = y + ((n * groups + group) * out + row_first) * volume;
% for j in range(Q):
        if (vector_first + ${j} < vectors) {
% if flat:
            ${T} u = x${j};
            ${T} od = u / pitch_d; u -= od * pitch_d;
            ${T} oh = u / pitch_h, ow = u - oh * pitch_h;
            ${T} to = od * y_d + oh * y_h + ow * y_w;
            const bool whole = ow + ${V} <= out_w && oh < out_h;
% else:
            ${T} to = (line${j} / out_h) * y_d + (line${j} % out_h) * y_h + column${j} * y_w;
            const bool whole = column${j} + ${V} <= out_w;
% endif
% if unit:
            if (whole) {
                for (${T} i = 0; i < rows_here; ++i)
                    ${types.store(y_dtype, "result", "i * volume + to", types.convert(f"sums[{j * rows} + i]", accumulate, y_dtype, V), V)}
            } else
% endif
            {
                ${one_t} spilled[${rows * V}];
                for (${T} i = 0; i < rows_here; ++i)
                    vstore${V}(sums[${j * rows} + i], i, spilled);
                for (${T} l = 0; l < ${V}; ++l) {
% if flat:
                    if (ow < out_w && oh < out_h && od < out_d) {
                        const ${T} place = od * y_d + oh * y_h + ow * y_w;
% else:
                    if (column${j} + l < out_w) {
                        const ${T} place = to + l * y_w;
% endif
                        for (${T} i = 0; i < rows_here; ++i)
                            ${types.store(y_dtype, "result", "i * volume + place", types.convert(f"spilled[i * {V} + l]", accumulate, y_dtype))}
                    }
% if flat:
                    if (++ow == pitch_h) {
                        ow = 0;
                        if (++oh * pitch_h == pitch_d) { oh = 0; ++od; }
                    }
% endif
                }
            }
        }
% endfor
    }
}
