"""Which witnesses make a checkpoint final: so many of those a policy names, each with a key of its own.

Steps

1. Form. The bytes are a signed note, and its text is a checkpoint.
2. Log. Its origin is that of the policy, and a key of the log signed it.
3. Witnesses. Every line that names a witness of the policy holds; as many as the policy demands were made while it was
   in force, not in the future, and not before what they are to vouch for. A time of 0 is none.
4. Age. Where the caller asks for it, as many are not older than that.

What the caller must still do: trust the policy (`consentry.evidence.log_root`), and keep the largest checkpoint it has
seen, so that the next one is checked for consistency with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.checkpoint import MAX_TIME, Checkpoint, verify_signature
from consentry.evidence.note import COSIGNATURES, KeyKind, SignedNote, VerifierKey

AHEAD: Final = 300
"""Seconds a witness's clock may be ahead of the verifier's, or behind that of the chain."""


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """Whom to believe about one log.

    Attributes:
        origin: first line of its checkpoints.
        log_keys: keys of which one must have signed a checkpoint; their name is the origin.
        witnesses: keys of which ``threshold`` must have cosigned it.
        threshold: more than half of them, so that any two final checkpoints of it have a witness in common.
        valid_from: first second in which a cosignature counts.
        valid_until: first second in which it counts no longer.

    Raises:
        InvalidInputError: no such policy can be kept, or two of its keys or witnesses are the same.
    """

    origin: str
    log_keys: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...]
    threshold: int
    valid_from: int
    valid_until: int

    def __post_init__(self) -> None:
        # Else two checkpoints of one size could be final by witnesses of whom nobody signed both.
        least, most = len(self.witnesses) // 2 + 1, len(self.witnesses)
        if not least <= self.threshold <= most:
            raise InvalidInputError(
                f"threshold does not match (got {self.threshold}, expected {least} to {most} of {most} witnesses)"
            )
        if not 0 <= self.valid_from < self.valid_until <= MAX_TIME:
            raise InvalidInputError(
                f"period does not match (got {self.valid_from} to {self.valid_until}, expected one that ends later)"
            )
        self._check_keys()

    def _check_keys(self) -> None:
        if not self.log_keys or any(
            key.kind is not KeyKind.ED25519 or key.name != self.origin for key in self.log_keys
        ):
            raise InvalidInputError("log keys do not match (got none or another, expected kind 1 named as the origin)")
        if any(key.kind not in COSIGNATURES for key in self.witnesses):
            raise InvalidInputError("witness keys do not match (got another kind, expected kind 4 or 6)")
        # One of Ed25519 does not say whose it is, and a witness with two keys, of whatever kinds, would count twice.
        public = {key.public for key in (*self.log_keys, *self.witnesses)}
        if len(public) != len(self.log_keys) + len(self.witnesses):
            raise InvalidInputError("keys of a policy do not match (got one twice, expected each once)")
        if len({key.name for key in self.witnesses}) != len(self.witnesses):
            raise InvalidInputError("witnesses do not match (got one name twice, expected each once)")


@dataclass(frozen=True, slots=True)
class FinalCheckpoint:
    """A checkpoint that enough witnesses vouch for.

    Attributes:
        checkpoint: what they vouch for.
        witnesses: names of all that count, in the order of the policy.
        final_at: when enough of them had cosigned, in seconds; it rests on their clocks.
        seen_at: the latest time at which enough of them still saw no larger tree.
    """

    checkpoint: Checkpoint
    witnesses: tuple[str, ...]
    final_at: int
    seen_at: int


def verify_checkpoint(
    content: bytes, policy: WitnessPolicy, now: int, *, max_age: int | None = None
) -> FinalCheckpoint:
    """Checks a checkpoint as above.

    Args:
        content: bytes of the note.
        policy: whom to believe.
        now: seconds since the epoch.
        max_age: how many seconds ago enough witnesses must have seen it; None where it may be of any age, as in a
            bundle.

    Raises:
        InvalidInputError: it is no checkpoint.
        VerificationError: the log did not sign it, too few witnesses did, a signature is wrong, or it is too old.
    """
    return verify_note(SignedNote.from_bytes(content), policy, now, max_age=max_age)


def verify_note(
    note: SignedNote, policy: WitnessPolicy, now: int, *, max_age: int | None = None, since: int = 0
) -> FinalCheckpoint:
    """Checks a checkpoint that was read already; all else as of `verify_checkpoint`.

    Args:
        note: the checkpoint with its signatures.
        policy: whom to believe.
        now: seconds since the epoch.
        max_age: as of `verify_checkpoint`.
        since: first second in which a cosignature counts, whatever the policy says. Nobody can have seen a block before
            it was made; so keys that were retired earlier, and are in somebody else's hands since, say nothing of it.
    """
    checkpoint = Checkpoint.parse(note.text)
    _check_log(checkpoint, note, policy)
    counted = _counted(note, policy, max(since, policy.valid_from), now)
    if len(counted) < policy.threshold:
        raise VerificationError(
            f"number of witnesses does not match (got {len(counted)} of {[name for name, _ in counted]}, "
            f"expected at least {policy.threshold})",
            got=len(counted),
            expected=policy.threshold,
        )
    times = sorted(time for _, time in counted)
    final = FinalCheckpoint(
        checkpoint=checkpoint,
        witnesses=tuple(name for name, _ in counted),
        final_at=times[policy.threshold - 1],
        seen_at=times[-policy.threshold],
    )
    if max_age is not None and final.seen_at < now - max_age:
        raise VerificationError(
            f"age of the checkpoint does not match (got {now - final.seen_at} seconds, expected at most {max_age})"
        )
    return final


def _check_log(checkpoint: Checkpoint, note: SignedNote, policy: WitnessPolicy) -> None:
    if checkpoint.origin != policy.origin:
        raise VerificationError(f"origin does not match (got {checkpoint.origin!r:.80}, expected {policy.origin})")
    made = [(key, line) for key in policy.log_keys if (line := note.signature_of(key)) is not None]
    if not made:
        raise VerificationError(f"signature of the log does not match (got none of {policy.origin}, expected one)")
    for key, line in made:
        verify_signature(key, note.text, line)


def _counted(note: SignedNote, policy: WitnessPolicy, since: int, now: int) -> list[tuple[str, int]]:
    """Gives the witnesses that count, with their times; a line that names one and does not hold is an error."""
    counted: list[tuple[str, int]] = []
    for key in policy.witnesses:
        line = note.signature_of(key)
        if line is None:
            continue
        time = verify_signature(key, note.text, line)
        # A time of 0 says nothing: so a key of ML-DSA-44 signs subtrees of which it may have seen larger ones.
        if time and since <= time < policy.valid_until and time <= now + AHEAD:
            counted.append((key.name, time))
    return counted
