## Weights of 3 by 3 taps as the products of Winograd's convolution read them:
## u[point][panel of output channels][input channel][output channel in the panel].
<%! from clnet.codegen import shuffle, winograd %>\
<%
T = index_type
V = lanes
vector = types.register_type(dt.float32, V)
half = types.register_type(dt.float32, V // 2)
size, taps = winograd.SIZE, winograd.TAPS
def load(at, w=1): return types.convert(types.load(w_dtype, "w", at, w), w_dtype, dt.float32, w)
# The last tap lies beyond the vectors of eight.
order = range(taps * taps - 1, -1, -1) if flip else range(taps * taps)
%>\
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(w_dtype)} *w, const ulong w_offset,
    __global float *u, const ulong u_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    w += w_offset;
    u += u_offset;
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} task_first = (${T})get_global_id(0) * share;
    const ${T} task_stop = min(tasks, task_first + share);
    for (${T} task = task_first; task < task_stop; ++task) {
        const ${T} c = task % inner, block = task / inner;
% for l in range(V):
        const ${T} at${l} = min(block * ${V} + ${l}, out - 1) * w_o + c * w_c;
% endfor
% for k in range(V // 2):
        const ${vector} pair${k} = (${vector})(${load(f"at{2 * k}", V // 2)}, ${load(f"at{2 * k + 1}", V // 2)});
% endfor
<% lines, turned = shuffle.rotate([f"pair{k}" for k in range(V // 2)], vector, V.bit_length() - 1, "turn") %>\
% for line in lines:
        ${line}
% endfor
        const ${vector} last = (${vector})(${", ".join(load(f"(at{l} + {taps * taps - 1})") for l in range(V))});
<% tap = [(*turned, "last")[k] for k in order] %>\
        __global float *to = u + (block / ${vectors} * inner + c) * ${vectors * V} + block % ${vectors} * ${V};
% for j in range(taps):
<% lines, rows = winograd.evaluate(winograd.G, [tap[taps * i + j] for i in range(taps)], vector, f"column{j}_") %>\
% for line in lines:
        ${line}
% endfor
% endfor
% for i in range(size):
<% lines, values = winograd.evaluate(winograd.G, [f"column{j}_{i}" for j in range(taps)], vector, f"row{i}_") %>\
% for line in lines:
        ${line}
% endfor
% for j in range(size):
        vstore${V}(${values[j]}, 0, to + ${i * size + j} * point);
% endfor
% endfor
    }
}
