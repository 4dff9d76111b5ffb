"""Typed expressions over registers: what an elementwise operator or a reduction computes.

An expression is built once per dtype by calling a Python function on :class:`Arg` nodes.  It is
immutable and hashable (part of the kernel cache key), renders to C for any vector width, evaluates
with NumPy, and is differentiated symbolically, so an operator's derivative of any order is again
an expression and runs as one fused kernel.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import DType


@dataclass(frozen=True, eq=False, slots=True)
class Primitive:
    """A function the expression language knows.

    Attributes:
        name: unique.
        c: (renderer, result dtype, operand dtypes, *operand texts) -> C text.
        numpy: the same on arrays.
        vjp: (cotangent, result, *operands) -> cotangent expression or None per operand; the one
            statement of its derivative.  None: not differentiable (zero everywhere it exists).
        boolean: the result is bool whatever the operands are.
        real: of complex operands the result is real.
        fault: kind of error that the rendered text may record in the variable ``fault``.
    """

    name: str
    c: Callable[..., str]
    numpy: Callable[..., Any]
    vjp: Callable[..., tuple[Expr | None, ...]] | None = None
    boolean: bool = False
    real: bool = False
    fault: str = ""


class Expr:
    """A node; arithmetic on nodes builds larger ones."""

    __slots__ = ("dtype", "_hash")
    dtype: DType
    _hash: int

    def __hash__(self) -> int:
        return self._hash

    def __add__(self, other: Any) -> Expr:
        return apply("add", self, other)

    def __radd__(self, other: Any) -> Expr:
        return apply("add", other, self)

    def __sub__(self, other: Any) -> Expr:
        return apply("sub", self, other)

    def __rsub__(self, other: Any) -> Expr:
        return apply("sub", other, self)

    def __mul__(self, other: Any) -> Expr:
        return apply("mul", self, other)

    def __rmul__(self, other: Any) -> Expr:
        return apply("mul", other, self)

    def __truediv__(self, other: Any) -> Expr:
        return apply("div", self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return apply("div", other, self)

    def __neg__(self) -> Expr:
        return apply("neg", self)

    def __lt__(self, other: Any) -> Expr:
        return apply("lt", self, other)

    def __le__(self, other: Any) -> Expr:
        return apply("le", self, other)

    def __gt__(self, other: Any) -> Expr:
        return apply("gt", self, other)

    def __ge__(self, other: Any) -> Expr:
        return apply("ge", self, other)

    def __and__(self, other: Any) -> Expr:
        return apply("bit_and", self, other)

    def __or__(self, other: Any) -> Expr:
        return apply("bit_or", self, other)

    def __xor__(self, other: Any) -> Expr:
        return apply("bit_xor", self, other)

    def __invert__(self) -> Expr:
        return apply("bit_not", self)

    def __lshift__(self, other: Any) -> Expr:
        return apply("shift_left", self, other)

    def __rshift__(self, other: Any) -> Expr:
        return apply("shift_right", self, other)


class Arg(Expr):
    """Operand number ``index`` of the expression."""

    __slots__ = ("index",)

    def __init__(self, index: int, dtype: DType) -> None:
        self.index, self.dtype = index, dtype
        self._hash = hash((Arg, index, dtype))

    __hash__ = Expr.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arg) and (self.index, self.dtype) == (other.index, other.dtype)

    def __repr__(self) -> str:
        return f"x{self.index}:{self.dtype.name}"


class Const(Expr):
    """A number known when the kernel is written."""

    __slots__ = ("value",)

    def __init__(self, value: Any, dtype: DType) -> None:
        self.value = value
        self.dtype = dtype
        # repr tells -0.0, 0.0 and nan apart where == does not.
        self._hash = hash((Const, repr(value), dtype))

    __hash__ = Expr.__hash__

    def __eq__(self, other: object) -> bool:
        return (isinstance(other, Const) and repr(self.value) == repr(other.value)
                and self.dtype is other.dtype)

    def __repr__(self) -> str:
        return repr(self.value)


class Apply(Expr):
    """A primitive on operands."""

    __slots__ = ("primitive", "operands")

    def __init__(self, primitive: Primitive, operands: tuple[Expr, ...], dtype: DType) -> None:
        self.primitive, self.operands, self.dtype = primitive, operands, dtype
        self._hash = hash((primitive.name, operands, dtype))

    __hash__ = Expr.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Apply) and self._hash == other._hash
            and self.primitive is other.primitive and self.dtype is other.dtype
            and self.operands == other.operands)

    def __repr__(self) -> str:
        return f"{self.primitive.name}({', '.join(map(repr, self.operands))})"


class PrimitiveTable:
    """The primitives by name.

    Attributes:
        lowerings: what a primitive is on complex operands, given and returned as (real, imaginary)
            pairs of expressions; one without a lowering is not defined for complex numbers.
    """

    def __init__(self) -> None:
        self._by_name: dict[str, Primitive] = {}
        self.lowerings: dict[str, Callable[..., Any]] = {}

    def add(self, primitive: Primitive) -> None:
        if primitive.name in self._by_name:
            raise ValueError(f"primitive {primitive.name} is declared twice")
        self._by_name[primitive.name] = primitive

    def __getitem__(self, name: str) -> Primitive:
        return self._by_name[name]

    def __iter__(self) -> Any:
        return iter(self._by_name.values())


primitives = PrimitiveTable()


def lift(value: Any, dtype: DType) -> Expr:
    """A node as it is, a Python number as a constant of that type."""
    return value if isinstance(value, Expr) else Const(value, dtype)


def apply(name: str, *operands: Any) -> Expr:
    """A primitive on nodes and numbers; numbers take the type of the first node.

    The nodes' types must agree (``where`` excepts its condition): casts are explicit.
    """
    primitive = primitives[name]
    nodes = [o for o in operands if isinstance(o, Expr)]
    base = nodes[-1].dtype if name == "where" else nodes[0].dtype
    if name == "where" and len(nodes) == 1:
        raise TypeError("where needs a node among its values")
    args = tuple(lift(o, base) for o in operands)
    checked = args[1:] if name == "where" else args
    if any(a.dtype is not base for a in checked):
        raise TypeError(f"{name}: operand types differ: {[a.dtype.name for a in args]}")
    if base.is_complex and name not in primitives.lowerings:
        raise NotImplementedError(f'"{name}" not implemented for \'{_COMPLEX_NAMES[base]}\'')
    simple = _simplify(name, args)
    if simple is not None:
        return simple
    result = dt.bool_ if primitive.boolean else base.to_real() if primitive.real else base
    return Apply(primitive, args, result)


_COMPLEX_NAMES = {dt.complex64: "ComplexFloat", dt.complex128: "ComplexDouble"}


def _simplify(name: str, args: tuple[Expr, ...]) -> Expr | None:
    """Neutral elements of arithmetic, which derivatives produce all the time."""
    def is_number(e: Expr, value: float) -> bool:
        return isinstance(e, Const) and e.value == value

    if name == "mul":
        if is_number(args[0], 1):
            return args[1]
        if is_number(args[1], 1):
            return args[0]
    elif name == "div" and is_number(args[1], 1):
        return args[0]
    elif name == "conj" and isinstance(args[0], Apply) and args[0].primitive.name == "conj":
        return args[0].operands[0]
    elif not args[0].dtype.is_complex:
        if name in ("real", "conj"):
            return args[0]
        if name == "imag":
            return Const(0, args[0].dtype)
    return None


def cast(x: Expr, dtype: DType) -> Expr:
    """``x`` converted to another type (rounded, for the 16-bit floats)."""
    if x.dtype is dtype:
        return x
    if isinstance(x, Const) and dtype in (dt.float32, dt.float64) and not x.dtype.is_complex:
        return Const(float(x.value), dtype)
    return Apply(primitives["cast"], (x,), dtype)


def substitute(root: Expr, mapping: dict[Expr, Expr]) -> Expr:
    """``root`` with every occurrence of the mapping's keys replaced."""
    memo: dict[Expr, Expr] = dict(mapping)

    def walk(e: Expr) -> Expr:
        found = memo.get(e)
        if found is None:
            if isinstance(e, Apply):
                operands = tuple(walk(o) for o in e.operands)
                found = e if operands == e.operands else Apply(e.primitive, operands, e.dtype)
            else:
                found = e
            memo[e] = found
        return found

    return walk(root)


def arguments(*roots: Expr) -> list[int]:
    """Indices of the operands that the expressions read, in order."""
    return sorted({e.index for e in postorder(*roots) if isinstance(e, Arg)})


def postorder(*roots: Expr) -> list[Expr]:
    """Every distinct node once, operands before users."""
    seen: set[Expr] = set()
    out: list[Expr] = []

    def walk(e: Expr) -> None:
        if e in seen:
            return
        seen.add(e)
        if isinstance(e, Apply):
            for o in e.operands:
                walk(o)
        out.append(e)

    for r in roots:
        walk(r)
    return out


def cotangents(root: Expr, cotangent: Expr, wrt: Sequence[Expr]) -> list[Expr | None]:
    """Reverse-mode derivative of ``root``: the cotangent of each node of ``wrt``.

    None where ``root`` does not depend differentiably on it.  A cotangent of complex numbers is
    the conjugate of the Wirtinger derivative, as PyTorch's is; inside, derivatives travel
    unconjugated, so that holomorphic primitives have one rule for real and complex operands.
    """
    grads: dict[Expr, Expr] = {root: apply("conj", cotangent)}
    for node in reversed(postorder(root)):
        g = grads.get(node)
        if g is None or not isinstance(node, Apply) or node.primitive.vjp is None:
            continue
        for operand, part in zip(node.operands, node.primitive.vjp(g, node, *node.operands)):
            if part is not None and operand.dtype.is_inexact:
                grads[operand] = grads[operand] + part if operand in grads else part
    return [apply("conj", grads[w]) if w in grads else None for w in wrt]


def evaluate(roots: Sequence[Expr], arrays: Sequence[Any]) -> list[Any]:
    """The expressions' values on NumPy arrays (one per operand, already of the operand's type)."""
    values: dict[Expr, Any] = {}
    with np.errstate(all="ignore"):
        for node in postorder(*roots):
            if isinstance(node, Arg):
                values[node] = arrays[node.index]
            elif isinstance(node, Const):
                values[node] = np.asarray(node.value).astype(register_storage(node.dtype))
            elif isinstance(node, Apply):
                got = np.asarray(node.primitive.numpy(*(values[o] for o in node.operands)))
                if node.primitive.name == "cast":
                    got = to_storage(got, node.dtype)
                    got = from_storage(got, node.dtype)
                values[node] = got.astype(register_storage(node.dtype), copy=False)
    return [values[r] for r in roots]


def register_storage(dtype: DType) -> np.dtype:
    """NumPy's type for values in registers (float32 for the 16-bit floats)."""
    return np.dtype("float32") if dtype in (dt.float16, dt.bfloat16) else dtype.storage


def to_storage(values: Any, dtype: DType) -> Any:
    """An array converted to the bits that hold ``dtype`` (bfloat16: the rounded upper half)."""
    if values.dtype.kind == "c" and dtype.kind in ("int", "float"):
        values = values.real
    if dtype is not dt.bfloat16:
        if dtype.kind == "int" and values.dtype.kind == "f" and dtype.itemsize < 4:
            values = values.astype("int64")
        return values.astype(dtype.storage)
    bits = np.ascontiguousarray(values, dtype="float32").view("uint32")
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("uint16")
    return np.where(np.isnan(values), np.uint16(0x7FC0), rounded).reshape(values.shape)


def from_storage(bits: Any, dtype: DType) -> Any:
    """An array of ``dtype``'s bits as values in registers."""
    if dtype is dt.bfloat16:
        return (bits.astype("uint32") << 16).view("float32")
    return bits.astype("float32") if dtype is dt.float16 else bits
