## Subgroups of ``subgroup`` work-items, or (``native`` false) the same by work-group position and local memory.
<%def name="attribute()">\
% if native and "cl_intel_required_subgroup_size" in caps.extensions:
__attribute__((intel_reqd_sub_group_size(${subgroup})))
% endif
</%def>\
<%def name="extension()">\
% if native and "cl_khr_subgroups" in caps.extensions:
#pragma OPENCL EXTENSION cl_khr_subgroups : enable
% endif
</%def>\
## Declares ``sub``, the subgroup in the work-group, and ``lane``, the item in it.
<%def name="position()">\
% if native:
    const uint sub = get_sub_group_id(), lane = get_sub_group_local_id();
% else:
    const uint sub = get_local_id(0) / ${subgroup}, lane = get_local_id(0) % ${subgroup};
% endif
</%def>\
