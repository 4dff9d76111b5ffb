"""Discrete Fourier transforms in one, two and more dimensions."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import dispatch
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.plan import Plan
from ..kernels import fft as kernel
from .comparison import copy
from .complex import real
from .declare import composite, plain_bind, planner
from .join import cat, roll
from .view import narrow

# The core: one dimension ---

def _plan(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    return kernel.plan(operands[0], attrs["dim"], attrs["n"], attrs["kind"], attrs["inverse"], attrs["scale"], caps)


def _again(x: Any, attrs: dict[str, Any], kind: str) -> Any:
    """The transform with the other sign and the same length and scale."""
    return dispatch.stack.top.run(transform, (x,), {**attrs, "kind": kind, "inverse": not attrs["inverse"]})


def _fitted(x: Any, dim: int, n: int) -> Any:
    """``x`` cut or padded with zeros to ``n`` along a dimension."""
    have = x.shape[dim]
    if have >= n:
        return x if have == n else narrow(x, dim, 0, n)
    shape = tuple(n - have if d == dim else size for d, size in enumerate(x.shape))
    return cat([x, x.new_zeros(shape)], dim)


def _doubled(g: Any, dim: int, n: int) -> Any:
    """The elements of half a spectrum that stand for two, doubled."""
    size = g.shape[dim]
    last = 1 if n % 2 == 0 and size > 1 else 0
    parts = [narrow(g, dim, 0, 1), narrow(g, dim, 1, size - 1 - last) * 2]
    return cat([*parts, narrow(g, dim, size - 1, 1)] if last else parts, dim)


def _vjp(ctx: Any, g: Any) -> tuple[Any]:
    attrs, layout = ctx.attrs, ctx.layouts[0]
    dim, n = attrs["dim"], attrs["n"]
    if attrs["kind"] == "hermitian":
        found = _doubled(_again(g, attrs, "real"), dim, n)
    else:
        found = _again(g, attrs, "complex")
        if attrs["kind"] == "real":
            found = real(found)
    return (_fitted(found, dim, layout.shape[dim]),)


# Attributes: dim, n, kind ("complex", "real", "hermitian"), inverse, scale (see kernels/fft.py).
transform = planner("_fft", plain_bind, _plan, family="fft", vjp=_vjp, linear=True, public=False)

_NORMS = {None: (0.0, 1.0), "backward": (0.0, 1.0), "ortho": (0.5, 0.5), "forward": (1.0, 0.0)}


def _scale(norm: Any, n: int, inverse: bool) -> float:
    if norm not in _NORMS:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    return float(n) ** -_NORMS[norm][inverse]


def _floating(name: str, x: Any, to_complex: bool) -> Any:
    """The operand in a type that has transforms; real stays real unless complex is needed."""
    dtype = x.dtype if x.dtype.is_inexact else dt.get_default_dtype()
    if dtype in (dt.float16, dt.bfloat16):
        raise RuntimeError(f"{name}: Unsupported dtype {dt.SCALAR_NAMES[dtype]}")
    dtype = dtype.to_complex() if to_complex else dtype
    return x if x.dtype is dtype else copy(x, dtype=dtype)


def _require_real(name: str, x: Any) -> None:
    if x.dtype.is_complex:
        raise RuntimeError(f"{name} expects a real input tensor, but got {dt.SCALAR_NAMES[x.dtype]}")


def _run(name: str, x: Any, dim: int, n: int, kind: str, inverse: bool, norm: Any) -> Any:
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")
    x = _floating(name, x, kind != "real")
    attrs = {"dim": dim, "n": n, "kind": kind, "inverse": inverse, "scale": _scale(norm, n, inverse)}
    return dispatch.stack.top.run(transform, (x,), attrs)


def _line(name: str, x: Any, n: Any, dim: int, norm: Any, kind: str, inverse: bool) -> Any:
    """A transform along one dimension."""
    if not x.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    if kind == "real":
        _require_real(name, x)
    d = lay.wrap_dim(dim, x.ndim)
    if n is None:
        n = 2 * (x.shape[d] - 1) if kind == "hermitian" else x.shape[d]
    return _run(name, x, d, int(n), kind, inverse, norm)


def _axes(x: Any, s: Any, dim: Any) -> tuple[list[int], list[int | None]]:
    """The dimensions and the wanted sizes (None: as they are).

    Raises:
        RuntimeError: lengths that differ, dimensions named twice, more sizes than dimensions.
    """
    sizes = None if s is None else [s] if isinstance(s, int) else list(s)
    if dim is not None:
        given = [dim] if isinstance(dim, int) else list(dim)
        dims = [lay.wrap_dim(d, x.ndim) for d in given]
        if len(set(dims)) != len(dims):
            raise RuntimeError("FFT dims must be unique")
        if sizes is not None and len(sizes) != len(dims):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
    elif sizes is None:
        dims = list(range(x.ndim))
    else:
        if len(sizes) > x.ndim:
            raise RuntimeError(f"Got shape with {len(sizes)} values but input tensor only has {x.ndim} dimensions.")
        dims = list(range(x.ndim - len(sizes), x.ndim))
    wanted: list[int | None] = [None if n in (None, -1) else int(n) for n in sizes or [None] * len(dims)]
    for n in wanted:
        if n is not None and n < 1:
            raise RuntimeError(f"Invalid number of data points ({n}) specified")
    return dims, wanted


def _lines(name: str, x: Any, s: Any, dim: Any, norm: Any, kind: str, inverse: bool) -> Any:
    """A transform along several dimensions; the last is the one of kind "real" or "hermitian"."""
    if kind == "real":
        _require_real(name, x)
    dims, sizes = _axes(x, s, dim)
    if kind == "complex":
        x = _floating(name, x, True)
    elif not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    steps: list[tuple[int, int | None, str]] = [(d, n, "complex") for d, n in zip(dims, sizes)]
    if kind != "complex":
        steps[-1] = (dims[-1], sizes[-1], kind)
    for d, n, part in reversed(steps) if kind == "real" else steps:
        if n is None:
            n = 2 * (x.shape[d] - 1) if part == "hermitian" else x.shape[d]
        x = _run(name, x, d, n, part, inverse, norm)
    return x


# The public functions ---

def _numbers(*shape: int, complex_: bool = True) -> Any:
    rng = np.random.default_rng(sum(shape))
    x = rng.uniform(-1, 1, shape)
    return x + 1j * rng.uniform(-1, 1, shape) if complex_ else x


def _line_samples(complex_: bool) -> Callable[..., Any]:
    def samples() -> Any:
        yield (_numbers(3, 8, complex_=complex_),), {}
        yield (_numbers(2, 11, complex_=complex_),), {"norm": "ortho"}
        yield (_numbers(10, 2, complex_=complex_),), {"n": 12, "dim": 0, "norm": "forward"}
        yield (_numbers(7, complex_=complex_), 5), {}
    return samples


_KINDS = {"fft": ("complex", False), "ifft": ("complex", True), "rfft": ("real", False), "irfft": ("hermitian", True),
          "hfft": ("hermitian", False), "ihfft": ("real", True)}
_DOCS = {
    "fft": "discrete Fourier transform",
    "ifft": "inverse discrete Fourier transform",
    "rfft": "half of the discrete Fourier transform of real elements that determines the rest",
    "irfft": "real elements whose ``rfft`` the operand is",
    "hfft": "real discrete Fourier transform of the operand continued Hermitian",
    "ihfft": "inverse of ``hfft``, of real elements",
}
_NUMPY_ONE: dict[str, Any] = {name: getattr(np.fft, name) for name in _KINDS}


def _one(name: str) -> Any:
    kind, inverse = _KINDS[name]

    def body(input: Any, n: Any = None, dim: int = -1, norm: Any = None) -> Any:
        return _line(name, input, n, dim, norm, kind, inverse)

    body.__doc__ = f"""The {_DOCS[name]}, along one dimension.

    Args:
        n: length of the transform, to which the operand is cut or padded with zeros.
        norm: "backward" (the inverse is divided by n), "ortho" (both by its root), "forward".

    Raises:
        RuntimeError: an operand of the wrong kind, or a length below 1.
    """
    return composite(
        "fft", name=name, namespace="fft", method=False, samples=_line_samples(kind != "real"),
        reference=lambda x, n=None, dim=-1, norm=None: _NUMPY_ONE[name](x, n, dim, norm))(body)


fft, ifft, rfft, irfft, hfft, ihfft = (_one(name) for name in _KINDS)


def _np_several(name: str, x: Any, s: Any, dim: Any, norm: Any) -> Any:
    kind, _ = _KINDS[name]
    dims = list(range(x.ndim)) if dim is None and s is None else list(range(-len(s), 0)) if dim is None else [*dim]
    sizes = [None] * len(dims) if s is None else list(s)
    plain = {"fft": np.fft.fft, "rfft": np.fft.fft, "hfft": np.fft.fft}.get(name, np.fft.ifft)
    *before, last = zip(dims, sizes)
    if kind == "real":
        x = _NUMPY_ONE[name](x, last[1], last[0], norm)
    for d, n in before:
        x = plain(x, n, d, norm)
    return x if kind == "real" else _NUMPY_ONE[name](x, last[1], last[0], norm)


def _many_samples(complex_: bool) -> Callable[..., Any]:
    def samples() -> Any:
        yield (_numbers(4, 6, complex_=complex_),), {}
        yield (_numbers(3, 5, complex_=complex_),), {"s": (4, 4), "norm": "ortho"}
    return samples


def _many(name: str, suffix: str) -> Any:
    kind, inverse = _KINDS[name]
    public = name + suffix
    default: Any = (-2, -1) if suffix == "2" else None

    def body(input: Any, s: Any = None, dim: Any = default, norm: Any = None) -> Any:
        return _lines(public, input, s, dim, norm, kind, inverse)

    body.__doc__ = f"""The {_DOCS[name]}, along {"two" if suffix == "2" else "several (by default all)"} dimensions.

    Args:
        s: lengths of the transforms; -1 keeps a size.
        norm: "backward", "ortho" or "forward", as for one dimension.

    Raises:
        RuntimeError: an operand of the wrong kind, or sizes and dimensions that don't match.
    """
    return composite(
        "fft", name=public, namespace="fft", method=False, samples=_many_samples(kind != "real"),
        reference=lambda x, s=None, dim=default, norm=None: _np_several(name, x, s, dim, norm))(body)


fft2, ifft2, rfft2, irfft2, hfft2, ihfft2 = (_many(name, "2") for name in _KINDS)
fftn, ifftn, rfftn, irfftn, hfftn, ihfftn = (_many(name, "n") for name in _KINDS)


def _rolled(input: Any, dim: Any, amount: Callable[[int], int]) -> Any:
    dims = list(range(input.ndim)) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    dims = [lay.wrap_dim(d, input.ndim) for d in dims]
    return roll(input, tuple(amount(input.shape[d]) for d in dims), tuple(dims)) if dims else input


def _shift_samples() -> Any:
    yield (np.arange(5.0),), {}
    yield (np.arange(12.0).reshape(3, 4),), {"dim": 1}


@composite("fft", namespace="fft", method=False, samples=_shift_samples,
           reference=lambda x, dim=None: np.fft.fftshift(x, dim))
def fftshift(input: Any, dim: Any = None) -> Any:
    """The zero frequency moved to the middle of the dimensions (all by default)."""
    return _rolled(input, dim, lambda n: n // 2)


@composite("fft", namespace="fft", method=False, samples=_shift_samples,
           reference=lambda x, dim=None: np.fft.ifftshift(x, dim))
def ifftshift(input: Any, dim: Any = None) -> Any:
    """The inverse of ``fftshift``."""
    return _rolled(input, dim, lambda n: (n + 1) // 2)
