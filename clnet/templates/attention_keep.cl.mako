## The factors by which dropout scales attention's weights, (stack, query, key), written out.
<%namespace name="part" file="attention_part.cl.mako"/>
${part.philox()}\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    const ulong seed, const ulong call, __global ${types.memory_type(acc)} *y, const ulong y_offset,
    const uint threshold, const ${types.register_type(acc)} rescale, const ulong L, const ulong S,
    const ulong total
) {
    y += y_offset;
    for (ulong i = get_global_id(0); i < total; i += get_global_size(0))
        y[i] = attention_word(seed, call, i / (L * S), (uint)(i / S % L), (uint)(i % S)) < threshold ? 0 : rescale;
}
