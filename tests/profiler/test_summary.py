"""Summaries: shapes, parameters and operations of known models."""
from __future__ import annotations

import pytest

import clnet
from clnet import nn


def test_rows_and_totals():
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, groups=1), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(),
                          nn.Linear(4 * 16, 5, bias=False))
    model[4].weight.requires_grad_(False)
    state = clnet.get_rng_state().tolist()
    about = clnet.summary(model, clnet.ones(2, 3, 4, 4))
    assert about["0"].output_shape == (2, 4, 4, 4) and about["4"].output_shape == (2, 5)
    assert about["0"].flops == 2 * 2 * 16 * 4 * 27 and about["4"].flops == 2 * 2 * 64 * 5
    assert about.total_flops == about["0"].flops + about["4"].flops
    assert about.total_params == 4 * 27 + 4 + 8 + 320 and about.trainable_params == about.total_params - 320
    assert about.parameter_bytes == 4 * about.total_params
    assert model.training and model[2].training and model[1].num_batches_tracked.item() == 0
    assert clnet.get_rng_state().tolist() == state
    text = str(about)
    assert "0: Conv2d" in text and "(2, 4, 4, 4)" in text and f"{about.total_flops:,}" in text
    assert "Conv2d" not in about.table(depth=0)
    with pytest.raises(KeyError):
        about["5"]


def test_shapes_and_shared_modules():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)
            self.lstm = nn.LSTM(4, 16)

        def forward(self, x, scale=1):
            return self.lstm(self.layer(self.layer(x)) * scale)

    about = clnet.summary(Twice(), (5, 2, 4), scale=2)
    assert about["layer"].calls == 2 and about["layer"].flops == 2 * (2 * 10 * 4 * 4)
    assert about.total_params == 20 + 64 * (4 + 16 + 2)
    assert about["lstm"].output_shape == [(5, 2, 16), [(1, 2, 16), (1, 2, 16)]]
    assert about["lstm"].flops == 2 * 10 * 64 * (4 + 16)
