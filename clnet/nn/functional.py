"""Functions behind the layers: everything the operators declare for this path."""
from __future__ import annotations

from ..tensor.methods import exported

globals().update(exported("nn.functional"))
