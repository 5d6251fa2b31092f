"""``consentry demo``: starts the network, tells the story, leaves everything up."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from consentry.cli.options import keep_to_oneself
from consentry.cli.output import AsJson, answer, console
from consentry.config import load_settings
from consentry.demo.data import material
from consentry.demo.network import HOSPITALS, Network
from consentry.demo.story import Story, Told

EXIT_INTERRUPTED: Final = 130
_INTERRUPTED: Final = "interrupted; the next start goes on with what is there"


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
    network.check_space()
    began = time.monotonic()
    try:
        asyncio.run(_run(network, shown, steps))
    except KeyboardInterrupt:
        typer.echo(f"consentry: {_INTERRUPTED}", err=True)
        network.stop()
        if as_json:
            answer({"error": "interrupted", "detail": _INTERRUPTED}, as_json=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except BaseException:
        network.stop()
        raise
    seconds = round(time.monotonic() - began)
    shown.print(f"\n[bold]story told in {seconds} s[/bold]")
    if leave:
        network.stop()
    _tell_what_next(network, shown, state, is_up=not leave)
    if as_json:
        answer({"steps": [asdict(told) for told in steps], "seconds": seconds, "running": not leave}, as_json=True)


async def _run(network: Network, shown: Console, steps: list[Told]) -> None:
    with shown.status("preparing medical data"):
        found = await asyncio.to_thread(material, network.state / "cache")
    with shown.status("starting the chain"):
        status = await asyncio.to_thread(network.start_chain)
    shown.print(f"chain {status.chain_id} at {status.url}")
    with shown.status("deploying the contracts, admitting authorities and hospitals"):
        await network.deploy()
    await asyncio.to_thread(network.start_witnesses)
    for party in HOSPITALS:
        with shown.status(f"starting the gateway of {party.title}"):
            endpoint = await asyncio.to_thread(network.start_gateway, party.name)
        shown.print(f"gateway of {party.title} at {endpoint.url}")

    def tell(told: Told) -> None:
        steps.append(told)
        kept = " (kept from an earlier run)" if told.kept else ""
        shown.print(f"\n[bold]{len(steps)}. {told.title}[/bold]{kept}")
        shown.print(f"   {told.happened}", markup=False)
        shown.print(f"   why: {told.why}", markup=False)
        if told.transaction:
            shown.print(f"   transaction {told.transaction}", markup=False)

    await Story(network, found, tell).run()


def program() -> str:
    """Gives the command that runs here, as it can be typed into a shell in the current folder."""
    beside = Path(sys.executable).with_name("consentry")
    called = Path(sys.argv[0])
    path = next((p.absolute() for p in (called, beside) if p.name == "consentry" and p.is_file()), None)
    if path is None:
        return f"{shlex.quote(sys.executable)} -m consentry"
    return shlex.quote(_nearby(path))


def _nearby(path: Path) -> str:
    """Gives a path relative to the current folder if it lies inside."""
    here = Path.cwd()
    return f"./{path.relative_to(here)}" if path.is_relative_to(here) else str(path)


def _tell_what_next(network: Network, shown: Console, state: Path | None, *, is_up: bool) -> None:
    """Says where the evidence lies and what can be done with it, all as it can be typed in the current folder."""
    evidence, trust, paper = (
        shlex.quote(_nearby(network.state / name)) for name in ("evidence.json", "trust-root.json", "evidence.pdf")
    )
    command = program()
    again = f"{command} demo" + (f" --state {shlex.quote(_nearby(state.absolute()))}" if state else "")
    up = "Everything is still up." if is_up else "Everything is stopped."
    shown.print(f"\n{up} What to try next, from this folder:")
    for what, line, is_there in (
        ("the API, in a browser", f"{network.hospital_url(HOSPITALS[0].name)}/docs" if is_up else "", is_up),
        ("the evidence of one access", evidence, True),
        ("whom to believe about it", trust, True),
        ("the same for people", paper, (network.state / "evidence.pdf").is_file()),
        ("check the evidence, which needs no network", f"{command} verify {evidence} --trust-root {trust}", True),
        ("go on with all data", again, True),
        ("stop it", f"{again} --stop", is_up),
        ("start over", f"{again} --reset", True),
    ):
        if is_there:
            # A line of its own for each: what is copied whole must run, and not every shell knows comments.
            shown.print(f"  {what}:\n    {line}", markup=False)
    if is_up:
        shown.print("Audit, statement, history, witness: docs/commands.md, section The demonstration's chain")
