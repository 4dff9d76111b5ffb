"""Matrix products, all made of one: ``_gemm`` of stacks of matrices with any strides."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core import layout as lay
from ..core.caps import DeviceCaps
from ..core.dtypes import DType
from ..core.layout import Layout
from ..core.plan import Plan
from ..core.precision import Precision
from ..kernels import matmul as kernel
from .complex import complex as complex_
from .complex import imag, real
from .declare import composite, planner
from .view import expand, reshape, squeeze, t, unsqueeze

# What PyTorch's messages call the types in C++.
C_NAMES = {dt.bool_: "bool", dt.uint8: "unsigned char", dt.int8: "signed char", dt.int16: "short int",
            dt.int32: "int", dt.int64: "long int", dt.float16: "c10::Half", dt.bfloat16: "c10::BFloat16",
            dt.uint16: "unsigned short", dt.uint32: "unsigned int", dt.uint64: "unsigned long",
            dt.float32: "float", dt.float64: "double", dt.complex64: "c10::complex<float>",
            dt.complex128: "c10::complex<double>"}


# The core ---

def _bind_gemm(*operands: Any, turned: tuple[bool, bool] = (False, False), dtype: DType | None = None) -> Any:
    attrs: dict[str, Any] = {"turned": turned} if True in turned else {}
    if Precision.matmul != "highest" and operands[0].dtype is dt.float32:
        attrs["tf32"] = True
    return operands, attrs if dtype is None else attrs | {"dtype": dtype}


def _turned(x: Layout) -> Layout:
    """The last two dimensions swapped."""
    shape, strides = x.shape, x.strides
    return lay.make((*shape[:-2], shape[-1], shape[-2]), (*strides[:-2], strides[-1], strides[-2]), x.dtype)


def _plan(operands: Any, attrs: dict[str, Any], caps: DeviceCaps, out: Any = None) -> Plan:
    factors = [_turned(x) if turn else x for x, turn in zip(operands, attrs.get("turned", (False, False)))]
    return kernel.plan((*factors, *operands[2:]), caps, attrs.get("dtype"), "tf32" in attrs)


def _vjp(ctx: Any, g: Any) -> tuple[Any, ...]:
    a, b = ctx.operands[:2]
    at, bt = ctx.attrs.get("turned", (False, False))
    beta, alpha = ctx.operands[3:] or (1, 1)
    scaled = g if alpha == 1 else g * alpha
    grads: list[Any] = [None, None]
    if ctx.needs[0]:
        grads[0] = gemm(b, scaled, turned=(bt, True)) if at else gemm(scaled, b, turned=(False, not bt))
    if ctx.needs[1]:
        grads[1] = gemm(scaled, a, turned=(True, at)) if bt else gemm(a, scaled, turned=(not at, False))
    if len(ctx.operands) > 2:
        grads.append((g if beta == 1 else g * beta) if ctx.needs[2] else None)
    return tuple(grads)


# Operands: a (..., M, K), b (..., K, N), then c broadcast to the result, then numbers beta, alpha.
# ``turned`` tells of a and b whether their last two dimensions are given the other way round; ``dtype`` is
# the result's, where narrow integers are not to wrap.
gemm = planner("_gemm", _bind_gemm, _plan, family="matmul", vjp=_vjp, saves=(0, 1), public=False)


def _complex_product(a: Any, b: Any) -> Any:
    """``a @ b`` by four products of the parts, which are read where they lie."""
    (a_re, a_im), (b_re, b_im) = (real(a), imag(a)), (real(b), imag(b))
    return complex_(gemm(a_im, b_im, gemm(a_re, b_re), 1, -1), gemm(a_im, b_re, gemm(a_re, b_im)))


def _product(name: str, a: Any, b: Any, c: Any = None, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * c + alpha * (a @ b)``; like PyTorch's, a zero factor hides NaN in what it scales."""
    dtype = a.dtype
    if dtype is dt.bool_:
        raise NotImplementedError(f'"{name}" not implemented for \'Bool\'')
    if dtype.is_complex:
        y = _complex_product(a, b)
        y = y if alpha == 1 else y * alpha
        return y if c is None or beta == 0 else y + (c if beta == 1 else c * beta)
    if c is None or beta == 0:
        y = gemm(a, b)
        return y if alpha == 1 else y * alpha
    return gemm(a, b, c) if beta == 1 and alpha == 1 else gemm(a, b, c, beta, alpha)


# Checks, in PyTorch's words ---

# What callers pass by mistake; concrete types, since testing for an abstract one takes longer than a launch.
_FOREIGN = (int, float, complex, np.generic, np.ndarray, list, tuple, type(None))


def _require_tensors(name: str, **values: Any) -> None:
    for position, (argument, x) in enumerate(values.items(), 1):
        if isinstance(x, _FOREIGN):
            raise TypeError(f"{name}(): argument '{argument}' (position {position}) must be Tensor, "
                            f"not {type(x).__name__}")


def _check_mm(a: Any, b: Any) -> None:
    (m, k), (rows, n) = a.shape, b.shape
    if k != rows:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({m}x{k} and {rows}x{n})")
    if a.dtype is not b.dtype:
        raise RuntimeError("expected m1 and m2 to have the same dtype, but got: "
                           f"{C_NAMES[a.dtype]} != {C_NAMES[b.dtype]}")


def _check_bmm(a: Any, b: Any) -> None:
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise RuntimeError("Expected size for first two dimensions of batch2 tensor to be: "
                           f"[{a.shape[0]}, {a.shape[2]}] but got: [{b.shape[0]}, {b.shape[1]}].")
    if a.dtype is not b.dtype:
        raise RuntimeError(f"expected scalar type {dt.SCALAR_NAMES[a.dtype]} but found {dt.SCALAR_NAMES[b.dtype]}")


def _check_mv(a: Any, x: Any, added: DType | None = None) -> None:
    if a.shape[1] != x.shape[0]:
        raise RuntimeError(f"size mismatch, got input ({a.shape[0]}), mat ({a.shape[0]}x{a.shape[1]}), "
                           f"vec ({x.shape[0]})")
    added = added or x.dtype
    if a.dtype is not x.dtype or added is not x.dtype:
        names = [dt.SCALAR_NAMES[d] for d in (added, a.dtype, x.dtype)]
        raise RuntimeError("addmv input tensors must have the same dtype, but got "
                           f"{names[0]}, {names[1]}, and {names[2]}")


def _check_added(c: Any, shape: tuple[int, ...]) -> None:
    """Whether ``c`` expands to the shape of the product."""
    if c.ndim > len(shape):
        raise RuntimeError(f"expand(clnet.Tensor{{{list(c.shape)}}}, size={list(shape)}): the number of sizes "
                           f"provided ({len(shape)}) must be greater or equal to the number of dimensions in "
                           f"the tensor ({c.ndim})")
    shift = len(shape) - c.ndim
    for d, n in enumerate(c.shape):
        if n not in (1, shape[d + shift]):
            raise RuntimeError(f"The expanded size of the tensor ({shape[d + shift]}) must match the existing "
                               f"size ({n}) at non-singleton dimension {d + shift}.  Target sizes: "
                               f"{list(shape)}.  Tensor sizes: {list(c.shape)}")


# The public functions ---

def _array(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(sum(shape) + seed).uniform(-1.0, 1.0, shape)


def _pairs(*shapes: tuple[tuple[int, ...], ...]) -> Any:
    def samples() -> Any:
        for group in shapes:
            yield tuple(_array(*s, seed=i) for i, s in enumerate(group)), {}
    return samples


@composite("matmul", samples=_pairs(((3, 4), (4, 5)), ((1, 7), (7, 1)), ((2, 0), (0, 3)), ((0, 2), (2, 3))),
           reference=np.matmul)
def mm(input: Any, mat2: Any) -> Any:
    """Product of the matrices ``input`` (n, m) and ``mat2`` (m, p), of one dtype.

    Raises:
        RuntimeError: not matrices, or their shapes or dtypes don't match.
    """
    _require_tensors("mm", input=input, mat2=mat2)
    for name, x in (("self", input), ("mat2", mat2)):
        if x.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix")
    _check_mm(input, mat2)
    return _product("addmm_impl_cpu_", input, mat2)


def _int8_samples() -> Any:
    rng = np.random.default_rng(5)
    for m, k, n in ((3, 4, 5), (2, 0, 3), (17, 40, 33)):
        yield (rng.integers(-128, 128, (m, k), np.int8), rng.integers(-128, 128, (k, n), np.int8)), {}


@composite("matmul", name="_int_mm", method=False, samples=_int8_samples,
           reference=lambda a, b: a.astype(np.int32) @ b.astype(np.int32))
def int_mm(input: Any, mat2: Any) -> Any:
    """Product of int8 matrices (n, m) and (m, p), summed in int32; ``input`` may be uint8.

    Raises:
        RuntimeError: not matrices, other dtypes, or shapes that don't match.
    """
    _require_tensors("_int_mm", self=input, mat2=mat2)
    for name, x in (("self", input), ("mat2", mat2)):
        if x.ndim != 2:
            raise RuntimeError(f"_int_mm: Expected {name} to be of dimension 2 but got {x.ndim}")
    (_, m), (rows, _) = input.shape, mat2.shape
    if m != rows:
        raise RuntimeError(f"_int_mm: self.size(1) needs to match mat2.size(0) but got {m} and {rows}")
    if input.dtype not in (dt.int8, dt.uint8):
        raise RuntimeError(f"_int_mm: Expected self dtype to be int8 or uint8 but got {C_NAMES[input.dtype]}")
    if mat2.dtype is not dt.int8:
        raise RuntimeError(f"_int_mm: Expected mat2 dtype to be of type int8 but got {C_NAMES[mat2.dtype]}")
    return gemm(input, mat2, dtype=dt.int32)


@composite("matmul", samples=_pairs(((2, 3, 4), (2, 4, 5)), ((0, 3, 4), (0, 4, 2))), reference=np.matmul)
def bmm(input: Any, mat2: Any) -> Any:
    """Products of the matrices of two batches, (b, n, m) and (b, m, p).

    Raises:
        RuntimeError: not 3-d, or their shapes or dtypes don't match.
    """
    _require_tensors("bmm", input=input, mat2=mat2)
    for name, x in (("batch1", input), ("batch2", mat2)):
        if x.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    _check_bmm(input, mat2)
    return _product("bmm", input, mat2)


@composite("matmul", samples=_pairs(((3, 4), (4,)), ((3, 0), (0,))), reference=np.matmul)
def mv(input: Any, vec: Any) -> Any:
    """Product of a matrix (n, m) and a vector (m).

    Raises:
        RuntimeError: wrong numbers of dimensions, or shapes or dtypes that don't match.
    """
    _require_tensors("mv", input=input, vec=vec)
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}")
    _check_mv(input, vec)
    return squeeze(_product("addmv_impl_cpu", input, unsqueeze(vec, 1)), 1)


@composite("matmul", samples=_pairs(((5,), (5,)), ((0,), (0,))), reference=np.dot)
def dot(input: Any, tensor: Any) -> Any:
    """Inner product of two vectors.

    Raises:
        RuntimeError: not vectors, or their sizes or dtypes differ.
    """
    _require_tensors("dot", input=input, tensor=tensor)
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    if input.dtype is not tensor.dtype:
        raise RuntimeError("dot : expected both vectors to have same dtype, but found "
                           f"{dt.SCALAR_NAMES[input.dtype]} and {dt.SCALAR_NAMES[tensor.dtype]}")
    n, m = input.shape[0], tensor.shape[0]
    if n != m:
        raise RuntimeError(f"inconsistent tensor size, expected tensor [{n}] and src [{m}] to have the same "
                           f"number of elements, but got {n} and {m} elements respectively")
    return reshape(_product("dot", unsqueeze(input, 0), unsqueeze(tensor, 1)), ())


def _matmul_samples() -> Any:
    yield from _pairs(((4,), (4,)), ((4,), (4, 3)), ((3, 4), (4,)), ((3, 4), (4, 2)), ((2, 3, 4), (4,)),
                      ((4,), (2, 4, 3)), ((2, 3, 4), (4, 5)), ((3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 2)),
                      ((2, 0, 4), (4, 3)))()
    yield (_array(2, 3, 4) + 1j * _array(2, 3, 4, seed=1), _array(4, 2) - 1j * _array(4, 2, seed=1)), {}


@composite("matmul", samples=_matmul_samples, reference=np.matmul)
def matmul(input: Any, other: Any) -> Any:
    """Matrix product: of vectors, matrices, and stacks of matrices whose batch dimensions broadcast.

    A vector on the left is a row, on the right a column; its dimension is dropped from the result.

    Raises:
        RuntimeError: a 0-d operand, or shapes or dtypes that don't match.
    """
    _require_tensors("matmul", input=input, other=other)
    n, m = input.ndim, other.ndim
    if not n or not m:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {n}D and {m}D")
    if n == 2 and m == 2:
        _check_mm(input, other)
        return _product("addmm_impl_cpu_", input, other)
    if n <= 2 and m <= 2:
        if n == 1:
            return dot(input, other) if m == 1 else squeeze(mm(unsqueeze(input, 0), other), 0)
        return mv(input, other)
    if m <= 2:
        # One product of all rows: a batch would read ``other`` again for each matrix.
        lead = tuple(input.shape[:-1])
        rows = reshape(input, (math.prod(lead), input.shape[-1]))
        return reshape(matmul(rows, other), (*lead, *other.shape[1:]))
    a = unsqueeze(input, 0) if n == 1 else input
    batch = lay.broadcast_shapes(a.shape[:-2], other.shape[:-2])
    if a.shape[-1] != other.shape[-2]:
        count = math.prod(batch)
        raise RuntimeError("Expected size for first two dimensions of batch2 tensor to be: "
                           f"[{count}, {a.shape[-1]}] but got: [{count}, {other.shape[-2]}].")
    if a.dtype is not other.dtype:
        raise RuntimeError(f"expected scalar type {dt.SCALAR_NAMES[a.dtype]} but found {dt.SCALAR_NAMES[other.dtype]}")
    y = _product("bmm", a, other)
    return squeeze(y, -2) if n == 1 else y


def _added(product: Any) -> Any:
    def reference(c: Any, a: Any, b: Any, *, beta: float = 1, alpha: float = 1) -> Any:
        return beta * c + alpha * product(a, b)
    return reference


def _added_samples(*shapes: tuple[tuple[int, ...], ...]) -> Any:
    def samples() -> Any:
        for i, (args, _) in enumerate(_pairs(*shapes)()):
            yield args, {"beta": 0.5, "alpha": -2.0} if i % 2 else {}
    return samples


@composite("matmul", samples=_added_samples(((4,), (2, 3), (3, 4)), ((2, 1), (2, 3), (3, 4)), ((), (2, 3), (3, 4))),
           reference=_added(np.matmul), inplace=True)
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * (mat1 @ mat2)``; ``input`` broadcasts to the product.

    Raises:
        RuntimeError: operands that are not matrices, or shapes or dtypes that don't match.
    """
    _require_tensors("addmm", input=input, mat1=mat1, mat2=mat2)
    for name, x in (("mat1", mat1), ("mat2", mat2)):
        if x.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix, got {x.ndim}-D tensor")
    if mat1.dtype is mat2.dtype or mat1.shape[1] != mat2.shape[0]:
        _check_mm(mat1, mat2)
    if input.dtype is not mat2.dtype or mat1.dtype is not mat2.dtype:
        raise RuntimeError("self and mat2 must have the same dtype, but got "
                           f"{dt.SCALAR_NAMES[input.dtype]} and {dt.SCALAR_NAMES[mat2.dtype]}")
    shape = (mat1.shape[0], mat2.shape[1])
    _check_added(input, shape)
    if alpha == 0 and beta != 0:
        return expand(input, shape) * beta
    return _product("addmm_impl_cpu_", mat1, mat2, input, beta, alpha)


@composite("matmul", samples=_added_samples(((2, 4), (2, 2, 3), (2, 3, 4)), ((4,), (2, 2, 3), (2, 3, 4))),
           reference=_added(np.matmul), inplace=True)
def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * bmm(batch1, batch2)``; ``input`` broadcasts to the products.

    Raises:
        RuntimeError: operands that are not 3-d, or shapes or dtypes that don't match.
    """
    _require_tensors("baddbmm", input=input, batch1=batch1, batch2=batch2)
    for name, x in (("batch1", batch1), ("batch2", batch2)):
        if x.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    _check_bmm(batch1, batch2)
    if input.dtype is not batch1.dtype:
        names = [C_NAMES[x.dtype] for x in (input, batch1, batch2)]
        raise RuntimeError(f"Input dtypes must be the same, got: input {names[0]}, batch1: {names[1]}, "
                           f"batch2: {names[2]}")
    shape = (*batch1.shape[:2], batch2.shape[2])
    _check_added(input, shape)
    if alpha == 0 and beta != 0:
        return expand(input, shape) * beta
    return _product("baddbmm", batch1, batch2, input, beta, alpha)


@composite("matmul", samples=_added_samples(((2,), (2, 3), (3,)), ((1,), (2, 3), (3,))),
           reference=_added(np.matmul), inplace=True)
def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * (mat @ vec)``; ``input`` broadcasts to the product.

    Raises:
        RuntimeError: wrong numbers of dimensions, or shapes or dtypes that don't match.
    """
    _require_tensors("addmv", input=input, mat=mat, vec=vec)
    if mat.ndim != 2 or vec.ndim != 1 or input.ndim > 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {input.ndim}, {mat.ndim}, {vec.ndim}")
    _check_mv(mat, vec, input.dtype)
    _check_added(input, (mat.shape[0],))
    if alpha == 0 and beta != 0:
        return expand(input, (mat.shape[0],)) * beta
    added = unsqueeze(input, 1) if input.ndim else input
    return squeeze(_product("addmv_impl_cpu", mat, unsqueeze(vec, 1), added, beta, alpha), 1)


@composite("matmul", samples=_pairs(((3,), (4,))), reference=np.outer, aliases=("ger",))
def outer(input: Any, vec2: Any) -> Any:
    """All products of an element of ``input`` (n) with one of ``vec2`` (m), as (n, m)."""
    _require_tensors("outer", input=input, vec2=vec2)
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D arguments, but got {input.ndim}-D and {vec2.ndim}-D")
    return unsqueeze(input, 1) * vec2


def _plain_linear(input: Any, weight: Any, bias: Any) -> bool:
    """Whether one product of reals does it; all else, and every error, goes by the other functions."""
    dtype, (n, k) = input.dtype, weight.shape
    if dtype is not weight.dtype or input.shape[-1] != k or dtype is dt.bool_ or dtype.is_complex:
        return False
    return bias is None or (not isinstance(bias, _FOREIGN) and bias.dtype is dtype
                            and tuple(bias.shape) in ((n,), (1,)))


def _linear_samples() -> Any:
    yield from _pairs(((2, 3), (4, 3), (4,)), ((2, 5, 3), (4, 3), (4,)), ((3,), (4, 3), (4,)), ((2, 3), (4, 3)),
                      ((0, 3), (4, 3), (4,)))()


@composite("matmul", namespace="nn.functional", method=False, samples=_linear_samples,
           reference=lambda x, w, b=0: np.matmul(x, w.T) + b)
def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """``input @ weight.T + bias``: (..., in) times (out, in) gives (..., out).

    Raises:
        RuntimeError: shapes or dtypes that don't match.
    """
    _require_tensors("linear", input=input, weight=weight)
    if not input.ndim or not weight.ndim:
        raise RuntimeError("both arguments to linear need to be at least 1D, but they are "
                           f"{input.ndim}D and {weight.ndim}D")
    if weight.ndim == 2 and input.ndim > 1 and _plain_linear(input, weight, bias):
        lead = input.shape[:-1]
        rows = input if len(lead) == 1 else reshape(input, (math.prod(lead), input.shape[-1]))
        y = gemm(rows, weight, *(() if bias is None else (bias,)), turned=(False, True))
        return y if len(lead) == 1 else reshape(y, (*lead, weight.shape[0]))
    if bias is None or weight.ndim != 2:
        y = matmul(input, t(weight))
        return y if bias is None else y + bias
    if input.ndim == 2:
        return addmm(bias, input, t(weight))
    lead = tuple(input.shape[:-1])
    rows = reshape(input, (math.prod(lead), input.shape[-1]))
    return reshape(addmm(bias, rows, t(weight)), (*lead, weight.shape[0]))
