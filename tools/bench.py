#!/usr/bin/env python3
"""Times clnet beside PyTorch, NumPy and, where it is installed, tinygrad; measures the devices' limits.

    python tools/bench.py peak                      multiply-adds per second, bandwidth of copies
    python tools/bench.py ops --filter matmul       operators, forward and backward
    python tools/bench.py dispatch                  calls on tiny tensors
    python tools/bench.py train                     training steps of five models
    python tools/bench.py show ops.json --markdown  a saved measurement again

Every library is measured in a process of its own, for clnet one per device of --devices; they take
turns for --rounds rounds.  A time is the one that a fifth of a round's are below, of the best
round; a ratio is PyTorch's time over clnet's (NumPy's where PyTorch is not measured or not
installed), above 1 if clnet is faster.  Results are compared as well: a case whose result differs
has no ratio.  Run it with nothing else running on the machine.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.benchmark import report  # noqa: E402
from tools.benchmark.library import NAMES, installed  # noqa: E402
from tools.benchmark.rounds import Subject, Table, run  # noqa: E402
from tools.benchmark.worker import Request  # noqa: E402

SECONDS = {"peak": 0.5, "ops": 0.6, "dispatch": 0.6, "train": 6.0}


def main() -> None:
    """The command line."""
    args = _parser().parse_args()
    if args.command == "show":
        tables = [Table.from_json(Path(file).read_text()) for file in args.files]
        if args.plot and len(tables) > 1:
            raise SystemExit("--plot draws one measurement at a time")
    else:
        tables = [_measure(args)]
        if args.json:
            Path(args.json).write_text(tables[0].as_json() + "\n")
    for table in tables:
        print(report.markdown(table) if args.markdown else report.text(table))
        if args.plot:
            from tools.benchmark.picture import draw  # needs matplotlib
            for path in draw(table, args.plot):
                print(f"drew {path}", file=sys.stderr)


def _measure(args: argparse.Namespace) -> Table:
    only_clnet = args.command == "peak"
    libraries = ["clnet"] if only_clnet else args.libraries.split(",") if args.libraries else installed()
    if args.command == "train":
        libraries = [name for name in libraries if name in ("torch", "clnet")]
    subjects = []
    for name in libraries:
        if name not in installed():
            raise SystemExit(f"{name} is not one of those installed: {', '.join(installed())}")
        devices = args.devices.split(",") if name == "clnet" and args.devices else [""]
        subjects += [Subject(name, device) for device in devices]
    seconds = SECONDS[args.command] if args.seconds is None else args.seconds
    request = Request("clnet", args.command, "" if only_clnet else args.filter, args.sizes, seconds,
                      args.torch_device)
    return run(subjects, request, args.rounds, args.timeout)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (("peak", "measure the limits of devices"), ("ops", "compare operators"),
                       ("dispatch", "compare calls on tiny tensors"), ("train", "compare training steps")):
        command = commands.add_parser(name, help=what)
        command.add_argument("--devices", default="", metavar="A,B",
                             help="clnet's devices, such as pocl,intel; otherwise the default one")
        command.add_argument("--rounds", type=int, default=3, help="rounds, of which the best counts (3)")
        command.add_argument("--seconds", type=float, help=f"for one case in one round ({SECONDS[name]})")
        command.add_argument("--sizes", choices=("cpu", "gpu", "tiny"), default="cpu",
                             help="sizes of the cases: for CPUs, for GPUs, or for trying the tool")
        command.add_argument("--timeout", type=float, default=3600, help="seconds that one process may take")
        command.add_argument("--json", metavar="FILE", help="save the measurement")
        command.add_argument("--torch-device", default="cpu", metavar="DEVICE",
                             help="where PyTorch computes: cpu or cuda")
        if name != "peak":
            command.add_argument("--filter", default="", metavar="REGEX", help="cases by name")
            command.add_argument("--libraries", default="", metavar="A,B",
                                 help=f"of {', '.join(NAMES)}; otherwise all that are installed")
        _output(command)
    show = commands.add_parser("show", help="show saved measurements")
    show.add_argument("files", nargs="+", metavar="FILE")
    _output(show)
    return parser


def _output(command: argparse.ArgumentParser) -> None:
    command.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    command.add_argument("--plot", metavar="FILE",
                         help="draw it, for ops a roofline as well; needs matplotlib")


if __name__ == "__main__":
    main()
