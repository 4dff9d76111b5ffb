#!/usr/bin/env python3
"""Times operators beside NumPy and, where it is installed, PyTorch; measures the device's limits.

    python tools/bench.py ops [--filter REGEX] [--seconds 0.3] [--json FILE]
    python tools/bench.py peak [--json FILE]

CLNET_DEVICE chooses the device.  Run it with nothing else running.  A time is the best of many
single calls; results of clnet are waited for before the clock is read, except that the dispatch
cases time a run of calls and wait once.
"""
from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

import clnet
from clnet.core.caps import DeviceCaps
from clnet.core.program import KernelSource
from clnet.device import Device, current_device

Call = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """One operation: what each library runs, and the work of one call."""

    name: str
    make: Callable[[ModuleType], Call | None]
    flops: float = 0.0
    nbytes: float = 0.0
    repeats: int = 1


def array(*shape: int) -> np.ndarray:
    """Standard normal float32 numbers, the same at every run."""
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def cases() -> Iterator[Case]:
    """All cases; ``make`` gives None where a library has no such operation."""

    def unary(name: str, shape: tuple[int, ...]) -> Callable[[ModuleType], Call | None]:
        def make(library: ModuleType) -> Call | None:
            function, x = getattr(library, name), tensor(library, array(*shape))
            return lambda: function(x)
        return make

    def binary(name: str, left: tuple[int, ...], right: tuple[int, ...]) -> Callable[[ModuleType], Call | None]:
        def make(library: ModuleType) -> Call | None:
            function = getattr(library, name)
            x, y = tensor(library, array(*left)), tensor(library, array(*right))
            return lambda: function(x, y)
        return make

    def conv(images: tuple[int, ...], outputs: int) -> Callable[[ModuleType], Call | None]:
        def make(library: ModuleType) -> Call | None:
            if library is np:
                return None
            x, w = tensor(library, array(*images)), tensor(library, array(outputs, images[1], 3, 3))
            function = library.nn.functional.conv2d
            return lambda: function(x, w, padding=1)
        return make

    def tiny_backward(library: ModuleType) -> Call | None:
        if library is np:
            return None
        x, y = tensor(library, array(64)).requires_grad_(), tensor(library, array(64))
        return lambda: (x * y).sum().backward()

    size = 1 << 22
    yield Case("add of 64", binary("add", (64,), (64,)), repeats=200)
    yield Case("mul and sum of 64 with backward", tiny_backward, repeats=50)
    yield Case("add of 4M", binary("add", (size,), (size,)), nbytes=12.0 * size)
    yield Case("exp of 4M", unary("exp", (size,)), nbytes=8.0 * size)
    yield Case("sum of 4M", unary("sum", (size,)), nbytes=4.0 * size)
    for n in (512, 1024, 2048):
        yield Case(f"matmul of {n}", binary("matmul", (n, n), (n, n)), flops=2.0 * n**3)
    for n, c, h, o in ((32, 64, 32, 64), (32, 256, 8, 256)):
        yield Case(f"conv 3x3, {n}x{c}x{h}x{h} to {o}", conv((n, c, h, h), o),
                   flops=2.0 * n * o * c * 9 * h * h)


def tensor(library: ModuleType, data: np.ndarray) -> Any:
    """The data as the library holds it."""
    return data if library is np else library.tensor(data)


def best_seconds(call: Call, wait: Call, seconds: float, repeats: int) -> float:
    """Shortest time of one call, of those that fit into ``seconds``."""
    call()
    wait()
    best, stop = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < stop:
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        wait()
        best = min(best, (time.perf_counter() - start) / repeats)
    return best


def libraries() -> dict[str, tuple[ModuleType, Call]]:
    """Name to (module, function that waits for its results)."""
    found: dict[str, tuple[ModuleType, Call]] = {
        "clnet": (clnet, clnet.synchronize), "numpy": (np, lambda: None)}
    try:
        import torch
    except ImportError:
        return found
    return found | {"torch": (torch, lambda: None)}


def ops(args: argparse.Namespace) -> dict[str, Any]:
    """Time the operators; one row per case with microseconds by library."""
    rows = []
    for case in cases():
        if not re.search(args.filter, case.name):
            continue
        row: dict[str, Any] = {"case": case.name}
        for name, (library, wait) in libraries().items():
            call = case.make(library)
            if call is not None:
                seconds = best_seconds(call, wait, args.seconds, case.repeats)
                row[f"{name}_us"] = round(seconds * 1e6, 2)
                if name == "clnet" and (case.flops or case.nbytes):
                    unit, work = ("gflops", case.flops) if case.flops else ("gbytes_per_s", case.nbytes)
                    row[unit] = round(work / seconds / 1e9, 1)
        if "torch_us" in row:
            row["torch_over_clnet"] = round(row["torch_us"] / row["clnet_us"], 2)
        rows.append(row)
        print("  ".join(f"{key} {value}" for key, value in row.items()), file=sys.stderr)
    return {"rows": rows}


FMA_CHAINS = 16
FMA_STEPS = 4096


def fma_kernel(caps: DeviceCaps) -> KernelSource:
    """Independent chains of multiply-adds, in registers; one number per work-item is written."""
    vector = "float16" if caps.plan_class == "cpu" else "float"
    local = 1 if caps.plan_class == "cpu" else min(64, caps.max_work_group_size)
    chains = range(FMA_CHAINS)
    body = "\n".join([
        *[f"    {vector} c{k} = ({vector})(seed + {k});" for k in chains],
        f"    for (int i = 0; i < {FMA_STEPS}; ++i) {{",
        *[f"        c{k} = fma(c{k}, ({vector})(0.999f), ({vector})(0.001f));" for k in chains],
        "    }",
        f"    const {vector} sum = {' + '.join(f'c{k}' for k in chains)};",
        f"    y[get_global_id(0)] = {'sum.s0 + sum.s9' if vector == 'float16' else 'sum'};"])
    source = (f"__kernel __attribute__((reqd_work_group_size({local}, 1, 1)))\n"
              f"void fma_peak(__global float *y, float seed) {{\n{body}\n}}\n")
    return KernelSource("fma_peak", source, (local,), (None, "float32"))


def peak(args: argparse.Namespace) -> dict[str, Any]:
    """Measure multiply-adds per second and the bandwidth of a copy."""
    device: Device = current_device()
    caps = device.caps
    kernel = device.build([fma_kernel(caps)])[0]
    items = caps.units * (16 if caps.plan_class == "cpu" else 4096)
    block = device.allocate(4 * items)
    lanes = 16 if caps.plan_class == "cpu" else 1
    seconds = best_seconds(lambda: kernel.launch((items,), (block.buffer, 1.0)), device.synchronize,
                           args.seconds, 1)
    gflops = 2.0 * items * lanes * FMA_CHAINS * FMA_STEPS / seconds / 1e9
    x = clnet.zeros(1 << 25)
    y = clnet.empty_like(x)
    copying = best_seconds(lambda: y.copy_(x), device.synchronize, args.seconds, 1)
    return {"fma_gflops": round(gflops, 1), "copy_gbytes_per_s": round(8.0 * (1 << 25) / copying / 1e9, 1)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for function in (ops, peak):
        command = commands.add_parser(function.__name__, help=function.__doc__)
        command.set_defaults(run=function)
        command.add_argument("--seconds", type=float, default=0.3, help="time for each measurement")
        command.add_argument("--json", metavar="FILE", help="also write the result to a file")
        if function is ops:
            command.add_argument("--filter", default="", metavar="REGEX", help="cases by name")
    args = parser.parse_args()
    device = current_device()
    result = {"device": device.caps.name, "platform": device.caps.platform,
              "driver": device.caps.driver_version, "clnet": clnet.version.CLNET, **args.run(args)}
    text = json.dumps(result, indent=2)
    print(text)
    if args.json:
        with open(args.json, "w") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
