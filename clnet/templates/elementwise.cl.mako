## One output element per index: out = expression(operands).
##
## CPU class: a work-item walks a contiguous share of (row, chunk-of-row) tasks with vectors of
## `width` lanes; the ragged end of a row is a vector whose surplus lanes repeat the last element,
## so an element's value does not depend on its position.
## GPU class: a grid-stride loop, one element at a time, or several whose loads are under way together.
<%
W = width
last = rank - 1
tensors = [(f"x{i}", o) for i, o in enumerate(operands) if o[0] == "tensor"]
results = [(f"y{i}", o) for i, o in enumerate(outputs)]
everything = tensors + results
T = index_type
def strided(o, d): return o[2][d] == "s"
fast = W == 1 and T == "uint"
def quotient(x, d):
    if fast: return f"mul_hi({x}, magic{d}) >> shift{d}"
    return f"{x} / {'n' if d == last else f'size{d}'}"
%>\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
% for i, o in enumerate(operands):
% if o[0] == "tensor":
    __global const ${types.memory_type(o[1])} *x${i}, const ulong x${i}_offset,
% elif o[0] == "number":
    const ${types.register_type(o[1])} number${i},
% endif
% endfor
% for name, o in results:
    __global ${types.memory_type(o[1])} *${name}, const ulong ${name}_offset,
% endfor
% for d in range(last):
    const ${T} size${d},
% endfor
% for name, o in everything:
% for d in range(rank):
% if strided(o, d):
    const ${T} ${name}_s${d},
% endif
% endfor
% endfor
    const ${T} n, const ${T} chunk, const ${T} chunks, const ${T} tasks${"".join(f", const uint magic{d}, const uint shift{d}" for d in range(1, rank)) if fast else ""}${"," if spec.faults else ""}
% if spec.faults:
    volatile __global int *fault_word
% endif
) {
% for name, o in everything:
    ${name} += ${name}_offset;
% endfor
% if spec.faults:
    int fault = 0;
% endif
<%
def row_offset(name, o):
    terms = [f"i{d} * {name}_s{d}" for d in range(last) if strided(o, d)]
    return " + ".join(terms) or "0"
def lane(name, o, j):
    c = o[2][last]
    if c == "b": return f"{name}_row"
    return f"{name}_row + ({j})" + (f" * {name}_s{last}" if c == "s" else "")
writer = Writer(W)
for i, o in enumerate(operands):
    writer.bind(Arg(i, types.register_dtype(o[1])), f"v{i}")
values = [writer.write(e) for e in exprs]
short = len(writer.lines) <= 120
ahead = 4 if rank == 1 and len(writer.lines) <= 24 else 1
def read(i, o):
    if o[0] == "tensor":
        return types.load(o[1], f"x{i}", lane(f"x{i}", o, "i"))
    return f"({types.register_type(o[1])})i" if o[0] == "position" else f"number{i}"
%>\
% if W == 1 and ahead > 1:
    const ${T} begin = (${T})get_group_id(0) * ${ahead * local_size[0]} + get_local_id(0);
    for (${T} first = begin; first < tasks; first += get_global_size(0) * ${ahead}) {
% for name, o in everything:
        const ${T} ${name}_row = 0;
% endfor
% for a in range(ahead):
        // Beyond the end an item repeats an element of its own, and stores nothing.
        const ${T} i_${a} = ${f"tasks - first > {a * local_size[0]} ? first + {a * local_size[0]} : first" if a else "first"};
% for i, o in enumerate(operands):
        ${types.register_type(o[1])} v${i}_${a};
% endfor
        {
            const ${T} i = i_${a};
% for i, o in enumerate(operands):
            v${i}_${a} = ${read(i, o)};
% endfor
        }
% endfor
% for a in range(ahead):
        ${f"if (tasks - first > {a * local_size[0]})" if a else ""} {
            const ${T} i = i_${a};
% for i, o in enumerate(operands):
            const ${types.register_type(o[1])} v${i} = v${i}_${a};
% endfor
% for line in writer.lines:
            ${line}
% endfor
% for (name, o), value in zip(results, values):
            ${types.store(o[1], name, lane(name, o, "i"), value)}
% endfor
        }
% endfor
    }
% elif W == 1:
    for (${T} task = get_global_id(0); task < tasks; task += get_global_size(0)) {
% for d in reversed(range(1, rank)):
<% whole = "task" if d == last else f"row{d + 1}" %>\
        const ${T} row${d} = ${quotient(whole, d)}, i${d if d < last else ""} = ${whole} - row${d} * ${"n" if d == last else f"size{d}"};
% endfor
        const ${T} i${0 if last else ""} = ${"row1" if last else "task"};
% for name, o in everything:
        const ${T} ${name}_row = ${row_offset(name, o)};
% endfor
% for i, o in enumerate(operands):
% if o[0] == "tensor":
        const ${types.register_type(o[1])} v${i} = ${types.load(o[1], f"x{i}", lane(f"x{i}", o, "i"))};
% elif o[0] == "position":
        const ${types.register_type(o[1])} v${i} = (${types.register_type(o[1])})task;
% else:
        const ${types.register_type(o[1])} v${i} = number${i};
% endif
% endfor
% for line in writer.lines:
        ${line}
% endfor
% for (name, o), value in zip(results, values):
        ${types.store(o[1], name, lane(name, o, "i"), value)}
% endfor
    }
% else:
    const ${T} share = (tasks + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} first = (${T})get_global_id(0) * share;
    const ${T} stop = min(tasks, first + share);
    for (${T} task = first; task < stop; ++task) {
        const ${T} begin = (task % chunks) * chunk;
        const ${T} end = min(n, begin + chunk);
% if last:
        ${T} row = task / chunks;
% for d in reversed(range(last)):
        const ${T} i${d} = row % size${d}; row /= size${d};
% endfor
% endif
% for name, o in everything:
        const ${T} ${name}_row = ${row_offset(name, o)};
% endfor
% for i, o in enumerate(operands):
% if o[0] == "number":
        const ${types.register_type(o[1], W)} v${i} = ${types.splat(o[1], f"number{i}", W)};
% elif o[0] == "tensor" and o[2][last] == "b":
        const ${types.register_type(o[1], W)} v${i} = ${types.splat(o[1], types.load(o[1], f"x{i}", f"x{i}_row"), W)};
% endif
% endfor
        ${T} i = begin;
## Whole vectors first, then the ragged end; long expressions are written once, for compilers take
## seconds over them.
% for whole in (True, False) if short else (False,):
        ${f"for (; i + {W} <= end; i += {W})" if whole else "if (i < end)" if short else f"for (; i < end; i += {W})"} {
            const uint lanes = ${W if whole else "(uint)(end - i)" if short else f"(uint)min(({T})({W}), end - i)"};
% for k, o in enumerate(operands):
% if o[0] == "position":
            const ${types.register_type(o[1], W)} v${k} = (${types.register_type(o[1], W)})(${", ".join(map(str, range(W)))})
                + (${types.register_type(o[1], W)})((${types.register_type(o[1])})((task / chunks) * n + i));
% elif o[0] == "tensor" and o[2][last] == "u" and whole:
            const ${types.register_type(o[1], W)} v${k} = ${types.load(o[1], f"x{k}", f"x{k}_row + i", W)};
% elif o[0] == "tensor" and o[2][last] != "b":
            ${types.register_type(o[1])} part${k}[${W}];
            for (uint j = 0; j < ${W}; ++j)
                part${k}[j] = ${types.load(o[1], f"x{k}", lane(f"x{k}", o, "i + min(j, lanes - 1)"))};
            const ${types.register_type(o[1], W)} v${k} = ${types.gather(o[1], f"part{k}", W)};
% endif
% endfor
% for line in writer.lines:
            ${line}
% endfor
% for (name, o), value in zip(results, values):
% if o[2][last] == "u" and whole:
            ${(types.stream if large else types.store)(o[1], name, f"{name}_row + i", value, W)}
% else:
            ${types.register_type(o[1])} part_${name}[${W}];
            ${types.spread(o[1], value, f"part_{name}", W)}
            for (uint j = 0; j < lanes; ++j)
                ${types.store(o[1], name, lane(name, o, "i + j"), f"part_{name}[j]")}
% endif
% endfor
        }
% endfor
    }
% endif
% if spec.faults:
    if (fault) record_fault(fault_word, ${fault_code}, 0);
% endif
}
