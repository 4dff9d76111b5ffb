## y[p] = x[p with the coordinate of one dimension taken from index[p]], on elements as plain bits.
##
## The rows of y run along its last collapsed dimension.  Where the index does not vary along it, a
## row is copied at once; otherwise each element looks up its own.
<%
T = index_type
W = width
last = rank - 1
shared = index_classes[last] == "b"
C = types.memory_type(index_dtype)
def offset(name, classes, count):
    return " + ".join(f"i{d} * {name}_s{d}" for d in range(count) if classes[d] != "b") or "0"
def along(name, classes, i):
    return {"b": "0", "u": i, "s": f"({i}) * {name}_s{last}"}[classes[last]]
copies = shared and x_classes[last] == "u" and W > 1 and bits != "ulong2"
%>\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${bits} *x, const ulong x_offset, __global const ${C} *index, const ulong index_offset,
    __global ${bits} *y, const ulong y_offset,
% for d in range(last):
    const ${T} size${d},
% endfor
% for d in range(rank):
    const ${T} x_s${d}, const ${T} index_s${d},
% endfor
    const ${T} limit, const ${T} step, const ${T} n, const ${T} chunk, const ${T} chunks, const ${T} tasks,
    volatile __global int *fault_word
) {
    x += x_offset; index += index_offset; y += y_offset;
% if W == 1:
    for (${T} task = get_global_id(0); task < tasks; task += get_global_size(0)) {
        const ${T} begin = task % n, end = begin + 1;
        ${T} row = task / n;
% else:
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} first = (${T})get_global_id(0) * share;
    const ${T} stop = min(tasks, first + share);
    for (${T} task = first; task < stop; ++task) {
        const ${T} begin = (task % chunks) * chunk, end = min(n, begin + chunk);
        ${T} row = task / chunks;
% endif
        __global ${bits} *out = y + row * n;
% for d in reversed(range(last)):
        const ${T} i${d} = row % size${d}; row /= size${d};
% endfor
        __global const ${bits} *from = x + (${offset("x", x_classes, last)});
        __global const ${C} *at = index + (${offset("index", index_classes, last)});
<%def name="look(place)">
            long t = (long)${place};
            if (t < ${"-(long)limit" if wraps else "0"} || t >= (long)limit) {
                record_fault(fault_word, ${fault_code}, t);
                t = 0;
            }
% if wraps:
            if (t < 0) t += (long)limit;
% endif
</%def>\
% if shared:
        {
${look("at[0]")}\
            from += (${T})t * step;
        }
        ${T} i = begin;
% if copies:
        for (; i + ${W} <= end; i += ${W}) store_${bits}${W}(load_${bits}${W}(from + i), out + i);
% endif
        for (; i < end; ++i) out[i] = from[${along("x", x_classes, "i")}];
% else:
        for (${T} i = begin; i < end; ++i) {
${look("at[" + along("index", index_classes, "i") + "]")}\
            out[i] = from[(${T})t * step + ${along("x", x_classes, "i")}];
        }
% endif
    }
}
