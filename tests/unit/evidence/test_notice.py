"""The notice says what the terms say; for a group it says who can let others in."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import pytest

from consentry.core.codes import Action, Category, Purpose, bits
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
    first, second = (render(terms, version, language).splitlines() for version in (1, 2))
    assert first[1:] == second[1:]
    assert "0x" + samples.AUTHORITY.hex() not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_a_word_and_no_code_is_shown(language: str) -> None:
    terms = replace(
        samples.terms(),
        actions=bits(*Action),
        purposes=bits(*Purpose),
        categories=bits(*Category),
        erase_by=samples.NOW,
        max_uses=3,
    )
    text = render(terms, CURRENT_VERSION, language)

    assert set(re.findall(r"\b[A-Z]{3,}\b", text)) - {"UTC", "CONSENT", "RECORD", "ACCESS"} == set()
    told = {"en": ("read, keep a copy", "images", "3 times at most"), "zh": ("阅读, 保存副本", "医学影像", "最多 3 次")}
    assert [word for word in told[language] if word not in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_notice_of_an_earlier_version_is_found_again(language: str) -> None:
    text = render(_for_group(), 1, language)
    granted = replace(_for_group(), notice_version=1, notice_hash=hashlib.sha256(text.encode()).digest())
    assert shown_text(granted) == (language, text)


def test_notice_that_does_not_exist_is_refused() -> None:
    with pytest.raises(NotFoundError):
        render(samples.terms(), CURRENT_VERSION + 1, "en")


@pytest.mark.parametrize(("uses", "told"), [(1, ("once", "一次")), (2, ("2 times at most", "最多 2 次"))])
def test_notice_says_how_often(uses: int, told: tuple[str, str]) -> None:
    terms = replace(samples.terms(), max_uses=uses)
    for language, words in zip(("en", "zh"), told, strict=True):
        assert re.search(rf"\W{words}\n", render(terms, CURRENT_VERSION, language)), language
