"""A training step with every kind of kernel on small tensors; prints the losses."""

import numpy as np

import clnet
from clnet.nn import functional as F

rng = np.random.default_rng(0)


def parameter(*shape):
    return clnet.tensor(rng.standard_normal(shape).astype("float32") * 0.3, requires_grad=True)


images = clnet.tensor(rng.standard_normal((4, 1, 9, 9)).astype("float32"))
labels = clnet.tensor(rng.integers(0, 5, 4))
filters, filter_bias = parameter(3, 1, 3, 3), parameter(3)
gain, shift = parameter(3), parameter(3)
weight, bias = parameter(5, 27), parameter(5)
table = parameter(6, 5)
planes, wide = parameter(1, 17, 5, 6), parameter(16, 17, 3, 3)
parameters = [planes, wide, filters, filter_bias, gain, shift, weight, bias, table]

for _ in range(2):
    x = F.conv2d(images, filters, filter_bias, padding=1)
    x = F.batch_norm(x, None, None, gain, shift, training=True)
    x = F.max_pool2d(F.relu(x), 3)
    x = F.linear(x.flatten(1), weight, bias) + F.embedding(labels, table)
    loss = F.cross_entropy(x, labels) + x.std() * 0.1 + x.clamp(-1, 1).amax(1).mean()
    # Enough channels for transformed tiles.
    loss = loss + F.conv2d(planes, wide, padding=1).square().mean() * 0.01
    loss.backward()
    with clnet.no_grad():
        for p in parameters:
            p.sub_(p.grad, alpha=0.1)
            p.grad = None
    print(float(loss))
print(float(x.detach()[:, [0, 2]].sort().values.sum()), int(x.argmax()), float(clnet.rand(7).mean()))
