"""The patterns of what is owed: debts of emergencies, consents made and left, recognition of results."""

from __future__ import annotations

from typing import Final

from consentry.core.assisted_grants import TIME_TO_UNDO
from consentry.core.codes import DAY, Assurance, ConsentStatus, LegalBasis, ReviewOutcome
from consentry.core.revocations import TIME_TO_ACKNOWLEDGE
from consentry.reports.pattern_queries import most_in_a_window
from consentry.reports.patterns import Pattern

_EMERGENCY: Final = f"basis_code = {int(LegalBasis.EMERGENCY)}"


def _debts(where: str) -> str:
    """Gives the debts that are so; each is one case, from the access to its end or to the head."""
    return f"""
        SELECT debt, institution, 1 AS cases, opened AS first, coalesce(closed, $head) AS last
        FROM debts WHERE {where}
    """  # noqa: S608 - made of constants of this module


OVERDUE: Final = Pattern(
    "emergency.debt-overdue",
    "Of an emergency access, the notice to the patient or the review is overdue.",
    ("debt", "institution"),
    _debts("overdue"),
    source="debts",
)
NOTICE_MISSING: Final = Pattern(
    "emergency.notice-missing",
    "The patient was not told of an emergency access in time.",
    ("debt", "institution"),
    _debts("coalesce(notified, $head) >= due"),
    source="debts",
)
REVIEW_MISSING: Final = Pattern(
    "emergency.review-missing",
    "No second person reviewed an emergency access in time.",
    ("debt", "institution"),
    _debts("coalesce(reviewed, $head) >= due AND referred IS NULL"),
    source="debts",
)
REFERRAL_OPEN: Final = Pattern(
    "emergency.referral-open",
    "The review of an emergency access was left to an authority, which did not give an outcome in time.",
    ("debt", "institution"),
    _debts("coalesce(reviewed, $head) >= due AND referred IS NOT NULL"),
    source="debts",
)
NOT_JUSTIFIED: Final = Pattern(
    "emergency.not-justified",
    "The review of an emergency access found that it was not justified.",
    ("debt", "institution"),
    _debts(f"outcome_code = {int(ReviewOutcome.NOT_JUSTIFIED)}"),
    source="debts",
)
EMERGENCY_SHARE: Final = Pattern(
    "emergency.high-share",
    "Of what people of an institution looked at, {share} or more was in an emergency, and at least {least} times.",
    ("institution",),
    f"""
        SELECT institution, count(*) FILTER ({_EMERGENCY}) AS cases, min(time) FILTER ({_EMERGENCY}) AS first,
            max(time) FILTER ({_EMERGENCY}) AS last
        FROM looks GROUP BY institution HAVING cases >= $least AND cases >= $share * count(*)
    """,  # noqa: S608 - made of constants of this module
    evidence=f"d.permitted AND d.{_EMERGENCY}",
    thresholds={"share": 0.15, "least": 10},
)
EMERGENCY_HABIT: Final = Pattern(
    "emergency.one-practitioner",
    "One practitioner looked in an emergency at least {least} times within {window_seconds}.",
    ("institution", "practitioner"),
    most_in_a_window("institution, practitioner", "count(*)", "looks", "$least", _EMERGENCY),
    evidence=f"d.permitted AND d.{_EMERGENCY}",
    thresholds={"least": 5, "window_seconds": 7 * DAY},
)
UNUSED: Final = Pattern(
    "consent.broad-and-unused",
    "A consent for at least {categories} classes of documents, or for a group, is in force and was not used for "
    "{unused_seconds}.",
    ("consent",),
    f"""
        SELECT consent, coalesce(len(categories), 0) AS cases, granted AS first, $head AS last FROM consents
        WHERE status_code = {int(ConsentStatus.ACTIVE)} AND uses = 0 AND granted <= $head - $unused_seconds
            AND valid_until > $head AND (len(categories) >= $categories OR "group" IS NOT NULL)
    """,  # noqa: S608 - made of constants of this module
    source="consents",
    thresholds={"categories": 6, "unused_seconds": 90 * DAY},
)
ASSISTED: Final = Pattern(
    "consent.assisted-share",
    "Of the consents for an institution, its own staff prepared {share} or more, and at least {least}.",
    ("institution",),
    f"""
        SELECT coalesce(assisted_by, institution) AS institution,
            count(*) FILTER (assurance_code = {int(Assurance.STAFF_ASSISTED)}) AS cases,
            min(granted) FILTER (assurance_code = {int(Assurance.STAFF_ASSISTED)}) AS first,
            max(granted) FILTER (assurance_code = {int(Assurance.STAFF_ASSISTED)}) AS last
        FROM consents WHERE granted IS NOT NULL AND coalesce(assisted_by, institution) IS NOT NULL
        GROUP BY 1 HAVING cases >= $least AND cases >= $share * count(*)
    """,  # noqa: S608 - made of constants of this module
    source="consents",
    evidence=f"d.assurance_code = {int(Assurance.STAFF_ASSISTED)}",
    thresholds={"share": 0.3, "least": 10},
)
UNDONE: Final = Pattern(
    "consent.assisted-undone",
    "Of the consents its staff prepared, patients undid {share} or more within three days, and at least {least}.",
    ("institution",),
    f"""
        WITH prepared AS (
            SELECT *, revoked IS NOT NULL AND revoked < granted + {TIME_TO_UNDO} AS undone FROM consents
            WHERE granted IS NOT NULL AND assisted_by IS NOT NULL
        )
        SELECT assisted_by AS institution, count(*) FILTER (undone) AS cases, min(granted) FILTER (undone) AS first,
            max(granted) FILTER (undone) AS last
        FROM prepared GROUP BY assisted_by HAVING cases >= $least AND cases >= $share * count(*)
    """,  # noqa: S608 - made of constants of this module
    source="consents",
    evidence=f"d.assisted_by IS NOT NULL AND d.revoked < d.granted + {TIME_TO_UNDO}",
    thresholds={"share": 0.2, "least": 3},
)
UNACKNOWLEDGED: Final = Pattern(
    "consent.revocation-unacknowledged",
    "A patient took a consent back, and the institution did not say within a day that it knows.",
    ("consent", "institution"),
    f"""
        SELECT consent, institution, 1 AS cases, granted AS first, revoked AS last FROM consents AS c
        WHERE granted IS NOT NULL AND institution IS NOT NULL AND revoked + {TIME_TO_ACKNOWLEDGE} <= $head
            AND NOT EXISTS (
                SELECT 1 FROM events AS e
                WHERE e.name = 'RevocationAcknowledged' AND e.institution = c.institution AND e.subject = c.subject
                    AND e.time >= c.revoked AND e.time < c.revoked + {TIME_TO_ACKNOWLEDGE}
            )
    """,  # noqa: S608 - made of constants of this module
    source="consents",
)
RECOGNITION: Final = Pattern(
    "recognition.low",
    "An institution accepted {share} or less of at least {least} results that were marked for mutual recognition.",
    ("institution",),
    """
        WITH latest AS (
            SELECT institution, record, arg_max(accepted, number) AS accepted, max(time) AS time
            FROM recognitions GROUP BY institution, record
        )
        SELECT institution, count(*) FILTER (NOT accepted) AS cases, min(time) AS first, max(time) AS last
        FROM latest GROUP BY institution HAVING count(*) >= $least AND count(*) FILTER (accepted) <= $share * count(*)
    """,
    source="recognitions",
    evidence="NOT d.accepted",
    thresholds={"share": 0.3, "least": 10},
)

DUTY_PATTERNS: Final = (
    *(OVERDUE, NOTICE_MISSING, REVIEW_MISSING, REFERRAL_OPEN, NOT_JUSTIFIED, EMERGENCY_SHARE, EMERGENCY_HABIT),
    *(UNUSED, ASSISTED, UNDONE, UNACKNOWLEDGED, RECOGNITION),
)
