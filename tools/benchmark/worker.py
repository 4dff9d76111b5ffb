"""One process of a comparison: measures one library on one device, and writes JSON lines.

    python -m tools.benchmark.worker '{"library": "clnet", "kind": "ops", ...}'

The first line describes the library, every further one a case: seconds and a digest, or an error.
"""
from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tools.benchmark.case import Case
from tools.benchmark.clock import durations, typical_seconds
from tools.benchmark.dispatch import dispatches
from tools.benchmark.library import Library
from tools.benchmark.operators import operators
from tools.benchmark.training import Workload, training_step, workloads


@dataclass(frozen=True)
class Request:
    """What to measure. ``kind`` is "ops", "dispatch", "train" or "peak"."""

    library: str
    kind: str
    filter: str = ""
    sizes: str = "cpu"
    seconds: float = 0.6
    place: str = "cpu"

    def text(self) -> str:
        """As a command line's argument."""
        return json.dumps(asdict(self))


def cases(kind: str, sizes: str) -> list[Case]:
    """The cases of "ops" or "dispatch"; the other kinds have none."""
    made = {"ops": operators, "dispatch": dispatches}.get(kind)
    return made(sizes) if made else []


def digest(arrays: list[np.ndarray]) -> list[list[Any]]:
    """Shape, mean, spread and 64 elements of each: enough to tell a wrong result."""
    found = []
    for array in arrays:
        flat = array.reshape(-1).astype(np.float64)
        few = flat[np.linspace(0, flat.size - 1, min(64, flat.size)).astype(int)]
        found.append([list(array.shape), float(flat.mean()), float(flat.std()), few.tolist()])
    return found


def answer(request: Request) -> Iterator[dict[str, Any]]:
    """The lines."""
    library = Library.load(request.library, request.place)
    yield {"about": library.about()}
    if request.kind == "peak":
        from tools.benchmark.peak import measure  # imports clnet, which other libraries' processes do not
        yield {"peaks": measure(request.seconds, request.sizes)}
        return
    if request.kind == "train":
        for workload in workloads(request.sizes):
            if re.search(request.filter, workload.name):
                yield _guarded(workload.name, lambda w=workload: _train(library, w, request.seconds))
        return
    for case in cases(request.kind, request.sizes):
        if re.search(request.filter, case.name) and case.function(library.name) is not None:
            line = _guarded(case.name, lambda c=case: _time(library, c, request.seconds))
            if "seconds" in line or "error" in line:
                yield line


def _guarded(name: str, measure: Any) -> dict[str, Any]:
    try:
        return {"case": name, **measure()}
    except Exception as error:  # whatever a library raises is its result for this case
        return {"case": name, "error": f"{type(error).__name__}: {error}".splitlines()[0][:160]}


def _time(library: Library, case: Case, seconds: float) -> dict[str, Any]:
    made = library.call(case)
    if made is None:
        return {}
    call, leaves = made
    result = call()
    results = [result] if not isinstance(result, tuple) else list(result)
    found = digest([library.array(t) for t in results + [leaf.grad for leaf in leaves]])

    def forget() -> None:
        library.wait()
        for leaf in leaves:
            leaf.grad = None

    forget()
    return {"seconds": typical_seconds(durations(call, forget, seconds, case.calls)), "digest": found}


def _train(library: Library, workload: Workload, seconds: float) -> dict[str, Any]:
    module = library.module
    module.manual_seed(0)
    model = workload.build(module)
    if library.place != "cpu":
        model = model.to(library.place)
    batches = [tuple(t.to(library.place) if library.place != "cpu" else t for t in batch)
               for batch in workload.batches(module, 4)]
    step = training_step(module, model)
    start = time.perf_counter()
    step(*batches[0])
    first = time.perf_counter() - start
    turn = iter(range(1 << 30))
    # Reading the loss waits.
    times = durations(lambda: step(*batches[next(turn) % 4]), lambda: None, seconds, most=60)
    return {"seconds": typical_seconds(times), "first": first}


def main() -> None:
    """Answer the request of the command line."""
    for line in answer(Request(**json.loads(sys.argv[1]))):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
