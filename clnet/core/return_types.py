"""The named tuples of operators with several results, under PyTorch's names (``torch.return_types``)."""
from __future__ import annotations

from collections import namedtuple

_PAIRS = ("values", "indices")

aminmax = namedtuple("aminmax", ("min", "max"))
cummax = namedtuple("cummax", _PAIRS)
cummin = namedtuple("cummin", _PAIRS)
frexp = namedtuple("frexp", ("mantissa", "exponent"))
histogram = namedtuple("histogram", ("hist", "bin_edges"))
histogramdd = namedtuple("histogramdd", ("hist", "bin_edges"))
kthvalue = namedtuple("kthvalue", _PAIRS)
max = namedtuple("max", _PAIRS)
median = namedtuple("median", _PAIRS)
min = namedtuple("min", _PAIRS)
mode = namedtuple("mode", _PAIRS)
nanmedian = namedtuple("nanmedian", _PAIRS)
sort = namedtuple("sort", _PAIRS)
topk = namedtuple("topk", _PAIRS)
