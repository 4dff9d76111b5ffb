"""Text of tensors: PyTorch's, character by character."""
import numpy as np
import pytest

import clnet

CASES = [
    (np.float32(1.5), "tensor(1.5000)"),
    (np.arange(3, dtype="float32"), "tensor([0., 1., 2.])"),
    (np.arange(6).reshape(2, 3), "tensor([[0, 1, 2],\n        [3, 4, 5]])"),
    (np.array([True, False]), "tensor([ True, False])"),
    (np.array([1e-6, 1, 1e5], "float32"), "tensor([1.0000e-06, 1.0000e+00, 1.0000e+05])"),
    (np.array([np.nan, np.inf, 1.5], "float32"), "tensor([   nan,    inf, 1.5000])"),
    (np.zeros((0, 3), "float32"), "tensor([], size=(0, 3))"),
    (np.array([0.5, -0.25]), "tensor([ 0.5000, -0.2500], dtype=clnet.float64)"),
    (np.arange(2000), "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
    (np.arange(4, dtype="float16").reshape(1, 2, 2),
     "tensor([[[0., 1.],\n         [2., 3.]]], dtype=clnet.float16)"),
]


@pytest.mark.parametrize("value, text", CASES, ids=range(len(CASES)))
def test_repr(value, text):
    shown = repr(clnet.tensor(value))
    device = clnet.current_device()
    if str(device) != "cpu":
        assert f"device='{device}'" in shown
        with device:
            shown = shown.replace(f", device='{device}'", "").replace(f",\n       device='{device}'", "")
    assert shown == text


def test_graph_suffixes_and_format():
    x = clnet.tensor([1.0, 2.0], requires_grad=True)
    assert "requires_grad=True" in repr(x)
    assert "grad_fn=<MulBackward0>" in repr(x * 2)
    assert f"{clnet.tensor(1.23456):.2f}" == "1.23"
