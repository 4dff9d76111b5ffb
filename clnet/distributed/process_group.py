"""Process groups: there are none yet, which programs can ask before they use one."""
from __future__ import annotations

import enum
from typing import Any, NoReturn


class ReduceOp(enum.Enum):
    """How the values of processes are combined."""

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7


def is_available() -> bool:
    """Whether processes can work together: not yet. Several devices work in one process by ``nn.DataParallel``."""
    return False


is_initialized = is_mpi_available = is_nccl_available = is_gloo_available = is_torchelastic_launched = is_available


def init_process_group(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises NotImplementedError: clnet trains in one process."""
    raise NotImplementedError("init_process_group: clnet trains in one process; nn.DataParallel uses several devices "
                              "of this machine in it")


def _no_group(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises ValueError: there is no process group."""
    raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")


get_rank = get_world_size = get_backend = destroy_process_group = barrier = _no_group
all_reduce = all_gather = broadcast = reduce = _no_group
