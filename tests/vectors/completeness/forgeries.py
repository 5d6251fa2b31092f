"""Statements that lie, each in one way, with the step that must refuse it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import rfc8785

from consentry.core.log_tree import inclusion_proof, leaf_hash, nodes_of, root_of
from consentry.core.terms import Address, RecordId
from consentry.evidence import header
from consentry.evidence import verify_completeness as steps
from consentry.evidence.checkpoint import Checkpoint
from consentry.evidence.completeness import LoggedBlock, Statement, Told
from consentry.evidence.log_entry import leaf_of
from consentry.evidence.log_proof import LogProof
from consentry.evidence.note import SignedNote
from consentry.evidence.state_proof import SlotProof
from consentry.evidence.trie import Log
from consentry.evidence.trust import TrustRoot
from consentry.evidence.validator_trail import Anchor
from tests.support.log_people import NOW, ORIGIN, cosigned
from tests.support.qbft_chain import STATE
from tests.vectors.completeness.world import (
    ADDRESSES,
    CHECKED,
    HOSPITALS,
    NOBODY,
    PROVED,
    SUBJECTS,
    World,
    build_world,
    decisions,
    state_of,
)

Json = dict[str, Any]
Change = Callable[[Json], object]


@dataclass(frozen=True)
class Forgery:
    """A lying statement, the trust root it is shown against, and the step that must refuse it."""

    name: str
    step: int
    content: bytes
    trust: TrustRoot
    now: int = CHECKED


def _told(statement: Statement, place: int) -> Told:
    entry = statement.entries[place]
    assert isinstance(entry, Told)
    return entry


def _claimed(statement: Statement, count: int) -> Statement:
    """Makes the claim of a shortened or lengthened statement fit."""
    return replace(statement, claim=statement.claim.replace("3 accesses were", f"{count} accesses were"))


def _of_entries(true: Statement) -> Iterator[tuple[str, int, Statement]]:
    """Entries left out, doubled, moved, changed and of others: the ways to hide an access, or to invent one."""
    entries = true.entries
    for place in range(3):
        without = (*entries[:place], *entries[place + 1 :])
        yield f"entry-{place + 1}-left-out", steps.ORDER, _claimed(replace(true, entries=without), 2)
        twice = (*entries[:place], entries[place], *entries[place:])
        yield f"entry-{place + 1}-twice", steps.ORDER, _claimed(replace(true, entries=twice), 4)
        instead = (*entries[:place], entries[(place + 1) % 3], *entries[place + 1 :])
        # In the last place it would have been decided before the one in front of it.
        step = steps.ENTRIES if place == 2 else steps.ORDER
        yield f"entry-{place + 1}-replaced-by-another", step, replace(true, entries=instead)
        told = _told(true, place)
        changes: tuple[tuple[str, dict[str, Any]], ...] = (
            ("other-reason", {"reason": 1 if told.reason != 1 else 0}),
            ("one-second-later", {"decided_at": told.decided_at + 1}),
            ("other-purpose", {"request": replace(told.request, purpose=2)}),
            ("other-practitioner", {"request": replace(told.request, practitioner=bytes(32))}),
            ("other-record", {"request": replace(told.request, record_id=RecordId(bytes(32)))}),
            ("other-request-id", {"request": replace(told.request, request_id=99)}),
        )
        for name, change in changes:
            changed = (*entries[:place], replace(told, **change), *entries[place + 1 :])
            yield f"entry-{place + 1}-{name}", steps.ORDER, replace(true, entries=changed)
    yield "end-cut-off", steps.ORDER, _claimed(replace(true, entries=entries[:1]), 1)
    yield "all-left-out", steps.ORDER, replace(true, entries=())
    swapped = (entries[1], entries[0], entries[2])
    yield "entries-swapped", steps.ENTRIES, replace(true, entries=swapped)
    late = replace(_told(true, 2), decided_at=NOW + 1000)
    yield "entry-after-the-block", steps.ENTRIES, replace(true, entries=(*entries[:2], late))


def _of_others(
    world: World, true: Statement, other: Statement, hospital: Statement
) -> Iterator[tuple[str, int, Statement]]:
    """Parts of true statements about somebody else, or about another block."""
    claim = true.claim.replace(true.key.hex(), other.key.hex()).replace("3 accesses", "3 accesses")
    yield "told-of-another", steps.STATE, replace(true, key=other.key, claim=claim)
    yield "proof-of-another", steps.STATE, replace(true, proof=other.proof)
    yield "proof-of-nobody", steps.STATE, replace(true, proof=world.state.proof("subject", NOBODY))
    yield "proof-of-an-institution", steps.STATE, replace(true, proof=hospital.proof)
    yield "entries-of-another", steps.ORDER, replace(true, entries=other.entries)
    yield "entry-of-another-beside", steps.ORDER, replace(true, entries=(*true.entries[:2], other.entries[0]))
    strangers = (*hospital.entries[:2], other.entries[1])
    yield "entry-of-another-hospital", steps.ENTRIES, replace(hospital, entries=strangers)
    yield "told-of-the-other-hospital", steps.STATE, replace(hospital, key=HOSPITALS[1])
    yield "subject-as-nobody", steps.STATE, replace(true, key=NOBODY, entries=())
    earlier = world.earlier.proof("subject", SUBJECTS[0])
    yield "head-of-an-earlier-block", steps.STATE, replace(true, proof=earlier, entries=true.entries[:2])
    elsewhere = world.state.proof("subject", SUBJECTS[0], dict(ADDRESSES)["Consents"])
    yield "account-of-another-contract", steps.STATE, replace(true, proof=elsewhere)
    older = replace(true, headers=(world.headers[PROVED - 1],), proof=earlier, entries=true.entries[:2])
    yield "earlier-block-under-proofs-of-a-later-one", steps.CLAIM, older
    fitting = replace(
        older, claim=true.claim.replace("block 4", "block 3").replace(":10Z", ":08Z").replace("3 acc", "2 acc")
    )
    yield "earlier-block-under-seals-of-a-later-one", steps.SEALS, fitting
    unsealed = replace(fitting, qbft_proof=None)
    yield "earlier-block-under-a-log-of-a-later-one", steps.WITNESSES, unsealed


def _of_proofs(world: World, true: Statement) -> Iterator[tuple[str, int, Statement]]:
    """State, seals and witnesses that prove something else, or nothing."""
    account, storage = true.proof.account, true.proof.storage
    for name, proof in (
        ("no-nodes", SlotProof((), ())),
        ("no-storage", SlotProof(account, ())),
        ("node-missing", SlotProof(account[:-1], storage)),
        ("node-left-over", SlotProof(account, (*storage, storage[-1]))),
        ("nodes-swapped", SlotProof(storage, account)),
        ("node-changed", SlotProof(account, (*storage[:-1], storage[-1][:-1] + bytes([storage[-1][-1] ^ 1])))),
    ):
        yield f"state-{name}", steps.STATE, replace(true, proof=proof)
    bent = state_of(decisions()[:3])
    block = world.chain.blocks[PROVED]
    forged = block.put(STATE, bytes(bent.accounts.root_hash))
    rewritten = replace(
        true,
        headers=(forged.encoded,),
        proof=bent.proof("subject", SUBJECTS[0]),
        entries=true.entries[:2],
        claim=true.claim.replace("3 acc", "2 acc"),
    )
    yield "state-rewritten", steps.SEALS, rewritten
    yield "state-rewritten-without-seals", steps.WITNESSES, replace(rewritten, qbft_proof=None)
    yield (
        "state-rewritten-and-sealed-by-old-seals",
        steps.SEALS,
        replace(rewritten, qbft_proof=(world.headers[0], forged.encoded)),
    )
    yield "no-seals", steps.SEALS, replace(true, qbft_proof=())
    yield "seals-of-another-block", steps.SEALS, replace(true, qbft_proof=world.headers[:1] + world.headers[5:6])
    few = replace(block, seals=block.seals[:-1])
    yield "too-few-seals", steps.SEALS, replace(true, qbft_proof=(world.headers[0], few.encoded))
    doubled = replace(block, seals=(*block.seals[:-1], block.seals[0]))
    yield "seal-twice", steps.SEALS, replace(true, qbft_proof=(world.headers[0], doubled.encoded))
    assert true.logged
    for name, logged in _false_logs(true.logged):
        yield f"log-{name}", steps.WITNESSES, replace(true, logged=logged)
    yield "no-header", steps.BLOCK, replace(true, headers=())
    yield "nobody-vouches", steps.BLOCK, replace(true, qbft_proof=None, logged=None)
    yield "headers-beyond-without-a-checkpoint", steps.BLOCK, replace(true, headers=world.headers[PROVED : PROVED + 2])
    gap = (world.headers[PROVED], world.headers[PROVED + 2])
    yield "gap-in-the-headers", steps.BLOCK, replace(true, headers=gap)
    yield "headers-backwards", steps.BLOCK, replace(true, headers=world.headers[PROVED - 1 : PROVED + 1][::-1])
    yield "header-that-is-none", steps.BLOCK, replace(true, headers=(world.headers[PROVED][:-1],))


def _false_logs(true: LoggedBlock) -> Iterator[tuple[str, LoggedBlock]]:
    log, proof = true.log, true.proof
    yield "data-changed", LoggedBlock(Log(log.address, log.topics, b"other"), proof)
    yield "topics-left-out", LoggedBlock(Log(log.address, (), log.data), proof)
    yield "five-topics", LoggedBlock(Log(log.address, log.topics * 5, log.data), proof)
    yield "of-a-stranger", LoggedBlock(Log(b"\xee" * 20, log.topics, log.data), proof)
    yield "other-index", LoggedBlock(log, replace(proof, index=3))
    yield "path-cut-off", LoggedBlock(log, replace(proof, path=proof.path[:-1]))
    checkpoint = proof.note
    few = replace(checkpoint, signatures=checkpoint.signatures[:3])
    yield "too-few-witnesses", LoggedBlock(log, LogProof(proof.index, proof.path, few))


def _of_other_logs(world: World, true: Statement) -> Iterator[tuple[str, int, Statement]]:
    """True proofs of the log that are of another block, another chain or another log."""
    assert true.logged
    log, chain_id, blocks = true.logged.log, true.chain_id, world.chain.blocks
    for name, leaf in (
        ("of-the-next-block", leaf_of(chain_id, PROVED + 1, blocks[PROVED + 1].hash, log)),
        ("of-the-block-before", leaf_of(chain_id, PROVED - 1, blocks[PROVED - 1].hash, log)),
        ("of-this-number-in-another-chain", leaf_of(chain_id + 1, PROVED, blocks[PROVED].hash, log)),
        ("of-this-block-under-another-number", leaf_of(chain_id, PROVED + 1, blocks[PROVED].hash, log)),
    ):
        yield f"log-{name}", steps.WITNESSES, _shown_by(true, [*world.leaves[:-1], leaf], ORIGIN)
    yield "log-of-another-origin", steps.WITNESSES, _shown_by(true, world.leaves, ORIGIN + "/other")
    grown = [*world.leaves, leaf_hash(b"later")]
    yield (
        "log-grown-beyond-its-path",
        steps.WITNESSES,
        replace(true, logged=replace(true.logged, proof=replace(true.logged.proof, note=_note(grown, ORIGIN)))),
    )


def _note(leaves: Sequence[bytes], origin: str) -> SignedNote:
    head = Checkpoint(origin, len(leaves), root_of(len(leaves), nodes_of(leaves)))
    return cosigned(head, dict.fromkeys(range(5), NOW + 100))


def _shown_by(true: Statement, leaves: Sequence[bytes], origin: str) -> Statement:
    """Gives a statement with a proof of the last leaf, which every witness vouches for."""
    assert true.logged
    last, size = len(leaves) - 1, len(leaves)
    proof = LogProof(last, inclusion_proof(last, size, nodes_of(leaves)), _note(leaves, origin))
    return replace(true, logged=replace(true.logged, proof=proof))


def _without(name: str, *path: str | int) -> Change:
    def change(found: Any) -> None:  # noqa: ANN401 - any part of a document
        for part in path:
            found = found[part]
        del found[name]

    return change


def _with(name: str, value: object) -> Change:
    return lambda found: found.update({name: value})


def _of_members(base: Json, whose: str) -> Iterator[tuple[str, int, bytes]]:
    """Members left out, added, of another type or in another form."""

    def changed(change: Change) -> bytes:
        found = deepcopy(base)
        change(found)
        return rfc8785.dumps(found)

    for name in base:
        if name not in {"qbftProof", "logged"}:
            yield f"without-{name}", steps.FORM, changed(_without(name))
        for number, other in enumerate((None, True, 7, "0x", [7], {"a": 7})):
            yield (
                f"{name}-of-type-{number}",
                steps.FORM if name != "claim" or not isinstance(other, str) else steps.CLAIM,
                changed(_with(name, other)),
            )
    for name in ("chainId", "genesisHash", "contracts"):
        yield f"without-chain-{name}", steps.FORM, changed(_without(name, "chain"))
    for name in base["entries"][0]:
        yield f"entry-without-{name}", steps.FORM, changed(_without(name, "entries", 0))
    for name, change in (
        ("unknown-member", lambda d: d.update(note="x")),
        ("unknown-member-of-an-entry", lambda d: d["entries"][0].update(institutionSequence=1)),
        ("hash-beside-an-entry", lambda d: d["entries"][0].update(entryHash="0x" + "11" * 32)),
        ("of-both", lambda d: d["of"].update(institution="0x" + "11" * 20, subject="0x" + "11" * 32)),
        ("of-neither", lambda d: d["of"].clear()),
        ("of-a-ward", lambda d: d.update(of={"ward": "0x" + "11" * 32})),
        ("short-key", lambda d: d["of"].update({whose: "0x11"})),
        ("reason-not-known", lambda d: d["entries"][0].update(reason=250)),
        ("reason-as-truth-value", lambda d: d["entries"][0].update(reason=False)),
        ("reason-as-fraction", lambda d: d["entries"][0].update(reason=1.5)),
        ("time-as-number", lambda d: d["entries"][0].update(decidedAt=1)),
        ("time-beyond-64-bits", lambda d: d["entries"][0].update(decidedAt=str(1 << 64))),
        ("time-before-1970", lambda d: d["entries"][0].update(decidedAt="-1")),
        ("other-format", lambda d: d.update(format="consentry.completeness/v2")),
    ):
        yield name, steps.FORM, changed(change)
    for name, change in (
        ("other-chain-id", lambda d: d["chain"].update(chainId="1")),
        ("other-genesis", lambda d: d["chain"].update(genesisHash="0x" + "11" * 32)),
        ("other-ledger", lambda d: d["chain"]["contracts"].update(AccessLedger="0x" + "11" * 20)),
        ("contract-left-out", lambda d: d["chain"]["contracts"].pop("Records")),
        ("contract-added", lambda d: d["chain"]["contracts"].update(Other="0x" + "11" * 20)),
    ):
        yield name, steps.CHAIN, changed(change)
    yield "other-claim", steps.CLAIM, changed(lambda d: d.update(claim=d["claim"].replace("all", "some")))
    yield "indented", steps.FORM, json.dumps(base, indent=1).encode()
    yield "with-a-line-end", steps.FORM, rfc8785.dumps(base) + b"\n"


def _cosigned_before(true: Statement) -> Statement:
    """Gives a statement with a log that every witness cosigned before the block of it was made."""
    assert true.logged is not None
    proof, block = true.logged.proof, header.decode(true.headers[0], "qbft")
    note = cosigned(Checkpoint.parse(proof.note.text), dict.fromkeys(range(5), block.time - 301))
    return replace(true, logged=replace(true.logged, proof=replace(proof, note=note)))


def forgeries() -> list[Forgery]:
    """Gives every forgery, each of its own bytes against its trust root."""
    world = build_world()
    true, other = (world.statement("subject", subject) for subject in SUBJECTS)
    hospital = world.statement("institution", HOSPITALS[0])
    made = [*_of_entries(true), *_of_others(world, true, other, hospital), *_of_proofs(world, true)]
    made += _of_other_logs(world, true)
    found = [Forgery(name, step, statement.to_json(), world.trust) for name, step, statement in made]
    for whose, statement in (("subject", true), ("institution", hospital)):
        base = json.loads(statement.to_json())
        found += [Forgery(f"{whose}-{n}", step, content, world.trust) for n, step, content in _of_members(base, whose)]
    content, checked = true.to_json(), world.trust
    bare = replace(true, qbft_proof=None, logged=None).to_json()
    later = world.believing(PROVED + 1)
    numbered = replace(later, checkpoints=(replace(world.believing(PROVED).checkpoints[0], number=9),))
    ethereum = replace(world.believing(PROVED), header_form="ethereum")
    pinned = replace(checked, qbft_anchor=Anchor(1, world.chain.blocks[1].hash, 100))
    moved = tuple((n, Address(b"\x77" * 20) if n == "AccessLedger" else a) for n, a in ADDRESSES)
    relocated = replace(true, contracts=moved).to_json()
    return [
        *found,
        Forgery("checkpoint-of-another-block", steps.BLOCK, bare, later),
        Forgery("checkpoint-of-another-number", steps.BLOCK, bare, numbered),
        Forgery("headers-of-another-form", steps.BLOCK, bare, ethereum),
        Forgery("pinned-block-of-others", steps.SEALS, content, pinned),
        Forgery("trusted-ledger-elsewhere", steps.STATE, relocated, replace(checked, contracts=moved)),
        Forgery("witnesses-from-before-the-block", steps.WITNESSES, _cosigned_before(true).to_json(), checked),
        Forgery("witnesses-from-the-future", steps.WITNESSES, content, checked, now=NOW - 10**6),
    ]


def table() -> str:
    """Writes how many forgeries each step ends."""
    counted = Counter(forgery.step for forgery in forgeries())
    lines = (line.strip().split(". ") for line in (steps.__doc__ or "").splitlines())
    names = {int(parts[0]): parts[1] for parts in lines if parts[0].isdecimal()}
    rows = [["step", "forgeries"], ["---"] * 2]
    rows += [[f"{step}. {names[step]}", str(counted[step])] for step in range(steps.FORM, steps.LAST + 1)]
    rows.append(["all", str(sum(counted.values()))])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    sys.stdout.write(table())
