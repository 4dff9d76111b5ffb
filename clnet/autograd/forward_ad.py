"""Forward mode: tangents travel with tensors through an interpreter on the dispatch stack.

The rules are the ones reverse mode uses: an elementwise operator's cotangent expression applied
to a tangent (its Jacobian is diagonal), a linear operator applied to the tangents, and for the
rest the transpose of ``vjp``, which is linear in the cotangent.
"""
from __future__ import annotations

from collections import namedtuple
from typing import Any

from ..core import dispatch
from ..core.op import Op
from . import engine
from .graph import meta_of
from .mode import enable_grad

UnpackedDualTensor = namedtuple("UnpackedDualTensor", ("primal", "tangent"))


class _Context:
    """What a derivative rule may read: everything, since the call has just run."""

    def __init__(self, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any], results: Any) -> None:
        self.op, self.operands, self.attrs, self.outputs = op, operands, attrs, results
        self.layouts = [getattr(x, "layout", None) for x in operands]
        self.needs = [_tangent(x) is not None for x in operands]

    recorded = True  # cotangents are differentiated to give tangents

    def rest(self) -> dict[str, Any]:
        return {k: v for k, v in self.attrs.items() if k not in ("dtype", "dense")}


def _tangent(x: Any) -> Any:
    meta = getattr(x, "meta", None)
    return meta.tangent if meta is not None else None


class ForwardInterpreter:
    """Runs calls below and computes tangents of results from those of operands."""

    def run(self, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any], out: Any = None) -> Any:
        below = dispatch.stack.below(self)
        tangents = [_tangent(x) for x in operands]
        before = operands
        if out is not None and any(x is t for x in operands for t in out):
            # The rule needs the operands as they were.
            before = tuple(x.clone() if any(x is t for t in out) else x for x in operands)
            for new, old in zip(before, operands):
                if new is not old:
                    meta_of(new).tangent = _tangent(old)
        result = below.run(op, operands, attrs, out)
        if all(t is None for t in tangents):
            if out is not None:
                for t in out:
                    if _tangent(t) is not None:
                        _tangent(t).zero_()
            return result
        results = result if isinstance(result, tuple) else (result,)
        # The rules read operands that carry tangents; they must not be differentiated in turn.
        taken = dispatch.stack.cut(self)
        try:
            derived = self._rule(op, before, attrs, results, tangents)
            for k, (r, t) in enumerate(zip(results, derived)):
                if t is not None and r.layout.dtype.is_inexact:
                    self._attach(r, k, t)
        finally:
            dispatch.stack.restore(taken)
        return result

    def _attach(self, r: Any, k: int, t: Any) -> None:
        if t.layout.shape != r.layout.shape:
            t = t.expand(r.layout.shape)
        if _tangent(r) is not None:  # written in place: views of the tangent must see it
            _tangent(r).copy_(t)
            return
        meta = meta_of(r)
        meta.tangent = t
        kept = getattr(meta.node, "saved_output", lambda k: None)(k)
        if kept is not None:
            meta_of(kept).tangent = t

    def _rule(self, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any], results: Any,
              tangents: list[Any]) -> Any:
        ctx = _Context(op, operands, attrs, results)
        fields = (*(x for x in operands if getattr(x, "layout", None) is not None), *results)
        if any(x.layout.dtype.is_complex for x in fields) and not op.linear:
            # Elementwise rules are transposes of a diagonal, and conjugate what they read.
            return self._transposed(ctx, results, tangents) if op.vjp is not None else (None,) * len(results)
        if op.jvp is not None:
            got = op.jvp(ctx, *tangents)
            return got if isinstance(got, tuple) else (got,)
        if op.linear:
            filled = tuple(x if getattr(x, "layout", None) is None else
                           t if t is not None else x.detach().zeros_like()
                           for x, t in zip(operands, tangents))
            got = dispatch.stack.top.run(op, filled, attrs)
            return got if isinstance(got, tuple) else (got,)
        if op.vjp is None:
            return (None,) * len(results)
        return self._transposed(ctx, results, tangents)

    def _transposed(self, ctx: _Context, results: Any, tangents: list[Any]) -> list[Any]:
        """J t as the derivative of <J^T u, t> with respect to u."""
        with enable_grad():
            probes = [r.detach().zeros_like().requires_grad_() if r.layout.dtype.is_inexact else None
                      for r in results]
            assert ctx.op.vjp is not None
            cotangents = ctx.op.vjp(ctx, *probes)
            total = None
            for g, t, layout in zip(cotangents, tangents, ctx.layouts):
                if g is not None and t is not None:
                    part = (engine._fit(g, layout).conj() * t).real.sum()
                    total = part if total is None else total + part
            if total is None:
                return [None] * len(results)
            wanted = [u for u in probes if u is not None]
            got = iter(engine.grad(total, wanted, create_graph=True, allow_unused=True))
        return [next(got) if u is not None else None for u in probes]


class dual_level:
    """Inside, tangents made by ``make_dual`` are propagated; levels do not nest."""

    def __enter__(self) -> dual_level:
        if any(isinstance(i, ForwardInterpreter) for i in dispatch.stack):
            raise RuntimeError("Nested forward mode AD is not supported at the moment")
        self._interpreter = ForwardInterpreter()
        dispatch.stack.push(self._interpreter)
        return self

    def __exit__(self, *exc: object) -> None:
        dispatch.stack.pop()


def make_dual(tensor: Any, tangent: Any) -> Any:
    """A view of ``tensor`` that carries ``tangent``.

    Raises:
        RuntimeError: no dual level is open.  ValueError: shapes differ.
    """
    if not any(isinstance(i, ForwardInterpreter) for i in dispatch.stack):
        raise RuntimeError("Trying to create a dual Tensor for forward AD but no level exists, make "
                           "sure to enter_dual_level() first.")
    if tensor.shape != tangent.shape:
        raise ValueError(f"make_dual: the tangent has shape {list(tangent.shape)}, the tensor "
                         f"{list(tensor.shape)}")
    dual = tensor.view(tensor.shape) if tensor.layout.contiguous else tensor.permute(tuple(range(tensor.ndim)))
    meta_of(dual).tangent = tangent
    return dual


def unpack_dual(tensor: Any) -> UnpackedDualTensor:
    """(primal, tangent); the tangent is None for a tensor that carries none."""
    return UnpackedDualTensor(tensor, _tangent(tensor))
