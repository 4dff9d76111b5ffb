## How work-groups of the GPU class share a product: which tile of the result is theirs, and how tiles
## of the factors pass from global memory through registers into local memory.
##
## A factor is seen as rows (m of a, n of b) by k.  Its order says what follows in memory: "k", "rows",
## or "s" for neither; or how the windows of a convolution are read: "gather", neighbouring items along the
## rows and each several k, or "across", neighbouring items along k and each several rows.  Neighbouring
## items read what follows in memory, or (``k_inner``) along k where local memory is laid out that way:
## their writes would meet in one bank otherwise.
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
def shares(rows, depth, width, items):
    """Loads per item of a tile of ``rows`` by ``depth``."""
    return -(-rows * depth // (width * items))

def lane_names(width):
    return [f".s{j:x}" for j in range(width)] if width > 1 else [""]
%>\
<%def name="position(order, rows)">\
% if order == "k":
            const uint kk = p % ${tile_k // load_width} * ${load_width}, r = p / ${tile_k // load_width};
% elif order == "gather":
            const uint r = p % ${rows}, kk = p / ${rows} * ${load_width};
% elif order == "across" or k_inner:
            const uint kk = p % ${tile_k}, r = p / ${tile_k} * ${load_width};
% else:
            const uint r = p % ${rows // load_width} * ${load_width}, kk = p / ${rows // load_width};
% endif
</%def>\
## What an index along k or n contributes to the places of windows: (offset, w, h, d), far outside the planes
## for indices beyond the limit.  ``also`` is a second offset, by its own steps.
<%def name="contribute(side, at, limit, to, also, also_steps)">\
        if (${at} < ${limit}) {
            ${index_type} rest_${side} = ${at}, also_${side} = 0;
            ${index_type}4 place_${side} = (${index_type}4)(0);
% for i, axis in enumerate(reversed(windows)):
            {
                const ${index_type} e = rest_${side} % ${side}_${axis}, u = e * ${side}_step_${axis}${f" + n_origin_{axis}" if side == "n" else ""};
                rest_${side} /= ${side}_${axis};
                place_${side}.s${i + 1} = u;
                place_${side}.s0 += u * b_${axis};
                also_${side} += e * ${also_steps}_${axis};
            }
% endfor
            place_${side}.s0 += rest_${side} * ${side}_outer;
            ${to} = place_${side};
            ${also} = also_${side} + rest_${side} * ${also_steps}_outer;
        } else
            ${to} = (${index_type}4)(0, ${", ".join(["(" + index_type + ")-1 << " + ("30" if index_type == "uint" else "62")] * 3)});
</%def>\
<%def name="tables()">\
% if windows:
    __local ${index_type}4 window_k[2][${tile_k}], window_n[${tile_n}];
    __local ${index_type} a_to[2][${tile_k}], y_to[${tile_n}];
% endif
</%def>\
## Fills the tables of columns and of the first tile along k.
<%def name="begin_windows()">\
% if windows:
    for (uint e = item; e < ${tile_n}; e += ${items}) {
${contribute("n", "n + e", "N", "window_n[e]", "y_to[e]", "y")}\
    }
${turn_windows("k_first", "0")}\
    barrier(CLK_LOCAL_MEM_FENCE);
% if b_order == "gather" and items % tile_n == 0:
    const ${index_type}4 window = window_n[item % ${tile_n}];
% endif
% endif
</%def>\
## Fills the table of the tile that begins at k.
<%def name="turn_windows(first, buffer)">\
% if windows:
    for (uint e = item; e < ${tile_k}; e += ${items}) {
        const ${index_type} k_e = ${first} + e;
${contribute("k", "k_e", "k_stop", f"window_k[{buffer}][e]", f"a_to[{buffer}][e]", "a")}\
    }
% endif
</%def>\
## Registers that hold an item's part of a tile.
<%def name="hold(name, order, rows, element)">\
    ${element}${load_width} ${", ".join(f"{name}_next{i}" for i in range(shares(rows, tile_k, load_width, items)))};
</%def>\
## Reads the tile at k; what lies outside the matrix is zero.
<%def name="fetch(name, order, rows, element, load)">\
<%
count = shares(rows, tile_k, load_width, items)
first, limit, step, k_step = ("m", "M", "a_m", "a_n") if name == "a" else ("n", "N", "b_n", "b_m")
V = load_width
%>\
% for i in range(count):
        {
            const uint p = item + ${i * items};
${position(order, rows)}\
<%
def inside(dr, dk):
    terms = [f"{first} + r{dr} < {limit}", f"k + kk{dk} < k_stop"]
    if rows * tile_k % (V * items):
        terms.append(f"p < {rows * tile_k // V}")
    return " && ".join(terms)
last = V - 1
gathered = windows and name == "b"
whole = inside("", f" + {last}") if order == "k" else inside(f" + {last}", "")
def k_place(dk):
    return f"a_to[step & 1][kk{dk}]" if a_jumps and name == "a" else f"(k + kk{dk}) * {k_step}"
def one(j):
    dr, dk = ("", f" + {j}") if order in ("k", "gather") else (f" + {j}", "")
    if gathered:
        test = " && ".join(f"from{j}.s{s + 1} < in_{axis}" for s, axis in enumerate(reversed(windows)))
        if rows * tile_k % (V * items):
            test += f" && p < {rows * tile_k // V}"
        return f"({test} ? {load(f'b_at + from{j}.s0', 1)} : ({element})0)"
    at = f"{name}_at + ({first} + r{dr}) * {step} + {k_place(dk)}"
    return f"({inside(dr, dk)} ? {load(at, 1)} : ({element})0)"
%>\
% if gathered:
<%
def bounded(at, size):
    return f"min({at}, {size - 1}u)" if rows * tile_k % (V * items) else at
%>\
% for j in range(V):
            const ${index_type}4 from${j} = ${f"window_k[step & 1][{bounded(f'kk + {j}', tile_k)}] + {'window' if items % rows == 0 else 'window_n[r]'}" if order == "gather" else f"window_k[step & 1][kk] + window_n[{bounded(f'r + {j}', rows)}]"};
% endfor
% elif order in ("k", "rows"):
            if (${whole})
                ${name}_next${i} = ${load(f"{name}_at + ({first} + r) * {step} + {k_place('')}", V)};
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
count = shares(rows, tile_k, load_width, items)
V = load_width
%>\
% for i in range(count):
        {
            const uint p = item + ${i * items};
${position(order, rows)}\
% if rows * tile_k % (V * items):
            if (p < ${rows * tile_k // V})
% endif
            {
% if put_vector is not None:
                ${put_vector("r", "kk", f"{name}_next{i}")}
% else:
% for j, lane in enumerate(lane_names(V)):
                ${put("r" if order in ("k", "gather") else f"(r + {j})", f"(kk + {j})" if order in ("k", "gather") else "kk", f"{name}_next{i}{lane}")}
% endfor
% endif
            }
        }
% endfor
</%def>\
