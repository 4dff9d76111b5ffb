## CPU class: the weight gradient.  A task is a tile of (output channel, input channel) pairs and a
## run of taps; it walks blocks of vectors of all its images, the sums of a few pairs in registers for
## one tap at a time, and adds the lanes at the end.
<%
T = index_type
V = lanes
acc_t = types.register_type(accumulate, V)
one_t = types.register_type(accumulate)
pairs = tile_o * tile_c
def product(a, b, c):
    return f"fma({a}, {b}, {c})" if accumulate.is_floating_point else f"({a} * {b} + {c})"
%>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(${acc_t})))
void ${entry}(
    __global const ${one_t} *x, const ulong x_offset,
    __global const ${one_t} *g, const ulong g_offset,
    __global ${one_t} *y, const ulong y_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    x += x_offset;
    g += g_offset;
    y += y_offset;
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
        ${T} rest = task;
        const ${T} c_first = (rest % c_tiles) * ${tile_c}; rest /= c_tiles;
        const ${T} o_first = (rest % o_tiles) * ${tile_o * tiles_o}; rest /= o_tiles;
        const ${T} tap_first = (rest % tap_chunks) * ${held}; rest /= tap_chunks;
        const ${T} group = rest % groups, split = rest / groups;
        const ${T} tap_stop = min(taps, tap_first + ${held});
        ${acc_t} sums[${held * pairs * tiles_o}];
        for (uint i = 0; i < ${held * pairs * tiles_o}; ++i) sums[i] = (${acc_t})(0);
        ${T} offsets[${held}];
        for (${T} tap = tap_first; tap < tap_stop; ++tap) {
            const ${T} k = tap % tap_w, j = (tap / tap_w) % tap_h, i = tap / (tap_w * tap_h);
            ${T} at = 0;
% for axis, name, pitch in (("d", "i", "pitch_d"), ("h", "j", "pitch_h"), ("w", "k", "1")):
            {
                const ${T} turned = ${name} * turn_${axis};
                at += (${name} * shift_${axis} + turned / phases_${axis}) * ${pitch} + (turned % phases_${axis}) * phase_step_${axis};
            }
% endfor
            offsets[tap - tap_first] = at;
        }
        const ${T} per_split = (all_blocks + splits - 1) / splits;
        const ${T} block_stop = min(all_blocks, (split + 1) * per_split);
        for (${T} b = split * per_split; b < block_stop; ++b) {
            const ${T} n = b / blocks, v_first = (b % blocks) * block;
            const ${T} v_stop = min(vectors, v_first + block);
            const ${T} g_at = (n * groups + group) * out * g_plane, x_at = (n * groups + group) * inner * plane;
% for j in range(tile_c):
            __global const ${one_t} *x${j} = x + x_at + min(c_first + ${j}, inner - 1) * plane;
% endfor
            // Where the block's first vector lies, and how far it is to the next row and slice.
            const ${T} line = v_first / row_vectors, column_first = v_first % row_vectors;
            const ${T} x_first = (line / rows_h) * pitch_d + (line % rows_h) * pitch_h + column_first * ${V};
            const ${T} next_row = pitch_h - (row_vectors - 1) * ${V};
            const ${T} next_slice = pitch_d - rows_h * pitch_h;
            for (${T} o_tile = 0; o_tile < ${tiles_o} && o_first + o_tile * ${tile_o} < out; ++o_tile) {
                const ${T} o = o_first + o_tile * ${tile_o};
% for i in range(tile_o):
                __global const ${one_t} *g${i} = g + g_at + min(o + ${i}, out - 1) * g_plane;
% endfor
                for (${T} tap = 0; tap < tap_stop - tap_first; ++tap) {
                    ${acc_t} *held = sums + (o_tile * ${held} + tap) * ${pairs};
% for i in range(pairs):
                    ${acc_t} acc${i} = held[${i}];
% endfor
                    ${T} from = x_first + offsets[tap], column = column_first, row = line % rows_h;
                    for (${T} v = v_first; v < v_stop; ++v) {
% for j in range(tile_c):
                        const ${acc_t} b${j} = vload${V}(0, x${j} + from);
% endfor
% for i in range(tile_o):
                        const ${acc_t} a${i} = vload${V}(v, g${i});
% for j in range(tile_c):
                        acc${i * tile_c + j} = ${product(f"a{i}", f"b{j}", f"acc{i * tile_c + j}")};
% endfor
% endfor
                        if (++column == row_vectors) {
                            column = 0;
                            from += next_row;
                            if (++row == rows_h) { row = 0; from += next_slice; }
                        } else
                            from += ${V};
                    }
% for i in range(pairs):
                    held[${i}] = acc${i};
% endfor
                }
            }
        }
        for (${T} tap = tap_first; tap < tap_stop; ++tap)
            for (${T} i = 0; i < ${tile_o * tiles_o}; ++i)
                for (${T} j = 0; j < ${tile_c}; ++j)
                    if (o_first + i < out && c_first + j < inner) {
                        ${one_t} lane[${V}];
                        vstore${V}(sums[((i / ${tile_o}) * ${held} + tap - tap_first) * ${pairs} + (i % ${tile_o}) * ${tile_c} + j], 0, lane);
                        for (uint step = ${V // 2}; step; step >>= 1)
                            for (uint l = 0; l < step; ++l) lane[l] += lane[l + step];
                        y[split * total + ((group * out + o_first + i) * inner + c_first + j) * taps + tap] = lane[0];
                    }
    }
}
