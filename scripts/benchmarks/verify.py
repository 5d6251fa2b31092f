"""How fast a signed request is verified, beside eth-account with coincurve over the same EIP-712 document."""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable
from typing import Final

from eth_account import Account
from eth_account.messages import encode_typed_data

from benchmarks.material import new_requests
from consentry.core.terms import Address, ConsentId, RecordId
from consentry.core.typed_data import Domain, digest, document
from consentry.crypto.signing import AccountKey, Verifiers, sign, verify

ROUNDS: Final = 5


def run(*, quick: bool) -> dict[str, float]:
    """Measures in turns; medians over the rounds.

    Returns:
        Verifications a second of each side, and the median of their ratios ``request_verify_over_eth_account``.

    Raises:
        RuntimeError: the two sides do not name the same signer.
    """
    count = 200 if quick else 1000
    key, domain = AccountKey.generate(), Domain("Consentry AccessLedger", 1, Address(secrets.token_bytes(20)))
    sought = [(RecordId(secrets.token_bytes(32)), ConsentId(secrets.token_bytes(32)))] * count
    asked = [(one, sign(key, domain, one)) for one in new_requests(key.address, secrets.token_bytes(32), sought)]
    documents = [(document(domain, one), signature) for one, signature in asked]
    verifiers = Verifiers(*(Address(secrets.token_bytes(20)) for _ in range(3)))

    def ours() -> None:
        for one, signature in asked:
            verify(key.signer, digest(domain, one), signature, verifiers)

    def theirs() -> None:
        for full, signature in documents:
            if Account.recover_message(encode_typed_data(full_message=full), signature=signature) != expected:
                raise RuntimeError("eth-account names another signer")

    expected = Account.from_key(key.secret).address
    ours()
    theirs()  # the first run loads code
    pairs = [(count / _seconds(ours), count / _seconds(theirs)) for _ in range(ROUNDS)]
    return {
        "request_verify_per_s": statistics.median(mine for mine, _ in pairs),
        "eth_account_verify_per_s": statistics.median(other for _, other in pairs),
        "request_verify_over_eth_account": statistics.median(mine / other for mine, other in pairs),
    }


def _seconds(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
