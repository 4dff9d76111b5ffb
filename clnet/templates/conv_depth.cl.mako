## CPU class: windows over one channel each (depthwise).  A task lays one plane into scratch memory,
## where it stays in the nearest cache, and walks its rows, a few at a time.
##
## weight: sums over images of products of the cotangent's rows and the plane's, shifted by each tap.
<%namespace name="laying" file="conv_lay_plane.cl.mako"/>\
<%
T = index_type
V = lanes
acc_t = types.register_type(target, V)
one_t = types.register_type(target)
def product(a, b, c):
    return f"fma({a}, {b}, {c})" if target.is_floating_point else f"({a} * {b} + {c})"
D, H, W = taps
count = D * H * W
index_t = types.mask_type(target, V)
%>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(${acc_t})))
void ${entry}(
    __global const ${types.memory_type(source)} *x, const ulong x_offset,
% if kind == "weight":
    __global const ${types.memory_type(source)} *g, const ulong g_offset,
% else:
    __global const ${types.memory_type(source)} *w, const ulong w_offset,
% if bias is not None:
    __global const ${types.memory_type(bias)} *bias, const ulong bias_offset,
% endif
% endif
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    __global ${one_t} *scratch, const ulong scratch_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    x += x_offset; y += y_offset;
    ${"g += g_offset;" if kind == "weight" else "w += w_offset;"}
% if kind != "weight" and bias is not None:
    bias += bias_offset;
% endif
    __global ${one_t} *plane = scratch + scratch_offset + get_global_id(0) * volume;
    // Where the taps lie in the laid plane.
% for i in range(D):
% for j in range(H):
% for k in range(W):
    const ${T} o_${i}_${j}_${k} = ${" + ".join(
        f"({n} * shift_{axis} + {n} * turn_{axis} / phases_{axis}) * {pitch} + ({n} * turn_{axis} % phases_{axis}) * phase_step_{axis}"
        for n, axis, pitch in ((i, "d", "pitch_d"), (j, "h", "pitch_h"), (k, "w", "1")))};
% endfor
% endfor
% endfor
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
% if kind == "weight":
        const ${T} c = task % channels, split = task / channels;
        const ${T} n_stop = min(images, (split + 1) * images_share);
% for t in range(count):
        ${acc_t} acc${t} = (${acc_t})(0);
% endfor
        for (${T} n = split * images_share; n < n_stop; ++n) {
            ${laying.lay_plane("n * channels + c", "plane")}
            for (${T} line = 0; line < out_d * out_h; ++line) {
                const ${T} d = line / out_h, h = line % out_h;
                __global const ${types.memory_type(source)} *from = g + n * g_n + c * g_c + d * g_d + h * g_h;
                __global const ${one_t} *at = plane + d * pitch_d + h * pitch_h;
                for (${T} done = 0; done < out_w; done += ${V}) {
                    // The last vector ends with the row: what it repeats counts as zero.
                    const ${T} column = min(done, out_w - ${V});
                    ${acc_t} b = ${types.convert(types.load(source, "from", "column", V), source, target, V)};
                    if (column < done)
                        b = select((${acc_t})(0), b, (${index_t})(${", ".join(map(str, range(V)))}) >= (${index_t})(done - column));
% for i in range(D):
% for j in range(H):
% for k in range(W):
<% t = (i * H + j) * W + k %>\
                    acc${t} = ${product(f"vload{V}(0, at + column + o_{i}_{j}_{k})", "b", f"acc{t}")};
% endfor
% endfor
% endfor
                }
            }
        }
        ${one_t} lane[${V}];
% for t in range(count):
        vstore${V}(acc${t}, 0, lane);
        for (uint step = ${V // 2}; step; step >>= 1)
            for (uint l = 0; l < step; ++l) lane[l] += lane[l + step];
        ${types.store(y_dtype, "y", f"split * total + c * {count} + {t}", types.convert("lane[0]", target, y_dtype))}
% endfor
% else:
        const ${T} c = task % channels;
        ${laying.lay_plane("task", "plane")}
        for (${T} m = 0; m < multiple; ++m) {
            __global const ${types.memory_type(source)} *filter = w + ${"(c * multiple + m) * w_o"};
% for i in range(D):
% for j in range(H):
% for k in range(W):
<%
place = (D - 1 - i, H - 1 - j, W - 1 - k) if flip else (i, j, k)
%>\
            const ${acc_t} k_${i}_${j}_${k} = (${acc_t})(${types.convert(types.load(source, "filter", f"({place[0]} * w_d + {place[1]} * w_h + {place[2]} * w_w)"), source, target)});
% endfor
% endfor
% endfor
% if bias is not None:
            const ${acc_t} start = (${acc_t})(${types.convert(types.load(bias, "bias", "(c * multiple + m) * bias_step"), bias, target)});
% else:
            const ${acc_t} start = (${acc_t})(0);
% endif
            __global ${types.memory_type(y_dtype)} *result = y + (task * multiple + m) * out_d * out_h * out_w;
            for (${T} d = 0; d < out_d; ++d) {
                ${T} h = 0;
% for B in ([block, 1] if block > 1 else [1]):
                for (; h + ${B} <= out_h; h += ${B}) {
                    __global const ${one_t} *at = plane + d * pitch_d + h * pitch_h;
                    __global ${types.memory_type(y_dtype)} *to = result + (d * out_h + h) * out_w;
                    for (${T} done = 0; done < out_w; done += ${V}) {
                        const ${T} column = min(done, out_w - ${V});
% for b in range(B):
                        ${acc_t} acc${b} = start;
% endfor
% for i in range(D):
% if B > 1:
% for row in range(B + H - 1):
% for k in range(W):
                        {
                            const ${acc_t} value = vload${V}(0, at + column + o_${i}_0_${k} + ${row} * pitch_h);
% for b in range(B):
% if 0 <= row - b < H:
                            acc${b} = ${product("value", f"k_{i}_{row - b}_{k}", f"acc{b}")};
% endif
% endfor
                        }
% endfor
% endfor
% else:
% for j in range(H):
% for k in range(W):
                        acc0 = ${product(f"vload{V}(0, at + column + o_{i}_{j}_{k})", f"k_{i}_{j}_{k}", "acc0")};
% endfor
% endfor
% endif
% endfor
% for b in range(B):
                        ${types.store(y_dtype, "to", f"{b} * out_w + column", types.convert(f"acc{b}", target, y_dtype, V), V)}
% endfor
                    }
                }
% endfor
            }
        }
% endif
    }
}
