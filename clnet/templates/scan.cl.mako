## y[i] = y[i-1] combined with x[i] along one dimension, forwards or backwards.
##
## A task is one part of one line (or of `width` neighbouring lines in mode "across", where the
## vector runs across the lines).  In mode "line" a vector of neighbours is scanned by shifts that
## double.  A line cut into several parts needs a second launch (`adjust`) that moves each part by
## the totals before it.
##
## Mode "group" (GPU class): the items of a work-group scan a part together, step by step through local memory,
## where each has `per_item` neighbours.  Of several parts the first launch finds the totals, the second
## (`adjust`) scans from what the totals before a part give.
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
group = mode == "group"
L, K = local_size[0], per_item
def absorb(left, right):
    "`right` becomes what it is after `left`; with indices, each has one beside it."
    if not indexed: return f"{right} = {join(left, right)};"
    later = f"{right} {'>=' if combine == 'max' else '<='} {left}"
    if acc.is_floating_point: later = f"{right} != {right} || ({left} == {left} && {later})"
    return f"if (!({later})) {{ {right} = {left}; {right}_at = {left}_at; }}"
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
% if group and indexed:
    __global long *totals_at, const ulong totals_at_offset,
% endif
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
% if group and indexed:
    totals_at += totals_at_offset;
% endif
% endif
% if group:
    __local ${scalar} tile[${L * (K + 1)}], sums[${L}];
% if indexed:
    __local ${T} tile_at[${L * (K + 1)}], sums_at[${L}];
% endif
    const uint item = get_local_id(0);
    for (${T} task = get_group_id(0); task < tasks; task += get_num_groups(0)) {
% else:
    for (${T} task = get_global_id(0); task < tasks; task += get_global_size(0)) {
% endif
% if L > 1 and not group:
        // Neighbouring work-items take neighbouring lines.
        const ${T} p = task / lines, line = task % lines;
% else:
        const ${T} p = task % parts, line = task / parts;
% endif
        ${T} left = line;
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
% if group:
${scan_together()}\
% elif adjust:
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
<%def name="declare(name, source, place)">${scalar} ${name} = ${source}[${place}];${f" {T} {name}_at = ({T}){source}_at[{place}];" if indexed else ""}</%def>\
<%def name="keep(target, place, name)">${target}[${place}] = ${name};${f" {target}_at[{place}] = {name}_at;" if indexed else ""}</%def>\
## sums[] becomes the totals of all items up to each.
<%def name="scan_sums()">\
            for (uint reach = 1; reach < ${L}; reach *= 2) {
                barrier(CLK_LOCAL_MEM_FENCE);
                ${declare("mine", "sums", "item")}
                if (item >= reach) {
                    ${declare("before", "sums", "item - reach")}
                    ${absorb("before", "mine")}
                }
                barrier(CLK_LOCAL_MEM_FENCE);
                ${keep("sums", "item", "mine")}
            }
            barrier(CLK_LOCAL_MEM_FENCE);
</%def>\
<%def name="scan_together()">\
        int carries = 0;
        ${scalar} carry = 0;
% if indexed:
        ${T} carry_at = 0;
% endif
% if adjust:
        if (p) {
            // The last item to have a stretch of its own ends at the last total before this part.
            const ${T} stretch = (p + ${L - 1}) / ${L}, from = min(item * stretch, p - 1);
            ${declare("sum", "totals", "line * parts + from")}
            for (${T} q = from + 1; q < min(from + stretch, p); ++q) {
                ${declare("next", "totals", "line * parts + q")}
                ${absorb("sum", "next")}
                sum = next;
% if indexed:
                sum_at = next_at;
% endif
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            ${keep("sums", "item", "sum")}
${scan_sums()}\
            carry = sums[(p - 1) / stretch];
% if indexed:
            carry_at = sums_at[(p - 1) / stretch];
% endif
            carries = 1;
        }
% endif
        for (${T} first = begin; first < end; first += ${L * K}) {
            barrier(CLK_LOCAL_MEM_FENCE);
            for (uint e = item; e < ${L * K}; e += ${L}) {
                // Beyond the end the last element stands again; nothing comes after it.
                const ${T} i = min(first + e, end - 1);
                tile[e + e / ${K}] = ${types.convert(types.load(dtype, "x", f"x_line + {at} * x_step"), dtype, acc)};
% if indexed:
                tile_at[e + e / ${K}] = ${at};
% endif
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            ${declare("last", "tile", f"item * {K + 1}")}
% for k in range(1, K):
            {
                ${declare("next", "tile", f"item * {K + 1} + {k}")}
                ${absorb("last", "next")}
                ${keep("tile", f"item * {K + 1} + {k}", "next")}
                last = next;${" last_at = next_at;" if indexed else ""}
            }
% endfor
            ${keep("sums", "item", "last")}
${scan_sums()}\
% if adjust or not split:
            if (item || carries) {
                ${declare("before", "sums", "max(item, 1u) - 1")}
                if (!item) { before = carry;${" before_at = carry_at;" if indexed else ""} }
                else if (carries) { ${absorb("carry", "before")} }
                for (uint k = 0; k < ${K}; ++k) {
                    ${declare("value", "tile", f"item * {K + 1} + k")}
                    ${absorb("before", "value")}
                    ${keep("tile", f"item * {K + 1} + k", "value")}
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            for (uint e = item; e < ${L * K} && first + e < end; e += ${L}) {
                const ${T} i = first + e;
                ${types.store(result, "y", f"y_line + {at} * y_step", types.convert(f"tile[e + e / {K}]", acc, result))}
% if indexed:
                yi[yi_line + ${at} * yi_step] = tile_at[e + e / ${K}];
% endif
            }
% endif
            ${declare("total", "sums", str(L - 1))}
            if (carries) { ${absorb("carry", "total")} }
            carry = total;${" carry_at = total_at;" if indexed else ""}
            carries = 1;
        }
% if split and not adjust:
        if (item == 0) { ${keep("totals", "line * parts + p", "carry")} }
% endif
</%def>\
