"""Write clnet/codegen/chebyshev_tables.py: Chebyshev coefficients of the special functions' parts.

    pip install mpmath
    python tools/chebyshev_tables.py

Each part is smooth on its interval; the coefficients come from 30-digit values at the Chebyshev
points and are kept down to 2**-56 of the largest.
"""
from __future__ import annotations

import math
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath as mp

mp.mp.dps = 40
POINTS = 72
TARGET = Path(__file__).resolve().parent.parent / "clnet" / "codegen" / "chebyshev_tables.py"
HEADER = '''"""Chebyshev coefficients: name -> (low, high, coefficients).  Made by tools/chebyshev_tables.py."""
from __future__ import annotations

TABLES: dict[str, tuple[float, float, tuple[float, ...]]] = {
'''


def coefficients(f: Callable[[Any], Any], low: float, high: float) -> list[float]:
    """The leading Chebyshev coefficients of ``f`` on [low, high] (the first already halved)."""
    angles = [mp.pi * (k + mp.mpf(1) / 2) / POINTS for k in range(POINTS)]
    middle, half = (mp.mpf(low) + mp.mpf(high)) / 2, (mp.mpf(high) - mp.mpf(low)) / 2
    values = [f(middle + half * mp.cos(a)) for a in angles]
    every = [2 * mp.fsum(v * mp.cos(j * a) for v, a in zip(values, angles)) / POINTS for j in range(POINTS)]
    every[0] /= 2
    smallest = max(abs(c) for c in every) * mp.mpf(2) ** -56
    while abs(every[-1]) < smallest:
        every.pop()
    return [float(c) for c in every]


def _inverse_error(w: Any) -> Any:
    """erfinv(x) / x at x = sqrt(1 - exp(-w))."""
    x = mp.sqrt(-mp.expm1(-w))
    if w < 30:
        return mp.erfinv(x) / x
    q = mp.exp(-w) / (1 + x)  # 1 - x
    start = mp.sqrt(w - mp.log(mp.pi * w) / 2)
    with mp.workdps(60):
        return mp.findroot(lambda y: mp.log(mp.erfc(y)) - mp.log(q), start) / x


def _bessel_phase(order: int, sine: bool) -> Callable[[Any], Any]:
    """P and x Q of J = sqrt(2/pi x) (P cos c - Q sin c), Y = sqrt(2/pi x) (P sin c + Q cos c)."""
    def part(u: Any) -> Any:
        x = 1 / mp.sqrt(u)
        c = x - (2 * order + 1) * mp.pi / 4
        j, y = mp.besselj(order, x), mp.bessely(order, x)
        scale = mp.sqrt(mp.pi * x / 2)
        return scale * x * (y * mp.cos(c) - j * mp.sin(c)) if sine else scale * (j * mp.cos(c) + y * mp.sin(c))
    return part


def _airy_phase(sine: bool) -> Callable[[Any], Any]:
    """P and zeta Q of Ai(-x) = (P cos c + Q sin c) / (sqrt(pi) x**(1/4)), c = zeta - pi/4."""
    def part(u: Any) -> Any:
        zeta = 1 / mp.sqrt(u)
        x = (zeta * 3 / 2) ** (mp.mpf(2) / 3)
        c = zeta - mp.pi / 4
        a, b = mp.airyai(-x), mp.airybi(-x)
        scale = mp.sqrt(mp.pi) * x ** (mp.mpf(1) / 4)
        return scale * zeta * (a * mp.sin(c) + b * mp.cos(c)) if sine else scale * (a * mp.cos(c) - b * mp.sin(c))
    return part


def _airy_decay(u: Any) -> Any:
    """2 sqrt(pi) x**(1/4) exp(zeta) Ai(x), u = 1/zeta."""
    zeta = 1 / u
    x = (zeta * 3 / 2) ** (mp.mpf(2) / 3)
    return 2 * mp.sqrt(mp.pi) * x ** (mp.mpf(1) / 4) * mp.exp(zeta) * mp.airyai(x)


def _erfcx(u: Any) -> Any:
    """(1 + 2x) erfcx(x), u = (x - 3.75) / (x + 3.75) (Shepherd & Laframboise 1981)."""
    x = mp.mpf("3.75") * (1 + u) / (1 - u)
    if x > 60:
        tail = mp.fsum((-1) ** k * mp.fac2(2 * k - 1) / (2 * x * x) ** k if k else 1 for k in range(12))
        return (1 + 2 * x) * tail / (x * mp.sqrt(mp.pi))
    return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)


def _root(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda z: f(mp.sqrt(z))


def _inverse(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda u: f(1 / u)


_ZETA2 = float(mp.mpf(2) / 3 * mp.mpf(2) ** 1.5)
_ZETA4 = float(mp.mpf(2) / 3 * 8)
PARTS: dict[str, tuple[Callable[[Any], Any], float, float]] = {
    "erf_near": (_root(lambda x: mp.erf(x) / x), 0, 1),
    "erf_far": (lambda x: -mp.log(mp.erfc(x)), 0.9, 4.1),
    "erfcx": (_erfcx, -1, 1),
    "normal_cdf": (_root(lambda x: (mp.ncdf(x) - 0.5) / x), 0, 31.36),
    "erfinv_near": (_inverse_error, 0, 6.25),
    "erfinv_middle": (lambda s: _inverse_error(s * s), 2.5, 4.5),
    "erfinv_far": (lambda r: _inverse_error(1 / (r * r)) * r, 1 / 28, 1 / 4.5),
    "i0e_near": (lambda x: mp.exp(-x) * mp.besseli(0, x), 0, 8),
    "i0e_far": (_inverse(lambda x: mp.sqrt(x) * mp.exp(-x) * mp.besseli(0, x)), 0, 0.125),
    "i1e_near": (lambda x: mp.exp(-x) * mp.besseli(1, x) / x, 0, 8),
    "i1e_far": (_inverse(lambda x: mp.sqrt(x) * mp.exp(-x) * mp.besseli(1, x)), 0, 0.125),
    "i0_near": (_root(lambda x: mp.besseli(0, x)), 0, 4),
    "i1_near": (_root(lambda x: mp.besseli(1, x) / x), 0, 4),
    "k0_near": (_root(lambda x: mp.besselk(0, x) + mp.log(x / 2) * mp.besseli(0, x)), 0, 4),
    "k0_far": (_inverse(lambda x: mp.sqrt(x) * mp.exp(x) * mp.besselk(0, x)), 0, 0.5),
    "k1_near": (_root(lambda x: x * (mp.besselk(1, x) - mp.log(x / 2) * mp.besseli(1, x))), 0, 4),
    "k1_far": (_inverse(lambda x: mp.sqrt(x) * mp.exp(x) * mp.besselk(1, x)), 0, 0.5),
    "j0_near": (_root(lambda x: mp.besselj(0, x)), 0, 64),
    "j1_near": (_root(lambda x: mp.besselj(1, x) / x), 0, 64),
    "y0_near": (_root(lambda x: mp.bessely(0, x) - 2 / mp.pi * mp.log(x) * mp.besselj(0, x)), 0, 64),
    "y1_near": (_root(lambda x: (mp.bessely(1, x) - 2 / mp.pi * (mp.log(x) * mp.besselj(1, x) - 1 / x)) / x),
                0, 64),
    "j0_cosine": (_bessel_phase(0, False), 0, 1 / 64),
    "j0_sine": (_bessel_phase(0, True), 0, 1 / 64),
    "j1_cosine": (_bessel_phase(1, False), 0, 1 / 64),
    "j1_sine": (_bessel_phase(1, True), 0, 1 / 64),
    "airy_near": (mp.airyai, -4, 2),
    "airy_decay": (_airy_decay, 0, 1 / _ZETA2),
    "airy_cosine": (_airy_phase(False), 0, 1 / _ZETA4 ** 2),
    "airy_sine": (_airy_phase(True), 0, 1 / _ZETA4 ** 2),
    "log1p_rest": (lambda d: (mp.log1p(d) - d) / (d * d), -0.5, 0.5),
    "gamma_scaled": (_inverse(lambda a: mp.exp(mp.loggamma(a) - mp.log(2 * mp.pi / a) / 2 - a * mp.log(a) + a)),
                     0, 0.25),
}


def shortened(values: list[float]) -> list[str]:
    """Numbers without digits that are below 1e-17 of the largest: sums in float64 lose those anyhow."""
    top = math.floor(math.log10(max(abs(c) for c in values)))
    return [repr(float(f"{c:.{min(16, max(0, 17 + math.floor(math.log10(abs(c))) - top))}e}")) if c else "0.0"
            for c in values]


def main() -> None:
    """Compute every part and write the module."""
    text = HEADER
    for name, (f, low, high) in PARTS.items():
        found = shortened(coefficients(f, low, high))
        text += f'    "{name}": ({float(low)!r}, {float(high)!r}, (\n'
        rows = textwrap.wrap(", ".join(found) + ",", 102)
        text += "".join(f"        {row}\n" for row in rows) + "    )),\n"
        print(f"{name}: {len(found)} coefficients, the last {found[-1]}")
    TARGET.write_text(text + "}\n")


if __name__ == "__main__":
    main()
