## Recurrent cells over a whole sequence: a task keeps its rows of the batch through all steps, so that
## one launch does them all.  CPU class: a work-item has `share` rows and takes ${rows} at a time for each
## vector of units; GPU class: a work-group has ${rows} rows, its items the units.
##
## Mode "forward": products with the packed recurrent weight, (unit block, gate pair, input, gate, ${pack}),
## then the gates.  Mode "backward": steps in reverse; the gates' cotangents, then their products with the
## weight packed as (unit block, gate and unit, block), which give the state's cotangent.
##
## Time and batch have strides (in rows of units).  A row ends after its length; `reverse` walks it
## from there.
<%namespace name="part" file="attention_part.cl.mako"/>
<%
W = lanes
V = "" if W == 1 else str(W)
T = types.register_type(acc, W)
one = types.register_type(acc)
gpu = W == 1
L = local_size[0]
G = {"lstm": 4, "gru": 3}.get(cell, 1)
kept_gates = 4 if G > 1 else 0
# Gates multiplied together: as many as there are registers for.
groups = [range(g, min(g + 2, G)) for g in range(0, G, 2)] if rows > 4 else [range(G)]
pair = 2 if G == 4 else G
power = f"attention_power{W}" if acc.itemsize == 4 else f"attention_power_double{W}"
lstm, gru = cell == "lstm", cell == "gru"
def load(pointer, index): return f"{pointer}[{index}]" if gpu else f"vload{W}(0, {pointer} + {index})"
def store(value, pointer, index): return f"{pointer}[{index}] = {value};" if gpu else f"vstore{W}({value}, 0, {pointer} + {index});"
def lit(v): return types.literal(v, acc, W)
def choose(c, a, b): return f"({c} ? {a} : {b})" if gpu else f"select({b}, {a}, {c})"
fast = "FP_FAST_FMA" + ("F" if acc.itemsize == 4 else "")
unit_loop = f"for (uint u = get_local_id(0); u < (uint)H; u += {L})" if gpu else f"for (uint u = 0; u < (uint)H; u += {W})"
%>\
#undef RECURRENT_MAD
#if ${"defined(" + fast + ")" if gpu else "1"}
#define RECURRENT_MAD(a, b, c) fma(a, b, c)
#else
#define RECURRENT_MAD(a, b, c) ((a) * (b) + (c))
#endif
${part.power(acc, W)}\
#ifndef RECURRENT_GATES_${T}
#define RECURRENT_GATES_${T}
inline ${T} recurrent_sigmoid_${T}(${T} x) {
    const ${T} e = ${power}(-fabs(x) * ${lit(1.4426950408889634)});
    const ${T} y = ${lit(1)} / (${lit(1)} + e);
    return ${choose(f"x < {lit(0)}", "e * y", "y")};
}
inline ${T} recurrent_tanh_${T}(${T} x) {
    const ${T} e = ${power}(-fabs(x) * ${lit(2 * 1.4426950408889634)});
    return copysign((${lit(1)} - e) / (${lit(1)} + e), x);
}
#endif
<%def name="row_places(count)">
% for r in range(count):
        const ulong row${r} = min((ulong)(n + ${r}), N - 1);
        const uint length${r} = ${f"(uint)lengths[row{r}]" if "lengths" in reads else "(uint)steps"};
        const int active${r} = n + ${r} < n_stop && step < length${r};
        const ulong time${r} = active${r} ? ${f"length{r} - 1 - step" if reverse else "step"} : 0;
        const ulong at${r} = time${r} * time_stride + row${r} * row_stride;
        const ulong before${r} = (active${r} && step ? time${r} ${"+ 1" if reverse else "- 1"} : 0) * time_stride + row${r} * row_stride;
        __global const ${one} *past${r} = active${r} && step ? y + before${r} * H : h0 + row${r} * H;
% endfor
</%def>\
__kernel __attribute__((reqd_work_group_size(${L}, 1, 1)))
void ${entry}(
% for name in reads:
    __global const ${"long" if name == "lengths" else one} *${name}, const ulong ${name}_offset,
% endfor
% for name in writes:
    __global ${one} *${name}, const ulong ${name}_offset,
% endfor
    const ulong steps, const ulong N, const ulong H, const ulong share, const ulong time_stride,
    const ulong row_stride, const ulong x_time, const ulong x_row, const ulong g_time, const ulong g_row
) {
% for name in (*reads, *writes):
    ${name} += ${name}_offset;
% endfor
    const ulong n_first = (ulong)get_group_id(0) * share, n_stop = min(N, n_first + share);
% if mode == "forward":
    for (uint step = 0; step < (uint)steps; ++step) {
        ${unit_loop} {
            __global const ${one} *column = weight + (ulong)(u / ${pack}) * H * ${G * pack} + u % ${pack};
            for (ulong n = n_first; n < n_stop; n += ${rows}) {
                ${row_places(rows)}
% if "lengths" in reads:
                if (!(${" || ".join(f"active{r}" for r in range(rows))})) continue;
% endif
% for r in range(rows):
% for g in range(G):
                ${T} a_${r}_${g} = ${load("bias", f"{g} * H + u") if "bias" in reads else lit(0)};
% endfor
% endfor
% for group in groups:
                {
% for q in range(group[0] // pair, group[-1] // pair + 1):
                    __global const ${one} *pair${q} = column + ${q * pair * pack} * H;
% endfor
                    for (uint k = 0; k < (uint)H; ++k) {
% for g in group:
                        const ${T} w${g} = ${load(f"pair{g // pair}", str(g % pair * pack))};
% endfor
% for r in range(rows):
                        { const ${T} x = (${T})(past${r}[k]);
% for g in group:
                        a_${r}_${g} = RECURRENT_MAD(x, w${g}, a_${r}_${g});
% endfor
                        }
% endfor
% for q in range(group[0] // pair, group[-1] // pair + 1):
                        pair${q} += ${pair * pack};
% endfor
                    }
                }
% endfor
% for r in range(rows):
                if (active${r}) {
                    __global const ${one} *x = inputs + time${r} * x_time + row${r} * x_row;
% for g in range(G - 1 if gru else G):
                    a_${r}_${g} += ${load("x", f"{g} * H + u")};
% endfor
% if lstm:
                    const ${T} i = recurrent_sigmoid_${T}(a_${r}_0), f = recurrent_sigmoid_${T}(a_${r}_1);
                    const ${T} g = recurrent_tanh_${T}(a_${r}_2), o = recurrent_sigmoid_${T}(a_${r}_3);
                    const ${T} c_past = step ? ${load("c", f"before{r} * H + u")} : ${load("c0", f"row{r} * H + u")};
                    const ${T} cell = f * c_past + i * g;
                    const ${T} h = o * recurrent_tanh_${T}(cell);
                    ${store("cell", "c", f"at{r} * H + u")}
                    if (step + 1 == length${r}) { ${store("cell", "c_last", f"row{r} * H + u")} }
% for g, name in enumerate("ifgo"):
                    ${store(name, "gates", f"at{r} * H * 4 + {g} * H + u")}
% endfor
% elif gru:
                    const ${T} reset = recurrent_sigmoid_${T}(a_${r}_0), z = recurrent_sigmoid_${T}(a_${r}_1);
                    const ${T} fresh = recurrent_tanh_${T}(${load("x", "2 * H + u")} + reset * a_${r}_2);
                    const ${T} h = fresh + z * (${load(f"past{r}", "u")} - fresh);
% for g, name in enumerate(("reset", "z", "fresh", f"a_{r}_2")):
                    ${store(name, "gates", f"at{r} * H * 4 + {g} * H + u")}
% endfor
% elif cell == "tanh":
                    const ${T} h = recurrent_tanh_${T}(a_${r}_0);
% else:
                    const ${T} h = ${choose(f"a_{r}_0 < {lit(0)}", lit(0), f"a_{r}_0")};
% endif
                    ${store("h", "y", f"at{r} * H + u")}
                    if (step + 1 == length${r}) { ${store("h", "h_last", f"row{r} * H + u")} }
                }
% endfor
            }
        }
% if gpu:
        barrier(CLK_GLOBAL_MEM_FENCE);
% endif
    }
% if "lengths" in reads:
    for (ulong n = n_first; n < n_stop; ++n)
        for (ulong t = lengths[n]; t < steps; ++t)
            ${unit_loop} { ${store(lit(0), "y", "(t * time_stride + n * row_stride) * H + u")} }
% endif
% else:
    ${unit_loop}
        for (ulong n = n_first; n < n_stop; ++n) {
            ${store(load("g_last", "n * H + u"), "dh", "n * H + u")}
% if lstm:
            ${store(load("g_cell", "n * H + u"), "dc", "n * H + u")}
% endif
        }
    for (uint stage = 0; stage < (uint)steps; ++stage) {
        const uint step = (uint)steps - 1 - stage;
        ${unit_loop}
            for (ulong n = n_first; n < n_stop; ++n) {
                ${row_places(1)}
                if (!active0) {
% if "lengths" in reads:
                    // Zeros beyond the length: what follows sums over all places.
                    const ulong at = step * time_stride + n * row_stride;
                    ${store(lit(0), "past", "at * H + u")}
% for g in range(G):
                    ${store(lit(0), "slopes", f"at * H * {G} + {g} * H + u")}
% if gru:
                    ${store(lit(0), "x_slopes", f"at * H * {G} + {g} * H + u")}
% endif
% endfor
% endif
                    continue;
                }
                const ${T} h_past = ${load("past0", "u")};
                ${store("h_past", "past", "at0 * H + u")}
                const ${T} d = ${load("dh", "row0 * H + u")} + ${load("g", "time0 * g_time + row0 * g_row + u")};
% if kept_gates:
                __global const ${one} *gate = gates + at0 * H * 4 + u;
% endif
                __global ${one} *slope = slopes + at0 * H * ${G} + u;
% if lstm:
                const ${T} i = ${load("gate", "0")}, f = ${load("gate", "H")}, g_ = ${load("gate", "2 * H")}, o = ${load("gate", "3 * H")};
                const ${T} tc = recurrent_tanh_${T}(${load("c", "at0 * H + u")});
                const ${T} c_past = step ? ${load("c", "before0 * H + u")} : ${load("c0", "row0 * H + u")};
                const ${T} dcell = ${load("dc", "row0 * H + u")} + d * o * (${lit(1)} - tc * tc);
                ${store(f"dcell * g_ * i * ({lit(1)} - i)", "slope", "0")}
                ${store(f"dcell * c_past * f * ({lit(1)} - f)", "slope", "H")}
                ${store(f"dcell * i * ({lit(1)} - g_ * g_)", "slope", "2 * H")}
                ${store(f"d * tc * o * ({lit(1)} - o)", "slope", "3 * H")}
                ${store("dcell * f", "dc", "row0 * H + u")}
% elif gru:
                const ${T} reset = ${load("gate", "0")}, z = ${load("gate", "H")}, fresh = ${load("gate", "2 * H")}, product = ${load("gate", "3 * H")};
                const ${T} dfresh = d * (${lit(1)} - z) * (${lit(1)} - fresh * fresh);
                const ${T} dreset = dfresh * product * reset * (${lit(1)} - reset), dz = d * (h_past - fresh) * z * (${lit(1)} - z);
                __global ${one} *x_slope = x_slopes + at0 * H * 3 + u;
                ${store("dreset", "slope", "0")}
                ${store("dz", "slope", "H")}
                ${store("dfresh * reset", "slope", "2 * H")}
                ${store("dreset", "x_slope", "0")}
                ${store("dz", "x_slope", "H")}
                ${store("dfresh", "x_slope", "2 * H")}
                ${store("d * z", "dh", "row0 * H + u")}
% else:
                const ${T} h = ${load("y", "at0 * H + u")};
                ${store(f"d * ({lit(1)} - h * h)" if cell == "tanh" else choose(f"h > {lit(0)}", "d", lit(0)), "slope", "0")}
% endif
            }
% if gpu:
        barrier(CLK_GLOBAL_MEM_FENCE);
% endif
<% B = vectors * W %>\
        ${f"for (uint u = get_local_id(0); u < (uint)H; u += {L})" if gpu else f"for (uint u = 0; u < (uint)H; u += {B})"} {
            __global const ${one} *column = weight + (ulong)(u / ${block}) * H * ${G * block} + u % ${block};
            for (ulong n = n_first; n < n_stop; n += ${rows}) {
                ${row_places(rows)}
% for r in range(rows):
                __global const ${one} *slope${r} = slopes + at${r} * H * ${G};
% for v in range(vectors):
                ${T} a_${r}_${v} = ${load("dh", f"row{r} * H + u + {v * W}") if gru else lit(0)};
% endfor
% endfor
                __global const ${one} *w = column;
                for (uint k = 0; k < (uint)H * ${G}; ++k) {
% for v in range(vectors):
                    const ${T} w${v} = ${load("w", str(v * W))};
% endfor
% for r in range(rows):
                    { const ${T} x = (${T})(slope${r}[k]);
% for v in range(vectors):
                    a_${r}_${v} = RECURRENT_MAD(x, w${v}, a_${r}_${v});
% endfor
                    }
% endfor
                    w += ${block};
                }
% for r in range(rows):
                if (active${r}) {
% for v in range(vectors):
                    ${store(f"a_{r}_{v}", "dh", f"row{r} * H + u + {v * W}")}
% endfor
                }
% endfor
            }
        }
% if gpu:
        barrier(CLK_GLOBAL_MEM_FENCE);
% endif
    }
% endif
}
