"""One deployment for all tests; each test works on a snapshot of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
from eth_tester import EthereumTester

from tests.support.contract_suite import ContractSuite, deploy_suite, start_chain
from tests.support.contract_world import World
from tests.support.national import IDENTITY, THRESHOLD, National


@pytest.fixture(scope="session")
def populated() -> World:
    """Deploys the suite and admits the people of the tests, once."""
    suite = start_chain()
    deploy_suite(suite)
    return World(suite)


@pytest.fixture
def world(populated: World) -> Iterator[World]:
    """Lends the populated chain to one test and takes back whatever it did."""
    tester = populated.suite.clock
    assert isinstance(tester, EthereumTester)
    snapshot = tester.take_snapshot()
    # Tests may put other people and contracts into their own world.
    own = copy.copy(populated)
    own.suite = copy.copy(populated.suite)
    own.suite.contracts = dict(populated.suite.contracts)
    yield own
    tester.revert_to_snapshot(snapshot)


@pytest.fixture
def suite(world: World) -> ContractSuite:
    """Lends the deployed contracts to one test."""
    return world.suite


@pytest.fixture(scope="session")
def nation() -> National:
    """Deploys the national ledger and admits a province, once."""
    made = National()
    made.admit()
    return made


@pytest.fixture
def national(nation: National) -> Iterator[National]:
    """Lends the national ledger to one test and takes back whatever it did."""
    mark, rules, witnesses = nation.evm.mark(), nation.rules, nation.witnesses
    nation.rules = type(rules)()
    nation.rules.admit(IDENTITY, [key.signer for key in nation.witnesses], THRESHOLD)
    yield nation
    nation.evm.put_back(mark)
    nation.rules, nation.witnesses = rules, witnesses
