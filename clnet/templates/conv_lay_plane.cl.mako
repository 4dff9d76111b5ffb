## One plane copied into padded ones, [phase][d][h][w]: position q of phase p is coordinate
## q * phases + p - lo, where every `insert`-th coordinate holds an element and the rest is zero.
<%def name="lay_plane(task, row)">
<%
T = index_type
def step(name): return {"plain": "1", "pair": "2"}.get(mode, name)
def element(at): return types.convert(types.load(source, "x", at), source, target)
%>\
        {
        const ${T} image = ((${task}) / channels) * x_n + ((${task}) % channels) * x_c;
        __global ${types.register_type(target)} *row = ${row};
% for axis in "dhw":
        for (${T} p_${axis} = 0; p_${axis} < phases_${axis}; ++p_${axis})
% endfor
        for (${T} q_d = 0; q_d < size_d; ++q_d)
        for (${T} q_h = 0; q_h < size_h; ++q_h, row += size_w) {
        ${T} w = 0;
        bool inside = true;
% for axis in "dh":
        const ${T} u_${axis} = q_${axis} * phases_${axis} + p_${axis} + skip_${axis};
        inside = inside && u_${axis} >= lo_${axis} && ${f"(u_{axis} - lo_{axis}) % insert_{axis} == 0" if mode == "insert" else "true"}
            && ${f"(u_{axis} - lo_{axis}) / insert_{axis}" if mode == "insert" else f"u_{axis} - lo_{axis}"} < in_${axis};
% endfor
        if (inside) {
% if mode == "insert":
            const ${T} from = image + ((u_d - lo_d) / insert_d) * x_d + ((u_h - lo_h) / insert_h) * x_h;
% else:
            const ${T} from = image + (u_d - lo_d) * x_d + (u_h - lo_h) * x_h;
% endif
% if mode == "insert":
            // Zeros first; then every insert-th coordinate from the first that holds an element.
            for (${T} k = 0; k < size_w; ++k) row[k] = 0;
            ${T} k = skip_w > lo_w ? (skip_w - lo_w + insert_w - 1) / insert_w : 0;
            for (; k < in_w && k * insert_w + lo_w - skip_w < size_w; ++k)
                row[k * insert_w + lo_w - skip_w] = ${element("from + k * x_w")};
            w = size_w;
% else:
            // Coordinates w * phases + p + skip in [lo, lo + in) hold elements.
            const ${T} before = p_w + skip_w;
            const ${T} first = min(size_w, lo_w > before ? (lo_w - before + ${step("phases_w")} - 1) / ${step("phases_w")} : 0);
            const ${T} reach = in_w + lo_w;
            const ${T} stop = max(first, min(size_w, reach > before ? (reach - before + ${step("phases_w")} - 1) / ${step("phases_w")} : 0));
            for (; w < first; ++w) row[w] = 0;
            const ${T} start = from + (before - lo_w) * x_w;
            const ${T} x_step = ${step("phases_w")} * x_w;
% if mode == "plain":
            if (x_w == 1)
                for (; w + ${lanes} <= stop; w += ${lanes})
                    ${types.store(target, "row", "w", types.convert(types.load(source, "x", "(start + w)", lanes), source, target, lanes), lanes)}
% elif mode == "pair":
            if (x_w == 1) {
% for wide in (lanes, lanes // 2):
<% vector = types.register_type(target, wide) %>\
                for (; w + ${wide} <= stop; w += ${wide}) {
                    // Where pairs would reach beyond the row, they begin one element earlier.
                    const ${T} early = start + 2 * (w + ${wide}) > from + in_w;
                    if (early && in_w < ${2 * wide}) break;
                    const ${T} at = start + 2 * w - early;
                    const ${vector} low = ${types.convert(types.load(source, "x", "at", wide), source, target, wide)};
                    const ${vector} high = ${types.convert(types.load(source, "x", f"(at + {wide})", wide), source, target, wide)};
                    const ${vector} half_ = early ? (${vector})(low.odd, high.odd) : (${vector})(low.even, high.even);
                    ${types.store(target, "row", "w", "half_", wide)}
                }
% endfor
            }
% endif
            for (; w < stop; ++w) row[w] = ${element("start + w * x_step")};
% endif
        }
        for (; w < size_w; ++w) row[w] = 0;
        }
        }
</%def>
