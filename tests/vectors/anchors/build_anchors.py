"""Writes ``anchors.json`` beside it: what the national ledger answers to every step of some histories.

Run it with ``python -m tests.vectors.anchors.build_anchors``. Answers are written by hand here. Trees and nodes
are made as RFC 6962, sections 2.1 and 2.1.2, defines them, by recursion; ids as EIP-712 does, word by word.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from eth_hash.auto import keccak

FILE: Final = Path(__file__).parent / "anchors.json"
START: Final = 1_600_000_000
AT: Final = 1_700_010_000
"""A time at which a checkpoint is brought."""
IDENTITY: Final = {
    "origin": "ledger.example.org/guangdong",
    "chainId": "131277322940537",
    "genesisHash": "0x" + "07" * 32,
    "accessLedger": "0x" + "0a" * 20,
}
Json = dict[str, Any]


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _leaves(size: int, fork: int | None) -> list[bytes]:
    return [b"%d %d" % (place, fork is not None and place >= fork) for place in range(size)]


def _half(count: int) -> int:
    """The largest power of two below a number."""
    power = 1
    while 2 * power < count:
        power *= 2
    return power


def tree(entries: list[bytes]) -> bytes:
    """Gives the Merkle tree hash (RFC 6962, section 2.1)."""
    if len(entries) == 1:
        return _hash(b"\0", entries[0])
    middle = _half(len(entries))
    return _hash(b"\1", tree(entries[:middle]), tree(entries[middle:]))


def subproof(count: int, entries: list[bytes]) -> list[bytes]:
    """Gives SUBPROOF of RFC 6962, section 2.1.2, as if the old tree were not known: its first node is always there."""
    if count == len(entries):
        return [tree(entries)]
    middle = _half(len(entries))
    if count <= middle:
        return [*subproof(count, entries[:middle]), tree(entries[middle:])]
    return [*subproof(count - middle, entries[middle:]), tree(entries[:middle])]


def ledger() -> bytes:
    """Gives the id of the ledger."""
    head = keccak(b"LedgerIdentity(string origin,uint256 chainId,bytes32 genesisHash,address accessLedger)")
    words = [
        keccak(IDENTITY["origin"].encode()),
        int(IDENTITY["chainId"]).to_bytes(32, "big"),
        bytes.fromhex(IDENTITY["genesisHash"][2:]),
        bytes(12) + bytes.fromhex(IDENTITY["accessLedger"][2:]),
    ]
    return keccak(head + b"".join(words))


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def bring(
    size: int,
    answer: str | Json,
    *,
    fork: int | None = None,
    block: int | None = None,
    other_block: bool = False,
    seen: int | None = None,
    nodes: tuple[int, int] | None = None,
    of_fork: int | None = None,
    by: str = "abc",
    against: int | None = None,
) -> Json:
    """Gives a step: a checkpoint, who signs it, which nodes come with it, and what must come of it.

    Where ``against`` names an anchored size, it is to be recorded as a conflict with that.
    """
    number = size if block is None else block
    made = {
        "ledgerId": _hex(ledger()),
        "size": str(size),
        "root": _hex(tree(_leaves(size, fork))),
        "blockNumber": str(number),
        "blockHash": _hex(keccak(f"block {number} {other_block}".encode())),
        "seenAt": str(START + (size if seen is None else seen)),
    }
    shown = subproof(nodes[0], _leaves(nodes[1], of_fork)) if nodes else []
    step = {"do": "bring", "checkpoint": made, "nodes": [_hex(node) for node in shown], "by": [*by], "answer": answer}
    return step if against is None else step | {"against": against}


def refused(name: str, *arguments: int | str) -> Json:
    """Gives an answer: the Solidity error; ``L`` stands for the ledger."""
    given = [_hex(ledger()) if one == "L" else one for one in arguments]
    return {"refused": f"NationalAnchor{name}", "arguments": given}


def change(witnesses: str, threshold: int) -> Json:
    """Gives a step: other witnesses."""
    return {"do": "change", "witnesses": [*witnesses], "threshold": threshold}


RESOLVE: Final = {"do": "resolve"}
CLOSE: Final = {"do": "close"}
HISTORIES: Final[dict[str, list[Json]]] = {
    "a log grows, and nothing is anchored twice": [
        bring(1, "NONE"),
        bring(2, "NONE", nodes=(1, 2)),
        bring(5, "NONE", nodes=(2, 5)),
        bring(5, refused("Repeated", "L", 5)),
        bring(2, refused("Repeated", "L", 2)),
        bring(8, "NONE", nodes=(5, 8)),
        bring(13, "NONE", nodes=(8, 13)),
        bring(7, refused("Stale", "L", 7, 13), nodes=(7, 13)),
        bring(7, refused("Stale", "L", 7, 13)),
    ],
    "nodes that show nothing convict nobody": [
        bring(4, refused("NodesInvalid", 0, 4), nodes=(2, 4)),
        bring(4, "NONE"),
        bring(7, refused("NodesInvalid", 4, 7)),
        bring(7, refused("NodesInvalid", 4, 7), nodes=(4, 7), of_fork=6),
        bring(7, refused("NodesInvalid", 4, 7), nodes=(5, 7)),
        bring(3, refused("NodesInvalid", 3, 4), nodes=(3, 4), of_fork=0),
        bring(7, "NONE", nodes=(4, 7)),
    ],
    "one size, two roots": [
        bring(7, "NONE"),
        bring(7, "TWO_ROOTS", fork=3),
        bring(8, refused("StatusInvalid", "L", 2), nodes=(7, 8)),
        bring(7, "TWO_ROOTS", fork=4),
        RESOLVE,
        bring(8, "NONE", nodes=(7, 8)),
        bring(7, "TWO_ROOTS", fork=5),
    ],
    "a larger tree that does not begin so": [
        bring(4, "NONE"),
        bring(7, "NOT_A_PREFIX", fork=2, nodes=(4, 7), of_fork=2),
        RESOLVE,
        bring(7, "NONE", nodes=(4, 7)),
    ],
    "a larger tree that parts only behind the smaller one": [
        bring(4, "NONE"),
        bring(7, "NONE", fork=4, nodes=(4, 7), of_fork=4),
        bring(9, "NOT_A_PREFIX", nodes=(7, 9)),
    ],
    "a smaller tree of another history": [
        bring(7, "NONE"),
        bring(5, "NOT_A_PREFIX", fork=4, nodes=(5, 7)),
    ],
    "two blocks of one number": [
        bring(7, "NONE"),
        bring(7, "TWO_BLOCKS", other_block=True),
        bring(9, "TWO_BLOCKS", block=7, other_block=True, nodes=(7, 9)),
        bring(3, "TWO_BLOCKS", block=7, other_block=True),
    ],
    "a log that goes back": [
        bring(7, "NONE"),
        bring(9, "WENT_BACK", seen=6, nodes=(7, 9)),
        bring(9, "WENT_BACK", block=6, nodes=(7, 9)),
        bring(9, "WENT_BACK", block=7, nodes=(7, 9)),
        bring(5, "WENT_BACK", seen=8),
        bring(5, "WENT_BACK", block=9),
        RESOLVE,
        bring(9, "NONE", seen=7, nodes=(7, 9)),
    ],
    "who signs": [
        bring(4, refused("QuorumMissing", 2, 2, 3), by="ab"),
        bring(4, "NONE", by="cde"),
        change("xyz", 2),
        bring(6, refused("QuorumMissing", 1, 1, 2), nodes=(4, 6), by="x"),
        bring(6, "NONE", nodes=(4, 6), by="xz"),
        CLOSE,
        bring(8, refused("StatusInvalid", "L", 3), nodes=(6, 8), by="xyz"),
    ],
    "a closed ledger anchors nothing and still records conflicts": [
        bring(7, "NONE"),
        CLOSE,
        bring(8, refused("StatusInvalid", "L", 3), nodes=(7, 8)),
        bring(7, "TWO_ROOTS", fork=3),
        bring(7, "TWO_ROOTS", fork=4),
        bring(8, refused("StatusInvalid", "L", 4), nodes=(7, 8)),
        RESOLVE,
        bring(8, refused("StatusInvalid", "L", 3), nodes=(7, 8)),
        bring(5, "WENT_BACK", seen=8),
    ],
    "a ledger that is closed while it is forked": [
        bring(7, "NONE"),
        bring(7, "TWO_ROOTS", fork=3),
        CLOSE,
        bring(8, refused("StatusInvalid", "L", 4), nodes=(7, 8)),
        bring(9, "TWO_BLOCKS", block=7, other_block=True),
    ],
    "a former list is heard until a fork is resolved": [
        bring(4, "NONE"),
        bring(7, "NONE", nodes=(4, 7)),
        change("xyz", 2),
        bring(9, "NONE", nodes=(7, 9), by="xy"),
        bring(8, refused("NoConflict", "L", 8, 7), nodes=(7, 8), against=7),
        bring(6, refused("Stale", "L", 6, 7), against=7),
        bring(7, refused("Repeated", "L", 7), against=7),
        bring(7, refused("NodesInvalid", 4, 7), fork=3, against=4),
        bring(7, refused("NotAnchored", "L", 5), fork=3, against=5),
        bring(7, refused("QuorumMissing", 2, 2, 3), fork=3, against=7, by="ab"),
        bring(7, "TWO_ROOTS", fork=3, against=7),
        bring(7, refused("QuorumMissing", 1, 1, 2), fork=2, against=9, by="x"),
        bring(6, "NOT_A_PREFIX", fork=4, nodes=(6, 7), against=7),
        bring(8, "WENT_BACK", seen=6, nodes=(7, 8), against=7),
        bring(5, "TWO_BLOCKS", block=4, other_block=True, against=4),
        RESOLVE,
        bring(7, refused("ListUnheard", "L", 1), fork=5, against=7),
        bring(9, "TWO_ROOTS", fork=5, against=9, by="xz"),
    ],
    "clocks of other witnesses": [
        bring(7, "NONE"),
        change("xyz", 2),
        bring(9, refused("TimeBehind", START + 6, START + 7), seen=6, nodes=(7, 9), by="xy"),
        bring(9, "NONE", seen=7, nodes=(7, 9), by="xy"),
        change("abc", 2),
        bring(8, refused("Stale", "L", 8, 9), seen=12, by="ab"),
        bring(8, refused("Stale", "L", 8, 9), seen=12, nodes=(8, 9), by="ab"),
        bring(8, "NOT_A_PREFIX", seen=12, fork=3, nodes=(8, 9), by="ab"),
        bring(11, "NOT_A_PREFIX", seen=5, fork=3, nodes=(9, 11), of_fork=3, by="ab"),
        bring(11, "WENT_BACK", block=8, nodes=(9, 11), by="ab"),
        bring(8, "WENT_BACK", block=10, by="ab"),
    ],
    "a closed ledger hears its former list": [
        bring(7, "NONE"),
        change("xyz", 2),
        CLOSE,
        bring(7, "TWO_ROOTS", fork=3, against=7),
        bring(8, refused("StatusInvalid", "L", 4), nodes=(7, 8), by="xy"),
    ],
    "a checkpoint that cannot be": [
        bring(4, refused("TimeInvalid", AT + 61, AT + 60), seen=AT + 61 - START) | {"at": AT},
        bring(4, "NONE", seen=AT + 61 - START) | {"at": AT + 1},
    ],
}


def build() -> Json:
    """Makes the file."""
    histories = [{"name": name, "steps": steps} for name, steps in HISTORIES.items()]
    witnesses = {"witnesses": [*"abcde"], "threshold": 3}
    return {"identity": IDENTITY, "ledgerId": _hex(ledger()), **witnesses, "histories": histories}


def main() -> None:
    """Writes the file."""
    FILE.write_text(json.dumps(build(), indent=1) + "\n")


if __name__ == "__main__":
    main()
