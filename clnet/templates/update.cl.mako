## New values of several tensors, the slots, from their own elements and uniform values.
##
## A task is a chunk of one slot; slots follow each other.  CPU class: a work-item walks a contiguous
## share of the tasks with vectors of `width` lanes.  GPU class: a group per task.
<%
W = width
T = index_type
def pointer(r, dtype, is_written):
    return f"__global {'' if is_written else 'const '}{types.memory_type(dtype)} *"
dtype_of = {r: d for r, d, _, _ in taken}
writer = Writer(W)
for r, d, _, is_read in taken:
    writer.bind(Arg(r, types.register_dtype(d)), f"v{r}")
for i, d, _ in uniforms:
    writer.bind(Arg(i, types.register_dtype(d)), f"u{i}")
values = [writer.write(e) for e in exprs]
%>\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
% for k in range(slots):
% for r, d, is_written, _ in taken:
    ${pointer(r, d, is_written)}x${k}_${r}, const ulong x${k}_${r}_offset,
% endfor
    const ${T} n${k},
% endfor
% for i, d, is_tensor in uniforms:
% if is_tensor:
    __global const ${types.memory_type(d)} *number${i}, const ulong number${i}_offset,
% else:
    const ${types.register_type(compute)} number${i},
% endif
% endfor
    const ${T} tasks
) {
% for i, d, is_tensor in uniforms:
    const ${types.register_type(d, W)} u${i} = (${types.register_type(d, W)})(${types.load(d, f"number{i}", f"number{i}_offset") if is_tensor else f"number{i}"});
% endfor
% for k in range(slots):
    const ${T} stop${k} = ${f"stop{k - 1} + " if k else ""}(n${k} + ${chunk - 1}) / ${chunk};
% endfor
% if W == 1:
    for (${T} task = get_group_id(0); task < tasks; task += get_num_groups(0)) {
% else:
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} first = (${T})get_global_id(0) * share;
    const ${T} last = min(tasks, first + share);
    for (${T} task = first; task < last; ++task) {
% endif
        ${T} begin, n;
% for r, d, is_written, _ in taken:
        ${pointer(r, d, is_written)}x${r};
% endfor
% for k in range(slots):
        ${"else " if k else ""}${f"if (task < stop{k}) " if k < slots - 1 else ""}{
            begin = (task${f" - stop{k - 1}" if k else ""}) * ${chunk}; n = n${k};
% for r, _, _, _ in taken:
            x${r} = x${k}_${r} + x${k}_${r}_offset;
% endfor
        }
% endfor
        const ${T} end = min(n, begin + ${chunk});
% if W == 1:
        for (${T} i = begin + get_local_id(0); i < end; i += ${local_size[0]}) {
% for r, d, _, is_read in taken:
% if is_read:
            const ${types.register_type(d)} v${r} = ${types.load(d, f"x{r}", "i")};
% endif
% endfor
% for line in writer.lines:
            ${line}
% endfor
% for r, value in zip(written, values):
            ${types.store(dtype_of[r], f"x{r}", "i", value)}
% endfor
        }
% else:
        ${T} i = begin;
% for whole in (True, False):
        ${f"for (; i + {W} <= end; i += {W})" if whole else "if (i < end)"} {
% if not whole:
            const uint lanes = (uint)(end - i);
% endif
% for r, d, _, is_read in taken:
% if is_read and whole:
            const ${types.register_type(d, W)} v${r} = ${types.load(d, f"x{r}", "i", W)};
% elif is_read:
            ${types.register_type(d)} part${r}[${W}];
            for (uint j = 0; j < ${W}; ++j) part${r}[j] = ${types.load(d, f"x{r}", "i + min(j, lanes - 1)")};
            const ${types.register_type(d, W)} v${r} = vload${W}(0, part${r});
% endif
% endfor
% for line in writer.lines:
            ${line}
% endfor
% for r, value in zip(written, values):
% if whole:
            ${types.store(dtype_of[r], f"x{r}", "i", value, W)}
% else:
            ${types.register_type(dtype_of[r])} result${r}[${W}];
            vstore${W}(${value}, 0, result${r});
            for (uint j = 0; j < lanes; ++j) ${types.store(dtype_of[r], f"x{r}", "i + j", f"result{r}[j]")}
% endif
% endfor
        }
% endfor
% endif
    }
}
