"""What one process alone may have: a folder, and a port to listen on."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from consentry.errors import ConfigurationError
from consentry.ledger.embedded.durable import FILE_MODE, explained, private_folder


class FolderLock:
    """The right to be the one process of a folder; given back by the system when the process ends, however it does."""

    def __init__(self, file: Path, use: str) -> None:
        """Takes the right.

        Args:
            file: held locked, in the folder it stands for (made if missing); it names the process that has the right.
            use: what the process does with the folder, for the one that comes too late: "in use", "served".

        Raises:
            ConfigurationError: another process has it, or the file cannot be opened.
        """
        with explained("locking the state folder"):
            if not file.parent.exists():
                private_folder(file.parent)
            self._handle = os.open(file, os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._handle, 20, 0).decode(errors="replace").strip()
            os.close(self._handle)
            raise ConfigurationError(f"state folder {file.parent} is {use} by process {holder} already") from error
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Gives the folder back."""
        os.close(self._handle)


def open_door(host: str, port: int) -> socket.socket:
    """Gives a socket bound to a port, that does not listen yet: until somebody does, callers are turned away.

    Raises:
        ConfigurationError: the port is taken, or the host is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named in full, because asyncio turns the delay of small packets off only for sockets that say they are TCP.
    door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
    except OSError as error:
        door.close()
        raise ConfigurationError(f"port {port} on {host} cannot be used ({(error.strerror or '').lower()})") from error
    return door
