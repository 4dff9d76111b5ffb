"""Finds the OpenCL devices of this machine and puts them in order of preference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clnet.device.driver import PLATFORMS, cl
from clnet.device.query import device_type

_ORDER = ("nvidia", "amd", "intel", "pocl", "other", "oclgrind")
"""Families, best first, among devices of one type. A checker comes last."""


@dataclass(frozen=True)
class Candidate:
    """A device that the loader offers and nobody has tried yet."""

    handle: Any
    family: str
    """"intel", "pocl", "nvidia", "amd", "oclgrind" or "other"."""
    kind: str
    """"cpu", "gpu" or "accelerator"."""
    platform: str
    name: str


def _family(platform: Any) -> str:
    text = f"{platform.name} {platform.vendor}".lower()
    for family, words in (
        ("oclgrind", ("oclgrind",)),
        ("pocl", ("portable computing language", "pocl")),
        ("nvidia", ("nvidia",)),
        ("amd", ("advanced micro devices", "amd ")),
        ("intel", ("intel",)),
    ):
        if any(word in text for word in words):
            return family
    return "other"


def candidates() -> list[Candidate]:
    """Every device offered: GPUs, then CPUs, then accelerators, the preferred family first."""
    found = []
    for platform in PLATFORMS:
        try:
            devices = platform.get_devices()
        except cl.Error:  # a platform without devices reports that as an error
            continue
        for device in devices:
            # Intel's FPGA emulator is a CPU that pretends to be slow hardware.
            if "fpga" in f"{platform.name} {device.name}".lower():
                continue
            found.append(Candidate(
                handle=device, family=_family(platform), kind=device_type(device),
                platform=platform.name.strip("\0 "), name=device.name.strip("\0 ")))
    kinds = ("gpu", "cpu", "accelerator")
    return sorted(found, key=lambda one: (kinds.index(one.kind), _ORDER.index(one.family)))
