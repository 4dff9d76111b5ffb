## Offsets of taps and of positions in laid planes, for products whose factor is gathered.
##
## windows: place[(c, tap)] = c * plane + where the tap lies; positions: place[(n, p)] = n * image +
## where the window of output p begins, and target[(n, p)] = where the output goes, for each
## `piece` neighbours of a row, as which out_w counts.
<%
T = index_type
%>\
__kernel __attribute__((reqd_work_group_size(${local_size[0]}, 1, 1)))
void ${entry}(
    __global ${T} *place, const ulong place_offset,
% if kind == "positions":
    __global ${T} *target, const ulong target_offset,
% endif
    ${", ".join(f"const {T} {name}" for name in scalars)}
) {
    place += place_offset;
% if kind == "positions":
    target += target_offset;
% endif
    const ${T} share = (entries + (${T})get_global_size(0) - 1) / (${T})get_global_size(0);
    const ${T} first = (${T})get_global_id(0) * share, stop = min(entries, first + share);
    // Entries behind the last one repeat an earlier one: whole vectors may be read.
% if kind == "windows":
    for (${T} e = first; e < stop; ++e) {
        ${T} rest = e < count ? e : last;
        const ${T} k = rest % tap_w; rest /= tap_w;
        const ${T} j = rest % tap_h; rest /= tap_h;
        const ${T} i = rest % tap_d;
        ${T} at = (rest / tap_d) * plane;
% for axis, name, pitch in (("d", "i", "pitch_d"), ("h", "j", "pitch_h"), ("w", "k", "1")):
        {
            const ${T} turned = ${name} * turn_${axis};
            at += (${name} * shift_${axis} + turned / phases_${axis}) * ${pitch} + (turned % phases_${axis}) * phase_step_${axis};
        }
% endfor
        place[e] = at;
    }
% else:
    for (${T} e = first; e < stop;) {
        ${T} rest = e < count ? e : last;
        ${T} p_w = rest % out_w; rest /= out_w;
        const ${T} p_h = rest % out_h; rest /= out_h;
        const ${T} p_d = rest % out_d, n = rest / out_d;
        const ${T} at = n * image + p_d * pitch_d + p_h * pitch_h;
        const ${T} to = n * y_n + p_d * y_d + p_h * y_h;
        // The rest of the row, without divisions.
        const ${T} row_stop = e < count ? min(min(stop, count), e + out_w - p_w) : e + 1;
        for (; e < row_stop; ++e, ++p_w) {
            place[e] = at + p_w * piece;
            target[e] = to + p_w * piece * y_w;
        }
    }
% endif
}
