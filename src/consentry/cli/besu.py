"""``consentry chain besu``: the files of a consortium's chain, generated from one list and checked against it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consentry.cli.output import AsJson, answer
from consentry.ledger.besu import network

app = typer.Typer(help="Files of a Besu QBFT network: generate, check.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="folder of the network's files; nothing in it is secret")]


def _shown(made: network.Network, *, as_json: bool) -> None:
    values = {
        "chainId": made.chain_id,
        "validators": dict(made.addresses),
        "sealsNeeded": made.quorum,
        "faultsBorne": made.tolerated,
    }
    answer(values, as_json=as_json)


@app.command()
def generate(
    participants: Annotated[Path, typer.Argument(help="the list of who takes part: participants.toml")],
    folder: Folder,
    keys: Annotated[Path, typer.Option(help="folder of validator keys, apart from the files; drawn where missing")],
    as_json: AsJson = False,
) -> None:
    """Writes genesis, allowlists, static nodes and the compose file, then checks them."""
    _shown(network.generate(participants, folder, keys), as_json=as_json)


@app.command()
def check(
    folder: Folder,
    keys: Annotated[Path | None, typer.Option(help="folder of validator keys, compared where at hand")] = None,
    as_json: AsJson = False,
) -> None:
    """Checks that the files agree with each other, with their list, and with the keys at hand."""
    _shown(network.check(folder, keys), as_json=as_json)
