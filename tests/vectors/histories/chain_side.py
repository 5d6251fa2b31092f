"""Histories on the contracts, on a chain in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consentry.core.codes import Reason
from consentry.core.packing import unpack_outcome
from consentry.core.terms import Address
from consentry.core.typed_data import Domain
from consentry.crypto.signing import AccountKey
from consentry.evidence import notation
from consentry.evidence.notation import Json
from tests.support.evm import Evm, Outcome
from tests.support.suite import Suite, plain
from tests.vectors.histories.officers import MEMBERS, arguments_of, officers_of
from tests.vectors.histories.player import CONTRACTS, READS, Answer, Call, told
from tests.vectors.histories.story import key_of


class ChainSide:
    """The contracts on a chain in memory."""

    def __init__(self, *senders: AccountKey) -> None:
        """Deploys the suite; ``senders`` are further accounts that may send."""
        self.suite = Suite(Evm(*senders))

    def domain(self, contract: str) -> Domain:
        """Gives the EIP-712 domain of a contract."""
        return self.suite.domain(contract)

    def keep(self) -> object:
        """Gives the state and the time."""
        return self.suite.evm.mark()

    def put_back(self, mark: object) -> None:
        """Goes back to a state."""
        self.suite.evm.put_back(mark)

    def do(self, call: Call) -> Answer:
        """Sends one transaction, moves the time, or asks."""
        if call.do == "travel":
            self.suite.evm.travel(call.step["time"])
            return Answer()
        if call.do in READS:
            return Answer(found=tuple(told(value) for value in self._found(call.do, call.step)))
        outcome = self._outcome(call)
        if outcome.error:
            return Answer(outcome.error, tuple(told(value) for value in outcome.arguments))
        return Answer(reasons=tuple(_reasons(outcome)))

    def _outcome(self, call: Call) -> Outcome:
        suite, step, structs = self.suite, call.step, call.structs
        if call.do in MEMBERS:
            return self._by_officers(step)
        if call.do == "decide":
            items = [(item.request, item.signature, item.material) for item in call.items]
            return suite.decide(items, sender=call.relay)
        if call.do == "decideBatch":
            pairs = [(item.request, item.material) for item in call.items]
            return suite.decide_batch(pairs, call.signatures[0], sender=call.relay)
        if call.do == "act":
            form = structs["struct"].FORM
            arguments: tuple[Any, ...] = (plain(structs["struct"]), list(call.signatures))
            return suite.evm.send(suite.addresses[form.contract], form.function, *arguments, sender=call.relay)
        given = [plain(structs[name]) for name in ("previous", "struct") if name in structs]
        address = suite.addresses[CONTRACTS[call.do]]
        under = [notation.bytes_of(step["guardian"])] if call.do == "revoke" else []
        return suite.evm.send(address, call.do, *given, *under, *call.signatures, sender=call.relay)

    def _by_officers(self, step: Json) -> Outcome:
        """Lets officers do an act one after the other, each in a block of its own, until one is refused."""
        address = self.suite.addresses["Participants"]
        outcome = None
        for name in officers_of(step):
            sender = key_of(name).address
            outcome = self.suite.evm.send(address, step["do"], *arguments_of(step), sender=sender)
            if outcome.error:
                break
        assert outcome is not None
        return outcome

    def _found(self, asked: str, step: Json) -> list[Any]:
        institution = Address(notation.bytes_of(step["institution"], 20))
        if asked == "duties":
            function, ends = ("overdueDuties", ()) if step["overdue"] else ("openDuties", (0, 2**256 - 1))
            duties = self.suite.read("Consents", function, institution, *ends)
            return [member for duty in sorted(duties, key=lambda d: (d[2], d[0], d[1])) for member in duty]
        if asked == "recognised":
            names = ("countsOf", "countsOfIssuer")
            return [n for name in names for n in self.suite.read("Recognitions", name, institution, step["item"])]
        if asked == "assisted":
            counts = [self.suite.read("Consents", name, institution) for name in ("assistedCount", "assistedUndone")]
            return [*counts, self.suite.read("Consents", "assistedCountIn", institution, step["quarter"])]
        return [self.suite.read("Emergencies", name, institution) for name in ("openCount", "overdueCount")]


def _reasons(outcome: Outcome) -> Sequence[str]:
    found = []
    for log in outcome.logs:
        if log.name == "AccessDecided":
            found.append(Reason(unpack_outcome(log.members[3][-1])[0]).name)
        elif log.name == "RequestRejected":
            found.append(Reason(log.members[3]).name)
    return found
