"""An embedded chain for tests: a client, senders, and a contract that notes what it is told."""

from __future__ import annotations

import http.client
import json
import os
import signal
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from consentry.ledger import node
from consentry.ledger.node import NodeStatus

# Stores 1 under the first word of the input, and emits an empty event with that word as topic.
_NOTE_CODE = bytes.fromhex("60015f35555f355f5fa100")
# Returns the eleven bytes above from the constructor.
NOTE_CREATION = b"\x6a" + _NOTE_CODE + bytes.fromhex("5f52600b6015f3")


class RpcError(Exception):
    """The node's no: code and message."""


@dataclass(slots=True)
class Client:
    """A JSON-RPC client of one address; every call has a connection of its own."""

    port: int

    def post(self, asked: object, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """Send a body; give back status and decoded answer."""
        return self.post_raw(json.dumps(asked).encode(), headers)

    def post_raw(self, content: bytes, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """Send a body as it is, JSON or not; give back status and decoded answer."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("POST", "/", content, sent)
            answer = connection.getresponse()
            said = answer.read()
        return answer.status, json.loads(said) if answer.status == http.client.OK else said.decode()

    def call(self, method: str, *params: object) -> Any:  # noqa: ANN401 - JSON
        """One call; raises ``RpcError`` on a no."""
        status, answer = self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        if status != http.client.OK or "error" in answer:
            raise RpcError(str(answer))
        return answer["result"]

    def block(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """One block, by number or tag."""
        return self.call("eth_getBlockByNumber", name, *[False])

    def hashes(self) -> list[str]:
        """The hash of every block, from genesis on."""
        height = int(self.call("eth_blockNumber"), 16)
        return [self.block(hex(number))["hash"] for number in range(height + 1)]


@dataclass(slots=True)
class Sender:
    """An account without a balance that signs one transaction after the other."""

    chain_id: int
    account: LocalAccount = field(default_factory=lambda: Account.from_key(os.urandom(32)))
    nonce: int = 0

    def sign(self, to: str | None, data: bytes, *, nonce: int | None = None, gas: int = 200_000) -> str:
        """A raw type-2 transaction at price zero; takes the next nonce unless one is named."""
        fields: dict[str, Any] = {"type": 2, "chainId": self.chain_id, "gas": gas, "value": 0, "data": data}
        fields |= {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "nonce": self.nonce if nonce is None else nonce}
        fields |= {"to": to_checksum_address(to)} if to else {}
        self.nonce += nonce is None
        return str(self.account.sign_transaction(fields).raw_transaction.to_0x_hex())


def deploy_notes(client: Client, sender: Sender) -> str:
    """Deploy the contract that notes; its address."""
    receipt = client.call("eth_sendRawTransactionSync", sender.sign(None, NOTE_CREATION))
    return str(receipt["contractAddress"])


def client_of(status: NodeStatus) -> Client:
    """A client of a running chain."""
    assert status.url is not None
    return Client(int(status.url.rpartition(":")[2]))


def sender_of(status: NodeStatus) -> Sender:
    """A new account on a chain."""
    assert status.chain_id is not None
    return Sender(status.chain_id)


def kill(status: NodeStatus) -> None:
    """End the sealer as a power failure would, and wait until its folder is free again."""
    assert status.pid is not None
    os.kill(status.pid, signal.SIGKILL)
    while node.status(status.state).is_running:
        pass


def write_some_blocks(status: NodeStatus, count: int = 5) -> list[str]:
    """Deploy the contract that notes and write as many blocks more; the hash of every block."""
    client, sender = client_of(status), sender_of(status)
    notes = deploy_notes(client, sender)
    for number in range(count):
        client.call("eth_sendRawTransaction", sender.sign(notes, number.to_bytes(32, "big")))
    return client.hashes()
