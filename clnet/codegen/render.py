"""From a KernelSpec to source text: expressions to C, skeletons through Mako."""
from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from ..core import dtypes as dt
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.errors import DeviceError
from ..core.program import KernelSource
from . import primitives as _primitives  # noqa: F401  (declares them)
from . import types
from .complex import lower
from .expr import Apply, Arg, Const, Expr, postorder
from .spec import KernelSpec

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
_ENTRY = "KERNEL_ENTRY"
_DOUBLE = re.compile(r"^(?!\s*//).*\b(convert_)?double\d*\b", re.MULTILINE)


class ExpressionWriter:
    """Writes expressions as C statements for one vector width; equal parts are computed once."""

    def __init__(self, width: int, prefix: str = "t") -> None:
        self.width, self.prefix = width, prefix
        self.lines: list[str] = []
        self._names: dict[Expr, str] = {}
        self._count = 0

    def bind(self, node: Expr, name: str) -> None:
        """Let ``name`` stand for a node, e.g. a loaded operand."""
        self._names[node] = name

    def line(self, text: str) -> None:
        self.lines.append(text)

    def declare(self, dtype: DType, value: str) -> str:
        """A new constant of that type; returns its name."""
        name = f"{self.prefix}{self._count}"
        self._count += 1
        self.line(f"const {types.register_type(dtype, self.width)} {name} = {value};")
        return name

    def boolean(self, condition: str) -> str:
        """A C condition as bool registers (0 or 1)."""
        if self.width > 1:
            return f"convert_uchar{self.width}(-({condition}))"
        return f"((uchar)({condition}))"

    def mask(self, boolean: str, dtype: DType) -> str:
        """Bool registers as the condition that selects between values of ``dtype``."""
        if self.width == 1:
            return boolean
        kind = types.mask_type(dtype, self.width)
        return f"(convert_{kind}({boolean}) != ({kind})(0))"

    def select(self, condition: str, a: str, b: str, dtype: DType) -> str:
        if self.width > 1:
            return f"select({b}, {a}, {condition})"
        return f"(({condition}) ? {a} : {b})"

    def any(self, condition: str) -> str:
        return f"any({condition})" if self.width > 1 else condition

    def write(self, root: Expr) -> str:
        """Statements for ``root`` appended to ``lines``; returns the name holding its value."""
        root = lower(root)
        for node in postorder(root):
            if node in self._names:
                continue
            if isinstance(node, Const):
                self._names[node] = types.literal(node.value, node.dtype, self.width)
            elif isinstance(node, Apply):
                text = node.primitive.c(self, node.dtype, tuple(o.dtype for o in node.operands),
                                        *(self._names[o] for o in node.operands))
                self._names[node] = self.declare(node.dtype, text)
            elif isinstance(node, Arg):
                raise KeyError(f"operand {node!r} is not bound to a register")
        return self._names[root]


class SourceRenderer:
    """Owns the parsed skeletons."""

    @cached_property
    def _lookup(self) -> Any:
        # Mako takes 50 ms to import, which a process that builds nothing need not wait for.
        lookup = importlib.import_module("mako.lookup")
        return lookup.TemplateLookup(directories=[str(TEMPLATES)], strict_undefined=True,
                                     filesystem_checks=False)

    def __call__(self, spec: KernelSpec, caps: DeviceCaps) -> KernelSource:
        """The source of one kernel; the entry name holds a digest of the text.

        Raises:
            FileNotFoundError: the skeleton is missing from the installation.
            DeviceError: the kernel computes in float64, which the device lacks.
        """
        try:
            template = self._lookup.get_template(f"{spec.template}.cl.mako")
        except Exception as error:
            raise FileNotFoundError(
                f"kernel template {spec.template}.cl.mako is missing or broken in {TEMPLATES}: "
                f"{error}; reinstall clnet") from error
        body = template.render(entry=_ENTRY, spec=spec, caps=caps, local_size=spec.local_size,
                               types=types, dt=dt, Writer=ExpressionWriter, Arg=Arg,
                               cast=_primitives.cast, f=_primitives.f, **dict(spec.params))
        prelude = self._lookup.get_template("prelude.cl.mako").render(body=body, caps=caps)
        text = prelude + body
        if not caps.fp64 and _DOUBLE.search(text):
            raise DeviceError(f"{spec.name}: {caps.name} has no float64 arithmetic (cl_khr_fp64); convert "
                              "the operands to float32 on the host or on another device")
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        entry = f"{spec.name}_{digest}"
        return KernelSource(entry=entry, source=text.replace(_ENTRY, entry),
                            local_size=spec.local_size, arg_types=spec.arg_types,
                            faults=bool(spec.faults))


render: Callable[[KernelSpec, DeviceCaps], KernelSource] = SourceRenderer()


def plan_vector_width(dtypes: Any, caps: DeviceCaps) -> int:
    """Lanes per work-item of a streaming kernel: 64 bytes of the widest register type on CPUs."""
    if caps.plan_class != "cpu":
        return 1
    widest = max(types.register_dtype(d).itemsize for d in dtypes)
    return 16 if widest <= 4 else 8
