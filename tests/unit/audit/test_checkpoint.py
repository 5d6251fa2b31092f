"""Checkpoints of an audit: only those the same auditor wrote are taken up, and reading one changes nothing."""

from __future__ import annotations

import hmac
import pickle
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import consentry
from consentry.audit.audit import Audit
from consentry.audit.checkpoint import Checkpoints, Saved
from consentry.audit.findings import Kind, Report
from consentry.audit.parts import PartWriter
from consentry.audit.replay import Replay
from consentry.audit.unread import Unread
from consentry.errors import ConfigurationError
from tests.support.memory_reader import honest_story

KEY = bytes(range(32))
HEAD = f"consentry.audit-checkpoint/v4 of {consentry.__version__}\n".encode()
MAC_SIZE = 32


def sealed(content: bytes, key: bytes = KEY) -> bytes:
    return content + hmac.digest(key, content, "sha256")


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """The checkpoint of an audit that found nothing."""
    path = tmp_path / "checkpoint"
    await Audit(honest_story().reader(), checkpoints=Checkpoints(path, KEY)).run()
    return path


def state_in(path: Path) -> bytes:
    content = path.read_bytes()
    assert content.startswith(HEAD)
    assert content == sealed(content[:-MAC_SIZE])
    return content[len(HEAD) : -MAC_SIZE]


def refused(path: Path, said: str, key: bytes = KEY) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Checkpoints(path, key).load()


def test_checkpoint_reads_back_and_its_owner_alone_can_read_it(path: Path) -> None:
    saved = Checkpoints(path, KEY).load()
    assert isinstance(saved, Saved)
    assert saved.replay.state.records == honest_story().state.records
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["checkpoint"]


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "checkpoint", KEY).load() is None


async def test_checkpoint_that_another_key_sealed_is_refused_by_the_audit(path: Path) -> None:
    forged = Checkpoints(path, bytes(32))
    saved = Checkpoints(path, KEY).load()
    assert saved is not None
    forged.save(replace(saved, unread=Unread()))
    with pytest.raises(ConfigurationError, match="remove it to start anew"):
        await Audit(honest_story().reader(), checkpoints=Checkpoints(path, KEY)).run()


@pytest.mark.parametrize("where", [0, len(HEAD), -MAC_SIZE - 1, -MAC_SIZE, -1])
def test_damaged_checkpoint_is_refused(path: Path, where: int) -> None:
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    refused(path, "remove it to start anew")


@pytest.mark.parametrize("size", [0, 1, MAC_SIZE, MAC_SIZE + 1, 500])
def test_checkpoint_that_was_cut_is_refused(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])
    refused(path, "remove it to start anew")


@pytest.mark.parametrize(
    "head",
    [HEAD.replace(b"/v4", b"/v3"), HEAD.replace(consentry.__version__.encode(), b"0.0.9"), HEAD[:-1], b""],
)
def test_checkpoint_of_another_version_is_refused(path: Path, head: bytes) -> None:
    path.write_bytes(sealed(head + state_in(path)))
    refused(path, "version of checkpoint .* does not match .* remove it to start anew")


def test_what_lies_in_the_way_of_a_checkpoint_is_not_written_through(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    elsewhere.write_bytes(b"kept")
    path.with_name("checkpoint.unfinished").symlink_to(elsewhere)
    saved = Checkpoints(path, KEY).load()
    assert saved is not None
    Checkpoints(path, KEY).save(saved)
    assert elsewhere.read_bytes() == b"kept"
    assert not path.is_symlink()


class Made:
    """Would make something when it is read."""

    def __init__(self, maker: Callable[..., Any], *given: object) -> None:
        self.made = maker, given

    def __reduce__(self) -> tuple[Any, ...]:
        return self.made


@pytest.mark.parametrize("maker", [Path.touch, PartWriter, Checkpoints, Report])
def test_checkpoint_that_makes_something_is_refused(tmp_path: Path, maker: Callable[..., Any]) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(sealed(HEAD + pickle.dumps(Made(maker, tmp_path / "made"))))
    refused(path, "cannot be read")
    assert not (tmp_path / "made").exists()


def test_class_of_a_value_is_not_called(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(sealed(HEAD + pickle.dumps(Made(Checkpoints, "made", KEY), protocol=5)))
    refused(path, "is no enumeration")


def text(said: str) -> bytes:
    return pickle.SHORT_BINUNICODE + bytes([len(said)]) + said.encode()


def named(module: str, name: str) -> bytes:
    return text(module) + text(name) + pickle.STACK_GLOBAL


CLASS = named("consentry.audit.replay", "Replay")
MEMBER = named("consentry.audit.findings", "Kind") + text(str(Kind.DECISION)) + pickle.TUPLE1 + pickle.REDUCE


@pytest.fixture
def mended() -> Iterator[None]:
    """Takes back what a checkpoint did to a class, for the tests that follow."""
    take, value = vars(Replay)["take"], Kind.DECISION.value
    yield
    Replay.take = take  # type: ignore[method-assign]  # what it was
    Kind.DECISION._value_ = value


@pytest.mark.usefixtures("mended")
@pytest.mark.parametrize(("target", "name"), [(CLASS, "take"), (MEMBER, "_value_")], ids=["class", "member"])
@pytest.mark.parametrize("in_slots", [False, True])
def test_state_that_is_put_on_a_class_or_a_member_is_refused(
    path: Path, target: bytes, name: str, *, in_slots: bool
) -> None:
    before = vars(Replay)["take"], Kind.DECISION.value
    changes = pickle.EMPTY_DICT + text(name) + pickle.NEWTRUE + pickle.SETITEM
    state = pickle.NONE + changes + pickle.TUPLE2 if in_slots else changes
    whole = state_in(path)
    assert whole[:2] == pickle.PROTO + b"\x05"
    path.write_bytes(sealed(HEAD + whole[:2] + target + state + pickle.BUILD + pickle.POP + whole[2:]))
    refused(path, "cannot be read")
    assert (vars(Replay)["take"], Kind.DECISION.value) == before


@pytest.mark.parametrize(
    "opcodes",
    [
        b"cconsentry.audit.findings\nKind\n",
        b"(iconsentry.audit.findings\nKind\n",
        b"Pname\n",
        b"\x82\x01",
        b"\x97",
        text("key") + pickle.BINPERSID,
    ],
    ids=["GLOBAL", "INST", "PERSID", "EXT1", "NEXT_BUFFER", "BINPERSID"],
)
def test_other_ways_to_name_something_are_refused(tmp_path: Path, opcodes: bytes) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(sealed(HEAD + pickle.PROTO + b"\x05" + opcodes + pickle.STOP))
    refused(path, "cannot be read")


@pytest.mark.parametrize("value", [None, 7, ["a"], {"a": 1}, Kind.DECISION])
def test_value_that_is_no_checkpoint_is_refused(tmp_path: Path, value: object) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(sealed(HEAD + pickle.dumps(value, protocol=5)))
    refused(path, "cannot be read")
