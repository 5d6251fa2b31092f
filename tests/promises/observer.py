"""Reads a year off the chain, as anybody with a node can: events in, what is seen of each act out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any, Final

from consentry.core.terms import Address, ConsentTerms
from consentry.crypto.signing import ACCOUNT_SIZE, Verifiers
from tests.promises.schedule import Kind, Seen
from tests.support.evm import Log
from tests.support.samples import DAY

_AT: Final = {member.name: place for place, member in enumerate(fields(ConsentTerms))}
"""Place of each member of the terms in an event."""


class Observer:
    """Remembers who holds what, so that later events can be told apart."""

    def __init__(self, hospitals: tuple[Address, Address], verifiers: Verifiers) -> None:
        self._hospitals = hospitals
        self._verifiers = verifiers
        self._custodians: dict[bytes, int] = {}
        self._classes: dict[bytes, int] = {}
        self._grantees: dict[bytes, int] = {}
        self._replacing = False

    def watch(self, logs: Iterable[tuple[int, Log]]) -> list[Seen]:
        """Gives what is seen, in the order of the chain."""
        readers: dict[str, Callable[..., Seen]] = {
            "SubjectEnrolled": self._enrolled,
            "RecordAnchored": self._anchored,
            "ConsentGranted": self._granted,
            "ConsentRevoked": self._revoked,
            "AccessDecided": self._decided,
        }
        seen = []
        for time, log in logs:
            if log.name in readers:
                seen.append(readers[log.name](time, *log.members))
            self._replacing = log.name == "RecordSuperseded"
        return seen

    def _see(self, time: int, kind: Kind, subject: bytes, institution: int, *more: int, device: str = "") -> Seen:
        categories, purposes, days = (*more, 0, 0, 0)[:3]
        return Seen(time, kind, subject, self._custodians[subject], institution, categories, purposes, days, device)

    def _hospital(self, address: str) -> int:
        return self._hospitals.index(Address(bytes.fromhex(address[2:])))

    def _enrolled(self, time: int, subject: bytes, custodian: str, signer: bytes) -> Seen:
        self._custodians[subject] = self._hospital(custodian)
        curve = "P-256" if signer.startswith(self._verifiers.p256) else "passkey"
        device = "account" if len(signer) == ACCOUNT_SIZE else curve
        return self._see(time, Kind.ENROL, subject, self._custodians[subject], device=device)

    def _anchored(self, time: int, record: bytes, subject: bytes, custodian: str, leaf: tuple[Any, ...]) -> Seen:
        self._classes[record] = 1 << leaf[5]
        kind = Kind.SUPERSEDE if self._replacing else Kind.ANCHOR
        return self._see(time, kind, subject, self._hospital(custodian), 1 << leaf[5])

    def _granted(self, time: int, consent: bytes, subject: bytes, terms: tuple[Any, ...], _: bytes) -> Seen:
        self._grantees[consent] = self._hospital(terms[_AT["institution"]])
        days = (terms[_AT["valid_until"]] - terms[_AT["valid_from"]]) // DAY
        what = terms[_AT["categories"]], terms[_AT["purposes"]], days
        return self._see(time, Kind.GRANT, subject, self._grantees[consent], *what)

    def _revoked(self, time: int, consent: bytes, subject: bytes, *_: bytes) -> Seen:
        return self._see(time, Kind.REVOKE, subject, self._grantees[consent])

    def _decided(self, time: int, _: int, subject: bytes, institution: str, entry: tuple[Any, ...]) -> Seen:
        purpose = 1 << (entry[5] & 0xFF)
        return self._see(time, Kind.ACCESS, subject, self._hospital(institution), self._classes[entry[0]], purpose)
