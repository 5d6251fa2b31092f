"""The folder of evidence: each file once, and no kind takes the room of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from consentry.errors import NotFoundError
from consentry.witness.exhibits import Exhibits


def test_file_is_kept_once_and_found_again(tmp_path: Path) -> None:
    exhibits = Exhibits(tmp_path / "evidence")
    name = exhibits.keep("block-conflict", b"two blocks")
    assert name is not None
    assert exhibits.keep("block-conflict", b"two blocks") == name
    for each in (exhibits, Exhibits(tmp_path / "evidence")):
        assert (each.names(), each.names("block-conflict"), each.names("other")) == ([name], [name], [])
        assert each.read(name) == b"two blocks"


def test_full_kind_leaves_room_for_the_others(tmp_path: Path) -> None:
    exhibits = Exhibits(tmp_path / "evidence")
    first = [exhibits.keep("refused", bytes([number]), most=3) for number in range(3)]
    for each in (exhibits, Exhibits(tmp_path / "evidence")):
        assert each.keep("refused", b"one more", most=3) is None
        assert each.keep("refused", bytes([1]), most=3) == first[1]
    others = {exhibits.keep("conviction", bytes([number])) for number in range(5)}
    assert None not in others
    assert (len(exhibits.names("refused")), len(exhibits.names("conviction")), len(exhibits.names())) == (3, 5, 8)


def test_only_what_is_kept_can_be_read(tmp_path: Path) -> None:
    exhibits = Exhibits(tmp_path / "evidence")
    (tmp_path / "secret").write_bytes(b"x")
    for name in ("../secret", "refused-" + "0" * 32, "refused", ""):
        with pytest.raises(NotFoundError):
            exhibits.read(name)
