## Planes (n, c, h, w) as the products of Winograd's convolution read them:
## v[point][channel block][tile][channel in the block].  A task is a row of tiles of one block of channels.
<%! from clnet.codegen import winograd %>\
<%namespace name="part" file="winograd_part.cl.mako"/>\
<%
T = index_type
V = lanes
vector = types.register_type(dt.float32, V)
patch = {"input": winograd.SIZE, "output": winograd.OUTPUTS}[kind]
%>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(${vector})))
void ${entry}(
    __global const ${types.memory_type(x_dtype)} *x, const ulong x_offset,
    __global float *v, const ulong v_offset,
    __global float *scratch, const ulong scratch_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    x += x_offset;
    v += v_offset;
    scratch += scratch_offset + (${T})get_global_id(0) * ${patch * V} * pitch;
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
        const ${T} block = task % blocks, line = task / blocks;
        ${part.transform(kind, "block", "line", "scratch", f"v + (block * tiles + line * tiles_w) * {V}", "point")}
    }
}
