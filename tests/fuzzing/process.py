"""One parser in a process of its own, led by coverage or not: ``python -m tests.fuzzing.process``.

Led by it, atheris watches which lines an input reaches, and keeps the inputs that reach new ones. libFuzzer gives
nothing back, so the account goes to a file, and the process ends.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, Final

ACCOUNT: Final = "account.json"
CRASHES: Final = "crashes"
_BY_LIBFUZZER: Final = 0.4
"""Share of inputs that libFuzzer spoils itself."""
_NEVER: Final = ("-runs=-1", "-timeout=60", "-rss_limit_mb=0", "-verbosity=0")
"""Counting, time and memory are seen to here; a minute without an answer is beyond that."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--inputs", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--unguided", action="store_true")
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    """Tries inputs; the account goes into the folder, and inputs that fail beside it."""
    atheris: Any = None if options.unguided else import_module("atheris")
    watching: AbstractContextManager[Any] = nullcontext()
    if atheris is not None:
        watching = atheris.instrument_imports(include=["consentry"])
    with watching:
        from tests.fuzzing.course import Course, bounded, run_unguided  # noqa: PLC0415 - imported to be watched
        from tests.fuzzing.parsers import PARSERS  # noqa: PLC0415 - imported to be watched

    parser, folder = PARSERS[options.name], options.folder
    course = Course(parser, folder / CRASHES)

    def write_account() -> None:
        (folder / ACCOUNT).write_text(json.dumps(course.account.told(parser)), encoding="utf-8")

    folder.mkdir(parents=True, exist_ok=True)
    seeds = parser.seeds()
    if atheris is None:
        with bounded(memory=True):
            run_unguided(course, options.inputs, options.seed, options.seconds)
        write_account()
        return

    def one(content: bytes) -> None:
        course.try_input(content)
        if course.account.inputs >= options.inputs or course.account.seconds >= options.seconds:
            write_account()
            os._exit(0)

    with bounded(memory=True):
        course.warm_up(seeds)
        _lead(atheris, options, seeds, one)


def _lead(atheris: Any, options: argparse.Namespace, seeds: Any, one: Any) -> None:  # noqa: ANN401 - atheris has no types
    from tests.fuzzing.course import spoil  # noqa: PLC0415 - after what is watched
    from tests.fuzzing.parsers import PARSERS  # noqa: PLC0415 - after what is watched

    parser = PARSERS[options.name]
    corpus, crashes = options.folder / "corpus", options.folder / CRASHES
    for folder in (corpus, crashes):
        folder.mkdir(exist_ok=True)
    for number, content in enumerate(seeds):
        (corpus / f"seed-{number:03}").write_bytes(content)

    def mutate(content: bytes, largest: int, number: int) -> bytes:
        random = Random(number)
        if random.random() < _BY_LIBFUZZER:
            return bytes(atheris.Mutate(content, largest))
        return spoil(parser, content, random)[:largest]

    bounds = (f"-seed={options.seed + 1}", f"-max_len={parser.largest}", f"-artifact_prefix={crashes}/")
    atheris.Setup([sys.argv[0], *_NEVER, *bounds, str(corpus)], one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(_options())
