## Stable radix sort of lines by 8-bit digits of an order-preserving integer key.
##
## phase "lines": a work-item sorts whole lines, every pass in one launch.
## For few long lines a line is cut into parts and each pass is two launches, "count" and "move";
## "keys" makes the keys first and "finish" writes values and indices at the end.
<%namespace name="line" file="sort_line.cl.mako"/>\
<%
T = "uint"
bits = dtype.itemsize * 8
key = {8: "uchar", 16: "ushort", 32: "uint", 64: "ulong"}[bits]
# Elements are only moved: half needs an extension even for that, its bits do not.
mt = "ushort" if dtype is dt.float16 else types.memory_type(dtype)
passes = bits // 8
def offset(name):
    return " + ".join(f"o{d} * {name}_o{d}" for d in range(outer_rank)) or "0"
names = ["x", "y", "yi"]
%>\
${line.key_function(dtype, descending)}\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${mt} *x, const ulong x_offset,
% if phase in ("lines", "finish"):
    __global ${mt} *y, const ulong y_offset,
    __global long *yi, const ulong yi_offset,
% endif
    __global ${key} *keys, const ulong keys_offset,
    __global uint *places, const ulong places_offset,
% if phase in ("count", "move"):
    __global uint *counts, const ulong counts_offset,
    const uint shift, const uint source,
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
    x += x_offset; keys += keys_offset; places += places_offset;
% if phase in ("lines", "finish"):
    y += y_offset; yi += yi_offset;
% endif
% if phase in ("count", "move"):
    counts += counts_offset;
% endif
% if phase == "lines":
    // Two buffers of n keys and places per work-item.
    __global ${key} *from = keys + (ulong)get_global_id(0) * 2 * n, *to = from + n;
    __global uint *from_place = places + (ulong)get_global_id(0) * 2 * n, *to_place = from_place + n;
% endif
    for (${T} task = get_global_id(0); task < tasks; task += get_global_size(0)) {
        const ${T} p = task % parts, line = task / parts;
        const ${T} begin = p * part, end = min(n, begin + part);
        ${T} left = line;
% for d in reversed(range(outer_rank)):
        const ${T} o${d} = left % size${d}; left /= size${d};
% endfor
% if phase in ("lines", "keys"):
        __global const ${key} *raw = (__global const ${key} *)x + (${offset("x")});
% endif
% if phase in ("lines", "finish"):
        __global const ${mt} *values = x + (${offset("x")});
        const ${T} y_line = ${offset("y")}, yi_line = ${offset("yi")};
% endif
% if phase == "lines":
        if (n <= ${insertion_limit}) {
            for (${T} i = 0; i < n; ++i) {
                from[i] = sort_key_${dtype.name}_${int(descending)}(raw[i * x_step]);
                from_place[i] = i;
            }
${line.insertion(key, "n")}\
        } else {
            // The digits of all passes are counted in one walk over the keys.
            uint count[${passes * 256}];
            for (uint d = 0; d < ${passes * 256}; ++d) count[d] = 0;
            for (${T} i = 0; i < n; ++i) {
                const ${key} k = sort_key_${dtype.name}_${int(descending)}(raw[i * x_step]);
                from[i] = k; from_place[i] = i;
% for b in range(passes):
                ++count[${b * 256} + (uint)((k >> ${8 * b}) & 255)];
% endfor
            }
${line.passes(key, "n", passes)}\
        }
        for (${T} i = 0; i < n; ++i) {
            y[y_line + i * y_step] = values[from_place[i] * x_step];
            yi[yi_line + i * yi_step] = from_place[i];
        }
% elif phase == "keys":
        for (${T} i = begin; i < end; ++i) {
            keys[(ulong)line * n + i] = sort_key_${dtype.name}_${int(descending)}(raw[i * x_step]);
            places[(ulong)line * n + i] = i;
        }
% elif phase == "count":
        uint count[256];
        for (uint d = 0; d < 256; ++d) count[d] = 0;
        __global const ${key} *from = keys + ((ulong)source * lines + line) * n;
        for (${T} i = begin; i < end; ++i) ++count[(uint)((from[i] >> shift) & 255)];
        for (uint d = 0; d < 256; ++d) counts[((ulong)line * parts + p) * 256 + d] = count[d];
% elif phase == "move":
        // Where this part's elements of each digit go: after all smaller digits, and after the
        // same digit of earlier parts.
        uint count[256];
        uint sum = 0;
        for (uint d = 0; d < 256; ++d) {
            for (${T} q = 0; q < parts; ++q) {
                if (q == p) count[d] = sum;
                sum += counts[((ulong)line * parts + q) * 256 + d];
            }
        }
        __global const ${key} *from = keys + ((ulong)source * lines + line) * n;
        __global const uint *from_place = places + ((ulong)source * lines + line) * n;
        __global ${key} *to = keys + ((ulong)(1 - source) * lines + line) * n;
        __global uint *to_place = places + ((ulong)(1 - source) * lines + line) * n;
        for (${T} i = begin; i < end; ++i) {
            const ${key} k = from[i];
            const uint place = count[(uint)((k >> shift) & 255)]++;
            to[place] = k; to_place[place] = from_place[i];
        }
% else:
        __global const uint *from_place = places + (ulong)line * n;
        for (${T} i = begin; i < end; ++i) {
            y[y_line + i * y_step] = values[from_place[i] * x_step];
            yi[yi_line + i * yi_step] = from_place[i];
        }
% endif
    }
}
