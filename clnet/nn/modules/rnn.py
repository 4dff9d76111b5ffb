"""Recurrent layers over sequences."""
from __future__ import annotations

import math
import warnings
from typing import Any

from ...core.dtypes import DType
from ...ops.recurrent import layers, packed, unpacked
from ...tensor import Tensor
from ...tensor.creation import empty, zeros
from .. import init
from ..parameter import Parameter
from ..utils.rnn import PackedSequence
from .module import Module

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
_CELLS = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "tanh", "RNN_RELU": "relu"}


class RNNBase(Module):
    """What RNN, LSTM and GRU share: parameters per layer and direction, and the call.

    Parameters are named as PyTorch's: ``weight_ih_l0``, ``weight_hh_l0``, ``bias_ih_l0``,
    ``bias_hh_l0``, with a projection ``weight_hr_l0``, and ``_reverse`` after the other direction's.
    """

    def __init__(self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device: Any = None, dtype: DType | None = None) -> None:
        super().__init__()
        self.mode, self.input_size, self.hidden_size = mode, input_size, hidden_size
        self.num_layers, self.bias, self.batch_first = num_layers, bias, batch_first
        self.dropout, self.bidirectional, self.proj_size = float(dropout), bidirectional, proj_size
        self._check_options(dropout)
        directions = 2 if bidirectional else 1
        rows, width = _GATES[mode] * hidden_size, proj_size or hidden_size
        for layer in range(num_layers):
            taken = input_size if layer == 0 else width * directions
            for suffix in ("", "_reverse")[:directions]:
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, taken), "weight_hh": (rows, width)}
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                for name, shape in shapes.items():
                    self.register_parameter(f"{name}_l{layer}{suffix}",
                                            Parameter(empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    def _check_options(self, dropout: Any) -> None:
        if isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError("dropout should be a number in range [0, 1] representing the probability of an element "
                             "being zeroed")
        if dropout > 0 and self.num_layers == 1:
            warnings.warn("dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
                          f"expects num_layers greater than 1, but got dropout={dropout} and "
                          f"num_layers={self.num_layers}", stacklevel=4)
        if self.hidden_size <= 0:
            raise ValueError("hidden_size must be greater than zero")
        if self.num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if self.proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if self.proj_size >= self.hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")

    def reset_parameters(self) -> None:
        """Draw new initial values, uniform in ±1/sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing: parameters are packed on the device as needed."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """Parameters per layer and direction."""
        flat, each = list(self.parameters()), len(list(self.parameters()))
        each //= self.num_layers * (2 if self.bidirectional else 1)
        return [flat[k:k + each] for k in range(0, len(flat), each)]

    def _state(self, given: Tensor | None, x: Tensor, width: int, order: Tensor | None, name: str) -> Tensor:
        count = self.num_layers * (2 if self.bidirectional else 1)
        expected = (count, x.shape[1], width)
        if given is None:
            return zeros(expected, dtype=x.dtype, device=x.device)
        if tuple(given.shape) != expected:
            raise RuntimeError(f"Expected {name} size {expected}, got {list(given.shape)}")
        return given if order is None else given.index_select(1, order)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The last layer's states, and the last state of every layer.

        Args:
            input: (T, N, I), (N, T, I) if ``batch_first``, (T, I), or a PackedSequence.
            hx: the first state (layers * directions, N, H), or a pair of them for an LSTM; zeros if None.

        Raises:
            RuntimeError, ValueError: shapes that don't fit.
        """
        is_packed = isinstance(input, PackedSequence)
        lengths = order = restore = None
        batched = True
        if is_packed:
            order, restore = input.sorted_indices, input.unsorted_indices
            x, lengths = unpacked(input.data, input.batch_sizes)
        else:
            x = input
            if x.ndim not in (2, 3):
                raise ValueError(f"{type(self).__name__}: Expected input to be 2D or 3D, got {x.ndim}D instead")
            batched = x.ndim == 3
            x = x.unsqueeze(1) if not batched else x.transpose(0, 1) if self.batch_first else x
        if x.shape[-1] != self.input_size:
            raise RuntimeError(f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                               f"{x.shape[-1]}")
        lstm = self.mode == "LSTM"
        given = (hx if hx is not None else (None, None)) if lstm else (hx, None)
        if not batched:
            self._check_unbatched(given)
            given = tuple(None if s is None else s.unsqueeze(1) for s in given)
        h = self._state(given[0], x, self.proj_size or self.hidden_size, order, "hidden[0]" if lstm else "hidden")
        c = self._state(given[1], x, self.hidden_size, order, "hidden[1]") if lstm else None
        y, h, c = layers(_CELLS[self.mode], x, h, c, list(self.parameters()), self.bias, self.num_layers,
                         self.dropout, self.training, self.bidirectional, lengths)
        last = [s for s in (h, c) if s is not None]
        if restore is not None:
            last = [s.index_select(1, restore) for s in last]
        if is_packed:
            result: Any = PackedSequence(packed(y, input.batch_sizes), input.batch_sizes, order, restore)
        elif batched:
            result = y.transpose(0, 1) if self.batch_first else y
        else:
            result, last = y.squeeze(1), [s.squeeze(1) for s in last]
        return result, tuple(last) if lstm else last[0]

    def _check_unbatched(self, given: Any) -> None:
        if any(s is not None and s.ndim != 2 for s in given):
            raise RuntimeError("For unbatched 2-D input, hx should also be 2-D but got "
                               f"{[s.ndim for s in given if s is not None]}-D tensor")

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size:
            text += f", proj_size={self.proj_size}"
        if self.num_layers != 1:
            text += f", num_layers={self.num_layers}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if self.batch_first:
            text += f", batch_first={self.batch_first}"
        if self.dropout:
            text += f", dropout={self.dropout}"
        if self.bidirectional:
            text += f", bidirectional={self.bidirectional}"
        return text


class RNN(RNNBase):
    """Layers of ``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``, or relu (Elman 1990)."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
                 bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
                 device: Any = None, dtype: DType | None = None) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        self.nonlinearity = nonlinearity
        super().__init__(f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first,
                         dropout, bidirectional, 0, device, dtype)


class LSTM(RNNBase):
    """Layers of long short-term memory (Hochreiter & Schmidhuber 1997), gates in the order i, f, g, o."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device: Any = None, dtype: DType | None = None) -> None:
        super().__init__("LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         proj_size, device, dtype)


class GRU(RNNBase):
    """Layers of gated recurrent units (Cho et al. 2014), gates in the order r, z, n."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, device: Any = None,
                 dtype: DType | None = None) -> None:
        super().__init__("GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0,
                         device, dtype)
