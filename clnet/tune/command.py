"""The command ``clnet tune``."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..core import tuned
from ..core.errors import DeviceError
from ..core.tuned import Entry, Machine
from ..device import Device
from .bench import DeviceBench
from .general import general_entries
from .journal import Journal, journal_file
from .plot import plot
from .problem import Problem, dtype_of
from .space import Space, Variant
from .standard import PROBLEMS, problems
from .store import export_entries, import_entries, outdated, save_entries
from .strategy import STRATEGIES, Strategy, after, given
from .tuner import Outcome, tune

_DESCRIPTION = """Measure what planners may choose on a device, and keep what is best in the user's database.
Entries that another driver was measured with are verified anew first. A search that was killed goes on where
it was."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = _DESCRIPTION
    parser.add_argument("families", metavar="FAMILY", nargs="*", help=f"of {', '.join(PROBLEMS)}; all if none is named")
    parser.add_argument("--sizes", nargs="+", default=[], metavar="SIZE",
                        help="problems, such as 512 or 128x512x784 (matmul), n32c64h32o64k3p1 (conv), 64x4096")
    parser.add_argument("--dtype", default="float32", help="element type of the problems (default float32)")
    parser.add_argument("--device", default=None, help="device to tune, such as cuda:0 or pocl")
    parser.add_argument("--budget", type=float, default=600.0, metavar="SECONDS",
                        help="time for all problems together (default 600)")
    parser.add_argument("--strategy", choices=list(STRATEGIES), default="coordinate", help="how to search")
    parser.add_argument("--seed", type=int, default=0, help="of the strategy's random choices")
    parser.add_argument("--fresh", action="store_true", help="measure anew what earlier searches measured")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw time against each parameter (needs matplotlib)")
    parser.add_argument("--show", action="store_true", help="print the database and its digest, and tune nothing")
    parser.add_argument("--export", type=Path, metavar="FILE", help="write the user's entries, and tune nothing")
    parser.add_argument("--import", dest="take", type=Path, metavar="FILE",
                        help="take a file's entries into the user's database, and tune nothing")
    parser.add_argument("--generalize", type=Path, nargs="*", metavar="JOURNAL",
                        help="from this machine's journal and others' choose values that are good on all their "
                        "devices, for devices not tuned, and tune nothing")
    parser.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    """Perform the command; 1 if something was wrong, 2 for wrong arguments."""
    try:
        if args.export:
            print(f"{export_entries(args.export)} entries written to {args.export}")
        elif args.take:
            print(f"{import_entries(args.take)} entries taken into {tuned.user_file()}")
        elif args.show:
            show()
        elif args.generalize is not None:
            caps = Device(args.device).caps
            entries = general_entries([p for p in (journal_file(),) if p.exists()] + args.generalize, caps)
            print(f"{len(entries)} entries for devices not tuned are kept in {save_entries(entries)}")
        else:
            return _tune(args)
    except (OSError, ValueError, TypeError, DeviceError) as error:
        print(f"clnet tune: {error}", file=sys.stderr)
        return 2
    return 0


def show() -> None:
    """Print the database that planners read here."""
    database = tuned.database()
    print(f"digest {database.digest}, {len(database.entries)} entries; the user's are in {tuned.user_file()}")
    for e in sorted(database.entries, key=lambda e: (e.machine.name, e.machine.platform, e.key)):
        choice = ", ".join(f"{k}={v}" for k, v in e.choice.items()) or "the model's choice"
        where = ", ".join(v for v in (e.machine.name, e.machine.platform, e.machine.driver) if v)
        time = f"{e.time_us:.1f} us, " if e.machine.name else ""
        print(f"{e.family} [{e.kind}] {'x'.join(map(str, e.sizes))}: {choice}; {time}{_gain(e)} "
              f"({where or e.machine.type or 'any device'})")


def _gain(e: Entry) -> str:
    return f"{e.default_us / e.time_us:.2f} times the model's speed" if e.choice and e.time_us else "as the model"


def _tune(args: argparse.Namespace) -> int:
    folder = tuned.user_file().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.joinpath(".probe").touch()
        folder.joinpath(".probe").unlink()
    except OSError as error:
        raise ValueError(f"results cannot be kept in {folder} ({error}); set CLNET_CACHE_DIR to a folder that can be "
                         "written") from None
    device = Device(args.device)
    work: list[tuple[Problem, Strategy]] = _to_verify(device)
    known, strategy = _known(tuned.database().entries), STRATEGIES[args.strategy]
    work += [(p, after(known.get(p.text, []), strategy))
             for p in problems(args.families, args.sizes, dtype_of(args.dtype)) if Space.of(p, device.caps).size > 1]
    journal = Journal.of(device.caps, resume=not args.fresh)
    outcomes, failures = _search(work, device, journal, args.budget, args.seed)
    for text in failures:
        print(text, file=sys.stderr)
    if outcomes:
        print(f"{len(outcomes)} problems on {device.caps.name} ({device.caps.platform}): the best plans take "
              f"{_mean_ratio(outcomes):.2f} of the model's time in the geometric mean; kept in {tuned.user_file()}")
    if args.plot:
        plot(outcomes, args.plot)
        print(f"the searches are drawn in {args.plot}")
    return 1 if failures else 0


def _to_verify(device: Device) -> list[tuple[Problem, Strategy]]:
    """Problems whose entries another driver was measured with, each with the search that tries these."""
    work = []
    for text, variants in _known(outdated(device.caps)).items():
        try:
            work.append((Problem.parse(text), given(variants)))
        except ValueError:  # of an operator that is no more
            continue
    return work


def _known(entries: Iterable[Entry]) -> dict[str, list[Variant]]:
    """Of each problem what was best on each machine."""
    found: dict[str, dict[Machine, Variant]] = {}
    for e in entries:
        values = found.setdefault(e.problem, {}).setdefault(e.machine, {})
        values.update({(e.family, name): value for name, value in e.choice.items()})
    return {text: list(variants.values()) for text, variants in found.items()}


def _search(work: Sequence[tuple[Problem, Strategy]], device: Device, journal: Journal, budget: float,
            seed: int) -> tuple[list[Outcome], list[str]]:
    outcomes, failures = [], []
    with tqdm(total=len(work), unit="problem", file=sys.stderr) as bar:
        left = budget
        for position, (problem, strategy) in enumerate(work):
            if left <= 0:
                tqdm.write(f"{len(work) - position} problems are left, for time ran out; the command again goes on")
                break
            bar.set_description(problem.op.name.strip("_"))
            before = bar.format_dict["elapsed"]
            try:
                outcome = tune(problem, device.caps, DeviceBench(problem, device), strategy, journal=journal, seed=seed,
                               seconds=left / (len(work) - position), progress=partial(_show_progress, bar))
                if outcome.records or outcome.complete:  # else nothing was learnt
                    save_entries(outcome.entries(device.caps))
                outcomes.append(outcome)
                tqdm.write(_line(outcome))
            except (RuntimeError, ValueError, IndexError) as error:
                failures.append(f"{problem.text}: {error}")
            left = max(0.0, left - (bar.format_dict["elapsed"] - before))
            bar.update()
    return outcomes, failures


def _show_progress(bar: Any, outcome: Outcome) -> None:
    bar.set_postfix(tried=len(outcome.records), best=f"{outcome.cost:.2f}", refresh=False)
    bar.update(0)


def _line(outcome: Outcome) -> str:
    choice = ", ".join(f"{p}={v}" for (_, p), v in outcome.best.items()) or "the model's choice"
    wrong = sum(r.status == "wrong" for r in outcome.records)
    failed = sum(r.status == "failed" for r in outcome.records)
    notes = "".join([f", {wrong} gave wrong results" if wrong else "", f", {failed} failed" if failed else ""])
    return (f"{outcome.problem.text}\n  {outcome.default_us:.1f} us -> {outcome.default_us * outcome.cost:.1f} us: "
            f"{choice} ({len(outcome.records)} tried{notes}{'' if outcome.complete else ', time ran out'})")


def _mean_ratio(outcomes: Sequence[Outcome]) -> float:
    product = 1.0
    for o in outcomes:
        product *= o.cost ** (1 / len(outcomes))
    return product
