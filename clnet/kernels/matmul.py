"""Plans of matrix products: y[..., m, n] = epilogue(sum over k of a[..., m, k] * b[..., k, n])."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.layout import Layout
from ..core.plan import Launch, Number, Operand, Plan, Result, ScalarOperand
from .matmul_cpu import plan_cpu
from .matmul_gpu import plan_gpu
from .product import INDEX_LIMIT, Matrix, Product, accumulator


def plan(operands: Sequence[Layout | Number], caps: DeviceCaps, dtype: DType | None = None,
         tf32: bool = False) -> Plan:
    """The plan of one product.

    Args:
        operands: a (..., M, K) and b (..., K, N), then optionally c that is added (broadcast to the
            result), then optionally the numbers beta and alpha: beta * c + alpha * (a @ b).
        dtype: of the result, where it is not a's.
        tf32: whether factors may be rounded to TensorFloat-32.
    """
    p, layout = _describe(operands, dtype)
    if not layout.numel:
        return Plan((layout,), ())
    launches, temporaries = plan_product(replace(p, tf32=tf32), caps)
    return Plan((layout,), tuple(launches), tuple(temporaries))


def plan_product(p: Product, caps: DeviceCaps) -> tuple[list[Launch], list[Layout]]:
    """Launches and temporaries of a product that has elements."""
    return plan_cpu(p, caps) if caps.plan_class == "cpu" else plan_gpu(p, caps)


def _describe(operands: Sequence[Layout | Number], dtype: DType | None) -> tuple[Product, Layout]:
    a, b, *extras = operands
    assert isinstance(a, Layout) and isinstance(b, Layout)
    (m, k), n = a.shape[-2:], b.shape[-1]
    batch = lay.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    layout = lay.dense((*batch, m, n), dtype or a.dtype)
    everything = [(Operand(0), a, lay.expand_strides(a, (*batch, m, k))),
                  (Operand(1), b, lay.expand_strides(b, (*batch, k, n))),
                  (Result(0), layout, layout.strides)]
    for i, e in enumerate(extras):
        if isinstance(e, Layout):
            everything.append((Operand(2 + i), e, lay.expand_strides(e, layout.shape)))
    matrices = [Matrix(arg, o.dtype, s[:-2], s[-2], s[-1]) for arg, o, s in everything]
    acc = accumulator(a.dtype)
    numbers = tuple(ScalarOperand(2 + i, acc) for i, e in enumerate(extras) if isinstance(e, Number))
    reach = max(o.extent() for _, o, _ in everything)
    index = "uint" if max(reach, 4 * layout.numel) < INDEX_LIMIT else "ulong"
    return Product.of(batch, m, n, k, matrices, acc, index, numbers), layout
