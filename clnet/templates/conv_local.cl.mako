## GPU class: convolutions as matrix products whose second factor is gathered from the planes.
##
## forward: rows o, depth (c, tap), columns (n, output).  input: rows c, depth (o, tap), columns
## (n, input).  weight: rows o, depth (n, output), columns (c, tap).
<%
T = index_type
acc_t = types.register_type(accumulate)
R = tile // edge
items = edge * edge
step = tile + 1
fast = "FP_FAST_FMA" + ("F" if accumulate.itemsize == 4 else "")
def product(a, b, c):
    return f"CONV_MAD({a}, {b}, {c})" if accumulate.is_floating_point else f"({a} * {b} + {c})"
place = "in" if kind == "input" else "out"
axes = "dhw"
%>\
#undef CONV_MAD
#ifdef ${fast}
#define CONV_MAD(a, b, c) fma(a, b, c)
#else
#define CONV_MAD(a, b, c) ((a) * (b) + (c))
#endif
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(x_dtype)} *x, const ulong x_offset,
    __global const ${types.memory_type(x_dtype)} *w, const ulong w_offset,
% if bias is not None:
    __global const ${types.memory_type(bias)} *bias, const ulong bias_offset,
% endif
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    __local ${acc_t} a_tile[${tile_k * step}], b_tile[${tile_k * step}];
    x += x_offset;
    w += w_offset;
    y += y_offset;
% if bias is not None:
    bias += bias_offset;
% endif
    const uint item = get_local_id(0);
    const uint item_m = item / ${edge}, item_n = item % ${edge};
    ${T} rest = get_group_id(0);
    const ${T} column_first = (rest % tiles_n) * ${tile}; rest /= tiles_n;
    const ${T} m = (rest % tiles_m) * ${tile}; rest /= tiles_m;
    const ${T} group = rest % groups, split = rest / groups;
    const ${T} k_first = min(K, split * depth), k_stop = min(K, k_first + depth);
    const ${T} taps = tap_d * tap_h * tap_w;
    const ${T} volume = ${place}_d * ${place}_h * ${place}_w;
    ${acc_t} acc[${R}][${R}];
% for i in range(R):
% for j in range(R):
    acc[${i}][${j}] = 0;
% endfor
% endfor
    for (${T} k0 = k_first; k0 < k_stop; k0 += ${tile_k}) {
        for (uint e = item; e < ${tile * tile_k}; e += ${items}) {
            const uint kk = e % ${tile_k}, r = e / ${tile_k};
            const ${T} k = k0 + kk, row = m + r;
            ${acc_t} value = 0;
            if (k < k_stop && row < M) {
% if kind == "weight":
                ${T} p = k % volume;
                const ${T} n = k / volume;
                const ${T} p_w = p % out_w; p /= out_w;
                const ${T} at = n * b_0 + (group * out + row) * b_1 + (p / out_h) * b_d + (p % out_h) * b_h + p_w * b_w;
% else:
                ${T} tap = k % taps;
                const ${T} channel = k / taps;
                const ${T} r_w = tap % tap_w; tap /= tap_w;
% if kind == "forward":
                const ${T} at = (group * out + row) * b_0 + channel * b_1 + (tap / tap_h) * b_d + (tap % tap_h) * b_h + r_w * b_w;
% else:
                const ${T} at = (group * out + channel) * b_0 + row * b_1 + (tap / tap_h) * b_d + (tap % tap_h) * b_h + r_w * b_w;
% endif
% endif
                value = ${types.convert(types.load(x_dtype, "w", "at"), x_dtype, accumulate)};
            }
            a_tile[kk * ${step} + r] = value;
        }
        for (uint e = item; e < ${tile * tile_k}; e += ${items}) {
            const uint kk = e / ${tile}, r = e % ${tile};
            const ${T} k = k0 + kk, column = column_first + r;
            ${acc_t} value = 0;
            if (k < k_stop && column < N) {
                ${T} p = ${"k" if kind == "weight" else "column"} % volume, tap = ${"column" if kind == "weight" else "k"} % taps;
                const ${T} n = ${"k" if kind == "weight" else "column"} / volume;
                const ${T} channel = ${"column" if kind == "weight" else "k"} / taps;
                const ${T} p_w = p % ${place}_w; p /= ${place}_w;
                const ${T} p_h = p % ${place}_h, p_d = p / ${place}_h;
                const ${T} r_w = tap % tap_w; tap /= tap_w;
                const ${T} r_h = tap % tap_h, r_d = tap / tap_h;
                bool inside = true;
                ${T} at = n * a_0 + (group * ${"out" if kind == "input" else "inner"} + channel) * a_1;
% for axis in axes:
% if kind == "input":
                const ${T} u_${axis} = p_${axis} + pad_${axis}, v_${axis} = r_${axis} * dil_${axis};
                inside = inside && u_${axis} >= v_${axis} && (u_${axis} - v_${axis}) % stride_${axis} == 0
                    && (u_${axis} - v_${axis}) / stride_${axis} < out_${axis};
                at += ((u_${axis} - v_${axis}) / stride_${axis}) * a_${axis};
% else:
                const ${T} u_${axis} = p_${axis} * stride_${axis} + r_${axis} * dil_${axis};
                inside = inside && u_${axis} >= pad_${axis} && u_${axis} - pad_${axis} < in_${axis};
                at += (u_${axis} - pad_${axis}) * a_${axis};
% endif
% endfor
                if (inside)
                    value = ${types.convert(types.load(x_dtype, "x", "at"), x_dtype, accumulate)};
            }
            b_tile[kk * ${step} + r] = value;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint kk = 0; kk < ${tile_k}; ++kk) {
% for i in range(R):
            const ${acc_t} a${i} = a_tile[kk * ${step} + item_m + ${i * edge}];
            const ${acc_t} b${i} = b_tile[kk * ${step} + item_n + ${i * edge}];
% endfor
% for i in range(R):
% for j in range(R):
            acc[${i}][${j}] = ${product(f"a{i}", f"b{j}", f"acc[{i}][{j}]")};
% endfor
% endfor
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (uint i = 0; i < ${R}; ++i)
        for (uint j = 0; j < ${R}; ++j) {
            const ${T} row = m + item_m + i * ${edge}, column = column_first + item_n + j * ${edge};
            if (row < M && column < N) {
                ${acc_t} value = acc[i][j];
% if bias is not None:
                value += ${types.convert(types.load(bias, "bias", "(group * M + row) * bias_step"), bias, accumulate)};
% endif
% if kind == "weight":
                const ${T} to = split * total + (group * M + row) * N + column;
% else:
                const ${T} to = (((column / volume) * groups + group) * M + row) * volume + column % volume;
% endif
                ${types.store(y_dtype, "y", "to", types.convert("value", accumulate, y_dtype))}
            }
        }
}
