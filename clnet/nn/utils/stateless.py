"""Calls of a module with other parameters and buffers than its own."""
from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from ..modules.module import Module


def functional_call(module: Module, parameters_and_buffers: Any, args: Any = None, kwargs: Any = None, *,
                    tie_weights: bool = True, strict: bool = False) -> Any:
    """``module(*args, **kwargs)`` with the given tensors in place of those of the same paths.

    Gradients flow into the given tensors; the module is unchanged afterwards, except what its forward
    writes into buffers of its own.

    Args:
        parameters_and_buffers: a mapping, or several of them.
        tie_weights: a tensor that stands under several paths is replaced under all of them.
        strict: refuse missing and unknown paths.

    Raises:
        TypeError: no tensors.  ValueError: two values for one tied tensor, or no mapping.
        RuntimeError: paths that don't fit, if ``strict``.
    """
    given: dict[str, Any] = {}
    if not isinstance(parameters_and_buffers, (dict, tuple, list)):
        raise ValueError("Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
                         f"{type(parameters_and_buffers)}")
    for part in (parameters_and_buffers if isinstance(parameters_and_buffers, (tuple, list))
                 else (parameters_and_buffers,)):
        repeated = given.keys() & part.keys()
        if repeated:
            raise ValueError(f"{sorted(repeated)} appeared in multiple dictionaries; behavior of functional call is "
                             "ambiguous")
        given.update(part)
    for value in given.values():
        if not isinstance(value, Tensor):
            raise TypeError(f"{value} is not an instance of torch.Tensor")
    held: dict[str, Any] = {**dict(module.named_parameters(remove_duplicate=False)),
                            **dict(module.named_buffers(remove_duplicate=False))}
    replaced = {name: value for name, value in given.items() if name in held}
    if tie_weights:
        groups: dict[int, list[str]] = {}
        for name, tensor in held.items():
            groups.setdefault(id(tensor), []).append(name)
        for names in groups.values():
            values = [given[n] for n in names if n in given]
            if any(v is not values[0] for v in values[1:]):
                raise ValueError(f"functional_call got multiple values for keys {sorted(names)}, which are tied. "
                                 "Consider using tie_weights=False")
            if values:
                replaced.update(dict.fromkeys(names, values[0]))
    if strict:
        unknown, missing = sorted(given.keys() - held.keys()), sorted(held.keys() - replaced.keys())
        if missing or unknown:
            said = [f"\n\t{what} key(s): {', '.join(map(repr, names))}." for what, names in
                    (("Unexpected", unknown), ("Missing", missing)) if names]
            raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:{''.join(said)}")
    if not isinstance(args, tuple):
        args = () if args is None else (args,)
    restore: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for name, value in replaced.items():
            path, _, last = name.rpartition(".")
            owner = module.get_submodule(path)
            table = owner._parameters if last in owner._parameters else owner._buffers
            restore.append((table, last, table[last]))
            table[last] = value
        return module(*args, **(kwargs or {}))
    finally:
        for table, last, value in reversed(restore):
            table[last] = value
