## The k first elements of each line in sorted order, or one of them by its rank.
##
## A task is one line.  mode "few": a short sorted list of the best so far; most elements fail one
## comparison with its last, a whole vector at a time.  Otherwise the key of the wanted rank is found
## digit by digit from the highest, among ever fewer candidates ("radix select"); "rank" answers with
## it, "median" and "nanmedian" choose the rank by the line's NaNs, and "many" collects what comes
## before it and sorts that.
<%namespace name="line" file="sort_line.cl.mako"/>\
<%
bits = dtype.itemsize * 8
key = {8: "uchar", 16: "ushort", 32: "uint", 64: "ulong"}[bits]
mt = "ushort" if dtype is dt.float16 else types.memory_type(dtype)
digits = bits // 8
W = width
wide = types.register_type(dtype, W)
one = types.register_type(dtype)
names = ["x", "y", "yi"]
def offset(name):
    return " + ".join(f"o{d} * {name}_o{d}" for d in range(outer_rank)) or "0"
def sort_key(raw):
    return f"sort_key_{dtype.name}_{int(largest)}({raw})"
typed = "half" if dtype is dt.float16 else types.memory_type(dtype)
# Whether a value may come before the last of the list; NaN may.
before = f"!(value {'<=' if largest else '>='} worst)"
%>\
${line.key_function(dtype, largest)}\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${typed} *x, const ulong x_offset,
    __global ${mt} *y, const ulong y_offset,
    __global long *yi, const ulong yi_offset,
% if mode != "few":
    __global ${key} *keys, const ulong keys_offset,
    __global uint *places, const ulong places_offset,
% endif
% for d in range(outer_rank):
    const uint size${d},
% for name in names:
    const uint ${name}_o${d},
% endfor
% endfor
% for name in names:
    const uint ${name}_step,
% endfor
    const uint n, const uint k, const uint lines
) {
    x += x_offset; y += y_offset; yi += yi_offset;
% if mode != "few":
    keys += keys_offset; places += places_offset;
% endif
    // Neighbouring lines, which may share cache lines, stay together.
    const uint share = (lines + (uint)get_global_size(0) - 1) / (uint)get_global_size(0);
    const uint first = (uint)get_global_id(0) * share;
    for (uint task = first; task < min(lines, first + share); ++task) {
        uint left = task;
% for d in reversed(range(outer_rank)):
        const uint o${d} = left % size${d}; left /= size${d};
% endfor
        __global const ${typed} *values = x + (${offset("x")});
        __global const ${key} *raw = (__global const ${key} *)values;
        __global const ${mt} *source = (__global const ${mt} *)values;
        const uint y_line = ${offset("y")}, yi_line = ${offset("yi")};
% if mode == "few":
        ${key} best[${few}];
        uint best_place[${few}];
        uint held = 0, i = 0;
        ${one} worst = 0;
        while (i < n) {
            const uint stop = ${f"held < k || n - i < {W} ? i + 1 : i" if W > 1 else "i + 1"};
% if W > 1:
            // Vectors none of whose elements comes before the last of the list are passed over.
            uint until = stop;
            if (stop == i) {
                for (; i + ${W} <= n; i += ${W}) {
                    const ${wide} value = ${types.load(dtype, "values", "i", W)};
                    if (any(${before})) break;
                }
                until = min(n, i + ${W});
            }
% else:
            const uint until = stop;
% endif
            for (; i < until; ++i) {
                const ${one} value = ${types.load(dtype, "values", "i * x_step")};
                if (held == k && !(${before})) continue;
                const ${key} found = ${sort_key("raw[i * x_step]")};
                if (held == k && found >= best[k - 1]) continue;
                uint j = held < k ? held++ : k - 1;
                for (; j > 0 && best[j - 1] > found; --j) { best[j] = best[j - 1]; best_place[j] = best_place[j - 1]; }
                best[j] = found; best_place[j] = i;
                worst = ${types.load(dtype, "values", "best_place[held - 1] * x_step")};
            }
        }
        for (uint j = 0; j < k; ++j) {
            y[y_line + j * y_step] = source[best_place[j] * x_step];
            yi[yi_line + j * yi_step] = best_place[j];
        }
% else:
        // Two buffers of n keys and places per work-item.
        __global ${key} *from = keys + (ulong)get_global_id(0) * 2 * n, *to = from + n;
        __global uint *from_place = places + (ulong)get_global_id(0) * 2 * n, *to_place = from_place + n;
        uint count[${digits * 256}];
        for (uint d = 0; d < 256; ++d) count[d] = 0;
% if mode in ("median", "nanmedian"):
        uint nans = 0, first_nan = 0;
% endif
        for (uint i = 0; i < n; ++i) {
            const ${key} found = ${sort_key("raw[i * x_step]")};
            from[i] = found;
            ++count[(uint)(found >> ${bits - 8})];
% if mode in ("median", "nanmedian") and dtype.is_floating_point:
            if (found == (${key})~(${key})0) { if (nans == 0) first_nan = i; ++nans; }
% endif
        }
% if mode == "median":
        uint rank = (n - 1) / 2;
% elif mode == "nanmedian":
        uint rank = nans < n ? (n - nans - 1) / 2 : 0;
% else:
        uint rank = k - 1;
% endif
        ${key} wanted = 0;
        uint candidates = n;
        __global ${key} *among = from;
        for (uint shift = ${bits - 8}; ; shift -= 8) {
            if (shift != ${bits - 8}) {
                for (uint d = 0; d < 256; ++d) count[d] = 0;
                for (uint i = 0; i < candidates; ++i) ++count[(uint)((among[i] >> shift) & 255)];
            }
            uint d = 0;
            while (rank >= count[d]) rank -= count[d++];
            wanted |= (${key})((${key})d << shift);
            if (shift == 0) break;
            uint kept = 0;
            for (uint i = 0; i < candidates; ++i) {
                const ${key} found = among[i];
                to[kept] = found;
                kept += ((found >> shift) & 255) == d;
            }
            among = to;
            candidates = kept;
        }
% if mode == "many":
        // ``rank`` counts the equals of the wanted key that come before it.
        uint held = 0, equal = rank + 1;
        for (uint i = 0; i < n && held < k; ++i) {
            const ${key} found = from[i];
            if (found < wanted || (found == wanted && equal)) {
                equal -= found == wanted;
                from[held] = found;
                from_place[held++] = i;
            }
        }
        if (k <= ${insertion_limit}) {
${line.insertion(key, "k")}\
        } else {
            for (uint d = 0; d < ${digits * 256}; ++d) count[d] = 0;
            for (uint i = 0; i < k; ++i) {
% for b in range(digits):
                ++count[${b * 256} + (uint)((from[i] >> ${8 * b}) & 255)];
% endfor
            }
${line.passes(key, "k", digits)}\
        }
        for (uint j = 0; j < k; ++j) {
            y[y_line + j * y_step] = source[from_place[j] * x_step];
            yi[yi_line + j * yi_step] = from_place[j];
        }
% else:
        uint place = 0;
        for (; place < n; ++place)
            if (from[place] == wanted && rank-- == 0) break;
% if mode == "median":
        if (nans) place = first_nan;
% endif
        y[y_line] = source[place * x_step];
        yi[yi_line] = place;
% endif
% endif
    }
}
