## out[i] = expression(variate i, parameters), variates from Philox4x32-10: see core/generator.py for
## which words of which block an element takes.
##
## CPU class: a work-item computes 16 blocks at a time in vectors and walks a share of the groups.
## GPU class: a work-item computes one block and writes its elements, 16 apart.
<%
W = width
V = "" if W == 1 else str(W)
per_block = 128 // bits                  # variates of one block
group = 16 * per_block
word = f"uint{V}"
wide = bits == 64
real = types.register_type(variate, W)
def philox_round(last):
    text = """{ const WORD h0 = mul_hi((WORD)(0xD2511F53u), c0), l0 = c0 * 0xD2511F53u;
          const WORD h1 = mul_hi((WORD)(0xCD9E8D57u), c2), l1 = c2 * 0xCD9E8D57u;
          c0 = h1 ^ c1 ^ k0; c1 = l1; c2 = h0 ^ c3 ^ k1; c3 = l0; }"""
    return text.replace("WORD", word) + ("" if last else " k0 += 0x9E3779B9u; k1 += 0xBB67AE85u;")
def long_of(low, high):
    return f"(convert_ulong{V}({low}) | (convert_ulong{V}({high}) << 32))"
def unit(k):
    "Variate k in [0, 1) with as many bits as the type holds below 1."
    if wide:
        return f"(convert_double{V}({long_of(f'c{2 * k}', f'c{2 * k + 1}')} >> 11) * 0x1p-53)"
    return f"(convert_float{V}(c{k} >> {32 - mantissa}) * 0x1p-{mantissa}f)"
tensors = [i for i, p in enumerate(params) if p[0] == "tensor"]
%>\
% if kind == "normal" and not wide:
## Written out, with fma, rather than the built-ins, which differ between devices by several ulp.
## The polynomials are those of Cephes' logf, sinf and cosf (S. Moshier).
#ifndef NORMAL_PARTS${W}
#define NORMAL_PARTS${W}
// log(m / 2^24) of integers m in [1, 2^24].
inline float${V} log_unit${W}(uint${V} m) {
    const int${V} bits = as_int${V}(convert_float${V}(m));
    const int${V} exponent = (bits - 0x3f3504f3) >> 23;
    const float${V} t = as_float${V}(bits - (exponent << 23)) - 1.0f;
    const float${V} e = convert_float${V}(exponent - 24);
    const float${V} z = t * t;
    float${V} y = (float${V})(7.0376836292e-2f);
% for c in ("-1.1514610310e-1f", "1.1676998740e-1f", "-1.2420140846e-1f", "1.4249322787e-1f", "-1.6668057665e-1f", "2.0000714765e-1f", "-2.4999993993e-1f", "3.3333331174e-1f"):
    y = fma(y, t, (float${V})(${c}));
% endfor
    y = fma(e, (float${V})(-2.12194440e-4f), y * t * z);
    y = fma(z, (float${V})(-0.5f), y);
    return fma(e, (float${V})(0.693359375f), t + y);
}
// Cosine and sine of k / 2^24 of a turn.
inline void turn${W}(uint${V} k, float${V} *cosine, float${V} *sine) {
    const uint${V} quarter = (k + 0x200000u) >> 22;
    const float${V} x = convert_float${V}(as_int${V}(k - (quarter << 22))) * (0x1.921fb6p+1f * 0x1p-23f);
    const float${V} z = x * x;
    float${V} s = fma(z, (float${V})(-1.9515295891e-4f), (float${V})(8.3321608736e-3f));
    s = fma(fma(s, z, (float${V})(-1.6666654611e-1f)) * z, x, x);
    float${V} c = fma(z, (float${V})(2.443315711809948e-5f), (float${V})(-1.388731625493765e-3f));
    c = fma(fma(c, z, (float${V})(4.166664568298827e-2f)) * z, z, fma(z, (float${V})(-0.5f), (float${V})(1.0f)));
    const int${V} swap = (quarter & 1u) != 0u;
    const float${V} a = select(c, s, swap), b = select(s, c, swap);
    *cosine = select(a, -a, (((quarter + 1u) & 2u) != 0u));
    *sine = select(b, -b, ((quarter & 2u) != 0u));
}
#endif
% endif
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    const ulong seed, const ulong call,
% for i, p in enumerate(params):
% if p[0] == "tensor":
    __global const ${types.memory_type(p[1])} *x${i}, const ulong x${i}_offset,
% else:
    const ${types.register_type(p[1])} x${i},
% endif
% endfor
    __global ${types.memory_type(dtype)} *y, const ulong y_offset, const ulong n,
    const ulong tasks${"," if spec.faults else ""}
% if spec.faults:
    volatile __global int *fault_word
% endif
) {
% for i in tensors:
    x${i} += x${i}_offset;
% endfor
    y += y_offset;
% if W == 1:
    for (ulong task = get_global_id(0); task < tasks; task += get_global_size(0)) {
        const ulong block = task;
        const ulong first = (task / 16) * ${group} + task % 16;
% else:
    const uint16 lane_ids = (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const ulong share = (tasks + get_global_size(0) - 1) / get_global_size(0);
    const ulong first_task = get_global_id(0) * share;
    const ulong stop_task = min(tasks, first_task + share);
    for (ulong task = first_task; task < stop_task; ++task) {
        const ulong block = task * 16;
        const ulong first = task * ${group};
% endif
        ${word} c0 = (${word})((uint)block)${" + lane_ids" if W > 1 else ""}, c1 = (${word})((uint)(block >> 32));
        ${word} c2 = (${word})((uint)call), c3 = (${word})((uint)(call >> 32));
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
% for r in range(10):
        ${philox_round(r == 9)}
% endfor
% if kind == "normal":
% for k in range(0, per_block, 2):
        ${real} z${k}, z${k + 1};
        {
            // Box and Muller: the radius from a number in (0, 1], the angle in half turns.
% if wide:
            const ${real} radius = sqrt(-2.0 * log(convert_double${V}((${long_of("c0", "c1")} >> 11) + 1UL) * 0x1p-53));
            const ${real} angle = ${unit(1)} * 2.0;
            z${k} = radius * cospi(angle);
            z${k + 1} = radius * sinpi(angle);
% else:
            const ${real} radius = sqrt(-2.0f * log_unit${W}((c${k} >> 8) + 1u));
            turn${W}(c${k + 1} >> 8, &z${k}, &z${k + 1});
            z${k} *= radius;
            z${k + 1} *= radius;
% endif
        }
% endfor
% endif
% for k in range(per_block):
        if (first + ${k * 16} < n) {
            const ulong at = first + ${k * 16};
% if W > 1:
            const uint lanes = (uint)min((ulong)16, n - at);
% endif
% if kind == "normal":
            const ${real} v = z${k};
% elif kind == "unit":
            const ${real} v = ${unit(k)};
% elif wide:
            // Parameter 1 is the number of integers to choose from, 0 for all of 64 bits.
            const ulong${V} drawn = ${long_of(f"c{2 * k}", f"c{2 * k + 1}")};
            const ${real} v = as_long${V}(x1 ? mul_hi(drawn, (ulong${V})((ulong)x1)) : drawn);
% else:
            const ${real} v = as_long${V}((convert_ulong${V}(c${k}) * (ulong)x1) >> 32);
% endif
% for i, p in enumerate(params):
% if p[0] == "number":
            const ${types.register_type(p[1], W)} p${i} = (${types.register_type(p[1], W)})(x${i});
% elif W == 1:
            const ${types.register_type(p[1])} p${i} = ${types.load(p[1], f"x{i}", "at")};
% else:
            ${types.register_type(p[1], W)} p${i};
            if (lanes == 16) {
                p${i} = ${types.load(p[1], f"x{i}", "at", W)};
            } else {
                ${types.register_type(p[1])} part[16];
                for (uint j = 0; j < 16; ++j) part[j] = ${types.load(p[1], f"x{i}", "at + min(j, lanes - 1)")};
                p${i} = vload16(0, part);
            }
% endif
% endfor
<%
writer = Writer(W, f"t{k}_")
writer.bind(Arg(0, variate), "v")
for i, p in enumerate(params):
    writer.bind(Arg(1 + i, types.register_dtype(p[1])), f"p{i}")
value = writer.write(expr)
bad = writer.write(refused) if refused is not None else None
%>\
% for line in writer.lines:
            ${line}
% endfor
% if bad is not None:
            if (${f"any(convert_char16({bad}) != (char16)(0))" if W > 1 else bad}) record_fault(fault_word, ${fault_code}, 0);
% endif
% if W == 1:
            ${types.store(dtype, "y", "at", value)}
% else:
            if (lanes == 16) {
                ${types.store(dtype, "y", "at", value, W)}
            } else {
                ${types.register_type(dtype)} part[16];
                vstore16(${value}, 0, part);
                for (uint j = 0; j < lanes; ++j) ${types.store(dtype, "y", "at + j", "part[j]")}
            }
% endif
        }
% endfor
    }
}
