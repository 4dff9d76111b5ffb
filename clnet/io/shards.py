"""Tensors spread over several files, with an index as Hugging Face's libraries write it.

``model.safetensors`` becomes ``model-00001-of-00002.safetensors`` and so on, and
``model.safetensors.index.json`` tells which tensor is in which file.
"""
from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..tensor import Tensor
from .archive import CheckpointError
from .atomic import replacing

INDEX = ".index.json"
_UNITS = {"": 1, "B": 1, "KB": 10 ** 3, "MB": 10 ** 6, "GB": 10 ** 9, "TB": 10 ** 12,
          "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}


def byte_count(size: int | str) -> int:
    """A number of bytes, or a text such as "5GB", "200 MB" or "1GiB", in bytes.

    Raises:
        ValueError: something else, or nothing above zero.
    """
    if isinstance(size, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", size)
        unit = None if found is None else _UNITS.get(found[2].upper())
        if found is None or unit is None:
            raise ValueError(f'max_shard_size={size!r}: expected a number of bytes, or a text such as "5GB"')
        size = int(float(found[1]) * unit)
    if size < 1:
        raise ValueError(f"max_shard_size must be positive, not {size}")
    return size


def split(tensors: Any, limit: int) -> list[dict[str, Tensor]]:
    """Tensors by name in parts of at most ``limit`` bytes; a larger tensor has a part of its own.

    Raises:
        TypeError: something else than tensors by name.
    """
    if not isinstance(tensors, Mapping) or not all(
            isinstance(k, str) and isinstance(v, Tensor) for k, v in tensors.items()):
        raise TypeError("save: max_shard_size needs a dict of tensors by name")
    parts: list[dict[str, Tensor]] = [{}]
    room = limit
    for name, x in tensors.items():
        if parts[-1] and x.nbytes > room:
            parts.append({})
            room = limit
        parts[-1][name] = x
        room -= x.nbytes
    return parts


def write(tensors: Any, path: Path, limit: int, save: Callable[[Any, Path], None]) -> None:
    """Write shards by ``save``, then the index: until that is in place, the previous files are valid."""
    parts = split(tensors, limit)
    index = path.with_name(path.name + INDEX)
    before = _files(index) if index.exists() else set()
    if len(parts) == 1:
        save(parts[0], path)
        index.unlink(missing_ok=True)
        names: list[str] = []
    else:
        # The files of a set that is still in place are not touched.
        names = _names(path, len(parts))
        if before & set(names):
            names = _names(path.with_name(f"{path.stem}-{secrets.token_hex(4)}{path.suffix}"), len(parts))
        for name, part in zip(names, parts):
            save(part, path.with_name(name))
        content = {"metadata": {"total_size": sum(x.nbytes for x in tensors.values())},
                   "weight_map": {key: name for name, part in zip(names, parts) for key in part}}
        with replacing(index) as file:
            file.write(json.dumps(content, indent=2).encode())
        path.unlink(missing_ok=True)
    for name in before - set(names):
        path.with_name(name).unlink(missing_ok=True)


def read(index: Path, load: Callable[[Path], Any]) -> dict[str, Any]:
    """The tensors of all shards that an index names, in its order.

    Raises:
        CheckpointError: the index is damaged, names files elsewhere, or a shard lacks a tensor.
        FileNotFoundError: a shard is missing.
    """
    places = _weight_map(index)
    shards = {name: load(index.with_name(name)) for name in dict.fromkeys(places.values())}
    for key, name in places.items():
        if not isinstance(shards[name], dict) or key not in shards[name]:
            raise CheckpointError(f"{index.with_name(name)} lacks {key!r}, which {index.name} says it has")
    return {key: shards[name][key] for key, name in places.items()}


def _names(path: Path, count: int) -> list[str]:
    return [f"{path.stem}-{k:05d}-of-{count:05d}{path.suffix}" for k in range(1, count + 1)]


def _weight_map(index: Path) -> dict[str, str]:
    try:
        places = json.loads(index.read_bytes())["weight_map"]
        sound = all(isinstance(name, str) and name == os.path.basename(name) and name not in ("", ".", "..")
                    and "\\" not in name for name in places.values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{index}: not a readable index of shards: {error}") from None
    if not sound:
        raise CheckpointError(f"{index} names files that are not beside it")
    return dict(places)


def _files(index: Path) -> set[str]:
    try:
        return set(_weight_map(index).values())
    except CheckpointError:
        return set()
