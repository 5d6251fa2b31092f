"""Acts of officers in histories: what they say, who does them if nobody is named, and the same acts on the core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from consentry.core.admissions import Admissions
from consentry.core.authorities import Authorities
from consentry.core.chain import EventPlace
from consentry.core.codes import Standing
from consentry.core.events import LedgerEvent
from consentry.core.offices import CALLS, Role
from consentry.core.state import LedgerState
from consentry.core.terms import ZERO_32, Address
from consentry.evidence import notation
from consentry.evidence.notation import Json
from tests.vectors.histories.story import AUDITORS, OFFICERS, SYSTEM_OFFICERS

MEMBERS: Final[dict[str, tuple[str, ...]]] = {
    "admitAuthority": ("authority", "region", "profile"),
    "suspendAuthority": ("authority", "reason"),
    "reinstateAuthority": ("authority", "reason"),
    "appointOfficer": ("authority", "officer", "roles"),
    "dismissOfficer": ("officer",),
    "admitInstitution": ("institution", "region", "signer", "release_key", "profile"),
    "suspendInstitution": ("institution", "reason"),
    "suspendInEmergency": ("institution", "reason"),
    "reinstateInstitution": ("institution", "reason"),
    "resetInstitutionKeys": ("institution", "signer", "release_key"),
    "limitInstitution": ("institution", "daily", "emergencies"),
    "admitRelay": ("relay", "member"),
    "removeRelay": ("relay",),
    "changeGroupMembership": ("group", "institution", "member"),
    "admitVerifier": ("verifier",),
    "nameDeployment": ("name", "deployment", "version"),
}
"""What a step says of each act, in the order of the contract's arguments; ``profile`` and ``reason`` are zero."""
ALONE: Final = frozenset({"suspendInEmergency", "removeRelay", "changeGroupMembership"})
"""Acts that take one officer."""
_HASHES: Final = ("profile", "reason")


def officers_of(step: Json) -> Sequence[str]:
    """Gives who does an act, in the order in which they do."""
    if "officers" in step:
        return list(step["officers"])
    usual = {Role.SYSTEM: SYSTEM_OFFICERS, Role.AUDIT: AUDITORS}.get(CALLS[step["do"]][0], OFFICERS)
    return usual[:1] if step["do"] in ALONE else usual


def arguments_of(step: Json) -> list[Any]:
    """Gives the arguments of the contract's function."""
    given = [ZERO_32 if member in _HASHES else step[member] for member in MEMBERS[step["do"]]]
    return [notation.bytes_of(value) if isinstance(value, str) else value for value in given]


OnCore = Callable[[LedgerState, list[Any], dict[str, Any]], Sequence[LedgerEvent]]


def _membership(state: LedgerState, given: list[Any], by: dict[str, Any]) -> Sequence[LedgerEvent]:
    made = Admissions(state).change_membership(given[0], given[1], member=given[2], **by)
    return [made] if made else []


_ON_CORE: Final[dict[str, OnCore]] = {
    "admitAuthority": lambda s, a, by: Authorities(s).admit_authority(a[0], a[1], **by),
    "suspendAuthority": lambda s, a, by: Authorities(s).change_authority(a[0], Standing.SUSPENDED, **by),
    "reinstateAuthority": lambda s, a, by: Authorities(s).change_authority(a[0], Standing.ACTIVE, **by),
    "appointOfficer": lambda s, a, by: Authorities(s).appoint_officer(*a, **by),
    "dismissOfficer": lambda s, a, by: Authorities(s).dismiss_officer(*a, **by),
    "admitInstitution": lambda s, a, by: Admissions(s).admit_institution(*a[:4], **by),
    "suspendInstitution": lambda s, a, by: Admissions(s).change_institution(a[0], Standing.SUSPENDED, **by),
    "suspendInEmergency": lambda s, a, by: Admissions(s).suspend_in_emergency(a[0], **by),
    "reinstateInstitution": lambda s, a, by: Admissions(s).change_institution(a[0], Standing.ACTIVE, **by),
    "resetInstitutionKeys": lambda s, a, by: Admissions(s).reset_keys(*a, **by),
    "limitInstitution": lambda s, a, by: Admissions(s).limit_institution(*a, **by),
    "admitRelay": lambda s, a, by: Admissions(s).admit_relay(*a, **by),
    "removeRelay": lambda s, a, by: [Admissions(s).remove_relay(*a, **by)],
    "changeGroupMembership": _membership,
    "admitVerifier": lambda s, a, by: Admissions(s).admit_verifier(*a, **by),
    "nameDeployment": lambda s, a, by: Admissions(s).name_deployment(*a, **by),
}


def do_on_core(state: LedgerState, step: Json, officer: Address, place: EventPlace) -> Sequence[LedgerEvent]:
    """Lets one officer do an act on the core."""
    return _ON_CORE[step["do"]](state, arguments_of(step), {"officer": officer, "place": place})
