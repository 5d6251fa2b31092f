"""The chain as its documentation has one use it: anvil by itself, instant mining, web3.py, one access at a time.

No durable log, no gateway, no vault, nothing released: generous to the naive side, which has less to do. The contracts,
the signatures and the terms are the real ones.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import resources
from os import environ
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from eth_utils.address import to_checksum_address
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint

from benchmarks.material import DATA_MONTH, REGION, Signed, new_requests, terms_for
from consentry.core.codes import Category, Retention, Suite
from consentry.core.terms import (
    ZERO_32,
    Enrolment,
    Material,
    RecordLeaf,
    SubjectId,
)
from consentry.core.typed_data import consent_id, record_id
from consentry.crypto.keywrap import release_key_hash, release_public_key
from consentry.crypto.signing import AccountKey, sign
from consentry.demo.gateways import free_port
from consentry.errors import LedgerUnavailableError
from consentry.evidence.notation import hex_of
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.calldata import packed
from consentry.ledger.chain import ChainLedger
from consentry.ledger.connection import Connection
from consentry.ledger.deployment import Founders, deploy
from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from consentry.ledger.governance import Governance, Waiting
from consentry.ledger.installation import provide_engine
from consentry.ledger.manifest import Manifest

START_SECONDS: Final = 30.0
TUNED_POLL_SECONDS: Final = 0.005
GAS: Final = 500_000


@dataclass(frozen=True, slots=True)
class Bare:
    """A chain mined at once, with a relay and what may be asked for."""

    url: str
    manifest: Manifest
    relay: bytes
    signed: Sequence[Signed]

    def decisions(self) -> int:
        """Counts the permitted decisions on the chain."""
        web3 = Web3(HTTPProvider(self.url))
        ledger = _contract(web3, self.manifest)
        return sum(1 for _ in ledger.events.AccessDecided.get_logs(from_block=0))


@asynccontextmanager
async def open_bare(folder: Path, requests: int) -> AsyncIterator[Bare]:
    """Starts a chain, deploys the suite, and has one patient grant; ``requests`` are signed beforehand."""
    with _anvil(folder) as url:
        connection = DirectConnection(url, load_profile("embedded"))
        try:
            await _wait_for(connection)
            yield await _prepared(url, connection, requests)
        finally:
            await connection.close()


@contextmanager
def _anvil(folder: Path) -> Iterator[str]:
    port = free_port(None)
    flags = ["--port", str(port), "--accounts", "0", "--hardfork", "osaka", "--quiet", "--cache-path", str(folder)]
    flags += ["--block-base-fee-per-gas", "0", "--gas-price", "0", "--disable-min-priority-fee"]
    process = subprocess.Popen([str(provide_engine(folder, environ)), *flags], stdin=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


async def _wait_for(connection: Connection) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            await connection.chain_id()
        except LedgerUnavailableError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
        else:
            return


async def _prepared(url: str, connection: Connection, requests: int) -> Bare:
    deployer, custodian, asking, patient = (AccountKey.generate() for _ in range(4))
    officers, relay = [AccountKey.generate() for _ in range(2)], AccountKey.generate()
    founders = Founders(*(officer.address for officer in officers))
    manifest = await deploy(connection, SendingAccount(connection, deployer.secret), founders)
    governed = [Governance(connection, manifest, officer.secret) for officer in officers]

    async def two(function: str, *values: object) -> None:
        if isinstance(await getattr(governed[0], function)(*values), Waiting):
            await getattr(governed[1], function)(*values)

    release_key = release_public_key(secrets.token_bytes(32))
    for key in (custodian, asking):
        await two("admit_institution", key.address, REGION, key.signer, release_key)
    await two("admit_relay", relay.address, custodian.address)
    ledger = await ChainLedger.connect(connection, manifest, relay.secret)
    subject = SubjectId(secrets.token_bytes(32))
    enrolment = Enrolment(subject, patient.signer, custodian.address, int(time.time()) + 600)
    by = patient, custodian
    await ledger.enrol(enrolment, *(sign(key, ledger.domain("Subjects"), enrolment) for key in by))
    leaf = _leaf(subject, custodian)
    await ledger.anchor(leaf, sign(custodian, ledger.domain("Records"), leaf))
    terms = terms_for(subject, asking.address, nonce=1)
    await ledger.grant(terms, sign(patient, ledger.domain("Consents"), terms))
    sought = [(record_id(leaf), consent_id(terms))] * requests
    asked = new_requests(asking.address, release_key_hash(release_key), sought)
    domain = ledger.domain("AccessLedger")
    signed = [Signed(request, Material(leaf, terms, ()), sign(asking, domain, request)) for request in asked]
    # The library offers a fee of its own accord, so the account must have something.
    Web3(HTTPProvider(url)).provider.make_request(RPCEndpoint("anvil_setBalance"), [hex_of(relay.address), hex(10**24)])
    return Bare(url, manifest, relay.secret, signed)


def _leaf(subject: SubjectId, custodian: AccountKey) -> RecordLeaf:
    return RecordLeaf(
        custodian=custodian.address,
        subject_id=subject,
        previous=ZERO_32,
        lineage=ZERO_32,
        version=1,
        category=Category.IMAGING,
        sensitivity=3,
        data_month=DATA_MONTH,
        suite=Suite.COBBLESTONE_256_SHA_256,
        retention=Retention.OUTPATIENT,
        ciphertext_digest=secrets.token_bytes(32),
        ciphertext_size=4096,
        commitment=secrets.token_bytes(32),
    )


def documented(bare: Bare, signed: Sequence[Signed]) -> None:
    """Does it as web3.py's documentation does: build, sign, send, wait; estimates and fees are left to the library."""
    web3 = Web3(HTTPProvider(bare.url))
    ledger, account = _contract(web3, bare.manifest), Account.from_key(bare.relay)
    for one in signed:
        call = ledger.functions.decide(*_arguments(one))
        transaction = call.build_transaction(
            {"from": account.address, "nonce": web3.eth.get_transaction_count(account.address)}
        )
        made = account.sign_transaction(transaction)
        receipt = web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(made.raw_transaction))
        if receipt["status"] != 1:
            raise RuntimeError("naive access failed")


def tuned(bare: Bare, signed: Sequence[Signed]) -> None:
    """Does the same with every value given, so that nothing is asked beside it, and looks for the receipt often."""
    web3 = Web3(HTTPProvider(bare.url))
    ledger, account = _contract(web3, bare.manifest), Account.from_key(bare.relay)
    nonce, chain = web3.eth.get_transaction_count(account.address), web3.eth.chain_id
    fixed: dict[str, Any] = {"gas": GAS, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "chainId": chain, "value": 0}
    for place, one in enumerate(signed):
        data = ledger.encode_abi("decide", args=_arguments(one))
        transaction = {**fixed, "to": ledger.address, "nonce": nonce + place, "data": data}
        made = account.sign_transaction(transaction)
        sent = web3.eth.send_raw_transaction(made.raw_transaction)
        receipt = web3.eth.wait_for_transaction_receipt(sent, poll_latency=TUNED_POLL_SECONDS)
        if receipt["status"] != 1:
            raise RuntimeError("naive access failed")


def _contract(web3: Web3, manifest: Manifest) -> Any:  # noqa: ANN401 - web3 makes its type from the ABI
    abi = json.loads((resources.files("consentry.ledger") / "artifacts" / "AccessLedger.json").read_text())["abi"]
    return web3.eth.contract(address=to_checksum_address(manifest.address("AccessLedger")), abi=abi)


def _arguments(one: Signed) -> tuple[Any, ...]:
    requests, tables = packed([(one.request, one.material)])
    return requests, [one.signature], tables
