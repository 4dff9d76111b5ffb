"""The named tuples of operators with several results, under PyTorch's names (``torch.return_types``)."""
from __future__ import annotations

from collections import namedtuple

aminmax = namedtuple("aminmax", ("min", "max"))
cummax = namedtuple("cummax", ("values", "indices"))
cummin = namedtuple("cummin", ("values", "indices"))
frexp = namedtuple("frexp", ("mantissa", "exponent"))
histogram = namedtuple("histogram", ("hist", "bin_edges"))
histogramdd = namedtuple("histogramdd", ("hist", "bin_edges"))
kthvalue = namedtuple("kthvalue", ("values", "indices"))
max = namedtuple("max", ("values", "indices"))
median = namedtuple("median", ("values", "indices"))
min = namedtuple("min", ("values", "indices"))
mode = namedtuple("mode", ("values", "indices"))
nanmedian = namedtuple("nanmedian", ("values", "indices"))
sort = namedtuple("sort", ("values", "indices"))
topk = namedtuple("topk", ("values", "indices"))
