"""What an institution does with records it holds or received: restrict, erase, attest, mark, recognise, register."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from consentry.client.acts import act_of, send_act, sign_act
from consentry.client.answers import ACT, ERASED, ERASURE, RECORD, expect
from consentry.client.hospital import Hospital
from consentry.client.transport import Transport
from consentry.core.codes import DAY
from consentry.core.erasures import Erasure
from consentry.core.signed_act import SignedAct
from consentry.core.terms import RecordId, RecordLeaf
from consentry.core.typed_data import record_id, struct_hash
from consentry.crypto.signing import SigningKey
from consentry.errors import VerificationError
from consentry.evidence.notation import Json, bytes_of, hex_of, read, write

ACT_SECONDS: Final = DAY
Act = TypeVar("Act", bound=SignedAct)


def fresh() -> tuple[int, int]:
    """Draws the nonce of an act, and gives it a day to be sent: its last two members."""
    return secrets.randbits(256), int(time.time()) + ACT_SECONDS


async def leaf_of(transport: Transport, wanted: RecordId) -> tuple[RecordLeaf, str]:
    """Gives the leaf of a record this institution may know of, and its status.

    Raises:
        VerificationError: the gateway gives another leaf.
    """
    found = expect(await transport.get(f"/v1/records/{hex_of(wanted)}"), RECORD)
    leaf = read(RecordLeaf, found["leaf"])
    if record_id(leaf) != wanted:
        raise VerificationError("leaf does not hash to the record that was asked for")
    return leaf, str(found["status"])


async def perform(hospital: Hospital, act: SignedAct) -> Json:
    """Signs an act of this institution and has it taken; gives the receipt."""
    known = await hospital.gateway()
    return await send_act(hospital.transport, act, [sign_act(known, act, hospital.own.key)])


async def erasure_of(transport: Transport, wanted: RecordId) -> Json:
    """Gives the report of what an erasure destroys, and how far one is."""
    return expect(await transport.get(f"/v1/records/{hex_of(wanted)}/erasure"), ERASURE)


async def sign_erasure(hospital: Hospital, act: Erasure, officers: Sequence[SigningKey]) -> list[bytes]:
    """Signs an erasure with the keys of its officers."""
    known = await hospital.gateway()
    return [sign_act(known, act, key) for key in officers]


async def send_erasure(transport: Transport, act: Erasure, signatures: Sequence[bytes]) -> Json:
    """Has an erasure taken and carried out; gives the receipt and how far it is.

    Raises:
        VerificationError: the gateway answers about another act.
    """
    body = {"act": write(act), "signatures": [hex_of(signature) for signature in signatures]}
    answer = expect(await transport.post(f"/v1/records/{hex_of(act.record_id)}/erasure", body), ERASED)
    if bytes_of(answer["actHash"], 32) != struct_hash(act):
        raise VerificationError("answer of the gateway is about another act")
    return answer


async def act_about(transport: Transport, wanted: RecordId, what: str, kind: type[Act]) -> Act:
    """Gives the mark ("mark") or the registered study ("study") of a record, checked against its hash.

    Raises:
        NotFoundError: there is none.
        VerificationError: it is not about this record.
    """
    line: Any = expect(await transport.get(f"/v1/records/{hex_of(wanted)}/{what}"), ACT)
    act = act_of(line)
    if not isinstance(act, kind) or getattr(act, "record_id", None) != wanted:
        raise VerificationError("act is not about the record that was asked for")
    return act
