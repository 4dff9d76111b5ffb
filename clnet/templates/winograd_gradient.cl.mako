## The weight gradient of Winograd's convolution: sums over tiles of products of the transformed cotangent
## and input, point by point, and their way back to (o, c, 3, 3).
##
## A task is a share of the tiles, a few blocks of input channels and a few panels of output channels.
<%! from clnet.codegen import shuffle, winograd %>\
<%
T = index_type
V = lanes
W = V * vectors
vector = types.register_type(dt.float32, V)
size, taps = winograd.SIZE, winograd.TAPS
points = size * size
def store(at, value, w=1): return types.store(y_dtype, "to", at, types.convert(value, dt.float32, y_dtype, w), w)
%>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(${vector})))
void ${entry}(
    __global const float *v, const ulong v_offset,
    __global const float *d, const ulong d_offset,
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    __global float *scratch, const ulong scratch_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    v += v_offset; d += d_offset; y += y_offset;
    __global float *sums = scratch + scratch_offset + (${T})get_global_id(0) * scratch_step;
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    const ${T} panels = (out_blocks + ${vectors - 1}) / ${vectors};
    for (${T} task = task_first; task < task_stop; ++task) {
        ${T} rest = task;
        const ${T} block_first = rest % block_groups * blocks_held; rest /= block_groups;
        const ${T} panel_first = rest % panel_groups * panels_held;
        const ${T} split = rest / panel_groups;
        const ${T} block_stop = min(blocks, block_first + blocks_held);
        const ${T} panel_stop = min(panels, panel_first + panels_held);
        const ${T} tile_first = min(tiles, split * tiles_share), tile_stop = min(tiles, tile_first + tiles_share);
        for (${T} point = 0; point < ${points}; ++point)
            for (${T} t0 = tile_first; t0 < tile_stop || t0 == tile_first; t0 += tiles_block) {
                const ${T} count = min(tiles_block, tile_stop - t0);
                for (${T} panel = panel_first; panel < panel_stop; ++panel) {
% for j in range(vectors):
                    __global const float *d${j} = d + ((point * out_blocks + min(panel * ${vectors} + ${j}, out_blocks - 1)) * tiles + t0) * ${V};
% endfor
                    for (${T} line = block_first * ${V}; line < min(inner, block_stop * ${V}); line += ${rows}) {
                        __global const float *a = v + ((point * blocks + line / ${V}) * tiles + t0) * ${V} + line % ${V};
                        __global float *held = sums + ((point * panels_held + panel - panel_first) * blocks_held * ${V}
                                                       + line - block_first * ${V}) * ${W};
% for i in range(rows):
                        ${vector} ${", ".join(f"acc_{i}_{j} = ({vector})(0)" for j in range(vectors))};
% endfor
                        if (t0 != tile_first) {
% for i in range(rows):
% for j in range(vectors):
                            acc_${i}_${j} = vload${V}(${i * vectors + j}, held);
% endfor
% endfor
                        }
                        for (${T} k = 0; k < count; ++k) {
% for j in range(vectors):
                            const ${vector} b${j} = vload${V}(k, d${j});
% endfor
% for i in range(rows):
                            const ${vector} a${i} = (${vector})(a[k * ${V} + ${i}]);
% for j in range(vectors):
                            acc_${i}_${j} = fma(a${i}, b${j}, acc_${i}_${j});
% endfor
% endfor
                        }
% for i in range(rows):
% for j in range(vectors):
                        vstore${V}(acc_${i}_${j}, ${i * vectors + j}, held);
% endfor
% endfor
                    }
                }
            }
        for (${T} block = panel_first * ${vectors}; block < min(out_blocks, panel_stop * ${vectors}); ++block) {
            const ${T} here = min((${T})${V}, out - block * ${V});
            for (${T} line = block_first * ${V}; line < min(inner, block_stop * ${V}); ++line) {
                __global const float *sum = sums
                    + ((block / ${vectors} - panel_first) * blocks_held * ${V} + line - block_first * ${V}) * ${W}
                    + block % ${vectors} * ${V};
                const ${T} step = panels_held * blocks_held * ${V * W};
% for j in range(size):
% for i in range(size):
                const ${vector} m${j}_${i} = vload${V}(0, sum + ${i * size + j} * step);
% endfor
<% lines_, rows_ = winograd.combine(winograd.G, [f"m{j}_{i}" for i in range(size)], vector, f"column{j}_") %>\
% for text in lines_:
                ${text}
% endfor
% endfor
<% tap = [] %>\
% for i in range(taps):
<% lines_, values = winograd.combine(winograd.G, [f"column{j}_{i}" for j in range(size)], vector, f"row{i}_"); tap += values %>\
% for text in lines_:
                ${text}
% endfor
% endfor
<% lines_, turned = shuffle.rotate(tap[:V // 2], vector, (V // 2).bit_length() - 1, "turn") %>\
% for text in lines_:
                ${text}
% endfor
                // Row by row; vectors are halved through memory.
                float row[${V * V // 2}], last[${V}];
% for k in range(V // 2):
                vstore${V}(${turned[k]}, ${k}, row);
% endfor
                vstore${V}(${tap[V // 2]}, 0, last);
                __global ${types.memory_type(y_dtype)} *to = y + (split_first + split) * total + (block * ${V} * inner + line) * ${taps * taps};
                for (${T} l = 0; l < here; ++l, to += inner * ${taps * taps}) {
                    ${store("0", f"vload{V // 2}(l, row)", V // 2)}
                    ${store(taps * taps - 1, "last[l]")}
                }
            }
        }
    }
}
