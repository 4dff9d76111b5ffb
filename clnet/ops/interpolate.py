"""Interpolation: planes brought to another size."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..kernels.resample import Axis
from .declare import composite
from .pool import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from .resample import resample

_KINDS = {"nearest": "nearest", "nearest-exact": "nearest-exact", "linear": "linear", "bilinear": "linear",
          "trilinear": "linear", "bicubic": "cubic", "lanczos": "lanczos"}
# The number of spatial dimensions that a mode is defined for.
_RANKS = {"linear": (1,), "bilinear": (2,), "bicubic": (2,), "trilinear": (3,), "lanczos": (2,)}
_AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}


def _listed(name: str, input: Any, value: Any) -> list[Any]:
    rank = input.ndim - 2
    if not isinstance(value, (tuple, list)):
        return [value] * rank
    if len(value) != rank:
        what = f"output size of {value}" if name == "size" else f"scale_factor of shape {value}"
        raise ValueError(f"Input and {'output' if name == 'size' else name} must have the same number of spatial "
                         f"dimensions, but got input with spatial dimensions of {list(input.shape[2:])} and {what}. "
                         "Please provide input tensor in (N, C, d1, d2, ...,dK) format and "
                         + ("output size in (o1, o2, ...,oK) format." if name == "size" else
                            "scale_factor in (s1, s2, ...,sK) format."))
    return list(value)


def _sizes(input: Any, size: Any, scale_factor: Any, recompute: bool) -> tuple[list[int], list[float | None]]:
    """The spatial size of the result, and the factors that fix the places (None: the sizes do)."""
    rank = input.ndim - 2
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if size is not None:
        wanted = _listed("size", input, size)
        if not all(isinstance(n, (int, np.integer)) for n in wanted):
            raise TypeError("expected size to be one of int or Tuple[int] or Tuple[int, int] or "
                            f"Tuple[int, int, int], but got size with types {[type(n) for n in wanted]}")
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        return [int(n) for n in wanted], [None] * rank
    factors = [float(s) for s in _listed("scale_factor", input, scale_factor)]
    found = [math.floor(n * s) for n, s in zip(input.shape[2:], factors)]
    return found, [None] * rank if recompute else list(factors)


def _distance(n: int, m: int, factor: float | None, corners: bool) -> float:
    """How many elements neighbouring results lie apart."""
    if corners:
        return (n - 1) / (m - 1) if m > 1 else 0.0
    return 1.0 / factor if factor is not None and factor > 0 else n / m


def _check(input: Any, mode: str, size: Sequence[int]) -> None:
    if input.ndim not in (3, 4, 5):
        raise NotImplementedError("Input Error: Only 3D, 4D and 5D input Tensors supported (got "
                                  f"{input.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear "
                                  f"| area | nearest-exact (got {mode})")
    if mode != "area" and mode not in _KINDS or input.ndim - 2 not in _RANKS.get(mode, (1, 2, 3)):
        if mode in ("linear", "bilinear", "trilinear"):
            needed = {"linear": 3, "bilinear": 4, "trilinear": 5}[mode]
            raise NotImplementedError(f"Got {input.ndim}D input, but {mode} mode needs {needed}D input")
        raise NotImplementedError("Input Error: Only 3D, 4D and 5D input Tensors supported (got "
                                  f"{input.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear "
                                  f"| area | nearest-exact (got {mode})")
    if not all(n > 0 for n in (*input.shape[2:], *size)):
        raise RuntimeError("Input and output sizes should be greater than 0, but got input "
                           f"({', '.join(map(str, input.shape[2:]))}) output ({', '.join(map(str, size))})")
    if not input.shape[1]:
        raise RuntimeError(f"Non-empty {input.ndim}D data tensor expected but got a tensor with sizes "
                           f"{list(input.shape)}")
    if not (input.dtype.is_floating_point or input.dtype is dt.uint8):
        raise NotImplementedError(f'"upsample" not implemented for \'{dt.SCALAR_NAMES[input.dtype]}\'')


# References and samples ---

def _matrix(kind: str, n: int, m: int, scale: float, corners: bool) -> Any:
    """The weights of a line of n elements in m results."""
    w = np.zeros((m, n))
    places = np.arange(m)
    if kind in ("nearest", "nearest-exact"):
        at = np.floor((places + (0.5 if kind == "nearest-exact" else 0)) * np.float32(scale)).astype(int)
        w[places, np.minimum(at, n - 1)] = 1
        return w
    source = places * scale if corners else (places + 0.5) * scale - 0.5
    if kind == "linear":
        source = np.maximum(source, 0)
    reach = 1 if kind == "linear" else 2
    shape = _hat if kind == "linear" else lambda u: _cubic(u, -0.75)
    for j in range(m):
        first = min(int(np.floor(source[j])), n - 1)
        part = min(max(source[j] - first, 0), 1)
        for t in range(1 - reach, 1 + reach):
            w[j, min(max(first + t, 0), n - 1)] += shape(part - t)
    return w


def _hat(u: float) -> float:
    return max(0.0, 1.0 - abs(u))


def _cubic(u: float, a: float) -> float:
    u = abs(u)
    return ((a + 2) * u - (a + 3)) * u * u + 1 if u < 1 else (((u - 5) * u + 8) * u - 4) * a if u < 2 else 0.0


def _smooth_matrix(kind: str, n: int, m: int, scale: float, corners: bool) -> Any:
    w = np.zeros((m, n))
    width = max(scale, 1.0)
    for j in range(m):
        centre = (j + 0.5) * scale
        support = (1 if kind == "linear" else 2) * width
        for p in range(max(int(centre - support + 0.5), 0), min(int(centre + support + 0.5), n)):
            u = (p - centre + 0.5) / width
            w[j, p] = _hat(u) if kind == "linear" else _cubic(u, -0.5)
    return w / w.sum(1, keepdims=True)


def _reference(x: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
               align_corners: Any = None, recompute_scale_factor: Any = None, antialias: bool = False) -> Any:
    rank, whole = x.ndim - 2, x.dtype.kind == "u"
    factors = scale_factor if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * rank
    sizes = size if isinstance(size, (tuple, list)) else (size,) * rank
    for d, (f, m) in enumerate(zip(factors, sizes)):
        n = x.shape[2 + d]
        m = math.floor(n * f) if m is None else m
        scale = _distance(n, m, None if recompute_scale_factor else f, bool(align_corners))
        if mode == "area":
            w = np.zeros((m, n))
            for j in range(m):
                w[j, j * n // m:-(-(j + 1) * n // m)] = 1
            w /= w.sum(1, keepdims=True)
        else:
            build: Callable[..., Any] = _smooth_matrix if antialias else _matrix
            w = build(_KINDS[mode], n, m, scale, bool(align_corners))
        x = np.moveaxis(np.tensordot(w, x, (1, 2 + d)), 0, 2 + d)
    return np.rint(x) if whole else x


def _samples() -> Any:
    rng = np.random.default_rng(5)
    line, plane, volume = (rng.uniform(-1, 1, (2, 3, *s)) for s in ((5,), (4, 6), (3, 2, 4)))
    yield (plane,), {"scale_factor": 2}
    yield (line, 8), {"mode": "nearest-exact"}
    yield (line, 9), {"mode": "linear", "align_corners": True}
    yield (plane, (7, 3)), {"mode": "bilinear"}
    yield (plane,), {"scale_factor": (1.6, 0.7), "mode": "bicubic"}
    yield (volume,), {"scale_factor": 1.7, "mode": "trilinear", "recompute_scale_factor": True}
    yield (plane, (3, 4)), {"mode": "area"}
    yield (plane, (2, 9)), {"mode": "bicubic", "antialias": True}


# The public functions ---

@composite("interpolate", namespace="nn.functional", method=False, samples=_samples, reference=_reference)
def interpolate(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
                antialias: bool = False) -> Any:
    """Planes (n, c, spatial...) brought to another size.

    Args:
        size, scale_factor: of the result, one of the two; a number, or one per dimension.
        mode: "nearest" (as OpenCV's), "nearest-exact", "area", and by dimensions "linear",
            "bilinear" or "bicubic", "trilinear"; "lanczos" with ``antialias``.
        align_corners: the outermost elements' centres keep their places, instead of the edges.
        recompute_scale_factor: the places follow from the sizes, not from ``scale_factor``.
        antialias: widen the filter when the result is smaller.

    Raises:
        ValueError: arguments that exclude each other.  NotImplementedError: a mode that is not
            defined for the number of dimensions or the dtype.  RuntimeError: empty sizes.
    """
    exact = mode in ("nearest", "area", "nearest-exact")
    if exact and align_corners is not None:
        raise ValueError("align_corners option can only be set with the interpolating modes: linear | bilinear | "
                         "bicubic | trilinear")
    sizes, factors = _sizes(input, size, scale_factor, bool(recompute_scale_factor) or (
        mode == "area" and size is None))
    if antialias and not (mode in ("bilinear", "bicubic", "lanczos") and input.ndim == 4):
        raise ValueError("Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D "
                         "tensor as input")
    _check(input, mode, sizes)
    if mode == "area":
        return _AREA[input.ndim - 2](input, tuple(sizes))
    if mode == "lanczos" and (not antialias or align_corners):
        raise ValueError("Lanczos mode does not support align_corners=True" if align_corners else
                         "Lanczos mode requires antialias=True")
    shape = tuple(input.shape[2:])
    if tuple(sizes) == shape:
        return input.clone()
    kind = _KINDS[mode] + ("_antialias" if antialias else "")
    corners = bool(align_corners)
    work = input if exact or input.dtype in (dt.float32, dt.float64) else input.to(dt.float32)
    # Dimensions that shrink most come first: less is left for the others.
    for d in sorted(range(len(shape)), key=lambda d: (sizes[d] / shape[d], -d)):
        n, m = shape[d], sizes[d]
        if n != m or kind == "cubic" or antialias:
            axis = Axis(kind, n, m, _distance(n, m, factors[d], corners), corners=corners)
            work = resample(work, axis, 2 + d)
    if work.dtype is input.dtype:
        return work
    if input.dtype is dt.uint8:
        return work.round().clamp(0, 255).to(dt.uint8)
    return work.to(input.dtype)


@composite("interpolate", namespace="nn.functional", method=False, reference=_reference,
           samples=lambda: [((np.arange(12.0).reshape(1, 2, 2, 3), (4, 3)), {})])
def upsample(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
             align_corners: bool | None = None) -> Any:
    """An old name of ``interpolate``."""
    return interpolate(input, size, scale_factor, mode, align_corners)


@composite("interpolate", namespace="nn.functional", method=False, reference=_reference,
           samples=lambda: [((np.arange(12.0).reshape(1, 2, 2, 3), (4, 3)), {})])
def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """An old name of ``interpolate`` in mode "nearest"."""
    return interpolate(input, size, scale_factor, "nearest")


@composite("interpolate", namespace="nn.functional", method=False,
           reference=lambda x, s=None, f=None: _reference(x, s, f, "bilinear", True),
           samples=lambda: [((np.arange(12.0).reshape(1, 2, 2, 3), (4, 3)), {})])
def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """An old name of ``interpolate`` in mode "bilinear" with aligned corners."""
    return interpolate(input, size, scale_factor, "bilinear", True)
