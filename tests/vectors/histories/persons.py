"""Links between the subjects of a person as histories: receipted, undone, refused for every reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from consentry.core.persons import LinkStatus, SubjectLink, SubjectUnlink
from consentry.core.terms import ZERO_32
from consentry.core.typed_data import struct_hash
from tests.support import samples
from tests.support.samples import NOW
from tests.vectors.histories.story import NATIONAL, START, STRANGER, Story, key_of, refused

PROVINCE: Final = "persons/province"
NEIGHBOUR: Final = "persons/neighbouring province"
LINK: Final = SubjectLink(key_of(PROVINCE).address, samples.word(0x71), NOW + samples.DAY)
UNLINK: Final = SubjectUnlink(key_of(PROVINCE).address, struct_hash(LINK), samples.word(0x72), NOW + samples.DAY)


def _begun(name: str) -> Story:
    story = Story(name).travel(START).admit_authority(PROVINCE, 440000).admit_authority(NEIGHBOUR, 450000)
    return story.travel(NOW)


def _of_links() -> Iterator[Story]:
    yield _begun("linked").act(LINK, PROVINCE)
    yield (
        _begun("linked-twice").act(LINK, PROVINCE).act(LINK, PROVINCE, expect=refused("ActRepeated", struct_hash(LINK)))
    )
    same = replace(LINK, sign_before=LINK.sign_before + 1)
    error = refused("PersonsCommitmentUsed", LINK.commitment)
    yield _begun("linked-again-under-another-hash").act(LINK, PROVINCE).act(same, PROVINCE, expect=error)
    by_another = replace(LINK, authority=key_of(NEIGHBOUR).address)
    yield _begun("commitment-of-another").act(LINK, PROVINCE).act(by_another, NEIGHBOUR, expect=error)
    empty = replace(LINK, commitment=ZERO_32)
    yield _begun("commitment-missing").act(empty, PROVINCE, expect=refused("PersonsCommitmentMissing"))
    stranger = replace(LINK, authority=key_of(STRANGER).address)
    error = refused("PersonsAuthorityInactive", stranger.authority)
    yield _begun("by-a-stranger").act(stranger, STRANGER, expect=error)
    story = _begun("by-a-suspended-authority").suspend_authority(PROVINCE)
    yield story.act(LINK, PROVINCE, expect=refused("PersonsAuthorityInactive", LINK.authority))
    forged = refused("ActSignatureInvalid", struct_hash(LINK), 0)
    yield _begun("signed-by-another-authority").act(LINK, NEIGHBOUR, expect=forged)
    yield _begun("signed-by-the-nation-for-a-province").act(LINK, NATIONAL, expect=forged)
    for late in (NOW, NOW - 1):
        over = replace(LINK, sign_before=late)
        yield _begun(f"late-{NOW - late}").act(over, PROVINCE, expect=refused("ActExpired", late, NOW))
    yield _begun("in-the-last-second").act(replace(LINK, sign_before=NOW + 1), PROVINCE)
    yield _begun("without-signature").act(LINK, expect=refused("ActSignaturesMismatch", 0, 1))
    relay = refused("ActRelayRequired", key_of(STRANGER).address)
    yield _begun("passed-on-by-a-stranger").act(LINK, PROVINCE, expect=relay, by=STRANGER)


def _of_unlinks() -> Iterator[Story]:
    yield _begun("undone").act(LINK, PROVINCE).act(UNLINK, PROVINCE)
    undone = refused("PersonsLinkNotStanding", UNLINK.link, LinkStatus.UNDONE)
    again = replace(UNLINK, commitment=samples.word(0x73))
    yield _begun("undone-twice").act(LINK, PROVINCE).act(UNLINK, PROVINCE).act(again, PROVINCE, expect=undone)
    never = refused("PersonsLinkNotStanding", UNLINK.link, LinkStatus.NONE)
    yield _begun("undone-before-it-was-made").act(UNLINK, PROVINCE, expect=never)
    foreign = replace(UNLINK, authority=key_of(NEIGHBOUR).address)
    error = refused("PersonsLinkOfAnother", foreign.authority, LINK.authority)
    yield _begun("undone-by-the-neighbour").act(LINK, PROVINCE).act(foreign, NEIGHBOUR, expect=error)
    national = replace(UNLINK, authority=key_of(NATIONAL).address)
    yield _begun("undone-by-the-nation").act(LINK, PROVINCE).act(national, NATIONAL)
    story = _begun("undone-by-a-suspended-authority").act(LINK, PROVINCE).suspend_authority(PROVINCE)
    yield story.act(UNLINK, PROVINCE, expect=refused("PersonsAuthorityInactive", UNLINK.authority))
    used = replace(UNLINK, commitment=LINK.commitment)
    error = refused("PersonsCommitmentUsed", LINK.commitment)
    yield _begun("undone-with-the-commitment-of-the-link").act(LINK, PROVINCE).act(used, PROVINCE, expect=error)
    reused = replace(LINK, commitment=UNLINK.commitment)
    error = refused("PersonsCommitmentUsed", UNLINK.commitment)
    story = _begun("linked-with-the-commitment-of-an-unlink").act(LINK, PROVINCE).act(UNLINK, PROVINCE)
    yield story.act(reused, PROVINCE, expect=error)
    empty = replace(UNLINK, commitment=ZERO_32)
    error = refused("PersonsCommitmentMissing")
    yield _begun("undone-without-commitment").act(LINK, PROVINCE).act(empty, PROVINCE, expect=error)
    forged = refused("ActSignatureInvalid", struct_hash(UNLINK), 0)
    yield _begun("undone-with-a-forged-signature").act(LINK, PROVINCE).act(UNLINK, NEIGHBOUR, expect=forged)
    anew = replace(LINK, commitment=samples.word(0x74))
    yield _begun("linked-anew-after-it-was-undone").act(LINK, PROVINCE).act(UNLINK, PROVINCE).act(anew, PROVINCE)
    for late in (NOW + 2, NOW + 1, NOW):
        over = replace(UNLINK, sign_before=late)
        story = _begun(f"undone-{NOW + 2 - late}-late").act(LINK, PROVINCE)
        wanted = () if late > NOW + 1 else refused("ActExpired", late, NOW + 1)
        yield story.act(over, PROVINCE, expect=wanted or ("", ()))


def histories() -> Iterator[Story]:
    """Gives every history."""
    yield from _of_links()
    yield from _of_unlinks()
