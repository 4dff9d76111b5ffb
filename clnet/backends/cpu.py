"""What ``torch.backends.cpu`` tells."""
from __future__ import annotations


def get_cpu_capability() -> str:
    """"DEFAULT": vector widths are the OpenCL compiler's matter."""
    return "DEFAULT"
