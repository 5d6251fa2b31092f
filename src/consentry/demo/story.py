"""The story, step by step. Every step tells what happened, in which transaction, and why.

What was done is written down after each step, so a story that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from consentry.audit.findings import Kind
from consentry.client.decisions import Permitted
from consentry.client.hospital import NewRecord
from consentry.client.patient import Patient
from consentry.core.codes import Category, Reason, bits
from consentry.core.terms import AccessRequest, Address, ConsentId, ConsentTerms, RecordId, SubjectId
from consentry.core.typed_data import consent_id
from consentry.crypto.signing import SigningKey
from consentry.crypto.webauthn import SoftwarePasskey
from consentry.demo import data
from consentry.demo.network import HOSPITALS, Network
from consentry.demo.tampering import read_refused, tampered_copy
from consentry.demo.terms import treatment_terms
from consentry.errors import AccessDeniedError, ConfigurationError, VerificationError
from consentry.evidence.notation import Json, bytes_of, hex_of, read, write
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify import verify
from consentry.ledger.best_proof import Proved, prove_best
from consentry.ledger.chain import ChainLedger
from consentry.ledger.embedded.durable import write_synced
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.ledger.proofs import Prover
from consentry.ledger.vouching import Wanted
from consentry.papers.access import access_paper
from consentry.papers.fonts import load_fonts
from consentry.wiring.audits import run_audit
from consentry.witness.gateway_log import read_log_root

WITNESS_SECONDS: Final = 20.0
"""How long witnesses are waited for before an access is proved without them."""
POLL_SECONDS: Final = 0.25
A, B = (party.name for party in HOSPITALS)


@dataclass(frozen=True, slots=True)
class Told:
    """One step as it is shown; one that was kept happened in an earlier run, and was not done again."""

    title: str
    happened: str
    why: str
    transaction: str = ""
    kept: bool = False


Tell = Callable[[Told], None]


class Story:
    """The steps, and the facts later steps need."""

    def __init__(self, network: Network, files: data.DemoFiles, tell: Tell) -> None:
        """Takes the running network, the data, and whom to tell."""
        self._network = network
        self._files = files
        self._tell = tell
        self._path = network.state / "story.json"
        self._facts: dict[str, Json] = json.loads(self._path.read_text()) if self._path.exists() else {}

    async def run(self) -> None:
        """Tells everything, doing what is not done yet."""
        try:
            await self._run()
        finally:
            await self._network.hang_up()

    async def _run(self) -> None:
        steps: tuple[tuple[str, Callable[[], Awaitable[Json]]], ...] = (
            ("enrol-account", lambda: self._enrol("patient-1", "the patient holds an account (secp256k1)")),
            ("enrol-passkey", lambda: self._enrol("patient-2", "the patient holds a passkey (P-256, WebAuthn)")),
            ("enrol-minor", lambda: self._enrol("patient-3", "a parent's account signs for a child")),
            ("anchor-image", self._anchor_image),
            ("anchor-bundle", self._anchor_bundle),
            ("grant", self._grant),
            ("grant-passkey", self._grant_passkey),
            ("read", self._read),
            ("refuse", self._refuse),
            ("revoke", self._revoke),
            ("refused-after", self._refused_after),
            ("prove", self._prove),
        )
        for name, step in steps:
            kept = name in self._facts
            if not kept:
                self._keep(name, await step())
            self._tell(Told(**self._facts[name]["told"], kept=kept))
        await self._history()
        await self._audit()
        await self._tamper()

    def key(self, person: str) -> SigningKey:
        """Gives a patient's key; the second patient's is a passkey made in software."""
        if person != "patient-2":
            return self._network.key(person)
        manifest = Manifest.read(self._network.manifest_path)
        secret = int.from_bytes(load_or_create_key(self._network.state / "keys" / "patient-2-passkey"), "big")
        private = ec.derive_private_key(secret, ec.SECP256R1())
        origin = self._network.settings(A).origin
        return SoftwarePasskey(private, manifest.address("ERC7913WebAuthnVerifier"), origin=origin)

    def subject(self, person: str) -> SubjectId:
        """Gives a patient's pseudonym at hospital A: random, drawn at first use."""
        return SubjectId(load_or_create_key(self._network.state / "keys" / f"{person}-subject"))

    async def _patient(self, person: str) -> Patient:
        patient = self._network.patient(self.key(person), A)
        await patient.sign_in()
        return patient

    async def _enrol(self, person: str, why: str) -> Json:
        patient = self._network.patient(self.key(person), A)
        enrolment, signature = await patient.sign_enrolment(self.subject(person))
        answer = await self._network.hospital(A, A).enrol(enrolment, signature)
        happened = f"subject {_short(answer['subjectId'])} enrolled; {why}"
        return _fact(
            Told(f"{person} enrols at hospital A", happened, "two signatures: patient and custodian", _tx(answer))
        )

    async def _anchor_image(self) -> Json:
        image = self._files.large_image
        month = data.month_of_image(image)
        described = NewRecord(self.subject("patient-1"), Category.IMAGING, 3, month)
        record, answer = await self._network.hospital(A, A).add_record(image, "application/dicom", described)
        happened = (
            f"{image.name}, {image.stat().st_size:,} bytes, sealed and anchored as record {_short(hex_of(record))}"
        )
        told = Told(
            "hospital A anchors an image", happened, "the chain holds digests and a blinded commitment", _tx(answer)
        )
        return _fact(told, record=hex_of(record), month=month)

    async def _anchor_bundle(self) -> Json:
        bundle = self._files.bundles[0]
        described = NewRecord(self.subject("patient-1"), Category.LABORATORY, 3, self._facts["anchor-image"]["month"])
        record, answer = await self._network.hospital(A, A).add_record(bundle, "application/fhir+json", described)
        happened = f"FHIR bundle of {bundle.stat().st_size:,} bytes anchored as record {_short(hex_of(record))}"
        told = Told(
            "hospital A anchors a laboratory bundle",
            happened,
            "content never leaves the vault in the clear",
            _tx(answer),
        )
        return _fact(told, record=hex_of(record))

    def _terms(self, person: str, categories: int) -> ConsentTerms:
        month, hospital = self._facts["anchor-image"]["month"], self._network.institution(B).address
        return treatment_terms(self.subject(person), hospital, month, categories=categories, max_uses=10)

    async def _grant(self) -> Json:
        patient = await self._patient("patient-1")
        terms, _ = await patient.prepare(self._terms("patient-1", bits(Category.IMAGING)), "en")
        answer = await patient.grant(terms)
        happened = f"consent {_short(answer['consentId'])}: hospital B, treatment, images, 30 days, 10 uses"
        why = "the contract checked the patient's own signature over these exact terms"
        told = Told("patient-1 grants", happened, why, _tx(answer))
        consents = await patient.consents(self.subject("patient-1"))
        return _fact(told, consent=answer["consentId"], terms=consents[-1]["terms"])

    async def _grant_passkey(self) -> Json:
        patient = await self._patient("patient-2")
        terms, _ = await patient.prepare(self._terms("patient-2", bits(Category.IMAGING)), "zh")
        answer = await patient.grant(terms)
        happened = f"consent {_short(answer['consentId'])}, notice shown in Chinese"
        told = Told("patient-2 grants with a passkey", happened, "WebAuthn is verified on chain as well", _tx(answer))
        return _fact(told, consent=answer["consentId"])

    async def _access(self, step: str, record: str) -> Permitted:
        """Asks for a record; after an interruption the very same request is sent again, so it is decided once."""
        hospital, pending = self._network.hospital(B, A), f"pending-{step}"
        if pending not in self._facts:
            consent = ConsentId(bytes_of(self._facts["grant"]["consent"], 32))
            practitioner = load_or_create_key(self._network.state / "keys" / "practitioner")
            made = hospital.new_request(RecordId(bytes_of(record, 32)), consent, practitioner=practitioner)
            self._keep(pending, write(made))
        return await hospital.access(read(AccessRequest, self._facts[pending]))

    def _keep(self, name: str, fact: Json) -> None:
        self._facts[name] = fact
        write_synced(self._path, json.dumps(self._facts, indent=1).encode())

    async def _read(self) -> Json:
        permitted = await self._access("read", self._facts["anchor-image"]["record"])
        target = self._network.state / "opened-by-hospital-b.dcm"
        await self._network.hospital(B, A).download(permitted, target)
        shown = data.describe_image(target)
        entry = permitted.receipt["subjectSequence"]
        happened = f"permitted as entry {entry} of the patient's log; opened as {target}: {shown}"
        why = "decision and log entry are one transaction; the key left the vault only after it was final"
        told = Told("hospital B reads the image", happened, why, permitted.receipt["transactionHash"])
        request = permitted.entry.request
        return _fact(told, request=str(request.request_id), institution=hex_of(request.institution))

    async def _refused(self, step: str, record: str, title: str, expected: Reason, why: str) -> Json:
        try:
            await self._access(step, record)
        except AccessDeniedError as denial:
            reason, receipt = str(denial.details["reason"]), cast("Json", denial.details["receipt"])
            if reason != expected.name:
                raise VerificationError(
                    "reason of the refusal does not match", expected=expected.name, got=reason
                ) from None
            happened = f"denied: {reason}; entry {receipt['subjectSequence']} of the patient's log"
            return _fact(Told(title, happened, why, receipt["transactionHash"]))
        raise VerificationError("an access that must be refused was permitted")

    async def _refuse(self) -> Json:
        record = self._facts["anchor-bundle"]["record"]
        why = "the consent names images only; the refusal is on record like a permit"
        return await self._refused(
            "refuse", record, "hospital B asks for the laboratory bundle", Reason.RECORD_NOT_IN_SCOPE, why
        )

    async def _revoke(self) -> Json:
        patient = await self._patient("patient-1")
        terms = read(ConsentTerms, self._facts["grant"]["terms"])
        answer = await patient.revoke(terms)
        happened = f"consent {_short(hex_of(consent_id(terms)))} taken back"
        told = Told(
            "patient-1 revokes", happened, "one step, no reason asked; in force from this block on", _tx(answer)
        )
        return _fact(told)

    async def _refused_after(self) -> Json:
        record = self._facts["anchor-image"]["record"]
        why = "the next decision after the revocation, in the next block"
        return await self._refused(
            "refused-after", record, "hospital B asks for the image again", Reason.CONSENT_REVOKED, why
        )

    async def _prove(self) -> Json:
        facts = self._facts["read"]
        connection, manifest = self._network.connection(), Manifest.read(self._network.manifest_path)
        ledger = await ChainLedger.connect(connection, manifest, self._network.key("reader").secret)
        try:
            prover = Prover(connection, manifest, ledger)
            proved = await self._proved(prover, self._network.institution(B).address, int(facts["request"]))
        finally:
            await ledger.close()
        files = self._network.state / "evidence.json", self._network.state / "trust-root.json"
        write_synced(files[0], proved.bundle.to_json())
        write_synced(files[1], proved.trust.to_json())
        verified = verify(files[0].read_bytes(), TrustRoot.from_json(files[1].read_bytes()))
        happened = f"{files[0].name}, {files[0].stat().st_size:,} bytes: {verified.claim}{self._printed(*files)}"
        why = f"verified with the file and a trust root alone: {verified.vouched.in_words()}"
        return _fact(Told("hospital B proves the earlier access", happened, why))

    async def _proved(self, prover: Prover, institution: Address, request: int) -> Proved:
        """Proves an access as soon as witnesses vouch for it; without them if they take too long, and says so then."""
        file, deadline = self._network.log_people.root_file, time.monotonic() + WITNESS_SECONDS
        root = read_log_root(file) if file.exists() else None
        while True:
            wanted = Wanted(root, await self._checkpoint())
            proved = await prove_best(prover, institution, request, wanted, int(time.time()))
            if root is None or proved.verified.vouched.witnesses or time.monotonic() > deadline:
                return proved
            await asyncio.sleep(POLL_SECONDS)

    async def _checkpoint(self) -> bytes | None:
        """Asks the gateway that keeps the ledger log for its newest final checkpoint."""
        async with httpx.AsyncClient() as client:
            given = await client.get(f"{self._network.hospital_url(A)}/log/checkpoint")
        return given.content if given.is_success else None

    def _printed(self, evidence: Path, trust: Path) -> str:
        """Prints the evidence for people, too; an installed package may lack the fonts, and then there is no paper."""
        paper = self._network.state / "evidence.pdf"
        try:
            fonts = load_fonts(self._network.settings(B).font_folder)
        except ConfigurationError:
            return ""
        write_synced(paper, access_paper(evidence.read_bytes(), TrustRoot.from_json(trust.read_bytes()), fonts))
        return f" Printed as {paper.name}."

    async def _history(self) -> None:
        patient = await self._patient("patient-1")
        entries = await patient.history(self.subject("patient-1"))
        listed = ", ".join(
            f"{e['subjectSequence']} {e['reason'] if not e['permitted'] else 'PERMITTED'}" for e in entries
        )
        self._tell(Told("patient-1 sees every look", listed, "sequence numbers without a gap: none is missing"))

    async def _audit(self) -> None:
        report = await run_audit(self._network.settings(A), chain_only=False)
        if not report.clean:
            raise VerificationError(f"audit found {len(report.findings)} faults where there is none")
        happened = f"{report.decisions} decisions made again, {report.signatures} signatures checked: nothing found"
        self._tell(
            Told("the regulator audits everything", happened, "from the chain; database and objects agree with it")
        )

    async def _tamper(self) -> None:
        copied = tampered_copy(self._network.folder(A), self._network.state / "tampered")
        settings = self._network.settings(A).model_copy(update={"state_dir": copied})
        report = await run_audit(settings, chain_only=False)
        found = sorted({str(finding.kind) for finding in report.findings})
        expected = [str(Kind.ROW_DIFFERS), str(Kind.OBJECT_DIFFERS)]
        if found != sorted(expected):
            raise VerificationError("audit of the tampered copy does not find both", expected=expected, got=found)
        happened = f"in a copy, one row and one object were changed; found: {', '.join(found)}"
        self._tell(Told("somebody tampers", happened, "database and store are only believed where the chain agrees"))
        refused = await read_refused(settings, RecordId(bytes_of(self._facts["anchor-image"]["record"], 32)))
        self._tell(
            Told("the next read of the changed object", f"refused: {refused}", "the object is not what was anchored")
        )


def _fact(told: Told, **more: Any) -> Json:  # noqa: ANN401 - JSON
    shown = {"title": told.title, "happened": told.happened, "why": told.why, "transaction": told.transaction}
    return {"told": shown, **more}


def _tx(answer: Json) -> str:
    return str(answer["anchor"]["transactionHash"])


def _short(text: str) -> str:
    return f"{text[:10]}…{text[-4:]}"
