"""Batches made and signed before the clock, by as many processes as there are cores: else it is most of a long run."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import cycle, islice
from typing import Final

from benchmarks.material import new_requests
from benchmarks.stage import Stage
from consentry.core.batch_tree import batch_of
from consentry.core.terms import AccessRequest, Address, ConsentId, Material, RecordId
from consentry.core.typed_data import Domain
from consentry.crypto.keywrap import release_key_hash
from consentry.crypto.signing import SigningKey, sign

BATCH: Final = 400
Batch = tuple[Sequence[tuple[AccessRequest, Material]], bytes]
_Sought = Sequence[tuple[RecordId, ConsentId]]


class Signing:
    """Signs batches of one institution, each about the places of a stage in turn."""

    def __init__(self, stage: Stage, pool: ProcessPoolExecutor) -> None:
        """Takes whose batches, and who signs them."""
        own, places = stage.requester, list(islice(cycle(stage.sought), BATCH))
        self._materials, self._pool = [place.material for place in places], pool
        sought = [(place.record, place.consent) for place in places]
        key_hash = release_key_hash(own.release_key)
        self._one = partial(_signed, own.key, own.address, key_hash, stage.domain("AccessLedger"), sought)

    def batches(self, count: int) -> list[Batch]:
        """Gives so many batches."""
        made = self._pool.map(self._one, range(count))
        return [(list(zip(asked, self._materials, strict=True)), signature) for asked, signature in made]


@contextmanager
def signing(stage: Stage) -> Iterator[Signing]:
    """Starts the processes, which load while others go on."""
    count = os.cpu_count() or 1
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) as pool:
        for _ in range(count):
            pool.submit(os.getpid)
        yield Signing(stage, pool)


def _signed(
    key: SigningKey, institution: Address, key_hash: bytes, domain: Domain, sought: _Sought, _: int
) -> tuple[list[AccessRequest], bytes]:
    asked = new_requests(institution, key_hash, sought)
    return asked, sign(key, domain, batch_of(institution, asked))
