"""The files of a network, as text: what Besu reads, derived from the participants and the validators' identities."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from consentry.ledger.besu.participants import Participants, Validator
from consentry.ledger.besu.validators import encode_extra_data, node_address, quorum, tolerated
from consentry.ledger.engines import load_profile

GENESIS_NAME = "genesis.json"
STATIC_NODES_NAME = "static-nodes.json"
PERMISSIONS_NAME = "permissions.toml"
COMPOSE_NAME = "compose.yaml"
VALIDATORS_NAME = "validators.json"
# The constant that marks a block made by Byzantine-fault-tolerant consensus in Besu and GoQuorum.
BFT_MIX_HASH = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365"
# Blocks after which votes on the validator set are dropped; Besu's own default.
EPOCH_BLOCKS = 30_000


def network_files(participants: Participants, identities: Mapping[str, str]) -> dict[str, str]:
    """Every file of a network by its name.

    Args:
        participants: the checked list.
        identities: public key of each validator, by its name.
    """
    enodes = [enode(validator, identities[validator.name]) for validator in participants.validators]
    accounts = sorted(relay.account.lower() for relay in participants.relays)
    return {
        GENESIS_NAME: _json(genesis(participants, identities)),
        STATIC_NODES_NAME: _json(enodes),
        PERMISSIONS_NAME: _permissions(enodes, accounts),
        VALIDATORS_NAME: _json(_validators(participants, identities)),
        COMPOSE_NAME: _compose(participants),
    }


def enode(validator: Validator, public_key: str) -> str:
    """The address under which the other nodes know a validator."""
    return f"enode://{public_key}@{validator.ip}:{validator.p2p_port}?discport=0"


def genesis(participants: Participants, identities: Mapping[str, str]) -> dict[str, Any]:
    """The genesis file: Osaka from the first block, no base fee, no funded account, validators in the header.

    ``pertxgaslimit`` stays out: transactions stay within EIP-7825, and a network that lifted it would run otherwise
    than every other engine. Besu 26.7.1 needs none of the system contracts that Prague brought for public networks.
    """
    profile = load_profile("besu")
    forks = ["shanghaiTime", "cancunTime", "pragueTime", "osakaTime"]
    qbft = {
        "blockperiodseconds": participants.block_period_seconds,
        "epochlength": EPOCH_BLOCKS,
        "requesttimeoutseconds": participants.request_timeout_seconds,
    }
    return {
        "config": {
            "chainId": participants.chain_id,
            "berlinBlock": 0,
            "londonBlock": 0,
            **dict.fromkeys(forks, 0),
            "zeroBaseFee": True,
            "qbft": qbft,
        },
        "nonce": "0x0",
        "timestamp": "0x0",
        "gasLimit": hex(profile.block_gas_limit),
        "difficulty": "0x1",
        "mixHash": BFT_MIX_HASH,
        "coinbase": "0x" + "00" * 20,
        "extraData": encode_extra_data([node_address(identity) for identity in identities.values()]),
        "alloc": {},
    }


def _validators(participants: Participants, identities: Mapping[str, str]) -> dict[str, Any]:
    count = len(participants.validators)
    return {
        "quorum": quorum(count),
        "tolerated_faults": tolerated(count),
        "validators": [
            {
                "name": validator.name,
                "organisation": validator.organisation,
                "public_key": identities[validator.name],
                "address": node_address(identities[validator.name]),
                "enode": enode(validator, identities[validator.name]),
            }
            for validator in participants.validators
        ],
    }


def _permissions(enodes: list[str], accounts: list[str]) -> str:
    lines = ["# Second line of defence only: each node decides for itself. Membership is enforced by the contracts."]
    for name, entries in (("nodes-allowlist", enodes), ("accounts-allowlist", accounts)):
        lines += [f"{name} = [", *(f'  "{entry}",' for entry in entries), "]"]
    return "\n".join(lines) + "\n"


def _compose(participants: Participants) -> str:
    services = "".join(_service(participants, validator) for validator in participants.validators)
    return f"""\
# Four or more validators on one machine, for a trial. In production every organisation runs its own service on its own
# machine, with its own key. Set CONSENTRY_BESU_KEYS (folder of key files), CONSENTRY_BESU_DATA (folder for databases)
# and CONSENTRY_BESU_USER (uid:gid that owns both).
name: {participants.name}
services:
{services}networks:
  chain:
    ipam:
      config:
        - subnet: {participants.subnet}
"""


def _service(participants: Participants, validator: Validator) -> str:
    options = [
        "--data-path=/data",
        "--genesis-file=/network/genesis.json",
        "--node-private-key-file=/key",
        "--min-gas-price=0",
        "--sync-mode=FULL",
        "--data-storage-format=FOREST",
        "--discovery-enabled=false",
        "--static-nodes-file=/network/static-nodes.json",
        f"--p2p-host={validator.ip}",
        f"--p2p-port={validator.p2p_port}",
        "--permissions-nodes-config-file-enabled=true",
        "--permissions-nodes-config-file=/network/permissions.toml",
        "--permissions-accounts-config-file-enabled=true",
        "--permissions-accounts-config-file=/network/permissions.toml",
        "--rpc-http-enabled=true",
        "--rpc-http-host=0.0.0.0",
        f"--rpc-http-port={validator.rpc_port}",
        "--rpc-http-api=ETH,NET,WEB3,QBFT,DEBUG",
        "--host-allowlist=localhost,127.0.0.1",
    ]
    command = "".join(f"      - {option}\n" for option in options)
    return f"""\
  {validator.name}:
    image: {participants.image}
    user: ${{CONSENTRY_BESU_USER:?}}
    restart: unless-stopped
    command:
{command}    ports:
      - 127.0.0.1:{validator.rpc_port}:{validator.rpc_port}
    volumes:
      - .:/network:ro
      - ${{CONSENTRY_BESU_KEYS:?}}/{validator.name}:/key:ro
      - ${{CONSENTRY_BESU_DATA:?}}/{validator.name}:/data
    networks:
      chain:
        ipv4_address: {validator.ip}
"""


def _json(content: object) -> str:
    return json.dumps(content, indent=2) + "\n"
