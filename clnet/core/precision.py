"""How exact products of float32 must be."""
from __future__ import annotations


class Precision:
    """What the switches were set to: "highest" is float32, below it factors may be rounded to TensorFloat-32."""

    matmul = "highest"
