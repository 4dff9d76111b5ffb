## Packs planes as [group][tile of channels][image, position][channel in the tile], filled up with zeros.
<%
T = index_type
target_t = types.register_type(target)
%>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(source)} *x, const ulong x_offset,
    __global ${target_t} *t, const ulong t_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    x += x_offset;
    t += t_offset;
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
        const ${T} n = task % images;
        ${T} rest = task / images;
        const ${T} tile = rest % tiles, group = rest / tiles;
        __global ${target_t} *to = t + task * volume * ${rows};
% for r in range(rows):
        const ${T} m${r} = tile * ${rows} + ${r};
        const ${T} x${r} = n * x_n + (group * out + min(m${r}, out - 1)) * x_c;
        const ${target_t} keep${r} = m${r} < out ? 1 : 0;
% endfor
        for (${T} d = 0; d < size_d; ++d)
            for (${T} h = 0; h < size_h; ++h) {
                ${T} at = d * x_d + h * x_h;
                for (${T} w = 0; w < size_w; ++w) {
% for r in range(rows):
                    const ${target_t} v${r} = ${types.convert(types.load(source, "x", f"(x{r} + at)"), source, target)};
                    to[${r}] = keep${r} != 0 ? v${r} : (${target_t})0;
% endfor
                    to += ${rows};
                    at += x_w;
                }
            }
    }
}
