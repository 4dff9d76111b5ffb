"""Linear algebra beyond what the registry's tests cover: errors, singular matrices, sizes that need blocks."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import numpy as np
import pytest

import clnet
from clnet.ops.einsum import _best
from tests.registry.cases import OPS
from tests.structure.sources import ROOT


def matrices(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).uniform(-1, 1, shape)


@pytest.mark.parametrize("upper", [False, True])
def test_triangular_systems_of_several_blocks(upper):
    a = matrices(2, 150, 150) / 20 + 2 * np.eye(150)
    b = matrices(2, 150, 19)
    got = clnet.linalg.solve_triangular(clnet.tensor(a), clnet.tensor(b), upper=upper).numpy()
    assert np.allclose((np.triu if upper else np.tril)(a) @ got, b)


def test_complex_triangular_system():
    a = matrices(5, 5) + 1j * matrices(5, 5) + 3 * np.eye(5)
    b = matrices(5, 3) + 1j
    got = clnet.linalg.solve_triangular(clnet.tensor(a), clnet.tensor(b), upper=False).numpy()
    assert np.allclose(np.tril(a) @ got, b)


@pytest.mark.parametrize("call, text", [
    (clnet.linalg.inv, "The diagonal element 2 is zero"),
    (clnet.linalg.cholesky, "the leading minor of order 2 is not positive-definite"),
    (lambda a: clnet.linalg.solve(a, a), "The solver failed because the input matrix is singular"),
])
def test_a_singular_matrix_is_named(call, text):
    stack = clnet.tensor(np.stack([np.eye(2), np.diag([1.0, 0.0])]))
    with pytest.raises(clnet.linalg.LinAlgError, match=text) as found:
        call(stack)
    assert "(Batch element 1)" in str(found.value)


def test_info_tells_which_matrix_failed():
    stack = clnet.tensor(np.stack([np.eye(2), np.diag([1.0, 0.0])]))
    inverse, info = clnet.linalg.inv_ex(stack)
    assert info.tolist() == [0, 2]
    assert info.dtype is clnet.int32
    assert np.array_equal(inverse[0].numpy(), np.eye(2))
    assert clnet.linalg.cholesky_ex(stack).info.tolist() == [0, 2]


def test_the_determinant_of_a_singular_matrix_has_a_gradient():
    a = clnet.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=clnet.float64, requires_grad=True)
    clnet.linalg.det(a).backward()
    assert np.allclose(a.grad.numpy(), [[4.0, -2.0], [-2.0, 1.0]])


def test_norms_of_eigenvector_entries_have_gradients():
    """Eigenvectors are defined up to phases, on which the magnitudes of their entries don't depend."""
    a = matrices(4, 4)
    along, step = matrices(4, 4).T, 1e-6
    weights = clnet.tensor(matrices(4, 4))

    def value(x: np.ndarray) -> tuple[clnet.Tensor, clnet.Tensor]:
        t = clnet.tensor(x, requires_grad=True)
        values, vectors = clnet.linalg.eig(t)
        return t, (vectors.abs() * weights).sum() + values.abs().sum()

    x, y = value(a)
    y.backward()
    slope = (value(a + step * along)[1].item() - value(a - step * along)[1].item()) / (2 * step)
    assert math.isclose(float((x.grad.numpy() * along).sum()), slope, rel_tol=1e-5, abs_tol=1e-6)


def test_half_precision_is_refused():
    half = clnet.eye(2).half()
    with pytest.raises(RuntimeError, match="Low precision dtypes not supported. Got Half"):
        clnet.linalg.inv(half)
    with pytest.raises(NotImplementedError, match="\"linalg_svd_cpu\" not implemented for 'Half'"):
        clnet.linalg.svd(half)


def test_host_operators_say_so_once_when_verbose():
    program = "import clnet\nfor _ in range(3): clnet.linalg.inv(clnet.eye(2))"
    for verbose, times in (("0", 0), ("1", 1)):
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True,
                              env=os.environ | {"CLNET_VERBOSE": verbose})
        assert done.stderr.count("inv: computed on the host") == times


def test_the_record_says_what_runs_on_the_host():
    marked = {op.name for op in OPS if op.on_host}
    assert {"inv", "cholesky", "svd", "eigh", "lstsq", "lu_factor"} <= marked
    assert not marked & {"solve_triangular", "matrix_exp", "householder_product", "einsum", "matmul"}


def test_einsum_contracts_in_the_cheapest_order():
    """A chain 2 x 100 x 3 x 100: the two ends first would make a matrix of 100 x 100."""
    labels = [(0, 1), (1, 2), (2, 3)]
    cost, order = _best(labels, (0, 3), {0: 2, 1: 100, 2: 3, 3: 100})
    assert order[0] == (0, 1)
    assert cost == 2 * 100 * 3 + 2 * 3 * 100


def test_a_low_rank_matrix_is_found():
    a = matrices(12, 2) @ matrices(2, 9)
    u, s, v = clnet.svd_lowrank(clnet.tensor(a), q=3)
    assert np.allclose((u.numpy() * s.numpy()) @ v.numpy().T, a)
    _, s, v = clnet.pca_lowrank(clnet.tensor(a), q=2)
    centred = a - a.mean(0)
    assert np.allclose(s.numpy(), np.linalg.svd(centred, compute_uv=False)[:2])
    assert np.allclose(centred @ v.numpy() @ v.numpy().T, centred)


def test_info_of_nan_and_of_matrices_solved_several_times():
    a = clnet.tensor([[[2.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [float("nan"), 1.0]]])
    assert clnet.linalg.cholesky_ex(a).info.tolist() == [0, 2]
    with pytest.raises(clnet.linalg.LinAlgError, match="order 2"):
        clnet.linalg.cholesky(a[1])
    assert clnet.linalg.solve_ex(clnet.zeros(2, 2), clnet.ones(4, 2, 1)).info.tolist() == 1
    assert clnet.linalg.solve_ex(clnet.eye(2).expand(3, 1, 2, 2), clnet.ones(5, 2, 1)).info.shape == (3, 1)


@pytest.mark.parametrize("order", ["bad", 1j])
def test_orders_of_norms_that_do_not_exist(order):
    for x in (clnet.ones(3), clnet.ones(2, 2)):
        for call in (clnet.norm, clnet.linalg.norm):
            with pytest.raises(RuntimeError, match="norm"):
                call(x, order)
