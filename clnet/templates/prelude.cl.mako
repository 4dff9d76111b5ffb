## Declarations that a kernel's body asks for by using them; guarded, since kernels share programs.
#pragma OPENCL FP_CONTRACT OFF
% if "double" in body and caps.c_version < (1, 2):
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
% endif
% if "STORE_PAST(" in body:
#ifndef STORE_PAST
#ifdef __has_builtin
#if __has_builtin(__builtin_nontemporal_store)
#define STORE_PAST(x, p) __builtin_nontemporal_store(x, p)
#endif
#endif
#ifndef STORE_PAST
#define STORE_PAST(x, p) (*(p) = (x))
#endif
#endif
% endif
## Vectors in global memory at any element's address.
% for t in ("char", "uchar", "short", "ushort", "int", "uint", "long", "ulong", "float", "double"):
% for w in (2, 4, 8, 16):
% if f"load_{t}{w}(" in body or f"store_{t}{w}(" in body or t == "ushort" and f"store_half{w}(" in body:
#ifndef LOAD_${t}${w}
#define LOAD_${t}${w}
#if defined(__clang__) && (defined(__x86_64__) || defined(__aarch64__))
// One access; vload and vstore may go element by element.
typedef ${t}${w} ${t}${w}_anywhere __attribute__((aligned(sizeof(${t}))));
#define load_${t}${w}(p) (*(__global const ${t}${w}_anywhere *)(p))
#define store_${t}${w}(x, p) (*(__global ${t}${w}_anywhere *)(p) = (x))
#else
#define load_${t}${w}(p) vload${w}(0, (__global const ${t} *)(p))
#define store_${t}${w}(x, p) vstore${w}(x, 0, (__global ${t} *)(p))
#endif
#endif
% endif
% endfor
% endfor
% for w in (1, 2, 4, 8, 16):
<% v = "" if w == 1 else str(w) %>\
% if f"bf16_decode{w}(" in body:
#ifndef BF16_DECODE${w}
#define BF16_DECODE${w}
inline float${v} bf16_decode${w}(ushort${v} x) { return as_float${v}(convert_uint${v}(x) << 16); }
#endif
% endif
% if f"bf16_encode{w}(" in body:
#ifndef BF16_ENCODE${w}
#define BF16_ENCODE${w}
inline ushort${v} bf16_encode${w}(float${v} x) {
    const uint${v} bits = as_uint${v}(x);
    const uint${v} rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
% if w == 1:
    return x != x ? (ushort)0x7FC0 : (ushort)rounded;
% else:
    return convert_ushort${v}(select(rounded, (uint${v})(0x7FC0u), x != x));
% endif
}
#endif
% endif
% if f"store_half{w}(" in body:
#ifndef STORE_HALF${w}
#define STORE_HALF${w}
% if caps.fp16:
#define store_half${w}(x, p) vstore_half${v}_rte(x, 0, p)
% else:
#if defined(__clang__) && defined(__F16C__)
// The processor converts to halves, though it does not compute in them.
% if w == 1:
#define store_half1(x, p) __builtin_store_halff(x, p)
% else:
typedef half half${w}_anywhere __attribute__((ext_vector_type(${w}), aligned(2)));
#define store_half${w}(x, p) (*(__global half${w}_anywhere *)(p) = __builtin_convertvector(x, half${w}_anywhere))
% endif
#else
% if w == 1:
#define store_half1(x, p) vstore_half_rte(x, 0, p)
% else:
// Where halves are foreign, vstore_half may go element by element; this rounds all lanes at once.
__attribute__((noinline)) ushort${v} half_encode${w}(float${v} x) {
    const uint${v} sign = (as_uint${v}(x) >> 16) & 0x8000u, bits = as_uint${v}(x) & 0x7FFFFFFFu;
    const uint${v} normal = (bits - 0x38000000u + 0xFFFu + ((bits >> 13) & 1u)) >> 13;
    // Adding 0.5 leaves a subnormal half's bits, rounded, at the end of the sum's.
    const uint${v} small = as_uint${v}(as_float${v}(bits) + 0.5f) - 0x3F000000u;
    const uint${v} large = select((uint${v})(0x7C00u), (uint${v})(0x7E00u), bits > 0x7F800000u);
    return convert_ushort${v}(sign | select(select(normal, small, bits < 0x38800000u), large, bits >= 0x47800000u));
}
#define store_half${w}(x, p) store_ushort${w}(half_encode${w}(x), p)
% endif
#endif
% endif
#endif
% endif
% if f"round_half{w}(" in body:
#ifndef ROUND_HALF${w}
#define ROUND_HALF${w}
inline float${v} round_half${w}(float${v} x) {
    ushort bits[${w}];
    vstore_half${v}_rte(x, 0, (half *)bits);
    return vload_half${v}(0, (const half *)bits);
}
#endif
% endif
<%
def choose(condition, yes, no):
    return f"(({condition}) ? {yes} : {no})" if w == 1 else f"select({no}, {yes}, {condition})"
%>\
## float64 as bits: m is the mantissa with its leading one, e the biased exponent.
% if f"double_to_float{w}(" in body:
#ifndef DOUBLE_TO_FLOAT${w}
#define DOUBLE_TO_FLOAT${w}
inline float${v} double_to_float${w}(long${v} x) {
    const ulong${v} one = (ulong${v})(1), zero = (ulong${v})(0);
    const ulong${v} bits = as_ulong${v}(x) & (ulong${v})(0x7FFFFFFFFFFFFFFFUL);
    const ulong${v} e = bits >> 52, fraction = bits & (ulong${v})(0xFFFFFFFFFFFFFUL);
    ulong${v} m = fraction | ${choose("e > zero", f"(ulong{v})(1UL << 52)", "zero")};
    // Below float32's normal numbers the mantissa moves right; what falls out stays as one bit.
    const ulong${v} least = (ulong${v})(897);
    const ulong${v} shift = ${choose("e < least", f"min(least - e, (ulong{v})(60))", "zero")};
    const ulong${v} lost = m & ((one << shift) - one);
    m = (m >> shift) | ${choose("lost != zero", "one", "zero")};
    const ulong${v} rest = m & (ulong${v})(0x1FFFFFFFUL), half_way = (ulong${v})(0x10000000UL);
    m >>= 29;
    m += ${choose(f"(rest > half_way) {'||' if w == 1 else '|'} ((rest == half_way) {'&&' if w == 1 else '&'} ((m & one) != zero))", "one", "zero")};
    m += ${choose("e > least", "(e - least) << 23", "zero")};
    const ulong${v} infinity = (ulong${v})(0x7F800000UL), all = (ulong${v})(2047);
    m = min(m, infinity);
    m = ${choose(f"(e == all) {'&&' if w == 1 else '&'} (fraction != zero)", f"(ulong{v})(0x7FC00000UL)", "m")};
    return as_float${v}(convert_uint${v}(m | ((as_ulong${v}(x) >> 63) << 31)));
}
#endif
% endif
% if f"double_to_long{w}(" in body:
#ifndef DOUBLE_TO_LONG${w}
#define DOUBLE_TO_LONG${w}
inline long${v} double_to_long${w}(long${v} x) {
    const long${v} zero = (long${v})(0), e = (x >> 52) & (long${v})(2047);
    const long${v} m = (x & (long${v})(0xFFFFFFFFFFFFFL)) | (long${v})(1L << 52);
    const long${v} shift = e - (long${v})(1075);
    const long${v} left = m << clamp(shift, zero, (long${v})(10));
    const long${v} right = m >> clamp(-shift, zero, (long${v})(63));
    long${v} result = ${choose("shift > zero", "left", "right")};
    result = ${choose("x < zero", "-result", "result")};
    // As processors do: what does not fit, and NaN, is the smallest integer.
    return ${choose(f"shift > (long{v})(10)", f"(long{v})(LONG_MIN)", "result")};
}
#endif
% endif
% if f"float_to_double{w}(" in body:
#ifndef FLOAT_TO_DOUBLE${w}
#define FLOAT_TO_DOUBLE${w}
inline long${v} float_to_double${w}(float${v} x) {
    const ulong${v} zero = (ulong${v})(0), all = (ulong${v})(255);
    const ulong${v} bits = convert_ulong${v}(as_uint${v}(x));
    const ulong${v} e = (bits >> 23) & all, fraction = bits & (ulong${v})(0x7FFFFFUL);
    ulong${v} result = ((e + (ulong${v})(896)) << 52) | (fraction << 29);
    // A number below float32's normal ones is normal in float64.
    const ulong${v} shift = clz(fraction | (ulong${v})(1)) - (ulong${v})(40);
    const ulong${v} small = (((ulong${v})(897) - shift) << 52) + ((fraction << (shift + (ulong${v})(29))) - (ulong${v})(1UL << 52));
    result = ${choose("e == zero", choose("fraction == zero", "zero", "small"), "result")};
    result = ${choose("e == all", f"((ulong{v})(0x7FF0000000000000UL) | (fraction << 29))", "result")};
    return as_long${v}(result | ((bits >> 31) << 63));
}
#endif
% endif
% if f"long_to_double{w}(" in body:
#ifndef LONG_TO_DOUBLE${w}
#define LONG_TO_DOUBLE${w}
inline long${v} long_to_double${w}(long${v} x) {
    const ulong${v} one = (ulong${v})(1), zero = (ulong${v})(0);
    const ulong${v} sign = as_ulong${v}(x) >> 63;
    const ulong${v} magnitude = (as_ulong${v}(x) ^ (zero - sign)) + sign;
    const ulong${v} zeros = clz(magnitude);
    ulong${v} m = magnitude << (zeros & (ulong${v})(63));
    const ulong${v} rest = m & (ulong${v})(0x7FF), half_way = (ulong${v})(0x400);
    m >>= 11;
    m += ${choose(f"(rest > half_way) {'||' if w == 1 else '|'} ((rest == half_way) {'&&' if w == 1 else '&'} ((m & one) != zero))", "one", "zero")};
    // Adding the leading one raises the exponent by one.
    const ulong${v} result = (((ulong${v})(1085) - zeros) << 52) + m;
    return as_long${v}(${choose("magnitude == zero", "zero", "result")} | (sign << 63));
}
#endif
% endif
% for t in ("float", "double"):
% if f"complex_product_{t}{v}(" in body:
#ifndef COMPLEX_PRODUCT_${t}${v}
#define COMPLEX_PRODUCT_${t}${v}
inline ${t}${v} complex_product_${t}${v}(${t}${v} a, ${t}${v} b) {
    ${t}${v} c;
    c.even = a.even * b.even - a.odd * b.odd;
    c.odd = a.even * b.odd + a.odd * b.even;
    return c;
}
#endif
% endif
% endfor
% for t in ("uchar", "char", "short", "int", "long"):
% if f"ipow_{t}{v}(" in body:
#ifndef IPOW_${t}${v}
#define IPOW_${t}${v}
inline ${t}${v} ipow_${t}${v}(${t}${v} base, ${t}${v} exponent) {
    const ${t}${v} zero = (${t}${v})(0), one = (${t}${v})(1);
    ${t}${v} result = one, e = exponent, b = base;
% if w == 1:
    if (e < zero) return b == one ? one : b == (${t})(-1) ? ((e & one) ? b : one) : zero;
    while (e > zero) { if (e & one) result *= b; b *= b; e >>= 1; }
    return result;
% else:
    while (any(e > zero)) {
        result = select(result, result * b, ((e & one) != zero) & (e > zero));
        b *= b;
        e >>= (${t}${v})(1);
    }
% if t != "uchar":
    const ${t}${v} minus = (${t}${v})(-1);
    ${t}${v} inverse = select(zero, one, base == one);
    inverse = select(inverse, select(one, minus, (exponent & one) != zero), base == minus);
    result = select(result, inverse, exponent < zero);
% endif
    return result;
% endif
}
#endif
% endif
% endfor
% endfor
% if "record_fault(" in body:
#ifndef RECORD_FAULT
#define RECORD_FAULT
// The first fault since the last synchronisation is kept.
inline void record_fault(volatile __global int *word, int code, long value) {
    if (atomic_cmpxchg(word, 0, code) == 0) ((volatile __global long *)word)[1] = value;
}
#endif
% endif
