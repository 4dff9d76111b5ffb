"""The operators that are compared, in the sizes of a CPU, of a GPU, and of a test."""
from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from tools.benchmark.case import Case, Run, floats, integers


def operators(sizes: str) -> list[Case]:
    """The cases of one list of sizes: "cpu", "gpu" or "tiny"."""
    return list({"cpu": _cpu, "gpu": _gpu, "tiny": _tiny}[sizes]())


def _tiny() -> Iterator[Case]:
    yield _matmul(16)
    yield _add(4096)
    yield _reduction("sum", (64, 64), 1)
    yield _batch_norm(2, 4, 4)


def _cpu() -> Iterator[Case]:
    yield from map(_matmul, (64, 256, 512, 1024, 2048))
    yield _matmul(1024, "float16")
    yield _matmul(1024, "bfloat16")
    for m, n, k in ((128, 512, 784), (1024, 384, 1536), (1000, 1000, 1000), (8, 4096, 4096), (4096, 64, 64)):
        yield _linear(m, n, k)
    yield _batched_matmul(48, 128, 128, 64)
    for images, outputs, kernel, stride, groups in (
            ((32, 64, 32), 64, 3, 1, 1), ((32, 128, 16), 128, 3, 1, 1), ((32, 256, 8), 256, 3, 1, 1),
            ((32, 512, 4), 512, 3, 1, 1), ((32, 64, 32), 128, 3, 2, 1), ((32, 64, 32), 256, 1, 1, 1),
            ((64, 1, 28), 32, 3, 1, 1), ((64, 32, 26), 64, 3, 1, 1), ((8, 3, 112), 64, 7, 2, 1),
            ((16, 96, 28), 96, 3, 1, 96)):
        yield _conv(images, outputs, kernel, stride, groups)
        yield _conv(images, outputs, kernel, stride, groups, backward=True)
    yield from _streaming(1 << 22, 2048)
    yield _sort(1 << 20)
    yield _topk(2048, 8)
    yield _layer_norm(4096, 768)
    yield _layer_norm(4096, 768, backward=True)
    yield _batch_norm(32, 64, 32)
    yield _embedding(50000, 256, 4096)
    yield _cross_entropy(1024, 50000)
    yield _attention(8, 6, 512, 64)
    yield _attention(8, 6, 512, 64, backward=True)
    yield _max_pool(64, 64, 24)


def _gpu() -> Iterator[Case]:
    for dtype in ("float32", "float16", "bfloat16"):
        for n in (1024, 2048, 4096, 8192):
            yield _matmul(n, dtype)
    yield _linear(8192, 4096, 1024)
    yield _linear(8, 4096, 4096)
    yield _batched_matmul(256, 512, 512, 64)
    for images, outputs, kernel, stride, groups in (
            ((128, 64, 56), 64, 3, 1, 1), ((128, 128, 28), 128, 3, 1, 1), ((128, 256, 14), 256, 3, 1, 1),
            ((128, 64, 56), 256, 1, 1, 1), ((128, 3, 224), 64, 7, 2, 1), ((128, 96, 56), 96, 3, 1, 96)):
        yield _conv(images, outputs, kernel, stride, groups)
        yield _conv(images, outputs, kernel, stride, groups, backward=True)
    yield from _streaming(1 << 27, 8192)
    yield _sort(1 << 24)
    yield _topk(8192, 8)
    yield _layer_norm(65536, 1024)
    yield _layer_norm(65536, 1024, backward=True)
    yield _batch_norm(256, 64, 56)
    yield _embedding(50000, 1024, 65536)
    yield _cross_entropy(8192, 50000)
    yield _attention(16, 16, 2048, 64)
    yield _attention(16, 16, 2048, 64, backward=True)
    yield _max_pool(256, 64, 112)


def _streaming(count: int, side: int) -> Iterator[Case]:
    """What memory bounds: elementwise operators, reductions, scans and copies."""
    yield _add(count)
    yield _exp(count)
    yield _gelu(count)
    yield Case(f"mul-add with broadcast {side}x{side}", "elementwise",
               (floats(side, side), floats(side), floats(side, 1)),
               **_anywhere(lambda _, a, b, c: a * b + c), flops=2.0 * side * side, nbytes=8.0 * side * side)
    yield Case(f"transpose copy {side}x{side}", "elementwise", (floats(side, side),),
               lambda _, a: a.t().contiguous(), lambda np, a: np.ascontiguousarray(a.T),
               lambda _, a: a.T.contiguous(), nbytes=8.0 * side * side)
    yield _reduction("sum", (count,), None)
    for dim in (0, 1):
        yield _reduction("sum", (side, side), dim)
        yield _rowwise("softmax", side, dim)
        yield _rowwise("cumsum", side, dim)
    yield _reduction("argmax", (side, side), 1)


def _anywhere(run: Run) -> dict[str, Run]:
    """One expression for all libraries."""
    return {"run": run, "numpy": run, "tinygrad": run}


def _matmul(n: int, dtype: str = "float32") -> Case:
    size = 4 if dtype == "float32" else 2
    run = _anywhere(lambda _, a, b: a @ b)
    if dtype != "float32":
        del run["numpy"]  # which has no bfloat16, and takes seconds for float16
    name = f"matmul {n}" + ("" if dtype == "float32" else f" {dtype}")
    group = "matmul" if dtype == "float32" else "16-bit"
    return Case(name, group, (floats(n, n, dtype=dtype), floats(n, n, dtype=dtype)), **run,
                flops=2.0 * n**3, nbytes=3.0 * size * n * n)


def _linear(m: int, n: int, k: int) -> Case:
    return Case(f"linear {m}x{n}x{k}", "matmul", (floats(m, k), floats(n, k)),
                lambda lib, a, b: lib.nn.functional.linear(a, b), lambda _, a, b: a @ b.T,
                lambda _, a, b: a @ b.T, flops=2.0 * m * n * k, nbytes=4.0 * (m * k + n * k + m * n))


def _batched_matmul(batch: int, m: int, n: int, k: int) -> Case:
    return Case(f"batched matmul {batch}x{m}x{n}x{k}", "matmul", (floats(batch, m, k), floats(batch, k, n)),
                **_anywhere(lambda _, a, b: a @ b), flops=2.0 * batch * m * n * k,
                nbytes=4.0 * batch * (m * k + n * k + m * n))


def _conv(images: tuple[int, int, int], outputs: int, kernel: int, stride: int, groups: int,
          backward: bool = False) -> Case:
    """``images``: count, channels and side."""
    count, channels, side = images
    padding = {1: 0, 3: 1, 7: 3}[kernel]
    after = (side + 2 * padding - kernel) // stride + 1
    result = (count, outputs, after, after)
    weight = (outputs, channels // groups, kernel, kernel)
    flops = 2.0 * prod(result) * prod(weight[1:])
    nbytes = 4.0 * (prod((count, channels, side, side)) + prod(weight) + prod(result))
    name = f"conv {kernel}x{kernel}, {count}x{channels}x{side}x{side} to {outputs}"
    name += f" by {stride}" * (stride > 1) + f" in {groups}" * (groups > 1) + " fwd+bwd" * backward

    def run(lib: Any, x: Any, w: Any) -> Any:
        return lib.nn.functional.conv2d(x, w, None, stride, padding, 1, groups)

    def tinygrad(_: Any, x: Any, w: Any) -> Any:
        return x.conv2d(w, None, groups, stride, 1, padding)

    operands = (floats(count, channels, side, side, requires_grad=backward),
                floats(*weight, requires_grad=backward))
    passes = 3 if backward else 1
    return Case(name, "conv", operands, run, None, tinygrad, passes * flops, passes * nbytes,
                result if backward else None)


def _add(count: int) -> Case:
    return Case(f"add {_short(count)}", "elementwise", (floats(count), floats(count)),
                **_anywhere(lambda _, x, y: x + y), flops=float(count), nbytes=12.0 * count)


def _exp(count: int) -> Case:
    return Case(f"exp {_short(count)}", "elementwise", (floats(count),), lambda _, x: x.exp(),
                lambda np, x: np.exp(x), lambda _, x: x.exp(), float(count), 8.0 * count)


def _gelu(count: int) -> Case:
    return Case(f"gelu {_short(count)}", "elementwise", (floats(count),),
                lambda lib, x: lib.nn.functional.gelu(x), None, None, float(count), 8.0 * count)


def _reduction(name: str, shape: tuple[int, ...], dim: int | None) -> Case:
    label = "x".join(map(str, shape)) if len(shape) > 1 else _short(shape[0])
    return Case(f"{name} {label}" + ("" if dim is None else f" dim {dim}"), "reduction", (floats(*shape),),
                **_anywhere(lambda _, x: getattr(x, name)(dim)), flops=float(prod(shape)),
                nbytes=4.0 * prod(shape))


def _rowwise(name: str, side: int, dim: int) -> Case:
    numpy = (lambda _, x: x.cumsum(dim)) if name == "cumsum" else None
    return Case(f"{name} {side}x{side} dim {dim}", "reduction", (floats(side, side),),
                lambda _, x: getattr(x, name)(dim), numpy, lambda _, x: getattr(x, name)(dim),
                flops=(1.0 if name == "cumsum" else 4.0) * side * side, nbytes=8.0 * side * side)


def _sort(count: int) -> Case:
    return Case(f"sort {_short(count)}", "selection", (floats(count),), lambda _, x: x.sort(),
                nbytes=16.0 * count)


def _topk(side: int, k: int) -> Case:
    return Case(f"topk of {k}, {side}x{side}", "selection", (floats(side, side),), lambda _, x: x.topk(k, 1),
                nbytes=4.0 * side * side)


def _layer_norm(rows: int, width: int, backward: bool = False) -> Case:
    return Case(f"layer_norm {rows}x{width}" + (" fwd+bwd" if backward else ""), "network",
                (floats(rows, width, requires_grad=backward), floats(width, requires_grad=backward),
                 floats(width, requires_grad=backward)),
                lambda lib, x, w, b: lib.nn.functional.layer_norm(x, (width,), w, b),
                nbytes=(20.0 if backward else 8.0) * rows * width,
                cotangent=(rows, width) if backward else None)


def _batch_norm(count: int, channels: int, side: int) -> Case:
    shape = (count, channels, side, side)
    return Case(f"batch_norm {'x'.join(map(str, shape))} fwd+bwd", "network",
                (floats(*shape, requires_grad=True), floats(channels, requires_grad=True),
                 floats(channels, requires_grad=True)),
                lambda lib, x, w, b: lib.nn.functional.batch_norm(x, None, None, w, b, True),
                nbytes=20.0 * prod(shape), cotangent=shape)


def _embedding(rows: int, width: int, count: int) -> Case:
    # The gradient is dense: all rows are written.
    return Case(f"embedding {rows}x{width} of {count} fwd+bwd", "network",
                (integers(rows, count), floats(rows, width, requires_grad=True)),
                lambda lib, i, w: lib.nn.functional.embedding(i, w),
                nbytes=4.0 * width * (rows + 3 * count), cotangent=(count, width))


def _cross_entropy(rows: int, classes: int) -> Case:
    return Case(f"cross_entropy {rows}x{classes} fwd+bwd", "network",
                (floats(rows, classes, requires_grad=True), integers(classes, rows)),
                lambda lib, x, y: lib.nn.functional.cross_entropy(x, y),
                nbytes=12.0 * rows * classes, cotangent=())


def _attention(batch: int, heads: int, length: int, width: int, backward: bool = False) -> Case:
    shape = (batch, heads, length, width)
    flops = 2.0 * batch * heads * length * length * width  # half of two products: the others are masked
    return Case(f"causal attention {'x'.join(map(str, shape))}" + (" fwd+bwd" if backward else ""), "network",
                tuple(floats(*shape, requires_grad=backward) for _ in range(3)),
                lambda lib, *qkv: lib.nn.functional.scaled_dot_product_attention(*qkv, is_causal=True),
                None, lambda _, q, k, v: q.scaled_dot_product_attention(k, v, is_causal=True),
                flops=(3.5 if backward else 1.0) * flops, nbytes=4.0 * (10 if backward else 4) * prod(shape),
                cotangent=shape if backward else None)


def _max_pool(count: int, channels: int, side: int) -> Case:
    shape, result = (count, channels, side, side), (count, channels, side // 2, side // 2)
    return Case(f"max_pool2d of 2, {'x'.join(map(str, shape))} fwd+bwd", "network",
                (floats(*shape, requires_grad=True),),
                lambda lib, x: lib.nn.functional.max_pool2d(x, 2),
                nbytes=8.0 * prod(shape) + 8.0 * prod(result), cotangent=result)


def _short(count: int) -> str:
    """4194304 as 4M."""
    for unit, letter in ((1 << 20, "M"), (1 << 10, "K")):
        if count >= unit and count % unit == 0:
            return f"{count // unit}{letter}"
    return str(count)
