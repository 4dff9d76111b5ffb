"""C text of the ways in which reductions combine values: identities, and one step of folding."""
from __future__ import annotations

from ..core.dtypes import DType
from . import types

_LOWEST = {"int8": "CHAR_MIN", "int16": "SHRT_MIN", "int32": "INT_MIN", "int64": "LONG_MIN",
           **dict.fromkeys(("uint8", "uint16", "uint32", "uint64", "bool"), "0")}
_HIGHEST = {"int8": "CHAR_MAX", "int16": "SHRT_MAX", "int32": "INT_MAX", "int64": "LONG_MAX",
            "uint16": "USHRT_MAX", "uint32": "UINT_MAX", "uint64": "ULONG_MAX",
            "uint8": "UCHAR_MAX", "bool": "1"}


def indexed(combine: str) -> bool:
    """Whether positions travel with the values."""
    return combine in ("argmax", "argmin")


def identity(combine: str, acc: DType, width: int = 1) -> str:
    """The value that changes nothing when it is folded in."""
    if combine in ("sum", "prod"):
        return types.literal(combine == "prod", acc, width)
    upward = combine in ("max", "argmax")
    kind = types.register_type(acc, width)
    if acc.is_floating_point:
        return f"(({kind})({'-' if upward else ''}INFINITY))"
    return f"(({kind})({(_LOWEST if upward else _HIGHEST)[acc.name]}))"


def _choose(condition: str, a: str, b: str, width: int) -> str:
    return f"select({b}, {a}, {condition})" if width > 1 else f"(({condition}) ? {a} : {b})"


def step(combine: str, acc: DType, width: int, a: str, v: str, ai: str = "", vi: str = "") -> str:
    """C statements folding value ``v`` (position ``vi``) into accumulator ``a`` (position ``ai``).

    NaN is the largest and the smallest value; of equal values the first position stays.
    """
    either, both = ("|", "&") if width > 1 else ("||", "&&")
    if combine == "sum":
        return f"{a} += {v};"
    if combine == "prod":
        return f"{a} = {types.product(acc, a, v, width)};"
    better = f"({v} {'>' if combine in ('max', 'argmax') else '<'} {a})"
    if not indexed(combine):
        test = f"{better} {either} ({v} != {v})" if acc.is_floating_point else better
        return f"{a} = {_choose(test, v, a, width)};"
    tie = f"({v} == {a})"
    if acc.is_floating_point:
        better += f" {either} (({v} != {v}) {both} ({a} == {a}))"
        tie = f"({tie} {either} (({v} != {v}) {both} ({a} != {a})))"
    test = f"{better} {either} ({tie} {both} ({vi} < {ai}))"
    mask = types.mask_type(acc, width) if width > 1 else "int"
    return (f"{{ const {mask} m = {test}; {a} = {_choose('m', v, a, width)}; "
            f"{ai} = {_choose('m', vi, ai, width)}; }}")
