## GPU class: gradients of the weights between two channels.  The items of a work-group share the places of one
## part, read coalesced; each holds a sum for every tap, which are added over the group at the end.
<%
T = index_type
acc_t = types.register_type(accumulate)
items = local_size[0]
every = [(d, h, w) for d in range(taps[0]) for h in range(taps[1]) for w in range(taps[2])]
%>\
__kernel __attribute__((reqd_work_group_size(${items}, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(a_dtype)} *a, const ulong a_offset,
    __global const ${types.memory_type(b_dtype)} *b, const ulong b_offset,
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    __local ${acc_t} shared[${items}];
    a += a_offset;
    b += b_offset;
    y += y_offset;
    const uint item = get_local_id(0);
    const ${T} pair = get_group_id(0) % pairs, split = get_group_id(0) / pairs;
    const ${T} row = pair / inner, group = row / M;
    const ${T} stop = min(places, (split + 1) * share);
    ${acc_t} ${", ".join(f"sum{t} = 0" for t in range(len(every)))};
    for (${T} place = split * share + item; place < stop; place += ${items}) {
        ${T} rest = place;
        const ${T} p_w = rest % out_w; rest /= out_w;
        const ${T} p_h = rest % out_h; rest /= out_h;
        const ${T} p_d = rest % out_d; rest /= out_d;
        const ${acc_t} value = ${types.convert(types.load(a_dtype, "a", "rest * a_0 + row * a_1 + p_d * a_d + p_h * a_h + p_w * a_w"), a_dtype, accumulate)};
        const ${T} from = rest * b_0 + (group * inner + pair % inner) * b_1;
% for axis, count in zip("dhw", taps):
% for r in range(count):
        const ${T} q_${axis}${r} = p_${axis} * stride_${axis} + ${r} * dil_${axis} - pad_${axis};
% endfor
% endfor
% for t, (d, h, w) in enumerate(every):
        if (q_d${d} < in_d && q_h${h} < in_h && q_w${w} < in_w)
            sum${t} += value * ${types.convert(types.load(b_dtype, "b", f"from + q_d{d} * b_d + q_h{h} * b_h + q_w{w} * b_w"), b_dtype, accumulate)};
% endfor
    }
% for t in range(len(every)):
    shared[item] = sum${t};
    for (uint half_way = ${items // 2}; half_way > 0; half_way /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < half_way)
            shared[item] += shared[item + half_way];
    }
    if (item == 0) {
        const ${T} to = (split * pairs + pair) * ${len(every)} + ${t};
        ${types.store(y_dtype, "y", "to", types.convert("shared[0]", accumulate, y_dtype))}
    }
    barrier(CLK_LOCAL_MEM_FENCE);
% endfor
}
