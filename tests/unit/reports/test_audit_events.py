"""Every AuditEvent keeps to FHIR R4 and to the patterns of BALP it claims; the facts are written down here anew."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from typing import Any, Final

import pytest

from consentry.core.codes import Reason
from consentry.core.events import AccessDecided
from consentry.reports.audit_events import write_events
from consentry.reports.disclosures import Period
from consentry.reports.opened import OpenedTables
from tests.support.province import patient
from tests.support.province_life import eventful_month

Event = dict[str, Any]
BALP: Final = "https://profiles.ihe.net/ITI/BALP/"
MEMBERS: Final = {
    *("resourceType", "id", "meta", "type", "subtype", "action", "period", "recorded", "outcome", "outcomeDesc"),
    *("purposeOfEvent", "agent", "source", "entity"),
}
AGENT_MEMBERS: Final = {"type", "role", "who", "requestor", "policy", "network", "purposeOfUse", "name"}
ENTITY_MEMBERS: Final = {"what", "type", "role", "detail", "name"}
ROLES: Final = {
    "http://dicom.nema.org/resources/ontology/DCM|110150": "client",
    "http://terminology.hl7.org/CodeSystem/v3-ParticipationType|IRCP": "user",
    "http://terminology.hl7.org/CodeSystem/v3-RoleClass|PROV": "userorg",
    "http://terminology.hl7.org/CodeSystem/extra-security-role-type|authserver": "authorizer",
    "http://dicom.nema.org/resources/ontology/DCM|110152": "destination",
    "http://dicom.nema.org/resources/ontology/DCM|110153": "source",
}
KINDS: Final = {
    "http://terminology.hl7.org/CodeSystem/audit-entity-type|1": "patient",
    "http://terminology.hl7.org/CodeSystem/audit-entity-type|2": "data",
    "http://hl7.org/fhir/resource-types|Consent": "consent",
    BALP + "CodeSystem/BasicAuditEntityType|XrequestId": "transaction",
}


def _written(tables: OpenedTables, *subjects: bytes) -> list[Event]:
    file = io.StringIO()
    count = write_events(tables, file, Period(), subjects)
    lines = file.getvalue().splitlines()
    assert len(lines) == count
    return [json.loads(line) for line in lines]


@pytest.fixture
def written(tables: OpenedTables) -> list[Event]:
    return _written(tables)


def _key(coding: Event) -> str:
    return f"{coding['system']}|{coding['code']}"


def _agents(event: Event) -> dict[str, Event]:
    named = [(ROLES[_key(agent["type"]["coding"][0])], agent) for agent in event["agent"]]
    assert len(dict(named)) == len(named)
    return dict(named)


def _entities(event: Event) -> dict[str, Event]:
    named = [(KINDS[_key(entity["type"])], entity) for entity in event.get("entity", ())]
    assert len(dict(named)) == len(named)
    return dict(named)


def _check_resource(event: Event) -> None:
    """What AuditEvent of FHIR 4.0.1 asks of every one."""
    assert event.keys() <= MEMBERS
    assert event["resourceType"] == "AuditEvent"
    assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", event["id"])
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", event["recorded"])
    assert event["action"] in {"C", "R", "U", "D", "E"}
    assert event["outcome"] in {"0", "4", "8", "12"}
    assert {"system", "code"} <= event["type"].keys()
    assert event["agent"]
    assert event["source"]["observer"]["identifier"]["value"]
    for agent in event["agent"]:
        assert agent.keys() <= AGENT_MEMBERS
        assert isinstance(agent["requestor"], bool)
        assert "network" not in agent or agent["network"]["type"] in {"1", "2", "3", "4", "5"}
    for entity in event.get("entity", ()):
        assert entity.keys() <= ENTITY_MEMBERS
        assert all(detail.keys() == {"type", "valueString"} for detail in entity.get("detail", ()))


def _check_decision(event: Event) -> None:
    """AuthZconsent."""
    assert _key(event["type"]).endswith("/DCM|110113")
    assert [_key(each) for each in event["subtype"]] == [BALP + "CodeSystem/AuthZsubType|AuthZ-Consent"]
    assert event["action"] == "E"
    assert event["outcome"] in {"0", "8"}
    assert ("outcomeDesc" in event) == (event["outcome"] == "8")
    agents = _agents(event)
    assert agents.keys() == {"client", "user", "userorg", "authorizer"}
    assert {name for name, agent in agents.items() if agent["requestor"]} == {"user"}
    assert "network" in agents["client"]
    assert all("network" not in agents[name] for name in ("user", "userorg", "authorizer"))
    assert agents["user"]["purposeOfUse"][0]["coding"][0]["system"].endswith("/v3-ActReason")
    assert agents["authorizer"]["who"] == event["source"]["observer"]


def _check_read(event: Event) -> None:
    """PatientRead."""
    assert _key(event["type"]).endswith("/audit-event-type|rest")
    assert [_key(each) for each in event["subtype"]] == ["http://hl7.org/fhir/restful-interaction|read"]
    assert (event["action"], event["outcome"]) == ("R", "0")
    agents, entities = _agents(event), _entities(event)
    assert agents.keys() == {"destination", "source", "user"}
    assert all("network" in agents[name] for name in ("destination", "source"))
    assert [name for name, agent in agents.items() if agent["requestor"]] == ["user"]
    assert entities.keys() == {"patient", "data", "transaction"}
    assert _key(entities["data"]["role"]).endswith("/object-role|4")


def test_every_event_keeps_to_the_standard(written: list[Event]) -> None:
    assert len({event["id"] for event in written}) == len(written)
    for event in written:
        _check_resource(event)
        (_check_decision if event["action"] == "E" else _check_read)(event)


def test_profile_is_claimed_where_it_is_filled_and_nowhere_else(written: list[Event]) -> None:
    claimed: Counter[str] = Counter()
    for event in written:
        profile = (
            event.get("meta", {}).get("profile", [""])[0].removeprefix(BALP + "StructureDefinition/IHE.BasicAudit.")
        )
        claimed[profile] += 1
        if event["action"] == "E":
            assert (profile == "AuthZconsent") == ({"patient", "consent"} <= _entities(event).keys())
        else:
            assert profile == "PatientRead"
        if "patient" in _entities(event):
            assert _key(_entities(event)["patient"]["role"]).endswith("/object-role|1")
    assert claimed[""] > 0


def test_there_is_an_event_for_each_decision_and_one_more_for_each_permit(written: list[Event]) -> None:
    entries = [event.entry for event in eventful_month().chain if isinstance(event, AccessDecided)]
    permitted = sum(entry.reason == Reason.NONE for entry in entries)

    actions = Counter(event["action"] for event in written)
    assert actions == {"E": len(entries), "R": permitted}
    denied = {event["outcomeDesc"] for event in written if "outcomeDesc" in event}
    assert denied == {Reason(entry.reason).name for entry in entries if entry.reason != Reason.NONE}


def test_machine_is_a_device_and_a_person_a_practitioner(written: list[Event]) -> None:
    kinds = Counter(_agents(event)["user"]["who"]["type"] for event in written)
    assert kinds["Device"] > 0
    assert kinds["Practitioner"] > 0
    assert len(kinds) == 2


def test_place_in_the_ledger_stands_in_the_details(written: list[Event]) -> None:
    for event in written:
        [details] = [entity["detail"] for entity in _entities(event).values() if "detail" in entity]
        said = {detail["type"]: detail["valueString"] for detail in details}
        assert re.fullmatch(r"0x[0-9a-f]{64}", said["ledger-tx"])
        assert said["ledger-decision"].removeprefix("0x").startswith(event["id"].partition("-")[0])


def test_events_of_one_patient_are_those_of_no_other(tables: OpenedTables) -> None:
    wanted = patient(4).subject
    events = _written(tables, wanted)
    named = {_entities(event)["patient"]["what"]["identifier"]["value"] for event in events}
    assert named == {"0x" + wanted.hex()}
