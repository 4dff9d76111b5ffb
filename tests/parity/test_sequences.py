"""Attention, transformers and recurrent layers beside PyTorch's: text, outputs, gradients, state."""
from __future__ import annotations

import warnings

import numpy as np
import pytest

import clnet
from clnet import nn

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
PADDING = np.array([[0, 0, 0, 0, 0, 1, 1], [0] * 7], bool)
SCATTERED = np.arange(6 * 35).reshape(6, 5, 7) % 4 == 0


def _floats(*shape):
    return RNG.normal(size=shape).astype("float32")


def _causal(lib, n):
    return lib.nn.Transformer.generate_square_subsequent_mask(n)


def _self(lib, m, x):
    return m(x, x, x)


def _cross(**options):
    def call(lib, m, x, y):
        given = {k: lib.tensor(v) for k, v in options.items() if isinstance(v, np.ndarray)}
        return m(x, y, y, **{**options, **given})
    return call


def _packed(lib, m, x):
    rnn = lib.nn.utils.rnn
    y, state = m(rnn.pack_padded_sequence(x, [3, 7, 1, 5], enforce_sorted=False))
    padded, lengths = rnn.pad_packed_sequence(y, total_length=9, padding_value=0.5)
    assert lengths.tolist() == [3, 7, 1, 5]
    return padded, state


def _plain(lib, m, *args):
    return m(*args)


Q, K, X = _floats(5, 2, 12), _floats(7, 2, 12), _floats(7, 4, 3)
CASES = {
    "attention": (lambda n: n.MultiheadAttention(12, 3), (Q,), _self),
    "attention batch first": (lambda n: n.MultiheadAttention(12, 3, batch_first=True), (Q,), _self),
    "attention unbatched": (lambda n: n.MultiheadAttention(12, 3, bias=False), (Q[:, 0],), _self),
    "attention added": (lambda n: n.MultiheadAttention(12, 3, add_bias_kv=True, add_zero_attn=True), (Q, K),
                        _cross(key_padding_mask=PADDING)),
    "attention streaming": (lambda n: n.MultiheadAttention(12, 3, add_bias_kv=True, add_zero_attn=True), (Q, K),
                            _cross(key_padding_mask=PADDING, need_weights=False)),
    "attention widths": (lambda n: n.MultiheadAttention(12, 3, kdim=8, vdim=9),
                         (Q, _floats(7, 2, 8), _floats(7, 2, 9)),
                         lambda lib, m, *a: m(*a, average_attn_weights=False, attn_mask=lib.tensor(SCATTERED[0]))),
    "attention masks": (lambda n: n.MultiheadAttention(12, 3), (Q, K),
                        _cross(attn_mask=SCATTERED, need_weights=False)),
    "encoder layer": (lambda n: n.TransformerEncoderLayer(12, 3, 20, 0.0), (K,),
                      lambda lib, m, x: m(x, src_key_padding_mask=lib.tensor(PADDING))),
    "encoder layer norm first": (lambda n: n.TransformerEncoderLayer(
        12, 3, 20, 0.0, "gelu", norm_first=True, bias=False, batch_first=True), (Q,), _plain),
    "encoder layer causal": (lambda n: n.TransformerEncoderLayer(12, 3, 20, 0.0), (Q,),
                             lambda lib, m, x: m(x, src_mask=_causal(lib, 5), is_causal=True)),
    "decoder layer": (lambda n: n.TransformerDecoderLayer(12, 3, 20, 0.0), (Q, K),
                      lambda lib, m, x, y: m(x, y, tgt_mask=_causal(lib, 5))),
    "transformer": (lambda n: n.Transformer(12, 3, 2, 2, 20, 0.0), (K, Q), lambda lib, m, x, y: m(
        x, y, tgt_mask=_causal(lib, 5), src_key_padding_mask=lib.tensor(PADDING))),
    "LSTM projected": (lambda n: n.LSTM(3, 6, 2, bidirectional=True, proj_size=4), (X,), _packed),
    "RNN relu": (lambda n: n.RNN(3, 6, nonlinearity="relu"), (X,), _plain),
    **{f"{kind} layers": (lambda n, kind=kind: getattr(n, kind)(3, 16, 2, bidirectional=True, batch_first=True),
                          (X,), _plain) for kind in ("RNN", "LSTM", "GRU")},
    **{f"{kind} unbatched": (lambda n, kind=kind: getattr(n, kind)(3, 6, bias=False), (X[:, 0],), _plain)
       for kind in ("RNN", "LSTM", "GRU")},
    **{f"{kind} packed": (lambda n, kind=kind: getattr(n, kind)(3, 6, 2, bidirectional=True), (X,), _packed)
       for kind in ("RNN", "LSTM", "GRU")},
    **{f"{kind} cell": (lambda n, kind=kind: getattr(n, f"{kind}Cell")(3, 6), (X[0],), _plain)
       for kind in ("RNN", "LSTM", "GRU")},
}


def _leaves(result):
    if isinstance(result, (tuple, list)):
        return [leaf for item in result if item is not None for leaf in _leaves(item)]
    return [result]


@pytest.mark.parametrize("name", CASES)
def test_layer(name):
    make, data, call = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        ours, theirs = make(nn), make(torch.nn)
        assert repr(ours) == repr(theirs)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        ours.load_state_dict({k: clnet.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
        a = [clnet.tensor(x, requires_grad=True) for x in data]
        b = [torch.tensor(x, requires_grad=True) for x in data]
        got, expected = _leaves(call(clnet, ours, *a)), _leaves(call(torch, theirs, *b))
    assert [tuple(y.shape) for y in got] == [tuple(z.shape) for z in expected]
    weights = [_floats(*z.shape) for z in expected]
    sum((y * clnet.tensor(w)).sum() for y, w in zip(got, weights)).backward()
    sum((z * torch.tensor(w)).sum() for z, w in zip(expected, weights)).backward()
    for y, z in zip(got, expected):
        np.testing.assert_allclose(y.tolist(), z.tolist(), rtol=2e-5, atol=2e-5)
    pairs = [*zip("xyz", a, b), *((key, p, q) for (key, p), q in zip(ours.named_parameters(), theirs.parameters()))]
    for key, p, q in pairs:
        if q.grad is not None:
            np.testing.assert_allclose(p.grad.tolist(), q.grad.tolist(), rtol=2e-4, atol=2e-5, err_msg=key)


def test_sequences():
    items = [_floats(n, 2) for n in (3, 5, 1)]
    ours, theirs = [clnet.tensor(x) for x in items], [torch.tensor(x) for x in items]
    a, b = nn.utils.rnn, torch.nn.utils.rnn
    for side in ("left", "right"):
        assert (a.pad_sequence(ours, True, 2.0, side).numpy() == b.pad_sequence(theirs, True, 2.0, side).numpy()).all()
    p, q = a.pack_sequence(ours, enforce_sorted=False), b.pack_sequence(theirs, enforce_sorted=False)
    for mine, other in zip(p, q):
        assert mine.tolist() == other.tolist()
    assert [x.tolist() for x in a.unpack_sequence(p)] == [x.tolist() for x in items]


def test_refusals():
    with pytest.raises(RuntimeError, match="decreasing order"):
        nn.utils.rnn.pack_padded_sequence(clnet.ones(3, 2, 1), [1, 3])
    with pytest.raises(RuntimeError, match="greater than 0"):
        nn.utils.rnn.pack_padded_sequence(clnet.ones(3, 2, 1), [3, 0])
    with pytest.raises(RuntimeError, match="input_size"):
        nn.LSTM(3, 6)(clnet.ones(2, 2, 4))
    with pytest.raises(RuntimeError, match="hidden"):
        nn.GRU(3, 6)(clnet.ones(2, 2, 3), clnet.ones(1, 1, 6))
    with pytest.raises(ValueError, match="2D or 3D"):
        nn.RNN(3, 6)(clnet.ones(3))
    with pytest.raises(AssertionError, match="divisible"):
        nn.MultiheadAttention(10, 3)
    with pytest.raises(RuntimeError, match="is_causal hint"):
        nn.MultiheadAttention(4, 2)(*[clnet.ones(2, 3, 4)] * 3, is_causal=True)
