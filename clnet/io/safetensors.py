"""Files of the safetensors format: a flat dictionary of tensors, no code."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from safetensors import SafetensorError, deserialize

from ..core import dtypes as dt
from ..device import Device
from ..tensor import Tensor
from ..tensor.interchange import bits, upload
from .archive import CheckpointError

_CODES = {"BOOL": dt.bool_, "U8": dt.uint8, "I8": dt.int8, "I16": dt.int16, "I32": dt.int32, "I64": dt.int64,
          "U16": dt.uint16, "U32": dt.uint32,
          "U64": dt.uint64, "F16": dt.float16, "BF16": dt.bfloat16, "F32": dt.float32, "F64": dt.float64}
_NAMES = {dtype: code for code, dtype in _CODES.items()}


def write(tensors: Any, file: IO[bytes]) -> None:
    """Write a dictionary of tensors.

    Raises:
        TypeError: something else than tensors by name, or a type that the format lacks.
    """
    if not isinstance(tensors, Mapping):
        raise TypeError(f"a safetensors file holds a dict of tensors, not a {type(tensors).__name__}")
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, x in tensors.items():
        if not isinstance(name, str) or not isinstance(x, Tensor):
            raise TypeError(f"a safetensors file holds tensors by name; {name!r} is a {type(x).__name__}. "
                            "Other objects fit a file whose name does not end in .safetensors")
        if x.dtype not in _NAMES:
            raise TypeError(f"the safetensors format has no elements of {x.dtype} ({name!r})")
        start, end = end, end + x.nbytes
        header[name] = {"dtype": _NAMES[x.dtype], "shape": list(x.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data that follows is aligned
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for x in tensors.values():
        # The package's own writer wants all tensors in host memory at once, and its interface
        # changed between versions that are in use; the format itself is fixed.
        file.write(bits(x).tobytes())


def read(data: bytes, name: str, place: Any) -> dict[str, Tensor]:
    """The tensors of a file's contents, each on the device that ``place`` gives for "cpu".

    Raises:
        CheckpointError: the contents are damaged, or hold a type that tensors don't have.
    """
    try:
        entries = deserialize(data)
    except SafetensorError as error:
        raise CheckpointError(f"{name}: not a readable safetensors file: {error}") from None
    device: Device = place("cpu")
    out = {}
    for key, entry in entries:
        dtype = _CODES.get(entry["dtype"])
        if dtype is None:
            raise CheckpointError(f"{name}: {key!r} has elements of type {entry['dtype']}, which tensors "
                                  "lack")
        array = np.frombuffer(bytes(entry["data"]), dtype.storage).reshape(entry["shape"])
        out[key] = upload(array, dtype, device)
    return out
