"""Processes of the story: one gateway at a time holds a state folder, and none is left behind."""

from __future__ import annotations

import os
import signal
import socket
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

        with pytest.raises(ConfigurationError, match=r"does not start: .*node does not answer"):
            network.start_gateway(NAME)

        assert network.gateway_pid(NAME) is None
    finally:
        network.stop()


async def test_chain_and_gateway_leave_a_port_that_somebody_else_took(tmp_path: Path) -> None:
    network = Network(tmp_path / "demo")
    try:
        old = network.start_chain().url
        await network.deploy()
        left = network.start_gateway(NAME)
        network.stop()

        with held(int(str(old).rpartition(":")[2])), held(left.port):
            moved = network.start_chain().url
            started = network.start_gateway(NAME)

            assert moved != old
            assert started.port != left.port
            assert network.settings(NAME).origin == started.url
            assert network.start_chain().url == moved
    finally:
        network.stop()


def held(port: int) -> socket.socket:
    """Listens on a port as another program would."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", port))
    holder.listen()
    return holder
