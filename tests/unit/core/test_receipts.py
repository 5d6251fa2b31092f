"""Promise P2 begins here: nobody but the chain room can make a final receipt."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from consentry.core.codes import Reason
from consentry.core.receipts import LEDGER_SEAL, FinalReceipt
from consentry.core.terms import AccessEntry
from tests.support import samples

SOURCES = Path(__file__).parents[3] / "src" / "consentry"


def _entry(reason: Reason) -> AccessEntry:
    request = samples.request(samples.word(1), samples.word(2), samples.word(3))
    return AccessEntry(request, samples.SUBJECT, reason, samples.NOW, 1, 1)


def test_make_receipt_with_the_seal_tells_permitted() -> None:
    for reason, permitted in ((Reason.NONE, True), (Reason.CONSENT_REVOKED, False)):
        receipt = FinalReceipt(_entry(reason), samples.place(), "sealed", LEDGER_SEAL)
        assert receipt.permitted is permitted


@pytest.mark.parametrize("seal", [None, object(), True, "LEDGER_SEAL"])
def test_make_receipt_with_another_seal_is_refused(seal: object) -> None:
    with pytest.raises(TypeError, match="seal of a final receipt"):
        FinalReceipt(_entry(Reason.NONE), samples.place(), "sealed", seal)


def test_copy_or_unpickle_receipt_is_refused() -> None:
    receipt = FinalReceipt(_entry(Reason.CONSENT_REVOKED), samples.place(), "sealed", LEDGER_SEAL)
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be copied"):
            attempt(receipt)
    with pytest.raises(TypeError, match="seal of a final receipt"):
        replace(receipt, entry=_entry(Reason.NONE), seal=object())


def test_name_of_the_seal_stands_only_in_the_chain_room() -> None:
    outside = [
        path.relative_to(SOURCES).as_posix()
        for path in SOURCES.rglob("*.py")
        if "LEDGER_SEAL" in path.read_text(encoding="utf-8")
        and path.relative_to(SOURCES).parts[0] != "ledger"
        and path.relative_to(SOURCES).as_posix() != "core/receipts.py"
    ]
    assert outside == []
