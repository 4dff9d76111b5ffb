"""How each kind of operator computes a batch of examples in one call.

A rule is ``(level, op, operands, attrs) -> batch of results``: operands that ``level.holds`` are
examples, whose batch (first dimension) is ``x.value``; the others are the same for all examples.
What has no rule runs example by example.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ..core import dispatch
from ..core import layout as lay
from ..core.op import Op
from ..core.plan import Number
from ..ops.join import stack
from ..ops.view import reshape, select, unsqueeze

_NUMBERS = {bool: Number("bool"), int: Number("int"), float: Number("float"), complex: Number("complex")}


class Level(Protocol):
    """What rules ask of the interpreter (see ``batched.Vmap``)."""

    size: int
    randomness: str

    def holds(self, x: Any) -> bool:
        """Whether ``x`` is an example of this level."""

    def batch(self, x: Any) -> Any:
        """The batch of a tensor, expanded where it is the same for all examples."""

    def view(self, op: Op, batch: Any, attrs: dict[str, Any]) -> Any:
        """A view of each example, as a view of the batch."""


Rule = Callable[[Level, Op, tuple[Any, ...], dict[str, Any]], Any]


def _run(op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return dispatch.stack.top.run(op, operands, attrs)


def _is_tensor(x: Any) -> bool:
    return getattr(x, "layout", None) is not None


def aligned(level: Level, x: Any, rank: int) -> Any:
    """An operand for broadcasting: its batch, with the example's dimensions at the end of ``rank``."""
    if not level.holds(x):
        return x
    value = x.value
    for _ in range(rank - (value.ndim - 1)):
        value = unsqueeze(value, 1)
    return value


def batched(level: Level, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """The batch of an operator's results.

    Raises:
        RuntimeError: the shape of the result depends on the elements, or random numbers were not
            allowed.
    """
    if op.data_dependent:
        raise RuntimeError(f"vmap: it looks like you are calling {op.name.strip('_')}, whose result's shape depends "
                           "on the elements: it would differ from example to example")
    if op.random and "shape" in attrs:
        return _random(level, op, operands, attrs)
    if op.kind == "expression":
        return _elementwise(level, op, operands, attrs)
    if op.kind == "view":
        return level.view(op, operands[0].value, attrs)
    rule = RULES.get(op.name)
    if rule is None or any(_is_tensor(x) and not x.ndim for x in operands):
        return _one_by_one(level, op, operands, attrs)
    return rule(level, op, operands, attrs)


# Elementwise ---

def _elementwise(level: Level, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    tensors = [x for x in operands if _is_tensor(x)]
    rank = max(x.ndim for x in tensors)
    made = [aligned(level, x, rank) for x in operands]
    if len({x.dtype for x in tensors}) > 1:
        # A number of each example has become a vector, which counts more in promotion.
        layouts = [x.layout if _is_tensor(x) else _NUMBERS[type(x)] for x in operands]
        wanted, _ = op.expression.types(layouts, attrs)
        made = [y.to(wanted) if _is_tensor(x) and i not in op.expression.conditions and x.dtype is not wanted
                and (x.dtype.kind != wanted.kind or x.dtype.itemsize > wanted.itemsize) else y
                for i, (x, y) in enumerate(zip(operands, made))]
    return _run(op, tuple(made), attrs)


def _random(level: Level, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    if level.randomness == "error":
        raise RuntimeError("vmap: called random operation while in randomness error mode. Please either use the "
                           "'same' or 'different' randomness flags on vmap or perform the randomness operation "
                           "out of vmap")
    shape = (level.size, *attrs["shape"])
    made = tuple(level.batch(x).contiguous() if _is_tensor(x) else x for x in operands)
    if level.randomness == "same" and any(level.holds(x) for x in operands):
        raise RuntimeError("vmap: random numbers with parameters that differ between the examples need "
                           "randomness='different'")
    return _run(op, made, {**attrs, "shape": shape})


# Without a rule ---

def _one_by_one(level: Level, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    results = []
    for i in range(level.size):
        each = tuple(select(x.value, 0, i) if level.holds(x) else x for x in operands)
        got = _run(op, each, attrs)
        results.append(got if isinstance(got, tuple) else (got,))
    made = tuple(stack(list(column)) for column in zip(*results))
    return made if isinstance(got, tuple) else made[0]


# Structural families ---

def _over_dims(level: Level, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Reductions: the dimensions are one further to the right."""
    return _run(op, tuple(level.batch(x) for x in operands), {**attrs, "dims": tuple(d + 1 for d in attrs["dims"])})


def _along_dim(level: Level, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Everything along one dimension, of operands that all have the batch."""
    made = tuple(level.batch(x) if _is_tensor(x) else x for x in operands)
    return _run(op, made, {**attrs, "dim": attrs["dim"] + 1})


def _leading(level: Level, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Operators that treat all but their last dimensions alike."""
    return _run(op, tuple(level.batch(x) if _is_tensor(x) else x for x in operands), attrs)


def _product(level: Level, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Stacks of matrices broadcast over their leading dimensions."""
    rank = max(x.ndim for x in operands if _is_tensor(x))
    return _run(op, tuple(aligned(level, x, rank) for x in operands), attrs)


def _places(level: Level, shape: tuple[int, ...], like: Any) -> Any:
    """The number of each example, in the shape (size, 1, 1, ...)."""
    count = like.new_range(level.size)
    return reshape(count, (level.size, *(1 for _ in shape)))


def _indices(level: Level, indices: tuple[Any, ...]) -> tuple[Any, ...]:
    """Index tensors of examples as those of the batch, whose first dimension is indexed too."""
    shape = lay.broadcast_shapes(*(tuple(i.shape) for i in indices))
    made = []
    for i in indices:
        if level.holds(i):
            made.append(aligned(level, i, len(shape)))
        else:
            made.append(reshape(i, (1,) * (1 + len(shape) - i.ndim) + tuple(i.shape)))
    return (_places(level, shape, indices[0]), *made)


def _index(level: Level, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    x, indices = operands[0], operands[1:]
    return _run(op, (level.batch(x), *_indices(level, indices)), attrs)


def _index_put(level: Level, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    x, values, indices = operands[0], operands[1], operands[2:]
    return _run(op, (level.batch(x), level.batch(values), *_indices(level, indices)), attrs)


def _images(level: Level, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Convolutions and pooling: the batch joins the images, unless weights differ between examples."""
    if any(level.holds(x) for x in operands[1:]) or not level.holds(operands[0]):
        return _one_by_one(level, op, operands, attrs)
    x = operands[0].value
    n = x.shape[1]
    joined = reshape(x, (level.size * n, *x.shape[2:]))
    got = _run(op, (joined, *operands[1:]), attrs)
    parts = tuple(reshape(r, (level.size, n, *r.shape[1:])) for r in (got if isinstance(got, tuple) else (got,)))
    return parts if isinstance(got, tuple) else parts[0]


RULES: dict[str, Rule] = {
    **dict.fromkeys(("sum", "mean", "prod", "any", "all", "count_nonzero", "amax", "amin", "argmax", "argmin",
                     "_max_dim", "_min_dim", "vector_norm"), _over_dims),
    **dict.fromkeys(("cumsum", "cumprod", "logcumsumexp", "_cummax", "_cummin", "_linear_scan", "softmax",
                     "log_softmax", "_softmax_backward", "_log_softmax_backward", "_sort", "_select", "_median", "cat",
                     "_lookup", "scatter", "scatter_add", "_scatter", "_scatter_reduce"), _along_dim),
    **dict.fromkeys(("tril", "triu"), _leading),
    "_gemm": _product,
    "_index": _index,
    "_index_put": _index_put,
    **dict.fromkeys(("_conv_forward", "_conv_input", "_max_pool", "_mean_pool", "_mean_pool_spread"), _images),
}
