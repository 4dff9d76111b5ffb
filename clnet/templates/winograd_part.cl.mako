## One row of tiles of one block of channels: patches of planes (n, c, h, w) times the matrix of `kind` along
## both dimensions, to to[point * stride + tile * lanes].
##
## Its rows are turned over in registers so that channels lie in lanes, with the border's zeros, in `held`.
<%! from clnet.codegen import shuffle, winograd %>\
<%def name="transform(kind, block, line, held, to, stride)">
<%
T = index_type
V = lanes
vector = types.register_type(dt.float32, V)
matrix = {"input": winograd.B, "output": winograd.A}[kind]
patch = len(matrix[0])
size = winograd.SIZE
%>\
        {
        const ${T} image = (line_first + ${line}) / tiles_h;
        // Rows of the planes are counted from the first of the patch, which may lie in the border.
        const ${T} top = (line_first + ${line}) % tiles_h * ${winograd.OUTPUTS};
        const ${T} row_first = top < pad_h ? pad_h - top : 0;
        const ${T} row_stop = min((${T})${patch}, in_h + pad_h - min(in_h + pad_h, top));
        __global const ${types.memory_type(x_dtype)} *planes = x + image * x_n;
        ${T} channel[${V}];
        for (${T} l = 0; l < ${V}; ++l) channel[l] = min((${block}) * ${V} + l, channels - 1) * x_c;
        for (${T} i = 0; i < ${patch}; ++i) {
            const bool outside = i < row_first || i >= row_stop;
            for (${T} w = 0; w < (outside ? pitch : pad_w); ++w)
                vstore${V}((${vector})(0), i * pitch + w, ${held});
            for (${T} w = outside ? pitch : pad_w + in_w; w < pitch; ++w)
                vstore${V}((${vector})(0), i * pitch + w, ${held});
        }
        if (row_first < row_stop) {
            // A run of whole rows; its last vector ends with it.
            const ${T} stop = (top + row_stop - pad_h) * in_w;
            ${T} at = min((top + row_first - pad_h) * in_w, stop - ${V});
            for (;;) {
% for l in range(V):
                const ${vector} x${l} = ${types.convert(types.load(x_dtype, "planes", f"(channel[{l}] + at)", V), x_dtype, dt.float32, V)};
% endfor
<% lines, turned = shuffle.rotate([f"x{l}" for l in range(V)], vector, V.bit_length() - 1, "turn") %>\
% for line in lines:
                ${line}
% endfor
                // The row may lie before the patch's first, where the run began before it.
                ${T} row = at / in_w + pad_h, column = at % in_w;
% for l in range(V):
                if (row >= top + row_first) vstore${V}(${turned[l]}, (row - top) * pitch + pad_w + column, ${held});
                if (++column == in_w) { column = 0; ++row; }
% endfor
                if (at + ${V} >= stop) break;
                at = min(at + ${V}, stop - ${V});
            }
        }
        for (${T} tile = 0; tile < tiles_w; ++tile) {
            __global const float *from = ${held} + tile * ${winograd.OUTPUTS * V};
            __global float *tile_to = ${to} + tile * ${V};
% for j in range(patch):
<% lines, rows = winograd.evaluate(matrix, [f"d{j}_{i}" for i in range(patch)], vector, f"column{j}_") %>\
% for i in range(patch):
            const ${vector} d${j}_${i} = vload${V}(${i} * pitch + ${j}, from);
% endfor
% for line in lines:
            ${line}
% endfor
% endfor
% for i in range(size):
<% lines, values = winograd.evaluate(matrix, [f"column{j}_{i}" for j in range(patch)], vector, f"row{i}_") %>\
% for line in lines:
            ${line}
% endfor
% for j in range(size):
            vstore${V}(${values[j]}, 0, tile_to + ${i * size + j} * ${stride});
% endfor
% endfor
        }
        }
</%def>
