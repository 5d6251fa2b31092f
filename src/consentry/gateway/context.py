"""One gateway's parts, as ``wiring`` builds them and ``api`` uses them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from consentry.core.terms import Address
from consentry.crypto.signing import Verifiers
from consentry.gateway.access import AccessDesk
from consentry.gateway.bell import Bell
from consentry.gateway.erasures import ErasureDesk
from consentry.gateway.log_ports import PublishedLog
from consentry.gateway.once_ports import IdempotencyKeys, Nonces
from consentry.gateway.person_ports import Persons
from consentry.gateway.persons import PersonDesk
from consentry.gateway.ports import Ledger, Projection, Vault
from consentry.gateway.records import Intake


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what is taken in.

    Attributes:
        body: bytes of a JSON body.
        upload: bytes of an uploaded record.
        unproven: requests a second that one address may make without proving an identity; 0 means any number.
        about_subject: requests a minute that one institution may make about one person; 0 means any number.
    """

    body: int
    upload: int
    unproven: int = 50
    about_subject: int = 600


@dataclass(frozen=True, slots=True)
class Context:
    """One gateway's parts.

    Attributes:
        custodian: the institution this gateway serves.
        origin: where the patient's page is; passkeys and sign-in messages are bound to it.
        hosts: values of the ``Host`` header under which signed requests are accepted.
        ledger: the chain.
        projection: the chain as tables.
        vault: ciphertext and wrapped keys.
        persons: codes of patients by keyed hash, and what opens the links between their subjects.
        desk: where accesses are asked for.
        erasures: where records are erased.
        idempotency: answers kept under the callers' keys.
        nonces: nonces of signed requests.
        verifiers: the ERC-7913 verifiers of the deployment.
        limits: bounds of what is taken in.
        session_seconds: life of a signed-in session.
        wait_seconds: how long a caller waits for a decision that did not say how long it would.
        bell: rung when the projection has an ask.
        check_ready: raises if chain, projection or vault cannot be used.
        log: the ledger log it keeps; none where the settings name no origin.
    """

    custodian: Address
    origin: str
    hosts: frozenset[str]
    ledger: Ledger
    projection: Projection
    vault: Vault
    persons: Persons
    desk: AccessDesk
    erasures: ErasureDesk
    idempotency: IdempotencyKeys
    nonces: Nonces
    verifiers: Verifiers
    limits: Limits
    session_seconds: int
    wait_seconds: int
    bell: Bell
    check_ready: Callable[[], Awaitable[None]]
    log: PublishedLog | None = None

    @property
    def intake(self) -> Intake:
        """Where signed leaves are anchored."""
        return Intake(self.ledger, self.projection, self.vault, self.custodian)

    @property
    def person_desk(self) -> PersonDesk:
        """Where codes are entered and resolved, and subjects linked."""
        return PersonDesk(self.ledger, self.projection, self.persons, self.custodian)
