"""Custom derivatives: ``Function``, and the node behind it."""
from __future__ import annotations

import functools
import itertools
import traceback
from collections.abc import Callable
from typing import Any

from . import graph
from .graph import edge, meta_of
from .mode import grad_mode, no_grad
from .node import Node, named


class FunctionNode(Node):
    """A recorded call whose derivative is a Python function of the cotangents.

    What ``forward`` left in its context is found here too.
    """

    __slots__ = ("function", "out_layouts", "layouts", "_ctx")

    def __init__(self, operands: Any, results: Any, function: Callable[..., Any],
                 ctx: FunctionCtx | None = None) -> None:
        super().__init__()
        self.function = function
        self.edges = [edge(x) for x in operands]
        self.layouts = [getattr(x, "layout", None) for x in operands]
        self.out_layouts = [r.layout for r in results]
        self.sequence = next(graph._sequence)
        if grad_mode.anomaly:
            self.trace = "".join(traceback.format_stack()[:-3])
        self._ctx = ctx

    def apply(self, grads: list[Any]) -> list[Any]:
        got = self.function(*grads)
        got = got if isinstance(got, tuple) else (got,)
        return list(got) + [None] * (len(self.edges) - len(got))

    def release(self) -> None:
        if self._ctx is not None:
            self._ctx._free()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)


def record_custom(name: str, operands: tuple[Any, ...], result: Any,
                  vjp: Callable[..., Any]) -> Any:
    """Connect one result that was computed outside the dispatch; returns it."""
    if grad_mode.enabled and any(edge(x) is not None for x in operands):
        node = named(name, FunctionNode)(operands, (result,), vjp)
        meta = meta_of(result)
        meta.node, meta.index, result.tracked = node, 0, True
    return result


class FunctionCtx:
    """What ``forward`` leaves for ``backward``."""

    def __init__(self) -> None:
        self._saved: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._constant: tuple[Any, ...] = ()
        self._materialize = True
        self._released = False
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors; backward checks that they were not written to."""
        self._saved = tensors

    def mark_dirty(self, *tensors: Any) -> None:
        """These inputs were written in place and are returned."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """These outputs get no gradient."""
        self._constant = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether missing cotangents arrive as zeros (default) or None."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        if self._released:
            raise RuntimeError("Trying to backward through the graph a second time (or directly access "
                               "saved tensors after they have already been freed). Specify "
                               "retain_graph=True if you need to backward a second time.")
        out = []
        for x, version, own in self._snapshots:
            if x is not None and x.storage.version != version:
                raise RuntimeError("one of the variables needed for gradient computation has been "
                                   f"modified by an inplace operation: {list(x.shape)} is at version "
                                   f"{x.storage.version}; expected version {version} instead.")
            if own is not None and x is not None:
                x = x.alias()
                meta = meta_of(x)
                meta.node, meta.index, meta.version, x.tracked = own[0], own[1], x.storage.version, True
            out.append(x)
        return tuple(out)

    def _seal(self, results: tuple[Any, ...], node: Any) -> None:
        """After forward: outputs are kept outside the graph, so that no cycle holds them."""
        self._snapshots = []
        for x in self._saved:
            own = next(((node, k) for k, r in enumerate(results) if r is x and node is not None), None)
            self._snapshots.append((None, 0, None) if x is None else
                                   (x.alias() if own else x, x.storage.version, own))
        self._saved = ()

    def _free(self) -> None:
        self._released = bool(self._snapshots)
        self._snapshots = []


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a ``backward`` whose result has no derivative of its own: asking for one raises.

    Raises:
        RuntimeError: from a second derivative through the gradients that it gave.
    """
    @functools.wraps(backward)
    def once(ctx: FunctionCtx, *grad_outputs: Any) -> Any:
        with no_grad():
            got = backward(ctx, *grad_outputs)
        if not (grad_mode.enabled and any(g is not None and edge(g) is not None for g in grad_outputs)):
            return got
        results = got if isinstance(got, tuple) else (got,)
        made = tuple(None if r is None else record_custom(
            "ErrorBackward", grad_outputs, r.detach(), _refuse_second_derivative) for r in results)
        return made if isinstance(got, tuple) else made[0]
    return once


def _refuse_second_derivative(*grads: Any) -> Any:
    raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


class Function:
    """Base of operators with a hand-written derivative, as PyTorch's ``autograd.Function``.

    Subclasses define static ``forward(ctx, *args)`` and ``backward(ctx, *grad_outputs)``, and may
    split ``setup_context(ctx, inputs, output)`` from ``forward(*args)``.
    """

    _count = itertools.count()

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: FunctionCtx, *grad_outputs: Any) -> Any:
        raise NotImplementedError("You must implement either the backward or vjp method for your custom "
                                  "autograd.Function to use it with backward mode AD.")

    setup_context: Any = None

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` unrecorded and connect its outputs to ``backward``."""
        ctx = FunctionCtx()
        operands = [x if getattr(x, "layout", None) is not None else None for x in args]
        ctx.needs_input_grad = tuple(x is not None and edge(x) is not None for x in operands)
        recorded = grad_mode.enabled and any(ctx.needs_input_grad)
        edges_before = [edge(x) if x is not None else None for x in operands]
        with no_grad():
            if cls.setup_context is not None:
                output = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args, **kwargs)
        single = not isinstance(output, tuple)
        results = (output,) if single else output
        # An input returned unchanged becomes a new handle, so that its own record stays.
        inputs = [x for x in operands if x is not None]
        results = tuple(
            r.alias() if any(r is x for x in inputs) and not any(r is x for x in ctx._dirty) else r
            for r in results)
        node = None
        if recorded:
            tensors = [r for r in results if getattr(r, "layout", None) is not None]
            layouts = [r.layout for r in tensors]
            node = named(f"{cls.__name__}Backward", FunctionNode)(
                operands, tensors, lambda *grads: cls._call_backward(ctx, layouts, grads), ctx)
            node.edges = edges_before
            for k, r in enumerate(tensors):
                if r.layout.dtype.is_inexact and not any(r is c for c in ctx._constant):
                    meta = meta_of(r)
                    meta.node, meta.index, r.tracked = node, k, True
                    meta.requires_grad = False
        ctx._seal(results, node)
        return results[0] if single else results

    @classmethod
    def _call_backward(cls, ctx: FunctionCtx, layouts: Any, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        if ctx._materialize:
            like = next(g for g in grads if g is not None)
            grads = tuple(like.new_zeros(layout.shape, dtype=layout.dtype) if g is None else g
                          for g, layout in zip(grads, layouts))
        got = cls.backward(ctx, *grads)
        got = got if isinstance(got, tuple) else (got,)
        if len(got) < len(ctx.needs_input_grad):
            raise RuntimeError(f"function {cls.__name__}Backward returned an incorrect number of gradients "
                               f"(expected {len(ctx.needs_input_grad)}, got {len(got)})")
        return got[:len(ctx.needs_input_grad)]
