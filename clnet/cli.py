"""The command ``clnet``: one subcommand per task."""
from __future__ import annotations

import argparse
import importlib.metadata
import platform
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from . import version
from .core.caps import DeviceCaps
from .core.config import describe, settings
from .core.errors import DeviceError
from .device import current_device, devices
from .dropin import run
from .tune import command as tuning

_DEPENDENCIES = ("numpy", "pyopencl", "mako", "safetensors", "intel-opencl-rt")

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status (2 for a usage error, 1 for a failure)."""
    args = _parser().parse_args(argv)
    command: Command = args.command
    return command(args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="clnet", description="Deep learning on every OpenCL device.")
    parser.add_argument("--version", action="version", version=f"clnet {version.CLNET}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    information = commands.add_parser(
        "info", help="devices, versions, cache folders and settings",
        description="Print devices with their capabilities, versions, cache folders and settings.")
    information.set_defaults(command=info)
    tuning.add_arguments(commands.add_parser("tune", help="find the fastest kernels for a device"))
    running = commands.add_parser(
        "run", help="run a PyTorch script on clnet",
        description="Run an unmodified PyTorch script: torch is clnet, torchvision is clnet.vision.")
    running.add_argument("-m", dest="as_module", action="store_true", help="SCRIPT is the name of a module")
    running.add_argument("script", metavar="SCRIPT")
    running.add_argument("arguments", metavar="ARGS", nargs=argparse.REMAINDER, help="what the script is given")
    running.set_defaults(command=run_script)
    return parser


def run_script(args: argparse.Namespace) -> int:
    """Run a script with clnet in PyTorch's place; 1 if it fails."""
    return run(args.script, args.arguments, args.as_module)


def info(args: argparse.Namespace) -> int:
    """Print what clnet finds on this machine; 1 if there is no usable device."""
    print("\n".join(_versions()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = list(_device_lines())
    usable = bool(found)
    print("\nDevices")
    print("\n".join(found) if usable else _absence())
    for warning in caught:
        print(f"  warning: {warning.message}")
    print("\nCache")
    print("\n".join(_cache_lines()))
    print("\nSettings (environment variables; * is set)")
    for s in describe():
        shown = "" if s.value in ("", None, ()) else s.value
        print(f"  {'*' if s.is_set else ' '} {s.name} = {shown}\n      {s.doc}")
    return 0 if usable else 1


def _versions() -> Iterator[str]:
    yield f"clnet {version.CLNET}, Python {platform.python_version()}, {platform.platform()}"
    for name in _DEPENDENCIES:
        try:
            yield f"  {name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            yield f"  {name} is not installed"


def _device_lines() -> Iterator[str]:
    every = devices()
    default = current_device() if every else None
    for position, device in enumerate(every):
        mark = ", the default" if device is default else ""
        yield f"  {device} (cl:{position}{mark}): {device.caps.name}"
        yield from (f"      {line}" for line in _capabilities(device.caps))


def _capabilities(caps: DeviceCaps) -> Iterator[str]:
    version, c_version = (".".join(map(str, v)) for v in (caps.version, caps.c_version))
    yield f"{caps.platform}, driver {caps.driver_version}"
    yield f"OpenCL {version}, OpenCL C {c_version}, kernels planned as for a {caps.plan_class}"
    yield (f"{caps.units} units, work-groups up to {caps.max_work_group_size}, "
           f"{caps.local_mem_size >> 10} KiB local memory")
    yield (f"{caps.global_mem_size / 2**30:.1f} GiB memory, {caps.max_mem_alloc_size / 2**30:.1f} GiB "
           f"in one allocation, {'shared with' if caps.host_memory else 'apart from'} the host's")
    features = [name for name, present in (
        ("float16", caps.fp16), ("float64", caps.fp64), ("subgroups", caps.subgroups),
        ("integer dot products", caps.int_dot)) if present]
    yield f"arithmetic and features beyond the basic: {', '.join(features) or 'none'}"


def _absence() -> str:
    try:
        current_device()
    except DeviceError as error:
        return f"  {error}"
    return "  none besides the one that CLNET_DEVICE names"


def _cache_lines() -> Iterator[str]:
    folder = settings().cache_dir
    yield f"  {folder}"
    sizes: dict[str, list[int]] = {}
    for path in folder.rglob("*") if folder.is_dir() else ():
        if path.is_file():
            sizes.setdefault(path.relative_to(folder).parts[0], []).append(_size(path))
    for name, of in sorted(sizes.items()):
        yield f"      {name}: {len(of)} files, {sum(of) / 2**20:.1f} MiB"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # another process removed it meanwhile
        return 0
