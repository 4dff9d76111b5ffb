"""The recorded graph: one node per call, edges to the nodes that made its operands.

A tensor's part in it is its ``meta`` (None until it takes part): who made it, whether it is a
leaf that wants a gradient, and, for a view, its base and the chain of view calls from there.
Nothing here knows the tensor class; it uses ``layout``, ``storage``, ``meta`` and ``tracked``.
"""
from __future__ import annotations

import functools
import itertools
import traceback
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

from ..core import dispatch
from ..core.op import Op
from ..ops.declare import RESULT_ATTRS
from .mode import enable_grad, grad_mode
from .node import Handles, Node, RemovableHandle, named
from .saved import (
    Packed,
    allow_mutation_on_saved_tensors,
    disable_saved_tensors_hooks,
    save_on_cpu,
    saved_tensors_hooks,
)

__all__ = ["GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks",
           "get_gradient_edge", "increment_version", "register_multi_grad_hook", "save_on_cpu",
           "saved_tensors_hooks"]

_sequence = itertools.count()


def mark() -> int:
    """A number between those of the nodes made before and of those made after."""
    return next(_sequence)


class Meta:
    """Autograd state of one tensor.

    Attributes:
        requires_grad: a leaf that accumulates; grad: what it accumulated.
        node, index: the call that made the tensor, and which of its results it is.
        hooks: functions of the gradient, by handle id.
        base, chain: for a view, the tensor viewed and the (op, attrs) calls leading here.
        version: storage version at which ``node`` is right; a view whose base was written to
            later gets its node anew from the base.
        tangent: the forward-mode derivative that travels with the tensor.
    """

    __slots__ = ("requires_grad", "grad", "node", "index", "hooks", "accumulated_hooks", "base",
                 "chain", "version", "accumulator", "retains", "inference", "tangent")

    def __init__(self) -> None:
        self.requires_grad = False
        self.grad: Any = None
        self.node: Any = None
        self.index = 0
        self.hooks: Any = None
        self.accumulated_hooks: Any = None
        self.base: Any = None
        self.chain: tuple[Any, ...] = ()
        self.version = 0
        self.accumulator: Any = None
        self.retains = False
        self.inference = False
        self.tangent: Any = None


def meta_of(x: Any) -> Meta:
    """The tensor's autograd state, made on first need."""
    if x.meta is None:
        x.meta = Meta()
    return x.meta


class Call(Node):
    """A recorded call; also the context its ``vjp`` receives.

    Attributes:
        operands: tensors kept for the derivative, numbers, or None for what isn't kept.
        layouts: of every tensor operand.  needs: which operands want a cotangent.
    """

    __slots__ = ("op", "attrs", "_operands", "_versions", "_outputs", "layouts", "needs", "out_layouts",
                 "released", "_packed")

    def __init__(self, op: Any, operands: tuple[Any, ...], attrs: dict[str, Any],
                 results: Any) -> None:
        super().__init__()
        self.op, self.attrs = op, attrs
        self.edges = edges = [edge(x) for x in operands]
        self.needs = [e is not None for e in edges]
        self.layouts = layouts = [getattr(x, "layout", None) for x in operands]
        self.out_layouts = [r.layout for r in results]
        self.sequence = next(_sequence)
        self.released = False
        if grad_mode.anomaly:
            self.trace = "".join(traceback.format_stack()[:-3])
        reads_in, reads_out = self._reads()
        self._operands = list(operands)
        versions: list[Any] = []
        for i, layout in enumerate(layouts):
            if layout is None:
                continue
            if i not in reads_in:
                self._operands[i] = None
                continue
            x = operands[i]
            if x.meta is not None and x.meta.inference:
                raise RuntimeError("Inference tensors cannot be saved for backward. To work around you "
                                   "can make a clone to get a normal tensor and use it in autograd. "
                                   f"(operand {i} of {op.name})")
            versions.append((x, x.storage.version))
        self._versions = versions
        self._outputs: dict[int, Any] = {k: results[k].alias() for k in reads_out} if reads_out else {}
        self._packed = grad_mode.saved_hooks is not None
        if self._packed:
            self._pack(*grad_mode.saved_hooks)

    def _pack(self, pack: Any, unpack: Any) -> None:
        """Let the hooks in force keep the saved tensors in their own way."""
        for i, x in enumerate(self._operands):
            if x is not None and self.layouts[i] is not None:
                self._operands[i] = Packed(pack(x), unpack)
        for k, x in self._outputs.items():
            self._outputs[k] = Packed(pack(x), unpack)
        self._versions = []

    def _reads(self) -> tuple[Any, Any]:
        """Which operands and results the derivative will read."""
        expression = self.op.expression
        if expression is None:
            return self.op.saves, self.op.saves_out
        field = expression.field_of(self.layouts, self.out_layouts[0].dtype)
        return expression.reads(tuple(self.needs), self.attrs, field)

    def saved_now(self) -> None:
        """Note the versions of saved results, after an in-place call has counted its write."""
        if self._outputs:
            self._versions += [(alias, alias.storage.version) for alias in self._outputs.values()
                               if not isinstance(alias, Packed)]

    @property
    def operands(self) -> list[Any]:
        if not self._packed:
            return self._operands
        return [self._unpacked(i, x) if isinstance(x, Packed) else x for i, x in enumerate(self._operands)]

    def _unpacked(self, i: int, packed: Packed) -> Any:
        x = packed.open()
        if grad_mode.enabled and self.edges[i] is not None:
            x = x.alias()
            meta = meta_of(x)
            (meta.node, meta.index), meta.version = self.edges[i], x.storage.version
            x.tracked = True
        return x

    @property
    def outputs(self) -> Any:
        """The saved results, connected to this node for second derivatives."""
        out = {}
        for k, alias in self._outputs.items():
            if isinstance(alias, Packed):
                alias = alias.open()
            x = alias.alias()
            if alias.meta is not None:
                meta_of(x).tangent = alias.meta.tangent
            if grad_mode.enabled:
                meta = meta_of(x)
                meta.node, meta.index, meta.version = self, k, x.storage.version
                x.tracked = True
            out[k] = x
        return out

    @property
    def recorded(self) -> bool:
        """Whether the calls of the derivative are recorded in their turn (``create_graph``)."""
        return grad_mode.enabled

    def rest(self) -> dict[str, Any]:
        """The attributes that a derived call shares."""
        return {k: v for k, v in self.attrs.items() if k not in RESULT_ATTRS}

    def saved_output(self, k: int) -> Any:
        """The handle kept for result ``k``, or None."""
        return self._outputs.get(k)

    def check(self) -> None:
        """Whether everything saved is as it was.

        Raises:
            RuntimeError: the graph was freed, or a saved tensor was written to since.
        """
        if self.released:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved "
                "tensors after they have already been freed). Specify retain_graph=True if you "
                f"need to backward through the graph a second time ({self.op.name})")
        for x, version in self._versions:
            if x.storage.version != version:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an "
                    f"inplace operation: [{x.layout.dtype} {list(x.layout.shape)}], saved for "
                    f"{self.op.name}, is at version {x.storage.version}; expected version {version} "
                    "instead. Clone it before the in-place write, or enable anomaly detection to "
                    "find the forward call")

    def apply(self, grads: list[Any]) -> list[Any]:
        """Cotangents of the operands from those of the results."""
        self.check()
        got = self.op.vjp(self, *grads)
        return list(got) + [None] * (len(self.edges) - len(got))

    def release(self) -> None:
        """Drop what was saved; a second backward will say so."""
        if self._versions or self._outputs:
            self.released = True
        self._operands, self._versions, self._outputs = [], [], {}


@functools.cache
def _class_of(name: str) -> type[Call]:
    words = (part.capitalize() for part in name.strip("_").split("_"))
    kind: type[Call] = named("".join(words) + "Backward0", Call)
    return kind


class AccumulateGrad(Node):
    """The end of an edge at a leaf: adds to its gradient."""

    __slots__ = ("variable",)
    out_layouts = (None,)

    def __init__(self, variable: Any) -> None:
        super().__init__()
        self.variable = variable
        self.sequence = 1 << 62  # leaves first: their buffers are freed soonest
        self.edges = []

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"


def edge(x: Any) -> Any:
    """(node, index) that a gradient of ``x`` flows to; None if it wants none."""
    meta = getattr(x, "meta", None)
    if meta is None or not x.layout.dtype.is_inexact:
        return None
    if meta.base is not None and meta.version != x.storage.version:
        _refresh_view(x, meta)
    if meta.node is not None:
        return meta.node, meta.index
    if meta.requires_grad:
        found = meta.accumulator() if meta.accumulator is not None else None
        if found is None:
            found = AccumulateGrad(x)
            meta.accumulator = weakref.ref(found)
        return found, 0
    return None


def _refresh_view(x: Any, meta: Meta) -> None:
    """After a write through the base or another view: derive the view from the base again."""
    meta.version = x.storage.version
    if edge(meta.base) is None:
        meta.node = None
        return
    with enable_grad():
        y = meta.base
        for op, attrs in meta.chain:
            y = dispatch.stack.top.run(op, (y,), attrs)
    meta.node, meta.index = y.meta.node, y.meta.index
    x.tracked = True


class GradientEdge(NamedTuple):
    """Where a gradient flows to; takes a tensor's place in ``grad`` and ``backward``."""

    node: Node
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Any) -> GradientEdge:
    """The edge along which the gradient of ``tensor`` flows.

    Raises:
        RuntimeError: it doesn't require one.
    """
    found = edge(tensor)
    if found is None:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require "
                           "gradients")
    return GradientEdge(*found)


def increment_version(tensor: Any) -> None:
    """Count a write to the storage of a tensor, or of each of several, so that backward knows of it."""
    mutated(tensor if isinstance(tensor, Iterable) and getattr(tensor, "layout", None) is None else (tensor,))


def register_multi_grad_hook(tensors: Sequence[Any], fn: Callable[[Any], None], *,
                             mode: Literal["all", "any"] = "all") -> RemovableHandle:
    """Call ``fn`` once a backward knows the gradients of all ``tensors``, or of any one of them.

    It receives the gradients, None for tensors that this backward doesn't reach; in mode "any" the
    first gradient known. What it returns is ignored.

    Raises:
        ValueError: another mode.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    known: weakref.WeakKeyDictionary[Any, list[Any]] = weakref.WeakKeyDictionary()

    def note(i: int, gradient: Any) -> None:
        run = grad_mode.backward
        gradients = known.setdefault(run, [None] * len(tensors))
        first = all(g is None for g in gradients)
        gradients[i] = gradient
        if mode == "any":
            if first:
                fn(gradient)
        elif all(g is not None or edge(x)[0] not in run.nodes for g, x in zip(gradients, tensors)):
            fn(gradients)

    return Handles([x.register_hook(functools.partial(note, i)) for i, x in enumerate(tensors)])


def record(op: Op, operands: tuple[Any, ...], attrs: dict[str, Any], results: Any,
           out: Any) -> None:
    """Connect the results of a call that ran to its operands."""
    if op.vjp is None:
        if out is not None:
            mutated(results)
        return
    node = _class_of(op.name)(op, operands, attrs, results)
    if out is not None:
        mutated(results)
    node.saved_now()
    # Writing constants over a tensor of the graph also counts: its gradient ends there.
    if not any(node.needs) and (out is None or all(edge(r) is None for r in results)):
        return
    for k, r in enumerate(results):
        if not r.layout.dtype.is_inexact:
            continue
        if out is None:
            meta = meta_of(r)
            meta.node, meta.index = node, k
            r.tracked = True
        else:
            _rebase(r, node, k, operands)


def mutated(results: Any) -> None:
    """Count a write to each result's storage."""
    for r in results:
        r.storage.version += 1


def record_view(op: Op, base: Any, attrs: dict[str, Any], result: Any) -> None:
    """Note that ``result`` is a view, and record it as a call if its base takes part."""
    meta = meta_of(result)
    above = base.meta
    if above is not None and above.base is not None:
        meta.base, meta.chain = above.base, (*above.chain, (op, attrs))
    else:
        meta.base, meta.chain = base, ((op, attrs),)
    meta.version = result.storage.version
    if grad_mode.enabled and edge(base) is not None:
        meta.node, meta.index = _class_of(op.name)(op, (base,), attrs, (result,)), 0
        result.tracked = True


def check_writable(x: Any) -> None:
    """Whether a recorded in-place write to ``x`` is allowed.

    Raises:
        RuntimeError: it is a leaf that wants a gradient, a view of one, or an inference tensor.
    """
    meta = x.meta
    if meta is None or not grad_mode.enabled:
        return
    if meta.inference:
        raise RuntimeError("Inplace update to inference tensor outside InferenceMode is not allowed. You can "
                           "make a clone to get a normal tensor before doing inplace update.")
    if meta.requires_grad and meta.node is None:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    root = meta.base
    if root is not None and root.meta is not None and root.meta.requires_grad and root.meta.node is None:
        raise RuntimeError("a view of a leaf Variable that requires grad is being used in an "
                           "in-place operation.")


class CopySlices(Node):
    """An in-place write through a view, seen from the base."""

    __slots__ = ("inner", "chain", "own", "layouts", "out_layouts")

    def __init__(self, inner: Call, base_edge: Any, chain: tuple[Any, ...], own: list[int]) -> None:
        super().__init__()
        self.inner, self.chain, self.own = inner, chain, own
        self.layouts = [None, *inner.layouts]
        self.out_layouts = [None]
        self.edges = [base_edge] + [None if i in own else e for i, e in enumerate(inner.edges)]
        self.sequence = next(_sequence)
        self.trace = inner.trace

    def apply(self, grads: list[Any]) -> list[Any]:
        whole = grads[0].clone()
        part = whole
        for op, attrs in self.chain:
            part = dispatch.stack.top.run(op, (part,), attrs)
        got = self.inner.apply([part.clone()])
        kept = None
        for i in self.own:
            if got[i] is not None:
                kept = got[i] if kept is None else kept + got[i]
        if kept is None:
            part.zero_()
        else:
            part.copy_(kept)
        return [whole] + [None if i in self.own else g for i, g in enumerate(got)]

    def release(self) -> None:
        self.inner.release()


def _rebase(r: Any, node: Call, index: int, operands: tuple[Any, ...]) -> None:
    """Make ``r``, just written to in place, the result of ``node``."""
    meta = meta_of(r)
    r.storage.rebased = True
    if meta.base is None:
        meta.node, meta.index, meta.version = node, index, r.storage.version
        meta.requires_grad = False
        r.tracked = True
        return
    base = meta.base
    own = [i for i, x in enumerate(operands) if x is r]
    base_meta = meta_of(base)
    # The base's edge before this write; its own node is current, since writes rebase it.
    rebased = CopySlices(node, edge(base), meta.chain, own)
    base_meta.node, base_meta.index = rebased, 0
    base_meta.requires_grad = False
    base.tracked = r.tracked = True
