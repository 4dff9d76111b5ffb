## CPU class, forward: a task is ${lanes} x 2 queries of one stack, which lie along the lanes.
##
## Keys come in blocks.  Scores of a block are formed in tiles of 8 keys x 2 vectors of queries, with
## one broadcast per key and dimension; maxima and sums stay in lanes.  The weighted values are kept
## transposed, (dimension, query), in scratch that stays in cache, and turned at the end.
<%namespace name="part" file="attention_part.cl.mako"/>
<%
W = lanes
T = types.register_type(acc, W)
one = types.register_type(acc)
Q = 2 * W
R = 8
power = f"attention_power{W}" if acc.itemsize == 4 else f"attention_power_double{W}"
infinity = types.literal(float("inf"), acc, W)
def lit(v): return types.literal(v, acc, W)
%>\
${part.power(acc, W)}\
${part.transposition(acc, W)}\
% if dropout:
${part.philox()}\
% endif
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(${T})))
void ${entry}(
    ${part.arguments()}
) {
    ${part.add_offsets()}
    __global ${one} *turned_q = scratch + get_global_id(0) * scratch_step;
    __global ${one} *powers = turned_q + E * ${Q};
    __global ${one} *turned_y = powers + ${block * Q};
    const ulong share = (tasks + get_global_size(0) - 1) / get_global_size(0);
    const ulong task_stop = min(tasks, (get_global_id(0) + 1) * share);
    for (ulong task = get_global_id(0) * share; task < task_stop; ++task) {
        // Under a causal mask later rows are longer: late and early ones alternate.
        const uint turn = (uint)(task % q_blocks);
        const uint q_first = (turn & 1u ? turn / 2 : (uint)q_blocks - 1 - turn / 2) * ${Q};
        const ulong stack = task / q_blocks;
        ${part.at_stack([n for n in ("q", "k", "v", "mask", "y", "lse") if n in (*reads, *writes)], "stack")}
        const uint q_count = min(${Q}u, (uint)L - q_first);
        for (uint half_block = 0; half_block < 2; ++half_block)
            for (uint e = 0; e < (uint)E; e += ${W}) {
                ${T} rows[${W}];
                for (uint i = 0; i < ${W}; ++i)
                    rows[i] = vload${W}(0, q_here + min(q_first + half_block * ${W} + i, (uint)L - 1) * q_row + e) * scale;
                attention_transpose_${T}(rows);
                for (uint i = 0; i < ${W}; ++i)
                    vstore${W}(rows[i], 0, turned_q + (e + i) * ${Q} + half_block * ${W});
            }
        for (uint d = 0; d < (uint)D * 2; ++d)
            vstore${W}((${T})(0), d, turned_y);
% for c in range(2):
        ${T} top${c} = -${infinity}, sum${c} = (${T})(0);
% endfor
        const uint stop = ${f"min((uint)S, q_first + q_count)" if causal else "(uint)S"};
        for (uint first = 0; first < stop; first += ${block}) {
            const uint count = min(${block}u, stop - first);
% for c in range(2):
            ${T} new_top${c} = top${c};
% endfor
            for (uint j = 0; j < count; j += ${R}) {
                const uint key_first = first + j;
% for r in range(R):
                __global const ${one} *k${r} = k_here + min(key_first + ${r}, (uint)S - 1) * k_row;
% endfor
% for r in range(R):
                ${T} s_${r}_0 = (${T})(0), s_${r}_1 = (${T})(0);
% endfor
                for (uint e = 0; e < (uint)E; ++e) {
                    const ${T} q0 = vload${W}(0, turned_q + e * ${Q}), q1 = vload${W}(0, turned_q + e * ${Q} + ${W});
% for r in range(R):
                    { const ${T} one_k = (${T})(k${r}[e]); s_${r}_0 = fma(one_k, q0, s_${r}_0); s_${r}_1 = fma(one_k, q1, s_${r}_1); }
% endfor
                }
% if "mask" in reads:
% for r in range(R):
                if (key_first + ${r} < (uint)S) {
                    __global const ${one} *m = mask_here + (ulong)(key_first + ${r}) * mask_column;
% for c in range(2):
% if mask_class == "b":
                    s_${r}_${c} += (${T})(m[0] * ${types.literal(1.4426950408889634, acc)});
% else:
                    ${one} part${c}[${W}];
                    for (uint i = 0; i < ${W}; ++i) part${c}[i] = m[min(q_first + ${c * W} + i, (uint)L - 1) * mask_row];
                    s_${r}_${c} += vload${W}(0, part${c}) * ${lit(1.4426950408889634)};
% endif
% endfor
                }
% endfor
% endif
                if (${f"key_first + {R - 1} > q_first || " if causal else ""}j + ${R} > count) {
% for r in range(R):
% for c in range(2):
                    s_${r}_${c} = select(s_${r}_${c}, -${infinity}, ${part.hidden(r, c, W, causal, acc)});
% endfor
% endfor
                }
% for r in range(R):
% for c in range(2):
                vstore${W}(s_${r}_${c}, 0, powers + (j + ${r}) * ${Q} + ${c * W});
                new_top${c} = select(new_top${c}, s_${r}_${c}, (s_${r}_${c} > new_top${c}) | (s_${r}_${c} != s_${r}_${c}));
% endfor
% endfor
            }
% for c in range(2):
            const ${T} base${c} = select(new_top${c}, (${T})(0), new_top${c} == -${infinity});
            const ${T} fade${c} = ${power}(top${c} - base${c});
            top${c} = new_top${c};
            sum${c} *= fade${c};
% endfor
            for (uint j = 0; j < count; ++j) {
% for c in range(2):
                ${T} p${c} = ${power}(vload${W}(0, powers + j * ${Q} + ${c * W}) - base${c});
                sum${c} += p${c};
% if dropout:
                ${one} part${c}[${W}];
                vstore${W}(p${c}, 0, part${c});
                for (uint i = 0; i < ${W}; ++i)
                    part${c}[i] = attention_word(seed, call, stack, q_first + ${c * W} + i, first + j) < threshold ? 0 : part${c}[i] * rescale;
                p${c} = vload${W}(0, part${c});
% endif
                vstore${W}(p${c}, 0, powers + j * ${Q} + ${c * W});
% endfor
            }
            for (uint d = 0; d < (uint)D; d += ${R}) {
% for r in range(R):
                ${T} y_${r}_0 = vload${W}(0, turned_y + (d + ${r}) * ${Q}) * fade0, y_${r}_1 = vload${W}(0, turned_y + (d + ${r}) * ${Q} + ${W}) * fade1;
% endfor
                __global const ${one} *one_v = v_here + first * v_row + d;
                for (uint j = 0; j < count; ++j) {
                    const ${T} p0 = vload${W}(0, powers + j * ${Q}), p1 = vload${W}(0, powers + j * ${Q} + ${W});
% for r in range(R):
                    { const ${T} x = (${T})(one_v[${r}]); y_${r}_0 = fma(x, p0, y_${r}_0); y_${r}_1 = fma(x, p1, y_${r}_1); }
% endfor
                    one_v += v_row;
                }
% for r in range(R):
                vstore${W}(y_${r}_0, 0, turned_y + (d + ${r}) * ${Q}); vstore${W}(y_${r}_1, 0, turned_y + (d + ${r}) * ${Q} + ${W});
% endfor
            }
        }
% for c in range(2):
        {
            const ${T} share = select((${T})(1) / sum${c}, (${T})(0), sum${c} == (${T})(0));
            for (uint d = 0; d < (uint)D; d += ${W}) {
                ${T} rows[${W}];
                for (uint i = 0; i < ${W}; ++i) rows[i] = vload${W}(0, turned_y + (d + i) * ${Q} + ${c * W}) * share;
                attention_transpose_${T}(rows);
                for (uint i = 0; i < ${W}; ++i)
                    if (${c * W} + i < q_count) vstore${W}(rows[i], 0, y_here + (q_first + ${c * W} + i) * y_row + d);
            }
            ${one} part[${W}];
            vstore${W}(select(top${c} + log2(sum${c}), ${infinity}, sum${c} == (${T})(0)), 0, part);
            for (uint i = 0; i < ${W}; ++i)
                if (${c * W} + i < q_count) lse_here[q_first + ${c * W} + i] = part[i];
        }
% endfor
    }
}
