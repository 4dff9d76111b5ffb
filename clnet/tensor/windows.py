"""Window functions of signal processing (``torch.signal.windows`` and ``torch.*_window``)."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from ..core import dtypes as dt
from ..core.dtypes import DType
from ..ops.special import i0
from .creation import empty, full, ones
from .ranges import linspace
from .tensor import Tensor

_Points = Callable[[float, float], Any]


def _check(name: str, M: int, dtype: DType | None) -> DType:
    dtype = dtype or dt.get_default_dtype()
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if dtype not in (dt.float32, dt.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    return dtype


def _window(name: str, M: int, dtype: DType | None, device: Any, requires_grad: bool, single: bool,
            formula: Callable[[_Points], Any]) -> Tensor:
    """A window of M points; ``formula`` gets (start, step) -> the points ``start + k * step``.

    With ``single``, a window of one point is 1 whatever the formula.
    """
    dtype = _check(name, M, dtype)
    if M == 0 or single and M == 1:
        return (ones if M else empty)((M,), dtype=dtype, device=device, requires_grad=requires_grad)

    def points(start: float, step: float) -> Any:
        return linspace(start, start + (M - 1) * step, M, dtype=dtype, device=device)

    window: Tensor = formula(points)
    return window.requires_grad_() if requires_grad else window


def _intervals(M: int, sym: bool) -> int:
    """How many steps a period has: one more than the points show if the window is periodic."""
    return M - 1 if sym else M


def exponential(M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True,
                dtype: DType | None = None, layout: Any = None, device: Any = None,
                requires_grad: bool = False) -> Tensor:
    """``exp(-|n - center| / tau)``; the center is the middle unless given.

    Raises:
        ValueError: ``tau`` not positive, a center for a symmetric window, negative M, or a dtype
            other than float32 and float64.
    """
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    middle = (M if not sym and M > 1 else M - 1) / 2 if center is None else center
    return _window("exponential", M, dtype, device, requires_grad, False,
                   lambda points: (-points(-middle / tau, 1 / tau).abs()).exp())


def cosine(M: int, *, sym: bool = True, dtype: DType | None = None, layout: Any = None, device: Any = None,
           requires_grad: bool = False) -> Tensor:
    """``sin(pi (n + 1/2) / M)``.

    Raises:
        ValueError: negative M, or a dtype other than float32 and float64.
    """
    step = math.pi / max(M + 1 if not sym and M > 1 else M, 1)
    return _window("cosine", M, dtype, device, requires_grad, False, lambda points: points(step / 2, step).sin())


def gaussian(M: int, *, std: float = 1.0, sym: bool = True, dtype: DType | None = None, layout: Any = None,
             device: Any = None, requires_grad: bool = False) -> Tensor:
    """``exp(-(n - middle)**2 / (2 std**2))``.

    Raises:
        ValueError: ``std`` not positive, negative M, or a dtype other than float32 and float64.
    """
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    start, step = -(M if not sym and M > 1 else M - 1) / 2, 1 / (std * math.sqrt(2))
    return _window("gaussian", M, dtype, device, requires_grad, False,
                   lambda points: (-points(start * step, step).square()).exp())


def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, dtype: DType | None = None, layout: Any = None,
           device: Any = None, requires_grad: bool = False) -> Tensor:
    """Kaiser's window: ``i0(beta sqrt(1 - (n / middle - 1)**2)) / i0(beta)``.

    Raises:
        ValueError: ``beta`` negative, negative M, or a dtype other than float32 and float64.
    """
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")

    def formula(points: _Points) -> Any:
        k = points(-1.0, 2 / _intervals(M, sym))
        peak = i0(full((), beta, dtype=k.dtype, device=device))
        return i0((1 - k.square()).clamp(min=0).sqrt() * beta) / peak

    return _window("kaiser", M, dtype, device, requires_grad, True, formula)


def general_cosine(M: int, *, a: Iterable[float], sym: bool = True, dtype: DType | None = None,
                   layout: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """``sum over i of (-1)**i a[i] cos(2 pi i n / N)``.

    Raises:
        TypeError: ``a`` is not a sequence.  ValueError: it is empty, negative M, or a dtype other
            than float32 and float64.
    """
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    weights = list(a)
    if not weights:
        raise ValueError("Coefficients cannot be empty")

    def formula(points: _Points) -> Any:
        angle = points(0.0, 2 * math.pi / _intervals(M, sym))
        total = angle * 0 + weights[0]
        for i, weight in enumerate(weights[1:], 1):
            total = total + (angle * i).cos() * ((-1) ** i * weight)
        return total

    return _window("general_cosine", M, dtype, device, requires_grad, True, formula)


def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, **options: Any) -> Tensor:
    """``alpha - (1 - alpha) cos(2 pi n / N)``."""
    return general_cosine(M, a=[alpha, 1 - alpha], sym=sym, **options)


def hamming(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """The general Hamming window with 0.54."""
    return general_hamming(M, sym=sym, **options)


def hann(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """The general Hamming window with 0.5, which is 0 at the ends."""
    return general_hamming(M, alpha=0.5, sym=sym, **options)


def blackman(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Blackman's window of three cosines."""
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, **options)


def nuttall(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Nuttall's window of four cosines."""
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, **options)


def bartlett(M: int, *, sym: bool = True, dtype: DType | None = None, layout: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """The triangle ``1 - |2 n / N - 1|``.

    Raises:
        ValueError: negative M, or a dtype other than float32 and float64.
    """
    return _window("bartlett", M, dtype, device, requires_grad, True,
                   lambda points: 1 - points(-1.0, 2 / _intervals(M, sym)).abs())


# The older functions ---

def _older(name: str, window_length: int, periodic: bool, dtype: DType | None, options: dict[str, Any],
           make: Callable[..., Tensor], **parameters: Any) -> Tensor:
    dtype = dtype or dt.get_default_dtype()
    if not dtype.is_floating_point:
        raise RuntimeError(f"{name}() expects floating point dtypes, got: {dtype}")
    if window_length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={window_length}")
    wide = dtype if dtype is dt.float64 else dt.float32
    requires_grad = options.pop("requires_grad", False)
    made: Any = make(window_length, sym=not periodic, dtype=wide, device=options.get("device"), **parameters)
    made = made.to(dtype=dtype)
    return made.requires_grad_() if requires_grad else made


def bartlett_window(window_length: int, periodic: bool = True, *, dtype: DType | None = None,
                    **options: Any) -> Tensor:
    """The triangular window, periodic or symmetric."""
    return _older("bartlett_window", window_length, periodic, dtype, options, bartlett)


def blackman_window(window_length: int, periodic: bool = True, *, dtype: DType | None = None,
                    **options: Any) -> Tensor:
    """Blackman's window, periodic or symmetric."""
    return _older("blackman_window", window_length, periodic, dtype, options, blackman)


def hamming_window(window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *,
                   dtype: DType | None = None, **options: Any) -> Tensor:
    """``alpha - beta cos(2 pi n / N)``, periodic or symmetric."""
    return _older("hamming_window", window_length, periodic, dtype, options, general_cosine, a=[alpha, beta])


def hann_window(window_length: int, periodic: bool = True, *, dtype: DType | None = None,
                **options: Any) -> Tensor:
    """Hann's window, periodic or symmetric."""
    return _older("hann_window", window_length, periodic, dtype, options, hann)


def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: DType | None = None,
                  **options: Any) -> Tensor:
    """Kaiser's window, periodic or symmetric."""
    return _older("kaiser_window", window_length, periodic, dtype, options, kaiser, beta=beta)


# What torch.signal.windows offers, and what the top level does.
FUNCTIONS = (bartlett, blackman, cosine, exponential, gaussian, general_cosine, general_hamming, hamming, hann,
             kaiser, nuttall)
TOP_LEVEL = (bartlett_window, blackman_window, hamming_window, hann_window, kaiser_window)
