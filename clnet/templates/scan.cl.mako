## y[i] = y[i-1] combined with x[i] along one dimension, forwards or backwards.
##
## A task is one part of one line (or of `width` neighbouring lines in mode "across", where the
## vector runs across the lines).  In mode "line" a vector of neighbours is scanned by shifts that
## double.  A line cut into several parts needs a second launch (`adjust`) that moves each part by
## the totals before it.
<%
T = "ulong" if wide else "uint"
W = width
across = mode == "across"
vector = types.register_type(acc, W)
scalar = types.register_type(acc)
indexed = combine in ("max", "min")
recurrence = combine == "linear"
neutral = types.literal(1 if combine == "prod" else 0, acc)
wide_neutral = types.literal(1 if combine == "prod" else 0, acc, W)
digits = "0123456789abcdef"
order = reversed(range(W)) if reverse else range(W)
swapped = "".join(digits[j] for j in order)
def join(a, b):
    if combine == "prod": return types.product(acc, a, b, W)
    if combine == "logaddexp": return f"log_add({a}, {b})"
    return f"({a} + {b})"
def shifted(v, k):
    return f"({vector})(" + ", ".join(f"{v}.s{digits[j - k]}" if j >= k else neutral for j in range(W)) + ")"
def offset(name):
    return " + ".join(f"o{d} * {name}_o{d}" for d in range(outer_rank)) or "0"
names = ["x"] + (["a"] if recurrence else []) + ["y"] + (["yi"] if indexed else [])
at = "(n - 1 - i)" if reverse else "i"
%>\
% if combine == "logaddexp":
#ifndef LOG_ADD
#define LOG_ADD
% if acc.is_complex:
inline ${scalar} log_add(${scalar} a, ${scalar} b) {
    const ${scalar} top = a.x > b.x || a.x != a.x ? a : b;
    const ${scalar} away = (a.x > b.x || a.x != a.x ? b : a) - top;
    if (isinf(top.x) || top.x != top.x) return top;
    const ${scalar} small = exp(away.x) * (${scalar})(cos(away.y), sin(away.y));
    return top + (${scalar})(log1p(small.x * (small.x + 2) + small.y * small.y) / 2, atan2(small.y, small.x + 1));
}
% else:
inline ${scalar} log_add(${scalar} a, ${scalar} b) {
    const ${scalar} top = a > b || a != a ? a : b;
    // The difference of equal infinities would be NaN.
    return isinf(top) || top != top ? top : top + log1p(exp(-fabs(a - b)));
}
% endif
#endif
% endif
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(dtype)} *x, const ulong x_offset,
% if recurrence:
    __global const ${types.memory_type(dtype)} *a, const ulong a_offset,
% endif
    __global ${types.memory_type(result)} *y, const ulong y_offset,
% if indexed:
    __global long *yi, const ulong yi_offset,
% endif
% if split:
    __global ${scalar} *totals, const ulong totals_offset,
% endif
% for d in range(outer_rank):
    const ${T} size${d},
% for name in names:
    const ${T} ${name}_o${d},
% endfor
% endfor
% for name in names:
    const ${T} ${name}_step,
% endfor
    const ${T} n, const ${T} part, const ${T} parts, const ${T} lines, const ${T} tasks
) {
% for name in names:
    ${name} += ${name}_offset;
% endfor
% if split:
    totals += totals_offset;
% endif
    for (${T} task = get_global_id(0); task < tasks; task += get_global_size(0)) {
        const ${T} p = task % parts;
        ${T} left = task / parts;
% if across:
        // The innermost outer dimension is walked in vectors; a ragged end overlaps its neighbour.
        const ${T} groups = (size${outer_rank - 1} + ${W - 1}) / ${W};
        const ${T} o${outer_rank - 1} = min((left % groups) * ${W}, size${outer_rank - 1} - ${W});
        left /= groups;
% endif
% for d in reversed(range(outer_rank - 1 if across else outer_rank)):
        const ${T} o${d} = left % size${d}; left /= size${d};
% endfor
% for name in names:
        const ${T} ${name}_line = ${offset(name)};
% endfor
        const ${T} begin = p * part, end = min(n, begin + part);
% if split:
        const ${T} line = task / parts;
% endif
% if adjust:
        ${scalar} before = ${neutral};
        for (${T} q = 0; q < p; ++q) before = ${join("before", f"totals[line * parts + q]")};
        if (p)
            for (${T} i = begin; i < end; ++i) {
                const ${scalar} value = ${types.load(result, "y", f"y_line + {at} * y_step")};
                const ${scalar} moved = ${join("before", "value")};
                ${types.store(result, "y", f"y_line + {at} * y_step", "moved")}
            }
% elif across:
        ${vector} sum = ${wide_neutral};
        for (${T} i = begin; i < end; ++i) {
            const ${vector} value = ${types.convert(types.load(dtype, "x", f"x_line + {at} * x_step", W), dtype, acc, W)};
            sum = ${join("sum", "value")};
            ${types.store(result, "y", f"y_line + {at} * y_step", types.convert("sum", acc, result, W), W)}
        }
% elif indexed:
        ${scalar} best = 0;
        long where = 0;
        for (${T} i = 0; i < n; ++i) {
            const ${scalar} value = ${types.convert(types.load(dtype, "x", f"x_line + {at} * x_step"), dtype, acc)};
% if acc.is_floating_point:
            // Once a NaN is met, only another replaces it.
            if (i == 0 || value != value || (best == best && value ${">=" if combine == "max" else "<="} best)) {
% else:
            if (i == 0 || value ${">=" if combine == "max" else "<="} best) {
% endif
                best = value;
                where = ${at};
            }
            ${types.store(result, "y", f"y_line + {at} * y_step", "best")}
            yi[yi_line + ${at} * yi_step] = where;
        }
% elif recurrence:
        ${scalar} sum = 0;
        for (${T} i = 0; i < n; ++i) {
            const ${scalar} value = ${types.load(dtype, "x", f"x_line + {at} * x_step")};
            const ${scalar} factor = ${types.load(dtype, "a", f"a_line + {at} * a_step")};
            sum = i ? ${types.product(acc, "factor", "sum")} + value : value;
            ${types.store(result, "y", f"y_line + {at} * y_step", "sum")}
        }
% else:
        ${scalar} sum = ${neutral};
        ${T} i = begin;
% if W > 1:
        for (; i + ${W} <= end; i += ${W}) {
            ${vector} v = ${types.convert(types.load(dtype, "x", "x_line + " + (f"(n - {W} - i)" if reverse else "i"), W), dtype, acc, W)};
% if reverse:
            v = v.s${swapped};
% endif
% for k in (1, 2, 4, 8):
% if k < W:
            v = ${join("v", shifted("v", k))};
% endif
% endfor
            v = ${join(f"({vector})(sum)", "v")};
            sum = v.s${digits[W - 1]};
% if reverse:
            v = v.s${swapped};
% endif
            ${types.store(result, "y", "y_line + " + (f"(n - {W} - i)" if reverse else "i"), types.convert("v", acc, result, W), W)}
        }
% endif
        for (; i < end; ++i) {
            const ${scalar} value = ${types.convert(types.load(dtype, "x", f"x_line + {at} * x_step"), dtype, acc)};
            sum = ${join("sum", "value") if combine != "logaddexp" else "(i == begin ? value : log_add(sum, value))"};
            ${types.store(result, "y", f"y_line + {at} * y_step", types.convert("sum", acc, result))}
        }
% if split:
        totals[line * parts + p] = sum;
% endif
% endif
    }
}
