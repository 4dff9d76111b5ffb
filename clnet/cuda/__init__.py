"""``torch.cuda`` over the OpenCL GPUs, so that scripts written for CUDA choose sensibly.

Everything that needs a GPU raises ``DeviceError``, a RuntimeError, where there is none.
"""
from ..core.errors import OutOfMemoryError
from ..device import empty_cache
from ..tensor import typed as _typed
from . import amp, memory, nvtx, random, streams
from .devices import (
    can_device_access_peer,
    current_device,
    device,
    device_count,
    device_of,
    get_arch_list,
    get_device_capability,
    get_device_name,
    get_device_properties,
    init,
    is_available,
    is_bf16_supported,
    is_initialized,
    is_tf32_supported,
    set_device,
    synchronize,
)
from .memory import (
    ipc_collect,
    max_memory_allocated,
    max_memory_reserved,
    mem_get_info,
    memory_allocated,
    memory_reserved,
    memory_stats,
    memory_summary,
    reset_peak_memory_stats,
    set_per_process_memory_fraction,
)
from .random import (
    get_rng_state,
    get_rng_state_all,
    initial_seed,
    manual_seed,
    manual_seed_all,
    seed,
    seed_all,
    set_rng_state,
    set_rng_state_all,
)
from .streams import Event, Stream, StreamContext, current_stream, default_stream, set_stream, stream

# PyTorch's older names.
reset_max_memory_allocated = reset_peak_memory_stats
memory_cached, max_memory_cached = memory_reserved, max_memory_reserved

globals().update(_typed.CUDA)
