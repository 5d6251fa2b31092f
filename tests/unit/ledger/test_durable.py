"""Files that are whole or absent: what is synced, and in which order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from consentry.ledger.embedded.durable import private_folder, write_synced


def test_write_syncs_the_content_then_renames_then_syncs_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    sync, rename = os.fsync, Path.rename

    def noted_sync(handle: int) -> None:
        seen.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().name}")
        sync(handle)

    def noted_rename(path: Path, target: Path) -> Path:
        seen.append(f"rename to {target.name}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "rename", noted_rename)
    write_synced(tmp_path / "facts", b"x")
    assert seen == ["sync facts.draft", "rename to facts", f"sync {tmp_path.name}"]


def test_private_folder_that_is_new_has_its_name_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []
    monkeypatch.setattr("consentry.ledger.embedded.durable.sync_folder", seen.append)
    private_folder(tmp_path / "new")
    private_folder(tmp_path / "new")
    assert seen == [tmp_path]


def test_private_folder_has_what_leads_to_it_private(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        private_folder(tmp_path / "state" / "chain")
    finally:
        os.umask(before)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
