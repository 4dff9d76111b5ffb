"""``as_torch`` in a process of its own."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def check(program):
    done = subprocess.run([sys.executable, "-c", program], text=True, timeout=120, capture_output=True, check=False,
                          env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr


def test_modules_are_the_same_objects():
    check("""
import clnet
torch = clnet.as_torch()
assert torch is clnet and clnet.as_torch() is clnet
import torch.nn as nn, torch.utils.data, torch.cuda.amp, torch.optim.lr_scheduler, torch.nn.functional as F
import torch.backends.cudnn, torch.version, torch.multiprocessing, torch.autograd.grad_mode, torch.random, torch.jit
from torch.utils.data.dataset import Dataset
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel.scatter_gather import gather, scatter
from torch.nn.parallel.distributed import DistributedDataParallel
from torch.optim.adamw import AdamW
from torch.utils.hooks import RemovableHandle
from torch.utils.dlpack import from_dlpack, to_dlpack
import importlib.util, sys
assert nn is clnet.nn and F is clnet.nn.functional and Dataset is clnet.utils.data.Dataset
assert nn.__spec__.name == nn.__name__ == "clnet.nn" and torch.__spec__.name == "clnet"
assert importlib.util.find_spec("torch.nn") is not None
assert torch.utils.data is clnet.utils.data and sys.modules["torch.utils.data"] is clnet.utils.data
for name in ("torch.core", "torch.kernels", "torch.frob"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        assert error.name == name
    else:
        raise AssertionError(name)
""")


def test_pytorch_imported_before_is_refused():
    check("""
import sys, types, clnet
sys.modules["torch"] = types.ModuleType("torch")
try:
    clnet.as_torch()
except RuntimeError as error:
    assert "imported already" in str(error)
else:
    raise AssertionError
""")


def test_tuples_of_layers():
    from clnet.nn.modules.tuples import _pair, _reverse_repeat_tuple, _triple

    assert _pair(2) == (2, 2) and _pair([1, 2]) == (1, 2) and _triple("ab") == ("a", "b")
    assert _reverse_repeat_tuple((1, 2), 2) == (2, 2, 1, 1)
