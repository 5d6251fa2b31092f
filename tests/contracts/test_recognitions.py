"""Behaviour of `Recognitions`: marks, recognitions, studies, and every refusal in its order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

import pytest
from eth_hash.auto import keccak
from web3 import Web3

from consentry.core import batch_tree
from consentry.core.codes import Category, MarkScope, RecordStatus, RefusalReason, RestrictionReason
from consentry.core.erasures import Restriction
from consentry.core.recognitions import Recognition, ResultMark, StudyRegistration
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, RecordLeaf, SubjectId
from consentry.core.typed_data import record_id, struct_hash
from tests.contracts.act_calls import event_of, perform, refused, signed
from tests.support.contract_suite import Value
from tests.support.contract_world import Hospital, World
from tests.support.signers import AccountSigner

OTHER: Final = b"\x55" * 32
ITEM: Final = 250_101
GUANGZHOU: Final = 440_100
FUTIAN: Final = 440_304
DIGESTS: Final = [keccak(b"instance %d" % number) for number in range(7)]
ROOT: Final = batch_tree.root_of(DIGESTS)


def _about(world: World, leaf: RecordLeaf) -> dict[str, Any]:
    return {
        "record_id": record_id(leaf),
        "institution": world.custodian.address,
        "subject_id": leaf.subject_id,
        "nonce": 7,
        "sign_before": world.suite.now() + 3600,
    }


def mark(world: World, leaf: RecordLeaf, **changes: Value) -> ResultMark:
    own = {"item_code": ITEM, "scope": MarkScope.NATIONAL, "region": 0, "issued_at": world.suite.now() - 100}
    return ResultMark(**{**_about(world, leaf), **own, **changes})


def recognition(world: World, leaf: RecordLeaf, **changes: Value) -> Recognition:
    own = {
        "institution": world.hospital.address,
        "practitioner": OTHER,
        "accepted": True,
        "reason_code": 0,
        "explained": False,
    }
    return Recognition(**{**_about(world, leaf), **own, **changes})


def refusing(world: World, leaf: RecordLeaf, **changes: Value) -> Recognition:
    own = {"accepted": False, "reason_code": RefusalReason.EMERGENCY, "explained": True, "nonce": 8}
    return recognition(world, leaf, **{**own, **changes})


def study(world: World, leaf: RecordLeaf, **changes: Value) -> StudyRegistration:
    own = {"study_hash": OTHER, "instances_root": ROOT, "instances": len(DIGESTS)}
    return StudyRegistration(**{**_about(world, leaf), **own, **changes})


def anchored(world: World, **changes: Value) -> RecordLeaf:
    leaf = world.leaf(**changes)
    world.anchor(leaf)
    return leaf


def marked(world: World, **changes: Value) -> RecordLeaf:
    leaf = anchored(world)
    perform(world, mark(world, leaf, **changes), world.custodian.signer)
    return leaf


def counts(world: World, function: str, hospital: Hospital) -> tuple[int, ...]:
    return tuple(world.suite.read("Recognitions", function, hospital.address, ITEM))


def text(hospital: Hospital) -> str:
    return Web3.to_checksum_address(hospital.address)


CASES: Final[tuple[tuple[str, Callable[..., SignedAct]], ...]] = (
    ("markResult", mark),
    ("recordRecognition", recognition),
    ("registerStudy", study),
)
MAKERS: Final = dict(CASES)


def _signer(world: World, name: str) -> Any:  # noqa: ANN401 - a signer of one of several kinds
    return world.hospital.signer if name == "recordRecognition" else world.custodian.signer


def _ready(world: World, name: str) -> RecordLeaf:
    return marked(world) if name == "recordRecognition" else anchored(world)


@pytest.mark.parametrize("name", MAKERS)
def test_act_of_no_relay_too_late_short_of_a_signature_or_by_another_is_refused(world: World, name: str) -> None:
    act, signer = MAKERS[name](world, _ready(world, name)), _signer(world, name)
    late = dataclasses.replace(act, sign_before=world.suite.now())
    assert act.FORM.function == name

    assert refused(world, act, signer, sender=world.stranger) == ("ActRelayRequired", (world.stranger,))
    assert refused(world, act) == ("ActSignaturesMismatch", (0, 1))
    assert refused(world, late, signer) == ("ActExpired", (late.sign_before, world.suite.now()))
    assert refused(world, act, world.patient.signer) == ("ActSignatureInvalid", (struct_hash(act), 0))


@pytest.mark.parametrize("name", MAKERS)
def test_act_counts_once(world: World, name: str) -> None:
    act, signer = MAKERS[name](world, _ready(world, name)), _signer(world, name)

    events = perform(world, act, signer)

    assert events == [event_of(act, signed(world, act, (signer,)))]
    assert world.suite.read("Recognitions", "isPerformed", struct_hash(act))
    assert refused(world, act, signer) == ("ActRepeated", (struct_hash(act),))


@pytest.mark.parametrize("name", MAKERS)
def test_act_of_a_suspended_institution_is_refused(world: World, name: str) -> None:
    leaf = _ready(world, name)
    hospital = world.hospital if name == "recordRecognition" else world.custodian
    world.suspend(hospital)
    world.relay = (world.custodian if name == "recordRecognition" else world.hospital).relay
    act = MAKERS[name](world, leaf, **({} if name == "recordRecognition" else {"record_id": OTHER}))

    assert refused(world, act, _signer(world, name)) == ("RecognitionsInstitutionInactive", (text(hospital),))


@pytest.mark.parametrize("name", ["markResult", "registerStudy"])
def test_act_about_a_record_of_others_is_refused(world: World, name: str) -> None:
    right = MAKERS[name](world, anchored(world))
    cases: tuple[dict[str, Any], ...] = (
        {"record_id": OTHER},
        {"subject_id": SubjectId(OTHER)},
        {"institution": world.hospital.address},
    )
    for changes in cases:
        act: Any = dataclasses.replace(right, **changes)
        named = (act.record_id, act.subject_id, Web3.to_checksum_address(act.institution))
        assert refused(world, act, world.custodian.signer) == ("RecognitionsRecordMismatch", named)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("status", [RecordStatus.SUPERSEDED, RecordStatus.RESTRICTED])
def test_act_about_a_record_that_is_not_current_is_refused(world: World, name: str, status: RecordStatus) -> None:
    leaf = _ready(world, name)
    if status == RecordStatus.SUPERSEDED:
        world.supersede(leaf)
    else:
        closing = Restriction(**_about(world, leaf), restricted=True, reason_code=RestrictionReason.LEGAL_CLAIM)
        perform(world, closing, world.custodian.signer)
    act = MAKERS[name](world, leaf)

    refusal = refused(world, act, _signer(world, name))

    assert refusal == ("RecognitionsRecordNotCurrent", (record_id(leaf), status))


# Marks.


def test_mark_is_kept_as_signed(world: World) -> None:
    leaf = anchored(world)
    none = world.suite.read("Recognitions", "markOf", record_id(leaf))

    perform(world, mark(world, leaf, scope=MarkScope.CITY, region=440_300), world.custodian.signer)

    assert none == ("0x" + "00" * 20, 0, 0, 0)
    kept = world.suite.read("Recognitions", "markOf", record_id(leaf))
    assert kept == (text(world.custodian), ITEM, MarkScope.CITY, 440_300)
    again = refused(world, mark(world, leaf, nonce=8), world.custodian.signer)
    assert again == ("RecognitionsAlreadyMarked", (record_id(leaf),))


def test_mark_without_an_item_is_refused(world: World) -> None:
    act = mark(world, world.leaf(), item_code=0, scope=0)

    assert refused(world, act, world.custodian.signer) == ("RecognitionsItemMissing", ())


@pytest.mark.parametrize(
    ("scope", "region"),
    [(0, 0), (4, 0), (1, 440_000), (2, 0), (2, 440_300), (2, 90_000), (2, 1_000_000), (3, 440_301), (3, 99_900)],
)
def test_mark_of_an_unknown_scope_or_a_region_of_another_kind_is_refused(world: World, scope: int, region: int) -> None:
    act = mark(world, world.leaf(), scope=scope, region=region, issued_at=0)

    assert refused(world, act, world.custodian.signer) == ("RecognitionsScopeInvalid", (scope, region))


def test_mark_issued_never_or_in_the_future_is_refused(world: World) -> None:
    leaf = anchored(world)
    now = world.suite.now()
    for issued in (0, now + 61):
        act = mark(world, leaf, issued_at=issued, record_id=OTHER)
        assert refused(world, act, world.custodian.signer) == ("RecognitionsTimeInvalid", (issued, now))
    perform(world, mark(world, leaf, issued_at=now + 60), world.custodian.signer)


@pytest.mark.parametrize("category", [c for c in Category if c not in (Category.LABORATORY, Category.IMAGING)])
def test_mark_on_what_is_no_result_is_refused(world: World, category: Category) -> None:
    leaf = anchored(world, category=category)

    refusal = refused(world, mark(world, leaf), world.custodian.signer)

    assert refusal == ("RecognitionsCategoryInvalid", (record_id(leaf), category))


@pytest.mark.parametrize("category", [Category.LABORATORY, Category.IMAGING])
def test_mark_on_a_result_is_taken(world: World, category: Category) -> None:
    leaf = anchored(world, category=category)

    perform(world, mark(world, leaf, scope=MarkScope.PROVINCIAL, region=440_000), world.custodian.signer)

    assert world.suite.read("Recognitions", "markOf", record_id(leaf))[3] == 440_000


@pytest.mark.parametrize(("scope", "region"), [(MarkScope.PROVINCIAL, 110_000), (MarkScope.CITY, GUANGZHOU)])
def test_mark_for_a_region_the_issuer_does_not_lie_in_is_refused(world: World, scope: int, region: int) -> None:
    leaf = anchored(world)

    refusal = refused(world, mark(world, leaf, scope=scope, region=region), world.custodian.signer)

    assert refusal == ("RecognitionsRegionMismatch", (text(world.custodian), world.custodian.region, region))


# Recognitions.


def test_recognition_counts_a_result_once_by_what_was_said_last(world: World) -> None:
    leaf = marked(world)
    own = world.hospital.signer
    asked = ("Recognitions", "recognitionOf", record_id(leaf), world.hospital.address)
    assert world.suite.read(*asked) == (False, False, 0)

    perform(world, recognition(world, leaf), own)
    assert world.suite.read(*asked) == (True, True, 0)
    assert counts(world, "countsOf", world.hospital) == counts(world, "countsOfIssuer", world.custodian) == (1, 0)
    perform(world, refusing(world, leaf), own)
    perform(world, refusing(world, leaf, nonce=9, reason_code=RefusalReason.PATIENT_ASKS), own)

    assert world.suite.read(*asked) == (True, False, RefusalReason.PATIENT_ASKS)
    assert counts(world, "countsOf", world.hospital) == counts(world, "countsOfIssuer", world.custodian) == (0, 1)
    perform(world, recognition(world, leaf, nonce=10), own)
    assert counts(world, "countsOf", world.hospital) == counts(world, "countsOfIssuer", world.custodian) == (1, 0)
    assert counts(world, "countsOf", world.custodian) == counts(world, "countsOfIssuer", world.hospital) == (0, 0)


def test_recognitions_of_two_results_and_two_receivers_add_up(world: World) -> None:
    first, second = marked(world), anchored(world, commitment=OTHER)
    perform(world, mark(world, second, nonce=8), world.custodian.signer)
    clinic = world.admit("clinic", GUANGZHOU, world.suite.accounts[6])

    perform(world, recognition(world, first), world.hospital.signer)
    perform(world, refusing(world, second), world.hospital.signer)
    perform(world, recognition(world, first, institution=clinic.address), clinic.signer)

    assert counts(world, "countsOf", world.hospital) == (1, 1)
    assert counts(world, "countsOf", clinic) == (1, 0)
    assert counts(world, "countsOfIssuer", world.custodian) == (2, 1)
    other_item = world.suite.read("Recognitions", "countsOf", world.hospital.address, ITEM + 1)
    assert tuple(other_item) == (0, 0)


def test_recognition_that_names_nobody_is_refused(world: World) -> None:
    act = recognition(world, world.leaf(), practitioner=ZERO_32, reason_code=1)

    assert refused(world, act, world.hospital.signer) == ("RecognitionsPractitionerMissing", ())


@pytest.mark.parametrize(
    ("accepted", "reason", "explained"), [(True, 1, True), (False, 0, True), (False, 10, True), (False, 1, False)]
)
def test_answer_that_is_not_whole_is_refused(world: World, accepted: bool, reason: int, explained: bool) -> None:  # noqa: FBT001 - a parameter of the test
    act = recognition(world, world.leaf(), accepted=accepted, reason_code=reason, explained=explained)

    assert refused(world, act, world.hospital.signer) == ("RecognitionsAnswerInvalid", (accepted, reason, explained))


@pytest.mark.parametrize("reason", [min(RefusalReason), max(RefusalReason)])
def test_refusal_on_the_first_and_last_ground_is_taken(world: World, reason: int) -> None:
    perform(world, refusing(world, marked(world), reason_code=reason), world.hospital.signer)

    assert counts(world, "countsOf", world.hospital) == (0, 1)


def test_recognition_of_what_carries_no_mark_is_refused(world: World) -> None:
    leaf = anchored(world)

    refusal = refused(world, recognition(world, leaf, subject_id=SubjectId(OTHER)), world.hospital.signer)

    assert refusal == ("RecognitionsNotMarked", (record_id(leaf),))


def test_recognition_under_another_subject_is_refused(world: World) -> None:
    leaf = marked(world)
    act = recognition(world, leaf, subject_id=SubjectId(OTHER), institution=world.custodian.address)

    refusal = refused(world, act, world.custodian.signer)

    assert refusal == ("RecognitionsRecordMismatch", (record_id(leaf), OTHER, text(world.custodian)))


def test_recognition_of_ones_own_result_is_refused(world: World) -> None:
    leaf = marked(world)
    act = recognition(world, leaf, institution=world.custodian.address)

    refusal = refused(world, act, world.custodian.signer)

    assert refusal == ("RecognitionsOwnResult", (record_id(leaf), text(world.custodian)))


@pytest.mark.parametrize(
    ("scope", "region", "receiver", "counts_there"),
    [
        (MarkScope.NATIONAL, 0, 110_000, True),
        (MarkScope.PROVINCIAL, 440_000, GUANGZHOU, True),
        (MarkScope.PROVINCIAL, 440_000, 110_000, False),
        (MarkScope.CITY, 440_300, FUTIAN, True),
        (MarkScope.CITY, 440_300, GUANGZHOU, False),
        (MarkScope.CITY, 440_300, 110_300, False),
    ],
)
def test_mark_counts_in_its_scope_alone(
    world: World, scope: int, region: int, receiver: int, *, counts_there: bool
) -> None:
    leaf = marked(world, scope=scope, region=region)
    clinic = world.admit("clinic", receiver, world.suite.accounts[6], AccountSigner(b"\x07" * 32))
    act = recognition(world, leaf, institution=clinic.address)

    if counts_there:
        perform(world, act, clinic.signer)
        assert counts(world, "countsOf", clinic) == (1, 0)
    else:
        assert refused(world, act, clinic.signer) == ("RecognitionsRegionMismatch", (text(clinic), receiver, region))


# Studies.


def test_every_instance_of_a_study_is_shown_by_its_path_and_no_other(world: World) -> None:
    leaf = anchored(world)
    empty = world.suite.read("Recognitions", "isInstance", record_id(leaf), DIGESTS[0], 0, [])
    perform(world, study(world, leaf), world.custodian.signer)

    def shown(digest: bytes, index: int, path: tuple[bytes, ...]) -> bool:
        return bool(world.suite.read("Recognitions", "isInstance", record_id(leaf), digest, index, list(path)))

    assert not empty
    for index, digest in enumerate(DIGESTS):
        path = batch_tree.path_of(DIGESTS, index)
        assert shown(digest, index, path)
        assert not shown(OTHER, index, path)
        assert not shown(digest, index ^ 1, path)
        assert not shown(digest, index, (*path, OTHER))
        assert not shown(digest, index, path[:-1])
    assert not shown(DIGESTS[6], 7, batch_tree.path_of(DIGESTS, 6))
    assert not world.suite.read("Recognitions", "isInstance", OTHER, DIGESTS[0], 0, [])
    assert world.suite.read("Recognitions", "studyOf", record_id(leaf)) == (OTHER, ROOT, len(DIGESTS))


def test_study_of_one_instance_has_an_empty_path(world: World) -> None:
    leaf = anchored(world)
    act = study(world, leaf, instances_root=batch_tree.root_of(DIGESTS[:1]), instances=1)
    perform(world, act, world.custodian.signer)

    assert world.suite.read("Recognitions", "isInstance", record_id(leaf), DIGESTS[0], 0, [])


@pytest.mark.parametrize("missing", [{"study_hash": ZERO_32}, {"instances_root": ZERO_32}, {"instances": 0}])
def test_study_that_is_not_whole_is_refused(world: World, missing: dict[str, Any]) -> None:
    act = study(world, world.leaf(), **missing)

    assert refused(world, act, world.custodian.signer) == ("RecognitionsStudyInvalid", ())


@pytest.mark.parametrize("category", [Category.LABORATORY, Category.MEDICATION])
def test_study_of_what_is_no_image_is_refused(world: World, category: Category) -> None:
    leaf = anchored(world, category=category)

    refusal = refused(world, study(world, leaf), world.custodian.signer)

    assert refusal == ("RecognitionsCategoryInvalid", (record_id(leaf), category))


def test_study_is_registered_once_a_record(world: World) -> None:
    leaf = anchored(world)
    perform(world, study(world, leaf), world.custodian.signer)

    refusal = refused(world, study(world, leaf, nonce=8), world.custodian.signer)

    assert refusal == ("RecognitionsStudyKnown", (record_id(leaf),))


def test_domain_and_wiring_are_as_documented(world: World) -> None:
    _, name, version, *_ = world.suite.read("Recognitions", "eip712Domain")

    assert (name, version) == ("Consentry Recognitions", "1")
    for contract in ("Participants", "Subjects", "Records"):
        assert world.suite.read("Recognitions", contract.lower()) == world.suite[contract].address
