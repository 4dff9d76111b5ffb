"""``_foreach_*``: one operation on every tensor of a list, as hand-written optimizers call them."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .tensor import Tensor

_BOTH = ("abs", "acos", "add", "addcdiv", "addcmul", "asin", "atan", "ceil", "clamp_max", "clamp_min", "cos", "cosh",
         "div", "erf", "erfc", "exp", "expm1", "floor", "frac", "lerp", "lgamma", "log", "log10", "log1p", "log2",
         "maximum", "minimum", "mul", "neg", "pow", "reciprocal", "round", "rsqrt", "sigmoid", "sign", "sin", "sinh",
         "sqrt", "sub", "tan", "tanh", "trunc")
# What the methods lack, or have under another name.
_IN_PLACE_OF = {"maximum": "clamp_min_", "minimum": "clamp_max_"}


def _foreach(name: str, method: str, in_place: bool) -> Callable[..., Any]:
    def call(self: Any, *given: Any, **kwargs: Any) -> Any:
        args = list(given)
        if not isinstance(self, (list, tuple)):
            raise TypeError(f"{name}(): argument 'self' must be tuple of Tensors, not {type(self).__name__}")
        if not self:
            raise RuntimeError("Tensor list must have at least one tensor.")
        for other in (*args, *kwargs.values()):
            if isinstance(other, (list, tuple)) and len(other) != len(self):
                raise RuntimeError("Tensor lists must have the same number of tensors, got "
                                   f"{len(self)} and {len(other)}")
        if method.startswith("addc") and len(args) == 3:
            *args, kwargs["value"] = args

        def one(i: int, x: Tensor) -> Tensor:
            def of(other: Any) -> Any:
                return other[i] if isinstance(other, (list, tuple)) else other

            result: Tensor = getattr(x, method)(*map(of, args), **{k: of(v) for k, v in kwargs.items()})
            return result

        results = tuple(one(i, x) for i, x in enumerate(self))
        return self if in_place else results

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"``Tensor.{method}`` of every tensor of a list; other lists give one argument each."
    return call


FUNCTIONS = [
    *(_foreach(f"_foreach_{name}", name, False) for name in (*_BOTH, "clone", "max", "norm")),
    *(_foreach(f"_foreach_{name}_", _IN_PLACE_OF.get(name, f"{name}_"), True) for name in (*_BOTH, "copy", "zero"))]
