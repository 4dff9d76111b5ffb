## Solves A X = Y in place for triangular A: a task is one matrix and `lanes` columns of Y.
<%namespace name="part" file="matmul_epilogue.cl.mako"/>
<%
T = index_type
one_t = types.register_type(dtype)
vec_t = types.register_type(dtype, lanes)
def body(width, column, indent):
    kind = types.register_type(dtype, width)
    def at(row): return types.load(dtype, "y", f"y_at + ({row}) * y_m + {column}", width)
    inner = "for (T j = i + 1; j < N; ++j)" if upper else "for (T j = 0; j < i; ++j)"
    if dtype.is_complex:
        part = types.register_type(dtype.to_real())
        product = [f"{{ const {kind} p = a[a_at + i * a_m + j * a_n], q = {at('j')};",
                   f"sum -= ({kind})(p.x * q.x - p.y * q.y, p.x * q.y + p.y * q.x); }}"]
        # Smith's scaling: the square of the divisor does not overflow.
        quotient = [f"const {kind} d = a[a_at + i * a_m + i * a_n]; const {part} size = fmax(fabs(d.x), fabs(d.y));",
                    f"const {kind} e = d / size; const {part} square = (e.x * e.x + e.y * e.y) * size;",
                    f"sum = ({kind})(sum.x * e.x + sum.y * e.y, sum.y * e.x - sum.x * e.y) / square;"]
    else:
        product = [f"sum = fma(({kind})(-a[a_at + i * a_m + j * a_n]), {at('j')}, sum);"]
        quotient = ["sum /= a[a_at + i * a_m + i * a_n];"]
    lines = ["for (T step = 0; step < N; ++step) {",
             f"    const T i = {'N - 1 - step' if upper else 'step'};",
             f"    {kind} sum = {at('i')};",
             f"    {inner}",
             *("        " + line for line in product)]
    if not unit:
        lines += ["    " + line for line in quotient]
    lines += ["    " + types.store(dtype, "y", f"y_at + i * y_m + {column}", "sum", width), "}"]
    return "\n".join(" " * indent + line.replace("(T ", f"({T} ").replace("const T ", f"const {T} ") for line in lines)
%>\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${one_t} *a, const ulong a_offset,
    __global ${one_t} *y, const ulong y_offset,
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    ${part.add_offsets(["a", "y"])}
    for (${T} task = get_global_id(0); task < tasks; task += get_global_size(0)) {
        const ${T} column = (task % vectors) * ${lanes};
        ${T} rest = task / vectors;
        ${part.batch_offsets(["a", "y"], "rest")}
% if lanes > 1:
        if (column + ${lanes} <= K) {
${body(lanes, "column", 12)}
        } else
            for (${T} c = column; c < K; ++c)
${body(1, "c", 16)}
% else:
${body(1, "column", 8)}
% endif
    }
}
