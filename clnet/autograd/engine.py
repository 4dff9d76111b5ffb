"""Reverse mode: walk the recorded graph from outputs to leaves, latest call first."""
from __future__ import annotations

import heapq
import itertools
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from ..core import dispatch
from ..core.events import HUB
from ..ops.arithmetic import add
from ..ops.comparison import copy
from ..ops.creation import fill
from ..ops.join import stack
from ..ops.reduction import sum_to_size
from ..ops.view import select
from .graph import AccumulateGrad, GradientEdge, edge, meta_of
from .mode import enable_grad, grad_mode, no_grad, running


def _as_tuple(x: Any) -> tuple[Any, ...]:
    # A tensor is iterable as well: what has a layout is one.
    alone = isinstance(x, GradientEdge) or not isinstance(x, Iterable) or getattr(x, "layout", None) is not None
    return (x,) if alone else tuple(x)


def _edge(x: Any) -> Any:
    return (x.node, x.output_nr) if isinstance(x, GradientEdge) else edge(x)


def _seed(output: Any, gradient: Any, lasting: bool) -> Any:
    """The cotangent a root starts with; ``lasting``: one that other passes share will do.

    Raises:
        RuntimeError: none given for an output that is not a single number, or shapes differ.
    """
    if isinstance(output, GradientEdge):
        if gradient is None:
            raise RuntimeError("a GradientEdge to start from needs a gradient of its own in grad_tensors")
        return gradient
    if gradient is None:
        if output.layout.numel != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if output.layout.dtype.is_complex:
            raise RuntimeError("grad can be implicitly created only for real scalar outputs but got "
                               f"{output.layout.dtype}")
        if lasting and not output.layout.shape:
            return _one(output.device, output.layout.dtype)
        return fill(1, shape=output.layout.shape, dtype=output.layout.dtype, device=output.device)
    if tuple(gradient.shape) != tuple(output.shape):
        raise RuntimeError(f"Mismatch in shape: grad_output has a shape of {list(gradient.shape)} "
                           f"and output has a shape of {list(output.shape)}.")
    return gradient


def _one(device: Any, dtype: Any) -> Any:
    """A 1 that passes share as long as nobody writes to it: making one costs a launch."""
    one = device.plans.get((fill, dtype))
    if one is None or one.storage.version:
        one = device.plans[fill, dtype] = fill(1, shape=(), dtype=dtype, device=device)
    return one


def _own(g: Any) -> Any:
    """A cotangent that the user may keep: not the one that passes share."""
    one = g.device.plans.get((fill, g.dtype))
    return g.clone() if one is not None and one.storage is g.storage else g


def _roots(outputs: Sequence[Any], gradients: Sequence[Any], lasting: bool = False) -> list[Any]:
    roots = []
    for y, g in zip(outputs, gradients):
        e = _edge(y)
        if e is None:
            raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
        roots.append((*e, _seed(y, g, lasting)))
    return roots


def backward(tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None,
             create_graph: bool = False, grad_variables: Any = None, inputs: Any = None) -> None:
    """Accumulate into the leaves' ``grad`` the gradients of ``tensors``.

    Args:
        tensors: one tensor or several.
        grad_tensors: their cotangents; optional for single numbers.
        retain_graph: keep what was saved, so that backward can run again.
        create_graph: record the computation of the gradients.
        grad_variables: the old name of ``grad_tensors``.
        inputs: only these leaves (or intermediate tensors) accumulate.
    """
    outputs = _as_tuple(tensors)
    if grad_variables is not None:
        warnings.warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2)
        if grad_tensors is not None:
            raise RuntimeError("`grad_tensors` and `grad_variables` (deprecated) arguments both passed to "
                               "`backward()`. Please only use `grad_tensors`.")
        grad_tensors = grad_variables
    given = _as_tuple(grad_tensors) if grad_tensors is not None else (None,) * len(outputs)
    keep = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        _run(_roots(outputs, given, True), keep, create_graph)
        return
    wanted = _as_tuple(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `backward` cannot be empty.")
    got = grad(outputs, wanted, given, keep, create_graph, allow_unused=True)
    for x, g in zip(wanted, got):
        if g is not None:
            _accumulate(x, g, create_graph, set())


def grad(outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None,
         create_graph: bool = False, only_inputs: bool = True, allow_unused: bool | None = None,
         is_grads_batched: bool = False, materialize_grads: bool = False) -> tuple[Any, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``, accumulated nowhere.

    ``only_inputs`` has no other meaning any more; False warns.

    Raises:
        RuntimeError: an input does not require grad, or (without ``allow_unused``) is not used.
    """
    if not only_inputs:
        warnings.warn("only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate "
                      "gradient for other parts of the graph, please use torch.autograd.backward.", FutureWarning,
                      stacklevel=2)
    if is_grads_batched:
        return _grads_of_batch(_as_tuple(outputs), _as_tuple(inputs), _as_tuple(grad_outputs), create_graph,
                               allow_unused, materialize_grads)
    outs, ins = _as_tuple(outputs), _as_tuple(inputs)
    given = _as_tuple(grad_outputs) if grad_outputs is not None else (None,) * len(outs)
    keep = create_graph if retain_graph is None else retain_graph
    targets = []
    for x in ins:
        e = _edge(x)
        if e is None:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        targets.append(e)
    found: dict[Any, Any] = dict.fromkeys(targets)
    _run(_roots(outs, given), keep, create_graph, found)
    result = []
    for x, e in zip(ins, targets):
        g = found[e]
        if g is None and materialize_grads:
            g = x.detach().zeros_like()
        if g is None and not allow_unused:
            raise RuntimeError("One of the differentiated Tensors appears to not have been used in "
                               "the graph. Set allow_unused=True if this is the desired behavior.")
        result.append(g)
    return tuple(result)


def _grads_of_batch(outputs: tuple[Any, ...], inputs: Any, grad_outputs: tuple[Any, ...], *options: Any
                    ) -> tuple[Any, ...]:
    """The gradients for each entry of cotangents stacked along a new first dimension."""
    create_graph, allow_unused, materialize_grads = options
    rows = []
    for i in range(grad_outputs[0].shape[0]):
        seeds = tuple(None if g is None else select(g, 0, i) for g in grad_outputs)
        rows.append(grad(outputs, inputs, seeds, True, create_graph, allow_unused=allow_unused,
                         materialize_grads=materialize_grads))
    return tuple(None if column[0] is None else stack(list(column)) for column in zip(*rows))


def _reachable(roots: list[Any], targets: dict[Any, Any] | None
               ) -> tuple[dict[Any, int], set[Any] | None, set[Any]]:
    """Uses of every node reachable from the roots, the nodes that lead to a target, those that get cotangents."""
    uses: dict[Any, int] = {}
    order: list[Any] = []
    seen = {node for node, _, _ in roots}
    stack = list(seen)
    while stack:
        node = stack.pop()
        order.append(node)
        for e in node.edges:
            if e is not None:
                uses[e[0]] = uses.get(e[0], 0) + 1
                if e[0] not in seen:
                    seen.add(e[0])
                    stack.append(e[0])
    if targets is None:
        return uses, None, seen
    needed = {node for node, _ in targets}
    left = dict(uses)
    stack = [node for node in order if not left.get(node)]
    order.clear()
    while stack:  # a node after all that use it
        node = stack.pop()
        order.append(node)
        for e in node.edges:
            if e is not None:
                left[e[0]] -= 1
                if not left[e[0]]:
                    stack.append(e[0])
    for node in reversed(order):
        if any(e is not None and e[0] in needed for e in node.edges):
            needed.add(node)
    return uses, needed, needed & seen


def _run(roots: list[Any], keep: bool, create_graph: bool,
         captured: dict[Any, Any] | None = None) -> None:
    uses, needed, reached = _reachable(roots, captured)
    # Storages that somebody else may hold: a leaf's gradient must not share them.
    held = {g.storage for _, _, g in roots}
    buffers: dict[Any, dict[int, Any]] = {}
    ready: list[tuple[int, int, Any]] = []
    for node, index, g in roots:
        _add(buffers, node, index, g)
    for node in dict.fromkeys(node for node, _, _ in roots):
        if not uses.get(node):
            heapq.heappush(ready, (-node.sequence, id(node), node))
    with enable_grad() if create_graph else no_grad(), running(reached):
        while ready:
            node = heapq.heappop(ready)[2]
            received = buffers.pop(node, None)
            grads: Any = ()
            if received is not None and (needed is None or node in needed):
                if node.hooks or node.retained or captured is not None:
                    _observe(node, received, captured)
                    held.update(g.storage for g in received.values())
                # What was asked for at this node needs nothing from below it.
                if needed is None or any(e is not None and e[0] in needed for e in node.edges):
                    if node.around is not None:
                        _before(node, received, held)
                    if type(node) is AccumulateGrad:
                        _accumulate(node.variable, received[0], create_graph, held)
                    else:
                        grads = _observed(node, received) if HUB.calls else _derive(node, received)
                        if not keep:
                            node.release()
                    if node.around is not None:
                        grads = _after(node, received, grads)
            for e, g in zip(node.edges, grads or itertools.repeat(None)):
                if e is None:
                    continue
                target, index = e
                if g is not None:
                    _add(buffers, target, index, g)
                uses[target] -= 1
                if not uses[target]:
                    heapq.heappush(ready, (-target.sequence, id(target), target))


def _add(buffers: dict[Any, dict[int, Any]], node: Any, index: int, g: Any) -> None:
    slots = buffers.get(node)
    if slots is None:
        buffers[node] = {index: g}
    else:
        slots[index] = slots[index] + g if index in slots else g


def _observe(node: Any, received: dict[int, Any], captured: dict[Any, Any] | None) -> None:
    """Hooks may replace cotangents; retained and captured ones are handed out."""
    received.update((index, _own(g)) for index, g in received.items())
    for index, hooks in (node.hooks or {}).items():
        for hook in list(hooks.values()) if index in received else ():
            changed = hook(received[index])
            if changed is not None:
                received[index] = changed
    for index, x in (node.retained or {}).items():
        if index in received and x() is not None:
            meta_of(x()).grad = received[index]
    if captured:
        for target, index in captured:
            if target is node and index in received:
                captured[target, index] = received[index]


def _received(node: Any, received: dict[int, Any]) -> list[Any]:
    """The cotangents of all of a node's results, None for those that have none."""
    return [received.get(k) for k in range(len(node.out_layouts))]


def _before(node: Any, received: dict[int, Any], held: set[Any]) -> None:
    """Let the node's hooks replace the cotangents that it is about to take."""
    for hook in list(node.around[0].values()):
        changed = hook(tuple(_received(node, received)))
        if changed is not None:
            received.update((i, g) for i, g in enumerate(changed) if g is not None)
    held.update(g.storage for g in received.values())


def _after(node: Any, received: dict[int, Any], grads: Any) -> Any:
    """The operands' cotangents as the node's hooks leave them."""
    for hook in list(node.around[1].values()):
        changed = hook(tuple(grads), tuple(_received(node, received)))
        grads = grads if changed is None else changed
    return grads


def _derive(node: Any, received: dict[int, Any]) -> list[Any]:
    """The node's cotangents, fitted to its operands."""
    try:
        grads = node.apply(_received(node, received))
    except Exception:
        if node.trace is not None:
            warnings.warn(f"Error detected in {node.name()}. Traceback of forward call that caused the "
                          f"error:\n{node.trace}", stacklevel=2)
        raise
    if node.trace is not None and grad_mode.check_nan:
        _check_nan(node, grads)
    return [_fit(g, layout) for g, layout in zip(grads, node.layouts)]


def _observed(node: Any, received: dict[int, Any]) -> list[Any]:
    """``_derive`` beneath the eyes of profilers."""
    observers = HUB.calls
    for observer in observers:
        observer.node_begins(node.name(), node.sequence)
    try:
        return _derive(node, received)
    finally:
        for observer in observers:
            observer.node_ends()


def _fit(g: Any, layout: Any) -> Any:
    """A cotangent of a broadcast operand summed back to the operand's shape."""
    if g is None or layout is None:
        return g
    if g.layout.shape != layout.shape:
        g = sum_to_size(g, layout.shape)
    # Of a complex cotangent a real operand takes the real part.
    return g if g.layout.dtype is layout.dtype else copy(g, dtype=layout.dtype)


def _check_nan(node: Any, grads: list[Any]) -> None:
    for i, g in enumerate(grads):
        if g is not None and g.layout.dtype.is_floating_point and bool(g.detach().isnan().any()):
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output. "
                               f"Traceback of forward call that caused the error:\n{node.trace}")


def _accumulate(x: Any, g: Any, create_graph: bool, held: set[Any]) -> None:
    """Add to a leaf's gradient; the first one becomes it, copied if others may hold its memory."""
    meta = meta_of(x)
    if create_graph:
        meta.grad = g if meta.grad is None else meta.grad + g
    elif meta.grad is None:
        storage = g.storage
        shared = (storage in held or storage.borrowed or not g.layout.contiguous
                  or storage.nbytes != g.nbytes)
        meta.grad = g.clone() if shared else g.detach()
        held.add(meta.grad.storage)
    elif meta.grad.layout.contiguous:
        dispatch.stack.top.run(add, (meta.grad, g), {}, (meta.grad,))
    else:  # the user may have assigned an expanded tensor, which has no element to add to
        meta.grad = meta.grad + g
    if meta.accumulated_hooks:
        for hook in list(meta.accumulated_hooks.values()):
            hook(x)
