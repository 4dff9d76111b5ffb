## Backward of normalisation along rows with a weight and bias per column, in one walk over the rows:
## the row's two sums and the columns' cotangents together, then the row's cotangent from cache.
##
## Mode "rows": each worker (CPU class: a work-item; GPU class: a work-group) takes a share of the rows
## and keeps its part of the columns' cotangents in its own two rows of `parts`.
## Mode "columns": adds these parts.
<%
W = lanes
L = local_size[0]
gpu = W == 1
T = types.register_type(acc, W)
one = types.register_type(acc)
def read(dtype, pointer, index): return types.convert(types.load(dtype, pointer, index, W), dtype, acc, W)
def held(pointer, index): return f"{pointer}[{index}]" if gpu else f"vload{W}(0, {pointer} + {index})"
def keep(value, pointer, index): return f"{pointer}[{index}] = {value};" if gpu else f"vstore{W}({value}, 0, {pointer} + {index});"
columns = f"for (uint c = get_local_id(0); c < (uint)n; c += {L})" if gpu else f"for (uint c = 0; c < (uint)n; c += {W})"
%>\
__kernel __attribute__((reqd_work_group_size(${L}, 1, 1)))
void ${entry}(
% if mode == "rows":
    __global const ${types.memory_type(g_dtype)} *g, const ulong g_offset,
    __global const ${types.memory_type(x_dtype)} *x, const ulong x_offset,
    __global const ${one} *mean, const ulong mean_offset, __global const ${one} *scale, const ulong scale_offset,
    __global const ${types.memory_type(w_dtype)} *w, const ulong w_offset,
    __global ${types.memory_type(x_dtype)} *dx, const ulong dx_offset,
    __global ${one} *parts, const ulong parts_offset, const ulong rows, const ulong n, const ulong share
) {
    g += g_offset; x += x_offset; mean += mean_offset; scale += scale_offset; w += w_offset; dx += dx_offset;
    __global ${one} *dw = parts + parts_offset + (ulong)get_group_id(0) * 2 * n, *db = dw + n;
% if gpu:
    __local ${one} shared[${2 * L}];
% endif
    const ulong first = (ulong)get_group_id(0) * share, stop = min(rows, first + share);
    ${columns} { ${keep(f"({T})(0)", "dw", "c")} ${keep(f"({T})(0)", "db", "c")} }
    for (ulong row = first; row < stop; ++row) {
        __global const ${types.memory_type(g_dtype)} *g_row = g + row * n;
        __global const ${types.memory_type(x_dtype)} *x_row = x + row * n;
        const ${T} centre = (${T})(mean[row]), factor = (${T})(scale[row]);
        ${T} sum = (${T})(0), along = (${T})(0);
        ${columns} {
            const ${T} cotangent = ${read(g_dtype, "g_row", "c")};
            const ${T} normal = (${read(x_dtype, "x_row", "c")} - centre) * factor;
            const ${T} inner = cotangent * ${read(w_dtype, "w", "c")};
            sum += inner;
            along = fma(inner, normal, along);
            ${keep(f"fma(cotangent, normal, {held('dw', 'c')})", "dw", "c")}
            ${keep(f"cotangent + {held('db', 'c')}", "db", "c")}
        }
% if gpu:
        barrier(CLK_LOCAL_MEM_FENCE);
        shared[get_local_id(0)] = sum;
        shared[get_local_id(0) + ${L}] = along;
        for (uint half_size = ${L // 2}; half_size; half_size /= 2) {
            barrier(CLK_LOCAL_MEM_FENCE);
            if (get_local_id(0) < half_size) {
                shared[get_local_id(0)] += shared[get_local_id(0) + half_size];
                shared[get_local_id(0) + ${L}] += shared[get_local_id(0) + ${L} + half_size];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        const ${one} total = shared[0] / n, slope = shared[${L}] / n;
% else:
% for name, result in (("sum", "total"), ("along", "slope")):
<% wide, value = W // 2, name %>\
% if W == 16:
        // oclgrind takes .hi of a vector of 16 for unwritten.
        ${one} ${name}_lanes[16];
        vstore16(${name}, 0, ${name}_lanes);
        const ${types.register_type(acc, 8)} ${name}8 = vload8(0, ${name}_lanes) + vload8(1, ${name}_lanes);
<% wide, value = 4, f"{name}8" %>\
% endif
% while wide:
        const ${types.register_type(acc, wide)} ${name}${wide} = ${value}.lo + ${value}.hi;
<% value, wide = f"{name}{wide}", wide // 2 %>\
% endwhile
        const ${T} ${result} = (${T})(${name}1 / n);
% endfor
% endif
        ${columns} {
            const ${T} inner = ${read(g_dtype, "g_row", "c")} * ${read(w_dtype, "w", "c")};
            const ${T} normal = (${read(x_dtype, "x_row", "c")} - centre) * factor;
            ${types.store(x_dtype, "dx", "row * n + c", "(inner - total - normal * slope) * factor", W)}
        }
    }
}
% else:
    __global const ${one} *parts, const ulong parts_offset,
    __global ${types.memory_type(w_dtype)} *dw, const ulong dw_offset,
    __global ${types.memory_type(w_dtype)} *db, const ulong db_offset, const ulong count, const ulong n
) {
    parts += parts_offset; dw += dw_offset; db += db_offset;
    for (ulong c = get_global_id(0) * ${W}; c < n; c += get_global_size(0) * ${W}) {
        ${T} weight = (${T})(0), bias = (${T})(0);
        for (ulong k = 0; k < count; ++k) {
            weight += ${held("parts", "2 * k * n + c")};
            bias += ${held("parts", "(2 * k + 1) * n + c")};
        }
        ${types.store(w_dtype, "dw", "c", "weight", W)}
        ${types.store(w_dtype, "db", "c", "bias", W)}
    }
}
% endif
