"""Planes sampled at the places of a grid, and grids of affine maps."""
from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

import numpy as np

from ..core import dtypes as dt
from .comparison import where as choose
from .declare import composite
from .gather import lookup
from .join import stack
from .matmul import bmm
from .view import expand, reshape, select

_WARNING = ("Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please "
            "specify align_corners=True if the old behavior is desired. See the documentation of grid_sample for "
            "details.")


def _corners(align_corners: bool | None) -> bool:
    if align_corners is None:
        warnings.warn(_WARNING, stacklevel=3)
    return bool(align_corners)


# Places ---

def _clip(x: Any, n: int) -> Any:
    """Within the elements; without a derivative where that changes anything."""
    inside = (x > 0) & (x < n - 1)
    return choose(inside, x, x.detach().nan_to_num(0.0).clamp(0, n - 1))


def _mirror(x: Any, n: int, corners: bool) -> Any:
    """Mirrored at the outermost elements' centres or outer edges as often as needed."""
    low, span = (0.0, float(n - 1)) if corners else (-0.5, float(n))
    if not span:
        return x * 0.0
    away = x - low
    away = choose(away < 0, -away, away)
    turns = (away.detach() / span).floor()
    rest = away - turns * span
    odd = turns.remainder(2) != 0
    return choose(odd, span - rest, rest) + low


def _placed(x: Any, n: int, padding: str, corners: bool) -> Any:
    if padding == "reflection":
        x = _mirror(x, n, corners)
    return x if padding == "zeros" else _clip(x, n)


def _unnormalised(g: Any, n: int, corners: bool) -> Any:
    """From [-1, 1] to elements."""
    return (g + 1) * ((n - 1) / 2) if corners else ((g + 1) * n - 1) / 2


class _Source:
    """Planes that are read at whole places, zero outside."""

    def __init__(self, input: Any, results: tuple[int, ...]) -> None:
        self.sizes = tuple(input.shape[2:])
        self.flat = reshape(input, (*input.shape[:2], math.prod(self.sizes)))
        self.results = results

    def read(self, places: list[Any]) -> Any:
        """The elements at float places (n, results...) per dimension: (n, c, results)."""
        n, c = self.flat.shape[:2]
        inside: Any = None
        at: Any = None
        for p, size in zip(places, self.sizes):
            here = (p >= 0) & (p < size)
            inside = here if inside is None else inside & here
            index = p.detach().nan_to_num(-1.0).clamp(0, size - 1).to(dt.int64)
            at = index if at is None else at * size + index
        count = math.prod(self.results)
        wide = expand(reshape(at, (n, 1, count)), (n, c, count))
        values = lookup(self.flat, wide, 2)
        return choose(reshape(inside, (n, 1, count)), values, 0.0)


def _flat(weight: Any) -> Any:
    return reshape(weight, (weight.shape[0], 1, -1))


def _linear(source: _Source, places: list[Any]) -> Any:
    low = [p.detach().floor() for p in places]
    part = [p - f for p, f in zip(places, low)]
    total: Any = None
    for steps in itertools.product((0, 1), repeat=len(places)):
        weight: Any = None
        for s, q in zip(steps, part):
            w = q if s else 1 - q
            weight = w if weight is None else weight * w
        term = source.read([f + s for f, s in zip(low, steps)]) * _flat(weight)
        total = term if total is None else total + term
    return total


def _keys(t: Any) -> list[Any]:
    """Weights of the four elements around a place, Keys' cubic with a = -0.75."""
    a = -0.75

    def near(u: Any) -> Any:
        return ((a + 2) * u - (a + 3)) * u * u + 1

    def far(u: Any) -> Any:
        return ((a * u - 5 * a) * u + 8 * a) * u - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _cubic(source: _Source, places: list[Any], padding: str, corners: bool) -> Any:
    low = [p.detach().floor() for p in places]
    weights = [_keys(p - f) for p, f in zip(places, low)]
    at = [[_placed(f + (k - 1), n, padding, corners) for k in range(4)] for f, n in zip(low, source.sizes)]
    total: Any = None
    for j, i in itertools.product(range(4), repeat=2):
        term = source.read([at[0][j], at[1][i]]) * _flat(weights[0][j] * weights[1][i])
        total = term if total is None else total + term
    return total


def _check(input: Any, grid: Any, mode: str) -> None:
    if input.dtype is not grid.dtype:
        raise RuntimeError("grid_sampler(): expected input and grid to have same dtype, but input has "
                           f"{input.dtype} and grid has {grid.dtype}")
    if input.ndim not in (4, 5) or input.ndim != grid.ndim:
        raise RuntimeError("grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got "
                           f"input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}")
    if input.shape[0] != grid.shape[0]:
        raise RuntimeError("grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
                           f"{list(input.shape)} and grid with sizes {list(grid.shape)}")
    if grid.shape[-1] != input.ndim - 2:
        raise RuntimeError(f"grid_sampler(): expected grid to have size {input.ndim - 2} in last dimension, but got "
                           f"grid with sizes {list(grid.shape)}")
    for d, n in enumerate(input.shape[2:], 2):
        if not n:
            raise RuntimeError("grid_sampler(): expected input to have non-empty spatial dimensions, but input has "
                               f"sizes {list(input.shape)} with dimension {d} being empty")
    if mode == "bicubic" and input.ndim != 4:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f'"grid_sampler" not implemented for {input.dtype}')


def _samples() -> Any:
    rng = np.random.default_rng(8)
    plane, volume = rng.uniform(-1, 1, (2, 2, 4, 5)), rng.uniform(-1, 1, (1, 2, 3, 2, 4))
    places, points = rng.uniform(-1.3, 1.3, (2, 3, 2, 2)), rng.uniform(-1.3, 1.3, (1, 2, 2, 3, 3))
    yield (plane, places), {"align_corners": False}
    yield (plane, places, "bicubic", "border"), {"align_corners": True}
    yield (plane, places, "nearest", "reflection"), {"align_corners": False}
    yield (volume, points, "bilinear", "border"), {"align_corners": True}


def _np_placed(x: Any, n: int, padding: str, corners: bool) -> Any:
    if padding == "reflection":
        low, span = (0.0, n - 1.0) if corners else (-0.5, float(n))
        turns, rest = np.divmod(np.abs(x - low), span)
        x = np.where(turns % 2, span - rest, rest) + low
    return x if padding == "zeros" else np.clip(x, 0, n - 1)


def _reference(x: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros",
               align_corners: bool = False) -> Any:
    sizes = x.shape[2:]
    places = [(g + 1) / 2 * (n - 1) if align_corners else ((g + 1) * n - 1) / 2
              for g, n in zip(np.moveaxis(grid, -1, 0)[::-1], sizes)]
    if mode != "bicubic":
        places = [_np_placed(p, n, padding_mode, align_corners) for p, n in zip(places, sizes)]
    y = np.zeros((*x.shape[:2], *grid.shape[1:-1]), x.dtype)
    reach = {"nearest": (0,), "bilinear": (0, 1), "bicubic": (-1, 0, 1, 2)}[mode]
    for steps in itertools.product(reach, repeat=len(sizes)):
        at = [(np.rint(p) if mode == "nearest" else np.floor(p)) + s for p, s in zip(places, steps)]
        weight = np.ones(grid.shape[:-1])
        for p, a in zip(places, at):
            u = np.abs(p - a)
            if mode == "bilinear":
                weight = weight * (1 - u)
            elif mode == "bicubic":
                weight = weight * np.where(u < 1, (1.25 * u - 2.25) * u * u + 1,
                                           ((-0.75 * u + 3.75) * u - 6) * u + 3)
        if mode == "bicubic":
            at = [_np_placed(a, n, padding_mode, align_corners) for a, n in zip(at, sizes)]
        inside = np.all([(a >= 0) & (a < n) for a, n in zip(at, sizes)], 0)
        whole = [np.clip(a, 0, n - 1).astype(int) for a, n in zip(at, sizes)]
        for b in range(x.shape[0]):
            at_b = (slice(None), *(w[b] for w in whole))
            picked = x[b][at_b]
            y[b] += np.where(inside[b], picked * weight[b], 0)
    return y


@composite("grid", namespace="nn.functional", method=False, samples=_samples, reference=_reference)
def grid_sample(input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros",
                align_corners: bool | None = None) -> Any:
    """Planes read at places between their elements.

    Args:
        input: (n, c, h, w) or (n, c, d, h, w).
        grid: (n, results..., 2 or 3): places as (x, y) or (x, y, z) in [-1, 1].
        mode: "bilinear" (trilinear for volumes), "nearest" or, for planes, "bicubic".
        padding_mode: what lies outside: "zeros", "border" (the nearest element) or "reflection".
        align_corners: -1 and 1 are the outermost elements' centres, not their outer edges.

    Raises:
        ValueError: an unknown mode.  RuntimeError: shapes or dtypes that don't fit.
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError("nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but "
                         f"got: '{mode}'")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError("nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
                         f"'reflection', but got: '{padding_mode}'")
    corners = _corners(align_corners)
    _check(input, grid, mode)
    if input.dtype in (dt.float16, dt.bfloat16):
        wide = (input.to(dt.float32), grid.to(dt.float32))
        return grid_sample(*wide, mode, padding_mode, corners).to(input.dtype)
    results = tuple(grid.shape[1:-1])
    shape = (*input.shape[:2], *results)
    if not math.prod(shape):
        return input.new_zeros(shape) + 0 * (input.sum() + grid.sum())
    source = _Source(input, results)
    # The grid names the last dimension first.
    places = [_unnormalised(select(grid, -1, k), n, corners)
              for k, n in zip(reversed(range(grid.shape[-1])), source.sizes)]
    if mode == "bicubic":
        return reshape(_cubic(source, places, padding_mode, corners), shape)
    places = [_placed(p, n, padding_mode, corners) for p, n in zip(places, source.sizes)]
    if mode == "nearest":
        values = source.read([p.detach().round() for p in places])
        if grid.requires_grad:  # a gradient of zero rather than none: p < p never holds
            values = values + sum(_flat(choose(p < p, p, 0.0)) for p in places)
        return reshape(values, shape)
    return reshape(_linear(source, places), shape)


# Affine maps ---

def _axis(theta: Any, n: int, corners: bool) -> Any:
    """The places of n elements in [-1, 1]."""
    if n == 1:
        return theta.new_zeros((1,))
    steps = theta.new_range(n).to(theta.dtype)
    line = steps * (2 / (n - 1)) - 1
    return line if corners else line * ((n - 1) / n)


def _np_affine(theta: Any, size: Any, align_corners: bool = False) -> Any:
    lines = [np.linspace(-1, 1, n) * (1 if align_corners else (n - 1) / n) if n > 1 else np.zeros(1)
             for n in size[2:]]
    grids = np.meshgrid(*lines, indexing="ij")[::-1]
    base = np.stack([*grids, np.ones(size[2:])], -1)
    return np.einsum("...k,njk->n...j", base, theta)


def _affine_samples() -> Any:
    rng = np.random.default_rng(2)
    yield (rng.uniform(-1, 1, (2, 2, 3)), (2, 1, 3, 4)), {"align_corners": False}
    yield (rng.uniform(-1, 1, (1, 3, 4)), (1, 1, 2, 3, 2)), {"align_corners": True}


@composite("grid", namespace="nn.functional", method=False, samples=_affine_samples, reference=_np_affine)
def affine_grid(theta: Any, size: Any, align_corners: bool | None = None) -> Any:
    """The grid for ``grid_sample`` that an affine map makes.

    Args:
        theta: (n, 2, 3) or (n, 3, 4).
        size: of the result of sampling, (n, c, h, w) or (n, c, d, h, w).
        align_corners: as in ``grid_sample``.

    Raises:
        ValueError: shapes or a dtype that don't fit.  NotImplementedError: another number of sizes.
    """
    corners = _corners(align_corners)
    if not theta.dtype.is_floating_point:
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    size = tuple(int(n) for n in size)
    rank = len(size) - 2
    if rank not in (2, 3):
        raise NotImplementedError("affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
                                  f"respectively. Got size {list(size)}.")
    if theta.ndim != 3 or tuple(theta.shape[-2:]) != (rank, rank + 1):
        raise ValueError(f"Expected a batch of {rank}D affine matrices of shape Nx{rank}x{rank + 1} for size "
                         f"{list(size)}. Got {list(theta.shape)}.")
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {list(size)}")
    if theta.shape[0] != size[0]:
        raise RuntimeError(f"Expected a batch of {size[0]} affine matrices for size {list(size)}, but got "
                           f"{theta.shape[0]}")
    spatial = size[2:]
    lines = [reshape(_axis(theta, n, corners), tuple(n if k == d else 1 for k in range(rank)))
             for d, n in enumerate(spatial)]
    parts = [expand(line, spatial) for line in reversed(lines)]
    base = stack([*parts, theta.new_ones(spatial)], -1)
    count = math.prod(spatial)
    flat = expand(reshape(base, (1, count, rank + 1)), (size[0], count, rank + 1))
    return reshape(bmm(flat, theta.transpose(1, 2)), (size[0], *spatial, rank))
