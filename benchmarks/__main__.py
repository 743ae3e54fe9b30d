"""python -m benchmarks [FIGURE ...] [--rows N] [--runs N]: print the figures, the floor beside ours."""

from __future__ import annotations

import argparse

from . import figures, peers
from .machine import Server


def main() -> None:
    """Measure what is asked for, and print a row for each."""
    names = [*figures.ALL, "peers"]
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    arguments.add_argument("figure", nargs="*", choices=[*names, []], help=f"of: {', '.join(names)} (all)")
    arguments.add_argument("--rows", type=int, default=2_500_000, help="rows of a year (2,500,000)")
    arguments.add_argument("--runs", type=int, default=5, help="runs whose median is told (5)")
    chosen = arguments.parse_args()
    figures.prepared()
    server = Server()
    for name in chosen.figure or names:
        figure = peers.peers if name == "peers" else figures.ALL[name]
        print(f"\n{name}: {figure.__doc__}")
        for what, measured, against in figure(server, chosen.rows, chosen.runs):
            print(f"  {what:45} {measured:75} {against}", flush=True)


main()
