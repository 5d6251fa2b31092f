"""The last look, coded by hand: all it asks and is told are whole words, so nothing has to be compiled or walked.

Every access asks this before its release. A test compares each question, and what is read of each answer, with the
coder of the committed ABI.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from consentry.core.chain import Moment
from consentry.core.codes import AuthorisationStatus, ConsentStatus, RecordStatus, Standing
from consentry.core.subject_facts import SubjectFacts
from consentry.core.typed_data import WORD
from consentry.gateway.ports import Conditions, ConditionsAtHead
from consentry.ledger.abi import artifact
from consentry.ledger.coding import CodingError
from consentry.ledger.connection import Question
from consentry.ledger.manifest import Manifest

_ASKED: Final = (
    ("Participants", "institutionForDecision"),
    ("Records", "statusOf"),
    ("Subjects", "factsOf"),
    ("Consents", "isExcluded"),
    ("Consents", "stateOf"),
    ("Authorisations", "statesOf"),
    ("Participants", "isGroupMember"),
)
_ALWAYS: Final = 4
"""The first so many are asked about every access."""
_ADDRESS_PAD: Final = bytes(12)
_ONE_ID: Final = WORD.to_bytes(WORD) + (1).to_bytes(WORD)
"""An array of one value: where it begins, and how long it is."""


class Looking:
    """What is asked of the contracts of one deployment, and what the answers say."""

    def __init__(self, manifest: Manifest) -> None:
        """Takes the deployment."""
        self._asked = [
            (manifest.address(contract), artifact(contract).functions[name].selector) for contract, name in _ASKED
        ]

    def questions(self, conditions: Conditions) -> list[Question]:
        """Gives the questions about what an access rests on; none about what it does not name."""
        asked = conditions.request
        institution, category = _ADDRESS_PAD + asked.institution, conditions.category.to_bytes(WORD)
        words = (
            institution,
            asked.record_id,
            conditions.subject_id,
            b"".join((conditions.subject_id, institution, asked.practitioner, category)),
            asked.consent_id if any(asked.consent_id) else b"",
            _ONE_ID + asked.authorisation_id if any(asked.authorisation_id) else b"",
            conditions.group + institution if any(conditions.group) else b"",
        )
        return [(to, selector + data) for (to, selector), data in zip(self._asked, words, strict=True) if data]

    @staticmethod
    def read(conditions: Conditions, head: Moment, answers: Sequence[bytes]) -> ConditionsAtHead:
        """Reads the answers to `questions`.

        Raises:
            CodingError: one of them is no answer to its question.
        """
        asked = conditions.request
        named = any(asked.consent_id), any(asked.authorisation_id), any(conditions.group)
        if len(answers) != _ALWAYS + sum(named):
            raise CodingError("number of answers does not match")
        told = iter(answers)
        try:
            institution, record, facts, excluded = (next(told) for _ in range(_ALWAYS))
            return ConditionsAtHead(
                head=head,
                standing=Standing(_number(institution, 0)),
                release_key_hash=_word(institution, 1),
                record=RecordStatus(_only(record)),
                facts=SubjectFacts.of_word(_only(facts)),
                is_excluded=_yes(excluded),
                consent=ConsentStatus(_number(next(told), 0) if named[0] else 0),
                authorisation=AuthorisationStatus(_number(next(told), 2) if named[1] else 0),
                is_group_member=_yes(next(told)) if named[2] else False,
            )
        except ValueError as error:
            raise CodingError("answer cannot be read") from error


def _word(data: bytes, place: int) -> bytes:
    word = data[place * WORD : (place + 1) * WORD]
    if len(word) != WORD:
        raise ValueError("answer is too short")
    return word


def _number(data: bytes, place: int) -> int:
    return int.from_bytes(_word(data, place))


def _only(data: bytes) -> int:
    if len(data) != WORD:
        raise ValueError("answer is no single word")
    return int.from_bytes(data)


def _yes(data: bytes) -> bool:
    told = _only(data)
    if told > 1:
        raise ValueError("answer is neither yes nor no")
    return bool(told)
