"""The chain inside the test process behind the same connection as a real node: eth-tester as an async provider."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eth_keys.main import KeyAPI
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.backends.pyevm.main import generate_genesis_state_for_keys, get_default_account_keys
from web3.providers.async_base import AsyncBaseProvider
from web3.providers.eth_tester import AsyncEthereumTesterProvider
from web3.providers.eth_tester.defaults import API_ENDPOINTS
from web3.types import RPCEndpoint, RPCResponse

from consentry.crypto.signing import AccountKey
from consentry.ledger.connection import Connection
from consentry.ledger.engines import load_profile

GAS_LIMIT: Final = 30_000_000
GENESIS_TIME: Final = 1_700_000_000


class InProcessProvider(AsyncEthereumTesterProvider):
    """A chain of its own whose accounts are funded, because this engine asks a price for gas.

    Attributes:
        tester: the chain, for what no node offers: snapshots, another clock.
    """

    def __init__(self, funded: Sequence[AccountKey], genesis_time: int = GENESIS_TIME) -> None:
        """Takes who pays; chains that begin at other times, in seconds, have other genesis blocks."""
        AsyncBaseProvider.__init__(self)
        genesis = PyEVMBackend.generate_genesis_params({"gas_limit": GAS_LIMIT, "timestamp": genesis_time})
        # Calls that name no sender come from the engine's own first account: it must be able to pay for the gas.
        keys = [*(KeyAPI.PrivateKey(key.secret) for key in funded), *get_default_account_keys()]
        state = generate_genesis_state_for_keys(keys)
        self.tester = EthereumTester(PyEVMBackend(genesis_parameters=genesis, genesis_state=state))
        self.ethereum_tester = self.tester
        self.api_endpoints = API_ENDPOINTS

    def connection(self) -> Connection:
        """Gives a connection of the kind the adapters take."""
        return Connection(self, load_profile("in-process"))


class SilentProvider(AsyncBaseProvider):
    """A node nobody hears of."""

    async def make_request(self, method: RPCEndpoint, params: object) -> RPCResponse:  # noqa: ARG002 - never answered
        """Does not answer."""
        raise ConnectionRefusedError("no node")
