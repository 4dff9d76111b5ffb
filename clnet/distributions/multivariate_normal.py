"""The multivariate normal distribution."""
from __future__ import annotations

import math
from typing import Any

from ..core.layout import Size, broadcast_shapes
from ..ops.factorization import cholesky
from ..ops.triangular import cholesky_inverse, solve_triangular
from . import constraints
from .location import Centred
from .parameters import lazy_property, normal_noise


def mahalanobis(factor: Any, away: Any) -> Any:
    """Squared distances of ``away`` (*, n) under the covariance with the Cholesky ``factor`` (*, n, n)."""
    batch = broadcast_shapes(factor.shape[:-2], away.shape[:-1])
    n = away.shape[-1]
    lead = len(batch) - (factor.ndim - 2)
    # Dimensions that the factor lacks become columns of one solve.
    columns = away.expand(batch + (n,)).reshape((-1, *batch[lead:], n))
    columns = columns.permute((*range(1, columns.ndim), 0))
    if any(a != b for a, b in zip(factor.shape[:-2], batch[lead:])):
        factor = factor.expand((*batch[lead:], n, n))
    solved = solve_triangular(factor, columns, upper=False).square().sum(-2)
    return solved.permute((solved.ndim - 1, *range(solved.ndim - 1))).reshape(batch)


def half_log_det(factor: Any) -> Any:
    """Half the logarithm of the determinant of ``factor @ factor.mT``."""
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _factor_of_precision(precision: Any) -> Any:
    """The lower factor of the inverse: the precision's factor in reverse order, inverted."""
    reverse = cholesky(precision.flip((-2, -1))).flip((-2, -1)).mT
    eye = precision.new_zeros(precision.shape[-1:]).exp().diag_embed()
    return solve_triangular(reverse, eye.expand(precision.shape), upper=False)


class MultivariateNormal(Centred):
    """Normal vectors of mean ``loc`` (*, n) and one of three matrices (*, n, n).

    Args:
        scale_tril: the lower Cholesky factor of the covariance; the others are reduced to it.

    Raises:
        ValueError: none or several matrices, or shapes that are too small.
    """

    arg_constraints = {"loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
                       "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector
    has_rsample = True
    _parameters = {"loc": 1}

    def __init__(self, loc: Any, covariance_matrix: Any = None, precision_matrix: Any = None, scale_tril: Any = None,
                 validate_args: bool | None = None) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix,
                 "scale_tril": scale_tril}
        found = [(name, m) for name, m in given.items() if m is not None]
        if len(found) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        self._given, matrix = found[0]
        if matrix.ndim < 2:
            raise ValueError(f"{self._given} matrix must be at least two-dimensional, with optional leading batch "
                             "dimensions")
        batch = Size(broadcast_shapes(matrix.shape[:-2], loc.shape[:-1]))
        self.__dict__[self._given] = matrix.expand(batch + matrix.shape[-2:])
        self.loc = loc.expand(batch + loc.shape[-1:])
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        if self._given == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        else:
            self._unbroadcasted_scale_tril = (
                cholesky(matrix) if self._given == "covariance_matrix" else _factor_of_precision(matrix))

    def _expand_parts(self, new: Any, batch_shape: Size) -> None:
        matrix = self.__dict__[self._given]
        new.__dict__[self._given] = matrix.expand(batch_shape + matrix.shape[-2:])

    @property
    def _matrix_shape(self) -> Size:
        return self._batch_shape + self._event_shape + self._event_shape

    @lazy_property
    def scale_tril(self) -> Any:
        return self._unbroadcasted_scale_tril.expand(self._matrix_shape)

    @lazy_property
    def covariance_matrix(self) -> Any:
        factor = self._unbroadcasted_scale_tril
        return (factor @ factor.mT).expand(self._matrix_shape)

    @lazy_property
    def precision_matrix(self) -> Any:
        return cholesky_inverse(self._unbroadcasted_scale_tril).expand(self._matrix_shape)

    @property
    def variance(self) -> Any:
        return self._unbroadcasted_scale_tril.square().sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        noise = normal_noise(self.loc, self._extended_shape(sample_shape))
        return self.loc + (self._unbroadcasted_scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        factor = self._unbroadcasted_scale_tril
        distance = mahalanobis(factor, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - half_log_det(factor)

    def entropy(self) -> Any:
        factor = self._unbroadcasted_scale_tril
        found = 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + half_log_det(factor)
        return found.expand(self._batch_shape) if self._batch_shape else found
