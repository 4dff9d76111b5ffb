"""Vision transformers (Dosovitskiy et al. 2020, "An image is worth 16x16 words")."""
from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from ... import nn
from ...ops.join import cat
from ...tensor import Tensor
from ...tensor.creation import empty, zeros
from .weights import refuse_weights

Norm = Callable[[int], nn.Module]


class MLPBlock(nn.Sequential):
    """Two linear layers with GELU between, dropout after each."""

    def __init__(self, in_dim: int, mlp_dim: int, dropout: float) -> None:
        super().__init__(nn.Linear(in_dim, mlp_dim), nn.GELU(), nn.Dropout(dropout),
                         nn.Linear(mlp_dim, in_dim), nn.Dropout(dropout))
        for m in self:
            if isinstance(m, nn.Linear) and m.bias is not None:
                nn.init.xavier_uniform_(m.weight)
                nn.init.normal_(m.bias, std=1e-6)


class EncoderBlock(nn.Module):
    """Attention and the two linear layers, each normalised before and around a shortcut."""

    def __init__(self, num_heads: int, hidden_dim: int, mlp_dim: int, dropout: float, attention_dropout: float,
                 norm_layer: Norm) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.ln_1 = norm_layer(hidden_dim)
        self.self_attention = nn.MultiheadAttention(hidden_dim, num_heads, dropout=attention_dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = norm_layer(hidden_dim)
        self.mlp = MLPBlock(hidden_dim, mlp_dim, dropout)

    def forward(self, input: Tensor) -> Tensor:
        x = self.ln_1(input)
        x, _ = self.self_attention(x, x, x, need_weights=False)
        x = self.dropout(x) + input
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Blocks over a sequence (N, S, E) with learned positions."""

    def __init__(self, seq_length: int, num_layers: int, num_heads: int, hidden_dim: int, mlp_dim: int,
                 dropout: float, attention_dropout: float, norm_layer: Norm) -> None:
        super().__init__()
        self.pos_embedding: Any = nn.Parameter(nn.init.normal_(empty(1, seq_length, hidden_dim), std=0.02))
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(OrderedDict(
            (f"encoder_layer_{i}", EncoderBlock(num_heads, hidden_dim, mlp_dim, dropout, attention_dropout,
                                                norm_layer)) for i in range(num_layers)))
        self.ln = norm_layer(hidden_dim)

    def forward(self, input: Tensor) -> Tensor:
        return self.ln(self.layers(self.dropout(input + self.pos_embedding)))


class VisionTransformer(nn.Module):
    """Images (N, 3, image_size, image_size) to scores (N, num_classes).

    Args:
        patch_size: side of the squares that are the sequence's elements.
        num_layers, num_heads, hidden_dim, mlp_dim: of the encoder.
        dropout, attention_dropout: in the encoder.
        representation_size: width of a layer before the last, if any.
    """

    def __init__(self, image_size: int, patch_size: int, num_layers: int, num_heads: int, hidden_dim: int,
                 mlp_dim: int, dropout: float = 0.0, attention_dropout: float = 0.0, num_classes: int = 1000,
                 representation_size: int | None = None, norm_layer: Norm | None = None) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ValueError("Input shape indivisible by patch size!")
        norm_layer = norm_layer or partial(nn.LayerNorm, eps=1e-6)
        self.image_size, self.patch_size, self.hidden_dim = image_size, patch_size, hidden_dim
        self.conv_proj = nn.Conv2d(3, hidden_dim, patch_size, patch_size)
        self.class_token = nn.Parameter(zeros(1, 1, hidden_dim))
        self.seq_length = (image_size // patch_size) ** 2 + 1
        self.encoder = Encoder(self.seq_length, num_layers, num_heads, hidden_dim, mlp_dim, dropout,
                               attention_dropout, norm_layer)
        heads: dict[str, nn.Module] = {}
        if representation_size is not None:
            before: Any = nn.Linear(hidden_dim, representation_size)
            nn.init.trunc_normal_(before.weight, std=math.sqrt(1 / hidden_dim))
            nn.init.zeros_(before.bias)
            heads = {"pre_logits": before, "act": nn.Tanh()}
        head: Any = nn.Linear(representation_size or hidden_dim, num_classes)
        heads["head"] = head
        self.heads = nn.Sequential(OrderedDict(heads))
        nn.init.trunc_normal_(self.conv_proj.weight, std=math.sqrt(1 / (3 * patch_size ** 2)))
        projection: Any = self.conv_proj
        nn.init.zeros_(projection.bias)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2:] != (self.image_size, self.image_size):
            raise ValueError(f"Wrong image size! Expected {self.image_size} but got {tuple(x.shape[-2:])}!")
        patches = self.conv_proj(x).flatten(2).transpose(1, 2)
        token = self.class_token.expand(x.shape[0], -1, -1)
        return self.heads(self.encoder(cat((token, patches), 1))[:, 0])


def _vit(name: str, sizes: tuple[int, int, int, int, int], weights: Any,
         settings: dict[str, Any]) -> VisionTransformer:
    refuse_weights(name, weights, settings)
    patch, layers, heads, hidden, mlp = sizes
    return VisionTransformer(settings.pop("image_size", 224), patch, layers, heads, hidden, mlp, **settings)


def vit_b_16(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VisionTransformer:
    """The base size on squares of 16x16: 86.6 million parameters."""
    return _vit("vit_b_16", (16, 12, 12, 768, 3072), weights, kwargs)


def vit_b_32(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VisionTransformer:
    """The base size on squares of 32x32: 88.2 million parameters."""
    return _vit("vit_b_32", (32, 12, 12, 768, 3072), weights, kwargs)


def vit_l_16(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> VisionTransformer:
    """The large size on squares of 16x16: 304 million parameters."""
    return _vit("vit_l_16", (16, 24, 16, 1024, 4096), weights, kwargs)
