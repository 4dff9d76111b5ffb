"""Functions made of derivatives, which nest with each other and with ``vmap``.

Inside ``vmap`` a gradient is that of each example: what is differentiated gets every batch that is
open, and the graph is that of the batches.
"""
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import engine, forward_ad
from ..autograd.graph import AccumulateGrad, edge, meta_of
from ..autograd.mode import enable_grad
from ..core import dispatch
from ..ops.view import expand, movedim, permute, reshape, unsqueeze
from ..tensor import Tensor
from . import trees
from .batched import Batched, Vmap, wrap
from .vmap import vmap


def _levels() -> list[Vmap]:
    """The batches that are open, the outermost first."""
    return [one for one in dispatch.stack if isinstance(one, Vmap)]


def _bare(x: Any, levels: Sequence[Vmap]) -> Any:
    """``x`` with the batches of all these levels as its first dimensions."""
    for level in reversed(levels):  # the outer the level, the further in front its batch
        x = x.value if level.holds(x) else expand(unsqueeze(x, 0), (level.size, *x.shape))
    return x


def _dressed(x: Any, levels: Sequence[Vmap]) -> Any:
    """The example that ``_bare`` was made of."""
    for level in levels:
        x = wrap(x, level)
    return x


def _fresh(x: Tensor, levels: Sequence[Vmap]) -> tuple[Tensor, Any]:
    """(leaf or connected copy to differentiate by, the same as an example)."""
    bare = _bare(x, levels)
    bare = reshape(bare, tuple(bare.shape)) if not isinstance(bare, Batched) else bare
    made = permute(bare, tuple(range(bare.ndim)))  # a new handle, with the tangent that x may carry
    if not made.requires_grad:
        made.requires_grad_()
    return made, _dressed(made, levels)


def _check(x: Any, what: str) -> None:
    if not isinstance(x, Tensor):
        raise RuntimeError(f"{what}: expected tensors, got {type(x).__name__}")


def _independent(result: Tensor, mine: set[int]) -> bool:
    """Whether a result depends on nothing that wants gradients but the tensors made here."""
    start = edge(result)
    seen, waiting = set(), [start[0]] if start is not None else []
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, AccumulateGrad) and id(node.variable) not in mine:
            return False
        waiting += [e[0] for e in node.edges if e is not None] if not isinstance(node, AccumulateGrad) else []
    return True


def _settled(result: Any, leaves: Sequence[Tensor]) -> Any:
    """A result outside the graph of this derivative, unless an outer one needs it."""
    x = result
    while isinstance(x, Batched):
        x = x.value
    if not _independent(x, {id(leaf) for leaf in leaves}):
        return result
    made = result.detach()
    along = forward_ad.unpack_dual(result).tangent
    if along is not None:  # of a forward derivative around this one
        meta_of(made).tangent = _settled(along, leaves)
    return made


class _Recorded:
    """A function's results with the graph from its inputs."""

    def __init__(self, func: Callable[..., Any], primals: Sequence[Any], has_aux: bool, what: str) -> None:
        self.levels = _levels()
        self.inputs, self.build_in = trees.flatten(tuple(primals))
        self.aux: Any = None
        for x in self.inputs:
            _check(x, what)
        with enable_grad():
            pairs = [_fresh(x, self.levels) for x in self.inputs]
            self.leaves = [leaf for leaf, _ in pairs]
            result = func(*trees.rebuild(self.build_in, [example for _, example in pairs]))
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise RuntimeError(f"{what}: output of function f should be a tuple: (output, aux) if has_aux is True")
            result, self.aux = result
        self.result = result
        self.outputs, self.build_out = trees.flatten(result)
        for y in self.outputs:
            _check(y, what)

    def gradients(self, cotangents: Sequence[Any]) -> list[Any]:
        """Of the inputs, in their order; cotangents may have batches opened since."""
        levels = self.levels
        newer = [one for one in _levels() if one not in levels]
        k, n = len(levels), len(newer)
        with enable_grad():
            seeds, outputs = [], []
            for y, v in zip(self.outputs, cotangents):
                bare = _bare(y, levels)
                if edge(bare) is None:
                    continue
                seed = _bare(v, [*levels, *newer])
                # The engine sees one example of the newer batches.
                order = (*range(k, k + n), *range(k), *range(k + n, seed.ndim))
                seeds.append(_dressed(permute(seed, order) if n and k else seed, newer))
                outputs.append(bare)
            found: Sequence[Any] = [None] * len(self.leaves)
            if outputs:
                found = engine.grad(outputs, self.leaves, seeds, retain_graph=True, create_graph=True,
                                    allow_unused=True)
            made = []
            for leaf, g in zip(self.leaves, found):
                if g is None:
                    g = leaf.detach().zeros_like()
                bare = _bare(g, newer)
                order = (*range(n, n + k), *range(n), *range(n + k, bare.ndim))
                made.append(_dressed(permute(bare, order) if n and k else bare, [*levels, *newer]))
        return [_settled(g, self.leaves) for g in made]

    def settled(self) -> Any:
        """The results, for the caller."""
        return trees.rebuild(self.build_out, [_settled(y, self.leaves) for y in self.outputs])

    def settled_aux(self) -> Any:
        """What else the function returned."""
        leaves, build = trees.flatten(self.aux)
        return trees.rebuild(build, [_settled(x, self.leaves) if isinstance(x, Tensor) else x for x in leaves])


def _ones_like(y: Any) -> Any:
    return y.detach().ones_like()


def grad_and_value(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
                   ) -> Callable[..., Any]:
    """A function that returns (gradients, value) of ``func``, whose result is a single number.

    Args:
        argnums: which arguments to differentiate by; each may be a nested container of tensors.
        has_aux: ``func`` returns (result, something else), which is passed on: (gradients, (value,
            something else)).

    Raises:
        RuntimeError: the result is not a tensor of one number, or an argument holds something else
            than tensors.
    """
    @functools.wraps(func)
    def derived(*args: Any, **kwargs: Any) -> Any:
        numbers = argnums if isinstance(argnums, tuple) else (argnums,)
        places = []
        for number in numbers:
            if not -len(args) <= number < len(args):
                raise RuntimeError(f"Got argnum={number}, but only {len(args)} positional inputs")
            places.append(number % len(args))

        def of_chosen(*chosen: Any) -> Any:
            filled = list(args)
            for place, value in zip(places, chosen):
                filled[place] = value
            return func(*filled, **kwargs)

        recorded = _Recorded(of_chosen, [args[place] for place in places], has_aux, "grad_and_value(f)(*args)")
        y = recorded.result
        if not isinstance(y, Tensor):
            raise RuntimeError("grad_and_value(f)(*args): Expected f(*args) to return a tensor, got "
                               f"{type(y).__name__}")
        if y.ndim:
            raise RuntimeError("grad_and_value(f)(*args): Expected f(*args) to return a scalar tensor, got tensor "
                               f"with {y.ndim} dims. Maybe you wanted to use the vjp or jacrev APIs instead?")
        got = trees.rebuild(recorded.build_in, recorded.gradients([_ones_like(y)]))
        gradients = got if isinstance(argnums, tuple) else got[0]
        value = recorded.settled()
        return gradients, (value, recorded.settled_aux()) if has_aux else value

    return derived


def grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the gradients of ``func`` (see ``grad_and_value``).

    >>> import clnet
    >>> grad(grad(clnet.sin))(clnet.tensor(0.5)).item() == -clnet.sin(clnet.tensor(0.5)).item()
    True
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def derived(*args: Any, **kwargs: Any) -> Any:
        gradients, value = both(*args, **kwargs)
        return (gradients, value[1]) if has_aux else gradients

    return derived


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(results, function from cotangents shaped like the results to the tuple of the primals' gradients).

    With ``has_aux``, ``func`` returns (results, something else), which comes third.
    """
    recorded = _Recorded(func, primals, has_aux, "vjp(f, *primals)")

    @functools.wraps(func)
    def pull_back(*cotangents: Any) -> Any:
        given, _ = trees.flatten(cotangents)
        if len(given) != len(recorded.outputs):
            raise RuntimeError("vjp: Expected pytree structure of cotangents to be the same as pytree structure of "
                               f"outputs to the function: {len(given)} tensors for {len(recorded.outputs)}")
        return trees.rebuild(recorded.build_in, recorded.gradients(given))

    return (recorded.settled(), pull_back, recorded.settled_aux()) if has_aux else (recorded.settled(), pull_back)


def jvp(func: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...], *, has_aux: bool = False) -> Any:
    """(results, their tangents): how ``func`` changes at ``primals`` along ``tangents``.

    In forward mode; inside ``vmap`` or another forward derivative as the derivative of a reverse one,
    whose graph is below them all.
    """
    leaves, build = trees.flatten(tuple(primals))
    along, _ = trees.flatten(tuple(tangents))
    if not isinstance(primals, tuple) or len(leaves) != len(along):
        raise RuntimeError("jvp(f, primals, tangents): Expected primals to be a tuple, and tangents of the same "
                           "structure")
    if any(isinstance(one, (forward_ad.ForwardInterpreter, Vmap)) for one in dispatch.stack):
        return _double_reverse(func, primals, along, has_aux)
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(x, t) for x, t in zip(leaves, along)]
        result = func(*trees.rebuild(build, duals))
        aux = None
        if has_aux:
            result, aux = result
        outputs, build_out = trees.flatten(result)
        pairs = [forward_ad.unpack_dual(y) for y in outputs]
    values = [_without_tangent(p.primal) for p in pairs]
    derived = [p.primal.detach().zeros_like() if p.tangent is None else p.tangent for p in pairs]
    made = trees.rebuild(build_out, values), trees.rebuild(build_out, derived)
    return (*made, aux) if has_aux else made


def _without_tangent(x: Any) -> Any:
    return permute(x, tuple(range(x.ndim)))


def _double_reverse(func: Callable[..., Any], primals: tuple[Any, ...], along: list[Any], has_aux: bool) -> Any:
    """The tangents as the derivative of the cotangents' product with the Jacobian."""
    first = _Recorded(func, primals, has_aux, "jvp(f, primals, tangents)")

    def pulled(*cotangents: Any) -> Any:
        return tuple(first.gradients(cotangents))

    second = _Recorded(pulled, [_ones_like(y) for y in first.outputs], False, "jvp(f, primals, tangents)")
    got = [_settled(t, [*first.leaves, *second.leaves]) for t in second.gradients(along)]
    made = first.settled(), trees.rebuild(first.build_out, got)
    return (*made, first.settled_aux()) if has_aux else made


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """(results at ``primals``, function from tangents to the results' tangents)."""
    result = func(*primals)

    def along(*tangents: Any) -> Any:
        return jvp(func, primals, tangents)[1]

    return result, along


def _basis(like: Any) -> Any:
    """One-hot tensors for every element: (elements, *shape)."""
    n = like.layout.numel
    flat = like.detach().new_zeros((n, n))
    flat.diagonal().fill_(1)
    return reshape(flat, (n, *like.shape))


def _chosen(func: Callable[..., Any], args: tuple[Any, ...], argnums: Any) -> tuple[Callable[..., Any], list[Any]]:
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    places = [number % len(args) for number in numbers]

    def of_chosen(*chosen: Any) -> Any:
        filled = list(args)
        for place, value in zip(places, chosen):
            filled[place] = value
        return func(*filled)

    return of_chosen, [args[place] for place in places]


def jacrev(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False,
           chunk_size: int | None = None) -> Callable[..., Any]:
    """The Jacobian by reverse mode, shaped (output shape) + (input shape), all rows at once.

    For several outputs or inputs: nested as the outputs, and in each as the inputs.
    """
    @functools.wraps(func)
    def derived(*args: Any) -> Any:
        of_chosen, chosen = _chosen(func, args, argnums)
        made = vjp(of_chosen, *chosen, has_aux=has_aux)
        outputs, build_out = trees.flatten(made[0])
        inputs, build_in = trees.flatten(tuple(chosen))
        rows = []
        for k, y in enumerate(outputs):
            def pull(cotangent: Any, k: int = k) -> Any:
                seeds = [cotangent if j == k else other.detach().zeros_like() for j, other in enumerate(outputs)]
                got = made[1](trees.rebuild(build_out, seeds))
                return tuple(trees.flatten(got)[0])

            found = vmap(pull, chunk_size=chunk_size)(_basis(y))
            shaped = [reshape(g, (*y.shape, *x.shape)) for g, x in zip(found, inputs)]
            nested = trees.rebuild(build_in, shaped)
            rows.append(nested if isinstance(argnums, tuple) else nested[0])
        result = trees.rebuild(build_out, rows)
        return (result, made[2]) if has_aux else result

    return derived


def jacfwd(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *,
           randomness: str = "error") -> Callable[..., Any]:
    """The Jacobian by forward mode, shaped (output shape) + (input shape), all columns at once."""
    @functools.wraps(func)
    def derived(*args: Any) -> Any:
        of_chosen, chosen = _chosen(func, args, argnums)
        inputs, build_in = trees.flatten(tuple(chosen))
        aux = None
        columns: list[list[Any]] = []
        build_out: Any = None
        for k, x in enumerate(inputs):
            def push(tangent: Any, k: int = k) -> Any:
                along = [tangent if j == k else other.detach().zeros_like() for j, other in enumerate(inputs)]
                return jvp(of_chosen, tuple(chosen), trees.rebuild(build_in, along), has_aux=has_aux)[1:]

            if has_aux:
                aux = of_chosen(*chosen)[1]
            found = vmap(lambda t, push=push: push(t)[0], randomness=randomness)(_basis(x))
            outputs, build_out = trees.flatten(found)
            columns.append([reshape(movedim(y, 0, -1), (*y.shape[1:], *x.shape)) for y in outputs])
        rows = []
        for cells in zip(*columns):
            nested = trees.rebuild(build_in, cells)
            rows.append(nested if isinstance(argnums, tuple) else nested[0])
        result = trees.rebuild(build_out, rows)
        return (result, aux) if has_aux else result

    return derived


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The Hessian: forward mode over reverse mode."""
    return jacfwd(jacrev(func, argnums), argnums)
