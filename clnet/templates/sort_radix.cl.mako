## GPU class: stable radix sort of keys and places by 4-bit digits; work-groups share a line.
##
## phase "line": a group sorts whole lines, every digit in one launch.
## For few long lines each digit is three launches: "count" how often it occurs in each part of a line,
## "scan" where the parts' elements go, "move" them there.
<%
items = local_size[0]
chunk = items * per_item
%>\
## Moves the elements from chunk_begin to chunk_end to where start[] says their digits go next.
<%def name="move_chunk()">\
            for (uint d = 0; d < 16; ++d) found[d * ${items} + item] = 0;
            const uint first = chunk_begin + item * ${per_item};
            for (uint i = first; i < min(first + ${per_item}, chunk_end); ++i)
                ++found[(uint)((from[i] >> shift) & 15) * ${items} + item];
            barrier(CLK_LOCAL_MEM_FENCE);
            // Exclusive sums in the order of digits, then of items: the places of a stable order.
            uint sum = 0;
            for (uint i = 0; i < 16; ++i) sum += found[item * 16 + i];
            sums[item] = sum;
            barrier(CLK_LOCAL_MEM_FENCE);
            for (uint reach = 1; reach < ${items}; reach *= 2) {
                const uint before = item >= reach ? sums[item - reach] : 0;
                barrier(CLK_LOCAL_MEM_FENCE);
                sums[item] += before;
                barrier(CLK_LOCAL_MEM_FENCE);
            }
            sum = sums[item] - sum;
            for (uint i = 0; i < 16; ++i) {
                const uint here = found[item * 16 + i];
                found[item * 16 + i] = (ushort)sum;
                sum += here;
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            for (uint d = item; d < 16; d += ${items}) begins[d] = found[d * ${items}];
            barrier(CLK_LOCAL_MEM_FENCE);
            for (uint i = first; i < min(first + ${per_item}, chunk_end); ++i) {
                const ${key} k = from[i];
                const uint d = (uint)((k >> shift) & 15);
                const uint place = start[d] + found[d * ${items} + item]++ - begins[d];
                to[place] = k; to_place[place] = from_place[i];
            }
</%def>\
__kernel __attribute__((reqd_work_group_size(${items}, 1, 1)))
void ${entry}(
% if phase != "scan":
    __global ${key} *keys, const ulong keys_offset,
    __global uint *places, const ulong places_offset,
% endif
% if phase != "line":
    __global uint *counts, const ulong counts_offset,
% endif
    const uint digit, const uint n, const uint parts, const uint lines
) {
    const uint item = get_local_id(0);
% if phase != "scan":
    keys += keys_offset; places += places_offset;
% endif
% if phase != "line":
    counts += counts_offset;
% endif
% if phase in ("move", "line"):
    __local ushort found[${16 * items}];
    __local uint sums[${items}], start[16], begins[16];
% elif phase == "scan":
    __local uint sums[${items}];
% endif
% if phase in ("count", "line"):
    __local uint total[16];
% endif
% if phase == "count":
    const uint part = get_group_id(0) % parts, line = get_group_id(0) / parts, shift = digit * 4;
    __global const ${key} *from = keys + ((ulong)(digit % 2) * lines + line) * n;
    for (uint d = item; d < 16; d += ${items}) total[d] = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    const uint end = min(n, (part + 1) * ${chunk});
    for (uint i = part * ${chunk} + item; i < end; i += ${items})
        atomic_inc(&total[(uint)((from[i] >> shift) & 15)]);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint d = item; d < 16; d += ${items}) counts[((ulong)line * 16 + d) * parts + part] = total[d];
% elif phase == "scan":
    // Each item sums a stretch of the line's counts.
    __global uint *mine = counts + (ulong)get_group_id(0) * 16 * parts;
    const uint stretch = (16 * parts + ${items - 1}) / ${items};
    const uint begin = min(item * stretch, 16 * parts), end = min(begin + stretch, 16 * parts);
    uint sum = 0;
    for (uint i = begin; i < end; ++i) sum += mine[i];
    sums[item] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint reach = 1; reach < ${items}; reach *= 2) {
        const uint before = item >= reach ? sums[item - reach] : 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        sums[item] += before;
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    sum = sums[item] - sum;
    for (uint i = begin; i < end; ++i) {
        const uint here = mine[i];
        mine[i] = sum;
        sum += here;
    }
% elif phase == "move":
    const uint part = get_group_id(0) % parts, line = get_group_id(0) / parts, shift = digit * 4;
    const ulong at = ((ulong)(digit % 2) * lines + line) * n, other = ((ulong)(1 - digit % 2) * lines + line) * n;
    __global const ${key} *from = keys + at;
    __global const uint *from_place = places + at;
    __global ${key} *to = keys + other;
    __global uint *to_place = places + other;
    for (uint d = item; d < 16; d += ${items}) start[d] = counts[((ulong)line * 16 + d) * parts + part];
    const uint chunk_begin = part * ${chunk}, chunk_end = min(n, chunk_begin + ${chunk});
    {
${move_chunk()}\
    }
% else:
    for (uint line = get_group_id(0); line < lines; line += get_num_groups(0))
        for (uint b = 0; b < digit; ++b) {
            const uint shift = b * 4;
            const ulong at = ((ulong)(b % 2) * lines + line) * n, other = ((ulong)(1 - b % 2) * lines + line) * n;
            __global const ${key} *from = keys + at;
            __global const uint *from_place = places + at;
            __global ${key} *to = keys + other;
            __global uint *to_place = places + other;
            for (uint d = item; d < 16; d += ${items}) total[d] = 0;
            barrier(CLK_LOCAL_MEM_FENCE);
            for (uint i = item; i < n; i += ${items}) atomic_inc(&total[(uint)((from[i] >> shift) & 15)]);
            barrier(CLK_LOCAL_MEM_FENCE);
            for (uint d = item; d < 16; d += ${items}) {
                uint before = 0;
                for (uint i = 0; i < d; ++i) before += total[i];
                start[d] = before;
            }
            for (uint chunk_begin = 0; chunk_begin < n; chunk_begin += ${chunk}) {
                const uint chunk_end = min(n, chunk_begin + ${chunk});
                barrier(CLK_LOCAL_MEM_FENCE);
${move_chunk()}\
                barrier(CLK_LOCAL_MEM_FENCE);
                for (uint d = item; d < 16; d += ${items})
                    start[d] += found[d * ${items} + ${items - 1}] - begins[d];
            }
            // The next digit reads what other items wrote.
            barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
        }
% endif
}
