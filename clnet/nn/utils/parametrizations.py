"""Parametrizations of weights: by length and direction, by spectral norm, orthogonal."""
from __future__ import annotations

from typing import Any

from ...autograd.mode import no_grad
from ...ops.reduction import vector_norm
from ...tensor import Tensor
from ...tensor.creation import eye, zeros_like
from ...tensor.methods import exported
from ...tensor.random import randn
from .. import functional as F
from ..modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..modules.module import Module
from .parametrize import register_parametrization

_FUNCTIONS = exported()
_LINALG = exported("linalg")
# Iterations that the first approximation of singular vectors takes.
_FIRST_ITERATIONS = 15


def norm_except(weight: Any, dim: int) -> Any:
    """Lengths of the slices along ``dim`` (-1: of the whole), of a shape that broadcasts."""
    dims = tuple(d for d in range(weight.ndim) if d != dim) if dim != -1 else tuple(range(weight.ndim))
    found = vector_norm(weight, 2, dims, True) if dims else weight.abs()
    return found.reshape(()) if dim == -1 else found


def _weight_of(module: Module, name: str) -> Tensor:
    found = getattr(module, name, None)
    if not isinstance(found, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return found


class _WeightNorm(Module):
    """Lengths times directions."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Any) -> Any:
        return weight_v * (weight_g / norm_except(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> Any:
        return norm_except(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int = 0) -> Module:
    """Train a weight's lengths along ``dim`` and its directions apart (Salimans & Kingma 2016).

    Raises:
        ValueError: no such tensor.
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(state_dict: Any, prefix: str, *rest: Any) -> None:
        # How they were called before parametrizations existed.
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(rename)
    return module


class _SpectralNorm(Module):
    """A weight over its largest singular value, which power iterations follow."""

    _u: Any
    _v: Any

    def __init__(self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError("Expected n_power_iterations to be positive, but got n_power_iterations="
                             f"{n_power_iterations}")
        self.dim, self.eps = dim % ndim, eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            with no_grad():
                matrix = self._matrix(weight)
                made: dict[str, Any] = {"dtype": weight.dtype, "device": weight.device}
                for side, n in zip(("_u", "_v"), matrix.shape):
                    self.register_buffer(side, F.normalize(randn(n, **made), dim=0, eps=eps))
                self._iterate(matrix, _FIRST_ITERATIONS)

    def _matrix(self, weight: Any) -> Any:
        order = (self.dim, *(d for d in range(weight.ndim) if d != self.dim))
        return weight.permute(order).flatten(1)

    def _iterate(self, matrix: Any, times: int) -> None:
        with no_grad():
            for _ in range(times):
                self._u.copy_(F.normalize(matrix @ self._v, dim=0, eps=self.eps))
                self._v.copy_(F.normalize(matrix.t() @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Any) -> Any:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        # Copies, since two forward passes may precede one backward.
        u, v = self._u.clone(), self._v.clone()
        return weight / (u * (matrix @ v)).sum()

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> Module:
    """Keep a weight's largest singular value at 1 (Miyato et al. 2018).

    Args:
        dim: that of the outputs; 1 for transposed convolutions, else 0.

    Raises:
        ValueError: no such tensor, or no positive number of iterations.  IndexError: ``dim`` out of range.
    """
    weight = _weight_of(module, name)
    if dim is None:
        dim = int(isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)))
    register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
    return module


_MAPS = ("matrix_exp", "cayley", "householder")


def _orthogonalised(matrix: Any) -> Any:
    """The orthogonal factor of a QR decomposition whose other factor has a positive diagonal."""
    packed, scales = _FUNCTIONS["geqrf"](matrix)
    q = _LINALG["householder_product"](packed, scales)
    return q * packed.diagonal(0, -2, -1).sgn().unsqueeze(-2)


class _Orthogonal(Module):
    """A map from all matrices to orthogonal ones (orthonormal rows or columns)."""

    base: Any

    def __init__(self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        self.shape, self.orthogonal_map = tuple(weight.shape), orthogonal_map
        self.trivialized = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Any) -> Any:
        wide = X.shape[-2] < X.shape[-1]
        x = X.mT if wide else X
        n, k = x.shape[-2:]
        if self.orthogonal_map == "householder":
            below = x.tril(-1)
            scales = 2.0 / (1.0 + (below * below).sum(-2))
            q = _LINALG["householder_product"](below, scales)
            # The diagonal holds signs, which are not trained.
            q = q * x.detach().diagonal(0, -2, -1).trunc().unsqueeze(-2)
        else:
            x = x.tril()
            if n != k:
                x = F.pad(x, (0, n - k))
            skew = x - x.mT
            if self.orthogonal_map == "matrix_exp":
                q = _LINALG["matrix_exp"](skew)
            else:
                one = eye(n, dtype=skew.dtype, device=skew.device)
                q = _LINALG["solve"](one - skew * 0.5, one + skew * 0.5)
            q = q.narrow(-1, 0, k)
        if self.trivialized:
            q = self.base @ q
        return q.mT if wide else q

    def right_inverse(self, Q: Any) -> Any:
        if tuple(Q.shape) != self.shape:
            raise ValueError(f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape "
                             f"{tuple(Q.shape)}.")
        wide = Q.shape[-2] < Q.shape[-1]
        q = Q.detach().mT if wide else Q.detach()
        n, k = q.shape[-2:]
        if self.trivialized:
            made: dict[str, Any] = {"dtype": q.dtype, "device": q.device}
            one = eye(k, **made)
            if n != k:
                q = _orthogonalised(_FUNCTIONS["cat"]([q, randn((*q.shape[:-2], n, n - k), **made)], -1))
            elif float((q.mT @ q - one).abs().max()) > 10.0 * n * 2.0 ** (-52 if q.dtype.itemsize == 8 else -23):
                q = _orthogonalised(q)
            self.base = q.clone()
            # Minus one: the map of zero below it is the identity for all three maps.
            start = zeros_like(Q)
            start.diagonal(0, -2, -1).fill_(-1.0)
            return start
        if self.orthogonal_map != "householder":
            raise NotImplementedError("It is not possible to assign to the matrix exponential or the Cayley "
                                      "parametrizations when use_trivialization=False.")
        packed, scales = _FUNCTIONS["geqrf"](q)
        diagonal = packed.diagonal(0, -2, -1)
        signs = diagonal.sign()
        diagonal.copy_(_FUNCTIONS["where"](scales == 0, -signs, signs))
        return packed.mT if wide else packed


def orthogonal(module: Module, name: str = "weight", orthogonal_map: str | None = None, *,
               use_trivialization: bool = True) -> Module:
    """Keep a weight's matrices orthogonal (Lezcano-Casado & Martínez-Rubio 2019).

    Args:
        orthogonal_map: "matrix_exp" (square matrices' default), "cayley" or "householder".
        use_trivialization: start the map at the present weight; otherwise only "householder" can be assigned to.

    Raises:
        ValueError: no such tensor, fewer than two dimensions, or an unknown map.
    """
    weight = _weight_of(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    if orthogonal_map not in _MAPS:
        raise ValueError('orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: '
                         f"{orthogonal_map}")
    found = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    register_parametrization(module, name, found, unsafe=True)
    return module
