"""The contracts against the histories."""

from __future__ import annotations

import json

import pytest

from tests.vectors.histories.build_histories import FOLDER, TOPICS
from tests.vectors.histories.player import ChainSide, play
from tests.vectors.histories.story import STRANGER, key_of


@pytest.mark.parametrize("topic", TOPICS)
def test_contracts_answer_every_step_as_expected(topic: str) -> None:
    content = json.loads((FOLDER / f"{topic}.json").read_text())

    assert play(content["histories"], content["defaults"], ChainSide(key_of(STRANGER))) == []
