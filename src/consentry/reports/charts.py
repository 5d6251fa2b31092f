"""Charts as drawings: plain rectangles, lines and labels with their places, which a template writes as SVG.

No colour carries a meaning alone: fills have textures, columns a legend in the same order, bars their numbers beside
them, and every chart stands above the table it is drawn from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

WIDTH: Final = 760
HEIGHT: Final = 300
MOST_SERIES: Final = 6
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 16, 36
_LEGEND_LINE: Final = 20
_MOST_LABELS: Final = 8
_BAR: Final = 24
_LABEL_WIDTH: Final = 330
_STEPS: Final = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle; ``fill`` counts the textures from 0, ``says`` is read out."""

    x: float
    y: float
    width: float
    height: float
    fill: int
    says: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """A text; ``anchor`` is start, middle or end."""

    x: float
    y: float
    text: str
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Line:
    """A horizontal line across the chart."""

    y: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart, ready to be written."""

    title: str
    height: float
    boxes: tuple[Box, ...]
    labels: tuple[Label, ...]
    lines: tuple[Line, ...] = ()
    width: float = WIDTH


def columns(title: str, series: Mapping[str, Mapping[str, int]], marks: Sequence[str]) -> Drawing:
    """Draws columns of which each is a stack.

    Args:
        title: of the chart.
        series: name, as shown, to counts by mark; the first lies at the bottom. At most `MOST_SERIES`.
        marks: what stands along the bottom, in order.
    """
    top = _round_up(max((sum(_stack(series, mark)) for mark in marks), default=0))
    plot, floor = HEIGHT - _TOP - _BOTTOM, HEIGHT - _BOTTOM
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(marks))
    boxes = [
        Box(_LEFT + (place + 0.1) * step, floor - plot * upper / top, step * 0.8, plot * count / top, fill, says)
        for place, mark in enumerate(marks)
        for fill, count, upper, says in _pieces(series, mark)
    ]
    middle, every = _LEFT + step / 2, math.ceil(len(marks) / _MOST_LABELS) or 1
    labels = [Label(middle + at * step, floor + 18, marks[at], "middle") for at in range(0, len(marks), every)]
    levels = [0, top / 2, top] if top % 2 == 0 else [0, top]
    lines = tuple(Line(floor - plot * level / top) for level in levels)
    labels += [Label(_LEFT - 6, line.y + 4, f"{level:,.0f}", "end") for level, line in zip(levels, lines, strict=True)]
    more_boxes, more_labels = _legend(list(series))
    height = HEIGHT + len(series) * _LEGEND_LINE
    return Drawing(title, height, (*boxes, *more_boxes), (*labels, *more_labels), lines)


def _stack(series: Mapping[str, Mapping[str, int]], mark: str) -> list[int]:
    return [counts.get(mark, 0) for counts in series.values()]


def _pieces(series: Mapping[str, Mapping[str, int]], mark: str) -> Iterator[tuple[int, int, int, str]]:
    """Gives fill, count, the sum up to its upper end, and what is read out of each piece of a column."""
    stack = _stack(series, mark)
    for fill, (name, count, upper) in enumerate(zip(series, stack, accumulate(stack), strict=True)):
        if count:
            yield fill, count, upper, f"{mark}, {name}: {count}"


def _legend(names: Sequence[str]) -> tuple[list[Box], list[Label]]:
    tops = [HEIGHT + fill * _LEGEND_LINE for fill in range(len(names))]
    boxes = [Box(_LEFT, y, 14, 14, fill) for fill, y in enumerate(tops)]
    return boxes, [Label(_LEFT + 22, y + 12, name) for name, y in zip(names, tops, strict=True)]


def bars(title: str, values: Sequence[tuple[str, float, str]]) -> Drawing:
    """Draws bars that lie, each with its number.

    Args:
        title: of the chart.
        values: label, value and the value as shown, the first on top.
    """
    most = max((value for _, value, _ in values), default=0) or 1
    room = WIDTH - _LABEL_WIDTH - 90
    boxes, labels = [], []
    for place, (label, value, shown) in enumerate(values):
        y, width = 8 + place * (_BAR + 8), room * value / most
        boxes.append(Box(_LABEL_WIDTH, y, width, _BAR, 0, f"{label}: {shown}"))
        labels.append(Label(_LABEL_WIDTH - 8, y + 17, label, "end"))
        labels.append(Label(_LABEL_WIDTH + width + 8, y + 17, shown))
    return Drawing(title, 8 + len(values) * (_BAR + 8), tuple(boxes), tuple(labels))


def _round_up(value: int) -> int:
    """Gives a round number at or above a value: 1, 2 or 5 times a power of ten."""
    if value <= 1:
        return max(1, value)
    power = int("1" + "0" * (len(str(value)) - 1))
    return next(step * power for step in _STEPS if step * power >= value)
