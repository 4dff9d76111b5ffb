"""Which devices there are, which of them work, and what users call them."""

from __future__ import annotations

import platform
import re
import sys
import threading
import warnings
from collections.abc import Callable

from clnet.core.errors import DeviceError
from clnet.device.fork import GUARD
from clnet.device.opencl import OpenCLRuntime
from clnet.device.platforms import Candidate, candidates

_SPEC = re.compile(r"(cpu|gpu|cuda|cl|intel|pocl|nvidia|amd|oclgrind)(?::(\d+))?")


class Slot:
    """One candidate, and what became of it."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.runtime: OpenCLRuntime | None = None
        self.error: DeviceError | None = None
        self.name = ""
        """Canonical name, given when it is first opened: "cpu", "cpu:1", "cuda:0"."""
        self.index = 0

    @property
    def type(self) -> str:
        """"cpu", or "cuda" for everything that is no CPU, as PyTorch's scripts expect."""
        return "cpu" if self.candidate.kind == "cpu" else "cuda"


class Catalog:
    """The devices of this process. Each is opened, and thereby tried, when first asked for."""

    def __init__(self, preferred: str = "") -> None:
        self._lock = threading.RLock()
        family = preferred.partition(":")[0]
        # A user who chose one of several CPU runtimes means it by "cpu" too.
        found = sorted(candidates(), key=lambda one: (one.kind == "cpu", one.family != family))
        self.slots = [Slot(candidate) for candidate in found]

    def find(self, spec: str) -> Slot:
        """The opened device that `spec` names. Raises DeviceError if there is none."""
        match = _SPEC.fullmatch(spec)
        if match is None:
            raise DeviceError(
                f"{spec!r} names no device: expected cpu, gpu, cuda, cl, intel, pocl, nvidia, "
                f"amd or oclgrind, with a number after a colon if need be. {self.available()}")
        word, number = match[1], int(match[2] or 0)
        accepts = _filter(word)
        with self._lock:
            while True:
                usable = self.usable(accepts)
                if number >= len(usable):
                    raise DeviceError(self._absence(spec))
                if self._open(usable[number]):
                    return usable[number]

    def usable(self, accepts: Callable[[Candidate], bool] = lambda one: True) -> list[Slot]:
        """Candidates that are not known to be broken."""
        return [slot for slot in self.slots if slot.error is None and accepts(slot.candidate)]

    def opened(self) -> list[Slot]:
        """All devices that work, opened."""
        with self._lock:
            return [slot for slot in self.usable() if self._open(slot)]

    def default(self) -> Slot:
        """The first GPU, else the first CPU."""
        with self._lock:
            for slot in self.usable():
                if self._open(slot):
                    return slot
        raise DeviceError(self._absence("the default device"))

    def _open(self, slot: Slot) -> bool:
        if slot.runtime is not None:
            return True
        GUARD.refuse_in_child()
        same = [one for one in self.usable() if one.type == slot.type]
        slot.index = same.index(slot)
        cpu = slot.type == "cpu"
        slot.name = "cpu" if cpu and slot.index == 0 else f"{slot.type}:{slot.index}"
        try:
            slot.runtime = OpenCLRuntime(slot.candidate.handle, slot.name)
        except DeviceError as error:
            slot.error = error
            warnings.warn(
                f"the OpenCL platform {slot.candidate.platform} does not work and is left out: "
                f"{error}", RuntimeWarning, stacklevel=2)
            return False
        return True

    def available(self) -> str:
        """One sentence that lists what `find` would take."""
        if not self.usable():
            return f"No OpenCL device is available. {installation_advice()}"
        counts = {"cpu": 0, "cuda": 0}
        parts = []
        for position, slot in enumerate(self.usable()):
            parts.append(f"{slot.type}:{counts[slot.type]} = cl:{position} "
                         f"({slot.candidate.name}, {slot.candidate.platform})")
            counts[slot.type] += 1
        return "Available: " + ", ".join(parts)

    def _absence(self, spec: str) -> str:
        broken = [f"{slot.candidate.platform} is broken ({slot.error})"
                  for slot in self.slots if slot.error is not None]
        return ". ".join([f"no OpenCL device for {spec}", *broken, self.available()])


def _filter(word: str) -> Callable[[Candidate], bool]:
    if word == "cl":
        return lambda one: True
    if word == "cpu":
        return lambda one: one.kind == "cpu"
    if word in ("gpu", "cuda"):
        return lambda one: one.kind != "cpu"
    return lambda one: one.family == word


def installation_advice() -> str:
    """What to install on this machine to get a device."""
    if platform.machine().lower() in ("x86_64", "amd64") and sys.platform in ("linux", "win32"):
        return ('Install a runtime: pip install "clnet[cpu]" for the CPU, your GPU\'s OpenCL '
                "driver, or on Debian and Ubuntu the package pocl-opencl-icd")
    return ("Install a runtime: your GPU's OpenCL driver, or for the CPU PoCL (package "
            "pocl-opencl-icd on Debian and Ubuntu)")
