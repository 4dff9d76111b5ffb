"""Devices of one machine, of any vendors, arranged in a grid."""
from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..device import Device


class DeviceMesh:
    """A grid of devices, whose dimensions can have names; ``nn.DataParallel(module, mesh)`` splits batches over it.

    >>> import clnet
    >>> mesh = clnet.distributed.DeviceMesh("cpu", [0])
    >>> mesh.devices, mesh.shape
    ([device(type='cpu')], (1,))

    Args:
        device_type: what the numbers of ``mesh`` count: "cuda" GPUs, "cpu" CPU runtimes, "cl" all
            OpenCL devices, "intel", "pocl", "nvidia", "amd" those of one platform.
        mesh: numbers, nested as the grid is; devices or their names stand for themselves.
        mesh_dim_names: one for each dimension.

    Raises:
        RuntimeError: there is no such device, one occurs twice, the nesting is uneven, or there are
            not as many names as dimensions.
    """

    def __init__(self, device_type: str, mesh: Any, *, mesh_dim_names: Sequence[str] | None = None) -> None:
        grid = _grid(mesh)
        made = np.empty(grid.shape, object)
        for place, entry in np.ndenumerate(grid):
            numbered = isinstance(entry, (int, np.integer))
            made[place] = Device(f"{device_type}:{entry}" if numbered else entry)
        if mesh_dim_names is not None and len(mesh_dim_names) != made.ndim:
            raise RuntimeError(f"mesh_dim_names must have same length as the mesh's dimensions: got {mesh_dim_names} "
                               f"for {made.ndim} of them")
        repeated = {str(d) for d in made.flat if list(made.flat).count(d) > 1}
        if repeated:
            raise RuntimeError(f"DeviceMesh: {', '.join(sorted(repeated))} occurs more than once")
        self._grid, self.device_type = made, device_type
        self.mesh_dim_names = None if mesh_dim_names is None else tuple(mesh_dim_names)

    @property
    def devices(self) -> list[Device]:
        """All devices, the last dimension running fastest."""
        return list(self._grid.flat)

    @property
    def shape(self) -> tuple[int, ...]:
        """Devices along each dimension."""
        return self._grid.shape

    @property
    def ndim(self) -> int:
        """Dimensions of the grid."""
        return self._grid.ndim

    def size(self, mesh_dim: int | None = None) -> int:
        """Devices in all, or along one dimension."""
        return math.prod(self.shape) if mesh_dim is None else self.shape[mesh_dim]

    def __len__(self) -> int:
        return self.size()

    def __iter__(self) -> Iterator[Device]:
        return iter(self.devices)

    def __getitem__(self, mesh_dim_names: str | tuple[str, ...]) -> DeviceMesh:
        """The part of the grid along some named dimensions, at the start of the others.

        Raises:
            KeyError: there is no dimension of that name.
        """
        wanted = (mesh_dim_names,) if isinstance(mesh_dim_names, str) else tuple(mesh_dim_names)
        own = self.mesh_dim_names or ()
        for name in wanted:
            if name not in own:
                raise KeyError(f"Invalid mesh_dim_name {name}: the mesh's dimensions are {list(own)}")
        part = self._grid[tuple(slice(None) if name in wanted else 0 for name in own)]
        kept = [name for name in own if name in wanted]
        part = part.transpose([kept.index(name) for name in wanted])
        return DeviceMesh(self.device_type, part, mesh_dim_names=wanted)

    def __eq__(self, other: object) -> bool:
        return (isinstance(other, DeviceMesh) and self.shape == other.shape and self.devices == other.devices
                and self.mesh_dim_names == other.mesh_dim_names)

    def __hash__(self) -> int:
        return hash((self.shape, tuple(map(str, self.devices)), self.mesh_dim_names))

    def __repr__(self) -> str:
        names = "" if self.mesh_dim_names is None else f", mesh_dim_names={self.mesh_dim_names}"
        return f"DeviceMesh({self.device_type!r}, {np.vectorize(str, otypes=[object])(self._grid).tolist()}{names})"


def _grid(mesh: Any) -> np.ndarray:
    """The entries of a nested list, a tensor or an array."""
    if isinstance(mesh, np.ndarray):
        return mesh
    if not isinstance(mesh, (list, tuple, int, str, Device)):
        mesh = mesh.tolist()
    shape, level = [], mesh
    while isinstance(level, (list, tuple)):
        shape.append(len(level))
        if not level:
            raise RuntimeError("DeviceMesh: there are no devices in the mesh")
        level = level[0]
    grid = np.empty(shape or [1], object)
    for place in np.ndindex(*grid.shape):
        entry = mesh
        for position, index in enumerate(place if shape else ()):
            if not isinstance(entry, (list, tuple)) or len(entry) != shape[position]:
                raise RuntimeError(f"DeviceMesh: the mesh is nested unevenly: {mesh}")
            entry = entry[index]
        grid[place] = entry
    return grid


def init_device_mesh(device_type: str, mesh_shape: Sequence[int], *, mesh_dim_names: Sequence[str] | None = None
                     ) -> DeviceMesh:
    """The first devices of a type as a grid of the given shape.

    Raises:
        RuntimeError: there are not enough devices, or not as many names as dimensions; names repeat.
    """
    if mesh_dim_names is not None and len(set(mesh_dim_names)) != len(mesh_dim_names):
        raise RuntimeError(f"Each mesh_dim_name must be unique: {list(mesh_dim_names)}")
    if mesh_dim_names is not None and len(mesh_dim_names) != len(mesh_shape):
        raise RuntimeError(f"mesh_shape and mesh_dim_names should have same length: {tuple(mesh_shape)} and "
                           f"{list(mesh_dim_names)}")
    numbers = np.arange(math.prod(mesh_shape)).reshape(tuple(mesh_shape))
    return DeviceMesh(device_type, numbers, mesh_dim_names=mesh_dim_names)
