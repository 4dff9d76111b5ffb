## CPU class, backward: a task is one stack and a share of its keys, whose dk and dv no other task
## writes; dq of this share goes to the task's own part of dq, summed later where there are several.
##
## Per block of queries, Q and the cotangent are turned once, so that scores and their cotangents
## come out as (key, query) with queries along the lanes; the three products that follow read rows as
## they lie, with the dimension along the lanes.
<%namespace name="part" file="attention_part.cl.mako"/>
<%
W = lanes
T = types.register_type(acc, W)
one = types.register_type(acc)
Q = 2 * W
R = 8
power = f"attention_power{W}" if acc.itemsize == 4 else f"attention_power_double{W}"
def lit(v): return types.literal(v, acc, W)
log2e = types.literal(1.4426950408889634, acc)
%>\
${part.power(acc, W)}\
${part.transposition(acc, W)}\
% if dropout:
${part.philox()}\
% endif
## target[row][...] += sum over n of factor[n] * source[n][...], for 8 rows and all of `size` columns.
<%def name="accumulate(target, rows, source, source_row, size, n, factor, vectors)">
                for (uint at = 0; at < (uint)${size}; at += ${vectors * W}) {
% for r in range(R):
                    __global ${one} *t${r} = ${target(r)} + at;
% for c in range(vectors):
                    ${T} a_${r}_${c} = vload${W}(${c}, t${r});
% endfor
% endfor
                    __global const ${one} *x = ${source} + at;
                    for (uint n = 0; n < ${n}; ++n) {
% for c in range(vectors):
                        const ${T} x${c} = vload${W}(${c}, x);
% endfor
% for r in range(R):
                        { const ${T} w = (${T})(${factor(r)});
% for c in range(vectors):
                        a_${r}_${c} = fma(w, x${c}, a_${r}_${c});
% endfor
                        }
% endfor
                        x += ${source_row};
                    }
% for r in range(R):
                    if (${r} < ${rows}) {
% for c in range(vectors):
                        vstore${W}(a_${r}_${c}, ${c}, t${r});
% endfor
                    }
% endfor
                }
</%def>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(${T})))
void ${entry}(
    ${part.arguments()}
) {
    ${part.add_offsets()}
    __global ${one} *turned_q = scratch + get_global_id(0) * scratch_step;
    __global ${one} *turned_g = turned_q + E * ${Q};
    __global ${one} *powers = turned_g + D * ${Q};
    __global ${one} *slopes = powers + ${block * Q};
    const ulong stride = (tasks + get_global_size(0) - 1) / get_global_size(0);
    const ulong task_stop = min(tasks, (get_global_id(0) + 1) * stride);
    for (ulong task = get_global_id(0) * stride; task < task_stop; ++task) {
        const ulong stack = task / shares, share = task % shares;
        const uint k_begin = (uint)(share * share_keys), k_end = min((uint)S, k_begin + (uint)share_keys);
        ${part.at_stack([n for n in ("g", "q", "k", "v", "mask", "y", "lse", "dq", "dk", "dv") if n in (*reads, *writes)], "stack")}
        dq_here += share * dq_step;
        for (uint j = k_begin; j < k_end; ++j) {
            for (uint e = 0; e < (uint)E; e += ${W}) vstore${W}((${T})(0), 0, dk_here + j * dk_row + e);
            for (uint d = 0; d < (uint)D; d += ${W}) vstore${W}((${T})(0), 0, dv_here + j * dv_row + d);
        }
        for (uint q_first = 0; q_first < (uint)L; q_first += ${Q}) {
            const uint q_count = min(${Q}u, (uint)L - q_first);
            for (uint i = 0; i < q_count; ++i)
                for (uint e = 0; e < (uint)E; e += ${W}) vstore${W}((${T})(0), 0, dq_here + (q_first + i) * dq_row + e);
            const uint stop = ${"min(k_end, q_first + q_count)" if causal else "k_end"};
            if (stop <= k_begin) continue;
% for c in range(2):
            ${T} inner${c} = (${T})(0), lse${c};
            {
                ${one} part[${W}];
                for (uint i = 0; i < ${W}; ++i) part[i] = ${c * W} + i < q_count ? lse_here[q_first + ${c * W} + i] : INFINITY;
                lse${c} = vload${W}(0, part);
                ${T} rows[${W}];
                for (uint e = 0; e < (uint)E; e += ${W}) {
                    for (uint i = 0; i < ${W}; ++i)
                        rows[i] = vload${W}(0, q_here + min(q_first + ${c * W} + i, (uint)L - 1) * q_row + e) * scale;
                    attention_transpose_${T}(rows);
                    for (uint i = 0; i < ${W}; ++i) vstore${W}(rows[i], 0, turned_q + (e + i) * ${Q} + ${c * W});
                }
                for (uint d = 0; d < (uint)D; d += ${W}) {
                    ${T} results[${W}];
                    for (uint i = 0; i < ${W}; ++i) {
                        const uint row = min(q_first + ${c * W} + i, (uint)L - 1);
                        rows[i] = vload${W}(0, g_here + row * g_row + d);
                        results[i] = rows[i] * vload${W}(0, y_here + row * y_row + d);
                    }
                    attention_transpose_${T}(rows);
                    attention_transpose_${T}(results);
                    for (uint i = 0; i < ${W}; ++i) {
                        inner${c} += results[i];
                        vstore${W}(rows[i], 0, turned_g + (d + i) * ${Q} + ${c * W});
                    }
                }
            }
% endfor
            for (uint first = k_begin; first < stop; first += ${block}) {
                const uint count = min(${block}u, stop - first);
                for (uint j = 0; j < count; j += ${R}) {
                    const uint key_first = first + j;
% for r in range(R):
                    __global const ${one} *k${r} = k_here + min(key_first + ${r}, (uint)S - 1) * k_row;
                    ${T} s_${r}_0 = (${T})(0), s_${r}_1 = (${T})(0);
% endfor
                    for (uint e = 0; e < (uint)E; ++e) {
                        const ${T} q0 = vload${W}(0, turned_q + e * ${Q}), q1 = vload${W}(0, turned_q + e * ${Q} + ${W});
% for r in range(R):
                        { const ${T} x = (${T})(k${r}[e]); s_${r}_0 = fma(x, q0, s_${r}_0); s_${r}_1 = fma(x, q1, s_${r}_1); }
% endfor
                    }
% if "mask" in reads:
% for r in range(R):
                    if (key_first + ${r} < (uint)S) {
                        __global const ${one} *m = mask_here + (ulong)(key_first + ${r}) * mask_column;
% for c in range(2):
% if mask_class == "b":
                        s_${r}_${c} += (${T})(m[0] * ${log2e});
% else:
                        ${one} part${c}[${W}];
                        for (uint i = 0; i < ${W}; ++i) part${c}[i] = m[min(q_first + ${c * W} + i, (uint)L - 1) * mask_row];
                        s_${r}_${c} += vload${W}(0, part${c}) * ${lit(1.4426950408889634)};
% endif
% endfor
                    }
% endfor
% endif
% for r in range(R):
% for c in range(2):
                    s_${r}_${c} = ${power}(s_${r}_${c} - lse${c});
% endfor
% endfor
                    if (${f"key_first + {R - 1} > q_first || " if causal else ""}j + ${R} > count) {
% for r in range(R):
% for c in range(2):
                        s_${r}_${c} = select(s_${r}_${c}, (${T})(0), ${part.hidden(r, c, W, causal, acc)});
% endfor
% endfor
                    }
% for r in range(R):
% for c in range(2):
                    vstore${W}(s_${r}_${c}, 0, powers + (j + ${r}) * ${Q} + ${c * W});
                    s_${r}_${c} = (${T})(0);
% endfor
                    k${r} = v_here + min(key_first + ${r}, (uint)S - 1) * v_row;
% endfor
                    for (uint d = 0; d < (uint)D; ++d) {
                        const ${T} g0 = vload${W}(0, turned_g + d * ${Q}), g1 = vload${W}(0, turned_g + d * ${Q} + ${W});
% for r in range(R):
                        { const ${T} x = (${T})(k${r}[d]); s_${r}_0 = fma(x, g0, s_${r}_0); s_${r}_1 = fma(x, g1, s_${r}_1); }
% endfor
                    }
% for r in range(R):
% for c in range(2):
                    {
                        const ${T} p = vload${W}(0, powers + (j + ${r}) * ${Q} + ${c * W});
% if dropout:
                        ${one} kept[${W}];
                        for (uint i = 0; i < ${W}; ++i)
                            kept[i] = attention_word(seed, call, stack, q_first + ${c * W} + i, key_first + ${r}) < threshold ? 0 : rescale;
                        const ${T} keep = vload${W}(0, kept);
                        vstore${W}(p * keep, 0, powers + (j + ${r}) * ${Q} + ${c * W});
                        s_${r}_${c} *= keep;
% endif
                        vstore${W}(p * (s_${r}_${c} - inner${c}) * slope_scale, 0, slopes + (j + ${r}) * ${Q} + ${c * W});
                    }
% endfor
% endfor
                }
                for (uint j = 0; j < count; j += ${R}) {
                    const uint rows = min(${R}u, count - j);
                    ${accumulate(lambda r: f"dv_here + (first + j + min({r}u, rows - 1)) * dv_row", "rows", "g_here + q_first * g_row", "g_row", "D", "q_count", lambda r: f"powers[(j + {r}) * {Q} + n]", v_vectors)}
                    ${accumulate(lambda r: f"dk_here + (first + j + min({r}u, rows - 1)) * dk_row", "rows", "q_here + q_first * q_row", "q_row", "E", "q_count", lambda r: f"slopes[(j + {r}) * {Q} + n]", e_vectors)}
                }
                for (uint i = 0; i < q_count; i += ${R}) {
                    const uint rows = min(${R}u, q_count - i);
                    ${accumulate(lambda r: f"dq_here + (q_first + i + min({r}u, rows - 1)) * dq_row", "rows", "k_here + first * k_row", "k_row", "E", "count", lambda r: f"slopes[n * {Q} + i + {r}]", e_vectors)}
                }
            }
        }
    }
}
