"""A desk with key files, where commands are typed and what they answered is kept as a transcript."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from consentry.demo.network import HOSPITALS, PROVINCES, QUICK, Network, officers_of

A, B = (party.name for party in HOSPITALS)
SETTINGS = {**QUICK, "recoveryDelay": 60}
"""Of the deployment: a recovery is public for a minute, not for a week."""
WIDTH = 120
_HEX = re.compile(r"0x([0-9a-f]{6})[0-9a-f]{10,}(?:…)?")
_DECIMAL = re.compile(r"\b([0-9]{6})[0-9]{30,}\b")
_RECEIPT = re.compile(r"\s*(transactionHash|block|blockNumber|blockHash|blockTime|logIndex|finality|gasUsed): .*")
_NAMED = re.compile(r"[a-zA-Z]+: ")
_GAP = re.compile(r"\s{2,}")


class PlayError(Exception):
    """A command did not end as the play expects. Caller: print the message and exit with 1."""


class Desk:
    """Types commands in a folder and keeps them with their output.

    Args:
        folder: with key files and records, where the commands run.
        environment: of the commands.
        addresses: of institutions and authorities, by the name of their key files.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], addresses: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._addresses = addresses
        self.known: dict[str, str] = {}
        self._lines: list[str] = []
        self._in_console = False

    def address(self, name: str) -> str:
        """Gives the address of an institution or authority."""
        return self._addresses[name]

    def rule(self, number: int, title: str, shown: str) -> None:
        """Begins the section of a rule, with one sentence on what is shown."""
        self.section(f"{number}. {title}", shown)

    def section(self, title: str, shown: str) -> None:
        """Begins a section."""
        self._leave_console()
        self._lines += ["", f"## {title}", "", *textwrap.wrap(shown, WIDTH)]

    def do(self, line: str) -> str:
        """Runs a command line that the transcript leaves out; gives what it answered."""
        kept = len(self._lines), self._in_console
        answered = self.type(line)
        self._lines, self._in_console = self._lines[: kept[0]], kept[1]
        return answered

    def say(self, text: str) -> None:
        """Puts a sentence between two commands."""
        self._leave_console()
        self._lines += ["", *textwrap.wrap(text, WIDTH)]

    def type(self, line: str, *, status: int = 0, cut: bool = False) -> str:
        """Runs a command line; gives what it answered.

        Args:
            line: as a person types it.
            status: it has to end with.
            cut: whether the transcript leaves out all but the first line and what follows the last empty one.

        Raises:
            PlayError: it ended otherwise, or a refusal took more than one line.
        """
        done = subprocess.run(
            ["bash", "-c", line],
            env=dict(self._environment),
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        sys.stdout.write(f"$ {line}\n{done.stdout}{done.stderr}")
        sys.stdout.flush()
        if done.returncode != status or len(done.stderr.splitlines()) > 1:
            raise PlayError(f"{line}: ended with {done.returncode}, not {status}: {done.stdout}{done.stderr}")
        self._enter_console()
        self._lines += [*_wrapped(shortened(line)), *_answer(done.stdout, cut=cut), *_answer(done.stderr)]
        if status:
            self._lines.append(f"[exit code {status}]")
        return done.stdout

    def take(self, name: str, line: str, *, cut: bool = False) -> str:
        """Runs a command line; gives one named value of its answer."""
        return value(name, self.type(line, cut=cut))

    def text(self) -> str:
        """Gives the transcript."""
        self._leave_console()
        return "\n".join(self._lines) + "\n"

    def _enter_console(self) -> None:
        if not self._in_console:
            self._lines += ["", "```console"]
        self._in_console = True

    def _leave_console(self) -> None:
        if self._in_console:
            self._lines.append("```")
        self._in_console = False


def value(name: str, answered: str) -> str:
    """Gives a named value of an answer.

    Raises:
        PlayError: there is none.
    """
    found = re.search(rf"^ *{name}: (\S+)$", answered, re.MULTILINE)
    if found is None:
        raise PlayError(f"there is no {name} in: {answered}")
    return found[1]


def shortened(text: str) -> str:
    """Shortens hashes, addresses and request ids to their first six digits."""
    return _DECIMAL.sub(r"\1…", _HEX.sub(r"0x\1…", text))


def _wrapped(line: str) -> list[str]:
    """Breaks a long command line before its options."""
    broken = [""]
    for part in re.split(r" (?=--)", line):
        joined = f"{broken[-1]} {part}".strip()
        if len(joined) > WIDTH - 6 and broken[-1]:
            broken.append(part)
        else:
            broken[-1] = joined
    ends = [" \\"] * (len(broken) - 1) + [""]
    return [start + part + end for start, part, end in zip(["$ "] + ["    "] * len(broken), broken, ends, strict=False)]


def _answer(text: str, *, cut: bool = False) -> Iterator[str]:
    lines = [line for line in text.rstrip().splitlines() if not _RECEIPT.fullmatch(line)]
    if cut and "" in lines:
        last = lines[len(lines) - lines[::-1].index("") :]
        lines = [lines[0], "…", *(line for line in last if _NAMED.match(line))]
    if lines and _GAP.search(lines[0].strip()) and ": " not in lines[0]:
        lines = _table(lines)
    for line in lines:
        yield shortened(line).rstrip()


def _table(lines: list[str]) -> list[str]:
    """Sets a table anew with its ids shortened: columns start where the headings do."""
    starts = [found.start() for found in re.finditer(r"(?:(?<=^)|(?<=\s\s))\S", lines[0])]
    ends = [*starts[1:], None]
    cells = [[shortened(line[a:b].strip()) for a, b in zip(starts, ends, strict=True)] for line in lines]
    widths = [max(len(row[place]) for row in cells) for place in range(len(starts))]
    return ["  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)) for row in cells]


@contextmanager
def open_desk(folder: Path) -> Iterator[Desk]:
    """Starts a chain and the gateway of hospital A, and gives a desk before it with the key files of everybody."""
    network = Network(folder / "network")
    try:
        url = network.start_chain().url or ""
        asyncio.run(network.deploy(SETTINGS))
        gateway = network.start_gateway(A).url
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTRY_")} | {
            "CONSENTRY_STATE_DIR": str(network.folder(B)),
            "CONSENTRY_MANIFEST": str(network.manifest_path),
            "CONSENTRY_GATEWAY_URL": gateway,
            "CONSENTRY_NODE_URL": url,
            "NO_COLOR": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        place = folder / "desk"
        place.mkdir()
        yield Desk(place, environment, _lay_out(network, place))
    finally:
        network.stop()


def _lay_out(network: Network, place: Path) -> dict[str, str]:
    """Copies key files to the desk; gives the addresses they stand for."""
    officers = [name for authority in ("national", *(name for name, _ in PROVINCES)) for name in officers_of(authority)]
    for name in (A, B, *officers):
        shutil.copy(network.state / "keys" / name, place / f"{name}.key")
    for name in (A, B):
        shutil.copy(network.state / "keys" / f"{name}-release", place / f"{name}.release")
    return {name: "0x" + network.key(name).address.hex() for name in (A, B, *officers)}
