"""Runs inputs through a parser and keeps account: how many, how fast, what was taken in, what went wrong."""

from __future__ import annotations

import hashlib
import math
import resource
import signal
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, Final

from tests.fuzzing.mutators import blindly
from tests.fuzzing.parser import MEBIBYTES, SECONDS, Parser

_MEBIBYTE: Final = 1 << 20
_SPOILT_BLINDLY: Final = 0.3
_FROM_FOUND: Final = 0.2
_MOST_FOUND: Final = 200
"""Inputs kept beside the seeds, because the parser took them in."""


class HangError(BaseException):
    """An input takes longer than any may; no parser shall mistake it for an error of its own."""


@dataclass(slots=True)
class Account:
    """What came of a run.

    Attributes:
        inputs: how many were tried.
        accepted: of how many the parser made something.
        seconds: of processor time since the start, that for making inputs included.
        slowest: of processor time, for one input.
        crashes: by what they have in common, the first input that led to each.
        repeated: further inputs that led to one of these.
    """

    inputs: int = 0
    accepted: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    crashes: dict[str, bytes] = field(default_factory=dict)
    repeated: int = 0

    def told(self, parser: Parser) -> dict[str, Any]:
        """Gives it as JSON."""
        rate = round(self.inputs / self.seconds) if self.seconds else 0
        return {
            "parser": parser.name,
            "inputs": self.inputs,
            "perSecond": rate,
            "accepted": self.accepted,
            "slowestMs": round(self.slowest * 1000, 1),
            "crashes": {what: content.hex() for what, content in self.crashes.items()},
            "repeated": self.repeated,
        }


def _hang(_signal: int, _frame: FrameType | None) -> None:
    raise HangError(f"input takes more than {SECONDS} s of processor time")


def _name_of(error: BaseException) -> str:
    """Names a crash by what was raised and where."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    ours = [frame for frame in frames if "consentry" in frame.filename] or frames
    place = f"{Path(ours[-1].filename).name}:{ours[-1].name}" if ours else "nowhere"
    return f"{type(error).__name__} in {place}"


class Course:
    """One parser under test; `try_input` takes any bytes."""

    def __init__(self, parser: Parser, keep: Path | None = None) -> None:
        """Takes the parser, and a folder for inputs it fails on, if they are to be kept."""
        self.parser = parser
        self.account = Account()
        self._began = time.process_time()
        self._keep = keep

    def warm_up(self, seeds: Sequence[bytes]) -> None:
        """Reads the seeds once without an account: what is loaded at a first call is no matter of the input."""
        for content in seeds:
            with suppress(Exception):  # what else comes out of it is told when it counts
                self.parser.read(content)
        self._began = time.process_time()

    def try_input(self, content: bytes) -> bool:
        """Runs one input; gives whether the parser made something of it."""
        account, is_accepted = self.account, False
        began = time.thread_time()
        try:
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            try:
                self.parser.read(content)
                is_accepted = True
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        except self.parser.allowed:
            pass
        except (Exception, HangError) as error:  # noqa: BLE001 - whatever else comes out is what is looked for
            self._crashed(_name_of(error), content)
        took = time.thread_time() - began
        account.inputs += 1
        account.accepted += is_accepted
        account.seconds = time.process_time() - self._began
        account.slowest = max(account.slowest, took)
        return is_accepted

    def _crashed(self, name: str, content: bytes) -> None:
        if name in self.account.crashes:
            self.account.repeated += 1
            if len(content) >= len(self.account.crashes[name]):
                return
        self.account.crashes[name] = content
        if self._keep is not None:
            self._keep.mkdir(parents=True, exist_ok=True)
            (self._keep / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)


@contextmanager
def bounded(*, memory: bool) -> Iterator[None]:
    """Has an input that takes too long be interrupted and, if wanted, one that takes too much memory fail."""
    earlier = signal.signal(signal.SIGPROF, _hang)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    try:
        if memory:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            most = pages * resource.getpagesize() + MEBIBYTES * _MEBIBYTE
            resource.setrlimit(resource.RLIMIT_AS, (most, limits[1]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a library's warning about a broken file is no finding
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGPROF, earlier)


def spoil(parser: Parser, content: bytes, random: Random) -> bytes:
    """Makes another input of one, by one of the parser's mutators or blindly."""
    blind = not parser.mutators or random.random() < _SPOILT_BLINDLY
    return (blindly if blind else random.choice(parser.mutators))(content, random)[: parser.largest]


def run_unguided(course: Course, inputs: int, seed: int, seconds: float = math.inf) -> None:
    """Tries every seed, and then so many inputs made of seeds and of inputs that were taken in.

    Args:
        course: the parser and its account.
        inputs: how many to try.
        seed: of what is drawn.
        seconds: of processor time after which it ends early.
    """
    parser, random = course.parser, Random(seed)
    seeds, found = [*parser.seeds()], list[bytes]()
    course.warm_up(seeds)
    for content in seeds:
        course.try_input(content)
    while course.account.inputs < inputs and course.account.seconds < seconds:
        known = found if found and random.random() < _FROM_FOUND else seeds
        content = spoil(parser, random.choice(known), random)
        if course.try_input(content) and content not in known[-1:]:
            found[random.randrange(_MOST_FOUND) if len(found) >= _MOST_FOUND else len(found) :][:1] = [content]
