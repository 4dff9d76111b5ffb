"""Nodes as users see them: names, edges, notes, hooks; edges in the place of tensors."""

from __future__ import annotations

import pytest

import clnet
from clnet.autograd import graph


def _chain():
    x = clnet.ones(3, requires_grad=True)
    y = x * 3
    return x, y, y * y


def test_names_and_edges():
    x, y, z = _chain()
    node = z.sum().grad_fn
    assert node.name() == type(node).__name__ == "SumBackward0" and isinstance(node, graph.Node)
    assert repr(node).startswith("<SumBackward0 object at 0x")
    assert [n.name() for n, _ in y.grad_fn.next_functions if n is not None] == ["torch::autograd::AccumulateGrad"]
    assert y.grad_fn.next_functions[0][0].variable is x
    node.metadata["note"] = 1
    assert node.metadata == {"note": 1}


def test_hooks_see_and_replace_cotangents():
    x, y, z = _chain()
    seen = []
    y.grad_fn.register_prehook(lambda outputs: (outputs[0] * 10,))
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append((inputs[0].tolist(), outputs[0].tolist())))
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] + 1, *inputs[1:]))
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 0, *inputs[1:])).remove()
    z.sum().backward()
    assert seen == [([180.0] * 3, [60.0] * 3)]
    assert x.grad.tolist() == [181.0] * 3


def test_hooks_of_leaves():
    x, y, z = _chain()
    leaf, seen = y.grad_fn.next_functions[0][0], []
    leaf.register_prehook(lambda outputs: (outputs[0] * 2,))
    leaf.register_hook(lambda inputs, outputs: seen.append((inputs, outputs[0].tolist(), x.grad.tolist())))
    assert clnet.autograd.grad(z.sum(), x, retain_graph=True)[0].tolist() == [18.0] * 3 and not seen
    z.sum().backward()
    assert seen == [((), [36.0] * 3, [36.0] * 3)]


def test_edges_stand_for_tensors():
    x, y, z = _chain()
    edge = graph.get_gradient_edge(y)
    assert edge.node is y.grad_fn and edge.output_nr == 0
    assert clnet.autograd.grad(z.sum(), edge, retain_graph=True)[0].tolist() == [6.0] * 3
    clnet.autograd.backward(edge, clnet.ones(3))
    assert x.grad.tolist() == [3.0] * 3
    with pytest.raises(RuntimeError, match="gradient edge"):
        graph.get_gradient_edge(clnet.ones(1))


def test_nothing_runs_below_what_was_asked_for():
    ran = []
    x, y, z = _chain()
    y.grad_fn.register_hook(lambda inputs, outputs: ran.append(1))
    clnet.autograd.grad(z.sum(), y)
    assert not ran


@pytest.mark.parametrize("mode", ["all", "any"])
def test_hook_of_several_tensors(mode):
    x, y, z = _chain()
    other, seen = clnet.ones(1, requires_grad=True), []
    handle = graph.register_multi_grad_hook([x, other, y], seen.append, mode=mode)
    for _ in range(2):
        z.sum().backward(retain_graph=True)
    got = [[None if g is None else g.tolist() for g in one] if mode == "all" else one.tolist() for one in seen]
    assert got == [[[18.0] * 3, None, [6.0] * 3] if mode == "all" else [6.0] * 3] * 2
    handle.remove()
    z.sum().backward()
    assert len(seen) == 2


@pytest.mark.parametrize("keep", [graph.save_on_cpu(pin_memory=True), graph.allow_mutation_on_saved_tensors()])
def test_saved_tensors_kept_elsewhere(keep):
    with keep:
        x, y, z = _chain()
    if isinstance(keep, graph.allow_mutation_on_saved_tensors):
        y.detach().zero_()
    (gradient,) = clnet.autograd.grad(z.sum(), x, create_graph=True)
    assert gradient.tolist() == [18.0] * 3
    assert clnet.autograd.grad(gradient.sum(), x)[0].tolist() == [18.0] * 3


def test_hooks_refused():
    with graph.disable_saved_tensors_hooks("none here"):
        with pytest.raises(RuntimeError, match="none here"), graph.save_on_cpu():
            pass
    with graph.save_on_cpu(), pytest.raises(RuntimeError, match="none now"):
        graph.disable_saved_tensors_hooks("none now").__enter__()


def test_writes_can_be_counted_by_hand():
    x = clnet.ones(2, requires_grad=True)
    y = x.exp()
    graph.increment_version([y])
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        y.sum().backward()


def test_context_of_functions():
    class Twice(clnet.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.factor = 2
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * ctx.factor

    y = Twice.apply(clnet.ones(1, requires_grad=True))
    assert (y.grad_fn.name(), y.grad_fn.factor) == ("TwiceBackward", 2)
