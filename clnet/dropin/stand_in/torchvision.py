"""Imported as ``torchvision``, puts ``clnet.vision`` in its own place."""
from __future__ import annotations

import sys

from clnet import vision
from clnet.dropin.finder import as_torch

if __name__ == "torchvision":
    as_torch()
    sys.modules["torchvision"] = vision
