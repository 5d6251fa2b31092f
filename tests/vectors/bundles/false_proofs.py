"""False proofs in a bundle, by whoever has some of the keys: seals, validators, checkpoints, witnesses, log roots."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import rlp

from consentry.core.codes import Reason
from consentry.core.events import AccessDecided, ConsentGranted
from consentry.core.terms import Address
from consentry.evidence import steps, trie
from consentry.evidence.bundle import Bundle
from consentry.evidence.checkpoint import Checkpoint, Cosigner, LogSigner, checkpoint_note
from consentry.evidence.claim import claim_of
from consentry.evidence.included import NOWHERE
from consentry.evidence.inclusion import Inclusion
from consentry.evidence.log_proof import LogProof
from consentry.evidence.log_root import LogRoot
from consentry.evidence.logs import log_of
from consentry.evidence.note import NoteSignature, SignedNote, VerifierKey
from consentry.evidence.trust import LogRootPin, TrustedBlock, TrustRoot
from consentry.evidence.validator_trail import Anchor
from tests.support.log_people import LOG, NOW, ORIGIN, POLICY, ROOT_HOLDERS, WITNESSES, cosigned, key
from tests.support.qbft_chain import PARENT, RECEIPTS, TIME, Block, address_of, high_s, scalar
from tests.vectors.bundles.forgeries import Forgery
from tests.vectors.bundles.real import HOSPITAL, PATIENT, RealBundles
from tests.vectors.bundles.rogue import Rogue
from tests.vectors.bundles.vouched import CHECKED, COSIGNED, EPOCH, FIRST, SEALERS, Vouched

NAME: Final = "permitted-account"
STRANGERS: Final = tuple("stuvwxyz")


def _forgery(name: str, step: int, bundle: Bundle, trust: TrustRoot, *files: bytes, now: int = CHECKED) -> Forgery:
    return Forgery(name, step, bundle.to_json(), trust, files, now)


def _decided(world: Vouched) -> Block:
    wanted = world.bundles[NAME].decision.block_hash
    return next(block for block in world.chain.blocks if block.hash == wanted)


def _sealed_otherwise(world: Vouched) -> Iterator[tuple[str, Block]]:
    """The block of the decision with other seals; its hash stays, so all else holds."""
    block = _decided(world)
    seals = block.seals
    everybody = world.chain.members()
    yield "seals-one-too-few", replace(block, seals=seals[:-1])
    yield "seals-of-a-third", replace(block, seals=seals[:3])
    yield "seals-none", replace(block, seals=())
    yield "seal-twice", replace(block, seals=(*seals, seals[0]))
    yield "seal-twice-for-one-missing", replace(block, seals=(*seals[:-1], seals[0]))
    yield "seal-twice-in-its-other-form", replace(block, seals=(*seals[:-1], high_s(seals[0])))
    yield "seal-with-high-s", replace(block, seals=(*seals[:-1], high_s(seals[-1])))
    yield "seal-of-a-stranger", block.sealed_by([*everybody[:SEALERS], "z"])
    yield "seal-of-a-stranger-for-one-missing", block.sealed_by([*everybody[: SEALERS - 1], "z"])
    yield "seals-of-strangers", block.sealed_by(STRANGERS[:SEALERS])
    yield "seal-with-v-as-of-transactions", replace(block, seals=(*seals[:-1], seals[-1][:64] + bytes([28])))
    yield "seal-cut-short", replace(block, seals=(*seals[:-1], seals[-1][:-1]))
    yield "seal-empty", replace(block, seals=(*seals, b""))
    yield "seal-zero", replace(block, seals=(*seals[:-1], bytes(65)))
    yield "seals-of-another-block", replace(block, seals=world.chain.blocks[-1].seals)
    yield "seals-of-another-round", replace(block, round=block.round + 1)
    earlier = replace(block, round=1)
    yield (
        "seals-over-the-hash-of-the-block",
        replace(earlier, seals=replace(block, seals=()).sealed_by(everybody[:SEALERS]).seals),
    )


def _by_seals(world: Vouched) -> Iterator[Forgery]:
    bundle, trust = replace(world.bundles[NAME], log_proof=None), world.trust
    proof = bundle.qbft_proof
    assert proof
    for name, block in _sealed_otherwise(world):
        shown = replace(bundle, qbft_proof=(*proof[:-1], block.encoded))
        yield _forgery(name, steps.SEALS, shown, trust)
    other = world.bundles["permitted-passkey"].qbft_proof
    assert other
    headers, last = world.headers, _decided(world).number
    votes = headers[:5]
    for name, shown_headers in (
        ("proof-of-another-block", other),
        ("proof-of-the-pinned-block-alone", proof[:1]),
        ("proof-without-the-pinned-block", proof[1:]),
        ("proof-turned-round", proof[::-1]),
        ("proof-ends-behind-the-block", headers[last : last + 2]),
        ("proof-goes-on-behind-the-block", (*proof, headers[last + 1])),
        ("proof-stops-before-the-block", (*proof[:1], headers[last - 1])),
        ("proof-with-a-block-twice", (*proof, proof[-1])),
        ("proof-that-goes-back", (*votes, headers[3], proof[-1])),
    ):
        yield _forgery(name, steps.SEALS, replace(bundle, qbft_proof=tuple(shown_headers)), trust)


def _mined_again(world: Vouched, block: Block, sealers: Sequence[str], reason: int = 0) -> Bundle:
    """The bundle with another block for the decision, in all places that name it."""
    bundle = replace(world.bundles[NAME], log_proof=None)
    assert bundle.qbft_proof
    sealed = block.sealed_by(sealers)
    return replace(
        bundle,
        headers=(*bundle.headers[:-1], sealed.encoded),
        decision=replace(bundle.decision, block_hash=sealed.hash),
        qbft_proof=(*bundle.qbft_proof[:-1], sealed.encoded),
        entry=replace(bundle.entry, reason=reason),
    )


def _by_false_validators(world: Vouched) -> Iterator[Forgery]:
    """Blocks of the decision that were never part of the chain, duly sealed by those they list themselves."""
    trust, block, members = world.trust, _decided(world), world.chain.members()
    proposer = address_of(STRANGERS[0])
    by_strangers = replace(block.put(2, proposer), validators=tuple(sorted(address_of(name) for name in STRANGERS)))
    yield _forgery("validators-all-new", steps.SEALS, _mined_again(world, by_strangers, STRANGERS), trust)
    old = replace(block.put(2, address_of("a")), validators=tuple(sorted(address_of(name) for name in FIRST)))
    yield _forgery("validators-before-the-vote", steps.SEALS, _mined_again(world, old, FIRST[:3]), trust)
    later = Anchor(8, world.chain.blocks[8].hash, EPOCH)
    shown = _mined_again(world, old, FIRST[:5])
    assert shown.qbft_proof
    shown = replace(shown, qbft_proof=(world.headers[8], shown.qbft_proof[-1]))
    yield _forgery("validators-that-were-replaced", steps.SEALS, shown, replace(trust, qbft_anchor=later))
    few = replace(block.put(2, address_of("a")), validators=tuple(sorted(address_of(name) for name in "abc")))
    yield _forgery("validators-fewer", steps.SEALS, _mined_again(world, few, "abc"), trust)
    alone = replace(block.put(2, address_of("a")), validators=(address_of("a"),))
    yield _forgery("validators-one-alone", steps.SEALS, _mined_again(world, alone, "a"), trust)
    none = replace(block, validators=())
    yield _forgery("validators-none", steps.HEADERS, _mined_again(world, none, ()), trust)
    unordered = replace(block, validators=block.validators[::-1])
    yield _forgery("validators-unordered", steps.HEADERS, _mined_again(world, unordered, members), trust)
    foreign = block.put(2, proposer)
    yield _forgery("proposer-a-stranger", steps.SEALS, _mined_again(world, foreign, members[:SEALERS]), trust)
    early = block.put(TIME, scalar(1))
    yield _forgery("decision-before-the-pinned-block", steps.DECISION, _mined_again(world, early, members), trust)
    orphan = block.put(PARENT, bytes(32))
    yield _forgery("decision-on-another-branch", steps.HEADERS, _mined_again(world, orphan, members[:3]), trust)
    yield _with_another_outcome(world, block, members)


def _with_another_outcome(world: Vouched, block: Block, members: Sequence[str]) -> Forgery:
    """A receipt with another decision, in a block that too few validators sealed."""
    bundle = world.bundles[NAME]
    entry = replace(bundle.entry, reason=Reason.USES_EXHAUSTED)
    decision = bundle.decision
    assert isinstance(decision, Inclusion)
    receipt = trie.receipt_at(block.fields[RECEIPTS], decision.transaction_index, decision.nodes)
    status, gas, bloom, logs = rlp.decode(receipt)
    address, topics, data = logs[decision.log_index]
    log = log_of(AccessDecided(NOWHERE, entry), Address(address))
    assert list(log.topics) == topics
    assert log.data != data
    forged = bytes(rlp.encode([status, gas, bloom, [[log.address, list(log.topics), log.data]]]))
    sealed = block.put(RECEIPTS, trie.root_of([forged]))
    shown = _mined_again(world, sealed, members[: SEALERS - 1], Reason.USES_EXHAUSTED)
    inclusion = replace(decision, block_hash=sealed.hash, log_index=0, nodes=trie.prove([forged], 0))
    shown = replace(shown, decision=inclusion, claim=claim_of(entry))
    return _forgery("outcome-in-a-block-of-too-few", steps.SEALS, shown, world.trust)


def _by_other_anchors(world: Vouched) -> Iterator[Forgery]:
    bundle = replace(world.bundles[NAME], log_proof=None)
    block = world.chain.blocks[6]
    for name, step, anchor in (
        ("pinned-block-of-another-chain", steps.SEALS, Anchor(0, bytes(32), EPOCH)),
        ("pinned-block-another", steps.SEALS, Anchor(6, block.hash, EPOCH)),
        ("pinned-number-another", steps.SEALS, Anchor(1, world.chain.blocks[0].hash, EPOCH)),
    ):
        yield _forgery(name, step, bundle, replace(world.trust, qbft_anchor=anchor))
    proved = world.bundles[NAME]
    other = TrustedBlock(6, block.hash)
    for name, shown, trust in (
        ("no-proof-and-no-checkpoint", replace(bundle, qbft_proof=None), world.trust),
        ("seals-where-witnesses-are-believed", bundle, replace(world.trust, qbft_anchor=None)),
        ("witnesses-where-seals-are-believed", replace(proved, qbft_proof=None), replace(world.trust, log_root=None)),
        (
            "proofs-where-a-checkpoint-is-believed",
            proved,
            replace(world.trust, qbft_anchor=None, log_root=None, checkpoints=(other,)),
        ),
    ):
        yield _forgery(name, steps.HEADERS, shown, trust)


def _notes(world: Vouched) -> Iterator[tuple[str, SignedNote]]:
    """Checkpoints of the true log that are not final, each for another reason."""
    head = world.head(len(world.leaves))
    lines = [witness.cosign(head, COSIGNED) for witness in WITNESSES]
    own = LOG.sign(head)
    policy = world.log_root.policy
    yield "witnesses-one-too-few", checkpoint_note(head, own, *lines[:2])
    yield "witnesses-none", checkpoint_note(head, own)
    yield "log-signature-missing", checkpoint_note(head, *lines[:3])
    yield "log-signature-of-another", checkpoint_note(head, LogSigner(ORIGIN, key(99)).sign(head), *lines[:3])
    yield (
        "witness-of-another-name",
        checkpoint_note(head, own, *lines[:2], Cosigner("z.example.org/witness", key(12)).cosign(head, COSIGNED)),
    )
    yield (
        "witness-with-another-key",
        checkpoint_note(head, own, *lines[:2], Cosigner(WITNESSES[2].name, key(99)).cosign(head, COSIGNED)),
    )
    imposter = WITNESSES[2].verifier_key
    forged = Cosigner(WITNESSES[2].name, key(99)).cosign(head, COSIGNED)
    yield (
        "witness-forged",
        checkpoint_note(head, own, *lines[:2], NoteSignature(imposter.name, imposter.key_id, forged.value)),
    )
    yield (
        "witness-forged-beside-enough",
        checkpoint_note(head, own, *lines[:2], lines[3], NoteSignature(imposter.name, imposter.key_id, forged.value)),
    )
    stale = NoteSignature(lines[2].name, lines[2].key_id, WITNESSES[2].cosign(world.head(3), COSIGNED).value)
    yield "witness-of-a-stale-checkpoint", checkpoint_note(head, own, *lines[:2], stale)
    moved = NoteSignature(lines[2].name, lines[2].key_id, (NOW + 1).to_bytes(8, "big") + lines[2].value[8:])
    yield "witness-at-another-time", checkpoint_note(head, own, *lines[:2], moved)
    plain = LogSigner(WITNESSES[2].name, key(12)).sign(head)
    yield (
        "witness-without-a-time",
        checkpoint_note(head, own, *lines[:2], NoteSignature(lines[2].name, lines[2].key_id, bytes(8) + plain.value)),
    )
    for name, time in (
        ("before-its-policy", policy.valid_from - 1),
        ("after-its-policy", policy.valid_until),
        ("in-the-future", CHECKED + 301),
    ):
        yield f"witness-{name}", cosigned(head, {0: COSIGNED, 1: COSIGNED, 2: time})
    for name, other in (
        ("of-another-origin", Checkpoint("ledger.example.org/guangxi", head.size, head.root)),
        ("of-another-root", Checkpoint(ORIGIN, head.size, bytes(32))),
        ("of-the-size-of-another-tree", Checkpoint(ORIGIN, world.places[NAME] + 1, head.root)),
        ("of-a-forked-log", Checkpoint(ORIGIN, head.size, world.head(head.size - 1).root)),
        ("of-an-empty-log", Checkpoint(ORIGIN, 0, bytes.fromhex(EMPTY))),
    ):
        yield f"checkpoint-{name}", cosigned(other, dict.fromkeys(range(3), COSIGNED))
    for size in (head.size - 1, head.size + 1, 1 << 40):
        text = Checkpoint(ORIGIN, size, head.root).text
        yield f"checkpoint-with-size-{size}-written-in", SignedNote(text, (own, *lines[:3]))
    yield (
        "checkpoint-from-before-the-decision",
        cosigned(world.head(world.places[NAME]), dict.fromkeys(range(3), COSIGNED)),
    )
    yield "checkpoint-without-growth", cosigned(world.head(1), dict.fromkeys(range(3), COSIGNED))


EMPTY: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def _by_witnesses(world: Vouched) -> Iterator[Forgery]:
    bundle, trust = replace(world.bundles[NAME], qbft_proof=None), world.trust
    true = world.log_proof(NAME)
    for name, note in _notes(world):
        yield _forgery(name, steps.WITNESSES, replace(bundle, log_proof=replace(true, note=note)), trust)
    place, size = world.places[NAME], len(world.leaves)
    paths: tuple[tuple[str, LogProof], ...] = (
        ("leaf-another", world.log_proof(NAME, index=place - 1)),
        ("leaf-of-another-access", world.log_proof("permitted-passkey")),
        ("leaf-at-another-place", replace(true, index=place ^ 1)),
        ("leaf-beyond-the-log", replace(true, index=size)),
        ("path-empty", replace(true, path=())),
        ("path-cut-short", replace(true, path=true.path[:-1])),
        ("path-prolonged", replace(true, path=(*true.path, bytes(32)))),
        ("path-turned-round", replace(true, path=true.path[::-1])),
        ("path-of-another-size", replace(true, path=world.log_proof(NAME, size=size - 1).path)),
        *((f"path-node-{n}-changed", replace(true, path=_swapped(true.path, n))) for n in range(len(true.path))),
    )
    for name, proof in paths:
        yield _forgery(name, steps.WITNESSES, replace(bundle, log_proof=proof), trust)
    early = world.bundles[NAME].entry.decided_at - 301
    for name, times in (
        ("of-whom-one-cosigned-before-the-decision", {0: COSIGNED, 1: COSIGNED, 2: early}),
        ("that-cosigned-before-the-decision", dict.fromkeys(range(5), early)),
        ("that-cosigned-as-soon-as-the-log-root-began", dict.fromkeys(range(5), world.log_root.policy.valid_from)),
    ):
        note = cosigned(world.head(size), times)
        yield _forgery(f"witnesses-{name}", steps.WITNESSES, replace(bundle, log_proof=replace(true, note=note)), trust)
    over = replace(world.log_root, policy=replace(POLICY, valid_until=early + 1), signatures=())
    retired = replace(trust, log_root=over.sign(ROOT_HOLDERS[0]).sign(ROOT_HOLDERS[1]))
    note = cosigned(world.head(size), dict.fromkeys(range(5), early))
    proved = replace(bundle, log_proof=replace(true, note=note))
    yield _forgery("witnesses-retired-before-the-decision", steps.WITNESSES, proved, retired)
    yield _forgery("time-before-the-cosignatures", steps.WITNESSES, bundle, trust, now=COSIGNED - 301)


def _swapped(path: tuple[bytes, ...], place: int) -> tuple[bytes, ...]:
    return (*path[:place], path[place][::-1], *path[place + 1 :])


def _log_roots(root: LogRoot) -> Iterator[tuple[str, LogRoot]]:
    """Log roots that are not what they should be; signatures of the true one are no good for what was changed."""
    unsigned = replace(root, signatures=())
    signers = ROOT_HOLDERS[:2]
    yield "log-root-unsigned", unsigned
    yield "log-root-signed-by-one", unsigned.sign(ROOT_HOLDERS[0])
    yield "log-root-signed-by-a-stranger", unsigned.sign(ROOT_HOLDERS[0]).sign(key(77))
    yield "log-root-changed-after-it-was-signed", replace(root, policy=replace(POLICY, threshold=5))
    for name, changed in (
        ("of-another-chain", replace(unsigned, chain_id=1)),
        ("of-another-genesis", replace(unsigned, genesis_hash=bytes(32))),
        ("of-foreign-contracts", replace(unsigned, contracts=(*unsigned.contracts, Address(b"\xff" * 20)))),
        ("of-other-witnesses", replace(unsigned, policy=replace(POLICY, witnesses=(_stranger(),), threshold=1))),
        (
            "of-another-log",
            replace(unsigned, policy=replace(POLICY, log_keys=(LogSigner(ORIGIN, key(98)).verifier_key,))),
        ),
        ("that-demands-more", replace(unsigned, policy=replace(POLICY, threshold=4))),
        ("that-is-over", replace(unsigned, policy=replace(POLICY, valid_until=COSIGNED))),
    ):
        yield f"log-root-{name}", changed.sign(signers[0]).sign(signers[1])


def _stranger() -> VerifierKey:
    return Cosigner("z.example.org/witness", key(97)).verifier_key


def _by_log_roots(world: Vouched) -> Iterator[Forgery]:
    bundle, trust, root = replace(world.bundles[NAME], qbft_proof=None), world.trust, world.log_root
    for name, other in _log_roots(root):
        yield _forgery(name, steps.WITNESSES, bundle, replace(trust, log_root=other))
    content = root.to_json()
    named = LogRootPin(1, _sha256(content))
    unsigned = replace(root, version=2, signatures=())
    second = unsigned.sign(ROOT_HOLDERS[0]).sign(ROOT_HOLDERS[1])
    third = replace(unsigned, version=3).sign(ROOT_HOLDERS[0]).sign(ROOT_HOLDERS[1])
    for name, pin, files in (
        ("file-missing", named, ()),
        ("file-another", named, (second.to_json(),)),
        ("file-changed", named, (content.replace(b"guangdong", b"guangxi"),)),
        ("file-no-log-root", LogRootPin(1, _sha256(b"{}")), (b"{}",)),
        ("version-another", LogRootPin(2, named.sha256), (content,)),
        ("digest-another", LogRootPin(1, bytes(32)), (content,)),
        ("version-left-out", named, (content, third.to_json())),
        ("version-before", LogRootPin(2, _sha256(second.to_json())), (second.to_json(), content)),
        ("version-unsigned", named, (content, unsigned.to_json())),
    ):
        yield _forgery(f"log-root-{name}", steps.WITNESSES, bundle, replace(trust, log_root=pin), *files)


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _by_form(world: Vouched, real: RealBundles) -> Iterator[Forgery]:
    """Proofs in a form that no proof has, and seals of a chain that has none."""
    bundle = world.bundles[NAME]
    unsealed = replace(real.bundles[NAME], qbft_proof=bundle.qbft_proof)
    yield _forgery("seals-of-a-chain-without-seals", steps.SEALS, unsealed, real.trust)
    content = bundle.to_json()
    text = b'"logProof":"c2sp.org/tlog-proof@v1\\n'
    assert bundle.log_proof
    line = bundle.log_proof.note.signatures[1].line().strip().encode()
    for name, old, new in (
        ("header-another", b"tlog-proof@v1", b"tlog-proof@v2"),
        ("extra-data", text, text + b"extra QQ==\\n"),
        ("index-with-a-zero", b"index ", b"index 0"),
        ("index-negative", b"index ", b"index -"),
        ("witness-twice", line, line + b"\\n" + line),
        ("carriage-return", b"index ", b"index\\r "),
        ("headers-none", b'"qbftProof":[', b'"qbftProof":[],"x":['),
    ):
        assert old in content
        yield Forgery(f"proof-form-{name}", steps.FORM, content.replace(old, new), world.trust, now=CHECKED)


def _by_signatures(real: RealBundles) -> Iterator[Forgery]:
    """The second form that every signature over secp256k1 has: s above half the order, which contracts refuse too."""
    bundle = real.bundles[NAME]
    yield _forgery(
        "request-signature-with-high-s",
        steps.REQUEST,
        replace(bundle, request_signature=_high_s(bundle.request_signature)),
        real.trust,
    )
    rogue = Rogue(bundle, real.trust, HOSPITAL, PATIENT)
    granted = rogue.all_events()["granted"]
    assert isinstance(granted, ConsentGranted)
    shown, trust = rogue.mine({"granted": replace(granted, signature=_high_s(granted.signature))})
    yield _forgery("grant-with-high-s", steps.SIGNATURE, shown, trust)


def _high_s(signature: bytes) -> bytes:
    turned = high_s(signature[:64] + bytes([signature[64] - 27]))
    return turned[:64] + bytes([turned[64] + 27])


def false_proofs(world: Vouched, real: RealBundles) -> list[Forgery]:
    """Gives all of them."""
    by_seals = (_by_seals(world), _by_false_validators(world), _by_other_anchors(world))
    by_log = (_by_witnesses(world), _by_log_roots(world))
    return [forgery for group in (*by_seals, *by_log, _by_form(world, real), _by_signatures(real)) for forgery in group]
