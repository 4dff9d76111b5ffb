"""Operators on the host, computed by NumPy statements, give what the references and kernels give."""

from __future__ import annotations

import numpy as np
import pytest

import clnet
import clnet.nn.functional as F
from clnet.device import Device
from clnet.host import statements
from clnet.ops import update_rules  # noqa: F401  (declares the optimizers' records)
from clnet.ops.declare import planners
from clnet.tensor import interchange
from tests.registry import test_derivatives, test_forward
from tests.registry.cases import OPS, forward_cases, leaves, op_name, thorough

HOST = Device("host")
NAN = float("nan")


# The records --------------------------------------------------------------------------------------

@pytest.mark.parametrize("op", planners, ids=lambda op: f"{op.family}-{op.name}")
def test_every_planner_has_a_statement(op):
    assert op.host is not None, f"state {op.name} in clnet/host"


def test_every_statement_belongs_to_a_planner():
    assert set(statements) <= {op.name for op in planners}


# Public operators ---------------------------------------------------------------------------------

@pytest.mark.parametrize("op", [op for op in OPS if op.reference is not None], ids=op_name)
def test_forward_on_the_host(op, full):
    outcomes = [(case, test_forward.check(case, HOST)) for case in forward_cases(op, full)]
    problems = [f"{case}: {outcome}" for case, outcome in outcomes if outcome]
    assert not problems, "\n".join(problems)
    assert any(outcome == "" for _, outcome in outcomes), "no case ran"


@pytest.mark.parametrize("op", test_derivatives.DIFFERENTIABLE, ids=op_name)
def test_derivatives_on_the_host(op, full):
    """By finite differences, as the device's are: without kernels that costs little."""
    for sample in map(test_derivatives.floating(op), thorough(op, full)):
        if op_name(op) in test_derivatives.STRAIGHT_THROUGH and any(a is True for a in sample.args):
            continue
        if any(a.dtype.kind in "fc" and a.size for a in sample.arrays()):
            assert not test_derivatives.check(op, sample, HOST)
            if not full:
                return


# What the registry's samples don't reach: both devices ----------------------------------------------

def wave(*shape: int, at: float = 0.0) -> np.ndarray:
    return np.sin(np.arange(np.prod(shape)) * 1.7 + at).reshape(shape)


def both(call):
    """Compare what a call (device -> tensors) gives on the host and on the current device."""
    found = []
    for device in (HOST, clnet.current_device()):
        clnet.manual_seed(7)
        with device:
            found.append([interchange.values(x) for x in leaves(call(device)) if x is not None])
    assert len(found[0]) == len(found[1]) > 0
    for ours, theirs in zip(*found):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, 1e-6, 1e-6)


def gradients(call, *arrays: np.ndarray, twice: bool = False):
    """(device) -> the results of a call on float64 tensors, and the gradients of their weighted sum."""
    def run(device: Device):
        leaves_ = [clnet.tensor(a, dtype=clnet.float64, device=device).requires_grad_(True) for a in arrays]
        made = [y for y in leaves(call(*leaves_)) if y.dtype.is_floating_point]
        total = sum((y * clnet.tensor(wave(*y.shape, at=1), dtype=y.dtype)).sum() for y in made)
        first = clnet.autograd.grad(total, leaves_, create_graph=twice)
        if not twice:
            return made, first
        again = clnet.autograd.grad(sum((g * g).sum() for g in first), leaves_)
        return made, first, again
    return run


def test_layer_norm_in_one_walk():
    both(gradients(lambda x, w, b: F.layer_norm(x, (16,), w, b), wave(5, 3, 16), wave(16), wave(16, at=2)))


@pytest.mark.parametrize("twice", (False, True))
def test_attention_drops_the_same_weights(twice):
    both(gradients(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, dropout_p=0.4),
                   wave(2, 3, 4), wave(2, 70, 4), wave(2, 70, 2), twice=twice))


def test_attention_without_keys():
    mask = np.array([[0.0, -np.inf, 0.3], [-np.inf] * 3])
    both(gradients(lambda q, k, v: F.scaled_dot_product_attention(
        q, k, v, clnet.tensor(mask, dtype=clnet.float64)), wave(2, 4), wave(3, 4), wave(3, 4)))


@pytest.mark.parametrize("cell", ("LSTM", "GRU", "RNN"))
def test_recurrent_layers_over_lengths(cell):
    def call(x, *weights):
        layer = getattr(clnet.nn, cell)(3, 5, bidirectional=True, dtype=clnet.float64)
        packed = clnet.nn.utils.rnn.pack_padded_sequence(x, [4, 1, 3], enforce_sorted=False)
        y, last = clnet.func.functional_call(layer, dict(zip(dict(layer.named_parameters()), weights)), (packed,))
        return y.data, last
    shapes = [tuple(p.shape) for p in getattr(clnet.nn, cell)(3, 5, bidirectional=True).parameters()]
    both(gradients(call, wave(4, 3, 3), *(wave(*s, at=k) / 2 for k, s in enumerate(shapes))))


@pytest.mark.parametrize("zero_infinity", (False, True))
def test_ctc_loss(zero_infinity):
    labels = np.array([[1, 1, 2], [3, 1, 0], [2, 2, 2]])
    both(gradients(lambda x: F.ctc_loss(F.log_softmax(x, 2), clnet.tensor(labels), (6, 5, 6 - zero_infinity * 3),
                                        (3, 2, 3), reduction="none", zero_infinity=zero_infinity), wave(6, 3, 4)))


def test_cross_entropy_of_ignored_weighted_smoothed_classes():
    target, weight = np.array([[0, -7, 3], [4, 1, -7]]), np.array([0.5, 1.0, 2.0, 0.0, 3.0])
    both(gradients(lambda x: F.cross_entropy(x, clnet.tensor(target), clnet.tensor(weight), ignore_index=-7,
                                             label_smoothing=0.2), wave(2, 5, 3)))


def test_pools_of_ties_and_nan():
    x = np.array([[1.0, 1.0, NAN, 2.0, 2.0, NAN, -np.inf], [-np.inf] * 7])
    both(lambda _: F.max_pool1d(clnet.tensor(x), 3, 2, padding=1, ceil_mode=True, return_indices=True))
    both(lambda _: F.avg_pool1d(clnet.tensor(np.arange(-6, 8).reshape(2, 7)), 3, 2, padding=1, ceil_mode=True))


def test_selection_of_ties_and_nan():
    x = np.array([[2.0, 1.0, NAN, 2.0, -1.0, NAN, 1.0], [3.0, 0.0, 3.0, -0.0, 1.0, 1.0, 0.0]])
    both(lambda _: [clnet.topk(clnet.tensor(x), k, largest=largest) for k in (3, 7) for largest in (True, False)])
    both(lambda _: (clnet.median(clnet.tensor(x), 1), clnet.nanmedian(clnet.tensor(x), 1),
                    clnet.kthvalue(clnet.tensor(x), 3), clnet.median(clnet.tensor(x))))


def test_search_with_nan():
    line = clnet.tensor([-1.0, 0.0, 0.0, 2.0, NAN], device="cpu").numpy()
    values = np.array([0.0, NAN, 3.0, -5.0])
    both(lambda _: [clnet.searchsorted(clnet.tensor(line), clnet.tensor(values), right=right)
                    for right in (False, True)])


@pytest.mark.parametrize("dtype", (clnet.float32, clnet.float16))
@pytest.mark.parametrize("name", ("SGD", "Adam"))
def test_optimizers_step(name, dtype):
    def call(device: Device):
        parameters = [clnet.tensor(wave(*s), dtype=dtype).requires_grad_(True) for s in ((3, 4), (5,), ())]
        optimizer = getattr(clnet.optim, name)(parameters, lr=0.1, weight_decay=0.01)
        for step in range(3):
            for p in parameters:
                p.grad = clnet.tensor(wave(*p.shape, at=step), dtype=dtype)
            optimizer.step()
        return [p.detach() for p in parameters]
    both(call)


@pytest.mark.parametrize("divide", (clnet.remainder, clnet.floor_divide))
def test_division_by_zero(divide):
    with HOST, pytest.raises(RuntimeError, match="ZeroDivisionError"):
        divide(clnet.tensor([1, 2]), clnet.tensor([1, 0]))


@pytest.mark.parametrize("call", (
    lambda x, i: F.nll_loss(x, i), lambda x, i: F.cross_entropy(x, i), lambda x, i: x[i],
    lambda x, i: clnet.index_select(x, 0, i), lambda x, i: F.embedding(i, x)))
def test_indices_out_of_range(call):
    with HOST, pytest.raises(IndexError):
        call(clnet.tensor(wave(2, 3)), clnet.tensor([0, 3]))
