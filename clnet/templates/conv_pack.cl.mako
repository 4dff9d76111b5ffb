## Packs weights as [group][tile of output channels][input channel][tap][channel in the tile],
## filled up with zeros; `flip` reverses the taps.
<%
T = index_type
target_t = types.register_type(target)
%>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(source)} *w, const ulong w_offset,
    __global ${target_t} *t, const ulong t_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    w += w_offset;
    t += t_offset;
    const ${T} taps = tap_d * tap_h * tap_w;
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
        const ${T} c = task % inner;
        ${T} rest = task / inner;
        const ${T} tile = rest % tiles, group = rest / tiles;
        __global ${target_t} *to = t + task * taps * ${rows};
% for r in range(rows):
        const ${T} m${r} = tile * ${rows} + ${r};
        const ${T} from${r} = group * w_g + min(m${r}, out - 1) * w_m + c * w_c;
% endfor
        ${T} tap = ${"taps - 1" if flip else "0"};
        for (${T} i = 0; i < tap_d; ++i)
            for (${T} j = 0; j < tap_h; ++j)
                for (${T} k = 0; k < tap_w; ++k) {
                    const ${T} at = i * w_d + j * w_h + k * w_w;
% for r in range(rows):
                    const ${target_t} value${r} = ${types.convert(types.load(source, "w", f"(from{r} + at)"), source, target)};
                    to[tap * ${rows} + ${r}] = m${r} < out ? value${r} : (${target_t})0;
% endfor
                    tap ${"-" if flip else "+"}= 1;
                }
    }
}
