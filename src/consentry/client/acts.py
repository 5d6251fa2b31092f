"""Signed acts from the side of those who sign them: sign, send, see."""

from __future__ import annotations

from collections.abc import Sequence

from consentry.client.answers import ACT, ACTED, expect
from consentry.client.gateway import About
from consentry.client.transport import Transport
from consentry.core.act_table import BY_NAME, name_of
from consentry.core.signed_act import SignedAct
from consentry.core.terms import Address, SubjectId
from consentry.core.typed_data import struct_hash
from consentry.crypto.signing import SigningKey, sign
from consentry.errors import VerificationError
from consentry.evidence.notation import Json, bytes_of, hex_of, read, write


def sign_act(known: About, act: SignedAct, key: SigningKey) -> bytes:
    """Signs an act in the domain of the contract that takes it, as the gateway's deployment has it."""
    return sign(key, known.domain(act.FORM.contract), act)


async def send_act(transport: Transport, act: SignedAct, signatures: Sequence[bytes]) -> Json:
    """Has an act taken; gives the receipt.

    Raises:
        VerificationError: the gateway answers about another act.
    """
    body = {"act": write(act), "signatures": [hex_of(signature) for signature in signatures]}
    answer = expect(await transport.post(f"/v1/acts/{name_of(type(act))}", body), ACTED)
    if bytes_of(answer["actHash"], 32) != struct_hash(act):
        raise VerificationError("answer of the gateway is about another act")
    return answer


async def acts_of(transport: Transport, party: SubjectId | Address) -> list[tuple[SignedAct, Json]]:
    """Gives the signed acts that concern a subject or an institution, each with its line as the gateway shows it.

    Raises:
        VerificationError: a line is no act, or not the one of its hash.
    """
    kind = "subjects" if len(party) > len(Address(bytes(20))) else "institutions"
    lines = await transport.get_all(f"/v1/{kind}/{hex_of(party)}/acts", ACT)
    return [(act_of(line), line) for line in lines]


def act_of(line: Json) -> SignedAct:
    """Reads the act of a line.

    Raises:
        VerificationError: it is none, or not the one of its hash.
    """
    struct = BY_NAME.get(line["kind"])
    if struct is None:
        raise VerificationError(f"kind of act is not known (got {line['kind']!r:.40})")
    act = read(struct, line["act"])
    if struct_hash(act) != bytes_of(line["actHash"], 32):
        raise VerificationError("act does not hash to what the gateway says")
    return act
