## Connectionist temporal classification (Graves et al. 2006), one work-group per sequence.
##
## The states are the labels with blanks between and around them: state s is a blank if s is even, else
## label s / 2.  alpha(t, s) is the log-probability of reaching s at time t by what was seen up to there, beta of
## going on from there to the end (both with time t itself).  Forward: alpha and -log p(labels).  Backward: the
## gradient, with PyTorch's convention that the log-probabilities stay normalised.
<%
A = types.register_type(acc)
one = local_size[0] == 1
barrier = "" if one else "barrier(CLK_GLOBAL_MEM_FENCE);"
def lp(t, c): return types.load(dtype, "lp", f"(ulong)(({t}) * batch + n) * classes + ({c})")
%>\
#ifndef CTC_LOG_SUM_${A}
#define CTC_LOG_SUM_${A}
inline ${A} ctc_log_sum_${A}(${A} a, ${A} b) {
    const ${A} top = fmax(a, b);
    return top == -INFINITY ? top : top + log(exp(a - top) + exp(b - top));
}
// The class of a state; blank where the label is none.
inline uint ctc_class_${A}(__global const long *labels, uint s, uint blank, uint classes) {
    if (!(s & 1)) return blank;
    const long c = labels[s >> 1];
    return c >= 0 && c < (long)classes ? (uint)c : blank;
}
#endif
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global const ${types.memory_type(dtype)} *lp, const ulong lp_offset,
    __global const long *targets, const ulong targets_offset,
    __global const long *spans, const ulong spans_offset,
% if backward:
    __global const ${types.memory_type(dtype)} *g, const ulong g_offset,
    __global const ${types.memory_type(acc)} *nll, const ulong nll_offset,
    __global const ${types.memory_type(acc)} *alpha, const ulong alpha_offset,
    __global ${types.memory_type(acc)} *beta, const ulong beta_offset,
    __global ${types.memory_type(acc)} *shares, const ulong shares_offset,
    __global ${types.memory_type(dtype)} *grad, const ulong grad_offset,
% else:
    __global ${types.memory_type(acc)} *nll, const ulong nll_offset,
    __global ${types.memory_type(acc)} *alpha, const ulong alpha_offset,
% endif
    const uint times, const uint batch, const uint classes, const uint width, const uint blank, const uint zero${"" if backward else ","}
% if not backward:
    volatile __global int *fault_word
% endif
) {
    lp += lp_offset; targets += targets_offset; spans += spans_offset; nll += nll_offset; alpha += alpha_offset;
% if backward:
    g += g_offset; beta += beta_offset; shares += shares_offset; grad += grad_offset;
% endif
    const uint lane = get_local_id(0);
    for (uint n = get_group_id(0); n < batch; n += get_num_groups(0)) {
        __global const long *labels = targets + spans[n];
        const uint length = (uint)spans[batch + n], count = (uint)spans[2 * batch + n];
        const uint states = 2 * count + 1;
% if not backward:
        __global ${A} *row = alpha + (ulong)n * times * width;
        for (uint k = lane; k < count; k += ${local_size[0]})
            if (labels[k] < 0 || labels[k] >= (long)classes) record_fault(fault_word, ${fault_code}, labels[k]);
        for (uint t = 0; t < length; ++t, row += width) {
            for (uint s = lane; s < states; s += ${local_size[0]}) {
                const uint c = ctc_class_${A}(labels, s, blank, classes);
                ${A} value = t || s > 1 ? -INFINITY : 0;
                if (t) {
                    __global const ${A} *before = row - width;
                    value = before[s];
                    if (s > 0) value = ctc_log_sum_${A}(value, before[s - 1]);
                    if (s > 2 && (s & 1) && labels[s >> 1] != labels[(s >> 1) - 1])
                        value = ctc_log_sum_${A}(value, before[s - 2]);
                }
                row[s] = value + ${lp("t", "c")};
            }
            ${barrier}
        }
        if (lane == 0) {
            ${A} total = length ? row[(long)states - 1 - (long)width] : count ? -INFINITY : 0;
            if (length && count) total = ctc_log_sum_${A}(total, row[(long)states - 2 - (long)width]);
            nll[n] = zero && total == -INFINITY ? 0 : -total;
        }
% else:
        const ${A} loss = nll[n], scale = ${types.load(dtype, "g", "n")};
        __global ${A} *share = shares + (ulong)n * classes;
        for (uint back = 0; back < times; ++back) {
            const uint t = times - 1 - back;
            if (t >= length || (zero && loss == INFINITY)) {
                for (uint c = lane; c < classes; c += ${local_size[0]})
                    ${types.store(dtype, "grad", "(ulong)(t * batch + n) * classes + c", "0")}
                continue;
            }
            __global ${A} *now = beta + ((ulong)n * 2 + (t & 1)) * width;
            __global const ${A} *after = beta + ((ulong)n * 2 + (~t & 1)) * width;
            for (uint s = lane; s < states; s += ${local_size[0]}) {
                const uint c = ctc_class_${A}(labels, s, blank, classes);
                ${A} value = t + 1 < length || s + 2 < states ? -INFINITY : 0;
                if (t + 1 < length) {
                    value = after[s];
                    if (s + 1 < states) value = ctc_log_sum_${A}(value, after[s + 1]);
                    if (s + 2 < states && (s & 1) && labels[s >> 1] != labels[(s >> 1) + 1])
                        value = ctc_log_sum_${A}(value, after[s + 2]);
                }
                now[s] = value + ${lp("t", "c")};
            }
            for (uint c = lane; c < classes; c += ${local_size[0]}) share[c] = -INFINITY;
            ${barrier}
            if (lane == 0) {
                __global const ${A} *row = alpha + ((ulong)n * times + t) * width;
                for (uint s = 0; s < states; ++s) {
                    const uint c = ctc_class_${A}(labels, s, blank, classes);
                    share[c] = ctc_log_sum_${A}(share[c], row[s] + now[s]);
                }
            }
            ${barrier}
            for (uint c = lane; c < classes; c += ${local_size[0]}) {
                const ${A} p = ${lp("t", "c")};
                ${types.store(dtype, "grad", "(ulong)(t * batch + n) * classes + c", "(exp(p) - exp(share[c] + loss - p)) * scale")}
            }
            ${barrier}
        }
% endif
        ${barrier}
    }
}
