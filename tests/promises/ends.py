"""What becomes of records in a year: marked and recognised, registered, disputed, restricted, erased."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from random import Random
from typing import Any, Final

from consentry.core.batch_tree import root_of
from consentry.core.codes import Category, ErasureReason, MarkScope, RefusalReason, RestrictionReason
from consentry.core.erasures import (
    CorrectionRequest,
    DeletionAttestation,
    Erasure,
    ErasureOfficerAdmission,
    ErasureOfficerRemoval,
    ErasureRequest,
    Restriction,
)
from consentry.core.recognitions import Recognition, ResultMark, StudyRegistration
from consentry.core.terms import ZERO_32, RecordLeaf
from consentry.core.typed_data import record_id
from consentry.crypto.signing import AccountKey
from consentry.crypto.study import NO_PIXELS, instance_digest, study_hash
from consentry.gateway.erasures import digest_of, report_of
from consentry.gateway.ports import Remains
from tests.promises.beside import WORDS, Beside, soon
from tests.promises.schedule import Act
from tests.support.samples import DAY

GUANGDONG: Final = 440_000
_RESULTS: Final = (Category.LABORATORY, Category.IMAGING)


class Ends:
    """Draws what becomes of each record that no version follows, and plays it."""

    def __init__(self, beside: Beside, superseded: set[int]) -> None:
        self._beside = beside
        self._superseded = superseded
        keys = Random(f"officers {beside.clinic.seed}")
        self._officers = [[AccountKey(keys.randbytes(32)) for _ in range(3)] for _ in beside.clinic.hospitals]

    def admit_officers(self, now: int) -> None:
        """Has each hospital admit three officers, and take one of them out later."""
        beside = self._beside
        for number, officers in enumerate(self._officers):
            own = beside.hospital(number).key
            for officer in officers:
                admission = ErasureOfficerAdmission(own.address, officer.signer, beside.nonce(), now + DAY)
                beside.agenda.later(now + 10, beside.perform, admission, own, officer)
            removal = ErasureOfficerRemoval(own.address, officers[2].signer, beside.nonce(), now + 365 * DAY)
            beside.agenda.later(now + 200 * DAY, beside.perform, removal, own)

    def after(self, number: int, act: Act) -> None:
        """Draws what becomes of a record that was just anchored."""
        if number in self._superseded:
            return
        beside = self._beside
        what = beside.random.random()
        if beside.clinic.leaf_of(number).category in _RESULTS and what < 0.6:
            beside.agenda.later(act.time + 3600, self._mark, number, act)
        elif 0.6 <= what < 0.7:
            beside.agenda.later(act.time + 3 * DAY, self._dispute, number, act)
        elif 0.7 <= what < 0.8:
            beside.agenda.later(act.time + 4 * DAY, self._restrict, number, act)
        elif 0.8 <= what < 0.9:
            beside.agenda.later(act.time + 6 * DAY, self._ask_to_erase, number, act)

    def _mark(self, now: int, number: int, act: Act) -> None:
        beside, leaf = self._beside, self._beside.clinic.leaf_of(number)
        own = beside.hospital(act.custodian).key
        about = (record_id(leaf), own.address, leaf.subject_id)
        scope, region = beside.random.choice(((MarkScope.NATIONAL, 0), (MarkScope.PROVINCIAL, GUANGDONG)))
        item = beside.random.randrange(1, 300)
        mark = ResultMark(*about, item, scope, region, now - 600, beside.nonce(), soon(now))
        beside.perform(now, mark, own)
        beside.agenda.later(now + 3 * DAY, self._recognise, leaf, act)
        if leaf.category == Category.IMAGING:
            beside.agenda.later(now + 900, beside.perform, self.study_of(leaf, act, now + DAY), own)

    def study_of(self, leaf: RecordLeaf, act: Act, now: int, **wrong: Any) -> StudyRegistration:  # noqa: ANN401 - members by name
        """Gives the registration of an imaging study; ``wrong`` members take the place of its own."""
        beside = self._beside
        key, images = beside.random.randbytes(32), [beside.random.randbytes(64) for _ in range(3)]
        digests = [instance_digest(key, hashlib.sha256(image).digest(), NO_PIXELS) for image in images]
        members = {
            "record_id": record_id(leaf),
            "institution": beside.hospital(act.custodian).key.address,
            "subject_id": leaf.subject_id,
            "study_hash": study_hash(key, WORDS[3]),
            "instances_root": root_of(digests),
            "instances": len(digests),
            "nonce": beside.nonce(),
            "sign_before": soon(now),
        }
        return StudyRegistration(**{**members, **wrong})

    def _recognise(self, now: int, leaf: RecordLeaf, act: Act) -> None:
        beside, other = self._beside, 1 - act.custodian
        own, who = beside.hospital(other).key, beside.staff(other)
        accepted = beside.happens(0.6)
        reason = 0 if accepted else beside.random.choice(tuple(RefusalReason))
        about = (record_id(leaf), own.address, leaf.subject_id)
        said = Recognition(*about, who, accepted, reason, not accepted, beside.nonce(), soon(now))
        beside.perform(now, said, own)

    def _dispute(self, now: int, number: int, act: Act) -> None:
        beside, leaf = self._beside, self._beside.clinic.leaf_of(number)
        about = (record_id(leaf), leaf.custodian, leaf.subject_id)
        reason = beside.reason(act.custodian, WORDS[0])
        asked = CorrectionRequest(*about, ZERO_32, reason, beside.nonce(), soon(now))
        beside.perform(now, asked, beside.clinic.signer_of(act))

    def _restrict(self, now: int, number: int, act: Act) -> None:
        beside, leaf = self._beside, self._beside.clinic.leaf_of(number)
        own = beside.hospital(act.custodian).key
        about, reason = (record_id(leaf), own.address, leaf.subject_id), RestrictionReason.ACCURACY_DISPUTED
        restriction = Restriction(
            *about, restricted=True, reason_code=reason, nonce=beside.nonce(), sign_before=now + 90 * DAY
        )
        beside.perform(now, restriction, own)
        lift = replace(restriction, restricted=False, nonce=beside.nonce())
        beside.agenda.later(now + 30 * DAY, beside.perform, lift, own)

    def _ask_to_erase(self, now: int, number: int, act: Act) -> None:
        beside, leaf = self._beside, self._beside.clinic.leaf_of(number)
        about = (record_id(leaf), leaf.custodian, leaf.subject_id)
        asked = ErasureRequest(*about, ZERO_32, beside.nonce(), soon(now))
        beside.perform(now, asked, beside.clinic.signer_of(act))
        beside.agenda.later(now + 20 * DAY, self._erase, leaf, act)

    def _erase(self, now: int, leaf: RecordLeaf, act: Act) -> None:
        beside, (first, second, _) = self._beside, self._officers[act.custodian]
        held = beside.random.randbytes(32), leaf.version, leaf.ciphertext_digest, leaf.ciphertext_size
        report = report_of(record_id(leaf), Remains(*held, keys_destroyed=False, deleted_at=0))
        about = (record_id(leaf), leaf.custodian, leaf.subject_id)
        officers = (first.signer, second.signer)
        act_of_erasure = Erasure(
            *about, ErasureReason.WRONG_PATIENT, digest_of(report), *officers, beside.nonce(), soon(now)
        )
        beside.perform(now, act_of_erasure, first, second)
        beside.agenda.later(now + 60, self._attest, leaf, act)

    def _attest(self, now: int, leaf: RecordLeaf, act: Act) -> None:
        beside = self._beside
        about = (record_id(leaf), leaf.custodian, leaf.subject_id)
        gone = DeletionAttestation(*about, now - 20, 1, beside.nonce(), soon(now))
        beside.perform(now, gone, beside.hospital(act.custodian).key)
