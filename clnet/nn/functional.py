"""Functions behind the layers: everything the operators declare for this path, and what is made of it."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor.methods import exported
from .attention import multi_head_attention_forward as multi_head_attention_forward

# Activations that PyTorch also offers under a name of their in-place form.
_IN_PLACE = ("celu", "elu", "hardtanh", "leaky_relu", "relu", "rrelu", "selu", "threshold")


def _in_place(name: str) -> Callable[..., Any]:
    function = exported("nn.functional")[name]

    def call(input: Any, *args: Any, **kwargs: Any) -> Any:
        return function(input, *args, inplace=True, **kwargs)

    call.__name__ = call.__qualname__ = f"{name}_"
    call.__doc__ = f"``{name}``, written over ``input``."
    return call


# Functions of the top level that PyTorch also offers here.
_TOP_LEVEL = ("bilinear", "channel_shuffle", "cosine_similarity", "native_channel_shuffle", "pairwise_distance",
              "pdist", "pixel_shuffle", "pixel_unshuffle")

globals().update({name: exported()[name] for name in _TOP_LEVEL})
globals().update(exported("nn.functional"))
globals().update({f"{name}_": _in_place(name) for name in _IN_PLACE})


def __getattr__(name: str) -> Callable[..., Any]:
    raise AttributeError(f"module {__name__!r} has no function {name!r}")
