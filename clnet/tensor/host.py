"""Operators on the host: plans give the results' layouts, the records' NumPy statements the rest."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..codegen.expr import from_storage, to_storage
from ..core.layout import Layout
from ..core.op import Op
from ..core.plan import Number, Plan
from ..device import Device
from .tensor import Tensor


def elements(x: Tensor) -> np.ndarray:
    """The tensor's storage bits where they lie, as an array of its shape and strides."""
    if not x.numel():
        return np.empty(tuple(x.shape), x.dtype.storage)
    block = x.storage.block
    memory = x.storage.device.host_view(block)
    assert memory is not None  # of a device that interprets
    itemsize = x.dtype.itemsize
    return np.ndarray(tuple(x.shape), x.dtype.storage, memory, x.offset * itemsize - block.offset,
                      tuple(s * itemsize for s in x.layout.strides))


class HostRunner:
    """A call of an operator on a device that interprets, with the interface of a Runner."""

    __slots__ = ("outputs", "single", "steps", "_op", "_layouts", "_attrs")

    def __init__(self, op: Op, plan: Plan, layouts: list[Layout | Number], attrs: dict[str, Any],
                 device: Device) -> None:
        if op.host is None:
            raise NotImplementedError(
                f"{op.name} cannot run on {device}, which is the host without OpenCL in this process: "
                "use an OpenCL device, or NumPy")
        self.outputs, self.single = plan.outputs, plan.single
        self.steps = (op.host,)
        self._op, self._layouts, self._attrs = op, layouts, attrs

    def __call__(self, operands: Any, results: Any) -> None:
        """Compute the results."""
        if self._op.kind == "expression":
            arrays = [elements(x) if isinstance(x, Tensor) else x for x in operands]
        else:
            arrays = [from_storage(elements(x), x.dtype) if isinstance(x, Tensor) else x for x in operands]
        with np.errstate(all="ignore"):
            got = self._op.host(arrays, self._layouts, self._attrs)  # type: ignore[misc]
            for result, values in zip(results, (got,) if self.single else got):
                if self._op.kind != "expression":
                    values = to_storage(np.asarray(values), result.dtype)
                # A copy, for the values may be a view of an operand that is also the result.
                elements(result)[...] = np.broadcast_to(np.array(values), tuple(result.shape))
