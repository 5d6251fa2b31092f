"""The notice says what the terms say; for a group it says who can let others in."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from consentry.core.terms import ZERO_32, ZERO_ADDRESS, ConsentTerms
from consentry.errors import NotFoundError
from consentry.evidence.notice import CURRENT_VERSION, LANGUAGES, render, shown_text, with_notice
from tests.support import samples

GROUP = samples.group(samples.AUTHORITY)


def _for_group() -> ConsentTerms:
    return replace(samples.terms(), institution=ZERO_ADDRESS, group=GROUP)


@pytest.mark.parametrize("language", LANGUAGES)
def test_notice_for_a_group_names_who_can_let_others_in(language: str) -> None:
    _, text = with_notice(_for_group(), language)
    told = {"en": "can let others in without asking you", "zh": "无需征求您的意见"}[language]
    assert told in text
    assert text.count("0x" + samples.AUTHORITY.hex()) == 2
    assert "0x" + GROUP.hex() in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_notice_for_one_institution_says_nothing_of_groups(language: str) -> None:
    terms, text = with_notice(replace(samples.terms(), group=ZERO_32), language)
    first, now = (render(terms, version, language).splitlines() for version in (1, CURRENT_VERSION))
    assert first[1:] == now[1:]
    assert "0x" + samples.AUTHORITY.hex() not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_notice_of_an_earlier_version_is_found_again(language: str) -> None:
    text = render(_for_group(), 1, language)
    granted = replace(_for_group(), notice_version=1, notice_hash=hashlib.sha256(text.encode()).digest())
    assert shown_text(granted) == (language, text)


def test_notice_that_does_not_exist_is_refused() -> None:
    with pytest.raises(NotFoundError):
        render(samples.terms(), CURRENT_VERSION + 1, "en")
