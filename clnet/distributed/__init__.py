"""Devices in a grid; of PyTorch's process groups what a program in one process asks for."""
from . import device_mesh
from .device_mesh import DeviceMesh, init_device_mesh
from .process_group import (
    ReduceOp,
    all_gather,
    all_reduce,
    barrier,
    broadcast,
    destroy_process_group,
    get_backend,
    get_rank,
    get_world_size,
    init_process_group,
    is_available,
    is_gloo_available,
    is_initialized,
    is_mpi_available,
    is_nccl_available,
    is_torchelastic_launched,
    reduce,
)

__all__ = ["DeviceMesh", "ReduceOp", "all_gather", "all_reduce", "barrier", "broadcast", "destroy_process_group",
           "device_mesh", "get_backend", "get_rank", "get_world_size", "init_device_mesh", "init_process_group",
           "is_available", "is_gloo_available", "is_initialized", "is_mpi_available", "is_nccl_available",
           "is_torchelastic_launched", "reduce"]
