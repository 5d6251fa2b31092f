"""How fast a signed request is verified, beside eth-account with coincurve over the same EIP-712 document.

Ours is what the gateway does with a request: its digest, and whether the institution's signer, which it knows, signed
it. eth-account is asked to hash with pysha3, as this package does; left to itself it takes a slower hash, and that is
reported too, under ``..._as_installed``. All sides take turns in one run, on one thread each; what is counted is
processor time, so that what else runs on the machine is not.
"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from eth_hash.backends import pycryptodome

from benchmarks.material import new_requests
from consentry.core.terms import Address, ConsentId, RecordId
from consentry.core.typed_data import Domain, digest, document
from consentry.crypto.signing import AccountKey, Verifiers, sign, verify

ROUNDS: Final = 15


def run(*, quick: bool) -> dict[str, float]:
    """Measures in turns; medians over the rounds.

    Returns:
        Verifications a second of one core by each side, and the medians of their ratios:
        ``request_verify_over_eth_account``, and the same against eth-account as it is installed.

    Raises:
        RuntimeError: the two sides do not name the same signer.
    """
    count = 100 if quick else 500
    key, domain = AccountKey.generate(), Domain("Consentry AccessLedger", 1, Address(secrets.token_bytes(20)))
    signer, expected = key.signer, Account.from_key(key.secret).address
    sought = [(RecordId(secrets.token_bytes(32)), ConsentId(secrets.token_bytes(32)))] * count
    asked = [(one, sign(key, domain, one)) for one in new_requests(key.address, secrets.token_bytes(32), sought)]
    documents = [(document(domain, one), signature) for one, signature in asked]
    verifiers = Verifiers(*(Address(secrets.token_bytes(20)) for _ in range(3)))

    def ours() -> None:
        for one, signature in asked:
            verify(signer, digest(domain, one), signature, verifiers)

    def theirs() -> None:
        for full, signature in documents:
            if Account.recover_message(encode_typed_data(full_message=full), signature=signature) != expected:
                raise RuntimeError("eth-account names another signer")

    def as_installed() -> None:
        with _slower_hash():
            theirs()

    sides = (ours, theirs, as_installed)
    for side in sides:
        side()  # the first run loads code
    rounds = [[count / _seconds(side) for side in sides] for _ in range(ROUNDS)]
    mine, tuned, installed = (statistics.median(rates) for rates in zip(*rounds, strict=True))
    return {
        "request_verify_per_s": mine,
        "eth_account_verify_per_s": tuned,
        "eth_account_as_installed_verify_per_s": installed,
        "request_verify_over_eth_account": statistics.median(one / other for one, other, _ in rounds),
        "request_verify_over_eth_account_as_installed": statistics.median(one / other for one, _, other in rounds),
    }


@contextmanager
def _slower_hash() -> Iterator[None]:
    """Lets eth_hash take the backend that it takes by itself where both are installed."""
    fast = keccak.hasher
    setattr(keccak, "hasher", pycryptodome.backend.keccak256)  # noqa: B010 - it is declared a method
    try:
        yield
    finally:
        setattr(keccak, "hasher", fast)  # noqa: B010 - it is declared a method


def _seconds(work: Callable[[], None]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
