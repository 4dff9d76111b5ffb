"""Names for annotations, as ``torch.types`` has them."""
from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from typing import Any, TypeAlias, Union

from .core.dtypes import DType
from .core.layout import Size
from .device import Device as _Device
from .tensor import Tensor

Number: TypeAlias = Union[builtins.int, builtins.float, builtins.bool]  # noqa: UP007
Device: TypeAlias = Union[_Device, builtins.str, builtins.int, None]  # noqa: UP007
FileLike: TypeAlias = Any
Storage: TypeAlias = Any
PathLike: TypeAlias = Union[builtins.str, os.PathLike]  # noqa: UP007
__all__ = ["DType", "Device", "FileLike", "Number", "PathLike", "Sequence", "Size", "Storage", "Tensor"]
