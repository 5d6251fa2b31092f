"""Benchmarks that fail after they found some of their figures."""

from __future__ import annotations

from collections.abc import Mapping


class PartFailedError(RuntimeError):
    """A part failed; ``figures`` are those that were found before."""

    def __init__(self, figures: Mapping[str, float], why: str) -> None:
        """Takes what was found, and why the rest was not."""
        super().__init__(why)
        self.figures = dict(figures)
