"""What a verification found, in words: each step with its outcome, and who vouches for the block."""

from __future__ import annotations

from consentry.core.chain import BlockReference
from consentry.evidence import steps
from consentry.evidence.bundle import Bundle
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify import VerifiedAccess
from consentry.evidence.vouching import Seals, Witnessed
from consentry.papers.blocks import Points, Table
from consentry.papers.words import Words

_WIDTHS = (0, 3, 2)


def steps_taken(bundle: Bundle, trust: TrustRoot, verified: VerifiedAccess, say: Words) -> Table:
    """Lists the steps of a verification that held; `verify` stops at the first that does not, so none is left out."""
    outcomes = {number: say("results", "held") for number in range(steps.FORM, steps.LAST + 1)}
    outcomes |= {number: say("results", name) for number, name in _without_ground(bundle).items()}
    outcomes |= {number: say("results", name) for number, name in _not_looked_at(bundle, trust, verified).items()}
    rows = tuple((str(number), say("steps", str(number)), outcome) for number, outcome in outcomes.items())
    return Table(tuple(say("labels", name) for name in ("step", "checked", "result")), rows, _WIDTHS)


def _without_ground(bundle: Bundle) -> dict[int, str]:
    """Names the steps that had nothing to look at, since the request invoked nothing of the kind."""
    found = {}
    if bundle.record is None:
        found[steps.RECORD] = "no_record"
    if bundle.consent is None:
        found[steps.SUBJECT] = "no_consent"
        if bundle.authorisation is None:
            found |= {steps.CONSENT: "no_ground", steps.SIGNATURE: "no_ground"}
        else:
            found[steps.SIGNATURE] = "authority"
    return found


def _not_looked_at(bundle: Bundle, trust: TrustRoot, verified: VerifiedAccess) -> dict[int, str]:
    """Says of seals and witnesses why they were not asked; a proof nobody is believed about proves nothing."""
    found = {}
    if verified.vouched.seals is None:
        found[steps.SEALS] = "no_proof" if bundle.qbft_proof is None else "nobody_to_believe"
    if verified.vouched.witnesses is None:
        is_missing = bundle.log_proof is None or trust.log_root is not None
        found[steps.WITNESSES] = "no_proof" if is_missing else "nobody_to_believe"
    return found


def who_vouches(verified: VerifiedAccess, say: Words) -> list[Points]:
    """Writes by whose word the decision is final, and since when."""
    vouched = verified.vouched
    found = []
    if vouched.seals is not None:
        found.append(_by_seals(vouched.seals, verified.block, say))
    if vouched.witnesses is not None:
        found.append(_by_witnesses(vouched.witnesses, say))
    if vouched.leads_to_trusted_block:
        found.append(say("facts", "checkpoint"))
    if vouched.seals is None and vouched.witnesses is None:
        found.append(say("facts", "alone"))
    return [Points(tuple(found))]


def _by_seals(seals: Seals, block: BlockReference, say: Words) -> str:
    return say("facts", "seals", sealed=seals.sealed, pinned=seals.pinned, moment=say.moment(block.time))


def _by_witnesses(witnessed: Witnessed, say: Words) -> str:
    final = witnessed.entry.final
    return say(
        "facts",
        "witnesses",
        count=len(final.witnesses),
        of=witnessed.of,
        size=final.checkpoint.size,
        names=say.listed(final.witnesses),
        moment=say.moment(final.final_at),
    )
