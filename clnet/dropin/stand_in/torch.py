"""Imported as ``torch``, puts clnet in its own place."""
from __future__ import annotations

import sys

from clnet.dropin.finder import as_torch

if __name__ == "torch":
    del sys.modules["torch"]
    as_torch()
