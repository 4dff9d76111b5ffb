"""Multivariate normal distributions whose covariance has a low rank beside its diagonal."""
from __future__ import annotations

import math
from typing import Any

from ..core.layout import Size, broadcast_shapes
from ..ops.factorization import cholesky
from ..ops.triangular import solve_triangular
from . import constraints
from .location import Centred
from .multivariate_normal import half_log_det, mahalanobis
from .parameters import lazy_property, normal_noise


def capacitance_factor(factor: Any, diagonal: Any) -> Any:
    """The Cholesky factor of ``I + W^T D^-1 W`` (*, rank, rank) for W (*, n, rank) and D (*, n)."""
    inner = factor.mT @ (factor / diagonal.unsqueeze(-1))
    return cholesky(inner + inner.new_ones(inner.shape[-1:]).diag_embed())


def lowrank_log_det(diagonal: Any, capacitance: Any) -> Any:
    """The logarithm of the covariance's determinant, by the matrix determinant lemma."""
    return 2 * half_log_det(capacitance) + diagonal.log().sum(-1)


def lowrank_mahalanobis(factor: Any, diagonal: Any, away: Any, capacitance: Any) -> Any:
    """Squared distances by the Woodbury identity."""
    inner = (factor.mT / diagonal.unsqueeze(-2) @ away.unsqueeze(-1)).squeeze(-1)
    return (away.square() / diagonal).sum(-1) - mahalanobis(capacitance, inner)


class LowRankMultivariateNormal(Centred):
    """Normal vectors with the covariance ``cov_factor @ cov_factor.mT + diag(cov_diag)``.

    Args:
        loc: mean (*, n).
        cov_factor: (*, n, rank).
        cov_diag: (*, n), positive.

    Raises:
        ValueError: shapes that do not fit together.
    """

    arg_constraints = {"loc": constraints.real_vector,
                       "cov_factor": constraints.independent(constraints.real, 2),
                       "cov_diag": constraints.independent(constraints.positive, 1)}
    support = constraints.real_vector
    has_rsample = True
    _parameters = {"loc": 1, "cov_factor": 2, "cov_diag": 1}

    def __init__(self, loc: Any, cov_factor: Any, cov_diag: Any, validate_args: bool | None = None) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.ndim < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event[0]} x m")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}")
        try:
            batch = Size(broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1]))
        except RuntimeError as error:
            raise ValueError(f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag "
                             f"{cov_diag.shape}") from error
        self.loc, self.cov_diag = loc.expand(batch + event), cov_diag.expand(batch + event)
        self.cov_factor = cov_factor.expand(batch + cov_factor.shape[-2:])
        self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag = cov_factor, cov_diag
        self._capacitance_tril = capacitance_factor(cov_factor, cov_diag)
        super().__init__(batch, event, validate_args=validate_args)

    @lazy_property
    def variance(self) -> Any:
        found = self._unbroadcasted_cov_factor.square().sum(-1) + self._unbroadcasted_cov_diag
        return found.expand(self._batch_shape + self._event_shape)

    @property
    def _matrix_shape(self) -> Size:
        return self._batch_shape + self._event_shape + self._event_shape

    @lazy_property
    def scale_tril(self) -> Any:
        # With W = D^(1/2) V the covariance is D^(1/2) (I + V V^T) D^(1/2).
        root = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        scaled = self._unbroadcasted_cov_factor / root
        inner = scaled @ scaled.mT
        return (root * cholesky(inner + inner.new_ones(inner.shape[-1:]).diag_embed())).expand(self._matrix_shape)

    @lazy_property
    def covariance_matrix(self) -> Any:
        factor = self._unbroadcasted_cov_factor
        return (factor @ factor.mT + self._unbroadcasted_cov_diag.diag_embed()).expand(self._matrix_shape)

    @lazy_property
    def precision_matrix(self) -> Any:
        scaled = self._unbroadcasted_cov_factor.mT / self._unbroadcasted_cov_diag.unsqueeze(-2)
        half = solve_triangular(self._capacitance_tril, scaled, upper=False)
        found = self._unbroadcasted_cov_diag.reciprocal().diag_embed() - half.mT @ half
        return found.expand(self._matrix_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        low = normal_noise(self.loc, shape[:-1] + self.cov_factor.shape[-1:])
        wide = normal_noise(self.loc, shape)
        return (self.loc + (self._unbroadcasted_cov_factor @ low.unsqueeze(-1)).squeeze(-1)
                + self._unbroadcasted_cov_diag.sqrt() * wide)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        factor, diagonal = self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag
        distance = lowrank_mahalanobis(factor, diagonal, value - self.loc, self._capacitance_tril)
        log_det = lowrank_log_det(diagonal, self._capacitance_tril)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + log_det + distance)

    def entropy(self) -> Any:
        log_det = lowrank_log_det(self._unbroadcasted_cov_diag, self._capacitance_tril)
        found = 0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + log_det)
        return found.expand(self._batch_shape) if self._batch_shape else found
