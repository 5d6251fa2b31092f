"""Bounds of bodies."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from consentry.api.schemas import AccessBody, RequestBody
from consentry.core.access import MOST_PROOF_NODES, MOST_SIGNATURE_BYTES
from consentry.evidence.notation import write
from tests.support import samples

ASKED = RequestBody.model_validate(write(samples.request(bytes(32), bytes(32), bytes(32))))
SIGNATURE = "0x" + "ff" * MOST_SIGNATURE_BYTES
PROOF = ["0x" + "ff" * 32] * MOST_PROOF_NODES


def test_access_body_takes_the_longest_signature_and_proof() -> None:
    assert AccessBody(request=ASKED, signature=SIGNATURE, scope_proof=PROOF).scope_proof == PROOF


@pytest.mark.parametrize(("signature", "proof"), [(SIGNATURE + "ff", PROOF), (SIGNATURE, [*PROOF, PROOF[0]])])
def test_access_body_refuses_a_longer_signature_or_proof(signature: str, proof: list[str]) -> None:
    with pytest.raises(ValidationError):
        AccessBody(request=ASKED, signature=signature, scope_proof=proof)
