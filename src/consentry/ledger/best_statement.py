"""A completeness statement with all that can vouch for its block: witnesses of the ledger log, and seals of validators.

Seals vouch for any block, so for the newest. Witnesses vouch for a block through a log in it that the statement shows,
and only those of `Participants` may be shown: so what they vouch for is often an earlier block, maybe of months ago. A
statement that ends before the newest block says so in what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from consentry.core.chain import BlockReference
from consentry.evidence import header, trie, verify_completeness
from consentry.evidence.completeness import LoggedBlock, Statement, Whose, block_in_words
from consentry.evidence.header import Header
from consentry.evidence.log_entry import leaf_of
from consentry.evidence.log_tree_proof import LogTree
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify_completeness import VerifiedStatement
from consentry.ledger import vouching
from consentry.ledger.events import Log
from consentry.ledger.statements import Stater
from consentry.ledger.vouching import NO_WITNESSES, Wanted

_ENTERING: Final[dict[Whose, str]] = {"subject": "enrolled this subject", "institution": "admitted this institution"}
_CHECK: Final = "on this chain: check that the right one was asked about"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be stated.

    Attributes:
        whose: subject or institution.
        key: its id or address.
        withheld: tells nothing but the hashes of the decisions.
        newest: states up to the newest block, whoever vouches for it; False up to the newest one that witnesses vouch
            for. Where nobody says, the newest one if blocks have seals, else the one with witnesses.
    """

    whose: Whose
    key: bytes
    withheld: bool = False
    newest: bool | None = None


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement, the trust root it was verified against, what that showed, and what is missing in it."""

    statement: Statement
    trust: TrustRoot
    verified: VerifiedStatement
    missing: tuple[str, ...]


async def state_best(stater: Stater, asked: Asked, wanted: Wanted, now: int) -> Stated:
    """States all accesses with all the proofs there are, and verifies the statement.

    Its trust root names the block of the statement as a checkpoint, and the log root and the pinned block where the
    statement has a proof for them.

    Args:
        stater: reads the node.
        asked: what is to be stated.
        wanted: what is to vouch for it.
        now: seconds since the epoch.

    Raises:
        LedgerUnavailableError: the node does not give what is needed, or not all of it.
        VerificationError: what the node gives does not hang together.
    """
    missing: list[str] = []
    log = await vouching.final_log(stater, wanted, now, missing)
    newest = await stater.block()
    shown = await _shown(stater, asked, log.tree, wanted, newest.number, missing) if log else None
    if shown is not None and not vouching.saw_it(wanted, (await stater.block(shown.number)).time, now, missing):
        shown = None
    made = await stater.state(asked.whose, asked.key, shown.number if shown else newest.number)
    made = made.withholding() if asked.withheld else made
    trust = stater.trust_root(made)
    if shown is not None:
        made, trust = replace(made, logged=shown.logged), replace(trust, log_root=wanted.log_root)
    block = header.decode(made.headers[0], trust.header_form)
    seals = await vouching.seals_of(stater, wanted, block.number, missing)
    if seals is not None:
        made, trust = replace(made, qbft_proof=seals), replace(trust, qbft_anchor=wanted.pinned)
    if block.number < newest.number:
        # Told whatever vouches for the block: a list that is whole up to an old block looks like one that is whole.
        missing.append(_ending(block, newest))
    if not made.entries and not await stater.is_known(asked.whose, asked.key, block.number):
        # Of a mistyped id, too, no access was decided: the statement is true, and looks like an all-clear.
        missing.append(f"up to block {block.number} nobody {_ENTERING[asked.whose]} {_CHECK}")
    verified = verify_completeness.verify(made.to_json(), trust, now=now)
    return Stated(made, trust, verified, tuple(missing))


@dataclass(frozen=True, slots=True)
class _Shown:
    """A log that may be shown, and the number of its block."""

    logged: LoggedBlock
    number: int


def _ending(block: Header, newest: BlockReference) -> str:
    return (
        f"stated up to {block_in_words(block.number, block.time)}; "
        f"the newest is {block_in_words(newest.number, newest.time)}: what came between is not stated"
    )


async def _shown(
    stater: Stater, asked: Asked, tree: LogTree, wanted: Wanted, newest: int, missing: list[str]
) -> _Shown | None:
    """Finds the newest log that the checkpoint covers and may be shown; none if its block is not to be stated about."""
    harmless = await stater.harmless_logs()
    listed = wanted.log_root.contracts if wanted.log_root else ()
    found = _last_in(tree, [log for log in harmless if log.address in listed], stater.facts.chain_id)
    if found is None:
        missing.append(f"{NO_WITNESSES}: the final log has nothing of Participants, and nothing else may be shown")
        return None
    has_seals = stater.facts.header_form == "qbft" and wanted.pinned is not None
    if found.number < newest and (has_seals if asked.newest is None else asked.newest):
        missing.append(f"{NO_WITNESSES}: what may be shown of the final log ends with block {found.number}")
        return None
    if not await stater.has_state(asked.whose, asked.key, found.number):
        missing.append(f"{NO_WITNESSES}: the node no longer proves the state of block {found.number}")
        return None
    return found


def _last_in(tree: LogTree, logs: Sequence[Log], chain_id: int) -> _Shown | None:
    for log in reversed(logs):
        proof = tree.proof_of(leaf_of(chain_id, log.block_number, log.block_hash, log))
        if proof is not None:
            return _Shown(LoggedBlock(trie.Log(log.address, log.topics, log.data), proof), log.block_number)
    return None
