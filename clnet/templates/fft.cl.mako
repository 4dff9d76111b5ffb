## y[.., k, ..] = scale * sum over j of x[.., j, ..] * exp(-+ 2 pi i j k / n) along one dimension.
##
## A work-group takes one line at a time.  The line is copied to scratch memory with real and
## imaginary parts apart, transformed there by Stockham's passes of radix 2, 3, 4, 5, 7 and 8 between
## two buffers, and written out.  An inverse transform conjugates what goes in and what comes out.
## Where n has other factors (Bluestein), the transform is a convolution with a chirp, which takes
## three transforms of the length m, a power of two: the chirp's, once, and two per line.
##
## A pass with stride s takes element q + s (p + m k) of the one buffer, k < radix, to element
## q + s (radix p + k) of the other; the twiddle factor is the same for all q, so on a CPU vectors
## run along q.
<%
T = "ulong" if wide else "uint"
R = types.memory_type(dtype)
C = types.memory_type(dtype.to_complex())
V = R + (str(W) if W > 1 else "")
x_type = R if kind == "real" else C
y_type = R if kind == "hermitian" else C
import math
def number(v): return types.literal(v, dtype)
def offset(name):
    return " + ".join(f"o{d} * {name}_o{d}" for d in range(outer_rank)) or "0"
def cosine(j, k, r): return number(math.cos(2 * math.pi * (j * k % r) / r))
def sine(j, k, r): return number(math.sin(2 * math.pi * (j * k % r) / r))
BARRIER = "barrier(CLK_GLOBAL_MEM_FENCE);" if gpu else ""
%>\
<%def name="butterfly(r, v)">\
## The transform of a0..a{r-1} (as ar, ai) of type v, in place.
% if r == 2:
            { const ${v} br = ar0 - ar1, bi = ai0 - ai1; ar0 += ar1; ai0 += ai1; ar1 = br; ai1 = bi; }
% elif r == 4:
            {
                const ${v} br0 = ar0 + ar2, bi0 = ai0 + ai2, br1 = ar0 - ar2, bi1 = ai0 - ai2;
                const ${v} br2 = ar1 + ar3, bi2 = ai1 + ai3, br3 = ar1 - ar3, bi3 = ai1 - ai3;
                ar0 = br0 + br2; ai0 = bi0 + bi2; ar2 = br0 - br2; ai2 = bi0 - bi2;
                ar1 = br1 + bi3; ai1 = bi1 - br3; ar3 = br1 - bi3; ai3 = bi1 + br3;
            }
% elif r == 8:
            {
                const ${R} h = ${number(math.sqrt(0.5))};
                const ${v} br0 = ar0 + ar4, bi0 = ai0 + ai4, br4 = ar0 - ar4, bi4 = ai0 - ai4;
                const ${v} br1 = ar1 + ar5, bi1 = ai1 + ai5, br5 = ar1 - ar5, bi5 = ai1 - ai5;
                const ${v} br2 = ar2 + ar6, bi2 = ai2 + ai6, br6 = ar2 - ar6, bi6 = ai2 - ai6;
                const ${v} br3 = ar3 + ar7, bi3 = ai3 + ai7, br7 = ar3 - ar7, bi7 = ai3 - ai7;
                const ${v} cr0 = br0 + br2, ci0 = bi0 + bi2, cr2 = br0 - br2, ci2 = bi0 - bi2;
                const ${v} cr1 = br1 + br3, ci1 = bi1 + bi3, cr3 = br1 - br3, ci3 = bi1 - bi3;
                ar0 = cr0 + cr1; ai0 = ci0 + ci1; ar4 = cr0 - cr1; ai4 = ci0 - ci1;
                ar2 = cr2 + ci3; ai2 = ci2 - cr3; ar6 = cr2 - ci3; ai6 = ci2 + cr3;
                const ${v} dr5 = (br5 + bi5) * h, di5 = (bi5 - br5) * h;
                const ${v} dr7 = (bi7 - br7) * h, di7 = -(br7 + bi7) * h;
                const ${v} er0 = br4 + bi6, ei0 = bi4 - br6, er2 = br4 - bi6, ei2 = bi4 + br6;
                const ${v} er1 = dr5 + dr7, ei1 = di5 + di7, er3 = dr5 - dr7, ei3 = di5 - di7;
                ar1 = er0 + er1; ai1 = ei0 + ei1; ar5 = er0 - er1; ai5 = ei0 - ei1;
                ar3 = er2 + ei3; ai3 = ei2 - er3; ar7 = er2 - ei3; ai7 = ei2 + er3;
            }
% else:
            {
% for k in range(1, r // 2 + 1):
                const ${v} sr${k} = ar${k} + ar${r - k}, si${k} = ai${k} + ai${r - k};
                const ${v} dr${k} = ar${k} - ar${r - k}, di${k} = ai${k} - ai${r - k};
% endfor
% for j in range(1, r // 2 + 1):
                const ${v} cr${j} = ar0${"".join(f" + sr{k} * {cosine(j, k, r)}" for k in range(1, r // 2 + 1))};
                const ${v} ci${j} = ai0${"".join(f" + si{k} * {cosine(j, k, r)}" for k in range(1, r // 2 + 1))};
                const ${v} gr${j} = ${" + ".join(f"dr{k} * {sine(j, k, r)}" for k in range(1, r // 2 + 1))};
                const ${v} gi${j} = ${" + ".join(f"di{k} * {sine(j, k, r)}" for k in range(1, r // 2 + 1))};
% endfor
                ar0 = ar0${"".join(f" + sr{k}" for k in range(1, r // 2 + 1))};
                ai0 = ai0${"".join(f" + si{k}" for k in range(1, r // 2 + 1))};
% for j in range(1, r // 2 + 1):
                ar${j} = cr${j} + gi${j}; ai${j} = ci${j} - gr${j};
                ar${r - j} = cr${j} - gi${j}; ai${r - j} = ci${j} + gr${j};
% endfor
            }
% endif
</%def>\
<%def name="lanes(r, w)">\
## One butterfly on w neighbouring q; p, q and the twiddle factors wr, wi are in scope.
            {
<% v = R + (str(w) if w > 1 else "") %>\
% for k in range(r):
                ${v} ar${k} = ${f"vload{w}(0, from_re + q + s * (p + m * {k}))" if w > 1 else f"from_re[q + s * (p + m * {k})]"};
                ${v} ai${k} = ${f"vload{w}(0, from_im + q + s * (p + m * {k}))" if w > 1 else f"from_im[q + s * (p + m * {k})]"};
% endfor
${butterfly(r, v)}\
% for k in range(r):
                {
                    const ${T} at = q + s * (${r} * p + ${k});
% if k:
                    const ${v} zr = ar${k} * wr${k} - ai${k} * wi${k}, zi = ar${k} * wi${k} + ai${k} * wr${k};
% else:
                    const ${v} zr = ar0, zi = ai0;
% endif
% if w > 1:
                    vstore${w}(zr, 0, to_re + at); vstore${w}(zi, 0, to_im + at);
% else:
                    to_re[at] = zr; to_im[at] = zi;
% endif
                }
% endfor
            }
</%def>\
<%def name="first()">\
## The first pass, of radix 8: vectors along p, turned so that they are stored along k.
            {
% for k in range(8):
                ${V} ar${k} = vload${W}(0, from_re + start + m * ${k}), ai${k} = vload${W}(0, from_im + start + m * ${k});
% endfor
${butterfly(8, V)}\
                const ${V} wr1 = vload${W}(0, turn_re + start), wi1 = vload${W}(0, turn_im + start);
% for k, i, j in ((2, 1, 1), (3, 2, 1), (4, 2, 2), (5, 4, 1), (6, 3, 3), (7, 4, 3)):
                const ${V} wr${k} = wr${i} * wr${j} - wi${i} * wi${j}, wi${k} = wr${i} * wi${j} + wi${i} * wr${j};
% endfor
% for k in range(1, 8):
                const ${V} zr${k} = ar${k} * wr${k} - ai${k} * wi${k}, zi${k} = ar${k} * wi${k} + ai${k} * wr${k};
% endfor
                const ${V} zr0 = ar0, zi0 = ai0;
% for j in range(W):
                vstore8((${R}8)(${", ".join(f"zr{k}.s{j}" for k in range(8))}), ${j}, to_re + 8 * start);
                vstore8((${R}8)(${", ".join(f"zi{k}.s{j}" for k in range(8))}), ${j}, to_im + 8 * start);
% endfor
            }
</%def>\
<%def name="run(r)">\
        const ${T} m = left / ${r};
% if r == 8 and not gpu:
        ${T} start = 0;
        if (s == 1)
            for (; start + ${W} <= m; start += ${W}) ${first()}\
% endif
% if gpu:
        for (${T} b = lane; b < m * s; b += lanes) {
            const ${T} p = b / s, q = b % s;
% else:
        for (${T} p = ${"start" if r == 8 else "0"}; p < m; ++p) {
% endif
% for k in range(1, r):
            const ${R} wr${k} = turn_re[p * s * ${k}], wi${k} = turn_im[p * s * ${k}];
% endfor
% if gpu:
${lanes(r, 1)}\
% else:
            if (s % ${W} == 0) {
                for (${T} q = 0; q < s; q += ${W}) ${lanes(r, W)}\
            } else {
                for (${T} q = 0; q < s; ++q) ${lanes(r, 1)}\
            }
% endif
        }
</%def>\
% for r in RADICES:
inline void ${entry}_pass${r}(
    __global const ${R} *from_re, __global const ${R} *from_im, __global ${R} *to_re, __global ${R} *to_im,
    __global const ${R} *turn_re, __global const ${R} *turn_im, const ${T} left, const ${T} s,
    const ${T} lane, const ${T} lanes
) {
${run(r)}\
}
% endfor
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${x_type} *x, const ulong x_offset, __global ${y_type} *y, const ulong y_offset,
    __global ${R} *scratch, const ulong scratch_offset,
% for d in range(outer_rank):
    const ${T} size${d}, const ${T} x_o${d}, const ${T} y_o${d},
% endfor
    const ${T} x_step, const ${T} y_step, const ${T} given, const ${T} n, const ${T} wanted, const ${T} length,
    const ulong radices, const uint chirped, const ${R} sign, const ${R} scale, const ${T} rows
) {
    const ${T} lane = ${"get_local_id(0)" if gpu else "0"}, lanes = ${"get_local_size(0)" if gpu else "1"};
    x += x_offset; y += y_offset;
    const ulong plane = length + ${PADDING};
    scratch += scratch_offset + (ulong)get_group_id(0) * plane * (chirped ? 10 : 6);
    __global ${R} *turn_re = scratch, *turn_im = scratch + plane;
    __global ${R} *chirp_re = scratch + 6 * plane, *chirp_im = scratch + 7 * plane;
    __global ${R} *bend_re = scratch + 8 * plane, *bend_im = scratch + 9 * plane;
    // exp(-2 pi i j / length), from angles of at most pi / 4.
% if gpu:
    for (${T} j = lane; j < length; j += lanes) {
% else:
    // The first block, and the first of each block; what lies between is a product of two.
    for (${T} j = 0; j < length; j += j < ${BLOCK} ? 1 : ${BLOCK}) {
% endif
        const ulong quarter = (ulong)j * 4 / length;
        const ulong rest = (ulong)j * 4 - quarter * length;
        const int mirrored = rest * 2 > length;
        const ${R} half_turns = (${R})(mirrored ? length - rest : rest) / (${R})length / 2;
        const ${R} a = cospi(half_turns), b = sinpi(half_turns);
        const ${R} c = mirrored ? b : a, d = mirrored ? a : b;
        turn_re[j] = quarter == 0 ? c : quarter == 1 ? -d : quarter == 2 ? -c : d;
        turn_im[j] = -(quarter == 0 ? d : quarter == 1 ? c : quarter == 2 ? -d : -c);
    }
% if not gpu:
    for (${T} block = ${BLOCK}; block < length; block += ${BLOCK}) {
        const ${R} re = turn_re[block], im = turn_im[block];
        ${T} j = 0;
        for (; j < ${BLOCK} && block + j + ${W} <= length; j += ${W}) {
            const ${V} a = vload${W}(0, turn_re + j), b = vload${W}(0, turn_im + j);
            vstore${W}(a * re - b * im, 0, turn_re + block + j);
            vstore${W}(a * im + b * re, 0, turn_im + block + j);
        }
        for (; j < ${BLOCK} && block + j < length; ++j) {
            const ${R} a = turn_re[j], b = turn_im[j];
            turn_re[block + j] = a * re - b * im;
            turn_im[block + j] = a * im + b * re;
        }
    }
% endif
    if (chirped)  // exp(-pi i j j / n)
        for (${T} j = lane; j < n; j += lanes) {
            const ulong square = (ulong)j * j % (2 * (ulong)n);
            const ${R} half_turns = (${R})(square > n ? 2 * (ulong)n - square : square) / (${R})n;
            bend_re[j] = cospi(half_turns);
            bend_im[j] = square > n ? sinpi(half_turns) : -sinpi(half_turns);
        }
    ${BARRIER}
    const ${T} first = get_group_id(0), step = get_num_groups(0);
    // With a chirp: its own transform, then two for each line.
    uint phase = chirped ? 0 : 1;
    for (${T} row = first; row < rows;) {
        __global ${R} *from_re = scratch + 2 * plane, *from_im = scratch + 3 * plane;
        __global ${R} *to_re = scratch + 4 * plane, *to_im = scratch + 5 * plane;
        ${T} left = row;
% for d in reversed(range(outer_rank)):
        const ${T} o${d} = left % size${d}; left /= size${d};
% endfor
        __global const ${x_type} *in = x + (${offset("x")});
        __global ${y_type} *out = y + (${offset("y")});
        if (phase == 0) {
            for (${T} j = lane; j < length; j += lanes) {
                const ${T} k = min(j, length - j);
                from_re[j] = k < n ? bend_re[k] : 0;
                from_im[j] = k < n ? -bend_im[k] : 0;
            }
        } else if (phase == 1) {
            ${T} j = lane;
% if not gpu and kind != "hermitian":
            // Neighbours in memory: whole vectors, then the rest.
            if (x_step == 1 && !chirped)
                for (; j + ${W} <= given; j += ${W}) {
% if kind == "real":
                    vstore${W}(vload${W}(0, in + j), 0, from_re + j);
                    vstore${W}((${V})(0), 0, from_im + j);
% else:
                    const ${R}${2 * W} z = vload${2 * W}(0, (__global const ${R} *)(in + j));
                    vstore${W}(z.even, 0, from_re + j);
                    vstore${W}(z.odd * sign, 0, from_im + j);
% endif
                }
% endif
            for (; j < length; j += lanes) {
                ${R} re = 0, im = 0;
% if kind == "real":
                if (j < given) re = in[j * x_step];
% elif kind == "complex":
                if (j < given) {
                    const ${C} z = in[j * x_step];
                    re = z.x; im = z.y * sign;
                }
% else:
                const int mirrored = j > n / 2;
                const ${T} k = mirrored ? n - j : j;
                if (j < n && k < given) {
                    const ${C} z = in[k * x_step];
                    re = z.x;
                    im = k == 0 || k * 2 == n ? 0 : (mirrored ? -z.y : z.y) * sign;
                }
% endif
                if (chirped && j < n) {
                    const ${R} t = re * bend_re[j] - im * bend_im[j];
                    im = re * bend_im[j] + im * bend_re[j];
                    re = t;
                }
                from_re[j] = re; from_im[j] = im;
            }
        }
        ${T} rest = length;
        ${T} s = 1;
        ${BARRIER}
        for (ulong code = radices; code; code >>= 4) {
            const uint radix = code & 15;
            switch (radix) {
% for r in RADICES:
            case ${r}:
                ${entry}_pass${r}(from_re, from_im, to_re, to_im, turn_re, turn_im, rest, s, lane, lanes);
                break;
% endfor
            }
            ${BARRIER}
            rest /= radix;
            s *= radix;
            __global ${R} *swap = from_re; from_re = to_re; to_re = swap;
            swap = from_im; from_im = to_im; to_im = swap;
        }
        if (phase == 0) {
            for (${T} j = lane; j < length; j += lanes) {
                chirp_re[j] = from_re[j]; chirp_im[j] = from_im[j];
            }
            phase = 1;
            ${BARRIER}
            continue;
        }
        if (chirped && phase == 1) {
            // The product of the transforms, conjugated, for the way back.
            __global ${R} *next_re = scratch + 2 * plane, *next_im = scratch + 3 * plane;
            for (${T} j = lane; j < length; j += lanes) {
                const ${R} re = from_re[j] * chirp_re[j] - from_im[j] * chirp_im[j];
                const ${R} im = from_re[j] * chirp_im[j] + from_im[j] * chirp_re[j];
                next_re[j] = re; next_im[j] = -im;
            }
            phase = 2;
            ${BARRIER}
            continue;
        }
        ${T} k = lane;
% if not gpu:
        if (y_step == 1 && !chirped)
            for (; k + ${W} <= wanted; k += ${W}) {
                const ${V} re = vload${W}(0, from_re + k) * scale;
% if kind == "hermitian":
                vstore${W}(re, 0, out + k);
% else:
                ${R}${2 * W} z;
                z.even = re;
                z.odd = vload${W}(0, from_im + k) * (scale * sign);
                vstore${2 * W}(z, 0, (__global ${R} *)(out + k));
% endif
            }
% endif
        for (; k < wanted; k += lanes) {
            ${R} re = from_re[k], im = from_im[k];
            if (chirped) {
                const ${R} t = (re * bend_re[k] + im * bend_im[k]) / (${R})length;
                im = (re * bend_im[k] - im * bend_re[k]) / (${R})length;
                re = t;
            }
% if kind == "hermitian":
            out[k * y_step] = re * scale;
% else:
            out[k * y_step] = (${C})(re * scale, im * scale * sign);
% endif
        }
        phase = 1;
        row += step;
        ${BARRIER}
    }
}
