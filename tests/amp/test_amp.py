"""Mixed precision: what runs in which type, and the loss scale."""
from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet import nn
from clnet.amp import GradScaler, autocast, custom_bwd, custom_fwd
from clnet.core.events import HUB
from clnet.nn import functional as F


def _x(*shape):
    return clnet.tensor(np.random.default_rng(0).standard_normal(shape).astype("float32"))


@pytest.mark.parametrize("dtype", [clnet.float16, clnet.bfloat16])
def test_products_run_in_16_bits(dtype):
    x, w = _x(4, 6), _x(5, 6).requires_grad_()
    with autocast("cpu", dtype=dtype):
        assert clnet.is_autocast_enabled() and clnet.get_autocast_dtype("cpu") is dtype
        y = F.linear(x, w)
        assert y.dtype is dtype and (x @ x.t()).dtype is dtype
        assert F.conv2d(_x(1, 2, 5, 5), _x(3, 2, 3, 3)).dtype is dtype
        assert (x + 1).dtype is clnet.float32 and (y + x[:, :5]).dtype is clnet.float32
        assert (x.double() @ x.double().t()).dtype is clnet.float64
        with autocast("cpu", enabled=False):
            assert (x @ x.t()).dtype is clnet.float32
        assert (x @ x.t()).dtype is dtype
        loss = F.cross_entropy(y, clnet.tensor([0, 1, 2, 3]))
        assert loss.dtype is clnet.float32
    assert (x @ x.t()).dtype is clnet.float32 and not clnet.is_autocast_enabled()
    loss.backward()
    assert w.grad.dtype is clnet.float32
    exact = w.detach().requires_grad_()
    F.cross_entropy(F.linear(x, exact), clnet.tensor([0, 1, 2, 3])).backward()
    np.testing.assert_allclose(w.grad.numpy(), exact.grad.numpy(), atol=2e-2)


def test_cuda_s_list_widens():
    y = _x(3, 4).half()
    with autocast("cuda"):
        assert (y @ y.t()).dtype is clnet.float16
        for wide in (y.exp(), y.softmax(1), y.sum(), y ** 2.0, F.layer_norm(y, (4,))):
            assert wide.dtype is clnet.float32
        assert (y * 2).dtype is clnet.float16
    with autocast("cpu"):
        assert y.exp().dtype is clnet.float16


def test_a_weight_is_converted_once():
    x, w = _x(4, 6).bfloat16(), _x(5, 6).requires_grad_()
    launches = []
    with autocast("cpu"):
        F.linear(x, w)
        stop = HUB.subscribe(launch=launches.append)
        F.linear(x, w)
        stop()
    assert not any("copy" in event.entry for event in launches)


def test_decorators_and_mistakes():
    @autocast("cpu")
    def product(a):
        return a @ a

    assert product(_x(3, 3)).dtype is clnet.bfloat16
    with pytest.raises(RuntimeError, match="unsupported autocast device_type 'tpu'"):
        autocast("tpu")
    with pytest.raises(RuntimeError, match="float16 or bfloat16"):
        autocast("cpu", dtype=clnet.float64)

    class Twice(clnet.autograd.Function):
        @staticmethod
        @custom_fwd(device_type="cpu", cast_inputs=clnet.float32)
        def forward(ctx, a):
            assert not clnet.is_autocast_enabled() and a.dtype is clnet.float32
            return a @ a

        @staticmethod
        @custom_bwd(device_type="cpu")
        def backward(ctx, g):
            assert not clnet.is_autocast_enabled()
            return g

    a = _x(3, 3).bfloat16().requires_grad_()
    with autocast("cpu"):
        Twice.apply(a).sum().backward()
    assert a.grad is not None


def test_the_scale_adapts():
    model = nn.Linear(3, 2)
    optimizer = clnet.optim.SGD(model.parameters(), lr=0.5)
    scaler = GradScaler(init_scale=8.0, growth_interval=2)
    before = model.weight.detach().clone()
    for step in range(2):
        optimizer.zero_grad()
        scaler.scale(model(_x(4, 3)).sum()).backward()
        if step:
            scaler.unscale_(optimizer)
            plain = _x(4, 3).sum(0)
            np.testing.assert_allclose(model.weight.grad[0].numpy(), plain.numpy(), rtol=1e-5)
        scaler.step(optimizer)
        scaler.update()
    assert scaler.get_scale() == 16.0 and not (model.weight == before).all()
    kept = model.weight.detach().clone()
    optimizer.zero_grad()
    scaler.scale(model(_x(4, 3)).sum() * float("inf")).backward()
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="step.. has already been called"):
        scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 8.0 and (model.weight == kept).all()
    other = GradScaler()
    other.load_state_dict(scaler.state_dict())
    assert other.get_scale() == 8.0 and other.state_dict() == scaler.state_dict()
    off = GradScaler(enabled=False)
    assert off.scale(kept) is kept and off.get_scale() == 1.0 and off.state_dict() == {}


def test_training_in_float16_converges():
    clnet.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    optimizer, scaler = clnet.optim.AdamW(model.parameters(), lr=1e-2), GradScaler("cpu")
    x, y = _x(64, 8), clnet.tensor(np.arange(64) % 4)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        with autocast("cpu", dtype=clnet.float16):
            loss = F.cross_entropy(model(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("dtype", [clnet.bfloat16, clnet.float16])
def test_attention(dtype):
    x = _x(1, 2, 4, 8).requires_grad_()
    expected = F.scaled_dot_product_attention(x, x, x)
    with autocast("cpu", dtype=dtype):
        y = F.scaled_dot_product_attention(x, x, x)
        assert nn.MultiheadAttention(8, 2)(x[0], x[0], x[0])[0].dtype is dtype
    assert y.dtype is dtype and clnet.allclose(y.float(), expected, atol=3e-2)
    y.float().sum().backward()
    assert x.grad.dtype is clnet.float32


def test_transforms_take_float32_on_cpus():
    with autocast("cpu"):
        assert clnet.fft.rfft2(_x(2, 2).bfloat16()).dtype is clnet.complex64


def test_scaler_names_what_it_cannot_unscale():
    p = clnet.ones(2).requires_grad_()
    optimizer, scaler = clnet.optim.SGD([p], lr=0.1), clnet.amp.GradScaler("cpu")
    with pytest.raises(AssertionError, match="for this optimizer"):
        scaler.step(optimizer)
    h = clnet.ones(2, dtype=clnet.float16).requires_grad_()
    h.grad = clnet.ones(2, dtype=clnet.float16)
    with pytest.raises(ValueError, match="FP16"):
        clnet.amp.GradScaler("cpu").unscale_(clnet.optim.SGD([h], lr=0.1))
