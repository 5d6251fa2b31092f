"""``consentry chain``: the embedded chain as a background process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consentry.cli import besu, values
from consentry.cli.output import AsJson, answer
from consentry.config import load_settings
from consentry.errors import ConfigurationError
from consentry.ledger import node
from consentry.ledger.embedded.backup import Backup
from consentry.ledger.embedded.records import HASH_BYTES

app = typer.Typer(help="The embedded chain: up, down, status, reset, backup, restore.", no_args_is_help=True)
app.add_typer(besu.app, name="besu")
State = Annotated[Path | None, typer.Option(help="folder of the chain; <state_dir>/chain if not given")]


def _folder(given: Path | None) -> Path:
    return given or load_settings().state_dir / "chain"


def _shown(status: node.NodeStatus, *, as_json: bool) -> None:
    values = {
        "state": str(status.state),
        "running": status.is_running,
        "ready": status.is_ready,
        "url": status.url,
        "chainId": status.chain_id,
        "genesisHash": status.genesis_hash,
        "blockNumber": status.block_number,
    }
    answer(values, as_json=as_json)


def _shown_backup(found: Backup, *, as_json: bool) -> None:
    shown = {
        "file": str(found.path),
        "chainId": found.genesis.chain_id,
        "genesisHash": "0x" + found.genesis.block_hash.hex(),
        "blockNumber": found.number,
        "blockHash": "0x" + found.block_hash.hex(),
    }
    answer(shown, as_json=as_json)


@app.command()
def up(
    state: State = None,
    port: Annotated[int, typer.Option(help="TCP port on 127.0.0.1; 0 takes a free one", min=0, max=65535)] = 18545,
    as_json: AsJson = False,
) -> None:
    """Starts the chain and returns once it answers."""
    _shown(node.up(_folder(state), port), as_json=as_json)


@app.command()
def down(state: State = None, as_json: AsJson = False) -> None:
    """Stops the chain in good order."""
    _shown(node.down(_folder(state)), as_json=as_json)


@app.command()
def status(state: State = None, as_json: AsJson = False) -> None:
    """Looks at the chain without changing anything."""
    _shown(node.status(_folder(state)), as_json=as_json)


@app.command()
def reset(
    state: State = None,
    yes: Annotated[bool, typer.Option("--yes", help="do it: every block is lost")] = False,
    as_json: AsJson = False,
) -> None:
    """Removes the chain for good."""
    if not yes:
        raise ConfigurationError("a reset loses every block: say --yes")
    _shown(node.reset(_folder(state), confirm=True), as_json=as_json)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="new file of mode 0600; it replaces none")],
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Backs up every sealed block into one file, also while the chain runs."""
    _shown_backup(node.backup(_folder(state), file), as_json=as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="what a backup wrote")],
    head: Annotated[str, typer.Option(help="hash that its last block must have, known from elsewhere")] = "",
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Makes the chain of a backup in an empty folder, and compares the hash of every block; `up` then starts it.

    What was acknowledged after its last block is gone: a consent revoked since is in force again.
    """
    expected = values.hexadecimal("head", head, HASH_BYTES) if head else None
    _shown_backup(node.restore(_folder(state), file, expected), as_json=as_json)
