"""``consentry demo``: starts the network, tells the story, leaves everything up."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from consentry.cli.options import keep_to_oneself
from consentry.cli.output import AsJson, answer, console
from consentry.config import load_settings
from consentry.demo.chaos import play
from consentry.demo.data import material
from consentry.demo.network import HOSPITALS, Network
from consentry.demo.story import Story, Told


def demo(
    leave: Annotated[bool, typer.Option("--exit", help="stop everything after the story")] = False,
    reset: Annotated[
        bool, typer.Option("--reset", help="start over: all data of the demonstration are removed")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="stop what an earlier run left up")] = False,
    state: Annotated[Path | None, typer.Option(help="state folder; the setting state_dir if not given")] = None,
    as_json: AsJson = False,
) -> None:
    """Runs the whole story on real medical data; a second start goes on with what is there."""
    keep_to_oneself()
    folder = (state or load_settings().state_dir) / "demo"
    network, shown, steps = Network(folder), console(quiet=as_json), list[Told]()
    if stop:
        network.stop()
        answer({"state": "stopped"}, as_json=as_json)
        return
    if reset:
        network.stop()
        shutil.rmtree(folder)
        network = Network(folder)
    began = time.monotonic()
    try:
        asyncio.run(_run(network, shown, steps))
    except BaseException:
        network.stop()
        raise
    seconds = round(time.monotonic() - began)
    shown.print(f"\n[bold]story told in {seconds} s[/bold]")
    if leave:
        network.stop()
    else:
        _tell_what_next(network, shown)
    if as_json:
        answer({"steps": [asdict(told) for told in steps], "seconds": seconds, "running": not leave}, as_json=True)


def chaos(
    rounds: Annotated[int, typer.Option(help="stories to play", min=1)] = 20,
    seed: Annotated[int, typer.Option(help="which moments and victims")] = 1,
    kills: Annotated[int, typer.Option(help="kills a round", min=0)] = 1,
    state: Annotated[Path | None, typer.Option(help="folder for the rounds; <state_dir>/chaos if not given")] = None,
) -> None:
    """Plays the story while processes are killed, and checks what must hold. Exit code 1: something did not."""
    keep_to_oneself()
    folder, shown = state or load_settings().state_dir / "chaos", console()
    found = material(folder / "cache")
    bad = 0
    for number in range(rounds):
        place = folder / f"round-{number}"
        shutil.rmtree(place, ignore_errors=True)
        outcome = asyncio.run(play(place, found, seed + number, kills, lambda line: shown.print(line, markup=False)))
        bad += not outcome.clean
        shown.print(f"round {number + 1} of {rounds}: {outcome}", markup=False)
        if outcome.clean:
            shutil.rmtree(place)
    shown.print(f"{rounds} rounds, {rounds - bad} clean")
    if bad:
        raise typer.Exit(1)


async def _run(network: Network, shown: Console, steps: list[Told]) -> None:
    with shown.status("preparing medical data"):
        found = await asyncio.to_thread(material, network.state / "cache")
    with shown.status("starting the chain"):
        status = await asyncio.to_thread(network.start_chain)
    shown.print(f"chain {status.chain_id} at {status.url}")
    with shown.status("deploying the contracts, admitting authorities and hospitals"):
        await network.deploy()
    for party in HOSPITALS:
        with shown.status(f"starting the gateway of {party.title}"):
            endpoint = await asyncio.to_thread(network.start_gateway, party.name)
        shown.print(f"gateway of {party.title} at {endpoint.url}")

    def tell(told: Told) -> None:
        steps.append(told)
        shown.print(f"\n[bold]{len(steps)}. {told.title}[/bold]")
        shown.print(f"   {told.happened}", markup=False)
        shown.print(f"   why: {told.why}", markup=False)
        if told.transaction:
            shown.print(f"   transaction {told.transaction}", markup=False)

    await Story(network, found, tell).run()


def _tell_what_next(network: Network, shown: Console) -> None:
    evidence, trust = network.state / "evidence.json", network.state / "trust-root.json"
    shown.print("\nEverything is still up. What to try next:")
    shown.print(f"  open {network.hospital_url(HOSPITALS[0].name)}/docs", markup=False)
    shown.print(f"  consentry verify {evidence} --trust-root {trust}", markup=False)
    shown.print("  consentry demo          goes on with all data")
    shown.print("  consentry demo --stop   stops it;  consentry demo --reset   starts over")
