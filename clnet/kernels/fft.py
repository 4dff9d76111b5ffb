"""Plans of discrete Fourier transforms along one dimension."""
from __future__ import annotations

import math
from typing import Any

from ..codegen.spec import KernelSpec
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.layout import Layout
from ..core.plan import Launch, Operand, Plan, Result, Temporary
from ..core.tunables import GROUP, WORKERS, Parameter, family

# Tunables: work-groups per unit; work-items per group (GPU class); lanes of the passes (CPU class).
GROUPS_PER_UNIT = {"cpu": 1, "gpu": 4}
GPU_GROUP = 64
CPU_LANES = 8
# Elements between the planes of scratch memory, so that they don't meet in one set of the cache; and
# twiddle factors of which only the first is computed (CPU class).
PADDING = 48
BLOCK = 64

RADICES = (2, 3, 4, 5, 7, 8)
_INDEX_LIMIT = 1 << 30

SPACE = family("fft", ("rows", "elements"), Parameter("lanes", (4, 8)), WORKERS, GROUP,
               Parameter("groups_per_unit", (1, 2, 4, 8, 16)))


def factors(n: int) -> list[int] | None:
    """The passes of a transform of ``n``, widest first; None where a prime beyond 7 divides it."""
    found = []
    for radix in sorted(RADICES, reverse=True):
        while n % radix == 0:
            found.append(radix)
            n //= radix
    if 8 in found and 2 in found:  # two passes of 4 are less work
        found.remove(8)
        found.remove(2)
        found += [4, 4]
    # Powers of two first: the later passes then run over whole vectors.
    return sorted(found, key=lambda r: (r & (r - 1) != 0, -r)) if n == 1 else None


def plan(x: Layout, dim: int, n: int, kind: str, inverse: bool, scale: float, caps: DeviceCaps) -> Plan:
    """The transform of length ``n`` along ``dim``; the operand is cut or padded with zeros.

    Args:
        kind: "complex" (all of it), "real" (real operand, the first n // 2 + 1 results) or
            "hermitian" (that many operands, real results).
        inverse: the sign of the exponent is +.
        scale: factor of the results.
    """
    real = x.dtype.to_real()
    half = n // 2 + 1
    wanted = half if kind == "real" else n
    shape = tuple(wanted if d == dim else size for d, size in enumerate(x.shape))
    y = lay.dense(shape, real if kind == "hermitian" else real.to_complex())
    if not y.numel:
        return Plan((y,), ())
    passes, length = factors(n), n
    if passes is None:
        length = 1 << (2 * n - 2).bit_length()
        passes = factors(length)
        assert passes is not None
    outer = [d for d in range(x.ndim) if d != dim]
    sizes, (xs, ys) = lay.collapse([x.shape[d] for d in outer],
                                   [[o.strides[d] for d in outer] for o in (x, y)])
    rows = math.prod(sizes)
    gpu = caps.plan_class == "gpu"
    pick = SPACE.choice(caps, f"{kind} {real.name}", rows, n)
    local = min(pick("group", GPU_GROUP), caps.max_work_group_size) if gpu else 1
    groups = min(rows, caps.units * pick("groups_per_unit" if gpu else "workers_per_unit",
                                         GROUPS_PER_UNIT[caps.plan_class]))
    chirped = length != n
    given = min(x.shape[dim], half if kind == "hermitian" else n)
    wide = max(x.extent(), y.extent(), 16 * length) >= _INDEX_LIMIT
    scratch = lay.dense((groups, 10 if chirped else 6, length + PADDING), real)
    scalars = [v for size, a, b in zip(sizes, xs, ys) for v in (size, a, b)]
    scalars += [x.strides[dim], y.strides[dim], given, n, wanted, length]
    index = "uint64" if wide else "uint32"
    code = sum(r << 4 * i for i, r in enumerate(passes))
    kinds: tuple[str | None, ...] = (None, "uint64") * 3 + (index,) * len(scalars)
    kinds += ("uint64", "uint32", real.name, real.name, index)
    spec = KernelSpec(
        "fft", f"fft_{kind}",
        (("kind", kind), ("dtype", real), ("outer_rank", len(sizes)), ("W", 1 if gpu else pick("lanes", CPU_LANES)),
         ("gpu", gpu), ("wide", wide), ("RADICES", RADICES), ("PADDING", PADDING), ("BLOCK", BLOCK)),
        (local,), kinds)
    args: tuple[Any, ...] = (Operand(0), Result(0), Temporary(0), *scalars, code, int(chirped),
                             -1.0 if inverse else 1.0, scale, rows)
    return Plan((y,), (Launch(spec, (groups * local,), args),), (scratch,))
