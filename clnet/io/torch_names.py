"""How PyTorch's pickles name what tensors consist of."""
from __future__ import annotations

from ..core import dtypes as dt
from ..core.dtypes import DType

STORAGE_CLASSES: dict[str, DType] = {
    "FloatStorage": dt.float32, "DoubleStorage": dt.float64, "HalfStorage": dt.float16,
    "BFloat16Storage": dt.bfloat16, "LongStorage": dt.int64, "IntStorage": dt.int32,
    "ShortStorage": dt.int16, "CharStorage": dt.int8, "ByteStorage": dt.uint8, "BoolStorage": dt.bool_,
    "ComplexFloatStorage": dt.complex64, "ComplexDoubleStorage": dt.complex128}
STORAGE_NAMES = {dtype: name for name, dtype in STORAGE_CLASSES.items()}
DTYPES: dict[str, DType] = {d.name: d for d in dt.ALL}
