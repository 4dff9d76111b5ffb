"""The sources rendered for the presets compile for their language version on a runtime at hand."""

from __future__ import annotations

import re
import warnings

import pytest

from clnet.core.presets import PRESETS
from clnet.device import current_device
from tests.presets.conftest import planned

TOGETHER = 32
STANDARDS = sorted({caps.c_standard for caps in PRESETS.values()})


def _problem(texts: list[str], standard: str) -> str:
    """The compiler's complaint about a program of these sources, or ""."""
    # clnet offers no way to compile for another language version than the device's best.
    cl = pytest.importorskip("clnet.device.driver").cl
    runtime = current_device().runtime
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pyopencl's advice about its own cache
        try:
            cl.Program(runtime.context, "\n".join(texts)).compile([f"-cl-std={standard}"])
        except cl.Error as error:
            return str(error)
    return ""


# PoCL 3.1 has no vload_half of global memory under -cl-std=CL2.0, which the standard has.
_PROBE = """
__kernel void probe(__global const half *x, __global float *y) { y[0] = vload_half(0, x); }
"""


# Matrix instructions and integer dot products.
_NATIVE = re.compile(r"\basm\(|\bintel_sub_group_\w+_matrix_mad|\bdot\(as_char4")


@pytest.mark.parametrize("standard", STANDARDS)
def test_sources_compile(standard):
    if problem := _problem([_PROBE], standard):
        pytest.skip(f"{current_device().caps.platform} does not compile {standard}: {problem}")
    # What differs between presets in nothing but the digest of their name is compiled once.
    texts = {}
    for name, caps in PRESETS.items():
        if caps.c_standard == standard:
            for entry, source in planned(name)[0].items():
                # These are known to compilers of the devices that have them; tests/kernels runs their models.
                if not _NATIVE.search(source.source):
                    texts[entry] = source.source
    assert texts
    entries = list(texts)
    problems = []
    for start in range(0, len(entries), TOGETHER):
        chunk = entries[start:start + TOGETHER]
        if _problem([texts[e] for e in chunk], standard):
            problems += [f"{e}: {p}" for e in chunk if (p := _problem([texts[e]], standard))]
    assert not problems, "\n".join(re.sub(r"\s+", " ", p)[:400] for p in problems[:10])
