"""``torch.onnx``: importable, for scripts that export on request; there is no exporter."""
from __future__ import annotations


def is_in_onnx_export() -> bool:
    """Never."""
    return False
