## y[.., a, b] = x[.., b, a]: a copy whose source is contiguous along a and whose target along b.
##
## CPU class: blocks of `tile_a` by `tile_b` elements; inside, W by W squares are read as W vectors,
## transposed in registers and written as W vectors.
## GPU class: squares of `tile_a` elements through local memory, both sides coalesced.
<%! from clnet.codegen import shuffle %>\
<%
T = index_type
raw = x_dtype is y_dtype
bits = {1: "uchar", 2: "ushort", 4: "uint", 8: "ulong", 16: "ulong2"}[y_dtype.itemsize]
x_type = bits if raw else types.memory_type(x_dtype)
y_type = bits if raw else types.memory_type(y_dtype)
def held(w=1):
    return bits + (str(w) if w > 1 else "") if raw else types.register_type(y_dtype, w)
def load(at, w=1):
    if raw: return f"load_{bits}{w}({at})" if w > 1 else f"*({at})"
    return types.convert(types.load(x_dtype, f"({at})", "0", w), x_dtype, y_dtype, w)
def store(at, value, w=1):
    if raw: return f"store_{bits}{w}({value}, {at});" if w > 1 else f"*({at}) = {value};"
    return types.store(y_dtype, f"({at})", "0", value, w)
%>\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${x_type} *x, const ulong x_offset, __global ${y_type} *y, const ulong y_offset,
% for d in range(outer_rank):
    const ${T} size${d}, const ${T} x_s${d}, const ${T} y_s${d},
% endfor
    const ${T} na, const ${T} nb, const ${T} x_b, const ${T} y_a,
    const ${T} blocks_a, const ${T} blocks_b, const ${T} tasks
) {
    x += x_offset; y += y_offset;
<%def name="place()">
        const ${T} b0 = task % blocks_b * ${tile_b};
        ${T} rest = task / blocks_b;
        const ${T} a0 = rest % blocks_a * ${tile_a};
        rest /= blocks_a;
% for d in reversed(range(outer_rank)):
        const ${T} o${d} = rest % size${d}; rest /= size${d};
% endfor
        __global const ${x_type} *from = x + (${" + ".join(f"o{d} * x_s{d}" for d in range(outer_rank)) or "0"});
        __global ${y_type} *to = y + (${" + ".join(f"o{d} * y_s{d}" for d in range(outer_rank)) or "0"});
</%def>\
% if gpu:
<% rows = local_size[0] // tile_a %>\
    __local ${held()} square[${tile_a}][${tile_a + 1}];
    const uint lane = get_local_id(0) % ${tile_a}, line = get_local_id(0) / ${tile_a};
    for (${T} task = get_group_id(0); task < tasks; task += get_num_groups(0)) {
${place()}\
        for (uint j = line; j < ${tile_b}; j += ${rows})
            if (a0 + lane < na && b0 + j < nb)
                square[j][lane] = ${load("from + (b0 + j) * x_b + a0 + lane")};
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint i = line; i < ${tile_a}; i += ${rows})
            if (a0 + i < na && b0 + lane < nb) {
                ${store("to + (a0 + i) * y_a + b0 + lane", "square[lane][i]")}
            }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
% else:
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} first = (${T})get_global_id(0) * share;
    const ${T} stop = min(tasks, first + share);
    for (${T} task = first; task < stop; ++task) {
${place()}\
        const ${T} a_end = min(na, a0 + ${tile_a}), b_end = min(nb, b0 + ${tile_b});
        ${T} a = a0;
% if W > 1:
        for (; a + ${W} <= a_end; a += ${W}) {
            ${T} b = b0;
            for (; b + ${W} <= b_end; b += ${W}) {
<%
    names = [f"x{j}" for j in range(W)]
    lines = [f"const {held(W)} {names[j]} = {load(f'from + (b + {j}) * x_b + a', W)};" for j in range(W)]
    turns, names = shuffle.rotate(names, held(W), W.bit_length() - 1, "r")
    lines += turns
    lines += [store(f"to + (a + {i}) * y_a + b", names[i], W) for i in range(W)]
%>\
% for line in lines:
                ${line}
% endfor
            }
            for (; b < b_end; ++b) {
                const ${held(W)} run = ${load("from + b * x_b + a", W)};
% for i in range(W):
                ${store(f"to + (a + {i}) * y_a + b", f"run.s{i:x}")}
% endfor
            }
        }
% endif
        for (; a < a_end; ++a)
            for (${T} b = b0; b < b_end; ++b) { ${store("to + a * y_a + b", load("from + b * x_b + a"))} }
    }
% endif
}
