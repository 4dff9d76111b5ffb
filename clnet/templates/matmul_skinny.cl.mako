## GPU class: products with few columns, bound by reading the first factor.  ``sharers`` items share a row and read
## ``tile_k`` k each in turn, neighbours along k or (``along_k`` false) along the rows, whichever follow in memory.
<%namespace name="part" file="matmul_epilogue.cl.mako"/>\
<%namespace name="stage" file="matmul_stage.cl.mako"/>\
<%
T = index_type
V = tile_k
acc_t = types.register_type(accumulate)
row_items = items // sharers
a_load = lambda at, w: types.convert(types.load(a_dtype, "a", at, w), a_dtype, accumulate, w)
b_load = lambda at, w: types.convert(types.load(b_dtype, "b", at, w), b_dtype, accumulate, w)
a_place = lambda i, j: f"a_at + row{i} * a_m + (k + {j}) * a_n"
b_place = lambda c, j: f"b_at + (k + {j}) * b_m + column{c} * b_n"
%>\
<%def name="read(name, vector, place, load)">\
% if vector:
                ${name} = ${load(place(0), V)};
% else:
% for j in range(V):
                ${name}.s${j} = ${load(place(j), 1)};
% endfor
% endif
</%def>\
${stage.multiply_add()}\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(a_dtype)} *a, const ulong a_offset,
    __global const ${types.memory_type(b_dtype)} *b, const ulong b_offset,
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    ${part.arguments()}
) {
    __local ${acc_t} shared[${columns}][${row_items}][${sharers + 1}];
    ${part.add_offsets(["a", "b", "y"] + [f"x{i}" for i in range(len(extras))])}
    const uint item = get_local_id(0);
    const uint sharer = ${f"item % {sharers}, mine = item / {sharers}" if along_k else f"item / {row_items}, mine = item % {row_items}"};
${stage.place()}\
    ${part.batch_offsets(["a", "b"] + [f"x{i}" for i in range(len(extras))], "rest")}
    const ${T} y_at = ${" + ".join([f"i{d} * y_b{d}" for d in range(batch_rank)] + ["split * split_step"])};
    const ${T} k_first = min(K, split * depth), k_stop = min(K, k_first + depth);
% for i in range(rows):
    const ${T} row${i} = min(m + mine + ${i * row_items}, M - 1);
    ${acc_t} ${", ".join(f"acc{i}_{c} = 0" for c in range(columns))};
% endfor
% for c in range(columns):
    const ${T} column${c} = min(n + ${c}, N - 1);
% endfor
    for (${T} k = k_first + sharer * ${V}; k < k_stop; k += ${V * sharers}) {
        ${acc_t}${V} ${", ".join([f"a{i}" for i in range(rows)] + [f"b{c}" for c in range(columns)])};
        if (k + ${V} <= k_stop) {
% for i in range(rows):
${read(f"a{i}", a_vector, lambda j: a_place(i, j), a_load)}\
% endfor
% for c in range(columns):
${read(f"b{c}", b_vector, lambda j: b_place(c, j), b_load)}\
% endfor
        } else {
% for i in range(rows):
            a${i} = (${acc_t}${V})(${", ".join(f"k + {j} < k_stop ? {a_load(a_place(i, j), 1)} : ({acc_t})0" for j in range(V))});
% endfor
% for c in range(columns):
            b${c} = (${acc_t}${V})(${", ".join(f"k + {j} < k_stop ? {b_load(b_place(c, j), 1)} : ({acc_t})0" for j in range(V))});
% endfor
        }
% for j in range(V):
% for i in range(rows):
% for c in range(columns):
        acc${i}_${c} = MATMUL_MAD(a${i}.s${j}, b${c}.s${j}, acc${i}_${c});
% endfor
% endfor
% endfor
    }
% for i in range(rows):
% for c in range(columns):
    shared[${c}][mine][sharer] = acc${i}_${c};
% endfor
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint e = item; e < ${row_items * columns}; e += ${items}) {
        const uint r = e % ${row_items}, c = e / ${row_items};
        const ${T} row = m + r + ${i * row_items}, column = n + c;
        ${acc_t} sum = 0;
        for (uint s = 0; s < ${sharers}; ++s)
            sum += shared[c][r][s];
        if (row < M && column < N)
            ${part.store_one("sum", "row", "column")}
    }
    barrier(CLK_LOCAL_MEM_FENCE);
% endfor
}
