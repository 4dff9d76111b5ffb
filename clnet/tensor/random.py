"""Random tensors, in-place draws, and the state of the generators."""
from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import graph
from ..core import dtypes as dt
from ..core import generator as generators
from ..core import layout as lay
from ..core.dtypes import DType
from ..core.generator import Generator
from ..device import Device, current_device
from ..ops import random as ops
from ..ops.complex import view_as_complex
from . import creation, interchange
from .attach import attach
from .methods import write
from .tensor import Tensor


def _device(device: Any) -> Device:
    return current_device() if device is None else Device(device)


def _shape(size: Any) -> tuple[int, ...]:
    shape = lay.size_of(size)
    if any(n < 0 for n in shape):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    return shape


def _create(op: Any, parameters: tuple[Any, ...], shape: tuple[int, ...], dtype: DType, device: Any,
            requires_grad: bool, generator: Any, out: Tensor | None, **attrs: Any) -> Tensor:
    if out is not None:
        if tuple(out.shape) != shape:
            out.resize_(shape)
        return _fill(op, parameters, out, generator, **attrs)
    t = op(*parameters, shape=shape, dtype=dtype, generator=generator, device=_device(device), **attrs)
    return t.requires_grad_() if requires_grad else t


def _fill(op: Any, parameters: tuple[Any, ...], target: Tensor, generator: Any, **attrs: Any) -> Tensor:
    graph.check_writable(target)
    operands, given = op.bind(*parameters, shape=target.shape, dtype=target.dtype, generator=generator,
                              device=target.device, **attrs)
    write(op, operands, given, target)
    return target


def _float_dtype(name: str, dtype: DType | None) -> DType:
    found = dtype or dt.get_default_dtype()
    if not found.is_floating_point:
        raise NotImplementedError(f'"{name}" not implemented for {found}')
    return found


def _of_pairs(make: Any, size: Any, dtype: DType, scale: float, device: Any, requires_grad: bool, generator: Any,
              out: Tensor | None) -> Tensor:
    """Complex numbers whose parts are drawn apart."""
    parts = make((*_shape(size), 2), generator=generator, dtype=dtype.to_real(), device=device)
    made = view_as_complex(parts * scale)
    if out is not None:
        return out.resize_(made.shape).copy_(made)
    return made.requires_grad_() if requires_grad else made


@dt.taking_python_types
def rand(*size: Any, generator: Any = None, out: Tensor | None = None, dtype: DType | None = None,
         layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
         names: Any = None) -> Tensor:
    """Uniform numbers of [0, 1): 24 random bits in float32, 53 in float64; both parts of complex ones."""
    if dtype is not None and dtype.is_complex:
        return _of_pairs(rand, size, dtype, 1, device, requires_grad, generator, out)
    return _create(ops.unit, (), _shape(size), _float_dtype("uniform", dtype), device, requires_grad,
                   generator, out)


@dt.taking_python_types
def randn(*size: Any, generator: Any = None, out: Tensor | None = None, dtype: DType | None = None,
          layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
          names: Any = None) -> Tensor:
    """Numbers of the standard normal distribution; complex ones have variance 1 over both parts."""
    if dtype is not None and dtype.is_complex:
        return _of_pairs(randn, size, dtype, math.sqrt(0.5), device, requires_grad, generator, out)
    return _create(ops.standard_normal, (), _shape(size), _float_dtype("normal", dtype), device,
                   requires_grad, generator, out)


@dt.taking_python_types
def randint(low: int, high: Any = None, size: Any = None, *, generator: Any = None, out: Tensor | None = None,
            dtype: DType | None = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
            pin_memory: bool = False) -> Tensor:
    """Integers of [low, high), int64 by default: ``randint(high, size)`` or ``randint(low, high, size)``."""
    if size is None:
        if high is None:
            raise TypeError("randint() missing the argument 'size'")
        low, high, size = 0, low, high
    first, end = operator.index(low), operator.index(high)
    if first >= end:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={first} >= to={end}")
    start, span, wide = ops.integer_range(first, end)
    return _create(ops.integers, (start, span), _shape((size,)), dtype or dt.int64, device, requires_grad,
                   generator, out, wide=wide)


@dt.taking_python_types
def randperm(n: int, *, generator: Any = None, out: Tensor | None = None, dtype: DType | None = None,
             layout: Any = None, device: Any = None, requires_grad: bool = False,
             pin_memory: bool = False) -> Tensor:
    """The integers 0 to n - 1 in random order, the same for one seed on every device."""
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got{n}")
    t = ops.permutation(n, generator, _device(device)).to(dtype or dt.int64)
    if out is None:
        return t.requires_grad_() if requires_grad else t
    if out.shape != t.shape:
        out.resize_(tuple(t.shape))
    return out.copy_(t)


def normal(mean: Any, std: Any = 1.0, size: Any = None, *, generator: Any = None, out: Tensor | None = None,
           dtype: DType | None = None, device: Any = None, requires_grad: bool = False,
           **ignored: Any) -> Tensor:
    """Normal numbers; mean and std are numbers (with ``size``) or tensors that broadcast.

    Raises:
        RuntimeError: a negative std.
    """
    if not isinstance(std, Tensor):
        _check_std(float(std))
    given = [t for t in (mean, std) if isinstance(t, Tensor)]
    if not given:
        if size is None:
            raise TypeError("normal() of two numbers needs a size")
        return _create(ops.normal, (float(mean), float(std)), _shape((size,)), _float_dtype("normal", dtype),
                       device, requires_grad, generator, out)
    shape = lay.broadcast_shapes(*(t.shape for t in given))
    standard = _create(ops.standard_normal, (), shape, _float_dtype("normal", given[0].dtype),
                       given[0].device, False, generator, None)
    mean, std = (v.detach() if isinstance(v, Tensor) else v for v in (mean, std))
    result = standard * std + mean
    return result if out is None else out.copy_(result)


def _check_std(std: float) -> None:
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")


def _like(make: Any) -> Any:
    def call(input: Tensor, *args: Any, dtype: DType | None = None, device: Any = None, layout: Any = None,
             memory_format: Any = None, **options: Any) -> Tensor:
        return make(*args, tuple(input.shape), dtype=dtype or input.dtype,
                    device=device if device is not None else input.device, **options)
    call.__name__ = call.__qualname__ = f"{make.__name__}_like"
    call.__doc__ = f"``{make.__name__}`` with the shape, dtype and device of ``input``."
    return call


rand_like, randn_like, randint_like = _like(rand), _like(randn), _like(randint)


# In place ---

def _require_float(name: str, t: Tensor) -> None:
    if not t.dtype.is_floating_point:
        raise NotImplementedError(f'"{name}" not implemented for {t.dtype}')


def uniform_(self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Any = None,
             **given: Any) -> Tensor:
    """Fill with uniform numbers of [from, to).

    Raises:
        RuntimeError: ``from`` above ``to``.
    """
    low = given.pop("from", from_)
    if given:
        raise TypeError(f"uniform_() got unexpected arguments {sorted(given)}")
    _require_float("check_uniform_bounds", self)
    if not low <= to:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={to}")
    if (low, to) == (0, 1):
        return _fill(ops.unit, (), self, generator)
    return _fill(ops.uniform, (float(low), float(to)), self, generator)


def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with normal numbers."""
    _require_float("normal", self)
    _check_std(std)
    if (mean, std) == (0, 1):
        return _fill(ops.standard_normal, (), self, generator)
    return _fill(ops.normal, (float(mean), float(std)), self, generator)


def log_normal_(self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Tensor:
    """Fill with exponentials of normal numbers."""
    _require_float("log_normal", self)
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    return _fill(ops.log_normal, (float(mean), float(std)), self, generator)


def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with exponentially distributed numbers of rate ``lambd``."""
    _require_float("exponential_", self)
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    return _fill(ops.exponential, (float(lambd),), self, generator)


def cauchy_(self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with Cauchy-distributed numbers."""
    _require_float("cauchy_", self)
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    return _fill(ops.cauchy, (float(median), float(sigma)), self, generator)


def geometric_(self: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """Fill with the number of trials of probability ``p`` up to the first success."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    return _fill(ops.geometric, (float(p),), self, generator)


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with 1 (with probability ``p``, a number or a tensor that broadcasts) or 0."""
    if isinstance(p, Tensor):
        spread = interchange.contiguous(p.detach().expand(self.shape))
        compute = dt.float64 if p.dtype is dt.float64 else dt.float32
        return _fill(ops.bernoulli_draw, (spread,), self, generator, compute=compute)
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    return _fill(ops.bernoulli_draw, (float(p),), self, generator)


# Integers up to which every one is representable (PyTorch's upper bounds of random_()).
_WHOLE_LIMIT = {dt.float16: 1 << 11, dt.bfloat16: 1 << 8, dt.float32: 1 << 24, dt.float64: 1 << 53,
                dt.bool_: 1}


def random_(self: Tensor, from_: int | None = None, to: int | None = None, *, generator: Any = None,
            **given: Any) -> Tensor:
    """Fill with integers: of [0, from) if one bound is given, [from, to) if two.

    Without bounds: all that the type holds from 0 on.
    """
    first = given.pop("from", from_)
    if given:
        raise TypeError(f"random_() got unexpected arguments {sorted(given)}")
    if first is None or to is None:
        limit = _WHOLE_LIMIT.get(self.dtype)
        if limit is None:
            limit = (1 << (8 * self.dtype.itemsize - self.dtype.is_signed)) - 1
        end = limit + 1 if to is None and first is None else to if to is not None else first
        start = 0
    else:
        start, end = first, to
    low, span, wide = ops.integer_range(int(start), int(end))
    return _fill(ops.integers, (low, span), self, generator, wide=wide)


# State ---

def manual_seed(seed: int) -> Generator:
    """Seed the default generator; the same seed gives the same numbers on every device."""
    return generators.default.manual_seed(seed)


def seed() -> int:
    """Seed the default generator from the system's entropy; returns the seed."""
    return generators.default.seed()


def initial_seed() -> int:
    """The default generator's seed."""
    return generators.default.initial_seed()


def get_state(self: Generator) -> Tensor:
    """The state as a uint8 tensor of 16 bytes: seed and call number."""
    state = np.array(self.snapshot(), dtype="<u8").view("uint8")
    return creation.tensor(state, device="cpu")


def set_state(self: Generator, new_state: Tensor) -> None:
    """Continue from a state that ``get_state`` returned.

    Raises:
        TypeError: not a uint8 tensor.  RuntimeError: not 16 bytes.
    """
    if not isinstance(new_state, Tensor) or new_state.dtype is not dt.uint8:
        raise TypeError("RNG state must be a torch.ByteTensor")
    if new_state.numel() != 16:
        raise RuntimeError("RNG state is wrong size")
    first, second = np.ascontiguousarray(interchange.bits(new_state)).view("<u8").tolist()
    self.restore((first, second))


def get_rng_state() -> Tensor:
    """The default generator's state."""
    return get_state(generators.default)


def set_rng_state(new_state: Tensor) -> None:
    """Set the default generator's state."""
    set_state(generators.default, new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, **ignored: Any) -> Iterator[None]:
    """Leave the default generator as it was, whatever is drawn inside."""
    state = generators.default.snapshot()
    try:
        yield
    finally:
        if enabled:
            generators.default.restore(state)


# What the module table offers under these names.
FUNCTIONS = (rand, randn, randint, randperm, normal, rand_like, randn_like, randint_like, manual_seed, seed,
             initial_seed, get_rng_state, set_rng_state)


def install() -> None:
    """The in-place methods, and the generators' state as tensors."""
    for method in (uniform_, normal_, log_normal_, exponential_, cauchy_, geometric_, bernoulli_, random_):
        setattr(Tensor, method.__name__, method)
    attach(Generator, get_state=get_state, set_state=set_state)
