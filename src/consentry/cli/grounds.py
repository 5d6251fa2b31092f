"""What an access rests on, from the options of a command: a consent, an emergency, or an authorisation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from consentry.cli import values
from consentry.cli.debts import hashed_reason
from consentry.client.hospital import Hospital
from consentry.core.codes import EmergencyReason, LegalBasis, Purpose
from consentry.core.terms import ZERO_32, AccessRequest, AuthorisationId, ConsentId, RecordId
from consentry.errors import InvalidInputError

NO_CONSENT: Final = ConsentId(ZERO_32)
NO_AUTHORISATION: Final = AuthorisationId(ZERO_32)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a request invokes, and why; ``reason_hash`` is keyed, the text stays with the institution."""

    consent: ConsentId = NO_CONSENT
    authorisation: AuthorisationId = NO_AUTHORISATION
    legal_basis: int = LegalBasis.CONSENT
    purpose: int = Purpose.TREAT
    reason_code: int = 0
    reason_hash: bytes = ZERO_32

    def request(self, hospital: Hospital, record: RecordId, practitioner: bytes, action: int) -> AccessRequest:
        """Makes a request for a record on this ground."""
        return hospital.new_request(
            record,
            self.consent,
            practitioner=practitioner,
            purpose=self.purpose,
            action=action,
            reason_hash=self.reason_hash,
            legal_basis=self.legal_basis,
            authorisation=self.authorisation,
            reason_code=self.reason_code,
        )


def ground_of(
    consent: str,
    authorisation: str,
    basis: str,
    purpose: str,
    *,
    emergency: bool,
    reason: tuple[str, Path | None, Path | None],
) -> Ground:
    """Makes a ground of options; ``reason`` is code, file of the words, and file of the key that hashes them.

    Raises:
        InvalidInputError: none or several are given, or an emergency without its reason.
    """
    code, words, key = reason
    if [bool(consent), bool(authorisation), emergency].count(True) != 1:
        raise InvalidInputError("ground does not match (expected one of --consent, --emergency, --authorisation)")
    hashed = hashed_reason(words, key)
    if consent:
        under = ConsentId(values.hexadecimal("consent", consent, values.ID_SIZE))
        return Ground(consent=under, purpose=_purpose(purpose, Purpose.TREAT), reason_hash=hashed)
    if emergency:
        if not code or words is None:
            raise InvalidInputError("an emergency needs --reason-code and --reason-file")
        return Ground(
            legal_basis=LegalBasis.EMERGENCY,
            purpose=_purpose(purpose, Purpose.ETREAT),
            reason_code=values.code("reason code", EmergencyReason, code),
            reason_hash=hashed,
        )
    given = AuthorisationId(values.hexadecimal("authorisation", authorisation, values.ID_SIZE))
    on = values.code("basis", LegalBasis, basis)
    return Ground(authorisation=given, legal_basis=on, purpose=_purpose(purpose, Purpose.PUBHLTH), reason_hash=hashed)


def _purpose(text: str, usual: Purpose) -> int:
    return values.code("purpose", Purpose, text) if text else usual
