"""The patient's side: sign in, see, grant exactly what was shown, take back, notice gaps."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from urllib.parse import urlsplit

from consentry.client.answers import (
    ASK,
    CHALLENGE,
    CONSENT,
    CONSENTED,
    DEBT,
    LOG_LINE,
    MESSAGE,
    PREPARED,
    RECORD,
    REVOCATION,
    SESSION,
    SUBJECT,
    expect,
)
from consentry.client.chain import Chain, check_log, confirmed, entry_of
from consentry.client.events import events
from consentry.client.gateway import About, about
from consentry.client.transport import Transport
from consentry.core.asks import ConsentAsk
from consentry.core.codes import ConsentStatus
from consentry.core.heads import subject_key
from consentry.core.terms import ZERO_32, ConsentId, ConsentTerms, Enrolment, Revocation, SubjectId
from consentry.core.typed_data import consent_id, document, struct_hash
from consentry.crypto.sign_in import SignInMessage, passkey_digest, personal_digest
from consentry.crypto.signing import ACCOUNT_SIZE, SigningKey, sign
from consentry.errors import VerificationError
from consentry.evidence.notation import Json, bytes_of, hex_of, read, write
from consentry.evidence.notice import render

ENROLMENT_SECONDS = 600


class Patient:
    """One signer at one gateway."""

    def __init__(self, transport: Transport, key: SigningKey, chain: Chain | None = None) -> None:
        """Takes the key that signs for the patient: an account, a P-256 key or a passkey.

        With a node of the patient's own choice, what the gateway answers is compared with the chain. Without one, a
        gateway can pretend that an act was mined, or leave the newest accesses out.
        """
        self._transport = transport
        self._chain = chain
        self._key = key
        self._about: About | None = None

    @property
    def transport(self) -> Transport:
        """The way to the gateway; it carries the session once there is one."""
        return self._transport

    @property
    def chain(self) -> Chain | None:
        """A node of one's own, if there is one."""
        return self._chain

    async def gateway(self) -> About:
        """Gives what the gateway says of itself, asked once."""
        if self._about is None:
            self._about = await about(self._transport, self._chain)
        return self._about

    async def sign_in(self) -> None:
        """Opens a session; signing in gives no consent."""
        known = await self.gateway()
        signer = self._key.signer
        if len(signer) == ACCOUNT_SIZE:
            asked = expect(await self._transport.post("/v1/auth/siwe/challenge", {"address": hex_of(signer)}), MESSAGE)
            message = SignInMessage.parse(asked["message"])
            here = (known.origin, urlsplit(known.origin).netloc, known.chain_id, signer)
            if (message.uri, message.domain, message.chain_id, message.address) != here:
                raise VerificationError("sign-in message is not for this gateway and account")
            signature = self._key.sign_digest(personal_digest(asked["message"]))
            body = {"message": asked["message"], "signature": hex_of(signature)}
            opened = await self._transport.post("/v1/auth/siwe/session", body)
        else:
            answer = await self._transport.post("/v1/auth/passkey/challenge", {"signer": hex_of(signer)})
            asked = expect(answer, CHALLENGE)
            digest = passkey_digest(known.origin, bytes_of(asked["challenge"], 32))
            body = {"signer": hex_of(signer), "challenge": asked["challenge"]}
            body["signature"] = hex_of(self._key.sign_digest(digest))
            opened = await self._transport.post("/v1/auth/passkey/session", body)
        self._transport.token = expect(opened, SESSION)["token"]

    async def sign_out(self) -> None:
        """Ends the session, and what is pushed in it."""
        await self._transport.delete("/v1/auth/session")
        self._transport.token = None

    async def sign_enrolment(self, subject_id: SubjectId) -> tuple[Enrolment, bytes]:
        """Signs the patient's half of an enrolment with this gateway's institution."""
        known = await self.gateway()
        enrolment = Enrolment(subject_id, self._key.signer, known.custodian, int(time.time()) + ENROLMENT_SECONDS)
        return enrolment, sign(self._key, known.domain("Subjects"), enrolment)

    async def subjects(self) -> list[Json]:
        """Lists the subjects this signer acts for, with the custodian of each."""
        return await self._transport.get_all("/v1/subjects", SUBJECT)

    async def records(self, subject_id: SubjectId) -> list[Json]:
        """Lists all records of a subject."""
        return await self._transport.get_all(f"/v1/subjects/{hex_of(subject_id)}/records", RECORD)

    async def emergencies(self, subject_id: SubjectId) -> list[Json]:
        """Lists every emergency access to a subject's records and what became of it, the earliest first."""
        return await self._transport.get_all(f"/v1/subjects/{hex_of(subject_id)}/emergencies", DEBT)

    async def consents(self, subject_id: SubjectId) -> list[Json]:
        """Lists all consents of a subject, with the notice that was shown for each."""
        return await self._transport.get_all(f"/v1/subjects/{hex_of(subject_id)}/consents", CONSENT)

    async def asks(self, subject_id: SubjectId) -> list[Json]:
        """Lists what institutions asked a subject for, and what became of it.

        Raises:
            VerificationError: an ask is to another subject, or not the one of its id.
        """
        found = await self._transport.get_all(f"/v1/subjects/{hex_of(subject_id)}/asks", ASK)
        for item in found:
            if _asked(item).subject_id != subject_id:
                raise VerificationError("ask is not to this subject")
        return found

    async def asks_pushed(self, last: str | None = None) -> AsyncGenerator[tuple[str, Json], None]:
        """Gives asks as they come, to all subjects this signer acts for; the gateway pushes them.

        Begins with those that are open. A line that breaks off is opened anew, and nothing is missed or given twice.

        Args:
            last: place of the last ask that was given, to go on after it: the first of each pair.

        Raises:
            NotAuthenticError: the session ended: sign in, and go on after the last place.
            GatewayUnavailableError: the gateway cannot be reached for a minute.
            VerificationError: an ask does not hash to its id.
        """
        async with aclosing(events(self._transport, "/v1/asks/events", last)) as pushed:
            async for event in pushed:
                if event.name == "ask":
                    item = expect(event.json(), ASK)
                    _asked(item)
                    yield event.place, item

    async def prepare(self, wanted: ConsentTerms, language: str) -> tuple[ConsentTerms, str]:
        """Asks for the notice and completes the terms; what comes back may differ in notice and nonce alone.

        Raises:
            VerificationError: the gateway changed the terms, the document, or the text.
        """
        known = await self.gateway()
        answer = await self._transport.post("/v1/consents/prepare", {"terms": write(wanted), "language": language})
        shown = expect(answer, PREPARED)
        terms = read(ConsentTerms, shown["terms"])
        kept = replace(terms, notice_hash=wanted.notice_hash, notice_version=wanted.notice_version, nonce=wanted.nonce)
        if kept != wanted or wanted.nonce not in {0, terms.nonce}:
            raise VerificationError("prepared terms do not match the wanted ones")
        text = render(terms, terms.notice_version, language)
        if shown["notice"]["text"] != text or hashlib.sha256(text.encode()).digest() != terms.notice_hash:
            raise VerificationError("notice does not say what the terms say")
        if shown["document"] != document(known.domain("Consents"), terms):
            raise VerificationError("prepared document does not match the terms")
        return terms, text

    async def grant(self, terms: ConsentTerms, signature: bytes | None = None) -> Json:
        """Signs and grants, or grants what others signed; gives the receipt."""
        known = await self.gateway()
        signature = sign(self._key, known.domain("Consents"), terms) if signature is None else signature
        answer = await self._transport.post("/v1/consents", {"terms": write(terms), "signature": hex_of(signature)})
        await self._confirm(consent_id(terms), ConsentStatus.ACTIVE)
        return expect(answer, CONSENTED)

    async def terms_of(self, consent: ConsentId) -> ConsentTerms:
        """Asks for the terms of one of the signer's own consents, as a revocation needs them; a card gets them, too.

        Raises:
            VerificationError: what comes back is not what was granted under that id.
        """
        target = f"/v1/consents/{hex_of(consent)}/revocation/prepare"
        terms = read(ConsentTerms, expect(await self._transport.post(target, {}), REVOCATION)["terms"])
        if consent_id(terms) != consent:
            raise VerificationError("terms do not hash to the consent that was asked for")
        return terms

    async def revoke(self, terms: ConsentTerms, guardian: bytes = ZERO_32, signature: bytes | None = None) -> Json:
        """Signs and takes back, or takes back what others signed; gives the receipt.

        From its block on nothing is permitted under the consent. ``guardian`` is the appointment under which the signer
        acts; zero when it is the subject's own.
        """
        known = await self.gateway()
        revoked = consent_id(terms)
        if signature is None:
            signature = sign(self._key, known.domain("Consents"), Revocation(revoked, terms.subject_id, guardian))
        target = f"/v1/consents/{hex_of(revoked)}/revocation"
        body = {"signature": hex_of(signature), "terms": write(terms)}
        answer = await self._transport.post(target, {**body, "guardian": hex_of(guardian)} if any(guardian) else body)
        await self._confirm(revoked, ConsentStatus.REVOKED)
        return expect(answer, CONSENTED)

    async def _confirm(self, consent: ConsentId, status: ConsentStatus) -> None:
        chain = self._chain
        if chain is None:
            return

        async def shown() -> bool:
            return await chain.consent_status(consent) == status

        await confirmed(shown, f"consent is not {status.name} on chain, whatever the gateway answers")

    async def history(self, subject_id: SubjectId) -> list[Json]:
        """Gives every access asked for, in order.

        Raises:
            VerificationError: an entry is missing, changed or another's; with a node of one's own, also at the end.
        """
        head = await self._chain.subject_head(subject_id) if self._chain else None
        found = await self._transport.get_all(f"/v1/subjects/{hex_of(subject_id)}/accesses", LOG_LINE)
        entries = [entry_of(line) for line in found]
        if any(entry.subject_id != subject_id for entry in entries):
            raise VerificationError("access log holds lines about another subject")
        check_log(entries, subject_key(subject_id), lambda entry: entry.subject_sequence, head)
        return found


def _asked(item: Json) -> ConsentAsk:
    """Gives the ask of an item; it must be the one of its id."""
    ask = read(ConsentAsk, item["ask"])
    if struct_hash(ask) != bytes_of(item["askId"], 32):
        raise VerificationError("ask does not hash to its id")
    return ask
