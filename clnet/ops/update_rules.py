"""The optimizers' formulas: what one step makes of a parameter, its gradient and its state.

Beside each element rule stands the rule of the 0-d tensors that it reads: the step count ``step`` and the
factors that depend on it.
"""
from __future__ import annotations

import math

from ..codegen.expr import Expr
from ..codegen.primitives import f, where
from .update import Build, Elements, Scalars


def _direction(p: Expr, g: Expr, weight_decay: Expr, decay: bool, maximize: bool) -> Expr:
    """The gradient to descend, with the L2 penalty's."""
    g = -g if maximize else g
    return g + weight_decay * p if decay else g


def _decayed(p: Expr, g: Expr, lr: Expr, weight_decay: Expr, decay: bool, decoupled: bool,
             maximize: bool) -> tuple[Expr, Expr]:
    """The parameter and the gradient, one of them with the decay."""
    g = _direction(p, g, weight_decay, decay and not decoupled, maximize)
    return (p * (1 - lr * weight_decay) if decay and decoupled else p), g


def _moments(g: Expr, average: Expr, square: Expr, share1: Expr, beta2: Expr,
             share2: Expr) -> tuple[Expr, Expr]:
    """Running means of the gradient and its square; shares are 1 - beta, exact from the host."""
    return average + share1 * (g - average), square * beta2 + share2 * (g * g)


def _correction(log_beta: Expr, step: Expr) -> Expr:
    """1 - beta ** step without cancellation: the powers are close to 1."""
    return -f("expm1", step * log_beta)


# SGD ---

def _sgd(decay: bool, maximize: bool) -> Build:
    def build(p: Expr, g: Expr, lr: Expr, weight_decay: Expr) -> list[Expr]:
        return [p - lr * _direction(p, g, weight_decay, decay, maximize)]
    return build


def _sgd_momentum(decay: bool, maximize: bool, nesterov: bool, first: bool) -> Build:
    def build(p: Expr, g: Expr, buffer: Expr, lr: Expr, weight_decay: Expr, momentum: Expr,
              share: Expr) -> list[Expr]:
        g = _direction(p, g, weight_decay, decay, maximize)
        moved = g if first else momentum * buffer + share * g
        return [p - lr * (g + momentum * moved if nesterov else moved), moved]
    return build


sgd_step = Elements("_sgd_step", _sgd, 2, (0,))
sgd_momentum_step = Elements("_sgd_momentum_step", _sgd_momentum, 3, (0, 2))


# Adam and its kin ---

def _adam_rates() -> Build:
    def build(step: Expr, lr: Expr, log_beta1: Expr, log_beta2: Expr) -> list[Expr]:
        now = step + 1
        return [now, lr / _correction(log_beta1, now), f("sqrt", _correction(log_beta2, now))]
    return build


def _adam(decay: bool, decoupled: bool, maximize: bool, amsgrad: bool) -> Build:
    def build(p: Expr, g: Expr, average: Expr, square: Expr, *rest: Expr) -> list[Expr]:
        largest, rest = (rest[0], rest[1:]) if amsgrad else (None, rest)
        step_size, root, lr, weight_decay, share1, beta2, share2, eps = rest
        p, g = _decayed(p, g, lr, weight_decay, decay, decoupled, maximize)
        average, square = _moments(g, average, square, share1, beta2, share2)
        results = [average, square]
        if largest is not None:
            square = f("max", largest, square)
            results.append(square)
        return [p - step_size * (average / (f("sqrt", square) / root + eps)), *results]
    return build


adam_rates = Scalars("_adam_rates", _adam_rates)
adam_step = Elements("_adam_step", _adam, 4, (0, 2, 3))
adam_largest_step = Elements("_adam_largest_step", _adam, 5, (0, 2, 3, 4))


def _nadam_rates() -> Build:
    def build(step: Expr, product: Expr, lr: Expr, beta1: Expr, log_beta2: Expr,
              momentum_decay: Expr) -> list[Expr]:
        def momentum(at: Expr) -> Expr:
            return beta1 * (1 - f("exp", at * momentum_decay * math.log(0.96)) * 0.5)
        now = step + 1
        present, coming = momentum(now), momentum(now + 1)
        product = product * present
        return [now, product, lr * (1 - present) / (1 - product), lr * coming / (1 - product * coming),
                _correction(log_beta2, now)]
    return build


def _nadam(decay: bool, decoupled: bool, maximize: bool) -> Build:
    def build(p: Expr, g: Expr, average: Expr, square: Expr, of_gradient: Expr, of_average: Expr,
              correction: Expr, lr: Expr, weight_decay: Expr, share1: Expr, beta2: Expr, share2: Expr,
              eps: Expr) -> list[Expr]:
        p, g = _decayed(p, g, lr, weight_decay, decay, decoupled, maximize)
        average, square = _moments(g, average, square, share1, beta2, share2)
        scale = f("sqrt", square / correction) + eps
        return [p - (of_gradient * g + of_average * average) / scale, average, square]
    return build


nadam_rates = Scalars("_nadam_rates", _nadam_rates)
nadam_step = Elements("_nadam_step", _nadam, 4, (0, 2, 3))


def _radam_rates() -> Build:
    def build(step: Expr, lr: Expr, beta2: Expr, log_beta1: Expr, log_beta2: Expr) -> list[Expr]:
        """Liu et al. 2020: rectified where the variance of the adaptive rate is finite, else plain."""
        now = step + 1
        most = 2 / (1 - beta2) - 1
        correction = _correction(log_beta2, now)
        length = most - 2 * now * (1 - correction) / correction
        rectified = f("sqrt", f("max", (length - 4) * (length - 2) * most, 0)
                      / ((most - 4) * (most - 2) * length))
        tractable = length > 5
        rate = lr / _correction(log_beta1, now)
        return [now, where(tractable, rate * rectified * f("sqrt", correction), rate),
                where(tractable, now * 0 + 1, 0)]
    return build


def _radam(decay: bool, decoupled: bool, maximize: bool) -> Build:
    def build(p: Expr, g: Expr, average: Expr, square: Expr, rate: Expr, adaptive: Expr, lr: Expr,
              weight_decay: Expr, share1: Expr, beta2: Expr, share2: Expr, eps: Expr) -> list[Expr]:
        p, g = _decayed(p, g, lr, weight_decay, decay, decoupled, maximize)
        average, square = _moments(g, average, square, share1, beta2, share2)
        scale = where(adaptive > 0, f("sqrt", square) + eps, 1)
        return [p - rate * average / scale, average, square]
    return build


radam_rates = Scalars("_radam_rates", _radam_rates)
radam_step = Elements("_radam_step", _radam, 4, (0, 2, 3))


def _adamax_rates() -> Build:
    def build(step: Expr, lr: Expr, log_beta1: Expr) -> list[Expr]:
        return [step + 1, lr / _correction(log_beta1, step + 1)]
    return build


def _adamax(decay: bool, maximize: bool) -> Build:
    def build(p: Expr, g: Expr, average: Expr, largest: Expr, rate: Expr, weight_decay: Expr, share1: Expr,
              beta2: Expr, eps: Expr) -> list[Expr]:
        g = _direction(p, g, weight_decay, decay, maximize)
        average = average + share1 * (g - average)
        largest = f("max", largest * beta2, f("abs", g) + eps)
        return [p - rate * (average / largest), average, largest]
    return build


adamax_rates = Scalars("_adamax_rates", _adamax_rates)
adamax_step = Elements("_adamax_step", _adamax, 4, (0, 2, 3))


# Rates from accumulated squares ---

def _counted() -> Build:
    return lambda step: [step + 1]


count = Scalars("_count", _counted)


def _adagrad_rates() -> Build:
    def build(step: Expr, lr: Expr, lr_decay: Expr) -> list[Expr]:
        return [step + 1, lr / (1 + step * lr_decay)]
    return build


def _adagrad(decay: bool, maximize: bool) -> Build:
    def build(p: Expr, g: Expr, total: Expr, rate: Expr, weight_decay: Expr, eps: Expr) -> list[Expr]:
        g = _direction(p, g, weight_decay, decay, maximize)
        total = total + g * g
        return [p - rate * (g / (f("sqrt", total) + eps)), total]
    return build


adagrad_rates = Scalars("_adagrad_rates", _adagrad_rates)
adagrad_step = Elements("_adagrad_step", _adagrad, 3, (0, 2))


def _adadelta(decay: bool, maximize: bool) -> Build:
    def build(p: Expr, g: Expr, square: Expr, moved: Expr, lr: Expr, weight_decay: Expr, rho: Expr,
              share: Expr, eps: Expr) -> list[Expr]:
        g = _direction(p, g, weight_decay, decay, maximize)
        square = square * rho + share * (g * g)
        move = f("sqrt", moved + eps) / f("sqrt", square + eps) * g
        return [p - lr * move, square, moved * rho + share * (move * move)]
    return build


adadelta_step = Elements("_adadelta_step", _adadelta, 4, (0, 2, 3))


def _rmsprop(decay: bool, maximize: bool, centered: bool, momentum: bool) -> Build:
    def build(p: Expr, g: Expr, square: Expr, *rest: Expr) -> list[Expr]:
        kept, (lr, weight_decay, alpha, share, eps, factor) = list(rest[:-6]), rest[-6:]
        g = _direction(p, g, weight_decay, decay, maximize)
        square = square * alpha + share * (g * g)
        results, spread = [square], square
        if centered:
            average = kept[-1] + share * (g - kept[-1])
            spread = square - average * average
        step = g / (f("sqrt", spread) + eps)
        if momentum:
            step = factor * kept[0] + step
            results.append(step)
        if centered:
            results.append(average)
        return [p - lr * step, *results]
    return build


rmsprop_step = Elements("_rmsprop_step", _rmsprop, 3, (0, 2))
rmsprop_one_step = Elements("_rmsprop_one_step", _rmsprop, 4, (0, 2, 3))
rmsprop_two_step = Elements("_rmsprop_two_step", _rmsprop, 5, (0, 2, 3, 4))


# Rates of their own ---

def _rprop(maximize: bool) -> Build:
    def build(p: Expr, g: Expr, previous: Expr, rate: Expr, less: Expr, more: Expr, smallest: Expr,
              largest: Expr) -> list[Expr]:
        g = -g if maximize else g
        agreement = g * previous
        factor = where(agreement > 0, more, where(agreement < 0, less, 1))
        rate = f("min", f("max", rate * factor, smallest), largest)
        g = where(agreement < 0, 0, g)
        return [p - f("sign", g) * rate, g, rate]
    return build


rprop_step = Elements("_rprop_step", _rprop, 4, (0, 2, 3))


def _asgd_rates() -> Build:
    def build(step: Expr, lr: Expr, lambd: Expr, alpha: Expr, t0: Expr) -> list[Expr]:
        now = step + 1
        return [now, lr / f("pow", 1 + lambd * lr * now, alpha), 1 / f("max", now - t0, 1)]
    return build


def _asgd(decay: bool, maximize: bool) -> Build:
    def build(p: Expr, g: Expr, average: Expr, eta: Expr, mu: Expr, weight_decay: Expr,
              lambd: Expr) -> list[Expr]:
        g = _direction(p, g, weight_decay, decay, maximize)
        p = p * (1 - lambd * eta) - eta * g
        return [p, where(f("eq", mu, 1), p, average + mu * (p - average))]
    return build


asgd_rates = Scalars("_asgd_rates", _asgd_rates)
asgd_step = Elements("_asgd_step", _asgd, 3, (0, 2))


def _adafactor_rates() -> Build:
    def build(step: Expr, lr: Expr, exponent: Expr) -> list[Expr]:
        now = step + 1
        return [now, f("pow", now, exponent), f("min", lr, f("rsqrt", now))]
    return build


adafactor_rates = Scalars("_adafactor_rates", _adafactor_rates)


def _lerp() -> Build:
    # The nearer end is the start, so that a share of 1 gives the target exactly.
    return lambda average, current, share: [where(share < 0.5, average + share * (current - average),
                                                  current - (current - average) * (1 - share))]


lerp_step = Elements("_lerp_step", _lerp, 2, (0,))


def _scale() -> Build:
    return lambda g, factor: [g * factor]


scale_step = Elements("_scale_step", _scale, 1, (0,))
