## Copies planes (n, c, d, h, w) into padded ones, [n][c][phase][d][h][w].  A task is one plane; the
## one after the last zeroes the slack that vectors may run into.
<%namespace name="laying" file="conv_lay_plane.cl.mako"/>\
<%
T = index_type
%>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(source)} *x, const ulong x_offset,
    __global ${types.register_type(target)} *t, const ulong t_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    x += x_offset;
    t += t_offset;
    const ${T} share = (planes + (${T})get_global_size(0)) / (${T})get_global_size(0);
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(planes + 1, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
        if (task == planes) {
            for (${T} i = 0; i < slack; ++i) t[total + i] = 0;
            continue;
        }
${laying.lay_plane("task", "t + task * volume")}\
    }
}
