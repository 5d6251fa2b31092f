"""Acts of officers as histories: by two, within their region and roles, and refused for every reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from eth_hash.auto import keccak

from consentry.core.codes import Standing, bits
from consentry.core.offices import Role, call_of
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, Address
from tests.support import samples
from tests.support.samples import DAY, NOW
from tests.vectors.histories.enrolments import UNACCEPTABLE
from tests.vectors.histories.story import (
    ACCEPTED,
    AUDITORS,
    NATIONAL,
    OFFICERS,
    REGION,
    RELEASE_KEY,
    START,
    STRANGER,
    SYSTEM_OFFICERS,
    Error,
    Story,
    admission_of,
    key_of,
    refused,
    subject_of,
)

BASE: Final = "/custodian"
NEWCOMER: Final = "governance/newcomer"
PATIENT: Final = "governance/patient"
PROVINCE: Final = "governance/province"
DEPUTY: Final = "governance/deputy of the province"
NEIGHBOUR: Final = "governance/neighbouring province"
NEXT_DEPUTY: Final = "governance/deputy of the neighbour"
THIRD: Final = "governance/third officer"
SECOND: Final = OFFICERS[1]
WEEK: Final = 7 * DAY
ADMITS: Final = bits(Role.AUTHORITY, Role.SECURITY)
Values = dict[str, Any]


def address(name: str) -> Address:
    """Gives the account of a name."""
    return key_of(name).address


def begun(name: str) -> Story:
    """Begins a history with two provinces of two officers each, and a hospital in the first."""
    story = Story(name).travel(START).admit(BASE)
    for province, deputy, region in ((PROVINCE, DEPUTY, 440_000), (NEIGHBOUR, NEXT_DEPUTY, 450_000)):
        story.admit_authority(province, region)
        story.govern("appointOfficer", authority=address(province), officer=address(deputy), roles=ADMITS)
    return story.travel(NOW)


def act_of(do: str, *values: object) -> bytes:
    """Names an act that waits for a second officer: the hash of its call."""
    return keccak(call_of(do, *values))


def unauthorized(officer: str) -> Error:
    """Gives the error of who lacks a role."""
    return refused("AccessManagedUnauthorized", address(officer))


def forbidden(officer: str, region: int) -> Error:
    """Gives the error of who acts beyond its region."""
    return refused("ParticipantsRegionForbidden", address(officer), region)


ADMISSION: Final = admission_of(NEWCOMER)
ADMISSION_ACT: Final = act_of(
    "admitInstitution", ADMISSION["institution"], REGION, ADMISSION["signer"], RELEASE_KEY, ZERO_32
)


def _admitted(story: Story, *, yes: bool) -> Story:
    """Tries out whether the newcomer may act."""
    inactive = refused("SubjectsCustodianInactive", address(NEWCOMER))
    return story.enrol(PATIENT, NEWCOMER, expect=ACCEPTED if yes else inactive, sign_before=NOW + 100 * DAY)


def _of_two() -> Iterator[Story]:
    do = "admitInstitution"
    story = _admitted(begun("one-officer-is-none").govern(do, NATIONAL, **ADMISSION), yes=False)
    yield _admitted(story.govern(do, SECOND, **ADMISSION), yes=True)
    for officer in (NATIONAL, PROVINCE):
        same = refused("ParticipantsSecondOfficerRequired", ADMISSION_ACT, address(officer))
        name = f"the-same-officer-twice-{officer.rpartition('/')[2]}"
        yield _admitted(begun(name).govern(do, officer, officer, expect=same, **ADMISSION), yes=False)
    for first, second in ((PROVINCE, DEPUTY), (DEPUTY, PROVINCE), (NATIONAL, DEPUTY), (PROVINCE, SECOND)):
        name = f"two-officers-{first.rpartition('/')[2]}-and-{second.rpartition('/')[2]}".replace(" ", "-")
        yield _admitted(begun(name).govern(do, first, second, **ADMISSION), yes=True)
    for seconds in (-1, 0):
        story = begun(f"second-officer-{seconds}-seconds-after-a-week").govern(do, NATIONAL, **ADMISSION)
        yield _admitted(story.travel(NOW + WEEK + seconds).govern(do, SECOND, **ADMISSION), yes=seconds < 0)
    story = begun("proposed-anew-after-a-week").govern(do, NATIONAL, **ADMISSION).travel(NOW + WEEK)
    yield _admitted(story.govern(do, SECOND, NATIONAL, **ADMISSION), yes=True)
    other = ADMISSION | {"region": REGION + 1}
    story = begun("two-officers-of-two-minds").govern(do, NATIONAL, **ADMISSION).govern(do, SECOND, **other)
    yield _admitted(story, yes=False)
    story = begun("proposer-dismissed-meanwhile").govern(do, DEPUTY, **ADMISSION)
    story.govern("dismissOfficer", officer=address(DEPUTY)).govern(do, PROVINCE, **ADMISSION)
    yield _admitted(story, yes=False)
    story = begun("proposer-suspended-meanwhile").govern(do, PROVINCE, **ADMISSION)
    yield _admitted(story.suspend_authority(PROVINCE).govern(do, SECOND, **ADMISSION), yes=False)
    known = refused("ParticipantsAlreadyAdmitted", address(NEWCOMER))
    story = begun("confirmed-twice").govern(do, **ADMISSION)
    yield story.govern(do, NATIONAL, expect=known, **ADMISSION)


def _of_admissions() -> Iterator[Story]:
    do = "admitInstitution"
    wrong: list[tuple[str, Values, Error]] = [
        ("zero", {"institution": ZERO_ADDRESS}, refused("ParticipantsZeroValue")),
        ("known", admission_of(BASE), refused("ParticipantsAlreadyAdmitted", address(BASE))),
        ("no-release-key", {"release_key": b""}, refused("ParticipantsReleaseKeyInvalid", address(NEWCOMER))),
        *(
            (f"region-{region}", {"region": region}, refused("ParticipantsRegionInvalid", region))
            for region in (1, 99_999, 1_000_000, 2**32 - 1)
        ),
        *(
            (f"signer-{name}", {"signer": signer}, refused("ParticipantsSignerInvalid", signer))
            for name, signer in UNACCEPTABLE.items()
        ),
    ]
    for name, changes, error in wrong:
        yield begun(f"admission-{name}").govern(do, NATIONAL, expect=error, **(ADMISSION | changes))
    for region in (0, 100_000, 999_999):
        story = begun(f"admission-in-region-{region}").govern(do, **(ADMISSION | {"region": region}))
        yield _admitted(story, yes=True)
    for officer in (STRANGER, *SYSTEM_OFFICERS[:1], *AUDITORS[:1], BASE):
        name = f"admission-by-{officer.rpartition('/')[2]}".replace(" ", "-")
        yield begun(name).govern(do, officer, expect=unauthorized(officer), **ADMISSION)
    for officer, region in ((NEIGHBOUR, REGION), (PROVINCE, 0), (PROVINCE, 450_100), (DEPUTY, 110_101)):
        name = f"admission-by-{officer.rpartition('/')[2]}-in-{region}".replace(" ", "-")
        error = forbidden(officer, region)
        yield begun(name).govern(do, officer, expect=error, **(ADMISSION | {"region": region}))
    story = begun("admission-by-a-suspended-province").suspend_authority(PROVINCE)
    yield story.govern(do, PROVINCE, expect=forbidden(PROVINCE, REGION), **ADMISSION)
    story = begun("admission-by-a-reinstated-province").suspend_authority(PROVINCE)
    story.govern("reinstateAuthority", authority=address(PROVINCE))
    yield _admitted(story.govern(do, PROVINCE, DEPUTY, **ADMISSION), yes=True)


def _of_authorities() -> Iterator[Story]:
    zero = refused("ParticipantsZeroValue")
    known = refused("ParticipantsAlreadyAdmitted", address(PROVINCE))
    yield begun("authority-zero").govern(
        "admitAuthority", NATIONAL, expect=zero, authority=ZERO_ADDRESS, region=440_000
    )
    yield begun("authority-known").govern(
        "admitAuthority", NATIONAL, expect=known, authority=address(PROVINCE), region=440_000
    )
    officer = refused("ParticipantsAlreadyAdmitted", address(DEPUTY))
    yield begun("authority-that-is-an-officer").govern(
        "admitAuthority", NATIONAL, expect=officer, authority=address(DEPUTY), region=440_000
    )
    for region in (1, 99_999, 1_000_000):
        error = refused("ParticipantsRegionInvalid", region)
        yield begun(f"authority-of-region-{region}").govern(
            "admitAuthority", NATIONAL, expect=error, authority=address(THIRD), region=region
        )
    story = begun("authority-of-the-country").admit_authority(THIRD, 0)
    yield _admitted(story.govern("admitInstitution", THIRD, PROVINCE, **ADMISSION), yes=True)
    for do in ("admitAuthority", "suspendAuthority", "reinstateAuthority", "dismissOfficer"):
        values: Values = {"authority": address(THIRD)}
        values |= {"region": 440_000} if do == "admitAuthority" else {}
        values = {"officer": address(DEPUTY)} if do == "dismissOfficer" else values
        for by in (PROVINCE, *SYSTEM_OFFICERS[:1], *AUDITORS[:1]):
            name = f"{do}-by-{by.rpartition('/')[2]}".replace(" ", "-")
            yield begun(name).govern(do, by, expect=unauthorized(by), **values)
    own = refused("ParticipantsOwnStanding", address(NATIONAL))
    unknown = refused("ParticipantsUnknown", address(THIRD))
    for do, stands in (("suspendAuthority", Standing.ACTIVE), ("reinstateAuthority", Standing.SUSPENDED)):
        yield begun(f"{do}-of-its-own").govern(do, NATIONAL, expect=own, authority=address(NATIONAL))
        yield begun(f"{do}-of-nobody").govern(do, NATIONAL, expect=unknown, authority=address(THIRD))
        story = begun(f"{do}-of-who-is-so-already")
        if stands == Standing.ACTIVE:
            story.suspend_authority(PROVINCE)
        now = Standing.SUSPENDED if stands == Standing.ACTIVE else Standing.ACTIVE
        mismatch = refused("ParticipantsStandingMismatch", address(PROVINCE), now, stands)
        yield story.govern(do, NATIONAL, expect=mismatch, authority=address(PROVINCE))


def _of_officers() -> Iterator[Story]:
    do = "appointOfficer"
    of_province: Values = {"authority": address(PROVINCE), "officer": address(THIRD)}
    for roles in (0, 1, 1 << 6, 1 << 7, bits(Role.NATIONAL), bits(Role.SYSTEM), 255):
        invalid = refused("ParticipantsRolesInvalid", roles)
        yield begun(f"roles-{roles}-in-a-province").govern(do, NATIONAL, expect=invalid, roles=roles, **of_province)
    for roles in (bits(Role.AUTHORITY), bits(Role.SECURITY), bits(Role.AUDIT), ADMITS):
        yield begun(f"roles-{roles}-given-in-a-province").govern(do, roles=roles, **of_province)
    national = of_province | {"authority": address(NATIONAL)}
    for roles in (bits(Role.NATIONAL, Role.AUTHORITY, Role.SECURITY), bits(Role.NATIONAL, Role.SYSTEM)):
        yield begun(f"roles-{roles}-given").govern(do, roles=roles, **national)
    for first, second in (
        (Role.SYSTEM, Role.SECURITY),
        (Role.SYSTEM, Role.AUDIT),
        (Role.SECURITY, Role.AUDIT),
        (Role.NATIONAL, Role.AUDIT),
        (Role.AUTHORITY, Role.AUDIT),
    ):
        combined = refused("GovernanceRolesCombined", address(THIRD), second, first)
        name = f"{first.name}-and-{second.name}".lower()
        yield begun(f"{name}-at-once").govern(do, expect=combined, roles=bits(first, second), **national)
        story = begun(f"{name}-one-after-the-other").govern(do, roles=bits(first), **national)
        yield story.govern(do, expect=combined, roles=bits(second), **national)
        combined = refused("GovernanceRolesCombined", address(THIRD), first, second)
        story = begun(f"{name}-the-other-way-round").govern(do, roles=bits(second), **national)
        story.govern(do, expect=combined, roles=bits(first), **national)
        story.govern("dismissOfficer", officer=address(THIRD))
        # The act still waits: what was refused was its confirmation.
        yield story.govern(do, SECOND, roles=bits(first), **national)
    yield begun("officer-zero").govern(
        do, NATIONAL, expect=refused("ParticipantsZeroValue"), roles=ADMITS, **(of_province | {"officer": ZERO_ADDRESS})
    )
    of_nobody = of_province | {"authority": address(THIRD)}
    unknown = refused("ParticipantsUnknown", address(THIRD))
    yield begun("officer-of-nobody").govern(do, NATIONAL, expect=unknown, roles=ADMITS, **of_nobody)
    of_both = of_province | {"officer": address(NEXT_DEPUTY)}
    known = refused("ParticipantsAlreadyAdmitted", address(NEXT_DEPUTY))
    yield begun("officer-of-two").govern(do, NATIONAL, expect=known, roles=ADMITS, **of_both)
    yield begun("dismissed-before").govern("dismissOfficer", NATIONAL, expect=unknown, officer=address(THIRD))
    story = begun("dismissed").govern("dismissOfficer", officer=address(DEPUTY))
    yield story.govern("admitInstitution", DEPUTY, expect=unauthorized(DEPUTY), **ADMISSION)
    story = begun("dismissed-and-appointed-elsewhere").govern("dismissOfficer", officer=address(DEPUTY))
    story.govern(do, authority=address(NEIGHBOUR), officer=address(DEPUTY), roles=ADMITS)
    yield story.govern("admitInstitution", DEPUTY, expect=forbidden(DEPUTY, REGION), **ADMISSION)


def _of_relays() -> Iterator[Story]:
    do = "admitRelay"
    values: Values = {"relay": address(STRANGER), "member": address(BASE)}
    relay = refused("SubjectsRelayRequired", address(STRANGER))

    def passed(story: Story, *, on: bool) -> Story:
        return story.enrol(PATIENT, BASE, expect=ACCEPTED if on else relay, by=STRANGER)

    yield passed(begun("relay-admitted").govern(do, **values), on=True)
    yield passed(begun("relay-admitted-by-one").govern(do, NATIONAL, **values), on=False)
    yield passed(begun("relay-of-an-authority").govern(do, **(values | {"member": address(PROVINCE)})), on=True)
    story = begun("relay-of-a-suspended-hospital").govern(do, **values).suspend(BASE)
    story.enrol(PATIENT, BASE, expect=relay, by=STRANGER).reinstate(BASE)
    yield passed(story, on=True)
    story = begun("relay-of-a-suspended-authority").govern(do, **(values | {"member": address(PROVINCE)}))
    yield passed(story.suspend_authority(PROVINCE), on=False)
    story = begun("relay-removed").govern(do, **values).govern("removeRelay", DEPUTY, relay=address(STRANGER))
    story.enrol(PATIENT, BASE, expect=relay, by=STRANGER)
    yield passed(story.govern(do, **(values | {"member": address(NEIGHBOUR)})), on=True)
    known = refused("ParticipantsAlreadyAdmitted", address(STRANGER))
    yield (
        begun("relay-of-two")
        .govern(do, **values)
        .govern(do, NATIONAL, expect=known, relay=address(STRANGER), member=address(PROVINCE))
    )
    zero = refused("ParticipantsZeroValue")
    yield begun("relay-zero").govern(do, NATIONAL, expect=zero, **(values | {"relay": ZERO_ADDRESS}))
    unknown = refused("ParticipantsUnknown", address(NEWCOMER))
    yield begun("relay-of-nobody").govern(do, NATIONAL, expect=unknown, **(values | {"member": address(NEWCOMER)}))
    gone = refused("ParticipantsUnknown", address(STRANGER))
    yield begun("relay-removed-before").govern("removeRelay", expect=gone, relay=address(STRANGER))
    yield begun("relay-by-the-neighbour").govern(do, NEIGHBOUR, expect=forbidden(NEIGHBOUR, REGION), **values)
    story = begun("relay-removed-by-the-neighbour").govern(do, **values)
    error = forbidden(NEIGHBOUR, REGION)
    yield passed(story.govern("removeRelay", NEIGHBOUR, expect=error, relay=address(STRANGER)), on=True)
    for name, officer in (("removeRelay", AUDITORS[0]), (do, STRANGER)):
        given = {"relay": address(STRANGER)} if name == "removeRelay" else values
        yield begun(f"{name}-by-{officer}".replace(" ", "-")).govern(
            name, officer, expect=unauthorized(officer), **given
        )


def _of_groups() -> Iterator[Story]:
    do, group = "changeGroupMembership", samples.group(address(PROVINCE))
    values: Values = {"group": group, "institution": address(BASE), "member": True}
    story = begun("group-entered-twice-and-left").govern(do, PROVINCE, **values).govern(do, DEPUTY, **values)
    yield story.govern(do, PROVINCE, **(values | {"member": False}))
    for officer in (NEIGHBOUR, NATIONAL):
        foreign = refused("ParticipantsGroupForbidden", address(officer), group)
        yield begun(f"group-of-another-by-{officer.rpartition('/')[2]}".replace(" ", "-")).govern(
            do, officer, expect=foreign, **values
        )
    zero = refused("ParticipantsZeroValue")
    yield begun("group-zero").govern(do, PROVINCE, expect=zero, **(values | {"group": ZERO_32}))
    unknown = refused("ParticipantsUnknown", address(NEWCOMER))
    yield begun("group-for-nobody").govern(
        do, PROVINCE, expect=unknown, **(values | {"institution": address(NEWCOMER)})
    )
    own = values | {"group": samples.group(address(NEIGHBOUR))}
    yield begun("group-beyond-the-region").govern(do, NEIGHBOUR, expect=forbidden(NEIGHBOUR, REGION), **own)
    yield begun("group-by-an-auditor").govern(do, AUDITORS[0], expect=unauthorized(AUDITORS[0]), **values)


def _of_deployments() -> Iterator[Story]:
    zero = refused("ParticipantsZeroValue")
    name, contract = samples.word(0x11), samples.address(0x22)
    values: Values = {"name": name, "deployment": contract, "version": 1}
    yield begun("deployment-named-again").govern("nameDeployment", **values).govern("nameDeployment", **values)
    for changes in ({"name": ZERO_32}, {"deployment": ZERO_ADDRESS}, {"version": 0}):
        member = next(iter(changes))
        yield begun(f"deployment-without-{member}").govern(
            "nameDeployment", SYSTEM_OFFICERS[0], expect=zero, **(values | changes)
        )
    for do, given in (("nameDeployment", values), ("admitVerifier", {"verifier": contract})):
        yield begun(f"{do}-by-the-nation").govern(do, NATIONAL, expect=unauthorized(NATIONAL), **given)
        encoded = act_of(do, *given.values())
        same = refused("ParticipantsSecondOfficerRequired", encoded, address(SYSTEM_OFFICERS[0]))
        yield begun(f"{do}-by-one-twice").govern(do, *SYSTEM_OFFICERS[:1] * 2, expect=same, **given)
    yield begun("verifier-zero").govern("admitVerifier", SYSTEM_OFFICERS[0], expect=zero, verifier=ZERO_ADDRESS)
    known = refused("ParticipantsAlreadyAdmitted", contract)
    story = begun("verifier-admitted-twice").govern("admitVerifier", verifier=contract)
    yield story.govern("admitVerifier", SYSTEM_OFFICERS[0], expect=known, verifier=contract)
    signer = contract + bytes(64)
    story = begun("verifier-that-is-none").enrol(
        PATIENT, BASE, expect=refused("SubjectsSignerInvalid", signer), signer=signer
    )
    story.govern("admitVerifier", verifier=contract)
    forged = refused("SubjectsSignatureInvalid", subject_of(PATIENT))
    yield story.enrol(PATIENT, BASE, expect=forged, signer=signer)


def histories() -> Iterator[Story]:
    """Gives every history of officers, but for what they do with institutions once admitted."""
    topics = (_of_two, _of_admissions, _of_authorities, _of_officers, _of_relays, _of_groups, _of_deployments)
    for topic in topics:
        yield from topic()
