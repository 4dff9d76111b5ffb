"""The public functions and tensor methods, generated from the registry."""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from ..autograd import graph
from ..core import dispatch
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.op import Op, registry
from ..ops import arithmetic, comparison, matmul
from .interchange import from_numpy
from .tensor import Tensor

# Families that write ``out=`` as it is computed, without conversion, and operators that go with them or not.
_EXACT_FAMILIES = frozenset({"matmul", "gather", "index", "scatter", "sort", "rowwise", "pool"})
_EXACT = frozenset({"argmax", "argmin", "amax", "amin"})
_CONVERTING = frozenset({"outer", "addr", "kron"})


def out_variant(op: Op) -> Callable[..., Any]:
    """The public function of an operator, with ``out=``."""
    exact = op.name in _EXACT or op.family in _EXACT_FAMILIES and op.name not in _CONVERTING

    def call(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        if out is None:
            return op(*args, **kwargs)
        targets = tuple(out) if isinstance(out, (tuple, list)) else (out,)
        given = (*args, *kwargs.values())
        for t in (*targets, *given) if graph.grad_mode.enabled else ():
            if isinstance(t, Tensor) and t.requires_grad:
                raise RuntimeError(f"{op.name}(): functions with out=... arguments don't support "
                                   "automatic differentiation, but one of the arguments requires grad.")
        if op.kind == "expression" and _fills(op, given, targets[0]):
            operands, attrs = op.bind(*args, **(op.renamed(kwargs) if kwargs else kwargs))
            write(op, operands, attrs, targets[0])
            return out
        results = op(*args, **kwargs)
        for target, result in zip(targets, results if isinstance(results, (tuple, list)) else (results,)):
            if not dt.can_cast(result.dtype, target.dtype):
                raise RuntimeError(f"{op.name}: result type {result.dtype} can't be cast to the desired "
                                   f"output type {target.dtype}")
            if exact and target.dtype is not result.dtype:
                raise RuntimeError(f"{op.name}: Expected out tensor to have dtype {result.dtype}, but got "
                                   f"{target.dtype} instead")
            if target.shape != result.shape:
                target.resize_(result.shape)
            elif op.kind == "expression":
                for x in given:
                    if isinstance(x, Tensor):
                        meets(x, target)
            target.copy_(result)
        return out

    return _dressed(call, op, out=True)


def _fills(op: Op, given: tuple[Any, ...], target: Tensor) -> bool:
    """Whether an elementwise call computes exactly the elements of ``target``, where its kernel can put them."""
    if op.body is not None or not all(
            x.storage.device is target.storage.device and not x.tracked if isinstance(x, Tensor)
            else isinstance(x, (bool, int, float)) for x in given):
        return False
    return lay.broadcast_shapes(*(x.shape for x in given if isinstance(x, Tensor))) == target.shape


class _LazySignature(inspect.Signature):
    """The signature of an operator's function, worked out when somebody asks: importing makes thousands."""

    __slots__ = ("_op", "_out", "_found")

    def __init__(self, op: Op, out: bool) -> None:
        self._op, self._out = op, out
        self._found: Any = None

    @property
    def _parameters(self) -> Any:
        if self._found is None:
            parameters = list(self._op.signature.parameters.values())
            if self._out:
                extra = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)
                parameters = [p for p in parameters if p.name != "out"]
                at = len(parameters) - any(p.kind is p.VAR_KEYWORD for p in parameters)
                parameters.insert(at, extra)
            self._found = MappingProxyType({p.name: p for p in parameters})
        return self._found

    _return_annotation = inspect.Signature.empty


def _dressed(call: Callable[..., Any], op: Op, name: str = "", out: bool = False) -> Callable[..., Any]:
    call.__name__ = call.__qualname__ = name or op.name
    call.__doc__ = op.bind.__doc__
    setattr(call, "__signature__", _LazySignature(op, out))
    return call


def inplace_method(op: Op) -> Callable[..., Any]:
    """``x.name_(...)``: the result written over ``x``."""
    def call(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        graph.check_writable(self)
        if op.body is not None:
            # What its parts keep for backward must outlive the write.
            kept = self.clone() if self.requires_grad else self
            result = op(kept, *args, **kwargs)
            if not dt.can_cast(result.dtype, self.dtype):
                raise RuntimeError(f"{op.name}: result type {result.dtype} can't be cast to the desired output "
                                   f"type {self.dtype}")
            return self.copy_(result)
        operands, attrs = op.bind(self, *args, **(op.renamed(kwargs) if kwargs else kwargs))
        write(op, operands, attrs, self)
        return self

    return _dressed(call, op, f"{op.name}_")


def write(op: Op, operands: tuple[Any, ...], attrs: dict[str, Any], target: Tensor) -> None:
    """Run an elementwise call with its result written over ``target``.

    Raises:
        RuntimeError: ``target`` is an expanded tensor whose elements share memory.
    """
    if 0 in target.layout.strides and any(
            s == 0 and n > 1 for s, n in zip(target.layout.strides, target.shape)):
        raise RuntimeError("unsupported operation: more than one element of the written-to tensor "
                           "refers to a single memory location. Please clone() the tensor before "
                           "performing the operation.")
    operands = tuple(_apart(x, target) for x in operands)
    dispatch.stack.top.run(op, operands, attrs, (target,))


def _apart(x: Any, target: Tensor) -> Any:
    """An operand, copied first if it may share the target's memory at other indices; see ``meets``."""
    return x.clone() if isinstance(x, Tensor) and meets(x, target) else x


def meets(x: Tensor, target: Tensor) -> bool:
    """Whether another tensor may share memory with one that is to be written, at other indices.

    Raises:
        RuntimeError: it does so plainly, both having their elements side by side.
    """
    if x.storage is not target.storage or x is target or (
            x.offset == target.offset and x.layout is target.layout):
        return False
    (x_first, x_end), (first, end) = ((t.offset * t.itemsize, (t.offset + t.layout.extent()) * t.itemsize)
                                      for t in (x, target))
    if x_first >= end or first >= x_end:
        return False
    same = (x_first, x_end, x.layout.strides) == (first, end, target.layout.strides)
    if not same and all(t.layout.extent() == t.layout.numel and not lay.overlaps(t.layout) for t in (x, target)):
        raise RuntimeError("unsupported operation: some elements of the input tensor and the written-to tensor "
                           "refer to a single memory location. Please clone() the tensor before performing the "
                           "operation.")
    return True


def _method(op: Op) -> Callable[..., Any]:
    if op.kind == "expression" and len(op.signature.parameters) == 1:
        def unary(self: Tensor) -> Any:
            return dispatch.stack.top.run(op, (self,), {})
        return _dressed(unary, op)

    def call(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        return op(self, *args, **kwargs)
    return _dressed(call, op)


def _operator(op: Op) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """``a op b`` and its reflection, by the shortest way to the dispatch."""
    stack = dispatch.stack

    def forward(self: Tensor, other: Any) -> Any:
        if isinstance(other, (Tensor, int, float)):
            return stack.top.run(op, (self, other), {})
        if isinstance(other, _FOREIGN):
            return stack.top.run(op, (self, _number(other)), {})
        return NotImplemented

    def reflected(self: Tensor, other: Any) -> Any:
        if isinstance(other, Tensor):
            return stack.top.run(op, (other, self), {})
        if isinstance(other, _FOREIGN):
            return stack.top.run(op, (_number(other), self), {})
        return NotImplemented

    return forward, reflected


def _matrix_product(self: Tensor, other: Any) -> Any:
    return matmul.matmul(self, other) if isinstance(other, Tensor) else NotImplemented


def _reflected_matrix_product(self: Tensor, other: Any) -> Any:
    return matmul.matmul(other, self) if isinstance(other, Tensor) else NotImplemented


def _power(self: Tensor, exponent: Any) -> Any:
    exponent = _number(exponent)
    return arithmetic.pow(self, exponent) if isinstance(exponent, (Tensor, int, float, complex)) else NotImplemented


def _number(x: Any) -> Any:
    """A NumPy number as Python's, an array as a tensor."""
    if isinstance(x, np.generic):
        return x.item()
    return from_numpy(x) if isinstance(x, np.ndarray) else x


_FOREIGN = (int, float, complex, np.generic, np.ndarray)

_OPERATORS = {"add": arithmetic.add, "sub": arithmetic.sub, "mul": arithmetic.mul,
              "truediv": arithmetic.true_div, "floordiv": arithmetic.floor_divide,
              "mod": arithmetic.remainder, "pow": arithmetic.pow, "and": comparison.bitwise_and,
              "or": comparison.bitwise_or, "xor": comparison.bitwise_xor,
              "lshift": comparison.bitwise_left_shift, "rshift": comparison.bitwise_right_shift}
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


@functools.cache
def exported(namespace: str = "") -> Mapping[str, Callable[..., Any]]:
    """The public functions of a module path such as "linalg", by name and alias; the same objects each time."""
    made = [(op, "", out_variant(op)) for op in registry if op.function and op.namespace == namespace]
    if not namespace:
        made += [(op, "_", inplace_method(op)) for op in registry
                 if op.inplace and op.function and op.kind == "expression"]
    for _, _, function in made:  # where pickle finds it
        function.__module__ = ".".join(filter(None, ("clnet", namespace)))
    return MappingProxyType({name + end: function for op, end, function in made for name in (op.name, *op.aliases)})


def install() -> None:
    """Attach methods and Python's operators to the tensor class."""
    for op in registry:
        for name in (op.name, *op.aliases):
            if op.method:
                setattr(Tensor, name, _method(op))
            if op.inplace:
                setattr(Tensor, f"{name}_", inplace_method(op))
    for symbol, op in _OPERATORS.items():
        forward, reflected = _operator(op)
        setattr(Tensor, f"__{symbol}__", forward)
        setattr(Tensor, f"__r{symbol}__", reflected)
        setattr(Tensor, f"__i{symbol}__", _inplace_operator(op))
    setattr(Tensor, "__matmul__", _matrix_product)
    setattr(Tensor, "__rmatmul__", _reflected_matrix_product)
    for name in _COMPARISONS:
        setattr(Tensor, f"__{name}__", _operator(registry[name])[0])
    # Division under Python 2's name, and powers with the argument's own check of numbers.
    for name in ("div", "rdiv", "idiv"):
        setattr(Tensor, f"__{name}__", getattr(Tensor, f"__{name.replace('div', 'truediv')}__"))
    setattr(Tensor, "__pow__", _power)
    for symbol, name in (("neg", "neg"), ("abs", "abs"), ("pos", "positive")):
        setattr(Tensor, f"__{symbol}__", _method(registry[name]))
    setattr(Tensor, "__invert__", _invert)


def _invert(self: Tensor) -> Tensor:
    if self.dtype.is_inexact:
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return comparison.bitwise_not(self)


def _inplace_operator(op: Op) -> Callable[..., Any]:
    method = inplace_method(op)

    def call(self: Tensor, other: Any) -> Any:
        return method(self, _number(other))
    return call
