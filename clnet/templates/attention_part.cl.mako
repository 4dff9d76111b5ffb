## Parts that the attention skeletons share.
##
## Scores are kept in units of log 2 (Q carries scale * log2(e)), so that powers are of two.
## Logarithms of row sums likewise; a row without any key has an infinite one and gives zeros.
<%def name="power(acc, W)">
<% T = types.register_type(acc, W); V = "" if W == 1 else str(W) %>\
% if acc.itemsize == 4:
#ifndef ATTENTION_POWER${W}
#define ATTENTION_POWER${W}
// 2^x of x <= 0 by a minimax polynomial of the fraction (2e-9 relative); 0 below 2^-126.
inline float${V} attention_power${W}(float${V} x) {
    const float${V} shifted = x + (float${V})(0x1.8p+23f);
    const float${V} t = x - (shifted - (float${V})(0x1.8p+23f));
    float${V} y = (float${V})(0x1.41d334p-13f);
% for c in ("0x1.5f456ap-10f", "0x1.3b2dbcp-7f", "0x1.c6aed4p-5f", "0x1.ebfbdap-3f", "0x1.62e430p-1f", "1.0f"):
    y = fma(y, t, (float${V})(${c}));
% endfor
    y = as_float${V}(as_int${V}(y) + (as_int${V}(shifted) << 23));
% if W == 1:
    return x < -126.0f ? 0.0f : y;
% else:
    return select(y, (float${V})(0.0f), x < (float${V})(-126.0f));
% endif
}
#endif
% else:
#ifndef ATTENTION_POWER_DOUBLE${W}
#define ATTENTION_POWER_DOUBLE${W}
inline ${T} attention_power_double${W}(${T} x) { return exp2(x); }
#endif
% endif
</%def>
<%def name="philox()">
#ifndef ATTENTION_PHILOX
#define ATTENTION_PHILOX
// Words of Philox4x32-10 for (query, key / 4, stack) and the call; the seed is the key.
inline uint attention_word(ulong seed, ulong call, ulong stack, uint query, uint key_index) {
    uint c0 = query, c1 = key_index / 4, c2 = (uint)stack, c3 = (uint)call ^ ((uint)(stack >> 32) << 16);
    uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
    for (uint i = 0; i < 10; ++i) {
        const uint h0 = mul_hi(0xD2511F53u, c0), l0 = c0 * 0xD2511F53u;
        const uint h1 = mul_hi(0xCD9E8D57u, c2), l1 = c2 * 0xCD9E8D57u;
        c0 = h1 ^ c1 ^ k0; c1 = l1; c2 = h0 ^ c3 ^ k1; c3 = l0;
        k0 += 0x9E3779B9u; k1 += 0xBB67AE85u;
    }
    const uint which = key_index & 3u;
    return which == 0 ? c0 : which == 1 ? c1 : which == 2 ? c2 : c3;
}
#endif
</%def>
## Arrays of W vectors of W lanes, and their transposition by log2(W) perfect shuffles of rows.
<%def name="transposition(acc, W)">
<%
T = types.register_type(acc, W)
digits = "0123456789abcdef"
half = W // 2
def interleave(a, b, first):
    return f"({T})(" + ", ".join(f"{a}.s{digits[first + i]}, {b}.s{digits[first + i]}" for i in range(half)) + ")"
%>\
#ifndef ATTENTION_TRANSPOSE_${T}
#define ATTENTION_TRANSPOSE_${T}
inline void attention_transpose_${T}(${T} *rows) {
% for step in range(W.bit_length() - 1):
<% a, b = ("rows", "turned") if step % 2 == 0 else ("turned", "rows") %>\
% if step == 0:
    ${T} turned[${W}];
% endif
% for i in range(half):
    ${b}[${2 * i}] = ${interleave(f"{a}[{i}]", f"{a}[{i + half}]", 0)};
    ${b}[${2 * i + 1}] = ${interleave(f"{a}[{i}]", f"{a}[{i + half}]", half)};
% endfor
% endfor
% if (W.bit_length() - 1) % 2:
    for (uint i = 0; i < ${W}; ++i) rows[i] = turned[i];
% endif
}
#endif
</%def>
<%def name="arguments()">
% for name in reads:
    __global const ${types.memory_type(acc)} *${name}, const ulong ${name}_offset,
% endfor
% for name in writes:
    __global ${types.memory_type(acc)} *${name}, const ulong ${name}_offset,
% endfor
% if dropout:
    const ulong seed, const ulong call, const uint threshold,
% endif
% for name in numbers:
    const ${types.register_type(acc)} ${name},
% endfor
    ${", ".join(f"const ulong {name}" for name in scalars)}
</%def>
<%def name="add_offsets()">
% for name in (*reads, *writes):
    ${name} += ${name}_offset;
% endfor
</%def>
## Moves every tensor's pointer to the matrix of stack ``number``.
<%def name="at_stack(names, number)">
        ulong rest = ${number};
% for d in reversed(range(batch_rank)):
        const ulong i${d} = rest % size${d}; rest /= size${d};
% endfor
% for name in names:
        __global ${"" if name in writes else "const "}${types.memory_type(acc)} *${name}_here = ${name} + (${" + ".join(f"i{d} * {name}_b{d}" for d in range(batch_rank)) or "0"});
% endfor
</%def>
## Mask of the lanes of queries that don't see key j + r: one past the last, or a later one.
<%def name="hidden(r, c, W, causal, acc)"><%
whole = "int" if acc.itemsize == 4 else "long"
steps = ", ".join(str(c * W + i) for i in range(W))
beyond = f"({whole}{W})((j + {r}) >= count ? -1 : 0)"
later = f"(({whole}{W})(({whole})(key_first + {r}) - ({whole})q_first) > ({whole}{W})({steps}))"
%>${f"{beyond} | {later}" if causal else beyond}</%def>
