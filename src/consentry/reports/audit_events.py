"""Decisions as FHIR R4 AuditEvents by the patterns of IHE BALP 1.1 (ITI Basic Audit Log Patterns), one JSON a line.

A decision is an *Authorization Decision by Consent*; one that rests on no consent, or names no known patient, cannot
fill that profile, says the same and claims no profile. A permitted access is a *Patient Read* beside it: the ledger
knows that it was permitted, the vault of the custodian that it was fetched. Everybody is named by identifier: the
ledger has no names, and no address of a network but its own, which stand as CAIP-10.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TextIO

from consentry.core.codes import ActorKind, Purpose
from consentry.evidence.notation import Json, hex_of
from consentry.reports.disclosures import Period
from consentry.reports.exports import utc_text
from consentry.reports.opened import OpenedTables, Row

PROFILES: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
SUBTYPES: Final = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType"
ENTITY_TYPES: Final = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
HL7: Final = "http://terminology.hl7.org/CodeSystem/"
REST: Final = "http://hl7.org/fhir/restful-interaction"
IDENTIFIERS: Final = "urn:consentry:"
"""Systems of identifiers: this and what it names."""
_ID_DIGITS: Final = 48
_URI: Final = "5"
_DECISIONS: Final = """
    SELECT * FROM decisions WHERE time >= $since AND time < $until
        AND ($all OR list_contains($subjects, subject)) ORDER BY number
"""


def write_events(tables: OpenedTables, file: TextIO, period: Period, subjects: Sequence[bytes] = ()) -> int:
    """Writes the AuditEvents of decisions, in chain order; gives how many.

    Args:
        tables: of an audit.
        file: where to.
        period: which decisions.
        subjects: only of these; of all where there are none.
    """
    asked = {"since": period.since, "until": period.until, "subjects": [*subjects], "all": not subjects}
    ledger = _ledger(tables)
    count = 0
    for row in tables.stream(_DECISIONS, asked):
        for event in events_of(row, tables.run.chain_id, ledger):
            file.write(json.dumps(event, separators=(",", ":")) + "\n")
            count += 1
    return count


def _ledger(tables: OpenedTables) -> bytes:
    rows = tables.rows("SELECT address FROM contracts WHERE name = 'AccessLedger'")
    return rows[0]["address"] if rows else bytes(20)


def events_of(row: Row, chain_id: str, ledger: bytes) -> Iterator[Json]:
    """Gives the AuditEvents of one decision.

    Args:
        row: of table ``decisions``.
        chain_id: of the ledger, in decimal digits.
        ledger: address of the contract that decided.
    """
    yield _decision(row, chain_id, ledger)
    if row["permitted"] and row["subject"] is not None:
        yield _read(row, chain_id)


def _decision(row: Row, chain_id: str, ledger: bytes) -> Json:
    fits = row["consent"] is not None and row["subject"] is not None
    authorizer = _who("Device", "contract", ledger)
    entities = [*_patient(row), *_consent(row)]
    for entity in entities[-1:]:
        entity["detail"] = _details(row)
    return {
        **_head(row, "AuthZconsent" if fits else "", "decision"),
        "type": _coding(DCM, "110113", "Security Alert"),
        "subtype": [_coding(SUBTYPES, "AuthZ-Consent", "Authorization Decision using Roles and Consent")],
        "action": "E",
        "recorded": utc_text(row["time"]),
        "outcome": "0" if row["permitted"] else "8",
        **({} if row["permitted"] else {"outcomeDesc": row["reason"]}),
        "purposeOfEvent": [_purpose(row)],
        "agent": [
            {
                "type": _concept(DCM, "110150", "Application"),
                "who": _who("Device", "institution", row["institution"]),
                "requestor": False,
                "network": _network(chain_id, row["institution"]),
            },
            _user(row),
            {
                "type": _concept(HL7 + "v3-RoleClass", "PROV", "healthcare provider"),
                "who": _who("Organization", "institution", row["institution"]),
                "requestor": False,
            },
            {
                "type": _concept(HL7 + "extra-security-role-type", "authserver", "authorization server"),
                "who": authorizer,
                "requestor": False,
            },
        ],
        "source": _source(chain_id, authorizer, "6", "Security Server"),
        **({"entity": entities} if entities else {}),
    }


def _read(row: Row, chain_id: str) -> Json:
    server = _who("Device", "institution", row["custodian"])
    request = {"identifier": {"system": IDENTIFIERS + "request", "value": str(int.from_bytes(row["request"], "big"))}}
    return {
        **_head(row, "PatientRead", "read"),
        "type": _coding(HL7 + "audit-event-type", "rest", "RESTful Operation"),
        "subtype": [_coding(REST, "read", "read")],
        "action": "R",
        "recorded": utc_text(row["time"]),
        "outcome": "0",
        "purposeOfEvent": [_purpose(row)],
        "agent": [
            {
                "type": _concept(DCM, "110152", "Destination Role ID"),
                "who": _who("Device", "institution", row["institution"]),
                "requestor": False,
                "network": _network(chain_id, row["institution"]),
            },
            {
                "type": _concept(DCM, "110153", "Source Role ID"),
                "who": server,
                "requestor": False,
                "network": _network(chain_id, row["custodian"]),
            },
            _user(row),
        ],
        "source": _source(chain_id, server, "4", "Application Server"),
        "entity": [
            *_patient(row),
            {
                "what": {"identifier": {"system": IDENTIFIERS + "record", "value": hex_of(row["record"])}},
                "type": _coding(HL7 + "audit-entity-type", "2", "System Object"),
                "role": _coding(HL7 + "object-role", "4", "Domain Resource"),
                "detail": _details(row),
            },
            {"what": request, "type": _coding(ENTITY_TYPES, "XrequestId", "X-Request-Id")},
        ],
    }


def _head(row: Row, profile: str, suffix: str) -> Json:
    security = [_coding(HL7 + "v3-ActReason", "HTEST", "test health data")] if row["purpose"] == "HTEST" else []
    meta = {**({"profile": [PROFILES + profile]} if profile else {}), **({"security": security} if security else {})}
    identifier = f"{row['decision'].hex()[:_ID_DIGITS]}-{suffix}"
    return {"resourceType": "AuditEvent", "id": identifier, **({"meta": meta} if meta else {})}


def _user(row: Row) -> Json:
    kind = "Practitioner" if row["actor_code"] == ActorKind.HUMAN else "Device"
    practitioner = row["practitioner"] or bytes(32)
    return {
        "type": _concept(HL7 + "v3-ParticipationType", "IRCP", "information recipient"),
        "who": _who(kind, "practitioner", practitioner),
        "requestor": True,
        "purposeOfUse": [_purpose(row)],
    }


def _patient(row: Row) -> list[Json]:
    if row["subject"] is None:
        return []
    return [
        {
            "what": _who("Patient", "subject", row["subject"]),
            "type": _coding(HL7 + "audit-entity-type", "1", "Person"),
            "role": _coding(HL7 + "object-role", "1", "Patient"),
        }
    ]


def _consent(row: Row) -> list[Json]:
    if row["consent"] is None:
        return []
    what = _who("Consent", "consent", row["consent"])
    return [{"what": what, "type": _coding("http://hl7.org/fhir/resource-types", "Consent", "Consent")}]


def _details(row: Row) -> list[Json]:
    """Says where in the chain the decision stands, so that everybody can look."""
    said: Mapping[str, Any] = {
        "ledger-tx": hex_of(row["transaction"]),
        "ledger-log-index": str(row["log_index"]),
        "ledger-block": str(row["block"]),
        "ledger-decision": hex_of(row["decision"]),
        "legal-basis": row["basis"],
        "action": row["action"],
        "actor": row["actor"],
    }
    return [{"type": name, "valueString": value} for name, value in said.items()]


def _coding(system: str, code: str, display: str) -> Json:
    return {"system": system, "code": code, "display": display}


def _concept(system: str, code: str, display: str) -> Json:
    return {"coding": [_coding(system, code, display)]}


def _purpose(row: Row) -> Json:
    if row["purpose_code"] not in set(Purpose):
        return {"text": row["purpose"]}
    return {"coding": [{"system": HL7 + "v3-ActReason", "code": row["purpose"]}]}


def _who(kind: str, system: str, value: bytes) -> Json:
    return {"type": kind, "identifier": {"system": IDENTIFIERS + system, "value": hex_of(value)}}


def _network(chain_id: str, account: bytes) -> Json:
    return {"address": f"eip155:{chain_id}:{hex_of(account)}", "type": _URI}


def _source(chain_id: str, observer: Json, code: str, display: str) -> Json:
    kind = _coding(HL7 + "security-source-type", code, display)
    return {"site": f"eip155:{chain_id}", "observer": observer, "type": [kind]}
