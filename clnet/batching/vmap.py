"""``vmap``: a function of one example, called with a batch of them."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..core import dispatch
from ..core.layout import wrap_dim
from ..ops.join import cat, stack
from ..ops.view import movedim
from ..tensor import Tensor
from . import trees
from .batched import Vmap, wrap


def vmap(func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
         chunk_size: int | None = None) -> Callable[..., Any]:
    """``func`` of one example as a function of a batch; inside, the batch's dimension is not seen.

    >>> import clnet
    >>> clnet.vmap(clnet.dot)(clnet.ones(3, 5), clnet.ones(3, 5)).tolist()
    [5.0, 5.0, 5.0]

    Args:
        in_dims: which dimension of each argument is the batch; None where an argument is the same
            for all examples. One number for all, or nested as the arguments are.
        out_dims: where the batch goes in the results.
        randomness: "different" random numbers for each example, the "same", or an "error".
        chunk_size: examples computed at once; by default all.

    Raises:
        ValueError: ``in_dims`` or ``out_dims`` that do not fit, or batches of different sizes.
        RuntimeError: inside, something that depends on the values of one example.
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")

    @functools.wraps(func)
    def batched_function(*args: Any, **kwargs: Any) -> Any:
        leaves, build = trees.flatten((args, kwargs))
        dims = _in_dims(in_dims, args, kwargs, leaves)
        size = _size(leaves, dims)
        if chunk_size is None or chunk_size >= size:
            return _call(func, build, leaves, dims, size, out_dims, randomness)
        return _in_chunks(func, build, leaves, dims, size, out_dims, randomness, chunk_size)

    return batched_function


def _in_dims(in_dims: Any, args: tuple[Any, ...], kwargs: dict[str, Any], leaves: list[Any]) -> list[Any]:
    if isinstance(in_dims, list):
        in_dims = tuple(in_dims)
    if not isinstance(in_dims, (int, tuple)) or isinstance(in_dims, bool):
        raise ValueError(f"vmap: expected in_dims to be int or a (potentially nested) tuple, got {type(in_dims)}")
    if not args and not kwargs:
        raise ValueError("vmap: at least one input is needed")
    named = [0] * len(trees.flatten(kwargs)[0])
    found = trees.broadcast(in_dims, args)
    if found is None:
        raise ValueError(f"vmap: in_dims is not compatible with the structure of inputs: in_dims {in_dims}")
    made: list[int | None] = []
    for x, d in zip(leaves, [*found, *named]):
        if not isinstance(x, Tensor):
            if d is not None and not isinstance(in_dims, int):
                raise ValueError(f"vmap: Got in_dim={d} for an input but the input is of type {type(x)}; "
                                 "use None for it")
            made.append(None)
            continue
        if d is not None and not -x.ndim <= d < x.ndim:
            raise ValueError(f"vmap: Got in_dim={d} for some input, but that input is a Tensor of dimensionality "
                             f"{x.ndim} so expected in_dim to satisfy -{x.ndim} <= in_dim < {x.ndim}")
        made.append(None if d is None else d % x.ndim)
    return made


def _size(leaves: list[Any], dims: list[Any]) -> int:
    sizes = {x.shape[d] for x, d in zip(leaves, dims) if d is not None}
    if not sizes:
        raise ValueError("vmap: at least one input must be a batch: all in_dims are None")
    if len(sizes) > 1:
        raise ValueError(f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
                         f"{sorted(sizes)} for the mapped dimension")
    return int(sizes.pop())


def _call(func: Callable[..., Any], build: Callable[[Any], Any], leaves: list[Any], dims: list[Any], size: int,
          out_dims: Any, randomness: str) -> Any:
    level = Vmap(size, randomness)
    examples = [x if d is None else wrap(movedim(x, d, 0) if d else x, level) for x, d in zip(leaves, dims)]
    dispatch.stack.push(level)
    try:
        args, kwargs = trees.rebuild(build, examples)
        result = func(*args, **kwargs)
        found, build_out = trees.flatten(result)
        wanted = trees.broadcast(tuple(out_dims) if isinstance(out_dims, list) else out_dims, result)
        if wanted is None:
            raise ValueError(f"vmap: out_dims {out_dims} is not compatible with the structure of the outputs")
        made: list[tuple[Tensor, int]] = []
        for y, d in zip(found, wanted):
            if not isinstance(y, Tensor):
                raise ValueError(f"vmap: the function must only return Tensors, got type {type(y)}")
            if d is None:
                if level.holds(y):
                    raise ValueError("vmap: out_dims=None for an output that differs between the examples")
                made.append((y, 0))
                continue
            batch = level.batch(y)
            made.append((batch, wrap_dim(d, batch.ndim)))
    finally:
        dispatch.stack.pop()
    return trees.rebuild(build_out, [movedim(y, 0, d) if d else y for y, d in made])


def _in_chunks(func: Callable[..., Any], build: Callable[[Any], Any], leaves: list[Any], dims: list[Any], size: int,
               out_dims: Any, randomness: str, chunk: int) -> Any:
    pieces = []
    for start in range(0, size, chunk):
        count = min(chunk, size - start)
        part = [x if d is None else x.narrow(d, start, count) for x, d in zip(leaves, dims)]
        pieces.append(_call(func, build, part, dims, count, out_dims, randomness))
    columns = [trees.flatten(piece)[0] for piece in pieces]
    places = trees.broadcast(out_dims, pieces[0]) or []
    joined = [column[0] if d is None else cat(list(column), d) for column, d in zip(zip(*columns), places)]
    return trees.rebuild(trees.flatten(pieces[0])[1], joined)


def stack_module_state(models: list[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(parameters, buffers) of models of one architecture, each stacked: a batch for ``vmap`` with
    ``functional_call``.

    Raises:
        RuntimeError: no models, or of different classes.
    """
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    def stacked(parts: list[dict[str, Any]]) -> dict[str, Any]:
        return {name: stack([part[name].detach() for part in parts]) for name in parts[0]}

    parameters = stacked([dict(m.named_parameters()) for m in models])
    for name, p in models[0].named_parameters():
        parameters[name].requires_grad_(p.requires_grad)
    return parameters, stacked([dict(m.named_buffers()) for m in models])
