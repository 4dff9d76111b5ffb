## Running sums of each row's weights, then, per sample, the first category whose sum lies above a
## uniform share of the total.
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
% if picks:
    __global const float *sums, const ulong sums_offset, __global const float *uniform_,
    const ulong uniform_offset, __global long *y, const ulong y_offset,
    const ulong n, const ulong samples, const ulong tasks
) {
    sums += sums_offset; uniform_ += uniform_offset; y += y_offset;
    for (ulong task = get_global_id(0); task < tasks; task += get_global_size(0)) {
        __global const float *row = sums + (task / samples) * n;
        const float total = row[n - 1];
        // Below the total also where the product rounds up to it.
        const float wanted = fmin(uniform_[task] * total, nextafter(total, 0.0f));
        ulong low = 0, high = n - 1;
        while (low < high) {
            const ulong middle = (low + high) / 2;
            if (row[middle] > wanted) high = middle; else low = middle + 1;
        }
        y[task] = (long)low;
    }
% else:
    __global const float *weights, const ulong weights_offset, __global float *sums,
    const ulong sums_offset, const ulong n, const ulong samples, const ulong tasks,
    volatile __global int *fault_word
) {
    weights += weights_offset; sums += sums_offset;
    for (ulong task = get_global_id(0); task < tasks; task += get_global_size(0)) {
        float total = 0.0f;
        int bad = 0;
        for (ulong i = task * n; i < (task + 1) * n; ++i) {
            const float w = weights[i];
            if (!(w >= 0.0f && w < INFINITY)) bad = 1;
            total += w;
            sums[i] = total;
        }
        if (bad) record_fault(fault_word, ${bad_weight}, 0);
        else if (!(total > 0.0f)) record_fault(fault_word, ${bad_sum}, 0);
    }
% endif
}
