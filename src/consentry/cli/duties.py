"""``consentry institution duties``: what an institution owes after revocations."""

from __future__ import annotations

from consentry.cli.keys import load_signing_key
from consentry.cli.options import HospitalKey, InstitutionAddress, Reach, reaching
from consentry.cli.output import AsJson, listing
from consentry.evidence.notation import Json
from consentry.evidence.notice import moment_text


@reaching
def duties(
    *,
    key: HospitalKey,
    institution: InstitutionAddress = "",
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Lists revocations to acknowledge and copies to erase, with the time each is due."""
    own = reach.institution(load_signing_key(key, reach.origin), institution)
    found = reach.as_hospital(own, lambda hospital: hospital.duties())
    listing(found, ("consent", "duty", "due", "overdue"), [_row(item) for item in found], as_json=as_json)


def _row(item: Json) -> tuple[object, ...]:
    return item["consentId"], item["kind"], moment_text(item["dueAt"]), "yes" if item["overdue"] else ""
