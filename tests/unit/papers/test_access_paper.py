"""The paper of a bundle: what it says, in both languages, and that it is the same each time."""

from __future__ import annotations

import hashlib
import json
import re
import time
from pathlib import Path

import pytest

from consentry.core.codes import LegalBasis
from consentry.errors import VerificationError
from consentry.evidence import steps
from consentry.evidence.bundle import Bundle
from consentry.evidence.notice import shown_text, with_notice
from consentry.evidence.trust import TrustRoot
from consentry.papers.access import access_document, access_paper
from consentry.papers.blocks import Facts, Part, Points, Table, Verdict
from consentry.papers.fonts import load_fonts
from consentry.papers.typesetting import Document, to_pdf
from tests.support.pdf_text import embedded_outlines, glyphs_of, pages, text_of
from tests.vectors.bundles.build_bundles import TRUE, TRUST_ROOT
from tests.vectors.bundles.vouched import CHECKED, build_vouched

TRUST = TrustRoot.from_json(TRUST_ROOT.read_bytes())
FILES = sorted(TRUE.glob("*.json"))
FONTS = load_fonts()


def _content(name: str) -> bytes:
    return (TRUE / f"{name}.json").read_bytes()


def _printed(name: str) -> str:
    return text_of(access_paper(_content(name), TRUST, FONTS))


def _bare(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_true_bundle_has_a_paper_that_says_its_outcome_and_claim(path: Path) -> None:
    content = path.read_bytes()
    printed = text_of(access_paper(content, TRUST, FONTS))

    is_permitted = path.stem.startswith("permitted")
    assert ("账本允许医疗机构" in printed, "账本拒绝了医疗机构" in printed) == (is_permitted, not is_permitted)
    assert ("theledgerPERMITTED" in printed, "theledgerREFUSED" in printed) == (is_permitted, not is_permitted)
    assert printed.count(_bare(Bundle.from_json(content).claim)) == 2
    assert printed.count(hashlib.sha256(content).hexdigest()) >= 4


def test_paper_of_a_consent_says_its_terms_in_both_languages() -> None:
    printed = _printed("permitted-passkey")

    for said in (
        *("目的诊疗", "法律依据患者同意", "病历范围医学影像", "敏感级别最高3级", "内容时间2020-01至2028-05"),
        *("次数有效期内不限次数", "副本不得保存", "向他人提供不允许", "签署方式由患者本人的设备签署"),
        *("北京时间2027-01-1516:00:15", "链131277322940537的第53号区块"),
        *("Purposetreatment", "Legalbasisconsentofthepatient", "Whichrecordsimages", "Sensitivityuptolevel3of5"),
        *("Howoftenasoftenasneeded", "Copiesmaynotbekept", "Howitwassignedwiththepatient'sowndevice"),
        *("2027-01-1508:00:15UTC(2027-01-1516:00:15inBeijing)", "number53ofchain131277322940537"),
    ):
        assert said in printed, said


def test_annex_has_every_identifier_whole() -> None:
    content = _content("permitted-by-guardian")
    bundle, printed = Bundle.from_json(content), text_of(access_paper(content, TRUST, FONTS, ("en",)))
    assert bundle.consent is not None
    assert bundle.record is not None

    for identifier in (
        *(bundle.entry.request.institution, bundle.entry.request.practitioner, bundle.entry.subject_id),
        *(bundle.entry.request.record_id, bundle.entry.request.consent_id, bundle.consent.terms.guardian),
        *(bundle.consent.terms.notice_hash, bundle.record.leaf.custodian, bundle.institution.authority),
        *(bundle.decision.block_hash, bundle.genesis_hash, hashlib.sha256(TRUST.to_json()).digest()),
    ):
        assert f"0x{identifier.hex()}" in printed.partition("AnnexA")[2].partition("AnnexC")[0]


def test_paper_of_an_emergency_says_why_and_what_is_owed() -> None:
    printed = _printed("permitted-emergency")

    assert "LegalbasisemergencyReasonoftheemergency" in printed
    assert "紧急访问后的义务须在北京时间2027-01-18" in printed
    assert "Consentitrestson" not in printed


def test_paper_of_an_authorisation_names_the_authority_and_the_text() -> None:
    content = _content("permitted-authorised")
    bundle, printed = Bundle.from_json(content), text_of(access_paper(content, TRUST, FONTS, ("en",)))
    assert bundle.authorisation is not None

    assert f"Legalbasis{ {3: 'statutoryduty', 4: 'publichealth'}[bundle.authorisation.terms.basis] }" in printed
    assert f"SHA-256ofthetextitrestson0x{bundle.authorisation.terms.basis_text_hash.hex()}" in printed
    assert bundle.entry.request.legal_basis != LegalBasis.CONSENT


def test_paper_of_a_denial_says_the_reason_and_what_does_not_apply() -> None:
    [part] = access_document(_content("denied-unknown-record"), TRUST, ("en",)).parts
    [verdict] = [block for block in part.blocks if isinstance(block, Verdict)]
    [table] = [block for block in part.blocks if isinstance(block, Table)]

    assert (verdict.word, verdict.tone) == ("REFUSED", "bad")
    assert "Reason of the refusal: the record is unknown." in verdict.text
    assert "one record of no patient known to the ledger" in verdict.text
    assert table.rows[steps.RECORD - 1][2] == "does not apply: no known record"
    assert table.rows[steps.CONSENT - 1][2] == "does not apply: neither consent nor authorisation"


def test_paper_lists_every_step_and_what_was_not_looked_at() -> None:
    [part] = access_document(_content("permitted-account"), TRUST, ("en",)).parts
    [table] = [block for block in part.blocks if isinstance(block, Table)]

    assert [row[0] for row in table.rows] == [str(number) for number in range(steps.FORM, steps.LAST + 1)]
    assert {row[2] for row in table.rows[: steps.CLAIM]} == {"holds"}
    assert {row[2] for row in table.rows[steps.CLAIM :]} == {"not checked: the bundle has no such proof"}


def test_paper_names_validators_and_witnesses_who_vouch() -> None:
    vouched = build_vouched()
    content = next(iter(vouched.bundles.values())).to_json()
    [part] = access_document(content, vouched.trust, ("en",), now=CHECKED).parts
    [table] = [block for block in part.blocks if isinstance(block, Table)]
    said = " ".join(item for block in part.blocks if isinstance(block, Points) for item in block.items)

    assert {row[2] for row in table.rows} == {"holds"}
    assert re.search(r"\d validators of the chain sealed the block", said)
    assert re.search(r"3 of 5 witnesses vouch that the decision stands in the ledger log", said)
    assert "Neither validators nor witnesses" not in said


def test_paper_shows_the_notice_the_patient_read(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = Bundle.from_json(_content("permitted-account"))
    assert bundle.consent is not None
    terms, text = with_notice(bundle.consent.terms, "zh")
    # The terms of the vectors name no notice of ours; what is looked up is the text of these.
    monkeypatch.setattr("consentry.papers.access.shown_text", lambda _: shown_text(terms))

    assert _bare(text) in text_of(access_paper(_content("permitted-account"), TRUST, FONTS, ("en",)))
    assert "Languageofthetext:Chinese." in text_of(access_paper(_content("permitted-account"), TRUST, FONTS, ("en",)))


def test_paper_says_so_where_the_notice_is_not_known() -> None:
    assert "ThetextisnotoneofthosethisprogramholdsItsSHA-256" in _printed("permitted-account").replace(".", "")


def test_same_bundle_gives_the_same_bytes_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first = access_paper(_content("permitted-passkey"), TRUST, FONTS)
    monkeypatch.setattr(time, "time", lambda: 4_000_000_000.0)

    assert access_paper(_content("permitted-passkey"), TRUST, load_fonts()) == first


def test_another_bundle_gives_other_bytes() -> None:
    made = {access_paper(path.read_bytes(), TRUST, FONTS, ("en",)) for path in FILES}

    assert len(made) == len(FILES)


def test_languages_stand_in_the_order_asked_for_and_alone_if_alone() -> None:
    content = _content("permitted-passkey")
    both, chinese, english = (
        text_of(access_paper(content, TRUST, FONTS, chosen)) for chosen in (("en", "zh"), ("zh",), ("en",))
    )

    assert both.index("Evidenceofoneaccess") < both.index("病历访问证据")
    assert "Evidenceofoneaccess" not in chinese
    assert not re.search(r"[一-鿿]", english)


def test_every_glyph_is_embedded_and_has_an_outline() -> None:
    paper = access_paper(_content("permitted-passkey"), TRUST, FONTS)
    outlines = embedded_outlines(paper)
    shown = {glyph for page in pages(paper) for glyph in glyphs_of(page)}

    assert len({glyph.text for glyph in shown if re.fullmatch(r"[一-鿿]", glyph.text)}) > 150
    assert {glyph.text for glyph in shown if not outlines[glyph.font][glyph.glyph]} <= {" "}


def test_bundle_that_does_not_verify_gets_no_paper() -> None:
    changed = json.loads(_content("permitted-passkey"))
    changed["claim"] = changed["claim"].replace("permitted", "allowed")

    with pytest.raises(VerificationError, match="claim does not match") as caught:
        access_paper(json.dumps(changed, sort_keys=True, separators=(",", ":")).encode(), TRUST, FONTS)
    assert caught.value.step == steps.CLAIM


def test_text_is_printed_and_not_obeyed() -> None:
    planted = Facts((("#panic()", '$x$ *b* #read("/etc/passwd") </w:t>'),))
    part = Part("en", "gb", "#include", "= head", (planted,))

    printed = text_of(to_pdf(Document("t", 0, "", (part,)), FONTS))

    assert printed == '#include=head#panic()$x$*b*#read("/etc/passwd")</w:t>1/1'
