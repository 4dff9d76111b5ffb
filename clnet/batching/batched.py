"""Tensors that stand for one example of a batch, and the interpreter that computes with whole batches."""
from __future__ import annotations

from typing import Any

from ..autograd import graph
from ..core import dispatch
from ..core import layout as lay
from ..core.layout import Layout
from ..core.op import Op
from ..ops.declare import view as declare_view
from ..ops.reduction import sum_to_size
from ..ops.view import expand, unsqueeze
from ..tensor import Tensor
from . import rules

_new = object.__new__


class GuardedStorage:
    """A batch's storage as one example shows it: no access to memory, which is the batch's."""

    __slots__ = ("_real",)

    def __init__(self, real: Any) -> None:
        self._real = real

    @property
    def device(self) -> Any:
        return self._real.device

    @property
    def version(self) -> int:
        return int(self._real.version)

    @property
    def start(self) -> int:
        return int(self._real.start)

    @property
    def rebased(self) -> bool:
        return bool(self._real.rebased)

    @property
    def block(self) -> Any:
        raise RuntimeError("vmap: the elements of one example cannot be read inside the function: use operators "
                           "instead of item(), numpy(), printing, or Python control flow on values")

    buffer = block


class Batched(Tensor):
    """One example of ``value``, whose first dimension is the batch of ``level``."""

    __slots__ = ("value", "level")
    value: Tensor
    level: Vmap

    def alias(self) -> Tensor:
        return wrap(self.value.alias(), self.level)

    @property  # type: ignore[misc]
    def requires_grad(self) -> bool:
        return self.value.requires_grad

    @property
    def is_leaf(self) -> bool:
        return self.value.is_leaf

    @property
    def grad_fn(self) -> Any:
        return self.value.grad_fn

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        self.value.requires_grad_(requires_grad)
        self.tracked = self.value.tracked
        return self

    def storage_offset(self) -> int:
        return self.value.storage_offset()

    def backward(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("backward() called inside a functorch transform. This is not supported, please use "
                           "func.grad or func.vjp instead.")

    def tolist_flat(self) -> list[Any]:
        """The elements of all examples: for checks that raise if one of them is bad."""
        return self.value.tolist_flat()

    def __repr__(self) -> str:
        return f"BatchedTensor(shape={list(self.shape)}, batch={self.value.shape[0]}, dtype={self.dtype})"

    def __bool__(self) -> bool:
        raise RuntimeError("vmap: It looks like you're attempting to use a Tensor in some data-dependent control "
                           "flow. We don't support that yet, please use clnet.where instead.")

    def item(self) -> Any:
        raise RuntimeError("vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over "
                           "calling .item() on a Tensor, please try to rewrite what you're doing with other "
                           "operations.")


def wrap(value: Tensor, level: Vmap) -> Batched:
    """One example of a tensor whose first dimension is the level's batch."""
    x: Any = _new(Batched)
    x.value, x.level = value, level
    layout = value.layout
    x.layout = lay.make(layout.shape[1:], layout.strides[1:], layout.dtype)
    x.storage = GuardedStorage(value.storage)
    x.offset, x.meta, x.tracked = value.offset, None, value.tracked
    return x


class Vmap:
    """The interpreter of one ``vmap``: calls on its examples become calls on their batch.

    Attributes:
        size: of the batch.
        randomness: "error", "same" or "different": what random numbers do.
    """

    def __init__(self, size: int, randomness: str) -> None:
        self.size, self.randomness = size, randomness

    def holds(self, x: Any) -> bool:
        """Whether ``x`` is an example of this level."""
        return type(x) is Batched and x.level is self

    def batch(self, x: Any) -> Any:
        """The batch of a tensor, expanded where it is the same for all examples."""
        if self.holds(x):
            return x.value
        return dispatch.stack.top.run(expand, (unsqueeze(x, 0),), {"size": (self.size, *x.shape)})

    def view(self, op: Op, batch: Any, attrs: dict[str, Any]) -> Any:
        """A view of each example, as a view of the batch."""
        return dispatch.stack.top.run(_view_of_each, (batch,), {"op": op, "attrs": tuple(attrs.items())})

    def run(self, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any], out: Any = None) -> Any:
        mine = any(type(x) is Batched and x.level is self for x in operands)
        if out is not None and any(self.holds(t) for t in out):
            return self._write(op, operands, attrs, out)
        if not mine and not (op.random and self.randomness != "same"):
            return dispatch.stack.below(self).run(op, operands, attrs, out)
        if out is not None:
            raise RuntimeError(
                f"vmap: inplace arithmetic ({op.name}) is not possible: a tensor that is the same for all examples "
                "cannot take a result for each; use the version that is not in-place")
        taken = dispatch.stack.cut(self)
        try:
            result = rules.batched(self, op, operands, attrs)
        finally:
            dispatch.stack.restore(taken)
        if isinstance(result, tuple):
            return tuple(wrap(r, self) for r in result)
        return wrap(result, self)

    def _write(self, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any], out: Any) -> Any:
        """A result written over examples, which is one written over their batch."""
        targets = tuple(t.value if self.holds(t) else t for t in out)
        for t in targets:
            graph.check_writable(t)
        rank = max((x.ndim for x in out), default=0)
        taken = dispatch.stack.cut(self)
        try:
            if op.kind == "expression":
                operands = tuple(rules.aligned(self, x, rank) for x in operands)
            elif any(self.holds(x) for x in operands):
                made = rules.batched(self, op, operands, attrs)
                for t, r in zip(targets, made if isinstance(made, tuple) else (made,)):
                    t.copy_(r)
                return out[0] if len(out) == 1 else out
            dispatch.stack.top.run(op, operands, attrs, targets)
        finally:
            dispatch.stack.restore(taken)
        return out[0] if len(out) == 1 else out


class _OneView:
    """What a view's derivative asks for, seen from one example."""

    def __init__(self, ctx: Any) -> None:
        whole = ctx.layouts[0]
        self.op, self.attrs = ctx.attrs["op"], dict(ctx.attrs["attrs"])
        self.layouts = [lay.make(whole.shape[1:], whole.strides[1:], whole.dtype)]
        self.needs, self.recorded = ctx.needs, ctx.recorded

    def rest(self) -> dict[str, Any]:
        return self.attrs


def _move(layout: Layout, offset: int, op: Op, attrs: tuple[tuple[str, Any], ...]) -> tuple[Layout, int]:
    assert op.view is not None
    moved, at = op.view(lay.make(layout.shape[1:], layout.strides[1:], layout.dtype), offset, **dict(attrs))
    return lay.make((layout.shape[0], *moved.shape), (layout.strides[0], *moved.strides), moved.dtype), at


def _view_vjp(ctx: Any, g: Any) -> tuple[Any]:
    """The view's own rule, for each example."""
    level = Vmap(ctx.layouts[0].shape[0], "error")
    one = _OneView(ctx)
    dispatch.stack.push(level)
    try:
        [got] = one.op.vjp(one, wrap(g, level))
        return (None if got is None else level.batch(sum_to_size(got, one.layouts[0].shape)),)
    finally:
        dispatch.stack.pop()


_view_of_each = declare_view("vmap_view", lambda x, **attrs: ((x,), attrs), _move, _view_vjp, public=False)
