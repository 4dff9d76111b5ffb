"""First and second derivatives equal finite differences along random directions, in float64."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import clnet
from clnet.core import dtypes as dt
from clnet.core.op import Op
from clnet.device import Device
from clnet.tensor import interchange
from tests.registry.cases import OPS, Sample, op_name, thorough

STEP = 1e-6
TOLERANCE = 2e-5
# Their derivatives raise, as PyTorch's do.
UNDEFINED = {"geqrf", "linalg.ldl_factor", "linalg.ldl_factor_ex", "linalg.ldl_solve"}
# The gradient is that of log-probabilities which stay normalised, so these are what varies.
NORMALISED = {"nn.functional.ctc_loss"}
# They have no second derivative, as PyTorch's don't.
ONCE = {"nn.functional.ctc_loss"}
# Vectors have a derivative only up to their phases: of these outputs the absolute squares vary.
PHASELESS = {"linalg.eig"}
# Their samples are integers, because references hold for one layout alone; here they are floats.
WHOLE = {"as_strided", "as_strided_copy", "as_strided_scatter"}
# Of integers and bools only.
DISCRETE = {"bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "bitwise_left_shift", "bitwise_right_shift",
            "gcd", "lcm", "_int_mm", "nn.functional.one_hot", "unravel_index"}
# Counts: their samples are float32, so that they are not differentiated.
COUNTED = {"bincount", "histogram", "histogramdd"}
# PyTorch has no derivative of them either: steps, drawn counts, and polynomials of a varying degree.
CONSTANT_RESULTS = {"binomial", "detach_copy", "nextafter", "poisson", "special.airy_ai", *(
    f"special.{name}" for name in (
    "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
    *(f"{shifted}chebyshev_polynomial_{kind}" for kind in "tuvw" for shifted in ("", "shifted_"))))}
# With ``hard`` given, the gradient is that of the soft result on purpose.
STRAIGHT_THROUGH = {"nn.functional.gumbel_softmax"}
DIFFERENTIABLE = [op for op in OPS if op_name(op) not in UNDEFINED | DISCRETE | COUNTED | CONSTANT_RESULTS]


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=op_name)
def test_derivatives(op, device, full):
    problems = []
    for sample in map(floating(op), thorough(op, full)):
        if op_name(op) in STRAIGHT_THROUGH and any(a is True for a in sample.args):
            continue
        if any(a.dtype.kind in "fc" and a.size for a in sample.arrays()):
            problems += [f"{sample_text(sample)}: {p}" for p in check(op, sample, device)]
    assert not problems, "\n".join(problems)


def test_no_operator_is_left_out():
    """Every one has a sample of float64 or complex128 numbers, or is listed above with the reason."""
    assert UNDEFINED | DISCRETE | COUNTED | CONSTANT_RESULTS <= {op_name(op) for op in OPS}
    without = {op_name(op) for op in DIFFERENTIABLE if not any(
        a.dtype in (np.float64, np.complex128) and a.size
        for sample in map(floating(op), thorough(op, False)) for a in sample.arrays())}
    assert not without


@pytest.mark.parametrize("op", [op for op in OPS if op_name(op) in UNDEFINED], ids=op_name)
def test_derivatives_that_do_not_exist_raise(op, device):
    sample = next(s for s in thorough(op, False) if s.arrays()[0].dtype == np.float64)
    f = Function(op, sample, device)
    values = [a for a in sample.arrays() if a.dtype == np.float64]
    _, outputs = f.outputs(values, False)
    with pytest.raises(RuntimeError, match="not implemented"):
        f.gradients(values, [np.ones(tuple(y.shape)) for y in outputs], False)


def floating(op: Op) -> Callable[[Sample], Sample]:
    """What makes a sample's numbers floats where they are not indices."""
    if op_name(op) not in WHOLE:
        return lambda sample: sample
    return lambda sample: sample.map(lambda a: a.astype(np.float64))


def sample_text(sample: Sample) -> str:
    return ", ".join(f"{a.dtype}{list(a.shape)}" for a in sample.arrays()) + f" {sample.kwargs}"


# Arguments that scale the result but take no gradient, as in PyTorch.
CONSTANT = {"nn.functional.cross_entropy": {"weight"}, "nn.functional.nll_loss": {"weight"}}

# They read one triangle; the derivative is that among Hermitian matrices.
HERMITIAN = {"linalg.cholesky", "linalg.cholesky_ex", "cholesky", "linalg.eigh", "linalg.eigvalsh"}

# The argument of which they read one triangle; the derivative is right in it.
TRIANGULAR = {"cholesky_solve": 1, "cholesky_inverse": 0}


def without_constants(op: Op, sample: Sample) -> Sample:
    """The sample with arrays that take no gradient in float32, which marks them as such."""
    constant = CONSTANT.get(op_name(op), set())
    kwargs = {k: v.astype(np.float32) if k in constant and isinstance(v, np.ndarray) else v
              for k, v in sample.kwargs.items()}
    return Sample(sample.args, kwargs)


def reals(array: np.ndarray) -> np.ndarray:
    """An array with complex numbers as pairs of reals along a new last dimension."""
    return np.stack([array.real, array.imag], -1) if array.dtype == np.complex128 else array


@dataclass
class Function:
    """A call as a function of its floating operands and of its outputs' cotangents.

    Complex numbers, in and out, count as pairs of reals.
    """

    op: Op
    sample: Sample
    device: Device

    def outputs(self, values: Sequence[np.ndarray], requires_grad: bool) -> tuple[list[Any], list[Any]]:
        """(operand tensors, floating outputs)."""
        tensors: list[Any] = []
        order = iter(values)

        def convert(array: np.ndarray) -> clnet.Tensor:
            if array.dtype not in (np.float64, np.complex128):
                return interchange.upload(array, dt.from_numpy(array.dtype), self.device)
            tensors.append(clnet.tensor(next(order), dtype=dt.float64, device=self.device))
            tensors[-1].requires_grad_(requires_grad)
            return clnet.view_as_complex(tensors[-1]) if array.dtype == np.complex128 else tensors[-1]

        call = self.sample.map(convert)
        if op_name(self.op) in HERMITIAN or self.sample.kwargs.get("hermitian"):
            matrix = call.args[0]
            call = Sample(((matrix + matrix.transpose(-2, -1)) / 2, *call.args[1:]), call.kwargs)
        if op_name(self.op) in TRIANGULAR:
            at, half = TRIANGULAR[op_name(self.op)], "triu" if self.sample.kwargs.get("upper") else "tril"
            call = Sample((*call.args[:at], getattr(call.args[at], half)(), *call.args[at + 1:]), call.kwargs)
        if op_name(self.op) in NORMALISED:
            call = Sample((call.args[0].log_softmax(-1), *call.args[1:]), call.kwargs)
        clnet.manual_seed(1)  # the same draws in every call
        with self.device, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            got = self.op(*call.args, **call.kwargs)
        outputs = list(got) if isinstance(got, (tuple, list)) else [got]
        if op_name(self.op) in PHASELESS:
            outputs[1] = outputs[1] * outputs[1].conj()
        outputs = [clnet.view_as_real(y) if isinstance(y, clnet.Tensor) and y.is_complex() else y for y in outputs]
        return tensors, [y for y in outputs if isinstance(y, clnet.Tensor) and y.dtype is dt.float64]

    def value(self, values: Sequence[np.ndarray], weights: Sequence[np.ndarray]) -> float:
        """The outputs' elements, weighted and summed."""
        _, outputs = self.outputs(values, False)
        return float(sum(np.sum(interchange.values(y) * w) for y, w in zip(outputs, weights)))

    def gradients(self, values: Sequence[np.ndarray], weights: Sequence[np.ndarray],
                  create_graph: bool) -> tuple[list[Any], list[Any], list[Any]]:
        """(operands, cotangents, gradients of the weighted sum); gradients None where unused."""
        tensors, outputs = self.outputs(values, True)
        cotangents = [clnet.tensor(w, dtype=dt.float64, device=self.device).requires_grad_(create_graph)
                      for w in weights]
        tracked = [(y, w) for y, w in zip(outputs, cotangents) if y.requires_grad]
        if not tracked:
            return tensors, cotangents, [None] * len(tensors)
        found = clnet.autograd.grad([y for y, _ in tracked], tensors, [w for _, w in tracked],
                                    create_graph=create_graph, allow_unused=True)
        return tensors, cotangents, list(found)

    def slope(self, values: Sequence[np.ndarray], weights: Sequence[np.ndarray],
              directions: Sequence[np.ndarray]) -> float:
        """The gradient of the weighted sum, times the directions."""
        _, _, found = self.gradients(values, weights, False)
        return dot(found, directions)

    def second(self, values: Sequence[np.ndarray], weights: Sequence[np.ndarray],
               directions: Sequence[np.ndarray], along: Sequence[np.ndarray],
               weights_along: Sequence[np.ndarray]) -> float:
        """The derivative of ``slope`` along (operands, cotangents), by differentiating twice."""
        tensors, cotangents, first = self.gradients(values, weights, True)
        pairs = [(g, clnet.tensor(d, dtype=dt.float64, device=self.device))
                 for g, d in zip(first, directions) if g is not None and g.requires_grad]
        if not pairs:
            return 0.0
        found = clnet.autograd.grad([g for g, _ in pairs], [*tensors, *cotangents],
                                    [d for _, d in pairs], allow_unused=True)
        return dot(found, [*along, *weights_along])


def dot(gradients: Sequence[Any], directions: Sequence[np.ndarray]) -> float:
    """The sum of elementwise products; a missing gradient is zero."""
    return float(sum(np.sum(interchange.values(g) * d)
                     for g, d in zip(gradients, directions) if g is not None))


def random_like(rng: np.random.Generator, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.asarray(rng.uniform(-1, 1, a.shape)) for a in arrays]


def check(op: Op, sample: Sample, device: Device) -> list[str]:
    """How the derivatives of one call differ from finite differences."""
    sample = without_constants(op, sample)
    f = Function(op, sample, device)
    rng = np.random.default_rng(zlib.crc32(op.name.encode()))
    floats = [np.nan_to_num(reals(a), posinf=2.0, neginf=-2.0) for a in sample.arrays()
              if a.dtype in (np.float64, np.complex128)]
    # Samples may lie on a kink (a clamp's limit, equal elements): step aside.
    x = [a + 1e-3 * (1 + np.abs(a)) * rng.uniform(-1, 1, a.shape) for a in floats]
    _, outputs = f.outputs(x, False)
    if not outputs:
        return []
    w = [rng.uniform(-1, 1, tuple(y.shape)) for y in outputs]
    v, u, z = random_like(rng, x), random_like(rng, x), random_like(rng, w)

    def moved(arrays: Sequence[np.ndarray], by: Sequence[np.ndarray], step: float) -> list[np.ndarray]:
        return [a + step * b for a, b in zip(arrays, by)]

    problems = []
    difference = (f.value(moved(x, v, STEP), w) - f.value(moved(x, v, -STEP), w)) / (2 * STEP)
    got = f.slope(x, w, v)
    if not close(got, difference):
        problems.append(f"first derivative {got}, by differences {difference}")
    if op_name(op) in ONCE:
        return problems
    difference = (f.slope(moved(x, u, STEP), moved(w, z, STEP), v)
                  - f.slope(moved(x, u, -STEP), moved(w, z, -STEP), v)) / (2 * STEP)
    got = f.second(x, w, v, u, z)
    if not close(got, difference):
        problems.append(f"second derivative {got}, by differences {difference}")
    return problems


def close(got: float, expected: float) -> bool:
    """Whether two derivatives agree as well as differences can tell."""
    return bool(abs(got - expected) <= TOLERANCE * max(1.0, abs(expected)))
