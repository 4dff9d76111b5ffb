## CPU class: a matrix product whose right factor is gathered from laid planes: its element (k, j) is
## x[u[k] + v[j]].  The left factor is packed [tile of rows][k][row].
##
## A task is a few panels of neighbouring columns and a run of tiles: block by block of
## k it copies what the columns read, then passes every tile over it, the sums of one tile and
## panel in registers and between blocks in scratch memory.
<%
T = index_type
V = lanes
Q = row_vectors_count
W = V * Q
acc_t = types.register_type(accumulate, V)
one_t = types.register_type(accumulate)
def product(a, b, c):
    return f"fma({a}, {b}, {c})" if accumulate.is_floating_point else f"({a} * {b} + {c})"
%>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(${acc_t})))
void ${entry}(
    __global const ${one_t} *x, const ulong x_offset,
    __global const ${one_t} *a, const ulong a_offset,
% if bias is not None:
    __global const ${types.memory_type(bias)} *bias, const ulong bias_offset,
% endif
    __global const ${T} *u, const ulong u_offset,
    __global const ${T} *v, const ulong v_offset,
% if scattered:
    __global const ${T} *target, const ulong target_offset,
% endif
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    __global ${one_t} *scratch, const ulong scratch_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    x += x_offset; a += a_offset; u += u_offset; v += v_offset; y += y_offset;
% if scattered:
    target += target_offset;
% endif
% if bias is not None:
    bias += bias_offset;
% endif
    __global ${one_t} *blocks = scratch + scratch_offset + (${T})get_global_id(0) * scratch_step;
    __global ${one_t} *sums = blocks + panels * k_block * ${W};
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
        ${T} rest = task;
        const ${T} tile_first = (rest % row_splits) * row_tiles; rest /= row_splits;
        const ${T} panel_first = (rest % column_groups) * panels; rest /= column_groups;
        const ${T} group = rest % groups, split = rest / groups;
        const ${T} tile_stop = min(tiles, tile_first + row_tiles);
        const ${T} panels_here = min(panels, (columns + ${W - 1}) / ${W} - panel_first);
        const ${T} k_first = split * k_share, k_stop = min(depth, k_first + k_share);
        __global const ${one_t} *source = x + group * x_group;
        __global ${types.memory_type(y_dtype)} *result = y + split * y_split + group * y_group;
        for (${T} k0 = k_first; k0 < k_stop; k0 += k_block) {
            const ${T} length = min(k_block, k_stop - k0);
            for (${T} p = 0; p < panels_here; ++p) {
                ${T} at[${W // piece}];
                for (${T} l = 0; l < ${W // piece}; ++l) at[l] = v[(panel_first + p) * ${W // piece} + l];
                __global ${one_t} *panel = blocks + p * k_block * ${W};
                for (${T} k = 0; k < length; ++k) {
                    __global const ${one_t} *from = source + u[k0 + k];
% if piece == 1:
% for j in range(Q):
                    vstore${V}((${acc_t})(${", ".join(f"from[at[{j * V + l}]]" for l in range(V))}), ${j}, panel);
% endfor
% else:
% for l in range(W // piece):
                    vstore${piece}(vload${piece}(0, from + at[${l}]), ${l}, panel);
% endfor
% endif
                    panel += ${W};
                }
            }
            for (${T} tile = tile_first; tile < tile_stop; ++tile) {
                const ${T} row_first = tile * ${rows}, rows_here = min((${T})${rows}, out - row_first);
                for (${T} p = 0; p < panels_here; ++p) {
                    __global ${one_t} *held = sums + ((tile - tile_first) * panels + p) * ${rows * W};
                    __global const ${one_t} *panel = blocks + p * k_block * ${W};
                    __global const ${one_t} *weights = a + ((group * tiles + tile) * depth + k0) * ${rows};
% for i in range(rows):
% for j in range(Q):
                    ${acc_t} acc_${i}_${j};
% endfor
% endfor
                    if (k0 == k_first) {
% for i in range(rows):
% if bias is not None:
                        acc_${i}_0 = (${acc_t})(${types.convert(types.load(bias, "bias", f"(group * out + row_first + min(({T}){i}, rows_here - 1)) * bias_step"), bias, accumulate)});
% else:
                        acc_${i}_0 = (${acc_t})(0);
% endif
% for j in range(1, Q):
                        acc_${i}_${j} = acc_${i}_0;
% endfor
% endfor
                    } else {
% for i in range(rows):
% for j in range(Q):
                        acc_${i}_${j} = vload${V}(${i * Q + j}, held);
% endfor
% endfor
                    }
                    for (${T} k = 0; k < length; ++k) {
% for j in range(Q):
                        const ${acc_t} b${j} = vload${V}(${j}, panel);
% endfor
% for i in range(rows):
                        const ${acc_t} a${i} = (${acc_t})(weights[${i}]);
% for j in range(Q):
                        acc_${i}_${j} = ${product(f"a{i}", f"b{j}", f"acc_{i}_{j}")};
% endfor
% endfor
                        panel += ${W};
                        weights += ${rows};
                    }
                    if (k0 + length < k_stop) {
% for i in range(rows):
% for j in range(Q):
                        vstore${V}(acc_${i}_${j}, ${i * Q + j}, held);
% endfor
% endfor
                        continue;
                    }
                    const ${acc_t} final[${rows * Q}] = {
                        ${", ".join(f"acc_{i}_{j}" for i in range(rows) for j in range(Q))}};
                    const ${T} column = (panel_first + p) * ${W};
                    __global ${types.memory_type(y_dtype)} *line = result + row_first * y_row;
% if scattered:
                    ${T} to[${W // piece}];
                    for (${T} l = 0; l < ${W // piece}; ++l) to[l] = target[column / ${piece} + l];
% endif
% if scattered and unit and piece < W:
                    if (column + ${W} <= columns && to[${W // piece - 1}] - to[0] == ${W - piece}) {
                        // One run within an image.
                        for (${T} i = 0; i < rows_here; ++i) {
% for j in range(Q):
                            ${types.store(y_dtype, "line", f"to[0] + {j * V}", types.convert(f"final[i * {Q} + {j}]", accumulate, y_dtype, V), V)}
% endfor
                            line += y_row;
                        }
                    } else
% endif
                    if (column + ${W} <= columns) {
                        for (${T} i = 0; i < rows_here; ++i) {
% if not scattered:
% for j in range(Q):
                            ${types.store(y_dtype, "line", f"column + {j * V}", types.convert(f"final[i * {Q} + {j}]", accumulate, y_dtype, V), V)}
% endfor
% else:
                            ${one_t} spilled[${W}];
% for j in range(Q):
                            vstore${V}(final[i * ${Q} + ${j}], ${j}, spilled);
% endfor
% for l in range(W // piece):
% if unit:
                            ${types.store(y_dtype, "line", f"to[{l}]", types.convert(f"vload{piece}({l}, spilled)" if piece > 1 else f"spilled[{l}]", accumulate, y_dtype, piece), piece)}
% else:
% for e in range(piece):
                            ${types.store(y_dtype, "line", f"to[{l}] + {e} * y_w", types.convert(f"spilled[{l * piece + e}]", accumulate, y_dtype))}
% endfor
% endif
% endfor
% endif
                            line += y_row;
                        }
                    } else {
                        for (${T} i = 0; i < rows_here; ++i) {
                            ${one_t} spilled[${W}];
% for j in range(Q):
                            vstore${V}(final[i * ${Q} + ${j}], ${j}, spilled);
% endfor
                            for (${T} l = 0; l < columns - column; ++l) {
% if scattered:
                                const ${T} place = to[l / ${piece}] + (l % ${piece})${"" if unit else " * y_w"};
% else:
                                const ${T} place = column + l;
% endif
                                ${types.store(y_dtype, "line", "place", types.convert("spilled[l]", accumulate, y_dtype))}
                            }
                            line += y_row;
                        }
                    }
                }
            }
        }
    }
}
