"""The true bundles once more, with the ledger log in place of headers and receipts.

The log is written here, from the receipts that the bundles bring, and their members are put in place one by one:
nothing of what builds bundles is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from consentry.core.log_tree import inclusion_proof, leaf_hash, nodes_of, root_of
from consentry.errors import ConsentryError
from consentry.evidence import header, trie
from consentry.evidence.bundle import Bundle
from consentry.evidence.checkpoint import Checkpoint
from consentry.evidence.header import Header, HeaderForm
from consentry.evidence.inclusion import Inclusion, LogInclusion
from consentry.evidence.log_entry import leaf_of
from consentry.evidence.log_proof import LogProof
from consentry.evidence.trust import TrustRoot
from tests.support.log_people import NOW, ORIGIN, POLICY, ROOT, ROOT_HOLDERS, cosigned
from tests.vectors.bundles.real import build_real
from tests.vectors.bundles.vouched import build_vouched

COSIGNED: Final = NOW + 100
LATER_LEAVES: Final = 300
CHECKED: Final = NOW + 1_000_000
"""When the bundles are verified, in seconds: behind the waiting time of a recovery."""
Place = tuple[int, int, int]
"""Block, transaction, and log within it."""


@dataclass(frozen=True)
class Logged:
    """Bundles whose events the log shows, and whom to believe about it."""

    trust: TrustRoot
    bundles: dict[str, Bundle]


@dataclass
class _Log:
    """A log with every event that some bundles show, and leaves of others between."""

    chain_id: int
    form: HeaderForm
    leaves: list[bytes]
    places: dict[Place, int]

    def place(self, shown: Inclusion, headers: dict[bytes, Header]) -> Place:
        """Gives where an event stands on the chain."""
        return headers[shown.block_hash].number, shown.transaction_index, shown.log_index

    def by_log(self, shown: Inclusion, headers: dict[bytes, Header]) -> LogInclusion:
        """Shows an event by the log."""
        block = headers[shown.block_hash]
        index = self.places[self.place(shown, headers)]
        return LogInclusion(block.hash, block.number, index, self.path(index))

    def path(self, index: int) -> tuple[bytes, ...]:
        """Gives the siblings of a leaf."""
        return inclusion_proof(index, len(self.leaves), nodes_of(self.leaves))

    def proof(self, index: int, time: int) -> LogProof:
        """Proves a leaf under a checkpoint that three witnesses signed, none of them before a time."""
        size = len(self.leaves)
        head = Checkpoint(ORIGIN, size, root_of(size, nodes_of(self.leaves)))
        return LogProof(
            index, self.path(index), cosigned(head, dict.fromkeys(range(3), min(max(COSIGNED, time), CHECKED)))
        )


def _headers(bundle: Bundle, form: HeaderForm) -> dict[bytes, Header]:
    decoded = (header.decode(encoded, form) for encoded in bundle.headers)
    return {each.hash: each for each in decoded}


def _written(trust: TrustRoot, bundles: dict[str, Bundle]) -> _Log:
    log = _Log(trust.chain_id, trust.header_form, [], {})
    found: dict[Place, bytes] = {}
    for bundle in bundles.values():
        headers = _headers(bundle, trust.header_form)
        for shown in (*bundle.inclusions, bundle.decision, *([bundle.debt] if bundle.debt else [])):
            assert isinstance(shown, Inclusion)
            block = headers[shown.block_hash]
            receipt = trie.receipt_at(block.receipts_root, shown.transaction_index, shown.nodes)
            emitted = trie.logs_of(receipt)[shown.log_index]
            found[log.place(shown, headers)] = leaf_of(trust.chain_id, block.number, block.hash, emitted)
    for place in sorted(found):
        if place[2] == 0:
            log.leaves.append(leaf_hash(b"before %d %d" % place[:2]))
        log.places[place] = len(log.leaves)
        log.leaves.append(found[place])
    log.leaves += [leaf_hash(b"later %d" % number) for number in range(LATER_LEAVES)]
    return log


def _in_log(bundle: Bundle, log: _Log) -> Bundle:
    headers = _headers(bundle, log.form)

    def moved(part: Any) -> Any:  # noqa: ANN401 - any part of a bundle that an event is behind
        return part and replace(part, inclusion=log.by_log(part.inclusion, headers))

    decision, debt = bundle.decision, bundle.debt
    assert isinstance(decision, Inclusion)
    index = log.places[log.place(decision, headers)]
    keys = [(performed, shown) for performed, shown in bundle.subject_keys if isinstance(shown, Inclusion)]
    own = replace(
        bundle,
        headers=tuple(h for h in bundle.headers if header.decode(h, log.form).hash == decision.block_hash),
        log_proof=log.proof(index, headers[decision.block_hash].time),
        subject_keys=tuple((performed, log.by_log(shown, headers)) for performed, shown in keys),
        **{
            name: moved(getattr(bundle, name))
            for name in ("institution", "rotation", "subject", "record", "consent", "authorisation")
        },
    )
    if log.form == "qbft":
        return own
    assert debt is None or isinstance(debt, Inclusion)
    shown = log.by_log(decision, headers)
    return replace(own, decision=replace(shown, path=()), debt=debt and log.by_log(debt, headers))


def _trust(trust: TrustRoot) -> TrustRoot:
    root = replace(
        ROOT,
        chain_id=trust.chain_id,
        genesis_hash=trust.genesis_hash,
        contracts=tuple(sorted(address for _, address in trust.contracts)),
        policy=replace(POLICY, valid_until=CHECKED + 1),
    )
    return replace(trust, checkpoints=(), log_root=root.sign(ROOT_HOLDERS[0]).sign(ROOT_HOLDERS[1]))


def _build(trust: TrustRoot, bundles: dict[str, Bundle]) -> Logged:
    log = _written(trust, bundles)
    return Logged(_trust(trust), {name: _in_log(bundle, log) for name, bundle in bundles.items()})


@cache
def build_logged() -> Logged:
    """Every kind of true bundle on a chain without seals; the log shows the decision too."""
    real = build_real()
    return _build(real.trust, real.bundles)


@cache
def build_sealed_and_logged() -> Logged:
    """Two true bundles on a chain with seals; the decision has its receipt, its seals and its place in the log."""
    world = build_vouched()
    return _build(world.trust, world.bundles)


def in_a_log_of_its_own(content: bytes, trust: TrustRoot) -> tuple[Bundle, TrustRoot] | None:
    """Gives a lying bundle with a log in place of its receipts, which says what these say; None where they are none."""
    try:
        bundle = Bundle.from_json(content)
        made = _build(trust, {"lie": bundle})
    except (ConsentryError, KeyError, IndexError):
        return None
    return made.bundles["lie"], made.trust
