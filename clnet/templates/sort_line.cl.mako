## What sorting and selecting share: the order-preserving key, and the sorting of one work-item's keys.
<%def name="key_function(dtype, descending)">\
<%
bits = dtype.itemsize * 8
key = {8: "uchar", 16: "ushort", 32: "uint", 64: "ulong"}[bits]
top_bit = f"(({key})1 << {bits - 1})"
%>\
#ifndef SORT_KEY_${dtype.name.upper()}_${int(descending)}
#define SORT_KEY_${dtype.name.upper()}_${int(descending)}
// Larger key: later in the result.  NaN is the largest value; -0 and 0 are equal.
inline ${key} sort_key_${dtype.name}_${int(descending)}(${key} raw) {
% if dtype.is_floating_point:
<% mantissa = {"float16": 0x7C00, "bfloat16": 0x7F80, "float32": 0x7F800000, "float64": 0x7FF0000000000000}[dtype.name] %>\
    const ${key} magnitude = raw & (${key})~${top_bit};
    ${key} k = magnitude > (${key})${hex(mantissa)}${"UL" if bits == 64 else ""} ? (${key})~(${key})0
        : magnitude == 0 ? ${top_bit}
        : (raw & ${top_bit}) ? (${key})~raw : (${key})(raw | ${top_bit});
% elif dtype.is_signed:
    ${key} k = raw ^ ${top_bit};
% else:
    ${key} k = raw;
% endif
    return ${"(" + key + ")~k" if descending else "k"};
}
#endif
</%def>\
<%def name="insertion(key, n)">\
            // Few elements: each is moved past the larger ones before it.
            for (uint i = 1; i < ${n}; ++i) {
                const ${key} k = from[i];
                const uint place = from_place[i];
                uint j = i;
                for (; j > 0 && from[j - 1] > k; --j) { from[j] = from[j - 1]; from_place[j] = from_place[j - 1]; }
                from[j] = k; from_place[j] = place;
            }
</%def>\
<%def name="passes(key, n, digits)">\
            // Stable passes from the lowest digit; ``count`` holds how often each digit occurs.
            for (uint b = 0; b < ${digits}; ++b) {
                uint *digit = count + b * 256;
                if (digit[(uint)((from[0] >> (8 * b)) & 255)] == ${n}) continue;  // all keys agree here
                uint sum = 0;
                for (uint d = 0; d < 256; ++d) { const uint c = digit[d]; digit[d] = sum; sum += c; }
                for (uint i = 0; i < ${n}; ++i) {
                    const ${key} k = from[i];
                    const uint place = digit[(uint)((k >> (8 * b)) & 255)]++;
                    to[place] = k; to_place[place] = from_place[i];
                }
                __global ${key} *swap = from; from = to; to = swap;
                __global uint *swap_place = from_place; from_place = to_place; to_place = swap_place;
            }
</%def>
