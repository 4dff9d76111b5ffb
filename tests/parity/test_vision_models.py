"""Vision models beside their published architectures, in PyTorch's functions and driven by the state's names."""
from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet import nn
from clnet.vision import models

torch = pytest.importorskip("torch")
F = torch.nn.functional


class _Weights(dict):
    """The state, and the layers that its names stand for."""

    def conv(self, name, x, stride=1, groups=1):
        weight = self[f"{name}.weight"]
        return F.conv2d(x, weight, self.get(f"{name}.bias"), stride, weight.shape[-1] // 2, groups=groups)

    def norm(self, name, x):
        mean, variance, weight, bias = (self[f"{name}.{part}"] for part in
                                        ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, mean, variance, weight, bias)

    def linear(self, name, x):
        return F.linear(x, self[f"{name}.weight"], self[f"{name}.bias"])

    def layer_norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self[f"{name}.weight"], self[f"{name}.bias"], 1e-6)

    def count(self, pattern):
        n = 0
        while any(name.startswith(pattern.format(n)) for name in self):
            n += 1
        return n


def _resnet(w, x):
    x = F.max_pool2d(w.norm("bn1", w.conv("conv1", x, 2)).relu(), 3, 2, 1)
    for stage in range(1, 5):
        for i in range(w.count(f"layer{stage}.{{}}.")):
            name, stride = f"layer{stage}.{i}", 2 if stage > 1 and i == 0 else 1
            kept = x
            if f"{name}.downsample.0.weight" in w:
                kept = w.norm(f"{name}.downsample.1", w.conv(f"{name}.downsample.0", x, stride))
            if f"{name}.conv3.weight" in w:  # "v1.5": the stride is in the convolution of 3x3
                x = w.norm(f"{name}.bn1", w.conv(f"{name}.conv1", x)).relu()
                groups = x.shape[1] // w[f"{name}.conv2.weight"].shape[1]
                x = w.norm(f"{name}.bn2", w.conv(f"{name}.conv2", x, stride, groups)).relu()
                x = w.norm(f"{name}.bn3", w.conv(f"{name}.conv3", x))
            else:
                x = w.norm(f"{name}.bn1", w.conv(f"{name}.conv1", x, stride)).relu()
                x = w.norm(f"{name}.bn2", w.conv(f"{name}.conv2", x))
            x = (x + kept).relu()
    return w.linear("fc", x.mean((2, 3)))


def _vgg(w, x):
    i = 0
    for layer in ("conv", "pool") * 2 + ("conv", "conv", "pool") * 3:  # configuration A, of 11 layers
        if layer == "pool":
            x, i = F.max_pool2d(x, 2), i + 1
        else:
            x = w.norm(f"features.{i + 1}", w.conv(f"features.{i}", x)).relu()
            i += 3
    x = F.adaptive_avg_pool2d(x, 7).flatten(1)
    return w.linear("classifier.6", w.linear("classifier.3", w.linear("classifier.0", x).relu()).relu())


def _mobilenet(w, x):
    def block(name, x, stride=1, groups=1):
        return F.relu6(w.norm(f"{name}.1", w.conv(f"{name}.0", x, stride, groups)))

    x = block("features.0", x, 2)
    strides = [s for first, repeated in ((1, 1), (2, 2), (2, 3), (2, 4), (1, 3), (2, 3), (1, 1))
               for s in (first, *(1,) * (repeated - 1))]
    for i, stride in enumerate(strides, 1):
        name, kept, at = f"features.{i}.conv", x, 0
        if i > 1:  # the first does not expand
            x, at = block(f"{name}.0", x), 1
        x = block(f"{name}.{at}", x, stride, x.shape[1])
        x = w.norm(f"{name}.{at + 2}", w.conv(f"{name}.{at + 1}", x))
        if stride == 1 and x.shape == kept.shape:
            x = x + kept
    return w.linear("classifier.1", block(f"features.{len(strides) + 1}", x).mean((2, 3)))


def _densenet(w, x):
    x = F.max_pool2d(w.norm("features.norm0", w.conv("features.conv0", x, 2)).relu(), 3, 2, 1)
    for b in (1, 2):
        for i in (1, 2):
            name = f"features.denseblock{b}.denselayer{i}"
            y = w.conv(f"{name}.conv1", w.norm(f"{name}.norm1", x).relu())
            x = torch.cat([x, w.conv(f"{name}.conv2", w.norm(f"{name}.norm2", y).relu())], 1)
        if b == 1:
            name = "features.transition1"
            x = F.avg_pool2d(w.conv(f"{name}.conv", w.norm(f"{name}.norm", x).relu()), 2)
    return w.linear("classifier", w.norm("features.norm5", x).relu().mean((2, 3)))


def _vit(w, x):
    patches = F.conv2d(x, w["conv_proj.weight"], w["conv_proj.bias"], 8).flatten(2).transpose(1, 2)
    x = torch.cat([w["class_token"].expand(len(x), -1, -1), patches], 1) + w["encoder.pos_embedding"]
    for i in range(w.count("encoder.layers.encoder_layer_{}.")):
        name = f"encoder.layers.encoder_layer_{i}"
        y = F.linear(w.layer_norm(f"{name}.ln_1", x), w[f"{name}.self_attention.in_proj_weight"],
                     w[f"{name}.self_attention.in_proj_bias"])
        q, k, v = y.unflatten(-1, (3, 2, -1)).permute(2, 0, 3, 1, 4)
        y = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v
        x = x + w.linear(f"{name}.self_attention.out_proj", y.transpose(1, 2).flatten(2))
        y = F.gelu(w.linear(f"{name}.mlp.0", w.layer_norm(f"{name}.ln_2", x)))
        x = x + w.linear(f"{name}.mlp.3", y)
    return w.linear("heads.head", w.layer_norm("encoder.ln", x)[:, 0])


def _small_vgg():
    net = models.vgg11_bn(init_weights=False)
    net.classifier[0], net.classifier[3], net.classifier[6] = nn.Linear(25088, 8), nn.Linear(8, 8), nn.Linear(8, 5)
    return net


CASES = {
    "resnet": (lambda: models.ResNet(models.resnet.BasicBlock, (2, 1, 1, 1), num_classes=5), _resnet),
    "resnext": (lambda: models.ResNet(models.resnet.Bottleneck, (1, 1, 1, 1), 5, groups=8, width_per_group=4),
                _resnet),
    "vgg": (_small_vgg, _vgg),
    "mobilenet": (lambda: models.MobileNetV2(num_classes=5, width_mult=0.25), _mobilenet),
    "densenet": (lambda: models.DenseNet(4, (2, 2), 8, num_classes=5), _densenet),
    "vit": (lambda: models.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=5), _vit)}


def _state(net, rng):
    """Weights under which every layer matters."""
    state = {}
    for name, t in net.state_dict().items():
        shape = tuple(t.shape)
        if name.endswith("running_var") or len(shape) == 1 and name.endswith("weight"):
            value = rng.uniform(0.5, 1.5, shape)
        elif len(shape) > 1:
            value = rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))
        else:
            value = rng.normal(size=shape) * 0.1
        state[name] = np.asarray(value, "int64" if name.endswith("tracked") else "float32")
    return state


@pytest.mark.parametrize("name", CASES)
def test_outputs_and_gradients(name):
    build, published = CASES[name]
    rng = np.random.default_rng(0)
    with clnet.device("meta"):
        net = build().eval()
    state, images = _state(net, rng), rng.normal(size=(2, 3, 32, 32)).astype("float32")
    net.load_state_dict({k: clnet.tensor(v) for k, v in state.items()}, assign=True)
    x, x_torch = clnet.tensor(images, requires_grad=True), torch.tensor(images, requires_grad=True)
    expected = published(_Weights((k, torch.from_numpy(v)) for k, v in state.items()), x_torch)
    scores = net(x)
    np.testing.assert_allclose(scores.detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-4)
    seed = rng.normal(size=(2, 5)).astype("float32")
    scores.backward(clnet.tensor(seed))
    expected.backward(torch.from_numpy(seed))
    scale = float(x_torch.grad.abs().max())
    np.testing.assert_allclose(x.grad.numpy(), x_torch.grad.numpy(), rtol=1e-3, atol=1e-4 * scale)
