"""A history being written: what is done, by whom it is signed, and what the ledger must answer.

Keys have names; a key is keccak-256 of a phrase with its name in it, so whoever reads a vector can sign for everybody.
What a step expects is written by hand beside it, never computed by the rules that are being tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from eth_hash.auto import keccak

from consentry.core.codes import Reason
from consentry.core.signed_act import SignedAct
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    Address,
    ConsentTerms,
    Enrolment,
    InstitutionKeys,
    Material,
    RecordLeaf,
    SubjectId,
)
from consentry.core.typed_data import SignedStruct, consent_id, record_id
from consentry.crypto.signing import AccountKey
from tests.support import samples
from tests.support.evm import AUDIT, PAYER, SECOND, SYSTEM
from tests.support.samples import DAY, NOW

START: Final = NOW - DAY
"""Time at which every history begins, in seconds."""
REGION: Final = 440300
RELEASE_KEY: Final = samples.RELEASE_KEY
RELAY: Final = "relay"
STRANGER: Final = "stranger"
NATIONAL: Final = "national"
"""The account that is relay and authority for the whole country in every history."""
OFFICERS: Final = (NATIONAL, "second officer")
SYSTEM_OFFICERS: Final = ("system officer 1", "system officer 2")
AUDITORS: Final = ("audit officer 1", "audit officer 2")
"""Officers of the national authority, by their roles."""
_FOUNDERS: Final = dict(zip((*OFFICERS, *SYSTEM_OFFICERS, *AUDITORS), (PAYER, SECOND, *SYSTEM, *AUDIT), strict=True))

Error = tuple[str, tuple[Any, ...]]
ACCEPTED: Final[Error] = ("", ())


def key_of(name: str) -> AccountKey:
    """Gives the key of a name: "role" or, where histories share a cast, "cast/role"."""
    if name in _FOUNDERS:
        return _FOUNDERS[name]
    return AccountKey(keccak(f"consentry decision vector/{name}".encode()))


def subject_of(name: str) -> SubjectId:
    """Gives the subject id of a name."""
    return SubjectId(keccak(f"consentry decision vector/{name} subject".encode()))


@dataclass(frozen=True, slots=True)
class Asked:
    """One item of a batch, and the answer it must get."""

    request: AccessRequest
    material: Material
    key: str
    answer: Reason


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens.

    Attributes:
        do: what: the name of a function of the contracts, "travel", "act", or one of `player.READS`.
        values: structs and plain values, by name.
        keys: names of those who sign, in order.
        expect: name and arguments of the Solidity error; empty if the ledger takes it.
        items: of a decision.
        by: who submits it.
        officers: who do an act of officers, one after the other; those who usually do if none are named.
        found: what a question must be answered.
        left_out: what an institution signed with the items of a batch, and the relay does not submit.
    """

    do: str
    values: dict[str, Any] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    expect: Error = ACCEPTED
    items: tuple[Asked, ...] = ()
    by: str = RELAY
    officers: tuple[str, ...] = ()
    found: tuple[bytes | int, ...] | None = None
    left_out: tuple[AccessRequest, ...] = ()


@dataclass
class Story:
    """A history: a name and its steps. The methods add one step each."""

    name: str
    steps: list[Step] = field(default_factory=list)

    def travel(self, time: int) -> Story:
        """Lets time go by until the next block is at ``time``."""
        self.steps.append(Step("travel", {"time": time}))
        return self

    def govern(self, do: str, *officers: str, expect: Error = ACCEPTED, **values: Any) -> Story:  # noqa: ANN401 - whatever the function takes
        """Has officers do an act, those who usually do if none are named; its arguments by name."""
        self.steps.append(Step(do, values, expect=expect, officers=officers))
        return self

    def admit(self, name: str, region: int = REGION) -> Story:
        """Admits an institution that signs with the key of its name."""
        return self.govern("admitInstitution", **admission_of(name, region))

    def admit_authority(self, name: str, region: int) -> Story:
        """Admits an authority."""
        return self.govern("admitAuthority", authority=key_of(name).address, region=region)

    def suspend_authority(self, name: str) -> Story:
        """Suspends an authority."""
        return self.govern("suspendAuthority", authority=key_of(name).address)

    def suspend(self, name: str) -> Story:
        """Suspends an institution."""
        return self.govern("suspendInstitution", institution=key_of(name).address)

    def reinstate(self, name: str) -> Story:
        """Reinstates an institution."""
        return self.govern("reinstateInstitution", institution=key_of(name).address)

    def member(self, group: bytes, name: str, *, member: bool = True) -> Story:
        """Enters an institution into a group, or takes it out."""
        return self.govern("changeGroupMembership", group=group, institution=key_of(name).address, member=member)

    def rotate_keys(self, keys: InstitutionKeys, *signers: str, expect: Error = ACCEPTED, by: str = RELAY) -> Story:
        """Gives an institution other keys; its signer of today signs, then the new one."""
        self.steps.append(Step("rotateInstitutionKeys", {"struct": keys}, signers, expect, by=by))
        return self

    def enrol(
        self,
        name: str,
        custodian: str,
        keys: Sequence[str] = (),
        expect: Error = ACCEPTED,
        by: str = RELAY,
        **changes: Any,  # noqa: ANN401 - members of the enrolment
    ) -> Story:
        """Enrols the subject of a name."""
        act = Enrolment(subject_of(name), bytes(key_of(name).signer), key_of(custodian).address, NOW + DAY)
        act = replace(act, **changes)
        self.steps.append(Step("enrol", {"struct": act}, tuple(keys) or (name, custodian), expect, by=by))
        return self

    def anchor(self, leaf: RecordLeaf, key: str, expect: Error = ACCEPTED, by: str = RELAY) -> Story:
        """Anchors a first version."""
        self.steps.append(Step("anchor", {"struct": leaf}, (key,), expect, by=by))
        return self

    def supersede(
        self, previous: RecordLeaf, leaf: RecordLeaf, key: str, expect: Error = ACCEPTED, by: str = RELAY
    ) -> Story:
        """Anchors the next version."""
        self.steps.append(Step("supersede", {"previous": previous, "struct": leaf}, (key,), expect, by=by))
        return self

    def grant(self, terms: ConsentTerms, key: str, expect: Error = ACCEPTED, by: str = RELAY) -> Story:
        """Grants a consent."""
        self.steps.append(Step("grant", {"struct": terms}, (key,), expect, by=by))
        return self

    def revoke(
        self, terms: ConsentTerms, key: str, expect: Error = ACCEPTED, by: str = RELAY, guardian: bytes = ZERO_32
    ) -> Story:
        """Takes a consent back; a guardian names the appointment under which it signs."""
        self.steps.append(Step("revoke", {"struct": terms, "guardian": guardian}, (key,), expect, by=by))
        return self

    def act(self, act: SignedAct, *keys: str, expect: Error = ACCEPTED, by: str = RELAY) -> Story:
        """Has a signed act taken."""
        self.steps.append(Step("act", {"struct": act}, keys, expect, by=by))
        return self

    def decide(
        self,
        *items: Asked,
        whole: bool = False,
        expect: Error = ACCEPTED,
        by: str = RELAY,
        left_out: Sequence[AccessRequest] = (),
    ) -> Story:
        """Has a batch decided; ``whole`` for one signature over all of it, by the key of the first item."""
        do = "decideBatch" if whole else "decide"
        self.steps.append(Step(do, expect=expect, items=items, by=by, left_out=tuple(left_out)))
        return self

    def ask(self, what: str, institution: str, *found: bytes | int, **values: Any) -> Story:  # noqa: ANN401 - whatever the function takes
        """Asks the ledger about an institution at the time of the next block: one of `player.READS`."""
        self.steps.append(Step(what, {"institution": key_of(institution).address, **values}, found=found))
        return self


def admission_of(name: str, region: int = REGION) -> dict[str, Any]:
    """Gives what the admission of an institution says that signs with the key of its name."""
    account = key_of(name).address
    return {"institution": account, "region": region, "signer": bytes(account), "release_key": RELEASE_KEY}


def leaf_of(subject: str, custodian: str, **changes: Any) -> RecordLeaf:  # noqa: ANN401 - members of the leaf
    """Gives a leaf of a subject at its custodian."""
    usual = replace(samples.leaf(), custodian=key_of(custodian).address, subject_id=subject_of(subject))
    return replace(usual, **changes)


def terms_of(subject: str, grantee: str, **changes: Any) -> ConsentTerms:  # noqa: ANN401 - members of the terms
    """Gives terms of a subject for an institution, in force from the start."""
    usual = replace(samples.terms(), subject_id=subject_of(subject), institution=key_of(grantee).address)
    return replace(usual, valid_from=START, **changes)


def asked(
    name: str,
    leaf: RecordLeaf,
    terms: ConsentTerms | None,
    answer: Reason,
    number: int = 1,
    **changes: Any,  # noqa: ANN401 - members by name
) -> Asked:
    """Gives a request of an institution for a record, under a consent if there is one."""
    usual = samples.request(record_id(leaf), consent_id(terms) if terms else ZERO_32, samples.RELEASE_KEY_HASH)
    request = replace(usual, institution=key_of(name).address, request_id=number)
    return Asked(replace(request, **changes), Material(leaf, terms), name, answer)


def refused(error: str, *arguments: Any) -> Error:  # noqa: ANN401 - whatever the error tells
    """Names an error with its arguments."""
    return error, arguments


__all__ = ["ACCEPTED", "Address", "Asked", "SignedStruct", "Step", "Story"]
