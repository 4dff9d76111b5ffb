## y[b, r] = x[indices(b), r], or its inverse: a write (or sum) into x at positions given by index
## tensors.  b walks the broadcast index shape, r the dimensions that are not indexed.
##
## Writing with equal positions must not depend on the order of work-items, so a position belongs
## to one of `owners` work-items, which visits all b in order: the last write wins, sums add up in
## order.  `width` elements move together where both sides lie in one piece.
<%
T = "ulong" if wide else "uint"
indexed = len(index_types)
rest_last = rest_rank - 1
mt = types.memory_type(dtype)
acc = types.register_type(dtype)
def offset(prefix, steps, count):
    return " + ".join(f"{prefix}{d} * {steps}{d}" for d in range(count)) or "0"
%>\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    ${"__global " + mt if writes else "__global const " + mt} *x, const ulong x_offset,
% for j, t in enumerate(index_types):
    __global const ${types.memory_type(t)} *index${j}, const ulong index${j}_offset,
% endfor
    ${"__global const " + mt if writes else "__global " + mt} *y, const ulong y_offset,
% for j in range(indexed):
    const ${T} limit${j}, const ${T} x_step${j},
% for d in range(batch_rank):
    const ${T} index${j}_b${d},
% endfor
% endfor
% for d in range(batch_rank):
    const ${T} batch${d}, const ${T} y_b${d},
% endfor
% for d in range(rest_rank):
    const ${T} rest${d}, const ${T} x_r${d}, const ${T} y_r${d},
% endfor
    const ${T} batches, const ${T} rows, const ${T} parts, const ${T} lanes, volatile __global int *fault_word
) {
    x += x_offset; y += y_offset;
% for j in range(indexed):
    index${j} += index${j}_offset;
% endfor
% if writes:
    // Neighbouring work-items of a GPU write neighbouring elements.
    const ${T} owner = get_global_id(0) / lanes, r_first = get_global_id(0) % lanes, r_step = lanes;
    const ${T} row_first = 0, row_step = 1;
    for (${T} b = 0; b < batches; ++b) {
% elif local_size[0] > 1:
    // An element at a time, neighbours side by side.
    const ${T} r_step = rest${rest_last}, row_step = rows, per_batch = r_step * rows;
    for (${T} task = get_global_id(0); task < batches * per_batch; task += get_global_size(0)) {
        const ${T} b = task / per_batch, r_first = task % r_step, row_first = task % per_batch / r_step;
% else:
    const ${T} workers = get_global_size(0);
    const ${T} share = (batches + workers - 1) / workers;
    const ${T} b_first = get_global_id(0) * share;
    const ${T} b_stop = min(batches, b_first + share);
    const ${T} row_first = 0, row_step = 1, r_first = 0, r_step = 1;
    for (${T} b = b_first; b < b_stop; ++b) {
% endif
        ${T} left = b;
% for d in reversed(range(batch_rank)):
        const ${T} b${d} = left % batch${d}; left /= batch${d};
% endfor
        ulong place = 0;
        ulong target = 0;
        int valid = 1;
% for j in range(indexed):
        {
            long i = (long)index${j}[${offset("b", f"index{j}_b", batch_rank)}];
            if (i < -(long)limit${j} || i >= (long)limit${j}) {
                record_fault(fault_word, ${fault_code}, i);
                valid = 0;
            } else {
                if (i < 0) i += limit${j};
                place += (ulong)i * x_step${j};
                target = target * limit${j} + (ulong)i;
            }
        }
% endfor
        if (!valid) continue;
% if writes:
        if (target % parts != owner) continue;
% endif
        __global ${"" if writes else "const "}${mt} *from = x + place;
        __global ${"const " if writes else ""}${mt} *to = y + ${offset("b", "y_b", batch_rank)};
        for (${T} row = row_first; row < rows; row += row_step) {
            ${T} rest_left = row;
% for d in reversed(range(rest_last)):
            const ${T} r${d} = rest_left % rest${d}; rest_left /= rest${d};
% endfor
            const ${T} x_row = ${offset("r", "x_r", rest_last)};
            const ${T} y_row = ${offset("r", "y_r", rest_last)};
% if width > 1:
            ${T} r = 0;
            for (; r + ${width} <= rest${rest_last}; r += ${width})
                ${types.store(dtype, *(("from", "x_row + r") if writes else ("to", "y_row + r")), types.load(dtype, *(("to", "y_row + r") if writes else ("from", "x_row + r")), width), width)}
            for (; r < rest${rest_last}; ++r) {
% else:
            for (${T} r = r_first; r < rest${rest_last}; r += r_step) {
% endif
% if not writes:
                to[y_row + r * y_r${rest_last}] = from[x_row + r * x_r${rest_last}];
% elif accumulate:
                const ${acc} sum = ${types.load(dtype, "from", f"x_row + r * x_r{rest_last}")} + ${types.load(dtype, "to", f"y_row + r * y_r{rest_last}")};
                ${types.store(dtype, "from", f"x_row + r * x_r{rest_last}", "sum")}
% else:
                from[x_row + r * x_r${rest_last}] = to[y_row + r * y_r${rest_last}];
% endif
            }
        }
    }
}
