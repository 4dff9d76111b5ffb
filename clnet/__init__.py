"""clnet: deep learning on every OpenCL device, with PyTorch's interface.

``import clnet as torch`` runs a PyTorch script, ``clnet run script.py`` one as it is.
The sub-packages under PyTorch's paths load on first use.
"""
from __future__ import annotations

import importlib
import math
from typing import Any

from . import tensor as _tensor
from .autograd.inference import inference_mode, is_inference_mode_enabled
from .autograd.mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .core import return_types
from .core.dtypes import ALIASES as _ALIASES
from .core.dtypes import DType as dtype
from .core.dtypes import (
    bfloat16,
    can_cast,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    set_default_dtype,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .core.dtypes import bool_ as bool
from .core.dtypes import promote as promote_types
from .core.errors import OutOfMemoryError
from .core.generator import Generator
from .core.generator import default as default_generator
from .core.layout import Size
from .core.limits import finfo, iinfo
from .core.memory_format import MemoryFormat as memory_format
from .core.memory_format import StorageLayout as layout
from .core.memory_format import channels_last, channels_last_3d, contiguous_format, preserve_format, strided
from .device import Device as device
from .device import (
    build_stats,
    current_device,
    devices,
    empty_cache,
    memory_stats,
    reset_peak_memory_stats,
    set_default_device,
    synchronize,
)
from .tensor import Tensor
from .version import __version__

globals().update(_ALIASES)
globals().update(_tensor.exported())
# Functions of nn.functional that PyTorch also offers here.
globals().update({name: _tensor.exported("nn.functional")[name] for name in (
    "adaptive_avg_pool1d", "adaptive_max_pool1d", "avg_pool1d", "conv1d", "conv2d", "conv3d",
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "max_pool1d",
    "max_pool1d_with_indices", "max_pool2d", "max_pool3d", "rrelu")})
globals().update({f.__name__: f for f in (
    *_tensor.creation.FUNCTIONS, *_tensor.ranges.FUNCTIONS, *_tensor.random.FUNCTIONS, *_tensor.windows.TOP_LEVEL)})
random = _tensor.random
from_numpy = _tensor.interchange.from_numpy
from_dlpack, to_dlpack = _tensor.interchange.from_dlpack, _tensor.interchange.to_dlpack
set_printoptions = _tensor.printing.set_printoptions
globals().update({f.__name__: f for f in (
    *_tensor.queries.FUNCTIONS, *_tensor.complex.FUNCTIONS, *_tensor.mutation.FUNCTIONS, *_tensor.indexing.FUNCTIONS,
    *_tensor.typed.FUNCTIONS, *_tensor.foreach.FUNCTIONS)})
globals().update(_tensor.typed.PLAIN)
inf, nan, pi, e = math.inf, math.nan, math.pi, math.e
newaxis = None
_tensor.assembly.eager.tuner = lambda *call: importlib.import_module(f"{__name__}.tune.first_use").best_plan(*call)

_PACKAGES = ("accelerator", "amp", "autograd", "backends", "compiler", "cpu", "cuda", "data", "distributed",
             "distributions", "dropin", "fft", "func", "io", "jit", "linalg", "masked", "mps", "multiprocessing",
             "nn", "onnx", "optim", "profiler", "signal", "special", "switches", "testing", "tune", "types", "utils",
             "version", "vision", "xpu")
# Functions that load with the package they live in.
_LOADED_FROM = {
    "io": ("load", "save"),
    "nn.top_level": ("batch_norm", "embedding", "group_norm", "instance_norm", "layer_norm"),
    "nn.functional": ("alpha_dropout", "celu_", "feature_alpha_dropout", "rms_norm", "rrelu_", "selu_", "threshold_"),
    "batching": ("vmap",),
    "profiler": ("summary",),
    "amp": ("autocast", "GradScaler", "get_autocast_dtype", "is_autocast_available", "is_autocast_enabled"),
    "compiler": ("compile",),
    "cuda": ("Event", "Stream"),
    "dropin": ("as_torch",),
    "switches": ("are_deterministic_algorithms_enabled", "get_default_device", "get_deterministic_debug_mode",
                 "get_float32_matmul_precision", "get_num_interop_threads", "get_num_threads",
                 "is_deterministic_algorithms_warn_only_enabled", "is_warn_always_enabled",
                 "set_deterministic_debug_mode", "set_float32_matmul_precision", "set_flush_denormal",
                 "set_num_interop_threads", "set_num_threads", "set_warn_always", "use_deterministic_algorithms"),
}
_HOMES = {name: package for package, names in _LOADED_FROM.items() for name in names}


# The profiler's former name, under a package that lies below it.
_autograd: Any = importlib.import_module(f"{__name__}.autograd")
_autograd.__getattr__ = lambda name: (
    importlib.import_module(f"{__name__}.profiler.legacy") if name == "profiler"
    else object.__getattribute__(_autograd, name))


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PACKAGES, *_HOMES})
