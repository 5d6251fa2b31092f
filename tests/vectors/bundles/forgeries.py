"""Bundles that lie, each in one way, with the step that must refuse it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import rfc8785

from consentry.core import events
from consentry.core.codes import Reason
from consentry.core.terms import ZERO_32, Address, AuthorisationId
from consentry.core.typed_data import digest
from consentry.crypto.signing import AccountKey
from consentry.evidence import notation, steps
from consentry.evidence.bundle import Bundle
from consentry.evidence.claim import claim_of
from consentry.evidence.inclusion import Inclusion
from consentry.evidence.trust import TrustRoot
from tests.support import samples
from tests.support.samples import NOW
from tests.vectors.bundles.real import CUSTODIAN, HOSPITAL, PATIENT, SECOND, STRANGER, RealBundles
from tests.vectors.bundles.rogue import Rogue

Json = dict[str, Any]
Change = Callable[[Json], object]


@dataclass(frozen=True)
class Forgery:
    """A lying bundle, the trust root it is shown against, and the step that must refuse it.

    ``log_roots`` are shown beside the trust root, and ``now`` is when, in seconds.
    """

    name: str
    step: int
    content: bytes
    trust: TrustRoot
    log_roots: tuple[bytes, ...] = ()
    now: int = NOW


def _flip(text: str, place: int = -1) -> str:
    digit = text[place]
    changed = "0" if digit != "0" else "1"
    index = place % len(text)
    return text[:index] + changed + text[index + 1 :]


def _set(value: Any, *path: str | int) -> Change:  # noqa: ANN401 - any JSON
    def change(bundle: Json) -> None:
        target: Any = bundle
        for name in path[:-1]:
            target = target[name]
        target[path[-1]] = value(target[path[-1]]) if callable(value) else value

    return change


def _entry(bundle: Json) -> Json:
    entry: Json = bundle["decision"]["entry"]
    return entry


def _with_claim(bundle: Json) -> Json:
    """Makes the words fit the changed decision, so that only the lie is left to be found."""
    bundle["claim"] = claim_of(notation.read_entry(_entry(bundle)))
    return bundle


def _drop_member(bundle: Json) -> None:
    del bundle["scopeProof"]


def _add_member(bundle: Json) -> None:
    bundle["note"] = "trust me"


def _old_signer(bundle: Json) -> None:
    bundle["rotation"]["keys"]["signer"] = bundle["institution"]["signer"]


def _admission_nodes(bundle: Json) -> None:
    bundle["rotation"]["inclusion"] = bundle["institution"]["inclusion"]


FORM: Final[tuple[tuple[str, Change], ...]] = (
    ("member-missing", _drop_member),
    ("member-unknown", _add_member),
    ("format-of-another-version", _set("consentry.bundle/v2", "format")),
    ("hexadecimal-in-capitals", _set(lambda text: "0x" + text[2:].upper(), "requestSignature")),
    ("record-id-too-short", _set("0x00", "decision", "entry", "request", "recordId")),
    ("number-as-text", _set("1", "decision", "entry", "reason")),
    ("number-negative", _set(-1, "institution", "region")),
    ("number-with-a-leading-zero", _set(lambda text: "0" + text, "decision", "entry", "decidedAt")),
    ("truth-value-as-number", _set(0, "consent", "terms", "onwardDisclosure")),
    ("headers-no-list", _set({}, "headers")),
)
CHAIN: Final[tuple[tuple[str, Change], ...]] = (
    ("chain-id-of-another-chain", _set("1", "chain", "chainId")),
    ("genesis-of-another-chain", _set(_flip, "chain", "genesisHash")),
    ("contract-of-another-deployment", _set(_flip, "chain", "contracts", "Consents")),
    ("contract-missing", lambda bundle: bundle["chain"]["contracts"].pop("Records")),
    ("contract-unknown", _set("0x" + "11" * 20, "chain", "contracts", "Backdoor")),
)
HEADERS: Final[tuple[tuple[str, Change], ...]] = (
    ("header-changed", _set(lambda text: _flip(text, 600), "headers", 0)),
    ("header-with-another-receipts-root", _set(lambda text: _flip(text, 400), "headers", -1)),
    ("header-with-another-parent", _set(lambda text: _flip(text, 20), "headers", 5)),
    ("header-truncated", _set(lambda text: text[:-2], "headers", 3)),
    ("header-missing-in-the-chain", lambda bundle: bundle["headers"].pop(4)),
    ("checkpoint-header-missing", lambda bundle: bundle["headers"].pop()),
    ("header-no-header", _set("0xc0", "headers", 0)),
)
INSTITUTION: Final[tuple[tuple[str, Change], ...]] = (
    ("headers-none", _set([], "headers")),
    ("institution-another", _set("0x" + CUSTODIAN.address.hex(), "institution", "institution")),
    ("institution-signer-replaced", _set("0x" + STRANGER.address.hex(), "institution", "signer")),
    ("institution-release-key-replaced", _set("0x00", "institution", "releaseKey")),
    ("institution-region-changed", _set(110000, "institution", "region")),
    ("institution-authority-changed", _set("0x" + "22" * 20, "institution", "authority")),
    ("institution-log-index-beyond", _set(7, "institution", "inclusion", "logIndex")),
    ("institution-transaction-absent", _set(9, "institution", "inclusion", "transactionIndex")),
    ("institution-nodes-missing", _set([], "institution", "inclusion", "nodes")),
    ("institution-node-changed", _set(lambda text: _flip(text, 300), "institution", "inclusion", "nodes", 0)),
    ("institution-block-another", _set(_flip, "institution", "inclusion", "blockHash")),
)
ROTATION: Final[tuple[tuple[str, int, Change], ...]] = (
    ("rotation-left-out", steps.REQUEST, _set(None, "rotation")),
    ("rotation-signer-replaced", steps.INSTITUTION, _set("0x" + STRANGER.address.hex(), "rotation", "keys", "signer")),
    ("rotation-signer-of-the-admission", steps.INSTITUTION, _old_signer),
    ("rotation-release-key-replaced", steps.INSTITUTION, _set("0x00", "rotation", "keys", "releaseKey")),
    ("rotation-of-another", steps.INSTITUTION, _set("0x" + CUSTODIAN.address.hex(), "rotation", "keys", "institution")),
    ("rotation-by-an-authority", steps.INSTITUTION, _set("0x" + "22" * 20, "rotation", "authority")),
    ("rotation-time-changed", steps.INSTITUTION, _set("1", "rotation", "keys", "signBefore")),
    ("rotation-nodes-of-the-admission", steps.INSTITUTION, _admission_nodes),
    ("rotation-member-unknown", steps.FORM, _set("trust me", "rotation", "note")),
)
"""Changes to the keys that a request was signed with."""
REQUEST: Final[tuple[tuple[str, Change], ...]] = (
    ("request-signature-changed", _set(lambda text: _flip(text, 40), "requestSignature")),
    ("request-signature-empty", _set("0x", "requestSignature")),
    ("request-purpose-changed", _set(9, "decision", "entry", "request", "purpose")),
    ("request-record-changed", _set(_flip, "decision", "entry", "request", "recordId")),
    ("request-practitioner-changed", _set(_flip, "decision", "entry", "request", "practitioner")),
    ("request-id-changed", _set("99", "decision", "entry", "request", "requestId")),
    ("request-time-changed", _set(str(NOW + 7), "decision", "entry", "request", "issuedAt")),
)
BATCH: Final[tuple[tuple[str, Change], ...]] = (
    ("batch-left-out", _set(None, "batch")),
    ("batch-root-changed", _set(_flip, "batch", "root")),
    ("batch-size-enlarged", _set(5, "batch", "size")),
    ("batch-size-of-one", _set(1, "batch", "size")),
    ("batch-place-of-another-request", _set(0, "batch", "place")),
    ("batch-place-beyond-its-size", _set(3, "batch", "place")),
    ("batch-path-empty", _set([], "batch", "path")),
    ("batch-path-prolonged", lambda bundle: bundle["batch"]["path"].append("0x" + "00" * 32)),
    ("batch-path-node-changed", _set(_flip, "batch", "path", 0)),
    ("batch-of-another-institution", _set("0x" + CUSTODIAN.address.hex(), "batch", "institution")),
)
"""Changes to the place of a request in a batch that was signed as a whole."""
KEYS: Final[tuple[tuple[str, str, int, Change], ...]] = (
    ("key-left-out", "permitted-by-new-signer", steps.SIGNATURE, _set([], "subjectKeys")),
    (
        "key-replaced",
        "permitted-by-new-signer",
        steps.SUBJECT,
        _set("0x" + STRANGER.address.hex(), "subjectKeys", 0, "act", "signer"),
    ),
    (
        "key-signature-changed",
        "permitted-by-new-signer",
        steps.SUBJECT,
        _set(_flip, "subjectKeys", 0, "signatures", 1),
    ),
    ("key-of-an-unknown-kind", "permitted-by-new-signer", steps.FORM, _set("key-gift", "subjectKeys", 0, "kind")),
    ("key-twice", "permitted-by-new-signer", steps.SUBJECT, lambda b: b["subjectKeys"].append(b["subjectKeys"][0])),
    ("card-left-out", "permitted-by-card", steps.SUBJECT, _set([], "subjectKeys")),
    ("card-taken-for-a-device", "permitted-by-card", steps.SUBJECT, _set(1, "consent", "terms", "assurance")),
    (
        "card-replaced",
        "permitted-by-card",
        steps.SUBJECT,
        _set("0x" + STRANGER.address.hex(), "subjectKeys", 0, "act", "signer"),
    ),
    ("guardian-left-out", "permitted-by-guardian", steps.SUBJECT, _set([], "subjectKeys")),
    (
        "guardian-replaced",
        "permitted-by-guardian",
        steps.SUBJECT,
        _set("0x" + STRANGER.address.hex(), "subjectKeys", 0, "act", "guardian"),
    ),
    ("guardian-hidden", "permitted-by-guardian", steps.SUBJECT, _set("0x" + "00" * 32, "consent", "terms", "guardian")),
    ("recovery-without-its-proposal", "permitted-after-recovery", steps.SUBJECT, lambda b: b["subjectKeys"].pop(0)),
    ("recovery-never-completed", "permitted-after-recovery", steps.SUBJECT, lambda b: b["subjectKeys"].pop()),
    (
        "recovery-of-another-proposal",
        "permitted-after-recovery",
        steps.SUBJECT,
        _set(_flip, "subjectKeys", 1, "act", "recovery"),
    ),
)
"""Changes to the acts that name the signer of a consent, in bundles that have some."""
RECORD: Final[tuple[tuple[str, Change], ...]] = (
    ("record-missing", _set(None, "record")),
    ("record-sensitivity-lowered", _set(1, "record", "leaf", "sensitivity")),
    ("record-commitment-changed", _set(_flip, "record", "leaf", "commitment")),
    ("record-digest-changed", _set(_flip, "record", "leaf", "ciphertextDigest")),
    ("record-nodes-of-another-event", lambda b: b["record"].update(inclusion=b["consent"]["inclusion"])),
    ("record-subject-hidden", _set("0x" + "00" * 32, "decision", "entry", "subjectId")),
)
SUBJECT: Final[tuple[tuple[str, Change], ...]] = (
    ("subject-missing", _set(None, "subject")),
    ("subject-signer-replaced", _set("0x" + STRANGER.address.hex(), "subject", "signer")),
    ("subject-custodian-changed", _set("0x" + HOSPITAL.address.hex(), "subject", "custodian")),
    ("subject-another", _set(_flip, "subject", "subjectId")),
)
CONSENT: Final[tuple[tuple[str, Change], ...]] = (
    ("consent-missing", lambda bundle: bundle.update(consent=None, subject=None)),
    ("consent-prolonged", _set(str(2**40), "consent", "terms", "validUntil")),
    ("consent-purposes-widened", _set(0xFFFE, "consent", "terms", "purposes")),
    ("consent-notice-replaced", _set(_flip, "consent", "terms", "noticeHash")),
    ("consent-signature-replaced", _set(lambda text: _flip(text, 50), "consent", "signature")),
    ("consent-nodes-of-another-event", lambda b: b["consent"].update(inclusion=b["record"]["inclusion"])),
)
DECISION: Final[tuple[tuple[str, Change], ...]] = (
    ("decision-sequence-changed", _set(9, "decision", "entry", "subjectSequence")),
    ("decision-institution-sequence-changed", _set(9, "decision", "entry", "institutionSequence")),
    ("decision-time-changed", _set(str(NOW), "decision", "entry", "decidedAt")),
    ("decision-made-a-denial", _set(int(Reason.USES_EXHAUSTED), "decision", "entry", "reason")),
    ("decision-nodes-of-another-event", lambda b: b["decision"].update(inclusion=b["consent"]["inclusion"])),
)
CLAIM: Final[tuple[tuple[str, Change], ...]] = (
    ("claim-empty", _set("", "claim")),
    ("claim-embellished", _set(lambda text: text + " The patient was informed.", "claim")),
    ("claim-of-another-outcome", _set(lambda text: text.replace("permitted", "denied"), "claim")),
)
CHANGES: Final = (
    (steps.FORM, FORM),
    (steps.CHAIN, CHAIN),
    (steps.HEADERS, HEADERS),
    (steps.INSTITUTION, INSTITUTION),
    (steps.REQUEST, REQUEST),
    (steps.RECORD, RECORD),
    (steps.SUBJECT, SUBJECT),
    (steps.CONSENT, CONSENT),
    (steps.DECISION, DECISION),
)


def _changed(bundle: Bundle, change: Change) -> Json:
    found: Json = json.loads(bundle.to_json())
    change(found)
    return found


def _edited(real: RealBundles) -> Iterator[Forgery]:
    base = real.bundles["permitted-account"]
    for step, changes in CHANGES:
        for name, change in changes:
            found = _changed(base, change)
            content = rfc8785.dumps(found if step <= steps.FORM else _with_claim(found))
            yield Forgery(name, step, content, real.trust)
    for name, change in CLAIM:
        yield Forgery(name, steps.CLAIM, rfc8785.dumps(_changed(base, change)), real.trust)


def _within(real: RealBundles) -> Iterator[Forgery]:
    """Bundles of one request of a batch, made one of another batch or of none."""
    for name, change in BATCH:
        content = rfc8785.dumps(_changed(real.bundles["permitted-in-batch-last"], change))
        yield Forgery(name, steps.REQUEST, content, real.trust)
    alone = json.loads(real.bundles["permitted-account"].to_json())
    alone["batch"] = json.loads(real.bundles["permitted-in-batch-last"].to_json())["batch"]
    yield Forgery("batch-invented", steps.REQUEST, rfc8785.dumps(alone), real.trust)


def _rotated(real: RealBundles) -> Iterator[Forgery]:
    """Bundles of an institution with new keys, shown with others."""
    new, reset = real.bundles["permitted-after-rotation"], real.bundles["permitted-after-reset"]
    for name, step, change in ROTATION:
        yield Forgery(name, step, rfc8785.dumps(_changed(new, change)), real.trust)
    mixed = {
        "rotation-before-the-last-one": (steps.REQUEST, replace(reset, rotation=new.rotation)),
        "rotation-after-the-decision": (steps.REQUEST, replace(new, rotation=reset.rotation)),
        "rotation-invented": (steps.REQUEST, replace(real.bundles["permitted-account"], rotation=new.rotation)),
        "rotation-later-with-the-same-keys": (
            steps.ORDER,
            replace(real.bundles["permitted-account"], rotation=reset.rotation),
        ),
    }
    for name, (step, bundle) in mixed.items():
        yield Forgery(name, step, bundle.to_json(), real.trust)


def _grounds(real: RealBundles) -> Iterator[Forgery]:
    """Bundles of accesses that rest on no consent, shown without what they rest on or owe, or with another's."""
    usual, given = real.bundles["permitted-account"], real.bundles["permitted-authorised"]
    emergency = real.bundles["permitted-emergency"]
    assert given.authorisation
    assert isinstance(emergency.debt, Inclusion)
    other = replace(given.authorisation, terms=replace(given.authorisation.terms, nonce=0))
    unsigned = replace(given.authorisation, signatures=())
    forged = replace(given.authorisation, signatures=(samples.word(1) * 2 + b"\x1b",))
    for name, step, bundle in (
        ("debt-missing", steps.DECISION, replace(emergency, debt=None)),
        ("debt-invented", steps.DECISION, replace(usual, debt=emergency.debt)),
        ("debt-in-another-block", steps.DECISION, replace(emergency, debt=usual.decision)),
        ("debt-is-the-decision", steps.DECISION, replace(emergency, debt=emergency.decision)),
        ("debt-nowhere", steps.DECISION, replace(emergency, debt=replace(emergency.debt, log_index=2))),
        ("authorisation-missing", steps.CONSENT, replace(given, authorisation=None)),
        ("authorisation-invented", steps.CONSENT, replace(usual, authorisation=given.authorisation)),
        ("authorisation-of-an-emergency", steps.CONSENT, replace(emergency, authorisation=given.authorisation)),
        ("authorisation-another", steps.CONSENT, replace(given, authorisation=other)),
        ("authorisation-unsigned", steps.CONSENT, replace(given, authorisation=unsigned)),
        ("authorisation-signed-otherwise", steps.CONSENT, replace(given, authorisation=forged)),
    ):
        yield Forgery(name, step, bundle.to_json(), real.trust)


def _keys(real: RealBundles) -> Iterator[Forgery]:
    """Bundles of consents that another than the enrolled signer signed, with acts that do not name it."""
    for name, base, step, change in KEYS:
        content = rfc8785.dumps(_changed(real.bundles[base], change))
        yield Forgery(name, step, content, real.trust)
    rotated, guarded = real.bundles["permitted-by-new-signer"], real.bundles["permitted-by-guardian"]
    other = replace(rotated, subject_keys=guarded.subject_keys)
    yield Forgery("key-of-another-subject", steps.SUBJECT, other.to_json(), real.trust)
    needless = replace(real.bundles["denied-no-consent"], subject_keys=rotated.subject_keys)
    yield Forgery("key-without-a-consent", steps.SUBJECT, needless.to_json(), real.trust)
    rogue = Rogue(rotated, real.trust, HOSPITAL, SECOND)
    for name, order in (
        ("rogue-rotated-after-the-grant", ("admitted", "enrolled", "anchored", "granted", "key-0", "decided")),
        ("rogue-rotated-after-the-decision", ("admitted", "enrolled", "anchored", "granted", "decided", "key-0")),
    ):
        bundle, trust = rogue.mine({}, order=order)
        yield Forgery(name, steps.ORDER, bundle.to_json(), trust)


def _raw(real: RealBundles) -> Iterator[Forgery]:
    content = real.bundles["permitted-account"].to_json()
    found = json.loads(content)
    yield Forgery("file-empty", steps.FORM, b"", real.trust)
    yield Forgery("file-truncated", steps.FORM, content[:-1], real.trust)
    yield Forgery("file-with-a-tail", steps.FORM, content + b"\n", real.trust)
    yield Forgery("file-indented", steps.FORM, json.dumps(found, indent=1, sort_keys=True).encode(), real.trust)
    twice = content.replace(b'"scopeProof":[]', b'"scopeProof":[],"scopeProof":[]')
    yield Forgery("member-twice", steps.FORM, twice, real.trust)
    yield Forgery("file-no-object", steps.FORM, b"[]", real.trust)


def _mixed(real: RealBundles) -> Iterator[Forgery]:
    """Parts of several true bundles put together."""
    account, passkey = real.bundles["permitted-account"], real.bundles["permitted-passkey"]
    denied = real.bundles["denied-action"]
    mixed = {
        "request-signature-of-another-access": (
            steps.REQUEST,
            replace(account, request_signature=passkey.request_signature),
        ),
        "record-of-another-subject": (steps.RECORD, replace(account, record=passkey.record)),
        "subject-of-another-consent": (steps.SUBJECT, replace(account, subject=passkey.subject)),
        "consent-of-another-subject": (
            steps.CONSENT,
            replace(account, consent=passkey.consent, subject=passkey.subject),
        ),
        "denial-shown-as-permitted": (
            steps.DECISION,
            replace(denied, entry=replace(denied.entry, reason=0), claim=claim_of(replace(denied.entry, reason=0))),
        ),
        "decision-place-of-another": (steps.DECISION, replace(account, decision=passkey.decision)),
    }
    for name, (step, bundle) in mixed.items():
        yield Forgery(name, step, bundle.to_json(), real.trust)


def _rogue(real: RealBundles, patient: AccountKey) -> Iterator[Forgery]:
    """Bundles of a chain that lies and is vouched for."""
    rogue = Rogue(real.bundles["permitted-account"], real.trust, HOSPITAL, patient)

    def lie(name: str, step: int, changed: dict[str, Any], **options: Any) -> Forgery:  # noqa: ANN401 - members by name
        bundle, trust = rogue.mine(changed, **options)
        return Forgery(name, step, bundle.to_json(), trust)

    consent = rogue.bundle.consent
    assert consent
    granted = rogue.permitted_under()["granted"]
    assert isinstance(granted, events.ConsentGranted)
    forged = {"granted": replace(granted, signature=STRANGER.sign_digest(bytes(32)))}
    yield lie("rogue-grant-signed-by-another", steps.SIGNATURE, forged)
    yield lie("rogue-grant-of-a-smart-account", steps.SIGNATURE, {"granted": replace(granted, signature=b"yes")})
    yield lie(
        "rogue-grant-of-a-revocation", steps.SIGNATURE, {"granted": replace(granted, signature=consent.signature[::-1])}
    )
    yield lie("rogue-decision-at-another-time", steps.DECISION, {}, time=NOW + 99)
    wrong = Address(bytes.fromhex("bad0" * 10))
    for name, step in (
        ("admitted", steps.INSTITUTION),
        ("enrolled", steps.SUBJECT),
        ("anchored", steps.RECORD),
        ("granted", steps.CONSENT),
        ("decided", steps.DECISION),
    ):
        yield lie(f"rogue-{name}-by-a-foreign-contract", step, {}, emitters={name: wrong})
    late = ("admitted", "enrolled", "anchored", "decided", "granted")
    yield lie("rogue-granted-after-the-decision", steps.ORDER, {}, order=late)
    late = ("enrolled", "anchored", "granted", "decided", "admitted")
    yield lie("rogue-admitted-after-the-decision", steps.ORDER, {}, order=late)
    yield _with_another_ground(rogue)
    yield from _broken_rules(rogue, lie)


def _with_another_ground(rogue: Rogue) -> Forgery:
    """The institution signed a request that the event does not hold: it has room for one ground alone."""
    bundle, trust = rogue.mine({})
    request = rogue.request(authorisation_id=AuthorisationId(samples.word(0xA07)))
    entry = replace(bundle.entry, request=request)
    signature = HOSPITAL.sign_digest(digest(trust.domain("AccessLedger"), request))
    lying = replace(bundle, entry=entry, request_signature=signature, claim=claim_of(entry))
    return Forgery("rogue-request-with-a-second-ground", steps.DECISION, lying.to_json(), trust)


def _broken_rules(rogue: Rogue, lie: Callable[..., Forgery]) -> Iterator[Forgery]:
    consent, record = rogue.bundle.consent, rogue.bundle.record
    assert consent
    assert record
    terms, leaf = consent.terms, record.leaf
    for name, changes in (
        ("expired", {"valid_until": NOW}),
        ("not-yet-valid", {"valid_from": NOW + 3600}),
        ("to-another-grantee", {"institution": CUSTODIAN.address}),
        ("to-another-practitioner", {"practitioner": samples.word(0x99)}),
        ("for-another-purpose", {"purposes": 1 << 9}),
        ("for-another-action", {"actions": 1 << 2}),
        ("for-other-categories", {"categories": 1 << 3}),
        ("for-other-records", {"records_root": samples.word(5), "categories": 0}),
        ("for-lower-sensitivity", {"max_sensitivity": 1}),
        ("for-another-period", {"data_until": 601}),
        ("without-uses", {"max_uses": 0}),
    ):
        changed = rogue.permitted_under(replace(terms, **changes))
        yield lie(f"rogue-permitted-under-consent-{name}", steps.RULES, changed)
    five = rogue.permitted_under(replace(terms, max_sensitivity=5), replace(leaf, sensitivity=5))
    yield lie("rogue-permitted-level-five-by-wildcard", steps.RULES, five)
    for name, changes in (
        ("expired", {"expires_at": NOW}),
        ("from-the-future", {"issued_at": NOW + 3600}),
        ("on-an-unknown-legal-basis", {"legal_basis": 5}),
        ("without-practitioner", {"practitioner": ZERO_32}),
        ("for-another-release-key", {"release_key_hash": samples.word(5)}),
    ):
        yield lie(f"rogue-permitted-request-{name}", steps.RULES, {"decided": rogue.decided(rogue.request(**changes))})
    for reason in (Reason.CONSENT_EXPIRED, Reason.PURPOSE_NOT_GRANTED, Reason.GRANTEE_MISMATCH):
        yield lie(f"rogue-denied-as-{reason.name}", steps.RULES, {"decided": rogue.decided(reason=reason)})


def forgeries(real: RealBundles) -> list[Forgery]:
    """Gives all lying bundles."""
    made = (_raw(real), _edited(real), _within(real), _rotated(real), _keys(real), _grounds(real), _mixed(real))
    return [forgery for group in (*made, _rogue(real, PATIENT)) for forgery in group]
