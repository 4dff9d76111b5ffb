## Binary search: for every value the place at which it would be inserted into its sorted line.
##
## Lines of ``sequence`` are walked through ``order`` where given.  A NaN goes behind everything.
<%
ct = types.register_type(dtype)
it = types.memory_type(result)
%>\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(dtype)} *sequence, const ulong sequence_offset,
    __global const ${types.memory_type(dtype)} *values, const ulong values_offset,
% if ordered:
    __global const long *order, const ulong order_offset,
% endif
    __global ${it} *places, const ulong places_offset,
    const uint n, const uint per_line, const uint shared, const uint count
) {
    sequence += sequence_offset; values += values_offset; places += places_offset;
% if ordered:
    order += order_offset;
% endif
    for (uint i = get_global_id(0); i < count; i += get_global_size(0)) {
        const uint line = shared ? 0 : i / per_line * n;
        const ${ct} value = ${types.load(dtype, "values", "i")};
        uint begin = 0, end = n;
        while (begin < end) {
            const uint middle = begin + (end - begin) / 2;
            const ${ct} found = ${types.load(dtype, "sequence", "line + " + ("(uint)order[line + middle]" if ordered else "middle"))};
            if (!(found ${">" if right else ">="} value)) begin = middle + 1;
            else end = middle;
        }
        places[i] = begin;
    }
}
