"""A group whose commands are loaded when they are called: a help text is not to wait for a web server.

The group knows name and help of each command beforehand; a test compares them with the commands themselves.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

Command = TyperCommand | TyperGroup


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is, and how the group's help shows it.

    Attributes:
        place: ``module:name`` inside this room; the name is that of a function or of a `typer.Typer`.
        help: the first paragraph of the command's own help.
        hidden: whether the group's help leaves it out.
    """

    place: str
    help: str
    hidden: bool = False

    def outline(self, name: str) -> TyperCommand:
        """Gives what the group's help shows."""
        return TyperCommand(name, help=self.help, hidden=self.hidden)

    def load(self, name: str) -> Command:
        """Gives the command itself."""
        module, _, attribute = self.place.partition(":")
        found = getattr(importlib.import_module(f"{__package__}.{module}"), attribute)
        holder = typer.Typer(add_completion=False)
        if isinstance(found, typer.Typer):
            holder.add_typer(found, name=name)
            group: Any = typer.main.get_command(holder)
            command: Command = group.commands[name]
            return command
        holder.command(name, hidden=self.hidden)(found)
        single: Any = typer.main.get_command(holder)
        only: Command = single
        return only


class _Loading(MutableMapping[str, Any]):
    """Commands by name, loaded when they are looked up."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - the base of commands is private
        if name not in self._loaded:
            self._loaded[name] = self._entries[name].load(name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:  # noqa: ANN401 - the base of commands is private
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class LazyGroup(TyperGroup):
    """The group; a subclass names its commands.

    Attributes:
        entries: the commands by name, in the order of the help.
    """

    entries: ClassVar[Mapping[str, Entry]] = {}
    _is_listing = False

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - typer's own
        super().__init__(**attributes)
        self.commands = _Loading(self.entries)

    def list_commands(self, _ctx: Any) -> list[str]:  # noqa: ANN401 - the bases are private
        """Gives the names."""
        return list(self.entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - the bases are private
        """Gives a command, or its outline while the help is written."""
        if self._is_listing and cmd_name in self.entries:
            return self.entries[cmd_name].outline(cmd_name)
        return super().get_command(ctx, cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - the bases are private
        """Writes the help; loads nothing."""
        self._is_listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._is_listing = False
