"""Recordings as JSON: Chrome's trace format and the memory timeline."""
from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

from .recorder import Recorder

_CATEGORIES = {"operator": "cpu_op", "module": "python_function", "node": "cpu_op", "user": "user_annotation",
               "step": "user_annotation"}


def chrome_events(recorder: Recorder) -> list[dict[str, Any]]:
    """The recording in the Trace Event Format: host threads, devices and memory, in microseconds."""
    process = os.getpid()
    made: list[dict[str, Any]] = []
    tracks: dict[str, int] = {}

    def track(device: str) -> int:
        return tracks.setdefault(device, len(tracks))

    flow = 0
    for e in recorder.events:
        args: dict[str, Any] = {}
        if e.shapes:
            args["Input Dims"] = [list(s) for s in e.shapes]
        if e.module and e.kind != "module":
            args["Module"] = e.module
        if e.flops:
            args["Flops"] = e.flops
        if e.source:
            args["Call stack"] = e.source
        made.append({"ph": "X", "cat": _CATEGORIES[e.kind], "name": e.name, "pid": process, "tid": e.thread,
                     "ts": e.start / 1e3, "dur": e.host_ns / 1e3, "args": args})
        for k in e.kernels:
            if not k.end:
                continue
            flow += 1
            made.append({"ph": "s", "id": flow, "cat": "launch", "name": "launch", "pid": process,
                         "tid": e.thread, "ts": e.start / 1e3})
            made.append({"ph": "f", "bp": "e", "id": flow, "cat": "launch", "name": "launch",
                         "pid": process + 1, "tid": track(k.device), "ts": k.start / 1e3})
    kernels = [k for e in recorder.events for k in e.kernels] + recorder.orphans
    for k in kernels:
        if k.end:
            made.append({"ph": "X", "cat": "kernel", "name": k.name, "pid": process + 1,
                         "tid": track(k.device), "ts": k.start / 1e3, "dur": (k.end - k.start) / 1e3,
                         "args": {"device": k.device, "grid": list(k.global_size)}})
    for device, points in memory_timeline(recorder).items():
        for at, total in points:
            made.append({"ph": "C", "name": f"memory of {device}", "pid": process, "ts": at,
                         "args": {"bytes": total}})
    names = [(process, "process_name", 0, "host"), (process + 1, "process_name", 0, "devices")]
    names += [(process + 1, "thread_name", number, device) for device, number in tracks.items()]
    made += [{"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {"name": name}}
             for pid, what, tid, name in names]
    return made


def memory_timeline(recorder: Recorder) -> dict[str, list[tuple[float, int]]]:
    """Per device: (microseconds, bytes in use from then on)."""
    lines: dict[str, list[tuple[float, int]]] = {}
    for a in recorder.allocations:
        line = lines.setdefault(a.device, [])
        before = line[-1][1] if line else recorder.memory_at_start.get(a.device, 0)
        line.append((a.time / 1e3, before + a.nbytes))
    return lines


def write_json(path: Any, content: Any) -> None:
    """Write JSON; compressed if the name ends in .gz."""
    data = json.dumps(content).encode()
    Path(path).write_bytes(gzip.compress(data) if str(path).endswith(".gz") else data)
