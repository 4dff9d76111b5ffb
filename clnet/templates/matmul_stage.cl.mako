## How work-groups of the GPU class share a product: which tile of the result is theirs, and how tiles
## of the factors pass from global memory through registers into local memory.
##
## A factor is seen as rows (m of a, n of b) by k.  Its order says what follows in memory: "k", "rows",
## or "s" for neither.  Neighbouring items read what follows in memory, or (``k_inner``) along k where local
## memory is laid out that way: their writes would meet in one bank otherwise.
<%def name="multiply_add()">\
#undef MATMUL_MAD
% if accumulate.is_floating_point:
#ifdef FP_FAST_FMA${"F" if accumulate.itemsize == 4 else ""}
#define MATMUL_MAD(a, b, c) fma(a, b, c)
#else
#define MATMUL_MAD(a, b, c) ((a) * (b) + (c))
#endif
% else:
#define MATMUL_MAD(a, b, c) ((a) * (b) + (c))
% endif
</%def>\
## Declares m and n (where the tile begins), k_first and k_stop, and where the matrices of the batch begin.
<%def name="place()">\
    ${index_type} rest = get_group_id(0);
    const ${index_type} batch_tiles = tiles_m * tiles_n;
    const ${index_type} tile_index = rest % batch_tiles; rest /= batch_tiles;
    // Groups that run together share rows and columns: bands of ${band} rows of tiles, walked column by column.
    const ${index_type} band_first = tile_index / (${band} * tiles_n) * ${band};
    const ${index_type} band_rows = min((${index_type})${band}, tiles_m - band_first);
    const ${index_type} in_band = tile_index - band_first * tiles_n;
    const ${index_type} m = (band_first + in_band % band_rows) * ${tile_m}, n = in_band / band_rows * ${tile_n};
    const ${index_type} split = rest % splits; rest /= splits;
</%def>\
<%def name="place_k()">\
    const ${index_type} y_at = ${" + ".join([f"i{d} * y_b{d}" for d in range(batch_rank)] + ["split * split_step"])};
    const ${index_type} k_first = min(K, split * depth), k_stop = min(K, k_first + depth);
    const uint steps = (k_stop - k_first + ${tile_k - 1}) / ${tile_k};
</%def>\
<%!
def shares(order, rows, depth, width, items):
    """(loads per item, vectors along the order's dimension) of a tile of ``rows`` by ``depth``."""
    return -(-rows * depth // (width * items)), (depth if order == "k" else rows) // width

def lane_names(width):
    return [f".s{j:x}" for j in range(width)] if width > 1 else [""]
%>\
## Registers that hold an item's part of a tile.
<%def name="hold(name, order, rows, element)">\
    ${element}${load_width} ${", ".join(f"{name}_next{i}" for i in range(shares(order, rows, tile_k, load_width, items)[0]))};
</%def>\
## Reads the tile at k; what lies outside the matrix is zero.
<%def name="fetch(name, order, rows, element, load)">\
<%
count, along = shares(order, rows, tile_k, load_width, items)
first, limit, step, k_step = ("m", "M", "a_m", "a_n") if name == "a" else ("n", "N", "b_n", "b_m")
V = load_width
%>\
% for i in range(count):
        {
            const uint p = item + ${i * items};
% if order == "k":
            const uint kk = p % ${along} * ${V}, r = p / ${along};
% elif k_inner:
            const uint kk = p % ${tile_k}, r = p / ${tile_k} * ${V};
% else:
            const uint r = p % ${along} * ${V}, kk = p / ${along};
% endif
<%
def inside(dr, dk):
    terms = [f"{first} + r{dr} < {limit}", f"k + kk{dk} < k_stop"]
    if rows * tile_k % (V * items):
        terms.append(f"p < {rows * tile_k // V}")
    return " && ".join(terms)
last = V - 1
whole = inside("", f" + {last}") if order == "k" else inside(f" + {last}", "")
def one(j):
    dr, dk = ("", f" + {j}") if order == "k" else (f" + {j}", "")
    at = f"{name}_at + ({first} + r{dr}) * {step} + (k + kk{dk}) * {k_step}"
    return f"({inside(dr, dk)} ? {load(at, 1)} : ({element})0)"
%>\
% if order != "s":
            if (${whole})
                ${name}_next${i} = ${load(f"{name}_at + ({first} + r) * {step} + (k + kk) * {k_step}", V)};
            else
% endif
                ${name}_next${i} = (${element}${V})(${", ".join(one(j) for j in range(V))});
        }
% endfor
</%def>\
## Writes what was read to local memory; ``put(r, kk, value)`` writes an element, ``put_vector`` V that follow
## one another along the order, or is None.
<%def name="deposit(name, order, rows, put, put_vector)">\
<%
count, along = shares(order, rows, tile_k, load_width, items)
V = load_width
%>\
% for i in range(count):
        {
            const uint p = item + ${i * items};
% if order == "k":
            const uint kk = p % ${along} * ${V}, r = p / ${along};
% elif k_inner:
            const uint kk = p % ${tile_k}, r = p / ${tile_k} * ${V};
% else:
            const uint r = p % ${along} * ${V}, kk = p / ${along};
% endif
% if rows * tile_k % (V * items):
            if (p < ${rows * tile_k // V})
% endif
            {
% if put_vector is not None:
                ${put_vector("r", "kk", f"{name}_next{i}")}
% else:
% for j, lane in enumerate(lane_names(V)):
                ${put("r" if order == "k" else f"(r + {j})", f"(kk + {j})" if order == "k" else "kk", f"{name}_next{i}{lane}")}
% endfor
% endif
            }
        }
% endfor
</%def>\
