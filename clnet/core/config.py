"""Settings: the only reader of environment variables.

Every variable is declared once in `VARIABLES` with its type, default and meaning. `settings()`
reads the environment the first time it is called and keeps the result, so a process sees one
consistent configuration; `read(environ)` is the pure function underneath, for tests and tools.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

_SIZE_SUFFIXES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True)
class Settings:
    """One reading of the environment. Field names are those of `Variable.field`."""

    device: str
    sync: bool
    allocator: str
    memory_limit: int | None
    cache_dir: Path
    plan_class: str
    verbose: bool
    no_disk_cache: bool
    cache_limit: int
    icd_extra: tuple[str, ...]
    tune: bool
    ocl_icd_vendors: str


@dataclass(frozen=True)
class Variable:
    """Declaration of one environment variable."""

    name: str
    field: str
    kind: str
    default: str
    doc: str
    parse: Callable[[str], object]


@dataclass(frozen=True)
class Setting:
    """What `describe` reports about one variable."""

    name: str
    kind: str
    value: object
    is_set: bool
    doc: str


def parse_size(text: str) -> int:
    """Bytes from "512", "64K", "1.5G" or "2GiB" (powers of 1024)."""
    stripped = text.strip().lower().removesuffix("ib").removesuffix("b")
    suffix = stripped[-1:] if stripped[-1:].isalpha() else ""
    if suffix not in _SIZE_SUFFIXES:
        raise ValueError("expected a size in bytes such as 268435456, 256M or 1.5G")
    try:
        size = int(float(stripped.removesuffix(suffix)) * _SIZE_SUFFIXES[suffix])
    except (ValueError, OverflowError):
        raise ValueError("expected a size in bytes such as 268435456, 256M or 1.5G") from None
    if size <= 0:
        raise ValueError("expected a size above zero")
    return size


def _flag(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError("expected 1 or 0")


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError("expected one of " + ", ".join(repr(word) for word in allowed))
        return text

    return parse


def _optional_size(text: str) -> int | None:
    return parse_size(text) if text.strip() else None


def _cache_dir(text: str) -> Path:
    if text:
        return Path(text).expanduser()
    return Path(platformdirs.user_cache_dir("clnet", appauthor=False))


def _paths(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(os.pathsep) if part)


VARIABLES: tuple[Variable, ...] = (
    Variable("CLNET_DEVICE", "device", "device", "",
             "default device, such as cpu, cuda:0, cl:1, pocl, intel; empty: first GPU, else CPU",
             str.strip),
    Variable("CLNET_SYNC", "sync", "flag", "0",
             "1 finishes and checks every kernel launch, so errors are raised at their line",
             _flag),
    Variable("CLNET_ALLOCATOR", "allocator", "choice", "caching",
             "caching reuses memory; exact gives every tensor a buffer of its own size",
             _one_of("caching", "exact")),
    Variable("CLNET_MEMORY_LIMIT", "memory_limit", "size", "",
             "bytes that one device may hold (suffixes K, M, G); empty: 0.9 of what it has",
             _optional_size),
    Variable("CLNET_CACHE_DIR", "cache_dir", "path", "",
             "folder of compiled kernels and tuning results; empty: the user's cache folder",
             _cache_dir),
    Variable("CLNET_PLAN_CLASS", "plan_class", "choice", "",
             "forces cpu or gpu kernel plans on any device; empty: by the device's type",
             _one_of("", "cpu", "gpu")),
    Variable("CLNET_VERBOSE", "verbose", "flag", "0",
             "1 reports kernel builds on standard error", _flag),
    Variable("CLNET_NO_DISK_CACHE", "no_disk_cache", "flag", "0",
             "1 neither reads nor writes compiled kernels on disk", _flag),
    Variable("CLNET_CACHE_LIMIT", "cache_limit", "size", "2G",
             "bytes of compiled kernels kept on disk; beyond, those used longest ago are deleted",
             parse_size),
    Variable("CLNET_ICD_EXTRA", "icd_extra", "paths", "",
             "more OpenCL ICD libraries to offer, separated like PATH", _paths),
    Variable("CLNET_TUNE", "tune", "flag", "0",
             "1 measures the plans of each new call for a few seconds and keeps the best (see clnet tune)",
             _flag),
    Variable("OCL_ICD_VENDORS", "ocl_icd_vendors", "path", "",
             "the OpenCL loader's vendors folder; when set, clnet leaves discovery to the loader",
             str),
)


def read(environ: Mapping[str, str]) -> Settings:
    """Parse `environ`. Raises ValueError naming the variable whose value is wrong."""
    values: dict[str, Any] = {}
    for variable in VARIABLES:
        text = environ.get(variable.name, variable.default)
        try:
            values[variable.field] = variable.parse(text)
        except ValueError as error:
            raise ValueError(f"{variable.name}={text!r}: {error}") from None
    return Settings(**values)


@functools.cache
def settings() -> Settings:
    """This process's settings, read from the environment at the first call."""
    return read(os.environ)


def describe() -> list[Setting]:
    """Every variable with its present value, in declaration order, for `clnet info`."""
    current = settings()
    return [
        Setting(v.name, v.kind, getattr(current, v.field), v.name in os.environ, v.doc)
        for v in VARIABLES
    ]
