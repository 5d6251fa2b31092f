"""``consentry chaos``: kills processes at random moments, and checks what must hold."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from consentry.cli.options import keep_to_oneself
from consentry.cli.output import AsJson, answer, console
from consentry.config import load_settings
from consentry.demo.chaos import play
from consentry.demo.chaos_kills import MEAN_GAP_SECONDS, play_load
from consentry.demo.data import material

STORY_KILLS: Final = 1
LOAD_KILLS: Final = 200


def chaos(
    load: Annotated[
        bool, typer.Option("--load", help="kill gateways, chain and PostgreSQL under load, in one go; no story")
    ] = False,
    rounds: Annotated[int, typer.Option(help="stories to play", min=1)] = 20,
    seed: Annotated[int, typer.Option(help="which moments and victims")] = 1,
    kills: Annotated[int | None, typer.Option(help="kills: 1 a story, 200 under load if not given", min=0)] = None,
    gap: Annotated[float, typer.Option(help="mean seconds between kills under load", min=0.1)] = MEAN_GAP_SECONDS,
    state: Annotated[Path | None, typer.Option(help="folder for the rounds; <state_dir>/chaos if not given")] = None,
    as_json: AsJson = False,
) -> None:
    """Kills processes at random moments, and checks what must hold. Exit code 1: something did not."""
    keep_to_oneself()
    folder, shown = state or load_settings().state_dir / "chaos", console(quiet=as_json)
    if load:
        clean = _under_load(folder / "load", seed, LOAD_KILLS if kills is None else kills, gap, shown, as_json=as_json)
    else:
        clean = _stories(folder, rounds, seed, STORY_KILLS if kills is None else kills, shown, as_json=as_json)
    if not clean:
        raise typer.Exit(1)


def _under_load(folder: Path, seed: int, kills: int, gap: float, shown: Console, *, as_json: bool) -> bool:
    """Plays once; what was there is removed before, what is there is kept for a look if something did not hold."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    outcome = asyncio.run(play_load(folder, seed, kills, lambda line: shown.print(line, markup=False), gap))
    answer({"seed": seed, **outcome.describe()}, as_json=as_json)
    if outcome.clean:
        shutil.rmtree(folder)
    return outcome.clean


def _stories(folder: Path, rounds: int, seed: int, kills: int, shown: Console, *, as_json: bool) -> bool:
    found, bad = material(folder / "cache"), 0
    for number in range(rounds):
        place = folder / f"round-{number}"
        shutil.rmtree(place, ignore_errors=True)
        outcome = asyncio.run(play(place, found, seed + number, kills, lambda line: shown.print(line, markup=False)))
        bad += not outcome.clean
        shown.print(f"round {number + 1} of {rounds}: {outcome}", markup=False)
        if outcome.clean:
            shutil.rmtree(place)
    answer({"rounds": rounds, "clean": rounds - bad}, as_json=as_json)
    return not bad
