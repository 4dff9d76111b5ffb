## The k first elements of each line in sorted order, or one of them by its rank: a group per line.
##
## The element of the wanted rank is found digit by digit from the highest, first of its key and
## then of its position, by counting in local memory; the pair of both is unique, so the counts do
## not depend on the order of the work-items.  mode "topk" collects what does not come behind it and
## sorts that in local memory.
<%namespace name="line" file="sort_line.cl.mako"/>\
<%
bits = dtype.itemsize * 8
key = {8: "uchar", 16: "ushort", 32: "uint", 64: "ulong"}[bits]
mt = "ushort" if dtype is dt.float16 else types.memory_type(dtype)
L = local_size[0]
names = ["x", "y", "yi"]
def offset(name):
    return " + ".join(f"o{d} * {name}_o{d}" for d in range(outer_rank)) or "0"
sort_key = f"sort_key_{dtype.name}_{int(largest)}"
counts_nan = mode in ("median", "nanmedian") and dtype.is_floating_point
%>\
${line.key_function(dtype, largest)}\
__kernel __attribute__((reqd_work_group_size(${L}, 1, 1)))
void ${entry}(
    __global const ${mt} *x, const ulong x_offset,
    __global ${mt} *y, const ulong y_offset,
    __global long *yi, const ulong yi_offset,
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
    __local uint count[256];
    __local uint chosen, left_over;
% if mode == "topk":
    __local ${key} best[${capacity}];
    __local uint best_place[${capacity}];
% endif
    x += x_offset; y += y_offset; yi += yi_offset;
    const uint item = get_local_id(0);
    for (uint task = get_group_id(0); task < lines; task += get_num_groups(0)) {
        uint left = task;
% for d in reversed(range(outer_rank)):
        const uint o${d} = left % size${d}; left /= size${d};
% endfor
        __global const ${mt} *values = x + (${offset("x")});
        __global const ${key} *raw = (__global const ${key} *)values;
        const uint y_line = ${offset("y")}, yi_line = ${offset("yi")};
        uint rank = ${"k - 1" if mode in ("topk", "rank") else "(n - 1) / 2"};
% if counts_nan:
        if (item == 0) left_over = 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint i = item; i < n; i += ${L})
            if (${sort_key}(raw[i * x_step]) == (${key})~(${key})0) atomic_inc(&left_over);
        barrier(CLK_LOCAL_MEM_FENCE);
        const uint nans = left_over;
        barrier(CLK_LOCAL_MEM_FENCE);
% if mode == "median":
        if (nans) rank = n - nans;  // the first of them
% else:
        rank = nans < n ? (n - nans - 1) / 2 : 0;
% endif
% endif
        ${key} wanted = 0;
        uint place = 0;
% for what in ("key", "place"):
<%
top = bits - 8 if what == "key" else 24
name, kind = ("wanted", key) if what == "key" else ("place", "uint")
%>\
        for (int shift = ${top}; shift >= 0; shift -= 8) {
% if what == "place":
            if (shift && (n - 1) >> shift == 0) continue;  // no place has this digit
% endif
            for (uint d = item; d < 256; d += ${L}) count[d] = 0;
            barrier(CLK_LOCAL_MEM_FENCE);
            for (uint i = item; i < n; i += ${L}) {
                const ${key} found = ${sort_key}(raw[i * x_step]);
% if what == "key":
                if (shift == ${top} || found >> (shift + 8) == wanted >> (shift + 8))
                    atomic_inc(&count[(uint)((found >> shift) & 255)]);
% else:
                if (found == wanted && (shift == ${top} || i >> (shift + 8) == place >> (shift + 8)))
                    atomic_inc(&count[(i >> shift) & 255]);
% endif
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            if (item == 0) {
                uint d = 0, before = 0;
                while (before + count[d] <= rank) before += count[d++];
                chosen = d;
                left_over = rank - before;
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            ${name} |= (${kind})((${kind})chosen << shift);
            rank = left_over;
            barrier(CLK_LOCAL_MEM_FENCE);
        }
% endfor
% if mode == "topk":
        uint width = 1;
        while (width < k) width *= 2;
        if (item == 0) left_over = 0;
        for (uint j = k + item; j < width; j += ${L}) { best[j] = (${key})~(${key})0; best_place[j] = UINT_MAX; }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint i = item; i < n; i += ${L}) {
            const ${key} found = ${sort_key}(raw[i * x_step]);
            if (found < wanted || (found == wanted && i <= place)) {
                const uint j = atomic_inc(&left_over);
                best[j] = found;
                best_place[j] = i;
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        // Batcher's bitonic sort by (key, place).
        for (uint run = 2; run <= width; run *= 2)
            for (uint apart = run / 2; apart; apart /= 2) {
                for (uint j = item; j < width / 2; j += ${L}) {
                    const uint a = 2 * j - (j & (apart - 1)), b = a + apart;
                    const ${key} ka = best[a], kb = best[b];
                    const uint pa = best_place[a], pb = best_place[b];
                    const int later = ka > kb || (ka == kb && pa > pb);
                    if (later == ((a & run) == 0)) {
                        best[a] = kb; best[b] = ka;
                        best_place[a] = pb; best_place[b] = pa;
                    }
                }
                barrier(CLK_LOCAL_MEM_FENCE);
            }
        for (uint j = item; j < k; j += ${L}) {
            y[y_line + j * y_step] = values[best_place[j] * x_step];
            yi[yi_line + j * yi_step] = best_place[j];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
% else:
        if (item == 0) {
            y[y_line] = values[place * x_step];
            yi[yi_line] = place;
        }
% endif
    }
}
