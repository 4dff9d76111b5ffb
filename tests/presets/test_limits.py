"""Plans for every preset stay within what the device has."""

from __future__ import annotations

import math
import re

import pytest

import clnet
from clnet.core.errors import DeviceError
from clnet.core.presets import PRESETS
from clnet.device import Device
from tests.presets.conftest import planned

_SIZES = {"char": 1, "uchar": 1, "short": 2, "ushort": 2, "half": 2, "int": 4, "uint": 4, "float": 4,
          "long": 8, "ulong": 8, "double": 8}
_LOCAL = re.compile(r"__local\s+(?:volatile\s+)?([a-z]+)(\d*)\s+\w+((?:\[[^]]+\])+)\s*[;,]")


def local_bytes(source: str) -> int:
    """Local memory that a kernel declares."""
    total = 0
    for name, width, dimensions in _LOCAL.findall(source):
        sizes = [int(eval(size, {}, _macros(source))) for size in re.findall(r"\[([^]]+)\]", dimensions)]
        total += _SIZES[name] * int(width or 1) * math.prod(sizes)
    return total


def _macros(source: str) -> dict[str, int]:
    """Integer macros by name."""
    return {name: int(value) for name, value in re.findall(r"#define (\w+) (\d+)\s*$", source, re.MULTILINE)}


def test_every_launch_is_within_limits(preset):
    sources, problems = planned(preset)
    assert sources
    assert not problems, "\n".join(problems[:20])


def test_local_memory_fits(preset):
    caps = PRESETS[preset]
    sources, _ = planned(preset)
    assert sum(len(_LOCAL.findall(s.source)) for s in sources.values()) == sum(
        len(re.findall(r"__local\s+(?:volatile\s+)?\w+\s+\w+\[", s.source)) for s in sources.values())
    for entry, source in sources.items():
        assert local_bytes(source.source) <= caps.local_mem_size, entry


def test_work_groups_are_spelled_out(preset):
    for entry, source in planned(preset)[0].items():
        sizes = (*source.local_size, 1, 1)[:3]
        assert f"reqd_work_group_size({', '.join(map(str, sizes))})" in source.source, entry


def test_extensions_are_present(preset):
    caps = PRESETS[preset]
    for entry, source in planned(preset)[0].items():
        text = source.source
        for extension in re.findall(r"#pragma OPENCL EXTENSION (\w+)", text):
            assert extension in caps.extensions, entry
        if not caps.subgroups:
            assert "sub_group_" not in text, entry
        if not caps.fp64:
            assert not re.search(r"\bdouble\d*\b", re.sub(r"//.*", "", text)), entry
        if not caps.fp16:  # halves may be stored and loaded, not computed with
            assert not re.search(r"\bhalf\d+\b|convert_half", text), entry


@pytest.mark.parametrize("name", [name for name, caps in PRESETS.items() if not caps.fp64])
def test_float64_arithmetic_is_refused(name):
    device = Device(f"null:{name}")
    x = clnet.zeros(4, dtype=clnet.float32, device=device)
    y = clnet.Tensor.allocate(device, clnet.tensor([0.0] * 4, dtype=clnet.float64).layout)
    with pytest.raises(DeviceError, match="no float64 arithmetic"):
        y + y
    with pytest.raises(DeviceError, match="no float64 arithmetic"):
        x.to(clnet.float64).exp()
    assert y.reshape(2, 2).shape == (2, 2)
