"""Forward mode and the functional interface, from the same derivative statements."""
import numpy as np
import pytest

import clnet
from clnet.autograd import forward_ad, functional, gradcheck, gradgradcheck


def leaf(*shape, seed=0):
    return clnet.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


@pytest.mark.parametrize("function, shapes", [
    (lambda x, y: (x * y).exp().sum(0) + x.var(0) * y.tanh(), [(3, 4), (4,)]),
    (lambda x: x.max(1)[0] + x.norm(3, 1) + x.t()[0].square() + x.logsumexp(1), [(4, 4)]),
    (lambda x, y: (x @ y).softmax(1), [(2, 3), (3, 4)]),
    (lambda x: clnet.cat([x[1:], x * x]), [(3, 2)]),
], ids=["elementwise", "reductions", "matmul", "cat"])
def test_both_modes_agree_with_finite_differences(function, shapes):
    inputs = tuple(leaf(*s, seed=i) for i, s in enumerate(shapes))
    assert gradcheck(function, inputs, check_forward_ad=True)
    assert gradgradcheck(function, inputs)


def test_in_place_writes_carry_tangents():
    def f(x):
        y = x * 2
        y[0].add_(x[1])
        y.mul_(y.detach() * 0 + 3)
        return y.sin()
    assert gradcheck(f, (leaf(3, 2),), check_forward_ad=True)


def test_forward_over_reverse():
    x = leaf(3)
    v = clnet.tensor([1.0, 2.0, 3.0], dtype=clnet.float64)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, v)
        [g] = clnet.autograd.grad((dual ** 3).sum(), dual, create_graph=True)
        tangent = forward_ad.unpack_dual(g).tangent
    np.testing.assert_allclose(tangent.detach().numpy(), 6 * x.detach().numpy() * v.numpy(), rtol=1e-12)


def test_products_jacobians_and_hessians():
    x = clnet.tensor([1.0, 2.0, 3.0])
    v = clnet.tensor([1.0, 0.0, 1.0])
    cube = lambda t: t ** 3  # noqa: E731
    assert functional.jvp(cube, x, v)[1].tolist() == [3, 0, 27]
    assert functional.vjp(cube, x, v)[1].tolist() == [3, 0, 27]
    assert functional.jacobian(cube, x).tolist() == [[3, 0, 0], [0, 12, 0], [0, 0, 27]]
    assert functional.hessian(lambda t: (t ** 3).sum(), x).tolist() == [[6, 0, 0], [0, 12, 0], [0, 0, 18]]
    assert functional.hvp(lambda t: (t ** 3).sum(), x, v)[1].tolist() == [6, 0, 18]
    (a, b), = functional.jacobian(lambda p, q: (p * q,), (x, v))
    assert a.tolist() == np.diag([1.0, 0, 1]).tolist()
    assert b.tolist() == np.diag([1.0, 2, 3]).tolist()


def test_gradcheck_catches_a_wrong_derivative():
    class Wrong(clnet.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(clnet.autograd.GradcheckError):
        gradcheck(Wrong.apply, (leaf(3),))
    assert not gradcheck(Wrong.apply, (leaf(3),), raise_exception=False)


def test_levels_and_shapes_are_checked():
    x = leaf(3)
    with pytest.raises(RuntimeError, match="no level"):
        forward_ad.make_dual(x, x)
    with forward_ad.dual_level():
        with pytest.raises(ValueError, match="shape"):
            forward_ad.make_dual(x, leaf(2))
        with pytest.raises(RuntimeError, match="Nested"), forward_ad.dual_level():
            pass
