## Coordinates of the non-zero elements in row-major order, in two launches: each part counts its
## elements; then each part adds up the counts before it and writes its coordinates.
<%
T = "ulong" if wide else "uint"
%>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(dtype)} *x, const ulong x_offset,
    __global long *counts, const ulong counts_offset,
% if fills:
    __global long *y, const ulong y_offset, const long rows,
% endif
% for d in range(rank):
    const ${T} size${d}, const ${T} step${d},
% endfor
    const ${T} numel, const ${T} share
) {
    x += x_offset; counts += counts_offset;
    const ${T} part = get_global_id(0);
    const ${T} stop = min(numel, (part + 1) * share);
    long count = 0;
% if fills:
    y += y_offset;
    for (${T} p = 0; p < part; ++p) count += counts[p];
% endif
    for (${T} i = part * share; i < stop; ++i) {
        ${T} left = i;
% for d in reversed(range(rank)):
        const ${T} i${d} = left % size${d}; left /= size${d};
% endfor
        if (${types.convert(types.load(dtype, "x", " + ".join(f"i{d} * step{d}" for d in range(rank)) or "0"), dtype, dt.bool_)}) {
% if fills:
            if (count < rows) {
% for d in range(rank):
                y[count * ${rank} + ${d}] = i${d};
% endfor
            }
% endif
            ++count;
        }
    }
% if not fills:
    counts[part] = count;
% endif
}
