"""Constructors of operator records: the regular families need one line per operator."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..codegen import complex as _complex  # noqa: F401  (declares primitives)
from ..codegen import elementary as _elementary  # noqa: F401  (declares primitives)
from ..codegen import error_function as _error_function  # noqa: F401  (declares primitives)
from ..codegen import primitives as _primitives  # noqa: F401  (declares them)
from ..codegen.expr import (
    Apply,
    Arg,
    Expr,
    apply,
    arguments,
    cast,
    cotangents,
    evaluate,
    from_storage,
    postorder,
    substitute,
    to_storage,
)
from ..codegen.types import register_dtype
from ..core import dispatch
from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.layout import Layout
from ..core.op import Op, registry
from ..core.plan import Number, Plan
from ..host import statements
from ..kernels import elementwise as elementwise_kernel

# Attributes about the result rather than the expression: its dtype, and row-major memory.
RESULT_ATTRS = ("dtype", "dense")
_NUMBER_VALUE = {"bool": True, "int": 1, "float": 1.0, "complex": 1j}


def operand_dtype(operands: Sequence[Layout | Number]) -> DType:
    """PyTorch's ``result_type`` of layouts and numbers."""
    tensors = [(o.dtype, o.ndim) for o in operands if isinstance(o, Layout)]
    numbers = [_NUMBER_VALUE[o.kind] for o in operands if isinstance(o, Number)]
    return dt.result_type(tensors, numbers)


@dataclass(eq=False)
class Expression:
    """An elementwise forward: an expression, its promotion, and its cotangents.

    Attributes:
        name: the operator's.
        build: (*operand expressions, **attrs) -> result expression.
        promotion: PyTorch's kinds: "default", "int_to_float" (integers compute as the default
            float), "always_bool" (result is bool), "bool_to_int" (bool computes as int64); or a
            function of the attributes that says which.
        grads: (cotangent, result, *operands, **attrs) -> cotangent expressions; None derives
            them from ``build``.  It also is the forward-mode rule: the Jacobian is diagonal.
        conditions: operands that are bool, outside promotion.
        refuses: kinds of elements for which the operator is not defined.
        part: "real" where the result of complex operands is real, "complex" where the result of
            real ones is complex.
        refuses_any: kinds that no operand may have, though the common type may differ; of numbers only
            bool counts.
        refusal: what to say then, where PyTorch explains.
        tensors: whether every operand must be a tensor, as PyTorch asks.
        numbers: whether no operand need be a tensor.
        undefined: operands for which no derivative is stated; asking for it raises.
    """

    name: str
    build: Callable[..., Expr]
    promotion: str | Callable[[dict[str, Any]], str] = "default"
    grads: Callable[..., Sequence[Expr | None]] | None = None
    conditions: tuple[int, ...] = ()
    refuses: tuple[str, ...] = ()
    part: str = ""
    undefined: tuple[int, ...] = ()
    refuses_any: tuple[str, ...] = ()
    tensors: bool = False
    numbers: bool = False
    refusal: str = ""
    _partials: dict[Any, Any] = field(default_factory=dict)
    _read_sets: dict[Any, Any] = field(default_factory=dict)

    def types(self, operands: Sequence[Layout | Number], attrs: dict[str, Any]) -> tuple[DType, DType]:
        """(compute dtype, result dtype).

        Raises:
            NotImplementedError: the operation is not defined for this kind of elements.
            TypeError: a number where only tensors are taken.
        """
        numbers = [o for o in operands if isinstance(o, Number)]
        if len(numbers) == len(operands) and not self.numbers:
            raise TypeError(f"{self.name}(): argument 'input' (position 1) must be Tensor, not {numbers[0].kind}")
        for i, o in enumerate(operands) if self.tensors else ():
            if isinstance(o, Number):
                raise TypeError(f"{self.name}(): argument 'other' (position {i + 1}) must be Tensor, not {o.kind}")
        compute = operand_dtype([o for i, o in enumerate(operands) if i not in self.conditions])
        if compute.kind in self.refuses:
            raise self._refused(f"'{dt.SCALAR_NAMES[compute]}'")
        for o in operands if self.refuses_any else ():
            kind = o.dtype.kind if isinstance(o, Layout) else o.kind
            if kind in self.refuses_any and (isinstance(o, Layout) or kind == "bool"):
                raise self._refused(f"operands of kind {kind}")
        promotion = self.promotion(attrs) if callable(self.promotion) else self.promotion
        if promotion == "int_to_float" and not compute.is_inexact:
            compute = dt.get_default_dtype()
        elif promotion == "bool_to_int" and compute is dt.bool_:
            compute = dt.int64
        result = dt.bool_ if promotion == "always_bool" else compute
        if self.part:
            result = compute.to_real() if self.part == "real" else compute.to_complex()
        return compute, attrs.get("dtype", result)

    def _refused(self, what: str) -> RuntimeError:
        if self.refusal:
            return RuntimeError(self.refusal)
        return NotImplementedError(f'"{self.name}" not implemented for {what}')

    def plan(self, operands: Sequence[Layout | Number], attrs: dict[str, Any], caps: DeviceCaps,
             out: tuple[Layout, ...] | None = None) -> Plan:
        compute, result = self.types(operands, attrs)
        rest = {k: v for k, v in attrs.items() if k not in RESULT_ATTRS}
        shape = elementwise_kernel.broadcast(operands)
        if out is None:
            outputs: tuple[Layout, ...] = (
                lay.dense(shape, result) if attrs.get("dense") else
                elementwise_kernel.output_layout(operands, shape, result),)
        else:
            check_out(self.name, shape, result, out[0])
            outputs = out[:1]

        def build(*nodes: Expr) -> list[Expr]:
            return [self.build(*self._rounded(nodes, operands, compute), **rest)]

        return elementwise_kernel.plan(self.name, build, operands, compute, outputs, caps,
                                       self.conditions)

    def _rounded(self, nodes: Sequence[Expr], operands: Sequence[Layout | Number],
                 compute: DType) -> Sequence[Expr]:
        """What comparisons see: numbers rounded to the elements' type, though registers are wider."""
        if self.promotion != "always_bool" or compute is register_dtype(compute):
            return nodes
        return [cast(cast(e, compute), e.dtype) if isinstance(o, Number) else e
                for e, o in zip(nodes, operands)]

    def numpy(self, arrays: Sequence[Any], layouts: Sequence[Layout | Number],
              attrs: dict[str, Any]) -> Any:
        """The host interpreter's forward: the expression on arrays of storage bits or numbers."""
        compute, result = self.types(layouts, attrs)
        wide = register_dtype(compute)
        rest = {k: v for k, v in attrs.items() if k not in RESULT_ATTRS}
        nodes: list[Expr] = []
        values = []
        for i, (a, o) in enumerate(zip(arrays, layouts)):
            kind = dt.bool_ if i in self.conditions else wide
            if isinstance(o, Layout):
                values.append(from_storage(a, o.dtype))
                node: Expr = Arg(i, register_dtype(o.dtype))
                if o.dtype is not compute and compute is not wide and i not in self.conditions:
                    node = cast(node, compute)
                nodes.append(cast(node, kind))
            else:
                values.append(to_storage(np.asarray(a), kind))
                nodes.append(Arg(i, kind))
        root = cast(self.build(*self._rounded(nodes, layouts, compute), **rest), register_dtype(result))
        for node in postorder(root):
            if isinstance(node, Apply) and node.primitive.fault:  # a division, as kernels record it
                [divisor] = evaluate([node.operands[1]], values)
                if np.any(divisor == 0):
                    raise RuntimeError(f"{self.name}: ZeroDivisionError")
        [got] = evaluate([root], values)
        return to_storage(got, result)

    def partial(self, index: int, arity: int, attrs: dict[str, Any], field: DType = dt.float32) -> Any:
        """(op computing operand ``index``'s cotangent, values it reads, whether it is identity).

        The op's first operand is the cotangent; the others are listed as ("in" | "out",
        position).  None where the derivative is zero everywhere.  ``field`` is what the call
        computed with: float32 for real numbers, complex64 for complex ones.
        """
        if index in self.undefined:
            raise NotImplementedError(f"the derivative of {self.name} by operand {index} is not implemented")
        rest = tuple((k, v) for k, v in attrs.items() if k not in RESULT_ATTRS) if attrs else ()
        key = (index, arity, rest, field)
        if key not in self._partials:
            self._partials[key] = self._derive(index, arity, dict(rest), field)
        return self._partials[key]

    def field_of(self, operands: Sequence[Any], result: DType) -> DType:
        """The ``field`` of a call, by the layouts of its operands (None for numbers) and its result's dtype."""
        if result.kind == "complex" and not self.part:
            return dt.complex64
        for o in operands:
            if o is not None and o.dtype.kind == "complex":
                return dt.complex64
        return dt.float32

    def reads(self, needs: tuple[bool, ...], attrs: dict[str, Any],
              field: DType = dt.float32) -> tuple[set[int], set[int]]:
        """Which operands and results the needed partials read."""
        key = (needs, tuple(attrs.items()), field) if attrs or field is not dt.float32 else needs
        found = self._read_sets.get(key)
        if found is None:
            found = self._read_sets[key] = (set(), set())
            for i, needed in enumerate(needs):
                got = self.partial(i, len(needs), attrs, field) if needed and i not in self.undefined else None
                for source, k in got[1] if got is not None else ():
                    found[source == "out"].add(k)
        return found

    def _cotangent(self, index: int, g: Expr, out: Expr, operands: Sequence[Expr],
                   attrs: dict[str, Any]) -> Expr | None:
        if self.grads is not None:
            # Written for real numbers; with derivatives unconjugated it holds for complex ones too.
            stated = self.grads(conj(g), out, *operands, **attrs)[index]
            return None if stated is None else conj(stated)
        root = self.build(*operands, **attrs)
        [found] = cotangents(root, g, [operands[index]])
        # What the forward already computed is read, not computed again.
        return None if found is None else substitute(found, {root: out})

    def _derive(self, index: int, arity: int, attrs: dict[str, Any], field: DType) -> Any:
        def symbols(base: DType, rest: dict[str, Any]) -> tuple[list[Expr], Expr, Expr]:
            """Operands, result and cotangent of a call that computes in ``base``."""
            nodes: list[Expr] = [Arg(i, dt.bool_ if i in self.conditions else base) for i in range(arity)]
            held = self.build(*nodes, **rest).dtype
            return nodes, Arg(arity, held), Arg(arity + 1, held)

        nodes, out, g = symbols(field, attrs)
        found = self._cotangent(index, g, out, nodes, attrs)
        if found is None:
            return None
        reads = [i for i in arguments(found) if i != arity + 1]
        selected = [("out", 0) if i == arity else ("in", i) for i in reads]

        def build(cotangent: Expr, *saved: Expr, **rest: Any) -> Expr:
            base = cotangent.dtype
            if self.part == "complex":
                base = base.to_real()
            elif field.is_complex:
                base = base.to_complex()
            operands, result, seed = symbols(base, rest)
            exact = self._cotangent(index, seed, result, operands, rest)
            assert exact is not None
            mapping: dict[Expr, Expr] = {seed: cast(cotangent, seed.dtype)}
            for i, value in zip(reads, saved):
                symbol = result if i == arity else operands[i]
                mapping[symbol] = cast(value, symbol.dtype)
            return substitute(exact, mapping)

        conditions = tuple(1 + k for k, i in enumerate(reads) if i in self.conditions)
        derived = make_elementwise(
            Expression(f"{self.name}_d{index}", build, conditions=conditions), public=False,
            bind=lambda *operands, **kw: (operands, kw))
        identity = found == g and not self.part
        return derived, selected, identity


def conj(e: Expr) -> Expr:
    """The complex conjugate of an expression; itself if it is real."""
    return apply("conj", e)


def check_out(name: str, shape: Sequence[int], result: DType, out: Layout) -> None:
    """Whether an in-place or ``out=`` target can take a result.

    Raises:
        RuntimeError: the shapes differ, or the result's kind does not fit the target's.
    """
    if tuple(out.shape) != tuple(shape):
        raise RuntimeError(f"{name}: output with shape {list(out.shape)} doesn't match the "
                           f"broadcast shape {list(shape)}")
    if not dt.can_cast(result, out.dtype):
        raise RuntimeError(f"{name}: result type {result} can't be cast to the desired output "
                           f"type {out.dtype}")


def make_elementwise(expression: Expression, *, bind: Callable[..., Any], public: bool = True,
                     differentiable: bool = True, **fields: Any) -> Op:
    """The record of an elementwise operator; registered if public."""
    def vjp(ctx: Any, g: Any) -> tuple[Any, ...]:
        arity = len(ctx.operands)
        field = expression.field_of(ctx.layouts, g.dtype)
        grads: list[Any] = []
        for i in range(arity):
            got = expression.partial(i, arity, ctx.attrs, field) if ctx.needs[i] else None
            grads.append(None if got is None else _run_partial(ctx, got, i, g))
        return tuple(grads)

    def jvp(ctx: Any, *tangents: Any) -> Any:
        total = None
        for i, t in enumerate(tangents):
            got = expression.partial(i, len(tangents), ctx.attrs) if t is not None else None
            if got is not None:
                part = _run_partial(ctx, got, i, t, ctx.outputs[0].dtype)
                total = part if total is None else total + part
        return total

    op = Op(name=expression.name, family="elementwise", kind="expression", bind=bind,
            plan=expression.plan, host=expression.numpy, vjp=vjp if differentiable else None,
            jvp=jvp if differentiable else None, public=public,
            expression=expression, **fields)
    return registry.add(op) if public else op


def _run_partial(ctx: Any, got: Any, i: int, g: Any, dtype: DType | None = None) -> Any:
    derived, selected, identity = got
    dtype = dtype or ctx.layouts[i].dtype
    if identity and g.dtype is dtype:
        return g
    values = [ctx.outputs[k] if source == "out" else ctx.operands[k] for source, k in selected]
    return dispatch.stack.top.run(derived, (g, *values), {**ctx.rest(), "dtype": dtype})


def unary(name: str, build: Callable[..., Expr], doc: str, **fields: Any) -> Op:
    """An elementwise operator of one tensor: ``name(input)``."""
    def bind(input: Any) -> Any:
        return (input,), {}

    return declared(name, build, bind, doc, **fields)


def binary(name: str, build: Callable[..., Expr], doc: str, **fields: Any) -> Op:
    """An elementwise operator of two operands: ``name(input, other)``."""
    def bind(input: Any, other: Any) -> Any:
        return (input, other), {}

    return declared(name, build, bind, doc, **fields)


_EXPRESSION_FIELDS = ("promotion", "grads", "conditions", "refuses", "refuses_any", "undefined", "part", "tensors",
                      "numbers", "refusal")


def declared(name: str, build: Callable[..., Expr], bind: Callable[..., Any], doc: str,
             differentiable: bool = True, **fields: Any) -> Op:
    """An elementwise operator with its own signature."""
    bind.__name__, bind.__doc__ = name, doc
    settings = {k: fields.pop(k) for k in _EXPRESSION_FIELDS if k in fields}
    return make_elementwise(Expression(name, build, **settings), bind=bind,
                            differentiable=differentiable, **fields)


# Every structural record, private ones too.
planners: list[Op] = []


def planner(name: str, bind: Callable[..., Any], plan: Callable[..., Plan], **fields: Any) -> Op:
    """A structural operator; ``bind`` carries the signature and docstring.

    Its NumPy statement is found by its name in ``host/`` unless ``host`` gives it.
    """
    public = fields.get("public", True)
    fields.setdefault("host", statements.get(name))
    op = Op(name=name, kind="planner", bind=bind, plan=plan, **fields)
    planners.append(op)
    return registry.add(op) if public else op


def view(name: str, bind: Callable[..., Any], move: Callable[..., Any],
         vjp: Callable[..., Any], **fields: Any) -> Op:
    """An operator whose result shares its operand's storage."""
    public = fields.get("public", True)
    op = Op(name=name, family=fields.pop("family", "view"), kind="view", bind=bind, view=move,
            vjp=vjp, linear=True, **fields)
    return registry.add(op) if public else op


def composite(family: str, **fields: Any) -> Callable[[Callable[..., Any]], Op]:
    """Decorator: a body of other operators, with the public signature and docstring."""
    def wrap(body: Callable[..., Any]) -> Op:
        name = fields.pop("name", body.__name__.rstrip("_"))
        public = fields.get("public", True)
        op = Op(name=name, family=family, kind="composite", bind=body, body=body, **fields)
        return registry.add(op) if public else op
    return wrap


def plain_bind(*operands: Any, **attrs: Any) -> Any:
    """The ``bind`` of an internal operator: operands and attributes as they are."""
    return operands, attrs


def new_results(plan: Callable[[Any, dict[str, Any], DeviceCaps], Plan]) -> Callable[..., Plan]:
    """A planner that always allocates its results, in the form that a record holds."""
    def call(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
        return plan(operands, attrs, caps)
    return call
