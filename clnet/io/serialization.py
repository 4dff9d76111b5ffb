"""``save`` and ``load``."""
from __future__ import annotations

import io
import os
import pickle
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..core.errors import DeviceError
from ..device import Device, current_device
from ..tensor.pickling import storage_bytes, storage_of
from ..tensor.storage import Storage
from . import legacy, safetensors, shards
from .archive import ArchiveReader, ArchiveWriter, CheckpointError
from .atomic import replacing
from .pickler import CheckpointPickler
from .unpickler import DataUnpickler, FullUnpickler, LoadedStorage, StorageKind, byteswapped

_SAFETENSORS = ".safetensors"


def save(obj: Any, f: Any, pickle_module: Any = None, pickle_protocol: int = 2,
         _use_new_zipfile_serialization: bool = True, *, max_shard_size: int | str | None = None) -> None:
    """Write an object to a file that PyTorch can read too.

    Tensors that share memory still do when loaded.  A file given by name is replaced whole once
    everything is written: a process that is killed leaves the previous one as it was.

    Args:
        obj: tensors, containers of them, modules' and optimizers' ``state_dict()``, or any object
            that can be pickled.  For a name that ends in ``.safetensors``: a dict of tensors.
        f: a path, or an object with ``write``.
        max_shard_size: bytes, or a text such as "5GB": a dict of tensors that is larger is spread over
            files of at most that size (or one tensor), named ``stem-00001-of-00002.suffix``, with an
            index beside them that ``load`` reads: the name of the file with ``.index.json`` after it.

    Raises:
        RuntimeError: tensors view the same memory as different types.
        TypeError: objects that the safetensors format can't hold.  AttributeError: ``f`` is no file.
        NotImplementedError: PyTorch's format from before 1.6 (which ``load`` reads), or another
            pickle module.

    >>> import io
    >>> import clnet
    >>> file = io.BytesIO()
    >>> clnet.save({"weight": clnet.ones(2), "epoch": 3}, file)
    >>> _ = file.seek(0)
    >>> clnet.load(file)["weight"]
    tensor([1., 1.])
    """
    if not _use_new_zipfile_serialization:
        raise NotImplementedError("save: only PyTorch's zip format is written")
    if pickle_module not in (None, pickle):
        raise NotImplementedError("save: tensors are named by a pickler of clnet's own; pickle_module can "
                                  "only be pickle")
    if max_shard_size is not None:
        if not isinstance(f, (str, os.PathLike)):
            raise TypeError("save: max_shard_size needs a path")
        shards.write(obj, Path(f), shards.byte_count(max_shard_size),
                     lambda part, path: save(part, path, pickle_protocol=pickle_protocol))
    elif isinstance(f, (str, os.PathLike)):
        with replacing(f) as file:
            if os.fspath(f).endswith(_SAFETENSORS):
                safetensors.write(obj, file)
            else:
                stem = os.path.splitext(os.path.basename(os.fspath(f)))[0]
                _write_archive(obj, file, stem or "archive", pickle_protocol)
    elif callable(getattr(f, "write", None)):
        _write_archive(obj, f, "archive", pickle_protocol)
    else:
        raise AttributeError(f"expected 'f' to be string, path, or a file-like object with a 'write' "
                             f"attribute, but got {type(f).__name__}")


def _write_archive(obj: Any, file: IO[bytes], folder: str, protocol: int) -> None:
    pickled = io.BytesIO()
    pickler = CheckpointPickler(pickled, protocol)
    pickler.dump(obj)
    archive = ArchiveWriter(file, folder)
    archive.write("data.pkl", pickled.getvalue())
    archive.write("byteorder", sys.byteorder.encode())
    for key, storage in enumerate(pickler.storages):
        archive.write(f"data/{key}", storage_bytes(storage))
    archive.write("version", b"3\n")
    archive.close()


def load(f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None,
         mmap: bool | None = None, **pickle_load_args: Any) -> Any:
    """Read what ``save`` or PyTorch's ``torch.save`` wrote, or a ``.safetensors`` file.

    Args:
        f: a path, or an object with ``read`` and ``seek``. An index of shards, or the name that they
            were saved under, gives the tensors of all.
        map_location: where tensors go: a device, a dict from locations in the file, or a function
            (storage, location) -> storage.  By default, where they were.
        mmap: accepted; records are read one by one in any case.
        weights_only: True (the default) builds tensors, containers and plain values only.  False
            builds any object, which lets the file run code.

    Raises:
        RuntimeError: the file is damaged or of another format, or its device is not here.
        pickle.UnpicklingError: the file holds other objects than data.
    """
    if pickle_module not in (None, pickle):
        raise NotImplementedError("load: pickle_module can only be pickle")
    if isinstance(f, (str, os.PathLike)):
        path = Path(f)
        if not path.name.endswith(shards.INDEX) and not path.exists():
            indexed = path.with_name(path.name + shards.INDEX)
            path = indexed if indexed.exists() else path
        if path.name.endswith(shards.INDEX):
            return shards.read(path, lambda shard: load(shard, map_location, weights_only=weights_only))
        with open(f, "rb") as file:
            return _read(file, os.fspath(f), map_location, weights_only is not False, pickle_load_args)
    if not callable(getattr(f, "read", None)):
        raise AttributeError(f"expected a path or a file-like object with 'read' and 'seek', but got "
                             f"{type(f).__name__}")
    name = str(getattr(f, "name", "the file"))
    return _read(f if f.seekable() else io.BytesIO(f.read()), name, map_location,
                 weights_only is not False, pickle_load_args)


def _read(file: IO[bytes], name: str, map_location: Any, restricted: bool, options: dict[str, Any]) -> Any:
    places = _Places(map_location)
    if name.endswith(_SAFETENSORS):
        return safetensors.read(file.read(), name, places.device)
    unpickler: Any = partial(DataUnpickler if restricted else FullUnpickler, **options)
    try:
        if legacy.is_legacy(file):
            return legacy.read(file, name, places, unpickler)
        archive = ArchiveReader(file, name)
        return unpickler(io.BytesIO(archive.read("data.pkl")), _Storages(archive, places)).load()
    except (pickle.UnpicklingError, RuntimeError):
        raise
    except Exception as error:
        if not restricted:
            raise
        raise pickle.UnpicklingError(f"{name}: the pickle in the file can't be read as data: "
                                     f"{type(error).__name__}: {error}") from error


class _Places:
    """Where loaded storages go."""

    def __init__(self, map_location: Any) -> None:
        self._move: Callable[[Any, str], Any] | None = None
        self._map: Mapping[str, Any] = {}
        self._all: Device | None = None
        if map_location is None:
            pass
        elif isinstance(map_location, Mapping):
            self._map = map_location
        elif isinstance(map_location, (str, Device)):
            self._all = Device(map_location)
        elif callable(map_location):
            self._move = map_location
        else:
            raise TypeError(f"map_location can't be a {type(map_location).__name__}")

    def device(self, location: str) -> Device:
        """The device that tensors of a location in the file are put on.

        Raises:
            RuntimeError: a GPU is named and there is none.
        """
        if self._all is not None:
            return self._all
        place = self._map.get(location, location)
        if place == "cpu" or self._move is not None:
            default = current_device()
            return default if default.type == "cpu" else Device("cpu")
        try:
            return Device(place)
        except DeviceError as error:
            raise RuntimeError(
                f"Attempting to deserialize an object on the device {place!r}, which is not here ({error}). "
                "Use load with map_location='cpu' to map its storages to the CPU.") from None

    def moved(self, storage: Storage, location: str) -> Storage:
        """What a function given as map_location makes of a storage.

        Raises:
            TypeError: something else than a storage.
        """
        if self._move is None:
            return storage
        got = self._move(storage, location)
        if got is None:
            return storage
        if not isinstance(got, Storage):
            raise TypeError(f"map_location must return a storage or None, not a {type(got).__name__}")
        return got


class _Storages:
    """The archive's storages, each read once."""

    def __init__(self, archive: ArchiveReader, places: _Places) -> None:
        self._archive, self._places = archive, places
        self._swapped = archive.swapped()
        self._read: dict[str, LoadedStorage] = {}

    def __call__(self, kind: StorageKind, key: str, location: str, count: int) -> LoadedStorage:
        """The storage of a record of ``count`` elements.

        Raises:
            CheckpointError: the record is missing, damaged, or of another size.
        """
        if key not in self._read:
            data = self._archive.read(f"data/{key}")
            if len(data) != count * kind.dtype.itemsize:
                raise CheckpointError(f"{self._archive.name}: record 'data/{key}' has {len(data)} bytes "
                                      f"in place of {count} elements of {kind.dtype}")
            array = np.frombuffer(data, np.uint8)
            storage = storage_of(byteswapped(array, kind.dtype) if self._swapped else array,
                                 self._places.device(location))
            self._read[key] = LoadedStorage(self._places.moved(storage, location), kind.dtype)
        return self._read[key]
