"""How an act is signed and sent: what every signed act is refused for, whatever it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from consentry.core.signed_act import SignedAct
from consentry.core.typed_data import struct_hash
from tests.support.samples import NOW
from tests.vectors.histories.story import STRANGER, Story, key_of, refused


def short(key: str) -> str:
    """Gives the end of a key's name as it stands in the name of a history."""
    return key.rpartition("/")[2].replace(" ", "-")


def signing(
    begun: Callable[[str], Story],
    name: str,
    act: SignedAct,
    keys: Sequence[str],
    *others: Sequence[str],
    now: int = NOW,
) -> Iterator[Story]:
    """Gives the histories of an act that is taken at a time in seconds if it is signed and sent well.

    Args:
        begun: begins a history in which the act can be taken.
        name: of the act.
        act: what is signed.
        keys: of those who have to sign.
        others: for each of them, those whose signature does not do instead.
        now: time of the block.
    """
    needed, named = len(keys), struct_hash(act)
    if needed:
        yield begun(f"{name}-unsigned").act(act, expect=refused("ActSignaturesMismatch", 0, needed))
    more = (*keys, STRANGER)
    yield begun(f"{name}-signed-too-often").act(act, *more, expect=refused("ActSignaturesMismatch", needed + 1, needed))
    for seconds in (0, 1):
        late = replace(act, sign_before=now - seconds)
        expired = refused("ActExpired", late.sign_before, now)
        yield begun(f"{name}-{seconds}-seconds-late").act(late, *keys, expect=expired)
    yield begun(f"{name}-in-the-last-second").act(replace(act, sign_before=now + 1), *keys)
    yield begun(f"{name}-twice").act(act, *keys).act(act, *keys, expect=refused("ActRepeated", named))
    relay = refused("ActRelayRequired", key_of(STRANGER).address)
    yield begun(f"{name}-passed-on-by-a-stranger").act(act, *keys, expect=relay, by=STRANGER)
    for place, wrong in enumerate(others):
        for other in wrong:
            signers = [*keys[:place], other, *keys[place + 1 :]]
            invalid = refused("ActSignatureInvalid", named, place)
            yield begun(f"{name}-signed-by-{short(other)}-at-{place}").act(act, *signers, expect=invalid)
