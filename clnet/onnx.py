"""``torch.onnx``: importable, for scripts that export on request; there is no exporter yet."""
from __future__ import annotations

from typing import Any


def export(*args: Any, **kwargs: Any) -> Any:
    """Raises NotImplementedError: models are not exported to ONNX; ``clnet.save`` keeps their state."""
    raise NotImplementedError("onnx.export: clnet does not write ONNX files; save the state with clnet.save(), which "
                              "PyTorch reads, and export it there")


def is_in_onnx_export() -> bool:
    """Never."""
    return False
