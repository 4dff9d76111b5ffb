## y[.., index[o, j, i], ..] = combine(its value, x[o, j, i]) for all o, j, i, in the order of j.
##
## j runs along the scattered dimension, i along the free dimension that lies densest, o over the
## other free ones.  Free coordinates never meet; equal indices do, so each target index belongs to
## one work-item (owner) that visits every j in order: the result does not depend on how the work is
## split.
<%
T = index_type
W = width
C = types.memory_type(index_dtype)
acc = types.register_type(dtype)
shared = index_classes[2] == "b"
vector = W > 1 and shared and y_unit and (x_dtype is None or x_classes[2] in ("u", "b"))
def value(w, i):
    "The operand's value(s) in the type of the target's registers."
    kind = types.register_type(dtype, w)
    if x_dtype is None: return f"(({kind})(number))"
    if x_classes[2] == "b":
        return f"(({kind})({types.convert(types.load(x_dtype, 'from', '0'), x_dtype, dtype)}))"
    at = i if x_classes[2] == "u" else f"({i}) * x_i"
    return types.convert(types.load(x_dtype, "from", at, w), x_dtype, dtype, w)
def combined(old, new, w):
    nan = dtype.is_inexact
    if mode == "add":
        return f"({old} | {new})" if dtype.name == "bool" else f"({old} + {new})"
    if mode == "multiply":
        return f"({old} & {new})" if dtype.name == "bool" else types.product(dtype, old, new, w)
    if mode in ("amax", "amin"):
        test = f"({new} {'>' if mode == 'amax' else '<'} {old})"
        if nan: test = f"({test} {'|' if w > 1 else '||'} ({new} != {new}))"
        return f"select({old}, {new}, {test})" if w > 1 else f"({test} ? {new} : {old})"
    return new
def update(w, i):
    at = i if y_unit else f"({i}) * y_i"
    new = value(w, i)
    if mode == "set":
        return types.store(dtype, "to", at, new, w)
    kind = types.register_type(dtype, w)
    return (f"const {kind} old = {types.load(dtype, 'to', at, w)}, new_ = {new}; "
            + types.store(dtype, "to", at, combined("old", "new_", w), w))
%>\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global ${types.memory_type(dtype)} *y, const ulong y_offset,
% if x_dtype is None:
    const ${acc} number,
% else:
    __global const ${types.memory_type(x_dtype)} *x, const ulong x_offset,
% endif
    __global const ${C} *index, const ulong index_offset,
% for d in range(outer_rank):
    const ${T} size${d}, const ${T} y_s${d}, const ${T} x_s${d}, const ${T} index_s${d},
% endfor
    const ${T} count, const ${T} y_j, const ${T} x_j, const ${T} index_j, const ${T} limit,
    const ${T} n, const ${T} y_i, const ${T} x_i, const ${T} index_i,
    const ${T} chunk, const ${T} chunks, const ${T} span, const ${T} owners, const ${T} tasks, const long skipped,
    volatile __global int *fault_word
) {
    y += y_offset; index += index_offset;
% if x_dtype is not None:
    x += x_offset;
% endif
    for (${T} task = get_global_id(0); task < tasks; task += get_global_size(0)) {
        // Neighbouring work-items of a GPU take neighbouring chunks.
        const ${T} begin = (task % chunks) * chunk, end = min(n, begin + chunk);
        const ${T} owner = task / chunks % owners;
        const long low = (long)(owner * span), high = (long)min(limit, (owner + 1) * span);
        ${T} rest = task / chunks / owners;
% for d in reversed(range(outer_rank)):
        const ${T} o${d} = rest % size${d}; rest /= size${d};
% endfor
        const ${T} y_row = ${" + ".join(f"o{d} * y_s{d}" for d in range(outer_rank)) or "0"};
        const ${T} x_row = ${" + ".join(f"o{d} * x_s{d}" for d in range(outer_rank)) or "0"};
        const ${T} index_row = ${" + ".join(f"o{d} * index_s{d}" for d in range(outer_rank)) or "0"};
        for (${T} j = 0; j < count; ++j) {
            __global const ${C} *at = index + index_row + j * index_j;
% if x_dtype is not None:
            __global const ${types.memory_type(x_dtype)} *from = x + x_row + j * x_j;
% endif
% if shared:
            const long t = (long)at[0];
            if (t < 0 || t >= (long)limit) record_fault(fault_word, ${fault_code}, t);
            if (t < low || t >= high || t == skipped) continue;
            __global ${types.memory_type(dtype)} *to = y + y_row + (${T})t * y_j;
            ${T} i = begin;
% if vector:
            for (; i + ${W} <= end; i += ${W}) { ${update(W, "i")} }
% endif
            for (; i < end; ++i) { ${update(1, "i")} }
% else:
            for (${T} i = begin; i < end; ++i) {
                const long t = (long)at[${"i" if index_classes[2] == "u" else "i * index_i"}];
                if (t < 0 || t >= (long)limit) record_fault(fault_word, ${fault_code}, t);
                if (t < low || t >= high || t == skipped) continue;
                __global ${types.memory_type(dtype)} *to = y + y_row + (${T})t * y_j;
                ${update(1, "i")}
            }
% endif
        }
    }
}
