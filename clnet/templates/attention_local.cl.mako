## GPU class: a work-group of edge x edge items owns a tile of rows of one stack (of queries in modes
## "forward" and "query", of keys in mode "key") and walks the rows on the other side in tiles.
##
## Both factors of the scores pass through local memory in slices of the width; the tile of weights
## (or of their cotangents) stays there while rows of the other side are multiplied by it.
<%namespace name="part" file="attention_part.cl.mako"/>
<%
one = types.register_type(acc)
R = tile // edge
C = columns
items = edge * edge
step = tile + 1
power = "attention_power1" if acc.itemsize == 4 else "attention_power_double1"
fast = "FP_FAST_FMA" + ("F" if acc.itemsize == 4 else "")
by_query = mode != "key"
own_count, other_count = ("L", "S") if by_query else ("S", "L")
stage = max(2 * depth * step, depth * C * edge)
own, other = [f"item_m + {i * edge}" for i in range(R)], [f"item_n + {j * edge}" for j in range(R)]
def place(i, j): return f"weights[({other[j]}) * {step} + {own[i]}]"
def query(i, j): return f"(first + {own[i]})" if by_query else f"(start + {other[j]})"
def key(i, j): return f"(start + {other[j]})" if by_query else f"(first + {own[i]})"
%>\
<%def name="products(name, x, y, width)">
            ${one} ${name}[${R}][${R}];
            for (uint i = 0; i < ${R}; ++i) for (uint j = 0; j < ${R}; ++j) ${name}[i][j] = 0;
            for (ulong w = 0; w < ${width}; w += ${depth}) {
                for (uint e = item; e < ${tile * depth}; e += ${items}) {
                    const uint kk = e % ${depth}, r = e / ${depth};
                    staged[kk * ${step} + r] = first + r < ${own_count} ? ${x}_here[(first + r) * ${x}_row + w + kk] : 0;
                    staged[${depth * step} + kk * ${step} + r] = start + r < ${other_count} ? ${y}_here[(start + r) * ${y}_row + w + kk] : 0;
                }
                barrier(CLK_LOCAL_MEM_FENCE);
                for (uint kk = 0; kk < ${depth}; ++kk) {
% for i in range(R):
                    const ${one} a${i} = staged[kk * ${step} + ${own[i]}], b${i} = staged[${depth * step} + kk * ${step} + ${other[i]}];
% endfor
% for i in range(R):
% for j in range(R):
                    ${name}[${i}][${j}] = ATTENTION_MAD(a${i}, b${j}, ${name}[${i}][${j}]);
% endfor
% endfor
                }
                barrier(CLK_LOCAL_MEM_FENCE);
            }
</%def>\
<%def name="scores()">
            ${products("s", "q" if by_query else "k", "k" if by_query else "q", "E")}
% for i in range(R):
% for j in range(R):
            {
                const ulong at_query = ${query(i, j)}, at_key = ${key(i, j)};
                ${one} value = s[${i}][${j}] * scale;
                const int seen = at_query < L && at_key < S${" && at_key <= at_query" if causal else ""};
% if "mask" in reads:
                if (seen) value += mask_here[at_query * mask_row + at_key * mask_column] * ${types.literal(1.4426950408889634, acc)};
% endif
                s[${i}][${j}] = seen ? value : -INFINITY;
            }
% endfor
% endfor
</%def>\
<%def name="kept(value, i, j)">${f"(attention_word(seed, call, stack, (uint){query(i, j)}, (uint){key(i, j)}) < threshold ? 0 : {value} * rescale)" if dropout else value}</%def>\
## target[i][c] += sum over the other side's rows of weights[row][i] * source[row][c].
<%def name="accumulate(target, source, width)">
            for (uint w = 0; w < ${tile} && start + w < ${other_count}; w += ${depth}) {
                for (uint e = item; e < ${depth * C * edge}; e += ${items}) {
                    const uint kk = e / ${C * edge}, c = e % ${C * edge};
                    staged[e] = start + w + kk < ${other_count} && column + c < ${width} ? ${source}_here[(start + w + kk) * ${source}_row + column + c] : 0;
                }
                barrier(CLK_LOCAL_MEM_FENCE);
                for (uint kk = 0; kk < ${depth}; ++kk) {
% for i in range(R):
                    const ${one} a${i} = weights[(w + kk) * ${step} + ${own[i]}];
% endfor
% for c in range(C):
                    { const ${one} x = staged[kk * ${C * edge} + item_n + ${c * edge}];
% for i in range(R):
                    ${target}[${i}][${c}] = ATTENTION_MAD(a${i}, x, ${target}[${i}][${c}]);
% endfor
                    }
% endfor
                }
                barrier(CLK_LOCAL_MEM_FENCE);
            }
</%def>\
<%def name="store(target, y, width, factor)">
% for i in range(R):
% for c in range(C):
    if (first + ${own[i]} < ${own_count} && column + item_n + ${c * edge} < ${width})
        ${y}_here[(first + ${own[i]}) * ${y}_row + column + item_n + ${c * edge}] = ${target}[${i}][${c}]${factor(i)};
% endfor
% endfor
</%def>\
#undef ATTENTION_MAD
#ifdef ${fast}
#define ATTENTION_MAD(a, b, c) fma(a, b, c)
#else
#define ATTENTION_MAD(a, b, c) ((a) * (b) + (c))
#endif
${part.power(acc, 1)}\
% if dropout:
${part.philox()}\
% endif
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    ${part.arguments()}
) {
    __local ${one} staged[${stage}];
    __local ${one} weights[${tile * step}];
    __local ${one} row_a[${tile}];
    __local ${one} row_b[${tile}];
% if mode == "forward":
    __local ${one} row_c[${tile}];
% endif
    ${part.add_offsets()}
    const uint item = get_local_id(0), item_m = item / ${edge}, item_n = item % ${edge};
    ulong group = get_group_id(0);
    const ulong column = (group % chunks) * ${C * edge}; group /= chunks;
    const ulong first = (group % tiles) * ${tile};
    const ulong stack = group / tiles;
    ${part.at_stack([n for n in (*reads, *writes) if n != "inner"], "stack")}
    ${one} total[${R}][${C}]${f", other_total[{R}][{C}]" if mode == "key" else ""};
    for (uint i = 0; i < ${R}; ++i) for (uint c = 0; c < ${C}; ++c) total[i][c] = ${"other_total[i][c] = " if mode == "key" else ""}0;
% if mode == "forward":
    // row_a: maxima; row_b: sums; row_c: by how much the last maximum fades what came before.
    for (uint r = item; r < ${tile}; r += ${items}) { row_a[r] = -INFINITY; row_b[r] = 0; }
% elif mode == "query":
    // row_a: logarithms of sums; row_b: inner products of results and their cotangents.
    for (uint r = item; r < ${tile}; r += ${items}) {
        const ulong row = first + r;
        ${one} sum = 0;
        if (row < L) for (ulong d = 0; d < D; ++d) sum += g_here[row * g_row + d] * y_here[row * y_row + d];
        row_a[r] = row < L ? lse_here[row] : INFINITY;
        row_b[r] = sum;
        if (row < L && column == 0) inner[stack * L + row] = sum;
    }
% endif
    barrier(CLK_LOCAL_MEM_FENCE);
% if mode == "key":
    for (ulong start = ${"first" if causal else "0"}; start < L; start += ${tile}) {
        for (uint r = item; r < ${tile}; r += ${items}) {
            row_a[r] = start + r < L ? lse_here[start + r] : INFINITY;
            row_b[r] = start + r < L ? inner[stack * L + start + r] : 0;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        ${scores()}
% for i in range(R):
% for j in range(R):
        s[${i}][${j}] = ${power}(s[${i}][${j}] - row_a[${other[j]}]);
        ${place(i, j)} = ${kept(f"s[{i}][{j}]", i, j)};
% endfor
% endfor
        barrier(CLK_LOCAL_MEM_FENCE);
        ${accumulate("other_total", "g", "D")}
        ${products("slope", "v", "g", "D")}
% for i in range(R):
% for j in range(R):
        ${place(i, j)} = s[${i}][${j}] * (${kept(f"slope[{i}][{j}]", i, j)} - row_b[${other[j]}]) * slope_scale;
% endfor
% endfor
        barrier(CLK_LOCAL_MEM_FENCE);
        ${accumulate("total", "q", "E")}
    }
    ${store("total", "dk", "E", lambda i: "")}
    ${store("other_total", "dv", "D", lambda i: "")}
% else:
    const ulong stop = ${f"min(S, first + {tile})" if causal else "S"};
    for (ulong start = 0; start < stop; start += ${tile}) {
        ${scores()}
% if mode == "query":
        ${products("slope", "g", "v", "D")}
% for i in range(R):
% for j in range(R):
        ${place(i, j)} = ${power}(s[${i}][${j}] - row_a[${own[i]}]) * (${kept(f"slope[{i}][{j}]", i, j)} - row_b[${own[i]}]) * slope_scale;
% endfor
% endfor
        barrier(CLK_LOCAL_MEM_FENCE);
        ${accumulate("total", "k", "E")}
% else:
% for i in range(R):
% for j in range(R):
        ${place(i, j)} = s[${i}][${j}];
% endfor
% endfor
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint r = item; r < ${tile}; r += ${items}) {
            ${one} top = row_a[r], sum = 0;
            for (uint j = 0; j < ${tile}; ++j) {
                const ${one} value = weights[j * ${step} + r];
                top = value > top || value != value ? value : top;
            }
            const ${one} base = top == -INFINITY ? 0 : top;
            for (uint j = 0; j < ${tile}; ++j) {
                const ${one} value = ${power}(weights[j * ${step} + r] - base);
                sum += value;
                weights[j * ${step} + r] = value;
            }
            row_c[r] = ${power}(row_a[r] - base);
            row_b[r] = row_b[r] * row_c[r] + sum;
            row_a[r] = top;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
% for i in range(R):
        for (uint c = 0; c < ${C}; ++c) total[${i}][c] *= row_c[${own[i]}];
% endfor
% if dropout:
% for i in range(R):
% for j in range(R):
        ${place(i, j)} = ${kept(place(i, j), i, j)};
% endfor
% endfor
        barrier(CLK_LOCAL_MEM_FENCE);
% endif
        ${accumulate("total", "v", "D")}
% endif
    }
% if mode == "query":
    ${store("total", "dq", "E", lambda i: "")}
% else:
% for i in range(R):
    const ${one} share${i} = row_b[${own[i]}] == 0 ? 0 : 1 / row_b[${own[i]}];
% endfor
    ${store("total", "y", "D", lambda i: f" * share{i}")}
    for (uint r = item; r < ${tile}; r += ${items})
        if (first + r < L && column == 0) lse_here[first + r] = row_b[r] == 0 ? INFINITY : row_a[r] + log2(row_b[r]);
% endif
% endif
}
