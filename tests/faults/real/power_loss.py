"""A file system that loses what was not synced: run as a process, it shows what a loss of power would leave.

Everything is in memory twice: as the running machine sees it, and as the disk has it. Bytes of a file get to the disk
by a sync of the file, names in a folder by a sync of the folder, nothing by itself: no real disk is so forgetful, and
software has to be right on the most forgetful one. Making a folder ``/.cut-NAME`` writes what the disk has to
``NAME`` in the folder of outcomes; so does every sync, under the number of the cut that comes next.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import mfusepy

from tests.faults.real.forgetful import CUT


@dataclass(slots=True, eq=False)
class Node:
    """A file or folder; ``synced`` and ``named`` are what the disk has of its bytes and its names."""

    mode: int
    content: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    names: dict[str, Node] = field(default_factory=dict)
    named: dict[str, Node] = field(default_factory=dict)
    links: int = 1
    changed: int = field(default_factory=time.time_ns)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    def facts(self) -> dict[str, int]:
        """What ``stat`` tells."""
        times = dict.fromkeys(("st_atime", "st_mtime", "st_ctime"), self.changed)
        owner = {"st_uid": os.getuid(), "st_gid": os.getgid()}
        return {"st_mode": self.mode, "st_nlink": self.links, "st_size": len(self.content), **owner, **times}


class PowerLoss(mfusepy.Operations):  # type: ignore[misc]  # untyped
    """The file system; the methods are those the kernel asks for."""

    use_ns = True

    def __init__(self, outcomes: Path) -> None:
        self._outcomes = outcomes
        self._top = Node(stat.S_IFDIR | 0o700)
        self._open: dict[int, Node] = {}
        self._numbers = count(1)
        self._cuts, self._syncs = 0, 0

    def _find(self, path: str) -> Node:
        node = self._top
        for name in Path(path).parts[1:]:
            if name not in node.names:
                raise mfusepy.FuseOSError(errno.ENOENT)
            node = node.names[name]
        return node

    def _place(self, path: str) -> tuple[Node, str]:
        return self._find(str(Path(path).parent)), Path(path).name

    def _handle(self, node: Node) -> int:
        number = next(self._numbers)
        self._open[number] = node
        return number

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        return (self._open[fh] if fh in self._open else self._find(path)).facts()

    def readdir(self, path: str, fh: int) -> list[str]:
        del fh
        return [".", "..", *self._find(path).names]

    def mkdir(self, path: str, mode: int) -> int:
        folder, name = self._place(path)
        if name.startswith(CUT):
            self._write_out(name.removeprefix(CUT))
            self._cuts, self._syncs = self._cuts + 1, 0
        if name in folder.names:
            raise mfusepy.FuseOSError(errno.EEXIST)
        folder.names[name] = Node(stat.S_IFDIR | mode)
        return 0

    def mknod(self, path: str, mode: int, dev: int) -> int:
        del dev
        folder, name = self._place(path)
        folder.names[name] = Node(mode)
        return 0

    def rmdir(self, path: str) -> int:
        folder, name = self._place(path)
        if self._find(path).names:
            raise mfusepy.FuseOSError(errno.ENOTEMPTY)
        del folder.names[name]
        return 0

    def create(self, path: str, mode: int, fi: Any = None) -> int:  # noqa: ANN401 - untyped
        del fi
        folder, name = self._place(path)
        node = folder.names[name] = Node(stat.S_IFREG | mode)
        return self._handle(node)

    def open(self, path: str, flags: int) -> int:
        node = self._find(path)
        if flags & os.O_TRUNC:
            node.content = bytearray()
        return self._handle(node)

    def opendir(self, path: str) -> int:
        return self._handle(self._find(path))

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        del path
        return bytes(self._open[fh].content[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        del path
        node = self._open[fh]
        if offset > len(node.content):
            node.content.extend(bytes(offset - len(node.content)))
        node.content[offset : offset + len(data)] = data
        node.changed = time.time_ns()
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        node = self._open[fh] if fh in self._open else self._find(path)
        node.content = node.content[:length] + bytes(max(0, length - len(node.content)))
        return 0

    def unlink(self, path: str) -> int:
        folder, name = self._place(path)
        folder.names.pop(name).links -= 1
        return 0

    def rename(self, old: str, new: str) -> int:
        (before, name), (after, other) = self._place(old), self._place(new)
        after.names[other] = before.names.pop(name)
        return 0

    def link(self, target: str, source: str) -> int:
        node, (folder, name) = self._find(source), self._place(target)
        if name in folder.names:
            raise mfusepy.FuseOSError(errno.EEXIST)
        folder.names[name] = node
        node.links += 1
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        del path, datasync
        node = self._open[fh]
        node.synced = bytes(node.content)
        return self._synced()

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        del path, datasync
        node = self._open[fh]
        node.named = dict(node.names)
        return self._synced()

    def release(self, path: str, fh: int) -> int:
        del path
        self._open.pop(fh, None)
        return 0

    def releasedir(self, path: str, fh: int) -> int:
        return self.release(path, fh)

    def chmod(self, path: str, mode: int) -> int:
        node = self._find(path)
        node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(mode)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        del path, uid, gid
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        self._find(path).changed = times[1] if times else time.time_ns()
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        del path
        blocks = 2**22
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": blocks, "f_bfree": blocks, "f_bavail": blocks}

    def _synced(self) -> int:
        self._syncs += 1
        self._write_out(f"{self._cuts}.{self._syncs}")
        return 0

    def _write_out(self, name: str) -> None:
        draft = self._outcomes / f".{name}"
        _copy(self._top, draft)
        draft.rename(self._outcomes / name)


def _copy(node: Node, place: Path) -> None:
    if node.is_folder:
        place.mkdir(mode=stat.S_IMODE(node.mode))
        for name, inner in node.named.items():
            if not name.startswith(CUT):
                _copy(inner, place / name)
    elif stat.S_ISREG(node.mode):
        place.write_bytes(node.synced)
        place.chmod(stat.S_IMODE(node.mode))


def main() -> None:
    """Serves a mount until it is taken away."""
    mount, outcomes = sys.argv[1:]
    options: dict[str, Any] = {"default_permissions": True, "attr_timeout": 0, "entry_timeout": 0, "hard_remove": True}
    mfusepy.FUSE(PowerLoss(Path(outcomes)), mount, foreground=True, nothreads=True, **options)


if __name__ == "__main__":
    main()
