"""Generating a Besu network and finding what does not agree in one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey

from consentry.errors import ConfigurationError
from consentry.ledger.besu.network import check, generate
from consentry.ledger.besu.validators import decode_extra_data, encode_extra_data, quorum, tolerated
from consentry.ledger.engines import definitions_folder

EXAMPLE = definitions_folder() / "besu" / "participants.toml"
NAMES = ["national-authority", "province-east", "hospital-a", "patients-union"]


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A generated network; its keys are beside it."""
    generate(EXAMPLE, tmp_path / "network", tmp_path / "keys")
    return tmp_path / "network"


def test_generate_example_states_quorum_and_derives_addresses_from_the_keys(network: Path) -> None:
    found = check(network, network.parent / "keys")
    assert (found.quorum, found.tolerated, list(found.addresses)) == (3, 1, NAMES)
    for name, address in found.addresses.items():
        secret = bytes.fromhex((network.parent / "keys" / name).read_text())
        assert PrivateKey(secret).public_key.to_checksum_address() == address
    # Read with RLP alone, by the published layout.
    vanity, validators, vote, round_, seals = rlp.decode(bytes.fromhex(_genesis(network)["extraData"][2:]))
    assert (vanity, vote, round_, seals) == (bytes(32), [], b"", [])
    assert ["0x" + one.hex() for one in validators] == sorted(address.lower() for address in found.addresses.values())


def test_generate_keys_are_private_and_files_hold_none_of_them(network: Path) -> None:
    keys = network.parent / "keys"
    assert sorted(path.name for path in keys.iterdir()) == sorted(NAMES)
    assert keys.stat().st_mode & 0o777 == 0o700
    written = "".join(path.read_text() for path in network.iterdir())
    for path in keys.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_text() not in written


def test_generate_again_changes_nothing(network: Path) -> None:
    before = {path.name: path.read_bytes() for path in network.iterdir()}
    keys = {path.name: path.read_bytes() for path in (network.parent / "keys").iterdir()}
    generate(network / "participants.toml", network, network.parent / "keys")
    assert {path.name: path.read_bytes() for path in network.iterdir()} == before
    assert {path.name: path.read_bytes() for path in (network.parent / "keys").iterdir()} == keys


def test_generate_genesis_is_osaka_free_of_fees_and_unfunded(network: Path) -> None:
    genesis = _genesis(network)
    config = genesis["config"]
    assert {config[fork] for fork in ("shanghaiTime", "cancunTime", "pragueTime", "osakaTime")} == {0}
    assert (config["zeroBaseFee"], genesis["alloc"], config["chainId"]) == (True, {}, 1_900_000_000)
    assert "pertxgaslimit" not in config["qbft"]
    compose = (network / "compose.yaml").read_text()
    assert compose.count("--min-gas-price=0") == len(NAMES)
    assert compose.count("- 127.0.0.1:864") == len(NAMES)


def test_generate_with_a_key_held_elsewhere_keeps_no_key_here(tmp_path: Path) -> None:
    identity = PrivateKey(b"\x07" * 32).public_key
    changed = EXAMPLE.read_text().replace("rpc_port = 8643", f'rpc_port = 8643\npublic_key = "{identity.to_hex()[2:]}"')
    (tmp_path / "list.toml").write_text(changed)
    found = generate(tmp_path / "list.toml", tmp_path / "network", tmp_path / "keys")
    assert found.addresses["hospital-a"] == identity.to_checksum_address()
    assert not (tmp_path / "keys" / "hospital-a").exists()
    assert identity.to_hex()[2:] in (tmp_path / "network" / "static-nodes.json").read_text()


@pytest.mark.parametrize("place", ["network/keys", "checkout/keys", "checkout/deep/keys"])
def test_generate_keys_in_a_shared_place_are_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "checkout" / ".git").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="folder of keys"):
        generate(EXAMPLE, tmp_path / "network", tmp_path / place)
    assert not (tmp_path / place).exists()
    assert generate(EXAMPLE, tmp_path / "network", tmp_path / "checkout" / ".consentry" / "keys").quorum == 3


LIST_FAULTS = [
    ("[[validator]]\nname = \"patients-union\"\norganisation = \"Patients' association\"\nip = \"10.77.0.14\"\np2p_port = 30303\nrpc_port = 8644\n", "", "got 3, expected 4"),  # noqa: E501 - one line of the file, as it stands there
    ("26.8.0", "26.7.0", "expected Besu 26.7.1 or later"),
    ("26.8.0", "latest", "expected Besu 26.7.1 or later"),
    ("10.77.0.12", "10.77.0.11", "peer addresses do not match"),
    ("10.77.0.12", "validator-2", "expected an IPv4 address"),
    ("8642", "8641", "JSON-RPC ports do not match"),
    ("8642", "0", "got 0, expected 1 to 65535"),
    ("8642", '"8642"', "rpc_port of validator does not match"),
    ('"province-east"', '"hospital-a"', "names do not match"),
    ('"province-east"', '"../etc"', "expected a-z, 0-9 and hyphens"),
    ("chain_id = 1_900_000_000", "chain_id = 0", "chain id does not match"),
    ("block_period_seconds = 1", "block_period_seconds = 4", "less than the request timeout"),
    ("block_period_seconds = 1", "", "differing: block_period_seconds"),
    ("block_period_seconds = 1", "block_period_seconds = 1\nspeed = 9", "differing: speed"),
    ("[network]", "[extra]\n[network]", "unknown: extra"),
    ("[[relay]]", "[[relays]]", "cannot be read"),
    ('account = "0x0000', 'account = "0x1111', "expected an address with checksum"),
    ("[network]", "[network", "cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "complaint"), LIST_FAULTS)
def test_generate_from_a_list_that_does_not_hold_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    content = EXAMPLE.read_text()
    assert old in content
    (tmp_path / "list.toml").write_text(content.replace(old, new))
    with pytest.raises(ConfigurationError, match=complaint):
        generate(tmp_path / "list.toml", tmp_path / "network", tmp_path / "keys")
    assert not (tmp_path / "network").exists()


FILE_FAULTS = [
    ("genesis.json", '"zeroBaseFee": true', '"zeroBaseFee": false', "base fee of the genesis file"),
    ("genesis.json", '"chainId": 1900000000', '"chainId": 1', "chain id of the genesis file"),
    ("genesis.json", '"osakaTime": 0', '"osakaTime": 9', "first Osaka block"),
    ("genesis.json", '"alloc": {}', '"alloc": {"0x00": {"balance": "1"}}', "funded accounts"),
    ("genesis.json", '"gasLimit": "0x11e1a300"', '"gasLimit": "0x1"', "does not match the list"),
    ("genesis.json", "0x6374", "0x6375", "mixHash of the genesis file"),
    ("genesis.json", '"qbft"', '"ibft2"', "not in its form"),
    ("genesis.json", "{", "", "is no JSON"),
    ("static-nodes.json", "10.77.0.14", "10.77.0.15", "static-nodes.json is not complete"),
    ("permissions.toml", "accounts-allowlist", "accounts", "not in its form"),
    ("permissions.toml", "10.77.0.14", "10.77.0.15", "nodes-allowlist is not complete"),
    ("compose.yaml", "--min-gas-price=0", "--min-gas-price=1", "does not match the list"),
    ("validators.json", '"quorum": 3', '"quorum": 2', "does not match the list"),
    ("validators.json", '"name": "hospital-a"', '"name": "hospital-z"', "validators do not match"),
    ("participants.toml", 'name = "hospital-a-relay-1"', 'name = "other"\naccount = "0x0000000000000000000000000000000000000001"\n[[relay]]\nname = "hospital-a-relay-1"', "accounts-allowlist is not complete"),  # noqa: E501 - one line of the file, as it stands there
    ("participants.toml", "block_period_seconds = 1", "block_period_seconds = 2", "block period of the genesis file"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "complaint"), FILE_FAULTS)
def test_check_altered_file_is_found(network: Path, name: str, old: str, new: str, complaint: str) -> None:
    path = network / name
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))
    with pytest.raises(ConfigurationError, match=complaint):
        check(network)


@pytest.mark.parametrize(
    "name", ["genesis.json", "static-nodes.json", "permissions.toml", "compose.yaml", "validators.json"]
)
def test_check_missing_file_is_found(network: Path, name: str) -> None:
    (network / name).unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        check(network)


def test_check_validator_left_out_of_extra_data_is_found(network: Path) -> None:
    addresses = list(check(network).addresses.values())
    for others in (addresses[:-1], [*addresses[:-1], "0x" + "11" * 20], [*addresses, "0x" + "11" * 20]):
        genesis = _genesis(network)
        (network / "genesis.json").write_text(json.dumps({**genesis, "extraData": encode_extra_data(others)}))
        with pytest.raises(ConfigurationError, match="validators in extraData do not match the keys"):
            check(network)


def test_check_key_of_another_is_found(network: Path) -> None:
    keys = network.parent / "keys"
    shutil.copy(keys / "hospital-a", keys / "province-east")
    assert check(network).quorum == 3, "without the keys nothing is wrong"
    with pytest.raises(ConfigurationError, match="key of validator province-east does not match its identity"):
        check(network, keys)


@pytest.mark.parametrize(
    ("content", "mode"), [("", 0o600), ("zz" * 32, 0o600), ("00" * 32, 0o600), ("11" * 31, 0o600), ("11" * 32, 0o640)]
)
def test_check_unusable_key_is_found(network: Path, content: str, mode: int) -> None:
    path = network.parent / "keys" / "hospital-a"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="validator key"):
        check(network, network.parent / "keys")


def test_encode_extra_data_equals_bytes_put_together_by_hand() -> None:
    # list(0x7a more) · string(32) vanity · list(84) of four times string(20) · list(0) · empty string · list(0)
    validators = [keccak(bytes([number]))[12:] for number in range(4)]
    by_hand = (
        bytes.fromhex("f87aa0")
        + bytes(32)
        + bytes.fromhex("f854")
        + b"".join(b"\x94" + one for one in sorted(validators))
        + bytes.fromhex("c080c0")
    )
    assert encode_extra_data(["0x" + one.hex() for one in validators]) == "0x" + by_hand.hex()
    assert [one.lower() for one in decode_extra_data("0x" + by_hand.hex())] == [
        "0x" + one.hex() for one in sorted(validators)
    ]


@pytest.mark.parametrize(
    "fields",
    [
        [bytes(31), [b"\x01" * 20], [], b"", []],
        [bytes(32), [b"\x01" * 20], [b"\x01" * 20, b"\xff"], b"", []],
        [bytes(32), [b"\x01" * 20], [], b"\x01", []],
        [bytes(32), [b"\x01" * 20], [], b"", [b"\x01" * 65]],
        [bytes(32), [b"\x02" * 20, b"\x01" * 20], [], b"", []],
        [bytes(32), [b"\x01" * 20, b"\x01" * 20], [], b"", []],
        [bytes(32), [b"\x01" * 19], [], b"", []],
        [bytes(32), [b"\x01" * 20], [], b""],
    ],
)
def test_decode_extra_data_of_another_form_is_refused(fields: list[object]) -> None:
    with pytest.raises(ConfigurationError):
        decode_extra_data("0x" + rlp.encode(fields).hex())


@pytest.mark.parametrize(
    ("count", "needed", "faults"), [(4, 3, 1), (5, 4, 1), (6, 4, 1), (7, 5, 2), (9, 6, 2), (10, 7, 3)]
)
def test_quorum_always_outvotes_the_faults(count: int, needed: int, faults: int) -> None:
    assert (quorum(count), tolerated(count)) == (needed, faults)
    assert 2 * quorum(count) - count > tolerated(count), "two quorums share an honest validator"


def _genesis(network: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((network / "genesis.json").read_text())
    return content
