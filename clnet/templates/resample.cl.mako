## Lines of (outer, line, inner) resampled: y[o, j, i] = sum over t of weight[j, t] * x[o, place[j, t], i].
##
## table: places and weights; forward: the sums; adjoint: y[o, place[j, t], i] += weight[j, t] * x[o, j, i],
## where a task owns what it adds to.
<%
import math
T = index_type
V = width
R = types.register_type(real)
vector = types.register_type(acc, V)
one = types.register_type(acc)
zero = f"({one})(0)"
zero_v = f"({vector})(0)"
C = types.memory_type(dtype)
def lit(x):
    return types.literal(x, real)
def loaded(index, width):
    return types.convert(types.load(dtype, "x", index, width), dtype, acc, width)
def weighed(value):
    return f"{value} * ({one})weights[at + t]" if weighted else value
%>\
<%def name="cubic(name, a)">\
#ifndef CUBIC_${name}
#define CUBIC_${name}
// Keys' cubic convolution.
inline ${R} cubic_${name}(${R} x) {
    x = fabs(x);
    return x < 1 ? ((${lit(a)} + 2) * x - (${lit(a)} + 3)) * x * x + 1
        : x < 2 ? (((x - 5) * x + 8) * x - 4) * ${lit(a)} : 0;
}
#endif
</%def>\
<% 
suffix = real.name
smooth = {"linear_antialias": f"max(1 - fabs(u), ({R})0)", "cubic_antialias": f"cubic_{suffix}_smooth(u)",
          "lanczos_antialias": f"lanczos_{suffix}(u)"}.get(mode)
%>\
% if kind == "table" and mode == "cubic":
${cubic(suffix, -0.75)}
% elif kind == "table" and mode == "cubic_antialias":
${cubic(suffix + "_smooth", -0.5)}
% elif kind == "table" and mode == "lanczos_antialias":
#ifndef LANCZOS_${suffix}
#define LANCZOS_${suffix}
inline ${R} lanczos_${suffix}(${R} x) {
    const ${R} turn = ${lit(math.pi)} * x;
    return fabs(x) >= 3 ? 0 : x == 0 ? 1 : sin(turn) * sin(turn / 3) * 3 / (turn * turn);
}
#endif
% endif
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
% if kind != "table":
    __global const ${C} *x, const ulong x_offset,
% endif
    __global ${"int" if kind == "table" else "const int"} *places, const ulong places_offset,
% if weighted:
    __global ${R if kind == "table" else "const " + R} *weights, const ulong weights_offset,
% endif
% if kind == "table":
    const ${T} size, const ${T} count, const ${T} taps, const ${T} shift, const ${R} scale, const ${R} support
) {
    places += places_offset;
% if weighted:
    weights += weights_offset;
% endif
    const long n = size;
    for (${T} j = get_global_id(0); j < count; j += get_global_size(0)) {
        const ${T} at = j * taps;
% if mode in ("reflect", "replicate", "circular"):
        long p = (long)j - (long)shift;
% if mode == "reflect":
        p = p < 0 ? -p : p;
        p = p >= n ? 2 * (n - 1) - p : p;
% elif mode == "circular":
        p = p < 0 ? p + n : p >= n ? p - n : p;
% endif
        places[at] = (int)clamp(p, 0L, n - 1);
% elif mode == "nearest":
        places[at] = (int)min((long)floor((float)j * (float)scale), n - 1);
% elif mode == "nearest-exact":
        places[at] = (int)min((long)floor(((float)j + 0.5f) * (float)scale), n - 1);
% elif mode == "linear":
% if corners:
        const ${R} source = scale * (${R})j;
% else:
        const ${R} source = max(scale * ((${R})j + ${lit(0.5)}) - ${lit(0.5)}, (${R})0);
% endif
        const long first = min((long)source, n - 1);
        const ${R} part = clamp(source - (${R})first, (${R})0, (${R})1);
        places[at] = (int)first;
        places[at + 1] = (int)min(first + 1, n - 1);
        weights[at] = 1 - part;
        weights[at + 1] = part;
% elif mode == "cubic":
% if corners:
        const ${R} source = scale * (${R})j;
% else:
        const ${R} source = scale * ((${R})j + ${lit(0.5)}) - ${lit(0.5)};
% endif
        const long first = min((long)floor(source), n - 1);
        const ${R} part = clamp(source - (${R})first, (${R})0, (${R})1);
        for (int t = 0; t < 4; ++t) {
            places[at + t] = (int)clamp(first - 1 + t, 0L, n - 1);
            weights[at + t] = cubic_${suffix}(part - (${R})(t - 1));
        }
% else:
        const ${R} inverse = scale >= 1 ? 1 / scale : 1;
        const ${R} centre = scale * ((${R})j + ${lit(0.5)});
        const long first = max((long)(centre - support + ${lit(0.5)}), 0L);
        const long length = clamp(min((long)(centre + support + ${lit(0.5)}), n) - first, 0L, (long)taps);
        ${R} total = 0;
        for (long t = 0; t < (long)taps; ++t) {
            const ${R} u = ((${R})(t + first) - centre + ${lit(0.5)}) * inverse;
            const ${R} w = t >= length ? 0 : ${smooth};
            places[at + t] = (int)clamp(first + t, 0L, n - 1);
            weights[at + t] = w;
            total += w;
        }
        for (${T} t = 0; t < taps; ++t)
            weights[at + t] = total != 0 ? weights[at + t] / total : weights[at + t];
% endif
    }
}
% else:
    __global ${C} *y, const ulong y_offset,
    const ${T} size, const ${T} count, const ${T} taps, const ${T} inner, const ${T} line, const ${T} tasks
) {
    x += x_offset;
    y += y_offset;
    places += places_offset;
% if weighted:
    weights += weights_offset;
% endif
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
% if local_size[0] == 1:
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
% else:
    for (${T} task = get_global_id(0); task < tasks; task += get_global_size(0)) {
% endif
% if kind == "forward":
<%def name="total(i, W)">
            ${types.register_type(acc, W)} value = (${types.register_type(acc, W)})(0);
            for (${T} t = 0; t < taps; ++t)
                value += ${weighed(loaded(f"from + (ulong)places[at + t] * inner + {i}", W))};
            ${types.store(dtype, "y", f"to + {i}", types.convert("value", acc, dtype, W), W)}
</%def>
% if local_size[0] > 1:
        const ${T} i = task % inner, j = (task / inner) % count, o = task / (inner * count);
        const ${T} at = j * taps;
        const ulong from = (ulong)o * size * inner, to = ((ulong)o * count + j) * inner;
        ${total("i", 1)}
% else:
        const ${T} j = task % count, o = task / count;
        const ${T} at = j * taps;
        const ulong from = (ulong)o * size * inner, to = ((ulong)o * count + j) * inner;
        ${T} i = 0;
% if V > 1:
        for (; i + ${V} <= inner; i += ${V}) {
            ${total("i", V)}
        }
% endif
        for (; i < inner; ++i) {
            ${total("i", 1)}
        }
% endif
% else:
<%def name="gather(W)">
        for (${T} p = 0; p < size; ++p)
            ${types.store(dtype, "y", "to + p * inner", types.convert(f"({types.register_type(acc, W)})(0)", acc, dtype, W), W)}
        for (${T} j = 0; j < count; ++j) {
            const ${types.register_type(acc, W)} part = ${loaded("from + j * inner", W)};
            const ${T} at = j * taps;
            for (${T} t = 0; t < taps; ++t) {
                const ulong place = to + (ulong)places[at + t] * inner;
                const ${types.register_type(acc, W)} sum = ${types.convert(types.load(dtype, "y", "place", W), dtype, acc, W)} + ${weighed("part")};
                ${types.store(dtype, "y", "place", types.convert("sum", acc, dtype, W), W)}
            }
        }
</%def>
        const ${T} o = task / line, i = (task % line) * ${V};
        const ulong from = (ulong)o * count * inner + i, to = (ulong)o * size * inner + i;
% if V > 1:
        if (i + ${V} <= inner) {
            ${gather(V)}
        } else {
            const ulong from_tail = from, to_tail = to;
            for (${T} l = 0; l < inner - i; ++l) {
                const ulong from = from_tail + l, to = to_tail + l;
                ${gather(1)}
            }
        }
% else:
        ${gather(1)}
% endif
% endif
    }
}
% endif
