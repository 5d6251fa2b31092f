"""Every signed act there is, by its class, its name and its event."""

from __future__ import annotations

import re
from typing import Final

from consentry.core.asks import AskDenial, ConsentAsk
from consentry.core.assisted_grants import Assistance
from consentry.core.authorisations import AuthorisationWithdrawal, StandingAuthorisation
from consentry.core.emergencies import EmergencyNotice, EmergencyReview
from consentry.core.erasures import (
    CorrectionRequest,
    DeletionAttestation,
    Erasure,
    ErasureOfficerAdmission,
    ErasureOfficerRemoval,
    ErasureRequest,
    Restriction,
)
from consentry.core.exclusions import Exclusion, ExclusionLift
from consentry.core.guardianship import Circumstances, Directive, GuardianAppointment, GuardianRemoval, ProofOfLife
from consentry.core.persons import SubjectLink, SubjectUnlink
from consentry.core.recognitions import Recognition, ResultMark, StudyRegistration
from consentry.core.revocations import ErasureAttestation, RevocationAcknowledgement
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import (
    CardRegistration,
    CardRemoval,
    RecoveryCompletion,
    RecoveryObjection,
    RecoveryProposal,
    SignerRotation,
)

ACTS: Final[tuple[type[SignedAct], ...]] = (
    *(Exclusion, ExclusionLift),
    *(SubjectLink, SubjectUnlink),
    *(ErasureOfficerAdmission, ErasureOfficerRemoval, Restriction, ErasureRequest, CorrectionRequest),
    *(Erasure, DeletionAttestation),
    *(ResultMark, Recognition, StudyRegistration),
    *(ConsentAsk, AskDenial, Assistance, RevocationAcknowledgement, ErasureAttestation),
    *(EmergencyNotice, EmergencyReview),
    *(StandingAuthorisation, AuthorisationWithdrawal),
    *(GuardianAppointment, GuardianRemoval, Circumstances, ProofOfLife, Directive),
    *(SignerRotation, CardRegistration, CardRemoval, RecoveryProposal, RecoveryObjection, RecoveryCompletion),
)

_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")


def name_of(act: type[SignedAct]) -> str:
    """Gives the name of an act in addresses and commands: "exclusion-lift" for `ExclusionLift`."""
    return _WORD.sub("-", act.__name__).lower()


BY_NAME: Final = {name_of(act): act for act in ACTS}
BY_EVENT: Final = {act.FORM.event: act for act in ACTS}
EVENTS: Final = {act: act.FORM.event for act in ACTS}
