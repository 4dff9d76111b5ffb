## Declarations that a kernel's body asks for by using them; guarded, since kernels share programs.
#pragma OPENCL FP_CONTRACT OFF
% if "double" in body and caps.c_version < (1, 2):
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
% endif
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
