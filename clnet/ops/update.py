"""Optimizer updates: the records, and how lists of tensors are handed to their kernels.

An update's kernel writes parameters and their state together, many tensors at once.  Everything that
changes from step to step (learning rate, corrections of the step count) is a run-time operand: a number, or
a 0-d tensor on the device.  Calls belong under ``no_grad``.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..codegen.expr import Expr
from ..core import dispatch
from ..core import dtypes as dt
from ..core.caps import DeviceCaps
from ..core.op import Op
from ..core.plan import Plan
from ..host import update as host_update
from ..kernels import elementwise as elementwise_kernel
from ..kernels import update as kernel
from .declare import plain_bind, planner

Build = Callable[..., list[Expr]]


class Elements:
    """An update of every element of many tensors.

    Args:
        build: takes the attributes and returns a function from a tensor's roles (parameter, gradient,
            states) and the uniform values to the new values of the roles ``written``; the parameter first.
        roles: how many there are.
    """

    def __init__(self, name: str, build: Callable[..., Build], roles: int, written: Sequence[int]) -> None:
        self.roles, self.written = roles, tuple(written)

        def plan(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
            return kernel.plan(name, build(**_choices(attrs)), operands, roles, self.written, out, caps)

        def host(arrays: Any, layouts: Any, attrs: dict[str, Any]) -> Any:
            return host_update.elements(build(**_choices(attrs)), arrays, layouts, roles, attrs["tensors"])

        self.op: Op = planner(name, plain_bind, plan, family="update", public=False, host=host)

    def __call__(self, tensors: Sequence[Sequence[Any]], uniforms: Sequence[Any], **attrs: Any) -> None:
        """Write the new values of all tensors.

        Args:
            tensors: one list per role; entries at one place belong together and have equal shapes.
            uniforms: numbers, or 0-d tensors.
        """
        singles: list[Sequence[Any]] = []
        groups: dict[Any, list[Sequence[Any]]] = {}
        seen: set[int] = set()
        for roles in zip(*tensors):
            layout = roles[0].layout
            # A tensor that is given twice takes one step after the other.
            repeated = id(roles[0]) in seen
            seen.add(id(roles[0]))
            if repeated or not kernel.gapless(layout) or any(
                    x.layout is not layout and x.layout.strides != layout.strides for x in roles):
                singles.append(roles)
            elif layout.numel:
                key = (roles[0].storage.device, *(x.layout.dtype for x in roles))
                groups.setdefault(key, []).append(roles)
        limit = kernel.most_slots(self.roles)
        for members in groups.values():
            for start in range(0, len(members), limit):
                self._run(members[start:start + limit], uniforms, attrs)
        for single in singles:
            self._run([single], uniforms, attrs)

    def _run(self, members: Sequence[Sequence[Any]], uniforms: Sequence[Any], attrs: dict[str, Any]) -> None:
        operands = (*(x for roles in members for x in roles), *uniforms)
        out = tuple(roles[r] for roles in members for r in self.written)
        dispatch.stack.top.run(self.op, operands, {**attrs, "tensors": len(members)}, out)


def _choices(attrs: dict[str, Any]) -> dict[str, Any]:
    """The attributes that choose the formula."""
    return {name: value for name, value in attrs.items() if name != "tensors"}


class Scalars:
    """An update of 0-d tensors, such as step counts and what depends on them alone.

    ``build`` takes the attributes and returns a function from the operands to the values of the results.
    The computation has float64 where the device does.
    """

    def __init__(self, name: str, build: Callable[..., Build]) -> None:
        def plan(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
            compute = dt.float64 if caps.fp64 else dt.float32
            return elementwise_kernel.plan(name, build(**attrs), operands, compute, out, caps)

        def host(arrays: Any, layouts: Any, attrs: dict[str, Any]) -> Any:
            return host_update.scalars(build(**attrs), arrays, layouts, dt.float64)

        self.op: Op = planner(name, plain_bind, plan, family="update", public=False, host=host)

    def __call__(self, operands: Sequence[Any], results: Sequence[Any], **attrs: Any) -> None:
        """Write ``results``, which may be among the operands (0-d tensors and numbers)."""
        dispatch.stack.top.run(self.op, tuple(operands), attrs, tuple(results))
