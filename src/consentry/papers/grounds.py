"""What an access rests on, in words: the terms of a consent, or of an authority's authorisation."""

from __future__ import annotations

from consentry.core.authorisations import StandingAuthorisation
from consentry.core.codes import UNLIMITED_USES, Action, Assurance, Category, LegalBasis, Purpose
from consentry.core.terms import ZERO_32, ConsentTerms
from consentry.evidence.notice import month_text
from consentry.papers.blocks import Facts
from consentry.papers.words import Words, short


def about_consent(terms: ConsentTerms, say: Words) -> Facts:
    """Writes the terms a patient signed."""
    rows = {
        "grantee": _grantee(terms, say),
        "somebody": _practitioner(terms, say),
        **_scope(terms, say),
        "period": say.period(terms.valid_from, terms.valid_until),
        "uses": _uses(terms.max_uses, say),
        "copies": say("facts", "erase", moment=say.moment(terms.erase_by))
        if terms.erase_by
        else say("facts", "no_copies"),
        "onward": say("facts", "onward" if terms.onward_disclosure else "no_onward"),
        "assurance": say.of("assurance", Assurance, terms.assurance),
    }
    if terms.guardian != ZERO_32:
        rows["guardian"] = say("facts", "guardian", id=short(terms.guardian))
    return Facts(tuple((say("labels", name), text) for name, text in rows.items()))


def about_authorisation(terms: StandingAuthorisation, say: Words) -> Facts:
    """Writes what an authority authorised, and on what."""
    rows = {
        "authority": short(terms.authority),
        "basis": say.of("basis", LegalBasis, terms.basis),
        **_scope(terms, say),
        "period": say.period(terms.valid_from, terms.valid_until),
        "text": short(terms.basis_text_hash),
    }
    return Facts(tuple((say("labels", name), text) for name, text in rows.items()))


def _scope(terms: ConsentTerms | StandingAuthorisation, say: Words) -> dict[str, str]:
    """Writes for what and for which records both kinds of terms are."""
    records = say.each_of("category", Category, terms.categories)
    if isinstance(terms, ConsentTerms) and terms.records_root != ZERO_32:
        records = say("facts", "named_records", id=short(terms.records_root))
    return {
        "actions": say.each_of("action", Action, terms.actions),
        "purposes": say.each_of("purpose", Purpose, terms.purposes),
        "records": records,
        "sensitivity": say("facts", "sensitivity", level=terms.max_sensitivity),
        "content": say("facts", "content", since=month_text(terms.data_from), until=month_text(terms.data_until)),
    }


def _grantee(terms: ConsentTerms, say: Words) -> str:
    if terms.group != ZERO_32:
        return say("facts", "group_grantee", id=short(terms.group))
    return say("facts", "institution_grantee", id=short(terms.institution))


def _practitioner(terms: ConsentTerms, say: Words) -> str:
    if terms.practitioner == ZERO_32:
        return say("facts", "anybody")
    return say("facts", "one_person", id=short(terms.practitioner))


def _uses(most: int, say: Words) -> str:
    if most == UNLIMITED_USES:
        return say("facts", "unlimited")
    return say("facts", "once") if most == 1 else say("facts", "times", count=most)
