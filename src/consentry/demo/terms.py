"""The usual terms of a consent: a hospital may view images for treatment for a month, under the patient's device."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from consentry.core.codes import DAY, UNLIMITED_USES, Action, Assurance, Category, Purpose, bits
from consentry.core.terms import ZERO_32, Address, ConsentTerms, SubjectId


def treatment_terms(subject: SubjectId, institution: Address, month: int, **changes: Any) -> ConsentTerms:  # noqa: ANN401 - any member
    """Gives terms that are to be prepared: notice and nonce are drawn then.

    Args:
        subject: who grants.
        institution: to whom.
        month: about which the records are, and a year before and after it.
        changes: members that are to be other ones.
    """
    now = int(time.time())
    usual = ConsentTerms(
        subject_id=subject,
        guardian=ZERO_32,
        institution=institution,
        group=ZERO_32,
        practitioner=ZERO_32,
        records_root=ZERO_32,
        categories=bits(Category.IMAGING),
        purposes=bits(Purpose.TREAT),
        actions=bits(Action.VIEW),
        max_sensitivity=4,
        data_from=month - 12,
        data_until=month + 12,
        valid_from=now - 60,
        valid_until=now + 30 * DAY,
        max_uses=UNLIMITED_USES,
        onward_disclosure=False,
        erase_by=0,
        notice_hash=ZERO_32,
        notice_version=0,
        assurance=Assurance.DEVICE_KEY,
        nonce=0,
    )
    return replace(usual, **changes)
