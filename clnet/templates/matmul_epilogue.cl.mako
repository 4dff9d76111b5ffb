## Parts that the matmul skeletons share: the argument list's tail, batch offsets, the epilogue.
##
## The epilogue is an expression of Arg(0), the sum, then the extra operands, then the numbers.
<%def name="arguments()">
% for i, (dtype, _) in enumerate(extras):
    __global const ${types.memory_type(dtype)} *x${i}, const ulong x${i}_offset,
% endfor
% for i, dtype in enumerate(number_types):
    const ${types.register_type(dtype)} number${i},
% endfor
    ${", ".join(f"const {index_type} {name}" for name in scalars)}
</%def>
<%def name="batch_offsets(names, rest)">
% for d in reversed(range(batch_rank)):
        const ${index_type} i${d} = ${rest} % size${d}; ${rest} /= size${d};
% endfor
% for name in names:
        const ${index_type} ${name}_at = ${" + ".join(f"i{d} * {name}_b{d}" for d in range(batch_rank)) or "0"};
% endfor
</%def>
<%def name="add_offsets(names)">
% for name in names:
    ${name} += ${name}_offset;
% endfor
</%def>
## Where an element of the result lies; columns of windows are found in a table.
<%def name="y_place(m, n, unit=False)">${f"y_at + ({m}) * y_m + y_to[({n}) - n]" if context.get("windows") else f"y_at + ({m}) * y_m + ({n})" + ("" if unit else " * y_n")}</%def>
## Stores one element: `value` at row m, column n.
<%def name="store_one(value, m, n)">
<%
writer = Writer(1, "e")
writer.bind(Arg(0, accumulate), "e_sum")
for i, (dtype, _) in enumerate(extras):
    writer.bind(Arg(1 + i, types.register_dtype(dtype)), f"e_x{i}")
for i, dtype in enumerate(number_types):
    writer.bind(Arg(1 + len(extras) + i, dtype), f"number{i}")
result = writer.write(epilogue)
%>
            {
                const ${types.register_type(accumulate)} e_sum = ${value};
% for i, (dtype, _) in enumerate(extras):
                const ${types.register_type(dtype)} e_x${i} = ${types.load(dtype, f"x{i}", f"x{i}_at + ({m}) * x{i}_m + ({n}) * x{i}_n")};
% endfor
% for line in writer.lines:
                ${line}
% endfor
                ${types.store(y_dtype, "y", capture(y_place, m, n), result)}
            }
</%def>
## Stores the lanes of vector `value` whose columns, n and up, lie in [first, stop).
<%def name="store_lanes(value, m, n, first, stop)">
<%
writer = Writer(lanes, "v")
writer.bind(Arg(0, accumulate), "v_sum")
for i, (dtype, _) in enumerate(extras):
    writer.bind(Arg(1 + i, types.register_dtype(dtype)), f"v_x{i}")
for i, dtype in enumerate(number_types):
    writer.bind(Arg(1 + len(extras) + i, dtype), f"v_n{i}")
result = writer.write(epilogue)
vector = all(c in "ub" for _, c in extras) and y_class == "u"
%>
% if vector:
        if (${n} >= ${first} && ${n} + ${lanes} <= ${stop}) {
            const ${types.register_type(accumulate, lanes)} v_sum = ${value};
% for i, (dtype, c) in enumerate(extras):
% if c == "b":
            const ${types.register_type(dtype, lanes)} v_x${i} = (${types.register_type(dtype, lanes)})(${types.load(dtype, f"x{i}", f"x{i}_at + ({m}) * x{i}_m")});
% else:
            const ${types.register_type(dtype, lanes)} v_x${i} = ${types.load(dtype, f"x{i}", f"x{i}_at + ({m}) * x{i}_m + ({n})", lanes)};
% endif
% endfor
% for i, dtype in enumerate(number_types):
            const ${types.register_type(dtype, lanes)} v_n${i} = (${types.register_type(dtype, lanes)})(number${i});
% endfor
% for line in writer.lines:
            ${line}
% endfor
            ${types.store(y_dtype, "y", capture(y_place, m, n, True), result, lanes)}
        } else
% endif
        {
            ${types.register_type(accumulate)} lane[${lanes}];
            vstore${lanes}(${value}, 0, lane);
            const ${index_type} lane_stop = min((${index_type})${lanes}, ${stop} > ${n} ? ${stop} - ${n} : 0);
            for (${index_type} l = ${first} > ${n} ? ${first} - ${n} : 0; l < lane_stop; ++l)
                ${store_one("lane[l]", m, f"({n} + l)")}
        }
</%def>
