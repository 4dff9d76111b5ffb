#!/usr/bin/env python3
"""Tune clnet's kernels for a device: ``clnet tune`` from a checkout. See docs/tuning.md."""
from __future__ import annotations

import argparse
import sys

from clnet.tune import command


def main() -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
