## Winograd's convolution: tiles of planes (n, c, h, w) transformed, the products point by point, and their way
## back to planes (n, o, h, w).
##
## A task is a few rows of tiles and a share of the panels of output channels; its transformed tiles and the
## sums of all points for a few panels are held in scratch memory, near enough to stay in cache.
<%! from clnet.codegen import shuffle, winograd %>\
<%namespace name="part" file="winograd_part.cl.mako"/>\
<%
T = index_type
V = lanes
W = V * vectors
vector = types.register_type(dt.float32, V)
size, outputs = winograd.SIZE, winograd.OUTPUTS
points = size * size
def store(at, value, w=1): return types.store(y_dtype, "to", at, types.convert(value, dt.float32, y_dtype, w), w)
%>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(${vector})))
void ${entry}(
    __global const ${types.memory_type(x_dtype)} *x, const ulong x_offset,
    __global const float *u, const ulong u_offset,
% if bias is not None:
    __global const ${types.memory_type(bias)} *bias, const ulong bias_offset,
% endif
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    __global float *scratch, const ulong scratch_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    x += x_offset; u += u_offset; y += y_offset;
% if bias is not None:
    bias += bias_offset;
% endif
    __global float *v = scratch + scratch_offset + (${T})get_global_id(0) * scratch_step;
    __global float *sums = v + ${points} * point_step;
    // Before the products the rows of the input that tiles lie in, after them those of the output.
    __global float *rows_held = sums + panels_held * ${points * W} * tiles_held;
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
        const ${T} line_start = task % groups * lines_held;
        const ${T} line_stop = min(lines, line_start + lines_held);
        const ${T} split_first = task / groups * panels_share, split_stop = min(panels, split_first + panels_share);
        const ${T} tiles_here = (line_stop - line_start) * tiles_w;
        for (${T} line = line_start; line < line_stop; ++line)
            for (${T} block = 0; block < blocks; ++block) {
                ${part.transform("input", "block", "line", "rows_held", f"v + (block * tiles_held + (line - line_start) * tiles_w) * {V}", "point_step")}
            }
        for (${T} panel_first = split_first; panel_first < split_stop; panel_first += panels_held) {
        const ${T} panel_stop = min(split_stop, panel_first + panels_held);
        for (${T} point = 0; point < ${points}; ++point)
            for (${T} panel = panel_first; panel < panel_stop; ++panel)
                for (${T} tile = 0; tile < tiles_here; tile += ${rows}) {
                    __global const float *a = v + point * point_step + tile * ${V};
                    __global const float *b = u + point * u_point + panel * inner * ${W};
% for i in range(rows):
                    const ${T} r${i} = min((${T})${i}, tiles_here - 1 - tile) * ${V};
                    ${vector} ${", ".join(f"acc_{i}_{j} = ({vector})(0)" for j in range(vectors))};
% endfor
                    for (${T} block = 0; block < blocks; ++block, a += tiles_held * ${V}) {
                        const ${T} stop = min((${T})${V}, inner - block * ${V});
                        for (${T} k = 0; k < stop; ++k, b += ${W}) {
% for j in range(vectors):
                            const ${vector} b${j} = vload${V}(${j}, b);
% endfor
% for i in range(rows):
                            const ${vector} a${i} = (${vector})(a[r${i} + k]);
% for j in range(vectors):
                            acc_${i}_${j} = fma(a${i}, b${j}, acc_${i}_${j});
% endfor
% endfor
                        }
                    }
                    __global float *to = sums + (((panel - panel_first) * ${points} + point) * tiles_held + tile) * ${W};
% for i in range(rows):
% for j in range(vectors):
                    vstore${V}(acc_${i}_${j}, ${i * vectors + j}, to);
% endfor
% endfor
                }
        for (${T} line = line_start; line < line_stop; ++line)
            for (${T} block = panel_first * ${vectors}; block < panel_stop * ${vectors} && block * ${V} < out; ++block) {
                const ${T} channel = block * ${V};
                __global const float *sum = sums
                    + ((block / ${vectors} - panel_first) * ${points} * tiles_held + (line - line_start) * tiles_w) * ${W}
                    + block % ${vectors} * ${V};
% if bias is not None:
                const ${vector} start = (${vector})(${", ".join(types.convert(types.load(bias, "bias", f"(min(channel + {l}, out - 1) * bias_step)"), bias, dt.float32) for l in range(V))});
% endif
                for (${T} tile = 0; tile < tiles_w; ++tile, sum += ${W}) {
% for j in range(size):
% for i in range(size):
                    const ${vector} m${j}_${i} = vload${V}(0, sum + ${(i * size + j) * W} * tiles_held);
% endfor
<% lines_, rows_ = winograd.combine(winograd.A, [f"m{j}_{i}" for i in range(size)], vector, f"column{j}_") %>\
% for text in lines_:
                    ${text}
% endfor
% endfor
                    const ${T} column = tile * ${outputs};
% for i in range(outputs):
<% lines_, values = winograd.combine(winograd.A, [f"column{j}_{i}" for j in range(size)], vector, f"row{i}_") %>\
% for text in lines_:
                    ${text}
% endfor
% for j in range(outputs):
                    ${f"if (column + {j} < out_w) " if j else ""}vstore${V}(${values[j]}${" + start" if bias is not None else ""}, ${i} * out_w + column + ${j}, rows_held);
% endfor
% endfor
                }
                const ${T} image = (line_first + line) / tiles_h;
                const ${T} top = (line_first + line) % tiles_h * ${outputs};
                const ${T} length = min((${T})${outputs}, out_h - top) * out_w;
                const ${T} here = min((${T})${V}, out - channel);
                __global ${types.memory_type(y_dtype)} *to = y + (image * out + channel) * out_h * out_w + top * out_w;
                if (length < ${V}) {
                    for (${T} l = 0; l < here; ++l)
                        for (${T} at = 0; at < length; ++at) { ${store("l * out_h * out_w + at", f"rows_held[at * {V} + l]")} }
                    continue;
                }
                for (${T} at = 0;;) {
% for l in range(V):
                    const ${vector} x${l} = vload${V}(at + ${l}, rows_held);
% endfor
<% lines_, turned = shuffle.rotate([f"x{l}" for l in range(V)], vector, V.bit_length() - 1, "turn") %>\
% for text in lines_:
                    ${text}
% endfor
                    if (here == ${V}) {
% for l in range(V):
                        ${store(f"{l} * out_h * out_w + at", turned[l], V)}
% endfor
                    } else {
% for l in range(V - 1):
                        if (${l} < here) { ${store(f"{l} * out_h * out_w + at", turned[l], V)} }
% endfor
                    }
                    if (at + ${V} >= length) break;
                    at = min(at + ${V}, length - ${V});
                }
            }
        }
    }
}
