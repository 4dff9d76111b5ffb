"""Elementwise expressions written as one reads them."""
from __future__ import annotations

import inspect
import math

from clnet.codegen.expr import Apply, Arg, Const, Expr, postorder
from clnet.core import dtypes as dt
from clnet.core.op import Op

_INFIX = {"add": ("+", 5), "sub": ("-", 5), "mul": ("*", 6), "div": ("/", 6), "lt": ("<", 3), "le": ("<=", 3),
          "gt": (">", 3), "ge": (">=", 3), "eq": ("==", 3), "ne": ("!=", 3), "bit_and": ("&", 2), "bit_or": ("|", 1),
          "bit_xor": ("^", 1), "shift_left": ("<<", 4), "shift_right": (">>", 4), "int_div": ("//", 6),
          "int_mod": ("%", 6)}
_COMPARISON = 3
_LOGICAL = {"&": "and", "|": "or", "^": "xor"}
_PREFIX = {"neg": "-", "bit_not": "~"}
_NAMED = ((math.pi, "pi"), (-math.pi, "-pi"), (math.pi / 2, "pi/2"), (math.log(2), "log(2)"),
          (math.log(10), "log(10)"), (math.sqrt(2), "sqrt(2)"), (math.sqrt(0.5), "sqrt(1/2)"),
          (-math.sqrt(0.5), "-sqrt(1/2)"),
          (math.pi / 180, "pi/180"), (180 / math.pi, "180/pi"))
_ATOM = 9
# Above this many operations a formula says less than the words beside it.
_LONGEST = 24


def formula(op: Op, **attrs: object) -> str:
    """The elements' formula in the names of the arguments; "" if there is none worth reading."""
    if op.expression is None:
        return ""
    names = [n for n, p in op.signature.parameters.items() if p.default is p.empty and p.kind in (
        p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY)]
    base = dt.int64 if "float" in op.expression.refuses else dt.float32
    for arity in range(len(names), 6):
        nodes = [Arg(i, dt.bool_ if i in op.expression.conditions else base) for i in range(arity)]
        try:
            root = op.expression.build(*nodes, **_defaults(op, attrs))
        except (TypeError, RuntimeError, AttributeError):
            continue
        if not isinstance(root, Apply):
            return ""
        if sum(isinstance(e, Apply) for e in postorder(root)) > _LONGEST:
            return ""
        every = list(op.signature.parameters)
        return _text(root, every)[0] if arity <= len(every) else ""
    return ""


def _defaults(op: Op, attrs: dict[str, object]) -> dict[str, object]:
    wanted = inspect.signature(op.expression.build).parameters
    own = {n: p.default for n, p in op.signature.parameters.items() if p.default is not p.empty and n in wanted}
    return {n: v for n, v in (own | attrs).items() if wanted[n].kind is inspect.Parameter.KEYWORD_ONLY}


def _text(e: Expr, names: list[str]) -> tuple[str, int]:
    """(text, precedence)."""
    if isinstance(e, Arg):
        return names[e.index], _ATOM
    if isinstance(e, Const):
        return _number(e.value), _ATOM if not _number(e.value).startswith("-") else 7
    assert isinstance(e, Apply)
    name = e.primitive.name
    parts = [_text(o, names) for o in e.operands]
    if name == "cast":
        return (parts[0] if e.dtype.is_inexact and e.operands[0].dtype.is_inexact
                else (f"{e.dtype.name}({parts[0][0]})", _ATOM))
    if name in _INFIX:
        sign, level = _INFIX[name]
        if e.operands[0].dtype is dt.bool_:
            sign = _LOGICAL.get(sign, sign)
        (left, low), (right, high) = parts
        left = left if low > level or (low == level and level != _COMPARISON) else f"({left})"
        right = right if high > level else f"({right})"
        return f"{left} {sign} {right}", level
    if name in _PREFIX:
        text, level = parts[0]
        if e.dtype is dt.bool_:
            return f"not ({text})", _ATOM
        return _PREFIX[name] + (text if level > 7 else f"({text})"), 7
    if name == "where":
        condition, chosen, other = (text for text, _ in parts)
        return f"({chosen} if {condition} else {other})", _ATOM
    return f"{name}({', '.join(text for text, _ in parts)})", _ATOM


def _number(value: object) -> str:
    for known, text in _NAMED:
        if isinstance(value, float) and abs(value - known) < 1e-12:
            return text
    return f"{value:g}" if isinstance(value, float) else str(value)
