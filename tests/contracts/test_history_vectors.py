"""The contracts against the histories."""

from __future__ import annotations

import json

import pytest

from tests.vectors.histories.build_histories import FOLDER, TOPICS
from tests.vectors.histories.chain_side import ChainSide
from tests.vectors.histories.player import play, senders_of
from tests.vectors.histories.story import key_of


@pytest.mark.parametrize("topic", TOPICS)
def test_contracts_answer_every_step_as_expected(topic: str) -> None:
    content = json.loads((FOLDER / f"{topic}.json").read_text())

    side = ChainSide(*(key_of(name) for name in senders_of(content["histories"])))

    assert play(content["histories"], content["defaults"], side) == []
