"""Shapes, strides and broadcasting: the geometry of a tensor without its data."""
from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

from .dtypes import DType

Shape = tuple[int, ...]


class Size(tuple):
    """A shape, as PyTorch's ``torch.Size``: a tuple with ``numel``."""

    __slots__ = ()

    def numel(self) -> int:
        return math.prod(self)

    def __repr__(self) -> str:
        return f"clnet.Size({list(self)})"

    def __getitem__(self, item: Any) -> Any:
        got = tuple.__getitem__(self, item)
        return Size(got) if isinstance(item, slice) else got

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, tuple(other)))


class Layout:
    """Shape, strides (in elements) and dtype of a strided tensor.

    Layouts are interned by :func:`make`: equal ones are the same object, so they hash by identity
    and serve as keys of the plan caches.
    """

    __slots__ = ("shape", "strides", "dtype", "numel", "contiguous", "__weakref__")

    def __init__(self, shape: Shape, strides: Shape, dtype: DType) -> None:
        self.shape, self.strides, self.dtype = Size(shape), strides, dtype
        self.numel = math.prod(shape)
        self.contiguous = self.numel == 0 or all(
            n == 1 or s == c for n, s, c in zip(shape, strides, contiguous_strides(shape)))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def extent(self) -> int:
        """Elements from the first to one past the last that the layout reaches (0 if empty)."""
        if not self.numel:
            return 0
        return 1 + sum((n - 1) * s for n, s in zip(self.shape, self.strides))

    def __repr__(self) -> str:
        return f"Layout({self.dtype.name}{list(self.shape)}, strides={self.strides})"


_interned: WeakValueDictionary[Any, Layout] = WeakValueDictionary()


def make(shape: Sequence[int], strides: Sequence[int], dtype: DType) -> Layout:
    """The one layout with these properties."""
    key = (tuple(shape), tuple(strides), dtype)
    found = _interned.get(key)
    if found is None:
        found = _interned.setdefault(key, Layout(*key))
    return found


def dense(shape: Sequence[int], dtype: DType) -> Layout:
    """The row-major layout of a new tensor."""
    return make(shape, contiguous_strides(shape), dtype)


def contiguous_strides(shape: Sequence[int]) -> Shape:
    """Row-major strides, in elements."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def like(layout: Layout, dtype: DType) -> Layout:
    """A new tensor's layout with the dimension order of ``layout`` (PyTorch's preserve_format)."""
    if layout.contiguous:
        return layout if layout.dtype is dtype else make(layout.shape, layout.strides, dtype)
    return make(layout.shape, dense_strides(layout.shape, layout.strides), dtype)


def dense_strides(shape: Shape, strides: Shape) -> Shape:
    """Strides without gaps in the dimension order of ``strides``; row-major where they overlap."""
    if any(s == 0 and n > 1 for n, s in zip(shape, strides)):
        return contiguous_strides(shape)
    order = sorted(range(len(shape)), key=lambda d: (strides[d], -d))
    out, step = [0] * len(shape), 1
    for d in order:
        out[d] = step
        step *= max(shape[d], 1)
    return tuple(out)


def overlaps(layout: Layout) -> bool:
    """Whether two indices may reach one element (expanded or overlapping windows)."""
    dims = sorted((s, n) for n, s in zip(layout.shape, layout.strides) if n > 1)
    reach = 0
    for stride, n in dims:
        if stride <= reach:
            return True
        reach += stride * (n - 1)
    return False


def broadcast_shapes(*shapes: Sequence[int]) -> Shape:
    """The common shape by NumPy's rules.

    Raises:
        RuntimeError: two sizes of one dimension differ and neither is 1 (PyTorch's wording).
    """
    first = shapes[0] if shapes else ()
    if all(s == first for s in shapes):
        return tuple(first)
    rank = max(len(s) for s in shapes)
    out = [1] * rank
    for shape in shapes:
        shift = rank - len(shape)
        for d, n in enumerate(shape):
            if n != 1:
                if out[d + shift] not in (1, n):
                    raise RuntimeError(
                        f"The size of tensor a ({out[d + shift]}) must match the size of tensor b "
                        f"({n}) at non-singleton dimension {d + shift}; the shapes are "
                        f"{' and '.join(str(list(s)) for s in shapes)}")
                out[d + shift] = n
    return tuple(out)


def expand_strides(layout: Layout, shape: Sequence[int]) -> Shape:
    """Strides with which ``layout`` reads as ``shape`` (0 along broadcast dimensions)."""
    shift = len(shape) - layout.ndim
    return (0,) * shift + tuple(
        0 if n == 1 and shape[d + shift] != 1 else s
        for d, (n, s) in enumerate(zip(layout.shape, layout.strides)))


def wrap_dim(dim: Any, ndim: int) -> int:
    """A dimension index made non-negative; a 0-d tensor has the one dimension 0 or -1.

    Raises:
        IndexError: out of range (PyTorch's wording).  TypeError: not an integer.
    """
    try:
        d = operator.index(dim)
    except TypeError:
        raise TypeError(f"dimension must be an int, not {type(dim).__name__}") from None
    n = max(ndim, 1)
    if not -n <= d < n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], "
                         f"but got {d})")
    return d + n if d < 0 else d


def wrap_dims(dims: Any, ndim: int) -> tuple[int, ...]:
    """Dimensions made non-negative and sorted; None and () mean all.

    Raises:
        RuntimeError: one appears twice.
    """
    if dims is None:
        return tuple(range(ndim))
    given = [dims] if isinstance(dims, int) else list(dims)
    if not given:
        return tuple(range(ndim))
    out = [wrap_dim(d, ndim) for d in given]
    for d in out:
        if out.count(d) > 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    return tuple(sorted(d for d in out if ndim))


def size_of(args: Sequence[Any]) -> Shape:
    """The shape out of ``f(2, 3)``, ``f((2, 3))`` or ``f(Size)``."""
    if len(args) == 1 and not isinstance(args[0], int) and isinstance(args[0], Sequence):
        args = args[0]
    try:
        return tuple(operator.index(n) for n in args)
    except TypeError:
        raise TypeError(f"a shape must be integers, got {args!r}") from None


def infer_size(shape: Sequence[int], numel: int) -> Shape:
    """Replace a -1 in ``shape`` so that it holds ``numel`` elements (RuntimeError if it can't)."""
    unknown = [d for d, n in enumerate(shape) if n == -1]
    if len(unknown) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if any(n < -1 for n in shape):
        raise RuntimeError(f"invalid shape dimension {min(shape)}")
    known = math.prod(n for n in shape if n != -1)
    out = list(shape)
    if unknown:
        if known == 0:
            raise RuntimeError(f"cannot reshape tensor of 0 elements into shape {list(shape)} "
                               "because the unspecified dimension size -1 can be any value and is ambiguous")
        if numel % known == 0:
            out[unknown[0]] = numel // known
    if math.prod(out) != numel or -1 in out:
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
    return tuple(out)


def view_strides(layout: Layout, shape: Shape) -> Shape | None:
    """Strides that show ``layout``'s elements in order as ``shape``; None if a copy is needed."""
    if layout.contiguous:
        return contiguous_strides(shape)
    old = [(n, s) for n, s in zip(layout.shape, layout.strides) if n != 1]
    # Merge old dimensions that continue one another into runs of (elements, stride).
    runs: list[list[int]] = []
    for n, s in old:
        if runs and runs[-1][1] == n * s:
            runs[-1][0] *= n
            runs[-1][1] = s
        else:
            runs.append([n, s])
    out = [0] * len(shape)
    d = len(shape) - 1
    for count, stride in reversed(runs):
        left, step = count, stride
        while d >= 0 and left > 1:
            n = shape[d]
            if n == 1:
                out[d] = step
                d -= 1
                continue
            if left % n:
                return None
            out[d] = step
            step *= n
            left //= n
            d -= 1
        if left != 1:
            return None
    while d >= 0:
        if shape[d] != 1:
            return None
        out[d] = out[d + 1] * shape[d + 1] if d + 1 < len(shape) else 1
        d -= 1
    return tuple(out)


def collapse(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """Drop dimensions of size 1 and merge neighbours that every operand walks without a jump.

    Args:
        shape: the iteration shape.
        strides: one stride list per operand.

    Returns:
        the collapsed shape (at least one dimension) and strides, outermost first.
    """
    sizes: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for d, n in enumerate(shape):
        if n == 1:
            continue
        if sizes and all(st[-1] == s[d] * n for st, s in zip(steps, strides)):
            sizes[-1] *= n
            for st, s in zip(steps, strides):
                st[-1] = s[d]
        else:
            sizes.append(n)
            for st, s in zip(steps, strides):
                st.append(s[d])
    if not sizes:
        return [1], [[0] for _ in strides]
    return sizes, steps
