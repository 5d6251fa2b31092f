"""Processes of the story: one gateway at a time holds a state folder, and none is left behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from consentry.demo.network import HOSPITALS, Network
from consentry.errors import ConfigurationError
from consentry.ledger import node
from consentry.ledger.processes import process_started

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NAME = HOSPITALS[0].name


async def test_start_of_a_gateway_replaces_one_that_does_not_answer(tmp_path: Path) -> None:
    network = Network(tmp_path / "demo", recover_seconds=1, stop_seconds=1)
    try:
        network.start_chain()
        await network.deploy()
        silent = network.start_gateway(NAME)
        os.kill(silent.pid, signal.SIGSTOP)

        started = network.start_gateway(NAME)

        assert started.pid != silent.pid
        assert process_started(silent.pid) is None
        assert started.port == silent.port
    finally:
        network.stop()
    assert process_started(started.pid) is None


async def test_gateway_that_cannot_start_is_told_and_leaves_no_process(tmp_path: Path) -> None:
    network = Network(tmp_path / "demo")
    try:
        network.start_chain()
        await network.deploy()
        node.down(network.chain_folder)

        with pytest.raises(ConfigurationError, match="does not start"):
            network.start_gateway(NAME)

        assert network.gateway_pid(NAME) is None
    finally:
        network.stop()
