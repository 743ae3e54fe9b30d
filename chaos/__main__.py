"""python -m chaos [--only NAME] [--runs N] [--seed N]: run the campaign, and write its table into the page."""

from __future__ import annotations

import argparse
import signal
import sys
import time

from . import report
from .scenarios import SCENARIOS


def main() -> None:
    """Run what is asked for; ends in 1 where a promise was broken, and then writes nothing."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), help="this scenario; may be repeated")
    parser.add_argument("--runs", type=int, help="how often, instead of each scenario's own number")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other moments (0)")
    parser.add_argument("--no-page", action="store_true", help="print the table alone")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers are stopped on the way out
    results: list[report.Result] = []
    broken = False
    for name in chosen.only or SCENARIOS:
        scenario, runs = SCENARIOS[name]
        began = time.monotonic()
        try:
            found = scenario(chosen.runs or runs, chosen.seed)
        except Exception as error:  # the outermost frame: the other scenarios go on
            broken = True
            print(f"{name}: BROKEN with --seed {chosen.seed}: {type(error).__name__}: {error}", flush=True)
            continue
        results += found
        for result in found:
            print(result.line(), end="", flush=True)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if not (broken or chosen.no_page):
        report.write(results, whole=not chosen.only)
    sys.exit(broken)


main()
