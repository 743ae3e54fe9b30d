"""python -m fuzz.target FORMAT [libFuzzer's options] FOLDER...: fuzz one format, in this process, until it fails."""

from __future__ import annotations

import random
import sys

import atheris

with atheris.instrument_imports(include=["pyb3", "tests.support.oracle", "zipfile", "gzip", "csv", "json"]):
    from .targets import TARGETS


def main() -> None:
    """Hand the format's target over to libFuzzer."""
    name = sys.argv.pop(1)
    target = TARGETS[name]()

    def mutator(data: bytes, longest: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            return atheris.Mutate(data, longest)
        return target.changed(data, chance)[:longest]

    atheris.Setup(sys.argv, lambda data: target.check(data) and None, custom_mutator=mutator)
    atheris.Fuzz()


main()
