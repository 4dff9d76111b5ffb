"""The operator record and the registry of all of them.

One record states everything about an operator; the tensor methods, the function table, the tests
and the reference pages are made from it.
"""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import dispatch
from .dtypes import PYTHON_TYPES

# What people pass where a tensor is asked for.
_NO_TENSORS = (int, float, complex, str, list, tuple, dict, set, type(None), np.ndarray, np.generic)

Bind = Callable[..., tuple[tuple[Any, ...], dict[str, Any]]]

# NumPy's names of arguments, which PyTorch's functions take in place of their own.
_NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other"}
_NUMPY_KEYS = frozenset(_NUMPY_NAMES)


@dataclass(frozen=True, eq=False)
class Op:
    """One operator.

    Attributes:
        name: PyTorch's name.
        family: the planner family (the stem of its ``kernels/`` and ``ops/`` files).
        kind: how the forward is given: ``"expression"``, ``"planner"``, ``"view"``,
            ``"composite"`` or ``"host"``.
        bind: takes the public arguments, checks them, and returns (operands, attributes);
            operands are tensors or numbers, attributes are static and hashable.  Its signature
            and docstring are the public function's.
        plan: (operand layouts, attributes, caps, out layouts) -> Plan, for expressions and planners.
        view: (layout, offset, attributes) -> (layout, offset), for views.
        body: (operands, attributes) -> result in terms of other ops, for composites.
        host: (arrays, layouts, attributes) -> arrays, for host ops and the host interpreter.
        vjp: (ctx, *cotangents) -> one cotangent or None per operand, written with ops.
        jvp: (ctx, *tangents) -> output tangents; None derives it from ``vjp`` twice.
        saves: operands kept for ``vjp``; ``saves_out``: outputs kept.
        reference: the same in NumPy, on arrays (bfloat16 arrives as float32).
        samples: yields (args, kwargs) with NumPy arrays in place of tensors, for the tests.
        domain: interval of valid floating inputs of generated samples.
        method: whether tensors have it as a method; ``inplace``: whether ``name_`` exists.
        namespace: path of the module that offers it ("" is the top level).
        linear: the outputs are linear in every tensor operand together (jvp is the op itself).
        data_dependent: the result's shape depends on the operands' values.
        expression: the elementwise statement, for fusion and the choice of saved values.
        on_host: the forward, or a part of a composite's, is computed by NumPy's LAPACK on the host.
        random: the result comes from the generator; nothing to compare against.
    """

    name: str
    family: str
    kind: str
    bind: Bind
    plan: Callable[..., Any] | None = None
    view: Callable[..., Any] | None = None
    body: Callable[..., Any] | None = None
    host: Callable[..., Any] | None = None
    vjp: Callable[..., Any] | None = None
    jvp: Callable[..., Any] | None = None
    saves: tuple[int, ...] = ()
    saves_out: tuple[int, ...] = ()
    reference: Callable[..., Any] | None = None
    samples: Callable[..., Any] | None = None
    domain: tuple[float, float] = (-3.0, 3.0)
    method: bool = True
    function: bool = True
    inplace: bool = False
    namespace: str = ""
    linear: bool = False
    data_dependent: bool = False
    on_host: bool = False
    random: bool = False
    public: bool = True
    expression: Any = None
    aliases: tuple[str, ...] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs and not _NUMPY_KEYS.isdisjoint(kwargs):
            kwargs = self.renamed(kwargs)
        if kwargs and type(kwargs.get("dtype")) is type:
            kwargs["dtype"] = PYTHON_TYPES.get(kwargs["dtype"], kwargs["dtype"])
        try:
            if self.body is not None:  # its parts are dispatched one by one
                if dispatch.stack.adapt is not None:
                    args, kwargs = dispatch.stack.adapt(self, args, kwargs)
                return self.body(*args, **kwargs)
            operands, attrs = self.bind(*args, **kwargs)
        except AttributeError as error:
            self._explain(error.obj, args, kwargs)
            raise
        return dispatch.stack.top.run(self, operands, attrs)

    def _explain(self, culprit: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise TypeError if ``culprit`` is an argument that was taken for a tensor."""
        if not isinstance(culprit, _NO_TENSORS):
            return
        given = self.signature.bind_partial(*args, **kwargs).arguments
        for k, (name, value) in enumerate(given.items()):
            held = (value, *value) if isinstance(value, (list, tuple)) else (value,)
            if any(x is culprit for x in held):
                raise TypeError(f"{self.name}(): argument '{name}' (position {k + 1}) must be Tensor, not "
                                f"{type(culprit).__name__}") from None

    def renamed(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Keyword arguments with NumPy's names replaced by those of the signature."""
        own = self._parameter_names
        return {_NUMPY_NAMES[k] if k in _NUMPY_NAMES and k not in own and _NUMPY_NAMES[k] in own - kwargs.keys()
                else k: v for k, v in kwargs.items()}

    @functools.cached_property
    def _parameter_names(self) -> frozenset[str]:
        return frozenset(self.signature.parameters)

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.bind) or ""

    @property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self.bind)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


class Registry:
    """All public operators by name; a name is given once."""

    def __init__(self) -> None:
        self._ops: dict[str, Op] = {}

    def add(self, op: Op) -> Op:
        key = f"{op.namespace}.{op.name}" if op.namespace else op.name
        if key in self._ops:
            raise ValueError(f"operator {key} is declared twice")
        self._ops[key] = op
        return op

    def __getitem__(self, name: str) -> Op:
        return self._ops[name]

    def __contains__(self, name: str) -> bool:
        return name in self._ops

    def __iter__(self) -> Iterator[Op]:
        return iter(self._ops.values())

    def __len__(self) -> int:
        return len(self._ops)


registry = Registry()
