"""Institutions after their admission, as histories: suspended, also in emergency, with other keys, within limits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from consentry.core.codes import EmergencyReason, LegalBasis, Purpose, Reason, Standing
from consentry.core.terms import ZERO_32, InstitutionKeys
from consentry.core.typed_data import struct_hash
from tests.support import samples
from tests.support.samples import DAY, NOW
from tests.vectors.histories.enrolments import UNACCEPTABLE
from tests.vectors.histories.governance import (
    DEPUTY,
    NEIGHBOUR,
    NEWCOMER,
    PROVINCE,
    SECOND,
    act_of,
    address,
    forbidden,
    unauthorized,
)
from tests.vectors.histories.governance import begun as governed
from tests.vectors.histories.story import (
    AUDITORS,
    NATIONAL,
    REGION,
    RELEASE_KEY,
    STRANGER,
    SYSTEM_OFFICERS,
    Asked,
    Error,
    Story,
    asked,
    key_of,
    leaf_of,
    refused,
    terms_of,
)

CUSTODIAN: Final = "/custodian"
HOSPITAL: Final = "institutions/hospital"
PATIENT: Final = "institutions/patient"
NEW: Final = "institutions/new key"
LEAF: Final = leaf_of(PATIENT, CUSTODIAN)
TERMS: Final = terms_of(PATIENT, HOSPITAL, valid_until=NOW + 100 * DAY)
NEW_RELEASE_KEY: Final = b"another release key"
EMERGENCY: Final = 3 * DAY
DAY_END: Final = (NOW // DAY + 1) * DAY
LATER: Final = NOW + 100 * DAY
READY: Final = NOW + 100
KEYS: Final = InstitutionKeys(address(HOSPITAL), bytes(key_of(NEW).signer), NEW_RELEASE_KEY, LATER)
Values = dict[str, Any]


def _begun(name: str) -> Story:
    story = governed(name).admit(HOSPITAL).enrol(PATIENT, CUSTODIAN).anchor(LEAF, CUSTODIAN)
    return story.grant(TERMS, PATIENT).travel(READY)


def _item(answer: Reason = Reason.NONE, number: int = 1, **changes: Any) -> Asked:  # noqa: ANN401 - members
    return asked(HOSPITAL, LEAF, TERMS, answer, number, **({"expires_at": LATER} | changes))


OF_HOSPITAL: Final[Values] = {"institution": address(HOSPITAL)}
SUSPENSION: Final = act_of("suspendInstitution", address(HOSPITAL), ZERO_32)


def _of_suspension() -> Iterator[Story]:
    for whole in (False, True):
        story = _begun(f"suspended-and-reinstated{'-whole' if whole else ''}").suspend(HOSPITAL)
        story.decide(_item(Reason.INSTITUTION_SUSPENDED), whole=whole).reinstate(HOSPITAL)
        yield story.decide(_item(number=2), whole=whole)
    yield _begun("suspended-by-one").govern("suspendInstitution", NATIONAL, **OF_HOSPITAL).decide(_item())
    story = _begun("suspended-by-the-province").govern("suspendInstitution", PROVINCE, DEPUTY, **OF_HOSPITAL)
    yield story.decide(_item(Reason.INSTITUTION_SUSPENDED))
    for do, needed, other in (
        ("suspendInstitution", Standing.ACTIVE, Standing.SUSPENDED),
        ("reinstateInstitution", Standing.SUSPENDED, Standing.ACTIVE),
        ("suspendInEmergency", Standing.ACTIVE, Standing.SUSPENDED),
    ):
        unknown = refused("ParticipantsUnknown", address(NEWCOMER))
        yield _begun(f"{do}-of-nobody").govern(do, NATIONAL, expect=unknown, institution=address(NEWCOMER))
        mismatch = refused("ParticipantsStandingMismatch", address(HOSPITAL), other, needed)
        story = _begun(f"{do}-of-who-is-so-already")
        if other == Standing.SUSPENDED:
            story.suspend(HOSPITAL)
        yield story.govern(do, NATIONAL, expect=mismatch, **OF_HOSPITAL)
        for officer in (STRANGER, AUDITORS[0], SYSTEM_OFFICERS[0]):
            name = f"{do}-by-{officer}".replace(" ", "-")
            yield _begun(name).govern(do, officer, expect=unauthorized(officer), **OF_HOSPITAL)
        story = _begun(f"{do}-by-the-neighbour")
        if needed == Standing.SUSPENDED:
            story.suspend(HOSPITAL)
        yield story.govern(do, NEIGHBOUR, expect=forbidden(NEIGHBOUR, REGION), **OF_HOSPITAL)


def _of_emergency() -> Iterator[Story]:
    do, until = "suspendInEmergency", READY + EMERGENCY
    for seconds in (-1, 0, 1):
        story = _begun(f"asked-{seconds}-seconds-after-the-emergency").govern(do, NATIONAL, **OF_HOSPITAL)
        reason = Reason.INSTITUTION_SUSPENDED if seconds < 0 else Reason.NONE
        yield story.decide(_item(Reason.INSTITUTION_SUSPENDED)).travel(until + seconds).decide(_item(reason, 2))
    story = _begun("emergency-that-lasts").govern(do, NATIONAL, **OF_HOSPITAL)
    story.govern("suspendInstitution", SECOND, **OF_HOSPITAL).travel(until)
    yield story.decide(_item(Reason.INSTITUTION_SUSPENDED))
    same = refused("ParticipantsSecondOfficerRequired", SUSPENSION, address(NATIONAL))
    story = _begun("emergency-confirmed-by-the-same").govern(do, NATIONAL, **OF_HOSPITAL)
    story.govern("suspendInstitution", NATIONAL, expect=same, **OF_HOSPITAL).travel(until)
    yield story.decide(_item())
    story = _begun("emergency-confirmed-too-late").govern(do, NATIONAL, **OF_HOSPITAL).travel(until)
    yield story.govern("suspendInstitution", SECOND, **OF_HOSPITAL).decide(_item())
    again = refused("ParticipantsEmergencyRepeated", address(HOSPITAL), address(NATIONAL))
    for seconds in (-1, 0):
        mismatch = refused("ParticipantsStandingMismatch", address(HOSPITAL), Standing.SUSPENDED, Standing.ACTIVE)
        story = _begun(f"emergency-again-{seconds}-seconds-after-it").govern(do, NATIONAL, **OF_HOSPITAL)
        yield story.travel(until + seconds).govern(
            do, NATIONAL, expect=again if seconds == 0 else mismatch, **OF_HOSPITAL
        )
    story = _begun("emergency-by-another-officer").govern(do, NATIONAL, **OF_HOSPITAL).travel(until)
    yield story.govern(do, SECOND, **OF_HOSPITAL).decide(_item(Reason.INSTITUTION_SUSPENDED))
    story = _begun("emergency-again-after-two-acted").govern(do, NATIONAL, **OF_HOSPITAL)
    story.reinstate(HOSPITAL).decide(_item()).govern(do, NATIONAL, **OF_HOSPITAL)
    yield story.decide(_item(Reason.INSTITUTION_SUSPENDED, 2))
    story = _begun("emergency-of-another-hospital").govern(do, NATIONAL, **OF_HOSPITAL)
    yield story.govern(do, NATIONAL, institution=address(CUSTODIAN))
    story = _begun("reinstated-by-one-in-an-emergency").govern(do, NATIONAL, **OF_HOSPITAL)
    yield story.govern("reinstateInstitution", NATIONAL, **OF_HOSPITAL).decide(_item(Reason.INSTITUTION_SUSPENDED))
    inactive = refused("ParticipantsStandingMismatch", address(HOSPITAL), Standing.SUSPENDED, Standing.ACTIVE)
    story = _begun("keys-in-an-emergency").govern(do, DEPUTY, **OF_HOSPITAL)
    yield story.rotate_keys(KEYS, HOSPITAL, NEW, expect=inactive)


def _with_new_keys(answer: Reason = Reason.NONE, number: int = 1) -> Asked:
    item = _item(answer, number, release_key_hash=hashlib.sha256(NEW_RELEASE_KEY).digest())
    return replace(item, key=NEW)


def _of_rotation() -> Iterator[Story]:
    for whole in (False, True):
        end = "-whole" if whole else ""
        story = _begun(f"keys-rotated{end}").rotate_keys(KEYS, HOSPITAL, NEW)
        story.decide(_item(Reason.SIGNATURE_INVALID), whole=whole)
        stale = replace(_item(Reason.RELEASE_KEY_MISMATCH, 2), key=NEW)
        yield story.decide(stale, _with_new_keys(number=3), whole=whole)
    wrong: list[tuple[str, Values, Error]] = [
        ("of-nobody", {"institution": address(NEWCOMER)}, refused("ParticipantsUnknown", address(NEWCOMER))),
        ("without-release-key", {"release_key": b""}, refused("ParticipantsReleaseKeyInvalid", address(HOSPITAL))),
        *(
            (f"signer-{name}", {"signer": signer}, refused("ParticipantsSignerInvalid", signer))
            for name, signer in UNACCEPTABLE.items()
        ),
        *(
            (
                f"{READY - before}-seconds-late",
                {"sign_before": before},
                refused("ParticipantsKeysExpired", before, READY),
            )
            for before in (READY - 1, READY)
        ),
    ]
    for name, changes, error in wrong:
        yield _begun(f"keys-{name}").rotate_keys(replace(KEYS, **changes), HOSPITAL, NEW, expect=error)
    yield _begun("keys-in-the-last-second").rotate_keys(replace(KEYS, sign_before=READY + 1), HOSPITAL, NEW)
    back = InstitutionKeys(address(HOSPITAL), bytes(key_of(HOSPITAL).signer), RELEASE_KEY, LATER)
    used = refused("ParticipantsKeysUsed", struct_hash(KEYS))
    story = _begun("keys-rotated-back-and-again").rotate_keys(KEYS, HOSPITAL, NEW).rotate_keys(back, NEW, HOSPITAL)
    yield story.rotate_keys(KEYS, HOSPITAL, NEW, expect=used).decide(_item())
    old = refused("ParticipantsSignatureInvalid", address(HOSPITAL))
    new = refused("ParticipantsNewSignatureInvalid", address(HOSPITAL))
    for first, second, error in (
        (NEW, NEW, old),
        (CUSTODIAN, NEW, old),
        (HOSPITAL, HOSPITAL, new),
        (NEW, HOSPITAL, old),
    ):
        name = f"keys-signed-by-{first.rpartition('/')[2]}-and-{second.rpartition('/')[2]}".replace(" ", "-")
        yield _begun(name).rotate_keys(KEYS, first, second, expect=error)
    relay = refused("ParticipantsRelayRequired", address(STRANGER))
    yield _begun("keys-passed-on-by-a-stranger").rotate_keys(KEYS, HOSPITAL, NEW, expect=relay, by=STRANGER)
    mismatch = refused("ParticipantsStandingMismatch", address(HOSPITAL), Standing.SUSPENDED, Standing.ACTIVE)
    yield _begun("keys-while-suspended").suspend(HOSPITAL).rotate_keys(KEYS, HOSPITAL, NEW, expect=mismatch)
    release = replace(KEYS, signer=bytes(key_of(HOSPITAL).signer))
    story = _begun("release-key-alone").rotate_keys(release, HOSPITAL, HOSPITAL)
    yield story.decide(replace(_with_new_keys(), key=HOSPITAL))


def _of_resets() -> Iterator[Story]:
    do = "resetInstitutionKeys"
    values: Values = OF_HOSPITAL | {"signer": bytes(key_of(NEW).signer), "release_key": NEW_RELEASE_KEY}
    yield _begun("keys-reset").govern(do, **values).decide(_with_new_keys(), _item(Reason.SIGNATURE_INVALID, 2))
    yield _begun("keys-reset-by-one").govern(do, NATIONAL, **values).decide(_item())
    story = _begun("keys-reset-while-suspended").suspend(HOSPITAL).govern(do, **values)
    yield story.decide(_with_new_keys(Reason.INSTITUTION_SUSPENDED))
    yield _begun("keys-reset-then-rotated").govern(do, **values).rotate_keys(KEYS, NEW, NEW)
    wrong: list[tuple[str, str, Values, Error]] = [
        ("of-nobody", NATIONAL, {"institution": address(NEWCOMER)}, refused("ParticipantsUnknown", address(NEWCOMER))),
        ("by-the-neighbour", NEIGHBOUR, {}, forbidden(NEIGHBOUR, REGION)),
        ("by-an-auditor", AUDITORS[0], {}, unauthorized(AUDITORS[0])),
        ("to-nothing", NATIONAL, {"release_key": b""}, refused("ParticipantsReleaseKeyInvalid", address(HOSPITAL))),
        *(
            (f"to-a-signer-{name}", NATIONAL, {"signer": signer}, refused("ParticipantsSignerInvalid", signer))
            for name, signer in UNACCEPTABLE.items()
        ),
    ]
    for name, officer, changes, error in wrong:
        yield _begun(f"keys-reset-{name}").govern(do, officer, expect=error, **(values | changes))


def _of_limits() -> Iterator[Story]:
    do = "limitInstitution"
    last: Values = {"issued_at": DAY_END - 30, "expires_at": LATER}
    for whole in (False, True):
        end = "-whole" if whole else ""
        story = _begun(f"two-a-day{end}").govern(do, daily=2, emergencies=0, **OF_HOSPITAL)
        denied = _item(Reason.PURPOSE_NOT_GRANTED, 2, purpose=Purpose.HRESCH)
        items = (
            _item(),
            denied,
            _item(number=3),
            _item(Reason.INSTITUTION_LIMIT, 4),
            replace(denied, request=replace(denied.request, request_id=5)),
        )
        story.decide(*items, whole=whole).travel(DAY_END - 1).decide(_item(Reason.INSTITUTION_LIMIT, 6), whole=whole)
        yield story.decide(_item(number=7, **last), _item(number=8), _item(Reason.INSTITUTION_LIMIT, 9), whole=whole)
    emergency: Values = {
        "purpose": Purpose.ETREAT,
        "legal_basis": LegalBasis.EMERGENCY,
        "reason_code": EmergencyReason.UNCONSCIOUS,
        "reason_hash": samples.word(0xE2),
    }

    def urgent(answer: Reason, number: int) -> Asked:
        return asked(HOSPITAL, LEAF, None, answer, number, **emergency)

    story = _begun("one-emergency-a-day").govern(do, daily=0, emergencies=1, **OF_HOSPITAL)
    yield story.decide(urgent(Reason.NONE, 1), urgent(Reason.EMERGENCY_LIMIT, 2), _item(number=3))
    story = _begun("emergencies-count-among-accesses").govern(do, daily=1, emergencies=2, **OF_HOSPITAL)
    yield story.decide(urgent(Reason.NONE, 1), urgent(Reason.INSTITUTION_LIMIT, 2), _item(Reason.INSTITUTION_LIMIT, 3))
    story = _begun("limit-lifted").govern(do, daily=1, emergencies=0, **OF_HOSPITAL).decide(_item())
    story.decide(_item(Reason.INSTITUTION_LIMIT, 2)).govern(do, daily=0, emergencies=0, **OF_HOSPITAL)
    yield story.decide(_item(number=3))
    yield (
        _begun("limited-by-one")
        .govern(do, AUDITORS[0], daily=1, emergencies=0, **OF_HOSPITAL)
        .decide(_item(), _item(number=2))
    )
    limits: Values = {"daily": 1, "emergencies": 1}
    unknown = refused("ParticipantsUnknown", address(NEWCOMER))
    yield _begun("limit-of-nobody").govern(do, AUDITORS[0], expect=unknown, institution=address(NEWCOMER), **limits)
    for officer in (NATIONAL, PROVINCE, SYSTEM_OFFICERS[0], STRANGER):
        name = f"limited-by-{officer.rpartition('/')[2]}".replace(" ", "-")
        yield _begun(name).govern(do, officer, expect=unauthorized(officer), **OF_HOSPITAL, **limits)
    same = refused("ParticipantsSecondOfficerRequired", act_of(do, address(HOSPITAL), 1, 1), address(AUDITORS[0]))
    yield _begun("limited-by-one-twice").govern(do, AUDITORS[0], AUDITORS[0], expect=same, **OF_HOSPITAL, **limits)


def histories() -> Iterator[Story]:
    """Gives every history of institutions after their admission."""
    for topic in (_of_suspension, _of_emergency, _of_rotation, _of_resets, _of_limits):
        yield from topic()
