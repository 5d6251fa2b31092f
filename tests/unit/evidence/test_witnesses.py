"""How many witnesses make a checkpoint final, and which of their signatures count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.checkpoint import Checkpoint, Cosigner, LogSigner, checkpoint_note
from consentry.evidence.note import KeyKind, SignedNote, VerifierKey
from consentry.evidence.witnesses import AHEAD, WitnessPolicy, verify_checkpoint, verify_note
from tests.support.log_people import LOG, NOW, ORIGIN, POLICY, WITNESSES, cosigned, head, key

HEAD = head(5)


def _verify(note: SignedNote, policy: WitnessPolicy = POLICY, now: int = NOW) -> None:
    verify_checkpoint(note.to_bytes(), policy, now)


def test_checkpoint_with_enough_witnesses_is_final() -> None:
    note = cosigned(HEAD, {4: NOW - 5, 0: NOW - 30, 2: NOW - 20, 1: NOW - 10})

    final = verify_checkpoint(note.to_bytes(), POLICY, NOW)

    assert final.checkpoint == HEAD
    assert final.witnesses == tuple(WITNESSES[number].name for number in (0, 1, 2, 4))
    # Three of -30, -20, -10, -5: the third to sign did so at -10; the third from the end at -20.
    assert (final.final_at, final.seen_at) == (NOW - 10, NOW - 20)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_checkpoint_with_too_few_witnesses_is_refused(count: int) -> None:
    note = cosigned(HEAD, dict.fromkeys(range(count), NOW))
    with pytest.raises(VerificationError, match=rf"number of witnesses does not match \(got {count} .* at least 3\)"):
        _verify(note)


def test_strangers_do_not_count() -> None:
    note = cosigned(HEAD, {0: NOW, 1: NOW})
    strangers = [
        Cosigner("f.example.org/witness", key(90)).cosign(HEAD, NOW),
        # The name of a witness over another key, and the key of a witness under another name.
        Cosigner(WITNESSES[2].name, key(91)).cosign(HEAD, NOW),
        Cosigner("g.example.org/witness", WITNESSES[3].key).cosign(HEAD, NOW),
        # A witness that signs as a log does.
        LogSigner(WITNESSES[4].name, key(14)).sign(HEAD),
    ]

    with pytest.raises(VerificationError, match="number of witnesses does not match"):
        _verify(SignedNote(note.text, (*note.signatures, *strangers)))
    _verify(SignedNote(note.text, (*note.signatures, *strangers, WITNESSES[2].cosign(HEAD, NOW))))


def test_one_witness_that_signs_often_counts_once() -> None:
    note = cosigned(HEAD, {0: NOW, 1: NOW})
    again = tuple(WITNESSES[0].cosign(HEAD, NOW - n) for n in range(1, 4))

    content = note.to_bytes() + "".join(line.line() for line in again).encode()

    with pytest.raises(InvalidInputError, match="two of one key"):
        verify_checkpoint(content, POLICY, NOW)


def test_false_line_of_a_known_witness_refuses_the_note_though_enough_hold() -> None:
    note = cosigned(HEAD, dict.fromkeys(range(3), NOW))
    false = replace(WITNESSES[3].cosign(head(4), NOW))

    with pytest.raises(VerificationError, match=f"signature of {WITNESSES[3].name} does not hold"):
        _verify(SignedNote(note.text, (*note.signatures, false)))


@pytest.mark.parametrize(
    ("time", "counts"),
    [
        (POLICY.valid_from, True),
        (POLICY.valid_from - 1, False),
        (POLICY.valid_until - 1, True),
        (POLICY.valid_until, False),
        (0, False),
    ],
)
def test_cosignature_counts_while_the_policy_was_in_force(time: int, counts: bool) -> None:  # noqa: FBT001 - a parameter
    note = cosigned(HEAD, {0: NOW, 1: NOW, 2: time})
    later = POLICY.valid_until + 10_000_000
    if counts:
        _verify(note, now=later)
        return
    with pytest.raises(VerificationError, match="number of witnesses does not match"):
        _verify(note, now=later)


def test_cosignature_from_the_future_does_not_count() -> None:
    note = cosigned(HEAD, {0: NOW, 1: NOW, 2: NOW + AHEAD + 1})

    with pytest.raises(VerificationError, match="number of witnesses does not match"):
        _verify(note)
    _verify(note, now=NOW + 1)


def test_cosignature_from_before_what_it_vouches_for_does_not_count() -> None:
    note = SignedNote.from_bytes(cosigned(HEAD, {0: NOW - 5, 1: NOW, 2: NOW - 10, 3: NOW + 1}).to_bytes())

    found = verify_note(note, POLICY, NOW, since=NOW - 5)
    assert (len(found.witnesses), found.final_at, found.seen_at) == (3, NOW + 1, NOW - 5)
    with pytest.raises(VerificationError, match=r"number of witnesses does not match \(got 2 of"):
        verify_note(note, POLICY, NOW, since=NOW - 4)


def test_checkpoint_older_than_asked_for_is_refused() -> None:
    note = cosigned(HEAD, {0: NOW - 60, 1: NOW - 50, 2: NOW - 40, 3: NOW - 30}).to_bytes()

    assert verify_checkpoint(note, POLICY, NOW, max_age=50).seen_at == NOW - 50
    with pytest.raises(VerificationError, match=r"age of the checkpoint does not match \(got 50 .* at most 49\)"):
        verify_checkpoint(note, POLICY, NOW, max_age=49)


def test_checkpoint_without_the_logs_signature_is_refused() -> None:
    lines = [witness.cosign(HEAD, NOW) for witness in WITNESSES]
    stranger = LogSigner(ORIGIN, key(99)).sign(HEAD)

    for note in (checkpoint_note(HEAD, *lines), checkpoint_note(HEAD, stranger, *lines)):
        with pytest.raises(VerificationError, match="signature of the log does not match"):
            _verify(note)


def test_checkpoint_with_a_false_signature_of_the_log_is_refused() -> None:
    lines = [witness.cosign(HEAD, NOW) for witness in WITNESSES]
    with pytest.raises(VerificationError, match=f"signature of {ORIGIN} does not hold"):
        _verify(checkpoint_note(HEAD, LOG.sign(head(4)), *lines))


def test_checkpoint_signed_by_either_of_two_keys_of_the_log_is_final() -> None:
    second = LogSigner(ORIGIN, key(2))
    policy = replace(POLICY, log_keys=(LOG.verifier_key, second.verifier_key))
    lines = [witness.cosign(HEAD, NOW) for witness in WITNESSES]

    for signers in ([LOG], [second], [LOG, second]):
        _verify(checkpoint_note(HEAD, *(signer.sign(HEAD) for signer in signers), *lines), policy)
    with pytest.raises(VerificationError, match="does not hold"):
        _verify(checkpoint_note(HEAD, LOG.sign(HEAD), second.sign(head(4)), *lines), policy)


def test_checkpoint_of_another_log_is_refused() -> None:
    other = Checkpoint("ledger.example.org/yunnan", HEAD.size, HEAD.root)
    with pytest.raises(VerificationError, match="origin does not match"):
        _verify(cosigned(other, dict.fromkeys(range(5), NOW)))


@pytest.mark.parametrize("bit", [0, 5])
def test_checkpoint_with_any_bit_flipped_is_refused_or_means_the_same(bit: int) -> None:
    """Exactly as many witnesses as needed: a flip in any line takes one of them away."""
    content = cosigned(HEAD, dict.fromkeys(range(3), NOW)).to_bytes()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << bit
        with pytest.raises((VerificationError, InvalidInputError)):
            verify_checkpoint(bytes(flipped), POLICY, NOW)


def test_checkpoint_cut_off_anywhere_is_refused() -> None:
    content = cosigned(HEAD, dict.fromkeys(range(3), NOW)).to_bytes()
    for length in range(len(content)):
        with pytest.raises((VerificationError, InvalidInputError)):
            verify_checkpoint(content[:length], POLICY, NOW)


@pytest.mark.parametrize(("threshold", "of"), [(1, 1), (2, 2), (2, 3), (3, 4), (4, 4), (3, 5)])
def test_any_threshold_of_more_than_half_can_be_kept(threshold: int, of: int) -> None:
    assert replace(POLICY, witnesses=POLICY.witnesses[:of], threshold=threshold).threshold == threshold


A, B = WITNESSES[0].verifier_key, WITNESSES[1].verifier_key


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 0},
        {"threshold": 6},
        {"threshold": 2},
        {"witnesses": POLICY.witnesses[:4], "threshold": 2},
        {"witnesses": POLICY.witnesses[:2], "threshold": 1},
        {"witnesses": (), "threshold": 1},
        {"witnesses": (A, A), "threshold": 1},
        {"witnesses": (A, VerifierKey("z.example", KeyKind.COSIGNATURE, A.public)), "threshold": 1},
        {"witnesses": (A, VerifierKey(A.name, KeyKind.COSIGNATURE, B.public)), "threshold": 1},
        {"witnesses": (VerifierKey("z.example", KeyKind.ED25519, A.public),), "threshold": 1},
        {"witnesses": (VerifierKey("z.example", KeyKind.COSIGNATURE, LOG.key.public),), "threshold": 1},
        {"log_keys": ()},
        {"log_keys": (LOG.verifier_key, LOG.verifier_key)},
        {"log_keys": (VerifierKey("z.example", KeyKind.ED25519, LOG.key.public),)},
        {"log_keys": (VerifierKey(ORIGIN, KeyKind.COSIGNATURE, LOG.key.public),)},
        {"valid_from": NOW, "valid_until": NOW},
        {"valid_from": -1},
        {"valid_until": 1 << 63},
    ],
)
def test_policy_that_cannot_be_kept_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match="not match"):
        replace(POLICY, **change)  # type: ignore[arg-type]  # each case changes another member
