"""``repr`` of tensors, in PyTorch's format."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import dtypes as dt
from . import interchange
from .attach import attach
from .tensor import Tensor


@dataclass
class PrintOptions:
    """What ``set_printoptions`` changes."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


options = PrintOptions()


def set_printoptions(precision: int | None = None, threshold: int | None = None, edgeitems: int | None = None,
                     linewidth: int | None = None, profile: str | None = None,
                     sci_mode: bool | None = None) -> None:
    """Set digits after the point, elements before summarising, items at edges, and line width."""
    profiles = {"default": PrintOptions(), "short": PrintOptions(precision=2, edgeitems=2),
                "full": PrintOptions(threshold=math.inf)}
    if profile is not None:
        options.__dict__.update(profiles[profile].__dict__)
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    options.__dict__.update({k: v for k, v in given.items() if v is not None})
    options.sci_mode = sci_mode


class _Formatter:
    """One width and notation for all elements shown."""

    def __init__(self, values: np.ndarray) -> None:
        self.floating = values.dtype.kind == "f"
        self.integral = self.scientific = False
        if not self.floating:
            self.width = max((len(self._plain(v)) for v in values.reshape(-1)), default=1)
            return
        finite = np.abs(values[np.isfinite(values) & (values != 0)]).astype("float64")
        if finite.size:
            low, high = float(finite.min()), float(finite.max())
            self.integral = bool((finite == np.ceil(finite)).all())
            self.scientific = high / low > 1000 or high > 1e8 or (not self.integral and low < 1e-4)
        if options.sci_mode is not None:
            self.scientific = options.sci_mode
        if not finite.size:
            self.integral = True
        self.width = max((len(self._one(v)) for v in values.reshape(-1)), default=1)

    def _plain(self, v: Any) -> str:
        return str(bool(v)) if isinstance(v, (bool, np.bool_)) else str(v)

    def _one(self, v: Any) -> str:
        if self.scientific:
            return f"{v:.{options.precision}e}"
        if self.integral:
            return f"{v:.0f}" + ("." if math.isfinite(v) else "")
        return f"{v:.{options.precision}f}"

    def __call__(self, v: Any) -> str:
        """One element, padded to the common width."""
        return (self._one(v) if self.floating else self._plain(v)).rjust(self.width)


class _ComplexFormatter:
    """The parts of complex numbers, each with a width and notation of its own."""

    def __init__(self, values: np.ndarray) -> None:
        self.real, self.imag = _Formatter(values.real), _Formatter(np.abs(values.imag))
        self.width = self.real.width + self.imag.width + 2

    def __call__(self, v: Any) -> str:
        """One element as ``real+imagj``."""
        sign = "-" if math.copysign(1.0, v.imag) < 0 else "+"
        imag = self.imag._one(abs(v.imag)) + "j"
        return self.real(v.real) + sign + imag


def _shown(values: np.ndarray, summarise: bool) -> np.ndarray:
    """The elements that will be printed."""
    if not summarise:
        return values
    k = options.edgeitems
    for d, n in enumerate(values.shape):
        if n > 2 * k:
            values = np.concatenate([np.take(values, range(k), d), np.take(values, range(n - k, n), d)], d)
    return values


def _lines(values: np.ndarray, indent: int, form: Any, summarise: bool) -> str:
    if values.ndim == 0:
        return form(values.item() if values.dtype.kind not in "fc" else values[()])
    k = options.edgeitems
    cut = summarise and values.shape[0] > 2 * k
    if values.ndim == 1:
        per_line = max(1, (options.linewidth - indent) // (form.width + 2))
        items = [form(v) for v in values[:k]] + [" ..."] + [form(v) for v in values[-k:]] if cut else [
            form(v) for v in values]
        rows = [", ".join(items[i:i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(rows) + "]"
    parts = [_lines(v, indent + 1, form, summarise) for v in (values[:k] if cut else values)]
    if cut:
        parts += ["..."] + [_lines(v, indent + 1, form, summarise) for v in values[-k:]]
    gap = ",\n" * 1 + "\n" * (values.ndim - 2) + " " * (indent + 1)
    return "[" + gap.join(parts) + "]"


def _suffixes(x: Tensor) -> list[str]:
    out = []
    if str(x.device) != "cpu":
        out.append(f"device='{x.device}'")
    implied = (dt.get_default_dtype(), dt.get_default_dtype().to_complex(), dt.int64, dt.bool_)
    if x.is_meta or x.numel() == 0 and x.ndim != 1:
        out.append(f"size={tuple(x.shape)}")
    if x.dtype not in implied or (x.numel() == 0 and x.dtype is not dt.get_default_dtype()):
        out.append(f"dtype={x.dtype}")
    if x.grad_fn is not None:
        out.append(f"grad_fn=<{x.grad_fn.name()}>")
    elif x.requires_grad:
        out.append("requires_grad=True")
    return out


def text(x: Tensor, prefix: str = "tensor(") -> str:
    """The tensor as Python-like text (waits for the device)."""
    values = np.empty(0) if x.is_meta else interchange.values(x.detach())
    if x.dtype is dt.bfloat16 or x.dtype is dt.float16:
        values = values.astype("float32")
    summarise = values.size > options.threshold
    kind = _ComplexFormatter if x.dtype.is_complex else _Formatter
    form = kind(_shown(values, summarise))
    body = "..." if x.is_meta else "[]" if not values.size else _lines(values, len(prefix), form, summarise)
    parts = [body, *_suffixes(x)]
    line = prefix + body
    for part in parts[1:]:
        last = len(line) - line.rfind("\n") - 1
        fits = last + len(part) + 2 < options.linewidth
        line += f", {part}" if fits else ",\n" + " " * len(prefix) + part
    return line + ")"


def _format(self: Tensor, spec: str) -> str:
    if self.ndim == 0:
        return format(self.item(), spec)
    return format(repr(self), spec)


def install() -> None:
    """``repr``, ``str`` and ``format`` of tensors."""
    attach(Tensor, __repr__=text, __str__=text, __format__=_format)
