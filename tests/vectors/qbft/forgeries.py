"""What must be refused: headers that lie, each with what the refusal says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import rlp

from tests.support.qbft_chain import (
    DIFFICULTY,
    MINER,
    MIX,
    NUMBER,
    PARENT,
    STATE,
    TIME,
    Block,
    Chain,
    address_of,
    header_fields,
    high_s,
    scalar,
)

RUN: Final = tuple(range(22, 30))
"""The votes that put g out, and the first block without it."""
SEALERS: Final = "abcde"


@dataclass(frozen=True)
class Forgery:
    """Headers, by number where they are those of the true chain, and a pattern of the refusal."""

    name: str
    headers: tuple[int | bytes, ...]
    says: str


def forgeries(chain: Chain) -> list[Forgery]:
    """Gives every forgery against the first block of a chain."""
    blocks = chain.blocks
    makers = (_seals, _tampered, _parts, _shapes, _changes, _made_up_votes, _places, _first_blocks)
    return [forgery for maker in makers for forgery in maker(blocks)]


def _signed(block: Block, names: str = SEALERS) -> bytes:
    return block.sealed_by(names).encoded


def _seals(blocks: list[Block]) -> Iterator[Forgery]:
    true = blocks[5].sealed_by(SEALERS)
    seals, stranger = true.seals, true.sealed_by("z").seals[0]

    def with_seals(name: str, given: tuple[bytes, ...], says: str) -> Forgery:
        return Forgery(name, (0, replace(true, seals=given).encoded), says)

    yield with_seals("no-seals", (), r"seals of block 5 do not match \(got 0, expected 5 of 7 validators\)")
    yield with_seals("a-third-sealed", seals[:3], r"\(got 3, expected 5 of 7 validators\)")
    yield with_seals("one-seal-too-few", seals[:4], r"\(got 4, expected 5 of 7 validators\)")
    yield with_seals("a-seal-twice", (*seals[:4], seals[0]), r"seal 4 of block 5 .* again, expected each once")
    yield with_seals("enough-and-one-twice", (*seals, seals[0]), r"seal 5 of block 5 .* again, expected each once")
    yield with_seals("stranger-fills-up", (*seals[:4], stranger), r"seal 4 of block 5 .*expected a validator")
    yield with_seals("enough-and-a-stranger", (*seals, stranger), r"seal 5 of block 5 .*expected a validator")
    yield with_seals("high-s", (*seals[:4], high_s(seals[4])), r"seal 4 of block 5: signature s .*above half the order")
    yield with_seals("same-seal-with-high-s", (*seals, high_s(seals[4])), r"seal 5 of block 5: signature s")
    turned = seals[4][:64] + bytes([seals[4][64] + 27])
    yield with_seals("v-of-a-wallet", (*seals[:4], turned), r"seal 4 of block 5: signature v .*expected 0 or 1")
    yield with_seals("seal-of-zeros", (*seals[:4], bytes(65)), r"seal 4 of block 5: .*no point on the curve")
    yield with_seals("seals-of-another-block", blocks[6].seals, r"seal 0 of block 5 ")
    on_chain = replace(blocks[2], round=0).sealed_by(SEALERS).seals
    yield Forgery(
        "seals-over-the-hash-of-the-block", (0, replace(blocks[2], seals=on_chain).encoded), r"seal 0 of block 2 "
    )
    many = (*seals, *true.sealed_by("fgz").seals)
    yield with_seals(
        "more-seals-than-validators", many, r"seals do not match \(got 8, expected at most one a validator"
    )
    yield with_seals(
        "short-seal", (*seals[:4], seals[4][:64]), r"length of seal does not match \(got 64, expected 65\)"
    )


def _tampered(blocks: list[Block]) -> Iterator[Forgery]:
    for name, changed in (
        ("state-root", blocks[5].put(STATE, bytes(32))),
        ("time", blocks[5].put(TIME, scalar(1_900_000_000))),
        ("round", replace(blocks[5], round=1)),
        ("vote-added", replace(blocks[3], vote=(address_of("z"), True))),
        ("vote-dropped", replace(blocks[5], vote=None)),
        ("vote-turned", replace(blocks[5], vote=(address_of("h"), False))),
        ("vanity", replace(blocks[5], vanity=b"\1" * 32)),
        ("validator-replaced", replace(blocks[5], validators=(*blocks[5].validators[:6], b"\xff" * 20))),
    ):
        says = rf"(seal 0|proposer) of block {changed.number} "
        yield Forgery(f"{name}-after-sealing", (0, changed.encoded), says)
    stranger = blocks[5].put(MINER, address_of("z"))
    yield Forgery("proposer-is-a-stranger", (0, _signed(stranger)), r"proposer of block 5 .*expected a validator")


def _parts(blocks: list[Block]) -> Iterator[Forgery]:
    """Parts of ``extraData`` that have another form; nobody needs to have signed them to be refused."""
    true = blocks[5]
    vanity, validators, vote, round_, seals = rlp.decode(true.extra(round_=0, seals=true.seals))
    for name, parts, says in (
        ("vanity-short", [vanity[1:], validators, vote, round_, seals], r"length of vanity .*got 31, expected 32"),
        (
            "validators-in-a-contract",
            [vanity, [], [], round_, []],
            r"validators .*got none, expected them in the header",
        ),
        ("validator-twice", [vanity, [*validators, validators[0]], vote, round_, seals], r"got one twice"),
        (
            "validators-without-end",
            [vanity, [scalar(9**20 + n)[:20].rjust(20) for n in range(257)], [], b"", []],
            "257",
        ),
        ("validator-short", [vanity, [validators[0][1:]], vote, round_, seals], r"length of validator .*got 19"),
        ("vote-of-ibft", [vanity, validators, b"", round_, seals], r"RLP does not match .*expected one list"),
        ("vote-of-one-part", [vanity, validators, [vote[0]], round_, seals], r"vote .*got 1 parts"),
        ("vote-of-three-parts", [vanity, validators, [*vote, b""], round_, seals], r"vote .*got 3 parts"),
        (
            "vote-of-another-kind",
            [vanity, validators, [vote[0], b"\1"], round_, seals],
            r"vote .*got 0x01, expected 0xff",
        ),
        ("vote-for-nobody", [vanity, validators, [b"", vote[1]], round_, seals], r"length of recipient of the vote"),
        ("round-of-ibft", [vanity, validators, vote, bytes(4), seals], r"number 0x00000000, .*leading zero"),
        ("round-too-high", [vanity, validators, vote, b"\x80\0\0\0", seals], r"round does not match \(got 2147483648"),
        ("round-too-wide", [vanity, validators, vote, b"\1\0\0\0\0", seals], r"at most 4 bytes"),
        ("round-a-list", [vanity, validators, vote, [], seals], r"RLP does not match .*expected one string"),
        ("no-round", [vanity, validators, vote, seals], r"extraData does not match \(got 4 parts, expected 5\)"),
        ("six-parts", [vanity, validators, vote, round_, seals, b""], r"extraData does not match \(got 6 parts"),
    ):
        yield Forgery(name, (0, true.with_extra(bytes(rlp.encode(parts)))), says)
    extra = true.extra(round_=0, seals=true.seals)
    yield Forgery("extra-data-goes-on", (0, true.with_extra(extra + b"\0")), r"RLP .*trailing bytes")
    yield Forgery("extra-data-empty", (0, true.with_extra(b"")), r"RLP does not match \(got nothing, expected a list\)")
    yield Forgery("vanity-alone", (0, true.with_extra(bytes(32))), r"RLP .*expected one list")


def _shapes(blocks: list[Block]) -> Iterator[Forgery]:
    """Headers that are no headers, or not in their one form."""
    true, encoded = blocks[5], blocks[5].encoded
    items = rlp.decode(encoded)
    for name, changed, says in (
        ("field-missing", items[:14], r"got 14 fields"),
        ("blob-gas-in-half", items[:18], r"got 18 fields, expected one of \[15, 16, 17, 19, 20, 21\]"),
        ("field-too-many", [*items, bytes(32), bytes(32), b""], r"got 22 fields"),
        ("field-a-list", [*items[:14], [], *items[15:]], r"RLP .*expected one string"),
        ("number-padded", [*items[:NUMBER], b"\0\5", *items[NUMBER + 1 :]], r"number 0x0005, .*leading zero"),
        ("time-too-wide", [*items[:TIME], b"\1" * 9, *items[TIME + 1 :]], r"at most 8 bytes"),
        ("state-root-short", [*items[:STATE], bytes(31), *items[STATE + 1 :]], r"length of stateRoot .*got 31"),
        ("nothing-for-withdrawals", [*items[:16], b"", *items[17:]], r"length of withdrawalsRoot .*got 0"),
    ):
        yield Forgery(name, (0, bytes(rlp.encode(changed))), says)
    yield Forgery("header-goes-on", (0, encoded + b"\0"), r"RLP .*trailing bytes")
    yield Forgery("header-ends-early", (0, encoded[:-1]), r"RLP .*ends early")
    yield Forgery("header-empty", (0, b""), r"got nothing, expected a list")
    longer = b"\xfa\0" + encoded[1:]
    yield Forgery("length-written-long", (0, longer), r"length written long")
    yield Forgery(
        "small-byte-with-a-head", (0, encoded.replace(b"\xa0" + items[0], b"\x81\1", 1)), r"RLP does not match"
    )
    yield Forgery("nested-without-end", (0, _nested(3000)), r"RLP .*expected one string")
    yield Forgery("too-long", (0, true.with_extra(bytes(40_000))), r"got 40\d+ bytes, expected at most 32768")
    yield Forgery("mix-hash", (0, _signed(true.put(MIX, bytes(32)))), r"mixHash does not match")
    yield Forgery("difficulty", (0, _signed(true.put(DIFFICULTY, b"\2"))), r"difficulty does not match \(got 0x02")
    unordered = replace(true, validators=tuple(reversed(true.validators)))
    yield Forgery("validators-unordered", (0, _signed(unordered)), r"validators .*unordered")


def _nested(depth: int) -> bytes:
    """Lists in lists, canonical all of them."""
    found = b"\xc0"
    for _ in range(depth):
        digits = scalar(len(found))
        head = bytes([0xC0 + len(found)]) if len(found) < 56 else bytes([0xF7 + len(digits)]) + digits
        found = head + found
    return found


def _listing(block: Block, names: str, sealers: str) -> bytes:
    """A block that lists others, signed by some of them."""
    listed = tuple(sorted(address_of(name) for name in names))
    return _signed(replace(block.put(MINER, address_of(sealers[0])), validators=listed), sealers)


def _changes(blocks: list[Block]) -> Iterator[Forgery]:
    unproved = (
        r"of block {} do not match \(got another list, sealed by {} of the {} before, expected {} or the votes for it"
    )
    yield Forgery("change-skipped", (0, 8, 30), unproved.format(30, 5, 8, 6))
    yield Forgery("run-with-a-gap", (0, 8, 22, 23, 24, *range(26, 30)), unproved.format(29, 5, 8, 6))
    yield Forgery("run-that-starts-late", (0, 8, *RUN[1:]), unproved.format(29, 5, 8, 6))
    yield Forgery("run-that-ends-early", (0, 8, *RUN[:-2], 29), unproved.format(29, 5, 8, 6))
    old = _listing(blocks[31], "abcdefg", "abcdg")
    yield Forgery("old-validators", (0, 8, *RUN, old), unproved.format(31, 4, 7, 5))
    gone = blocks[31].sealed_by("abcdg").encoded
    yield Forgery("one-who-is-gone-seals", (0, 8, *RUN, gone), r"seal 4 of block 31 .*expected a validator")
    new = blocks[5].sealed_by("abcdh").encoded
    yield Forgery("one-who-is-to-come-seals", (0, new), r"seal 4 of block 5 .*expected a validator")
    stays = _listing(blocks[29], "abcdefgh", "abcdef")
    made = r"validators of block 29 .*expected the one that the vote of block 28 made"
    yield Forgery("vote-without-effect", (0, 8, *RUN[:-1], stays), made)
    other = _listing(blocks[29], "abcdefg", "abcdef")
    yield Forgery("another-goes", (0, 8, *RUN[:-1], other), made)
    taken = _listing(blocks[5], "abcdhijxyz", "abcdhij")
    yield Forgery("taken-over", (0, taken), unproved.format(5, 4, 7, 5))
    strangers = _listing(blocks[5], "vwxyz", "vwxy")
    yield Forgery("all-others", (0, strangers), unproved.format(5, 0, 7, 5))
    early = _listing(blocks[28], "abcdefh", "abcde")
    yield Forgery("vote-taken-back-counts", (0, 8, *range(21, 28), early), unproved.format(28, 5, 8, 6))
    lapsed = _listing(blocks[21], "abcdefh", "abcde")
    yield Forgery("vote-that-lapsed-counts", (0, *range(8, 21), lapsed), unproved.format(21, 5, 8, 6))


def _own(*votes: tuple[str, str]) -> Chain:
    """A chain of its own with the same first block as the true one would have, and votes to put somebody out."""
    chain = Chain("abcdefg", "abcdefg", 20)
    for voter, whom in votes:
        chain.write(proposer=voter, vote=(whom, False))
    return chain


def _made_up_votes(blocks: list[Block]) -> Iterator[Forgery]:
    """Votes on the true first block that are too few, though many."""
    unproved = r"sealed by 4 of the 7 before, expected 5 or the votes for it"
    for name, votes in (
        ("one-votes-four-times", [("a", "g")] * 4),
        ("three-of-seven-vote", [("a", "g"), ("b", "g"), ("c", "g")]),
        ("votes-for-two", [("a", "g"), ("b", "g"), ("c", "f"), ("d", "f")]),
    ):
        run = list(blocks[:1])
        for number, block in enumerate(_own(*votes).blocks[1:], start=1):
            fields = header_fields(number, run[-1].hash, block.fields[MINER], block.fields[14:])
            run.append(replace(block, fields=fields).sealed_by(SEALERS))
        end = len(run)
        fields = header_fields(end, run[-1].hash, address_of("a"), run[-1].fields[14:])
        last = replace(run[-1], fields=fields, vote=None, validators=tuple(sorted(map(address_of, "abcdef"))))
        yield Forgery(name, (0, *(block.encoded for block in run[1:]), _signed(last, "abcd")), unproved)


def _places(blocks: list[Block]) -> Iterator[Forgery]:
    yield Forgery("order-turned", (0, 5, 4), r"block does not match \(got 4, expected one above 5\)")
    yield Forgery("header-twice", (0, 5, 5), r"block does not match \(got 5, expected one above 5\)")
    yield Forgery("first-block-twice", (0, 0), r"got 0, expected one above 0")
    fork = _signed(blocks[6].put(PARENT, bytes(32)))
    yield Forgery("another-parent", (0, 5, fork), r"parent of block 6 does not match")
    sibling = replace(
        blocks[6], fields=header_fields(6, blocks[4].hash, blocks[6].fields[MINER], blocks[6].fields[14:])
    )
    yield Forgery("a-sibling-of-the-parent", (0, 5, _signed(sibling)), r"parent of block 6 does not match")
    back = _signed(blocks[7].put(TIME, scalar(1_700_000_000)))
    yield Forgery("time-goes-back", (0, 5, back), r"time of block 7 does not match")


def _first_blocks(blocks: list[Block]) -> Iterator[Forgery]:
    first = blocks[0]
    none = r"extraData of block 0 does not match \(got round, vote or seals, expected none\)"
    yield Forgery("no-header", (), r"headers do not match \(got none")
    yield Forgery("starts-elsewhere", (1, 2), r"first header does not match \(got block 1 ")
    other = replace(first, validators=tuple(map(address_of, "vwxyz")))
    yield Forgery("another-first-block", (other.encoded,), r"first header does not match \(got block 0 ")
    yield Forgery("first-block-sealed", (first.sealed_by("ab").encoded,), none)
    yield Forgery("first-block-in-a-round", (replace(first, round=1).encoded,), none)
    yield Forgery("first-block-votes", (replace(first, vote=(address_of("z"), True)).encoded,), none)
