"""Analytic derivatives against finite differences, in float64."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ops.complex import view_as_complex, view_as_real
from . import engine, forward_ad


class GradcheckError(RuntimeError):
    """Analytic and numerical derivatives differ."""


def _on_reals(func: Callable[..., Any], ins: tuple[Any, ...]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """``func`` and its inputs with complex tensors, in and out, as pairs of reals along a last dimension."""
    chosen = [getattr(x, "layout", None) is not None and x.layout.dtype.is_complex for x in ins]

    def call(*args: Any) -> Any:
        got = _tuple(func(*(view_as_complex(x) if c else x for x, c in zip(args, chosen))))
        return tuple(view_as_real(y) if getattr(y, "layout", None) is not None and y.layout.dtype.is_complex else y
                     for y in got)

    def split(x: Any) -> Any:
        pairs = view_as_real(x.detach()).clone()
        return pairs.requires_grad_() if x.requires_grad else pairs

    return call, tuple(split(x) if c else x for x, c in zip(ins, chosen))


def _tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


def _host(x: Any) -> np.ndarray:
    return np.array(x.detach().contiguous().tolist(), dtype="float64").reshape(tuple(x.shape))


def _outputs(func: Callable[..., Any], inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(y for y in _tuple(func(*inputs)) if getattr(y, "layout", None) is not None
                 and y.layout.dtype.is_floating_point)


def _numerical(func: Callable[..., Any], inputs: tuple[Any, ...], i: int, eps: float) -> list[np.ndarray]:
    """One (input elements, output elements) array per output, by central differences."""
    x = inputs[i]
    base = _host(x)
    columns: list[list[np.ndarray]] = []
    for k in range(base.size):
        ends = []
        for sign in (1, -1):
            moved = base.copy()
            moved.reshape(-1)[k] += sign * eps
            replaced = x.detach().clone()
            replaced.copy_(replaced.new_tensor(moved))
            ends.append([_host(y).reshape(-1) for y in _outputs(func, (*inputs[:i], replaced, *inputs[i + 1:]))])
        columns.append([(a - b) / (2 * eps) for a, b in zip(*ends)])
    count = len(columns[0]) if columns else 0
    return [np.stack([c[o] for c in columns]) for o in range(count)]


def _analytic(y: Any, x: Any) -> np.ndarray:
    rows = []
    for k in range(y.numel()):
        seed = np.zeros(y.numel())
        seed[k] = 1
        [g] = engine.grad(y, x, y.detach().new_tensor(seed.reshape(tuple(y.shape))), retain_graph=True,
                          allow_unused=True)
        rows.append(np.zeros(x.numel()) if g is None else _host(g).reshape(-1))
    return np.stack(rows, 1) if rows else np.zeros((x.numel(), 0))


def _forward(func: Callable[..., Any], inputs: tuple[Any, ...], i: int, count: int) -> list[np.ndarray]:
    x = inputs[i]
    columns = []
    for k in range(x.numel()):
        seed = np.zeros(x.numel())
        seed[k] = 1
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(x.detach(), x.detach().new_tensor(seed.reshape(tuple(x.shape))))
            outputs = _outputs(func, (*(v.detach() if getattr(v, "layout", None) is not None else v
                                        for v in inputs[:i]), dual, *inputs[i + 1:]))
            tangents = [forward_ad.unpack_dual(y).tangent for y in outputs]
        columns.append([np.zeros(y.numel()) if t is None else _host(t).reshape(-1)
                        for y, t in zip(outputs, tangents)])
    return [np.stack([c[o] for c in columns]) for o in range(count)]


def gradcheck(func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5,
              rtol: float = 1e-3, raise_exception: bool = True, nondet_tol: float = 0.0,
              check_undefined_grad: bool = True, check_grad_dtypes: bool = False,
              check_batched_grad: bool = False, check_forward_ad: bool = False,
              check_backward_ad: bool = True, fast_mode: bool = False, masked: bool = False) -> bool:
    """Whether the recorded derivatives of ``func`` equal finite differences.

    Args:
        func: tensors to a tensor or several.
        inputs: those that require grad must be float64 or complex128.
        eps, atol, rtol: step and tolerances.
        check_forward_ad, check_backward_ad: which modes are compared.

    Raises:
        GradcheckError: they differ (with ``raise_exception``).
        ValueError: no input requires grad.
    """
    func, ins = _on_reals(func, _tuple(inputs))
    chosen = [i for i, x in enumerate(ins) if getattr(x, "layout", None) is not None and x.requires_grad]
    if not chosen:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of the "
                         "them have requires_grad=True.")
    outputs = _outputs(func, ins)
    for i in chosen:
        expected = _numerical(func, ins, i, eps)
        if not expected:
            continue
        candidates = []
        if check_backward_ad:
            candidates.append(("backward", [_analytic(y, ins[i]) if y.requires_grad else np.zeros_like(e)
                                            for y, e in zip(outputs, expected)]))
        if check_forward_ad:
            candidates.append(("forward", _forward(func, ins, i, len(expected))))
        for mode, got in candidates:
            for k, (a, n) in enumerate(zip(got, expected)):
                if not np.allclose(a, n, rtol=rtol, atol=atol, equal_nan=True):
                    if not raise_exception:
                        return False
                    raise GradcheckError(
                        f"Jacobian mismatch for output {k} with respect to input {i} ({mode} mode),\n"
                        f"numerical:{n}\nanalytical:{a}\n")
    return True


def gradgradcheck(func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6,
                  atol: float = 1e-5, rtol: float = 1e-3, raise_exception: bool = True,
                  nondet_tol: float = 0.0, **ignored: Any) -> bool:
    """``gradcheck`` of the gradient function: second derivatives.

    Raises:
        GradcheckError: they differ (with ``raise_exception``).
    """
    func, ins = _on_reals(func, _tuple(inputs))
    outputs = [y for y in _outputs(func, ins) if y.requires_grad]
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        given = tuple(y.detach().new_tensor(rng.standard_normal(tuple(y.shape))).requires_grad_() for y in outputs)
    else:
        given = tuple(view_as_real(g) if g.layout.dtype.is_complex else g for g in _tuple(grad_outputs))
    count = len(ins)

    def gradient(*args: Any) -> Any:
        xs, gs = args[:count], args[count:]
        ys = [y for y in _outputs(func, xs) if y.requires_grad]
        wanted = [x for x in xs if getattr(x, "layout", None) is not None and x.requires_grad]
        return tuple(g for g in engine.grad(ys, wanted, gs, create_graph=True, allow_unused=True)
                     if g is not None)

    def again(*args: Any) -> Any:
        # Finite differences pass detached copies of inputs; they must be differentiable too.
        fixed = [a.detach().requires_grad_() if getattr(a, "layout", None) is not None
                 and a.layout.dtype.is_floating_point and o.requires_grad and not a.requires_grad else a
                 for a, o in zip(args, (*ins, *given))]
        return gradient(*fixed)

    return gradcheck(again, (*ins, *given), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception)
