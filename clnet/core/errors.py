"""Exceptions, and the table of faults that kernels record.

A kernel that meets bad data (an index out of range, an integer division by zero) cannot raise.
It guards the access and records a fault code and the offending value in its device's error
word; the next synchronisation finds the code here and raises what PyTorch would have raised.
"""

from __future__ import annotations

import threading
import zlib
from dataclasses import dataclass
from typing import NoReturn


class DeviceError(RuntimeError):
    """A device is absent, unusable or used where it must not be."""


class BuildError(RuntimeError):
    """A kernel did not compile. The message holds the compiler's log."""


class OutOfMemoryError(RuntimeError):
    """A device has no room for an allocation, even after releasing its cache."""


class LinAlgError(RuntimeError):
    """A factorisation met a matrix that it cannot handle (torch.linalg.LinAlgError)."""


@dataclass(frozen=True)
class FaultKind:
    """How one kind of fault is raised: `message` is formatted with `op` and `value`."""

    exception: type[Exception]
    message: str


FAULT_KINDS: dict[str, FaultKind] = {
    "index": FaultKind(IndexError, "{op}: index {value} is out of range"),
    "bounds": FaultKind(RuntimeError, "{op}: index {value} is out of bounds"),
    "target": FaultKind(IndexError, "{op}: Target {value} is out of bounds."),
    "zero_division": FaultKind(RuntimeError, "{op}: ZeroDivisionError"),
    "negative_exponent": FaultKind(
        RuntimeError, "{op}: Integers to negative integer powers are not allowed."),
    "probability": FaultKind(
        RuntimeError, "{op}: probability tensor contains either `inf`, `nan` or element < 0"),
    "probability_sum": FaultKind(
        RuntimeError, "{op}: invalid multinomial distribution (sum of probabilities <= 0)"),
    "probability_range": FaultKind(
        RuntimeError, "{op}: Expected p_in >= 0 && p_in <= 1 to be true, but got false."),
    "not_positive_definite": FaultKind(
        LinAlgError,
        "{op}: The factorization could not be completed because the input is not "
        "positive-definite (the leading minor of order {value} is not positive-definite)."),
    "singular": FaultKind(
        LinAlgError, "{op}: The diagonal element {value} is zero, the matrix is singular."),
}


class FaultTable:
    """Fault codes in use, by (op, kind). Thread-safe."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], int] = {}
        self._faults: dict[int, tuple[str, str]] = {}
        self._lock = threading.Lock()

    def code(self, op: str, kind: str) -> int:
        """Positive 32-bit code of the pair. Raises KeyError for an unknown kind.

        The code is a digest of the names, not a running number: it is written into kernel
        source, which must be the same text in every process for the binary cache to match.
        """
        pair = (op, kind)
        code = self._codes.get(pair)
        if code is not None:
            return code
        if kind not in FAULT_KINDS:
            raise KeyError(f"unknown fault kind {kind!r}; core.errors.FAULT_KINDS lists them")
        with self._lock:
            code = (zlib.crc32(f"{op}\0{kind}".encode()) & 0x7FFFFFFF) or 1
            while self._faults.get(code, pair) != pair:
                code = code % 0x7FFFFFFF + 1
            self._faults[code] = pair
            self._codes[pair] = code
        return code

    def exception(self, code: int, value: int) -> Exception:
        """The exception that a recorded (code, value) stands for."""
        pair = self._faults.get(code)
        if pair is None:
            return RuntimeError(f"a kernel recorded the unknown fault {code} (value {value})")
        op, kind = pair
        fault = FAULT_KINDS[kind]
        return fault.exception(fault.message.format(op=op, value=value))


FAULTS = FaultTable()


def fault_code(op_name: str, kind: str) -> int:
    """Code that a kernel of `op_name` records for a fault of `kind` (see FAULT_KINDS)."""
    return FAULTS.code(op_name, kind)


def raise_fault(code: int, value: int) -> NoReturn:
    """Raise the exception of a recorded fault."""
    raise FAULTS.exception(code, value)
