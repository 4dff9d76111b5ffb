"""Function transforms equal PyTorch's (``torch.func``)."""

from __future__ import annotations

import numpy as np
import pytest

import clnet
import clnet.func
import clnet.nn.functional

torch = pytest.importorskip("torch")

# name: (function of (library, transforms, functional, *arrays), shapes of the arrays)
CASES = {
    "dot": (lambda t, f, F, a, b: f.vmap(t.dot)(a, b), ((3, 5), (3, 5))),
    "indims": (lambda t, f, F, a, b:
        f.vmap(lambda x, y: (x*y.sum()).exp(), in_dims=(1, None), out_dims=1)(a, b), ((3, 5), (4,))),
    "softmax": (lambda t, f, F, a:
        f.vmap(lambda x: F.softmax(x, 0)+x.max()+x.mean(-1, keepdim=True))(a), ((3, 5),)),
    "mm": (lambda t, f, F, a, w: f.vmap(lambda x: t.tanh(w@x).sum())(a), ((3, 5), (4, 5))),
    "views": (lambda t, f, F, a:
        f.vmap(lambda x: x.t().reshape(-1)[::2].unsqueeze(0).expand(2, -1))(a), ((3, 4, 5),)),
    "index": (lambda t, f, F, a: f.vmap(lambda x: x[t.tensor([2, 0])]+x[1])(a), ((3, 4, 5),)),
    "cat": (lambda t, f, F, a, b: f.vmap(lambda x: t.cat([x, b]))(a), ((3, 4), (2,))),
    "nested": (lambda t, f, F, a, b: f.vmap(f.vmap(t.dot, (None, 0)), (0, None))(a, b), ((3, 5), (4, 5))),
    "grad": (lambda t, f, F, a: f.grad(lambda x: (x**3).sum())(a), ((5,),)),
    "gradgrad": (lambda t, f, F, a: f.grad(f.grad(lambda x: t.sin(x)))(a), ((),)),
    "vmapgrad": (lambda t, f, F, a, w:
        f.vmap(f.grad(lambda w, x: t.tanh(w@x).sum()), (None, 0))(w, a), ((3, 5), (4, 5))),
    "jacrev": (lambda t, f, F, a: f.jacrev(lambda x: t.sin(x)*x.sum())(a), ((5,),)),
    "jacfwd": (lambda t, f, F, a: f.jacfwd(lambda x: t.sin(x)*x.sum())(a), ((5,),)),
    "hessian": (lambda t, f, F, a: f.hessian(lambda x: (t.sin(x)*x.sum()).sum())(a), ((5,),)),
    "jacjac": (lambda t, f, F, a: f.jacrev(f.jacrev(lambda x: t.sin(x)*x.sum()))(a), ((4,),)),
    "jacfwd2": (lambda t, f, F, a: f.jacfwd(f.jacfwd(lambda x: t.sin(x)*x.sum()))(a), ((4,),)),
    "vmapjacrev": (lambda t, f, F, a: f.vmap(f.jacrev(lambda x: t.sin(x)*x.sum()))(a), ((3, 4),)),
    "vmaphess": (lambda t, f, F, a: f.vmap(f.hessian(lambda x: (t.sin(x)*x.sum()).sum()))(a), ((3, 4),)),
    "vjp": (lambda t, f, F, a:
        f.vjp(lambda x: (x.sin(), x.cos().sum()), a)[1]((t.ones_like(a), t.tensor(2.))), ((4,),)),
    "jvp": (lambda t, f, F, a: f.jvp(lambda x: x.sin()*x.sum(), (a, ), (t.ones_like(a), )), ((4,),)),
    "linear": (lambda t, f, F, x, w, b: f.vmap(f.grad(lambda p, v: F.cross_entropy(
        F.linear(v.unsqueeze(0), p["w"], p["b"]), t.tensor([1]))), ({"w": None, "b": None}, 0))({"w": w, "b": b}, x),
        ((6, 5), (3, 5), (3,))),
    "conv": (lambda t, f, F, x, w:
        f.vmap(f.grad(lambda w, x: F.conv2d(x.unsqueeze(0), w).relu().sum()), (None, 0))(w, x),
        ((3, 2, 6, 6), (4, 2, 3, 3))),
    "ensemble": (lambda t, f, F, x, w: f.vmap(lambda w: F.linear(x, w).relu())(w), ((6, 5), (3, 4, 5))),
    "ln": (lambda t, f, F, x: f.vmap(lambda v: F.layer_norm(v, (5, )))(x), ((3, 2, 5),)),
    "chunk": (lambda t, f, F, x: f.vmap(lambda v: v.cumsum(0), chunk_size=2)(x), ((5, 4),)),
    "inplace": (lambda t, f, F, x: f.vmap(lambda v: (v*1).add_(v).mul_(2))(x), ((5, 4),)),
    "sort": (lambda t, f, F, x: f.vmap(lambda v: t.sort(v, 0)[0])(x), ((5, 4, 3),)),
    "aux": (lambda t, f, F, x: f.grad(lambda v: (v.sum(), v*2), has_aux=True)(x), ((4,),)),
    "wherescalar": (lambda t, f, F, x: f.vmap(lambda v: t.where(v>0, v, v*0.1))(x), ((4,),)),
    "dict": (lambda t, f, F, x: f.vmap(lambda v: {'a': v*2, 'b': (v.sum(), )})(x), ((4, 3),)),
    "linalg": (lambda t, f, F, x: f.vmap(lambda v: t.linalg.inv(v@v.t()+t.eye(3)))(x), ((4, 3, 3),)),
    "gather": (lambda t, f, F, x: f.vmap(lambda v: t.gather(v, 0, t.tensor([1, 1, 0])))(x), ((4, 3),)),
    "lossvmap": (lambda t, f, F, x:
        f.grad(lambda w: f.vmap(lambda v: (v*w).sum())(x).pow(2).sum())(t.ones(3)), ((4, 3),)),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize("name", CASES)
def test_equals_pytorch(name):
    function, shapes = CASES[name]
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s).astype("float32") for s in shapes]
    expected = function(torch, torch.func, torch.nn.functional, *map(torch.tensor, arrays))
    got = function(clnet, clnet.func, clnet.nn.functional, *map(clnet.tensor, arrays))
    _compare(got, expected)


def _compare(got, expected):
    if isinstance(expected, dict):
        assert set(got) == set(expected)
        for key in expected:
            _compare(got[key], expected[key])
    elif isinstance(expected, (tuple, list)):
        assert len(got) == len(expected)
        for g, e in zip(got, expected):
            _compare(g, e)
    else:
        assert tuple(got.shape) == tuple(expected.shape) and not got.requires_grad
        np.testing.assert_allclose(got.numpy(), expected.detach().numpy(), rtol=2e-4, atol=1e-5)
