"""What is counted for an institution: ``institution recognitions`` and ``institution assisted``."""

from __future__ import annotations

from consentry.cli.keys import load_signing_key
from consentry.cli.options import HospitalKey, InstitutionAddress, Reach, reaching
from consentry.cli.output import AsJson, answer, listing
from consentry.evidence.notation import Json


@reaching
def recognitions(
    *,
    key: HospitalKey,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Counts by item what the institution accepted of others' results, and others of its own."""
    own = reach.institution(load_signing_key(key, reach.origin), institution)
    found = reach.as_hospital(own, lambda hospital: hospital.recognitions())
    columns = ("item", "accepted", "not accepted", "own accepted", "own not accepted")
    listing(found, columns, [_row(item) for item in found], as_json=as_json)


def _row(item: Json) -> tuple[object, ...]:
    received, issued = ("receivedAccepted", "receivedRefused"), ("issuedAccepted", "issuedRefused")
    return item["itemCode"], *(item[name] for name in (*received, *issued))


@reaching
def assisted(
    *,
    key: HospitalKey,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Counts the consents that staff of the institution prepared: granted in all and in this quarter, and undone."""
    own = reach.institution(load_signing_key(key, reach.origin), institution)
    answer(reach.as_hospital(own, lambda hospital: hospital.assisted_consents()), as_json=as_json)
