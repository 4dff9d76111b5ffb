## Copies matrices (rows, K) into panels [panel][k][row in the panel], converted to the type of the
## sums and filled up with zeros.  A task is one chunk of K of `together` panels: where rows are
## neighbours in memory, one panel would take only part of each cache line.
<%namespace name="part" file="matmul_epilogue.cl.mako"/>
<%
T = index_type
source_t, target_t = types.memory_type(source), types.register_type(target)
def element(r, k): return types.convert(types.load(source, "s", f"s_at + ({r}) * s_m + ({k}) * s_n"), source, target)
V = next((w for w in (16, 8, 4, 2) if panel % w == 0), 1)
vector_t = types.register_type(target, V)
%>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(${vector_t})))
void ${entry}(
    __global const ${source_t} *s, const ulong s_offset,
    __global ${target_t} *t, const ulong t_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    ${part.add_offsets(["s", "t"])}
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
        const ${T} piece = task % chunks;
        ${T} rest = task / chunks;
        const ${T} group = rest % groups; rest /= groups;
        const ${T} panel_first = group * ${together}, panel_stop = min(panels, panel_first + ${together});
        __global ${target_t} *to = t + (rest * panels + panel_first) * K * ${panel};
        ${part.batch_offsets(["s"], "rest")}
        const ${T} k_first = piece * chunk, k_stop = min(K, (piece + 1) * chunk);
% if row_class == "u" and together > 1:
        if (panel_stop * ${panel} <= rows && panel_stop - panel_first == ${together}) {
            __global const ${source_t} *from = s + s_at + panel_first * ${panel};
            for (${T} k = k_first; k < k_stop; ++k)
                for (${T} p = 0; p < ${together}; ++p) {
% for v in range(0, panel, V):
                    ${types.store(target, "to", f"(p * K + k) * {panel} + {v}", types.convert(types.load(source, "from", f"k * s_n + p * {panel} + {v}", V), source, target, V), V)}
% endfor
                }
            continue;
        }
% endif
        for (${T} p = panel_first; p < panel_stop; ++p, to += K * ${panel}) {
        const ${T} row = p * ${panel};
        ${T} k = k_first;
        if (row + ${panel} <= rows) {
% if row_class == "u":
            for (; k < k_stop; ++k) {
% for v in range(0, panel, V):
                ${types.store(target, "to", f"k * {panel} + {v}", types.convert(types.load(source, "s", f"s_at + row + {v} + k * s_n", V), source, target, V), V)}
% endfor
            }
% elif k_class == "u" and V > 1:
            for (; k + ${V} <= k_stop; k += ${V}) {
                for (${T} v = 0; v < ${panel}; v += ${V}) {
% for i in range(V):
                    const ${vector_t} x${i} = ${types.convert(types.load(source, "s", f"s_at + (row + v + {i}) * s_m + k", V), source, target, V)};
% endfor
% for j in range(V):
                    ${types.store(target, "to", f"(k + {j}) * {panel} + v", f"({vector_t})(" + ", ".join(f"x{i}.s{j:x}" for i in range(V)) + ")", V)}
% endfor
                }
            }
% endif
        }
        for (; k < k_stop; ++k)
            for (${T} r = 0; r < ${panel}; ++r)
                to[k * ${panel} + r] = row + r < rows ? ${element("row + r", "k")} : (${target_t})0;
        }
    }
}
