"""What a device can do at most: multiply-adds per second, and the bandwidth of copies."""
from __future__ import annotations

import clnet
from clnet.core.caps import DeviceCaps
from clnet.core.program import KernelSource
from clnet.device import Device, current_device
from tools.benchmark.clock import best_seconds

CHAINS = 12
"""Independent sums: enough to hide the latency of two units, few enough for 16 registers' worth."""
STEPS = 4096


def measure(seconds: float, sizes: str) -> dict[str, float]:
    """``fma_gflops``, and ``copy_N_mib`` in GB/s for two arrays of N MiB, reads and writes counted."""
    device = current_device()
    found = {"fma_gflops": round(max(_fma(device, lanes, seconds) for lanes in _vectors(device.caps)), 1)}
    for count in {"tiny": (1 << 18,), "cpu": (1 << 22, 1 << 25)}.get(sizes, (1 << 22, 1 << 28)):
        found[f"copy_{count >> 18}_mib"] = round(_copy(device, count, seconds), 2)
    return found


def _copy(device: Device, count: int, seconds: float) -> float:
    """GB/s of copying so many floats."""
    source = clnet.zeros(count)
    target = clnet.empty_like(source)
    return 8.0 * count / best_seconds(lambda: target.copy_(source), device.synchronize, seconds) / 1e9


def _vectors(caps: DeviceCaps) -> tuple[int, ...]:
    """Vector lengths to try: on CPUs the registers' may be 8 or 16 numbers."""
    return (8, 16) if caps.plan_class == "cpu" else (1,)


def _fma(device: Device, lanes: int, seconds: float) -> float:
    """GFLOP/s with vectors of ``lanes`` numbers."""
    caps = device.caps
    items = caps.units * (16 if caps.plan_class == "cpu" else 4096)
    kernel = device.build([_kernel(caps, lanes)])[0]
    block = device.allocate(4 * items)
    taken = best_seconds(lambda: kernel.launch((items,), (block.buffer, 1.0)), device.synchronize, seconds)
    return 2.0 * items * lanes * CHAINS * STEPS / taken / 1e9


def _kernel(caps: DeviceCaps, lanes: int) -> KernelSource:
    """Chains of multiply-adds in registers; one number per work-item is written."""
    vector = "float" if lanes == 1 else f"float{lanes}"
    local = 1 if caps.plan_class == "cpu" else min(64, caps.max_work_group_size)
    chains = range(CHAINS)
    body = "\n".join([
        *[f"    {vector} c{k} = ({vector})(seed + {k});" for k in chains],
        f"    for (int i = 0; i < {STEPS}; ++i) {{",
        *[f"        c{k} = fma(c{k}, ({vector})(0.999f), ({vector})(0.001f));" for k in chains],
        "    }",
        f"    const {vector} sum = {' + '.join(f'c{k}' for k in chains)};",
        f"    y[get_global_id(0)] = {'sum' if lanes == 1 else f'sum.s0 + sum.s{lanes - 1:x}'};"])
    name = f"fma_peak_{lanes}"
    source = (f"__kernel __attribute__((reqd_work_group_size({local}, 1, 1)))\n"
              f"void {name}(__global float *y, float seed) {{\n{body}\n}}\n")
    return KernelSource(name, source, (local,), (None, "float32"))
