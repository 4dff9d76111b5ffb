"""``autocast``: chosen operators run in a 16-bit type, others in float32, the rest as their operands are."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..core import dispatch
from ..core import dtypes as dt
from ..core.dtypes import DType
from ..core.op import Op

# PyTorch's lists (docs/amp), with the internal operators that do the work of public ones.
# Products run in the lower type.
LOWER = frozenset({
    "_gemm", "_conv_forward", "_conv_input", "__rmatmul__", "addbmm", "addmm", "addmv", "addr", "baddbmm",
    "bmm", "chain_matmul", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "linear", "matmul", "mm", "multi_dot", "mv", "prelu", "scaled_dot_product_attention"})
# What loses too much in 16 bits, on CUDA.
FLOAT32 = frozenset({
    "acos", "asin", "binary_cross_entropy_with_logits", "cdist", "cosh", "cosine_embedding_loss", "cosine_similarity",
    "cumprod", "cumsum", "dist", "erfinv", "exp", "expm1", "group_norm", "hinge_embedding_loss", "kl_div", "l1_loss",
    "layer_norm", "log", "log10", "log1p", "log2", "log_softmax", "logsumexp", "margin_ranking_loss", "mse_loss",
    "multi_margin_loss", "multilabel_margin_loss", "nll_loss", "norm", "pdist", "poisson_nll_loss", "pow", "prod",
    "reciprocal", "renorm", "rsqrt", "sinh", "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin", "softplus",
    "sum", "tan", "triplet_margin_loss", "vector_norm", "_normalize", "_cross_entropy", "_nll_loss"})
# The same on CPUs.
FLOAT32_CPU = frozenset({
    "_cross_entropy", "_nll_loss", "avg_pool3d", "binary_cross_entropy", "binary_cross_entropy_with_logits", "cdist",
    "cosine_embedding_loss", "ctc_loss", "grid_sample", "hinge_embedding_loss", "huber_loss", "inv", "kl_div",
    "l1_loss", "margin_ranking_loss", "mse_loss",
    "multi_margin_loss", "multilabel_margin_loss", "nanquantile", "nll_loss", "poisson_nll_loss", "polar", "prod",
    "quantile", "renorm", "smooth_l1_loss", "soft_margin_loss", "triplet_margin_loss",
    *(f"{way}fft{axes}" for way in ("", "i", "r", "ir", "h", "ih") for axes in ("", "2", "n"))})
# Where float32 and 16 bits meet, float32.
WIDEST = frozenset({
    "addcdiv", "addcmul", "atan2", "bilinear", "cat", "cross", "dot", "grid_sample", "index_put", "scatter_add",
    "stack", "tensordot", "vdot"})
_FLOATS = (dt.float16, dt.bfloat16, dt.float32)


class Autocast:
    """The interpreter of one ``autocast`` block."""

    def __init__(self, dtype: DType, wide: frozenset[str], remember: bool) -> None:
        self.dtype, self.wide, self.remember = dtype, wide, remember
        self._made: dict[int, tuple[Any, int, Any]] = {}

    def run(self, op: Op, operands: tuple[Any, ...], attrs: dict[str, Any], out: Any = None) -> Any:
        below = dispatch.stack.below(self)
        target = None if out is not None else self._target(op, operands, attrs)
        if target is not None:
            operands = self._converted(operands, target)
        return below.run(op, operands, attrs, out)

    def adapt(self, op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A composite's arguments in the type that its name asks for."""
        if kwargs.get("out") is not None:
            return args, kwargs
        target = self._target(op, (*args, *kwargs.values()), kwargs)
        if target is None:
            return args, kwargs
        values = self._converted((*args, *kwargs.values()), target)
        return values[:len(args)], dict(zip(kwargs, values[len(args):]))

    def _target(self, op: Op, values: tuple[Any, ...], attrs: dict[str, Any]) -> DType | None:
        name = op.name
        if name in LOWER:
            return self.dtype
        if name in self.wide:
            return dt.float32 if attrs.get("dtype") is None else None
        if name in WIDEST:
            layouts = [getattr(x, "layout", None) for x in values]
            found = {layout.dtype for layout in layouts if layout is not None and layout.dtype in _FLOATS}
            return dt.float32 if len(found) > 1 else None
        return None

    def _converted(self, values: tuple[Any, ...], target: DType) -> tuple[Any, ...]:
        return tuple(self._convert(x, target) for x in values)

    def _convert(self, x: Any, target: DType) -> Any:
        layout = getattr(x, "layout", None)
        if layout is None or layout.dtype is target or layout.dtype not in _FLOATS:
            return x
        # Weights are used more than once, and their cast is part of the graph.
        if not (self.remember and target is self.dtype and x.requires_grad and x.is_leaf):
            return x.to(target)
        found = self._made.get(id(x))
        if found is None or found[0] is not x or found[1] != x._version:
            found = self._made[id(x)] = (x, x._version, x.to(target))
        return found[2]


class autocast:
    """Within the block, or the decorated function, matrix products, convolutions and attention take
    16-bit operands; where ``device_type`` is "cuda", operators that would lose too much take float32.

    Losses and optimizers work as before: gradients arrive in the type of the parameters.

    Args:
        device_type: "cuda" or "cpu": whose lists and whose default type.
        dtype: float16 or bfloat16; by default float16 for "cuda", bfloat16 for "cpu".
        enabled: False suspends an outer block.
        cache_enabled: convert each weight once per block.

    Raises:
        RuntimeError: an unknown device type, or a dtype that is not of 16 bits.
    """

    def __init__(self, device_type: str, dtype: DType | None = None, enabled: bool = True,
                 cache_enabled: bool | None = None) -> None:
        kind = str(device_type).partition(":")[0]
        if kind not in ("cuda", "cpu"):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self.device, self.fast_dtype = kind, dtype or get_autocast_dtype(kind)
        if enabled and self.fast_dtype not in (dt.float16, dt.bfloat16):
            raise RuntimeError(f"autocast computes in float16 or bfloat16, not in {self.fast_dtype}")
        self._enabled, self._remember = enabled, cache_enabled is not False
        self._pushed: list[tuple[Autocast | None, list[Autocast], Any]] = []

    def __enter__(self) -> autocast:
        suspended = _suspend()
        made = Autocast(self.fast_dtype, FLOAT32 if self.device == "cuda" else FLOAT32_CPU,
                        self._remember) if self._enabled else None
        if made is not None:
            dispatch.stack.push(made)
        self._pushed.append((made, suspended, dispatch.stack.adapt))
        dispatch.stack.adapt = made.adapt if made is not None else None
        return self

    def __exit__(self, *exception: object) -> None:
        made, suspended, dispatch.stack.adapt = self._pushed.pop()
        if made is not None:
            dispatch.stack.pop()
        for interpreter in suspended:
            dispatch.stack.push(interpreter)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)
        return inside


def _suspend() -> list[Autocast]:
    """Take the autocast interpreters off the top of the stack."""
    taken: list[Autocast] = []
    while isinstance(dispatch.stack.top, Autocast):
        gone = dispatch.stack.pop()
        assert isinstance(gone, Autocast)
        taken.append(gone)
    return taken


def _active() -> Autocast | None:
    return next((one for one in reversed(list(dispatch.stack)) if isinstance(one, Autocast)), None)


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether a call made now would be inside an ``autocast`` block."""
    return _active() is not None


def is_autocast_available(device_type: str) -> bool:
    """Whether ``autocast`` takes this device type."""
    return str(device_type).partition(":")[0] in ("cuda", "cpu")


def get_autocast_dtype(device_type: str) -> DType:
    """The type that products run in: the block's, or the device type's default."""
    active = _active()
    if active is not None:
        return active.dtype
    return dt.float16 if device_type == "cuda" else dt.bfloat16


def custom_fwd(fwd: Callable[..., Any] | None = None, *, device_type: str,
               cast_inputs: DType | None = None) -> Any:
    """Decorator of a Function's ``forward``: remembers the block, or with ``cast_inputs`` converts
    the floating tensors and runs outside of it."""
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        active = _active()
        args[0]._dtype = active.dtype if active is not None else None
        if cast_inputs is None or active is None:
            args[0]._fwd_used_autocast = active is not None
            return fwd(*args, **kwargs)
        args[0]._fwd_used_autocast = False
        with autocast(device_type, enabled=False):
            return fwd(*(_cast(a, cast_inputs) for a in args),
                       **{k: _cast(v, cast_inputs) for k, v in kwargs.items()})
    return decorated


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Any:
    """Decorator of a Function's ``backward``: runs it as its ``forward`` was run."""
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, dtype=args[0]._dtype, enabled=args[0]._fwd_used_autocast):
            return bwd(*args, **kwargs)
    return decorated


def _cast(value: Any, dtype: DType) -> Any:
    layout = getattr(value, "layout", None)
    return value.to(dtype) if layout is not None and layout.dtype.is_floating_point else value
