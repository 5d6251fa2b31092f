"""The patterns: what people did with accesses. Those of debts and consents stand in `reports.duty_queries`.

A window of some seconds is laid twice over time, the second time half a window later: what happens within half a window
always lies in one of them.
"""

from __future__ import annotations

from typing import Final

from consentry.core.codes import DAY, Action, LegalBasis, Purpose, Reason
from consentry.reports.opened import BY_PEOPLE
from consentry.reports.patterns import Pattern

HOUR: Final = 3600
_HUMAN: Final = f"d.{BY_PEOPLE}"
_SEEN_BY_PEOPLE: Final = f"d.permitted AND {_HUMAN}"
_CARE_AT_ONCE: Final = f"({int(Purpose.ETREAT)}, {int(Purpose.BTG)})"
_LOCAL_HOUR: Final = "(({}time + $utc_offset) // 3600) % 24"
_AT_NIGHT: Final = f"({_LOCAL_HOUR} >= 22 OR {_LOCAL_HOUR} < 6)"
_CONSENT_SAID_NO: Final = "({})".format(
    ", ".join(
        str(int(reason))
        for reason in (
            *(Reason.CONSENT_MISSING, Reason.CONSENT_UNKNOWN, Reason.CONSENT_REVOKED, Reason.CONSENT_EXPIRED),
            *(Reason.GRANTEE_MISMATCH, Reason.PRACTITIONER_MISMATCH, Reason.PURPOSE_NOT_GRANTED),
            *(Reason.RECORD_NOT_IN_SCOPE, Reason.SENSITIVITY_EXCEEDED, Reason.EXCLUDED, Reason.EMERGENCY_FORBIDDEN),
        )
    )
)


def most_in_a_window(keys: str, counted: str, source: str, least: str, where: str = "true") -> str:
    """Gives a query for the fullest window of each group that has at least so many in ``$window_seconds``.

    Windows with fewer rows than that are put aside first, so that what is distinct is counted in few of them.

    Args:
        keys: columns of the group.
        counted: what is counted, as an aggregate; never more than rows.
        source: table or view.
        least: threshold, with its dollar sign.
        where: which rows.
    """
    return f"""
        WITH laid AS NOT MATERIALIZED (
            SELECT s.*, shift, (time + shift) // $window_seconds AS part
            FROM {source} AS s, (VALUES (0), ($window_seconds // 2)) AS grid(shift) WHERE {where}
        ),
        busy AS (SELECT {keys}, shift, part FROM laid GROUP BY ALL HAVING count(*) >= {least}),
        windows AS (
            SELECT {keys}, {counted} AS cases, min(time) AS first, max(time) AS last
            FROM laid JOIN busy USING ({keys}, shift, part) GROUP BY {keys}, shift, part HAVING cases >= {least}
        )
        SELECT {keys}, max(cases) AS cases, arg_max(first, cases) AS first, arg_max(last, cases) AS last
        FROM windows GROUP BY {keys}
    """  # noqa: S608 - made of constants of this module


MASS_EXPORT: Final = Pattern(
    "access.mass-export",
    "One practitioner looked at records of at least {subjects} patients within {window_seconds}.",
    ("institution", "practitioner"),
    most_in_a_window("institution, practitioner", "count(DISTINCT subject)", "looks", "$subjects"),
    evidence=_SEEN_BY_PEOPLE,
    thresholds={"subjects": 100, "window_seconds": HOUR},
)
TOO_FAST: Final = Pattern(
    "access.faster-than-a-person",
    "Somebody said to be a person opened records of at least {subjects} patients within {window_seconds}.",
    ("institution", "practitioner"),
    most_in_a_window("institution, practitioner", "count(DISTINCT subject)", "looks", "$subjects"),
    evidence=_SEEN_BY_PEOPLE,
    thresholds={"subjects": 15, "window_seconds": 60},
)
COPIES: Final = Pattern(
    "access.mass-storing",
    "One practitioner took copies of records of at least {subjects} patients within {window_seconds}.",
    ("institution", "practitioner"),
    most_in_a_window(
        "institution, practitioner",
        "count(DISTINCT subject)",
        "looks",
        "$subjects",
        f"action_code = {int(Action.STORE)}",
    ),
    evidence=f"{_SEEN_BY_PEOPLE} AND d.action_code = {int(Action.STORE)}",
    thresholds={"subjects": 20, "window_seconds": DAY},
)
VOLUME_JUMP: Final = Pattern(
    "access.volume-jump",
    "On one day, people of an institution looked {times} times as often as on its usual day, and at least {least} "
    "times; the usual day is the median of at least {days} others.",
    ("institution",),
    """
        WITH by_day AS (
            SELECT institution, (time + $utc_offset) // 86400 AS day, count(*) AS looked, min(time) AS first,
                max(time) AS last
            FROM looks GROUP BY institution, day
        ),
        usual AS (SELECT institution, median(looked) AS often, count(*) AS days FROM by_day GROUP BY institution)
        SELECT institution, max(looked) AS cases, arg_max(first, looked) AS first, arg_max(last, looked) AS last
        FROM by_day JOIN usual USING (institution)
        WHERE looked >= $least AND looked >= $times * often AND days > $days
        GROUP BY institution
    """,
    evidence=_SEEN_BY_PEOPLE,
    thresholds={"times": 5, "least": 200, "days": 7},
)
MANY_STAFF: Final = Pattern(
    "access.one-person-by-many-staff",
    "At least {people} people of one institution looked at one patient within {window_seconds}.",
    ("institution", "subject"),
    most_in_a_window("institution, subject", "count(DISTINCT practitioner)", "looks", "$people"),
    evidence=_SEEN_BY_PEOPLE,
    thresholds={"people": 20, "window_seconds": DAY},
)
MANY_INSTITUTIONS: Final = Pattern(
    "access.one-person-by-many-institutions",
    "People of at least {institutions} institutions looked at one patient within {window_seconds}.",
    ("subject",),
    most_in_a_window("subject", "count(DISTINCT institution)", "looks", "$institutions"),
    evidence=_SEEN_BY_PEOPLE,
    thresholds={"institutions": 4, "window_seconds": 2 * DAY},
)
SENSITIVE: Final = Pattern(
    "access.many-sensitive",
    "One practitioner looked at records of level 4 or 5 of at least {subjects} patients within {window_seconds}.",
    ("institution", "practitioner"),
    most_in_a_window("institution, practitioner", "count(DISTINCT subject)", "looks", "$subjects", "sensitivity >= 4"),
    evidence=f"{_SEEN_BY_PEOPLE} AND d.sensitivity >= 4",
    thresholds={"subjects": 20, "window_seconds": DAY},
)
NIGHT: Final = Pattern(
    "access.at-night",
    "One practitioner looked at least {least} times between 22:00 and 6:00, no emergency, with a share of night of at "
    "least {share} and {times} times that of all others of the institution.",
    ("institution", "practitioner"),
    f"""
        WITH people AS (
            SELECT institution, practitioner, count(*) AS looked, count(*) FILTER ({_AT_NIGHT.format("", "")}) AS night,
                min(time) FILTER ({_AT_NIGHT.format("", "")}) AS first,
                max(time) FILTER ({_AT_NIGHT.format("", "")}) AS last
            FROM looks WHERE purpose_code NOT IN {_CARE_AT_ONCE} AND basis_code <> {int(LegalBasis.EMERGENCY)}
            GROUP BY institution, practitioner
        ),
        beside AS (
            SELECT *, sum(night) OVER of_institution - night AS night_of_others,
                sum(looked) OVER of_institution - looked AS of_others
            FROM people WINDOW of_institution AS (PARTITION BY institution)
        )
        SELECT institution, practitioner, night AS cases, first, last FROM beside
        WHERE night >= $least AND night >= $share * looked
            AND night * of_others >= $times * night_of_others * looked
    """,  # noqa: S608 - made of constants of this module
    evidence=f"{_SEEN_BY_PEOPLE} AND {_AT_NIGHT.format('d.', 'd.')} AND d.purpose_code NOT IN {_CARE_AT_ONCE}",
    thresholds={"least": 20, "share": 0.5, "times": 3},
)
PROBING: Final = Pattern(
    "denial.probing",
    "One practitioner was denied at least {records} different records within {window_seconds}.",
    ("institution", "practitioner"),
    most_in_a_window("institution, practitioner", "count(DISTINCT record)", "decisions", "$records", "NOT permitted"),
    evidence="NOT d.permitted",
    thresholds={"records": 20, "window_seconds": HOUR},
)
GUESSING: Final = Pattern(
    "denial.guessing",
    "An institution asked for at least {records} records nobody anchored within {window_seconds}.",
    ("institution",),
    most_in_a_window("institution", "count(*)", "decisions", "$records", f"reason_code = {int(Reason.RECORD_UNKNOWN)}"),
    evidence=f"d.reason_code = {int(Reason.RECORD_UNKNOWN)}",
    thresholds={"records": 5, "window_seconds": DAY},
)
AGAINST_EXCLUSION: Final = Pattern(
    "denial.against-exclusion",
    "An institution asked at least {least} times within {window_seconds} for a patient who excludes it, its "
    "practitioner or the class of documents.",
    ("institution", "subject"),
    most_in_a_window(
        "institution, subject", "count(*)", "decisions", "$least", f"reason_code = {int(Reason.EXCLUDED)}"
    ),
    evidence=f"d.reason_code = {int(Reason.EXCLUDED)}",
    thresholds={"least": 3, "window_seconds": 30 * DAY},
)
WHILE_SUSPENDED: Final = Pattern(
    "denial.while-suspended",
    "An institution went on asking while it was suspended, at least {least} times within {window_seconds}.",
    ("institution",),
    most_in_a_window(
        "institution", "count(*)", "decisions", "$least", f"reason_code = {int(Reason.INSTITUTION_SUSPENDED)}"
    ),
    evidence=f"d.reason_code = {int(Reason.INSTITUTION_SUSPENDED)}",
    thresholds={"least": 3, "window_seconds": 30 * DAY},
)
AT_THE_LIMIT: Final = Pattern(
    "denial.at-the-limit",
    "An institution was denied {least} or more times within {window_seconds} because it had used up what it may do "
    "in a day.",
    ("institution",),
    most_in_a_window(
        "institution",
        "count(*)",
        "decisions",
        "$least",
        f"reason_code IN ({int(Reason.INSTITUTION_LIMIT)}, {int(Reason.EMERGENCY_LIMIT)})",
    ),
    evidence=f"d.reason_code IN ({int(Reason.INSTITUTION_LIMIT)}, {int(Reason.EMERGENCY_LIMIT)})",
    thresholds={"least": 1, "window_seconds": DAY},
)
REJECTED: Final = Pattern(
    "denial.rejected-often",
    "At least {least} requests in the name of an institution were rejected within {window_seconds}: wrongly signed, "
    "sent again, or without proof.",
    ("institution",),
    most_in_a_window("institution", "count(*)", "rejections", "$least"),
    source="rejections",
    thresholds={"least": 10, "window_seconds": DAY},
)
OTHER_BASIS: Final = Pattern(
    "basis.changed-after-denial",
    "A patient's consent did not cover an access, and within {window_seconds} the institution had it permitted "
    "on another basis.",
    ("institution", "subject"),
    f"""
        SELECT no.institution, no.subject, count(DISTINCT yes.decision) AS cases, min(no.time) AS first,
            max(yes.time) AS last
        FROM decisions AS no JOIN decisions AS yes USING (institution, subject)
        WHERE NOT no.permitted AND no.reason_code IN {_CONSENT_SAID_NO} AND yes.permitted
            AND yes.basis_code <> no.basis_code AND yes.basis_code <> {int(LegalBasis.CONSENT)}
            AND yes.number > no.number AND yes.time <= no.time + $window_seconds
        GROUP BY no.institution, no.subject
    """,  # noqa: S608 - made of constants of this module
    evidence=f"(d.permitted AND d.basis_code <> {int(LegalBasis.CONSENT)}) OR d.reason_code IN {_CONSENT_SAID_NO}",
    thresholds={"window_seconds": 7 * DAY},
)
AFTER_REVOCATION: Final = Pattern(
    "basis.changed-after-revocation",
    "A patient took a consent back, and within {window_seconds} the institution looked on another basis.",
    ("institution", "subject"),
    f"""
        SELECT c.institution, c.subject, count(DISTINCT d.decision) AS cases, min(c.revoked) AS first,
            max(d.time) AS last
        FROM consents AS c JOIN decisions AS d USING (institution, subject)
        WHERE c.granted IS NOT NULL AND d.permitted AND d.basis_code <> {int(LegalBasis.CONSENT)}
            AND d.time >= c.revoked AND d.time <= c.revoked + $window_seconds
        GROUP BY c.institution, c.subject
    """,  # noqa: S608 - made of constants of this module
    evidence=f"d.permitted AND d.basis_code <> {int(LegalBasis.CONSENT)}",
    thresholds={"window_seconds": 30 * DAY},
)
AFTER_REFUSAL: Final = Pattern(
    "basis.changed-after-refusal",
    "A patient denied what an institution had asked for, and within {window_seconds} the institution looked on another "
    "basis.",
    ("institution", "subject"),
    f"""
        WITH denied AS (
            SELECT asked.institution, said.subject, said.time
            FROM events AS said JOIN events AS asked ON asked.subject = said.subject AND asked.number < said.number
            WHERE said.name = 'ConsentDenied' AND asked.name = 'ConsentAsked'
        )
        SELECT d.institution, d.subject, count(DISTINCT d.decision) AS cases, min(denied.time) AS first,
            max(d.time) AS last
        FROM denied JOIN decisions AS d USING (institution, subject)
        WHERE d.permitted AND d.basis_code <> {int(LegalBasis.CONSENT)}
            AND d.time >= denied.time AND d.time <= denied.time + $window_seconds
        GROUP BY d.institution, d.subject
    """,  # noqa: S608 - made of constants of this module
    evidence=f"d.permitted AND d.basis_code <> {int(LegalBasis.CONSENT)}",
    thresholds={"window_seconds": 30 * DAY},
)
LAST_LOOKS: Final = Pattern(
    "access.before-revocation",
    "At least {least} accesses to a patient's records in the last {window_seconds} before the patient took the "
    "consent back.",
    ("institution", "subject"),
    """
        SELECT c.institution, c.subject, count(DISTINCT d.decision) AS cases, min(d.time) AS first, max(d.time) AS last
        FROM consents AS c JOIN decisions AS d USING (institution, subject)
        WHERE c.granted IS NOT NULL AND d.permitted AND d.time <= c.revoked AND d.time >= c.revoked - $window_seconds
        GROUP BY c.institution, c.subject HAVING cases >= $least
    """,
    evidence="d.permitted",
    thresholds={"least": 10, "window_seconds": HOUR},
)
BEFORE_ERASURE: Final = Pattern(
    "access.before-erasure",
    "Copies of a record were taken between the patient's request to erase it and its erasure.",
    ("record",),
    f"""
        SELECT r.record, count(*) AS cases, min(d.time) AS first, max(d.time) AS last
        FROM records AS r JOIN decisions AS d USING (record)
        WHERE d.permitted AND d.action_code = {int(Action.STORE)} AND d.time >= r.erasure_requested
            AND (r.erased IS NULL OR d.time <= r.erased)
        GROUP BY r.record
    """,  # noqa: S608 - made of constants of this module
    evidence=f"d.permitted AND d.action_code = {int(Action.STORE)}",
)
TWO_HOUSES: Final = Pattern(
    "actor.at-two-institutions",
    "The same practitioner's id asks for two institutions, which an id keyed by its institution never does.",
    ("practitioner",),
    """
        WITH shared AS (
            SELECT practitioner FROM decisions GROUP BY practitioner HAVING min(institution) <> max(institution)
        )
        SELECT practitioner, count(DISTINCT institution) AS cases, min(time) AS first, max(time) AS last
        FROM decisions JOIN shared USING (practitioner) GROUP BY practitioner
    """,
)
BOTH_KINDS: Final = Pattern(
    "actor.person-and-machine",
    "The same practitioner's id asks as a person and as a machine.",
    ("institution", "practitioner"),
    """
        SELECT institution, practitioner, max(actor_code) AS cases, min(time) AS first, max(time) AS last
        FROM decisions WHERE practitioner IS NOT NULL GROUP BY institution, practitioner
        HAVING min(actor_code) <> max(actor_code)
    """,
)
LOGGED_LATE: Final = Pattern(
    "access.logged-late",
    "{least} or more requests were signed {window_seconds} or more before they were decided: as if what had been seen "
    "before were logged after.",
    ("institution", "practitioner"),
    """
        SELECT institution, practitioner, count(*) AS cases, min(time) AS first, max(time) AS last
        FROM looks WHERE time - issued >= $window_seconds GROUP BY institution, practitioner HAVING cases >= $least
    """,
    evidence=_SEEN_BY_PEOPLE,
    thresholds={"least": 1, "window_seconds": DAY},
)

ACCESS_PATTERNS: Final = (
    *(MASS_EXPORT, TOO_FAST, COPIES, VOLUME_JUMP, MANY_STAFF, MANY_INSTITUTIONS, SENSITIVE, NIGHT),
    *(LAST_LOOKS, BEFORE_ERASURE, LOGGED_LATE, OTHER_BASIS, AFTER_REVOCATION, AFTER_REFUSAL),
    *(PROBING, GUESSING, AGAINST_EXCLUSION, WHILE_SUSPENDED, AT_THE_LIMIT, REJECTED),
    *(TWO_HOUSES, BOTH_KINDS),
)
