## GPU class: matrix instructions on narrow elements, several to a 32-bit word, along k.  Tiles of both
## factors lie in local memory as rows of words; a subgroup multiplies fragments of them, 8 words deep.
##
## unit "mma": NVIDIA's mma.sync, 16 x 8 results for 32 lanes (PTX ISA, "Matrix Fragments for mma").
## unit "dpas": cl_intel_subgroup_matrix_multiply_accumulate, 8 rows by one column for each lane.
## unit "dot": packed dot products of each item, one word deep (cl_khr_integer_dot_product).
## Where the unit is missing (``native`` false) the same fragments are multiplied by ordinary arithmetic:
## matrix_mad is then a model of the instruction, which takes from each lane what the manual says it holds.
<%namespace name="part" file="matmul_epilogue.cl.mako"/>\
<%namespace name="stage" file="matmul_stage.cl.mako"/>\
<%namespace name="group" file="subgroup.cl.mako"/>\
<%
T = index_type
per_word = 4 // a_dtype.itemsize
element = {1: "char", 2: "ushort", 4: "uint"}[a_dtype.itemsize]
acc_t = types.register_type(accumulate)
words = tile_k // per_word
row_words = words + 4
fragment_m, fragment_n, deep = {"mma": (16, 8, 8), "dpas": (8, subgroup, 8), "dot": (1, 1, 1)}[unit]
sums = fragment_m * fragment_n // subgroup
acc_v = acc_t + (str(sums) if sums > 1 else "")
a_words = "short8" if unit == "dpas" and subgroup == 16 else {"mma": "uint4", "dpas": "int8", "dot": "uint"}[unit]
b_words = {"mma": "uint2", "dpas": "int8", "dot": "uint"}[unit]
kind = {"float16": "f16", "bfloat16": "bf16", "int8": "s8", "float32": "tf32"}[a_dtype.name]
name = f"matrix_mad_{unit}_{kind}_{subgroup}"
# Words that the lanes of a subgroup show one another, of a fragment of a and of b, where it is imitated.
shown_a, shown_b = (0, 0) if native else {"mma": (4 * 32, 2 * 32), "dpas": (8 * 8, 8 * subgroup), "dot": (0, 0)}[unit]
shown = fragments_m * shown_a + fragments_n * shown_b

def load(pointer):
    # The unit ignores the lower bits of float32: what it sees is rounded here.
    def word(at, width):
        text = f"vload{width}(0, {pointer} + {at})" if width > 1 else f"{pointer}[{at}]"
        return f"tf32_round{width if width > 1 else ''}({text})" if kind == "tf32" else text
    return word
def put(tile):
    return lambda r, kk, value: f"((__local {element} *){tile}[step & 1][{r}])[{kk}] = {value};"
def put_vector(tile, order):
    if order not in ("k", "gather"):
        return None
    count = load_width // per_word
    if count == 1:
        return lambda r, kk, value: f"{tile}[step & 1][{r}][{kk} / {per_word}] = as_uint({value});"
    return lambda r, kk, value: " ".join(
        f"{tile}[step & 1][{r}][{kk} / {per_word} + {j}] = as_uint{count}({value}).s{j};" for j in range(count))
def sub_row(i):
    return f"(sub / {subs_n} + {i * subs_m}) * {fragment_m}"
def sub_column(j):
    return f"(sub % {subs_n} + {j * subs_n}) * {fragment_n}"
buffer = "(step - 1) & 1"
%>\
${group.extension()}\
% if kind == "tf32":
#ifndef TF32_ROUND
#define TF32_ROUND
% for w in ("", "2"):
// To the nearest, ties away from zero; NaN stays.
inline uint${w} tf32_round${w}(uint${w} x) {
    const uint${w} rounded = (x + 0x1000u) & 0xFFFFE000u;
    return select(rounded, x, ${"(x & 0x7FFFFFFFu) > 0x7F800000u" if w else "(uint)((x & 0x7FFFFFFFu) > 0x7F800000u)"});
}
% endfor
#endif
% endif
#ifndef ${name.upper()}${"" if native else "_MODEL"}
#define ${name.upper()}${"" if native else "_MODEL"}
% if native:
% if unit == "mma":
inline ${acc_v} ${name}(${a_words} a, ${b_words} b, ${acc_v} c) {
    ${acc_t} c0 = c.s0, c1 = c.s1, c2 = c.s2, c3 = c.s3;
<%
shape, result = {"s8": ("m16n8k32", "s32"), "tf32": ("m16n8k8", "f32")}.get(kind, ("m16n8k16", "f32"))
r = "r" if kind == "s8" else "f"
%>\
    asm("mma.sync.aligned.${shape}.row.col.${result}.${kind}.${kind}.${result} "
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+${r}"(c0), "+${r}"(c1), "+${r}"(c2), "+${r}"(c3)
        : "r"(a.s0), "r"(a.s1), "r"(a.s2), "r"(a.s3), "r"(b.s0), "r"(b.s1));
    return (${acc_v})(c0, c1, c2, c3);
}
% elif unit == "dpas":
<% of = {"f16": "f16_f16_matrix_mad_k16", "bf16": "bf16_bf16_matrix_mad_k16", "s8": "i8_i8_matrix_mad_k32"}[kind] %>\
#define ${name}(a, b, c) intel_sub_group_${of}(a, b, c)
% else:
#define ${name}(a, b, c) (dot(as_char4(a), as_char4(b)) + (c))
% endif
% else:
inline ${acc_t} ${name}_word(uint a, uint b, ${acc_t} c) {
% if kind == "s8":
    const int4 p = convert_int4(as_char4(a)) * convert_int4(as_char4(b));
    return c + (p.s0 + p.s1 + p.s2 + p.s3);
% elif kind == "tf32":
    return as_float(a) * as_float(b) + c;
% elif kind == "bf16":
    c = as_float(a << 16) * as_float(b << 16) + c;
    return as_float(a & 0xFFFF0000u) * as_float(b & 0xFFFF0000u) + c;
% else:
    uint bits[2];
    bits[0] = a; bits[1] = b;
    c = vload_half(0, (const half *)bits) * vload_half(2, (const half *)bits) + c;
    return vload_half(1, (const half *)bits) * vload_half(3, (const half *)bits) + c;
% endif
}
% if unit == "mma":
__attribute__((noinline)) void ${name}(__local const uint *a, __local const uint *b, ${acc_t} *sum, uint lane) {
    for (uint e = 0; e < 4; ++e) {
        const uint row = lane / 4 + e / 2 * 8, column = lane % 4 * 2 + e % 2;
        for (uint w = 0; w < 8; ++w)
            sum[e] = ${name}_word(a[(row % 8 * 4 + w % 4) * 4 + w / 4 * 2 + row / 8],
                                  b[(column * 4 + w % 4) * 2 + w / 4], sum[e]);
    }
}
% elif unit == "dpas":
__attribute__((noinline)) void ${name}(__local const uint *a, __local const uint *b, ${acc_t} *sum, uint lane) {
    for (uint i = 0; i < 8; ++i)
        for (uint w = 0; w < 8; ++w)
            sum[i] = ${name}_word(a[i * 8 + w], b[lane * 8 + w], sum[i]);
}
% else:
#define ${name}(a, b, c) ${name}_word(a, b, c)
% endif
% endif
#endif
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1))) ${group.attribute() if unit == "dpas" else ""}
void ${entry}(
    __global const ${element} *a, const ulong a_offset,
    __global const ${element} *b, const ulong b_offset,
    __global ${types.memory_type(y_dtype)} *y, const ulong y_offset,
    ${part.arguments()}
) {
    __local uint a_tile[2][${tile_m}][${row_words}];
    __local uint b_tile[2][${tile_n}][${row_words}];
% if shown:
    __local uint shown_by[${subs_m * subs_n * shown}];
% endif
${stage.tables()}\
    ${part.add_offsets(["a", "b", "y"] + [f"x{i}" for i in range(len(extras))])}
    const uint item = get_local_id(0);
% if unit == "dpas":
${group.position()}\
% else:
    const uint sub = item / ${subgroup}, lane = item % ${subgroup};
% endif
${stage.place()}\
    ${part.batch_offsets(["a", "b"] + [f"x{i}" for i in range(len(extras))], "rest")}
${stage.place_k()}\
${stage.begin_windows()}\
${stage.hold("a", a_order, tile_m, element)}\
${stage.hold("b", b_order, tile_n, element)}\
% for i in range(fragments_m):
    ${acc_v} ${", ".join(f"acc{i}_{j} = ({acc_v})(0)" for j in range(fragments_n))};
% endfor
    for (uint step = 0; step <= steps; ++step) {
        const ${T} k = k_first + step * ${tile_k};
        if (step < steps) {
${stage.fetch("a", a_order, tile_m, element, load("a"))}\
${stage.fetch("b", b_order, tile_n, element, load("b"))}\
${stage.turn_windows(f"k + {tile_k}", "(step + 1) & 1")}\
        }
        if (step > 0)
            for (uint w = 0; w < ${words}; w += ${deep}) {
% for i in range(fragments_m):
                ${a_words} a${i};
% if unit == "mma":
                {
                    __local const uint *from = a_tile[${buffer}][${sub_row(i)} + lane / 4] + w + lane % 4;
                    a${i} = (uint4)(from[0], from[${8 * row_words}], from[4], from[${8 * row_words + 4}]);
                }
% elif unit == "dpas":
% for r in range(8):
                a${i}.s${r} = ((__local const ${"short" if subgroup == 16 else "int"} *)a_tile[${buffer}][${sub_row(i)} + ${r}])[${"2 * w" if subgroup == 16 else "w"} + lane];
% endfor
% else:
                a${i} = a_tile[${buffer}][${sub_row(i)}][w];
% endif
% endfor
% for j in range(fragments_n):
                ${b_words} b${j};
% if unit == "mma":
                {
                    __local const uint *from = b_tile[${buffer}][${sub_column(j)} + lane / 4] + w + lane % 4;
                    b${j} = (uint2)(from[0], from[4]);
                }
% elif unit == "dpas":
% for r in range(8):
                b${j}.s${r} = (int)b_tile[${buffer}][${sub_column(j)} + lane][w + ${r}];
% endfor
% else:
                b${j} = b_tile[${buffer}][${sub_column(j)}][w];
% endif
% endfor
% if shown:
                __local uint *shown_a = shown_by + sub * ${shown}, *shown_b = shown_a + ${fragments_m * shown_a};
                barrier(CLK_LOCAL_MEM_FENCE);
% for i in range(fragments_m):
% if unit == "mma":
                vstore4(a${i}, 0, shown_a + ${i * shown_a} + lane * 4);
% else:
% for r in range(8):
                ((__local ${"ushort" if subgroup == 16 else "uint"} *)(shown_a + ${i * shown_a + r * 8}))[lane] = a${i}.s${r};
% endfor
% endif
% endfor
% for j in range(fragments_n):
                ${f"vstore2(b{j}, 0, " if unit == "mma" else f"vstore8(as_uint8(b{j}), 0, "}shown_b + ${j * shown_b} + lane * ${shown_b // subgroup});
% endfor
                barrier(CLK_LOCAL_MEM_FENCE);
                ${acc_t} sum[${sums}];
% endif
% for i in range(fragments_m):
% for j in range(fragments_n):
% if shown:
                vstore${sums}(acc${i}_${j}, 0, sum);
                ${name}(shown_a + ${i * shown_a}, shown_b + ${j * shown_b}, sum, lane);
                acc${i}_${j} = vload${sums}(0, sum);
% else:
                acc${i}_${j} = ${name}(a${i}, b${j}, acc${i}_${j});
% endif
% endfor
% endfor
            }
        if (step < steps) {
${stage.deposit("a", a_order, tile_m, put("a_tile"), put_vector("a_tile", a_order))}\
${stage.deposit("b", b_order, tile_n, put("b_tile"), put_vector("b_tile", b_order))}\
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
% for i in range(fragments_m):
% for j in range(fragments_n):
    {
% if unit == "mma":
        const ${T} column = n + ${sub_column(j)} + lane % 4 * 2;
% for half in range(2):
        const ${T} row${half} = m + ${sub_row(i)} + lane / 4 + ${8 * half};
        if (row${half} < M) {
            ${part.store_lanes(f"acc{i}_{j}.s{2 * half}{2 * half + 1}", f"row{half}", "column", "n", "N")}
        }
% endfor
% else:
        const ${T} row = m + ${sub_row(i)}, column = n + ${sub_column(j)} + lane;
% for r in range(sums):
        if (row + ${r} < M && column < N)
            ${part.store_one(f"acc{i}_{j}" + (f".s{r}" if sums > 1 else ""), f"row + {r}", "column")}
% endfor
% endif
    }
% endfor
% endfor
}
