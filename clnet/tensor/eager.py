"""The eager interpreter: each call is planned once per layout, enqueued at once, and recorded."""
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import graph
from ..autograd.mode import grad_mode
from ..core import dtypes as dt
from ..core.config import settings
from ..core.layout import Layout
from ..core.op import Op
from ..core.plan import Number, Plan
from ..device import Device, current_device
from . import interchange
from .host import HostRunner
from .runner import Runner, ShapesAlone
from .tensor import Tensor

_NUMBERS = {bool: Number("bool"), int: Number("int"), float: Number("float"),
            complex: Number("complex")}
# Distinct (op, layouts) plans kept per device before the cache starts afresh.
_PLAN_LIMIT = 50_000


class EagerInterpreter:
    """The base of the dispatch stack.

    Attributes:
        tuner: finds a better plan for a new call, where the settings ask for it; or None.
    """

    tuner: Callable[..., Plan] | None = None

    def run(self, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any],
            out: Any = None) -> Any:
        kind = op.kind
        if kind == "view":
            return self._view(op, operands, attrs)
        if kind == "host":
            return self._host(op, operands, attrs)
        key: list[Any] = [op, tuple(attrs.items())] if attrs else [op]
        device: Device | None = None
        recorded = False
        for x in operands:
            if type(x) is Tensor or isinstance(x, Tensor):
                key.append(x.layout)
                if x.tracked or x.storage.rebased:
                    recorded = True
                if device is None:
                    device = x.storage.device
                elif x.storage.device is not device:
                    device = self._resolve_device(op, operands)
                    operands = tuple(_move_scalar(x, device) for x in operands)
                    return self.run(op, operands, attrs, out)
            else:
                key.append(type(x))
        if device is None:
            device = out[0].storage.device if out is not None else attrs.get("device") or current_device()
        if out is not None:
            for t in out:
                key.append(t.layout)
                if t.tracked or t.storage.rebased:
                    recorded = True
        runner = device.plans.get(tuple(key))
        if runner is None:
            runner = self._plan(op, operands, attrs, out, device, tuple(key))
        if out is None:
            results = [Tensor.allocate(device, layout) for layout in runner.outputs]
        else:
            results = out
        if runner.steps:
            runner(operands, results)
            if device.shares:
                _finish_shared(device, operands, results)
        if recorded and grad_mode.enabled:
            graph.record(op, operands, attrs, results, out)
        elif out is not None:
            graph.mutated(results)
        return results[0] if runner.single else tuple(results)

    def _plan(self, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any], out: Any,
              device: Device, key: tuple[Any, ...]) -> Runner | HostRunner | ShapesAlone:
        layouts = [describe(x, op) for x in operands]
        planned = tuple(t.layout for t in out) if out is not None else None
        if op.plan is None:
            raise NotImplementedError(f"{op.name} has no kernel")
        plan = op.plan(layouts, attrs, device.caps, planned)
        runner: Runner | HostRunner | ShapesAlone
        if not device.runtime.computes:
            runner = ShapesAlone(plan)
        elif device.runtime.interprets:
            runner = HostRunner(op, plan, layouts, attrs, device)
        else:
            if self.tuner is not None and planned is None and settings().tune:
                plan = self.tuner(op, layouts, attrs, device, plan)
            runner = Runner(plan, device)
        _remember(device.plans, key, runner)
        return runner

    def _host(self, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        """A call that its record computes in NumPy: the operands come down, the results go up."""
        tensors = [x for x in operands if isinstance(x, Tensor)]
        if len({x.storage.device for x in tensors}) > 1:
            device = self._resolve_device(op, operands)
            operands = tuple(_move_scalar(x, device) for x in operands)
            return self._host(op, operands, attrs)
        if settings().verbose:  # Python shows a warning once per text and place
            warnings.warn(f"{op.name.strip('_')}: computed on the host, by NumPy", stacklevel=3)
        arrays = [interchange.values(x) if isinstance(x, Tensor) else x for x in operands]
        got = op.host(arrays, [describe(x, op) for x in operands], attrs)  # type: ignore[misc]
        single = not isinstance(got, tuple)
        made = [np.asarray(a) for a in ((got,) if single else got)]
        device = tensors[0].storage.device
        results = [interchange.upload(a, dt.from_numpy(a.dtype), device) for a in made]
        if grad_mode.enabled and any(x.tracked or x.storage.rebased for x in tensors):
            graph.record(op, operands, attrs, results, None)
        return results[0] if single else tuple(results)

    def _view(self, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        base = operands[0]
        plans = base.storage.device.plans
        key = (op, base.layout, *attrs.values())
        moved = plans.get(key)
        if moved is None:
            moved = op.view(base.layout, 0, **attrs)  # type: ignore[misc]
            _remember(plans, key, moved)
        offset, itemsize = base.offset, moved[0].dtype.itemsize
        if itemsize != base.itemsize:  # complex numbers seen as reals, or reals as complex
            offset = offset * base.itemsize // itemsize
        result = Tensor.over(base.storage, offset + moved[1], moved[0])
        graph.record_view(op, base, attrs, result)
        return result

    def _resolve_device(self, op: Op, operands: tuple[Any, ...]) -> Device:
        """The common device; 0-d tensors of another one are moved (as PyTorch does for the CPU's).

        Raises:
            RuntimeError: operands with dimensions live on different devices.
        """
        tensors = [x for x in operands if isinstance(x, Tensor)]
        sized = {x.device for x in tensors if x.ndim} or {tensors[0].device}
        if len(sized) > 1:
            raise RuntimeError(
                f"{op.name}: Expected all tensors to be on the same device, but found at least two "
                f"devices, {' and '.join(sorted(map(str, sized)))}; operands: "
                f"{', '.join(f'{x.layout} on {x.device}' for x in tensors)}")
        return sized.pop()


def _remember(plans: dict[Any, Any], key: Any, plan: Any) -> None:
    if len(plans) >= _PLAN_LIMIT:
        plans.clear()
    plans[key] = plan


def describe(x: Any, op: Op) -> Layout | Number:
    """An operand as planners see it.

    Raises:
        TypeError: neither a tensor nor a number.
    """
    if isinstance(x, Tensor):
        return x.layout
    number = _NUMBERS.get(type(x))
    if number is None:
        raise TypeError(f"{op.name}(): expected a Tensor or a number, got {type(x).__name__}")
    return number


def _move_scalar(x: Any, device: Device) -> Any:
    return x.to(device) if isinstance(x, Tensor) and x.storage.device is not device else x


def _finish_shared(device: Device, operands: Any, results: Any) -> None:
    """Wait if the host looks at any memory the launch touched (see Storage.shares)."""
    for x in (*operands, *results):
        if isinstance(x, Tensor) and x.storage.shares:
            device.synchronize()
            return
