"""Intel's devices under PyTorch's path: there are none; clnet reaches GPUs as ``cuda``."""


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0
