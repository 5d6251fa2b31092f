"""Keys at a server: what its engine must be like, what is told of a fault, a destroyed key that nobody makes anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from consentry.errors import ConfigurationError, InvalidInputError, KeyDestroyedError, VaultUnavailableError
from consentry.vault.kms import KeyState
from consentry.vault.openbao_kms import OpenBaoKms, Server
from tests.support.openbao import OpenBao

ALICE, CONTEXT, SECRET = b"\x0a" * 32, b"object 7", bytes(range(64))
LIVE, TOMBSTONE = f"keys/subject-{ALICE.hex()}", f"keys/destroyed-{ALICE.hex()}"


@pytest.fixture
async def engine_of(openbao: OpenBao) -> Server:
    return await openbao.empty_engine()


@pytest.fixture
async def kms(engine_of: Server) -> AsyncIterator[OpenBaoKms]:
    made = await OpenBaoKms.open(engine_of)
    yield made
    await made.close()


async def test_engine_that_makes_keys_while_it_encrypts_is_refused(openbao: OpenBao) -> None:
    with pytest.raises(ConfigurationError, match="disable_upsert"):
        await OpenBaoKms.open(await openbao.empty_engine(disable_upsert=False))


async def test_mount_without_an_engine_is_refused(openbao: OpenBao, engine_of: Server) -> None:
    await openbao.ask("DELETE", f"sys/mounts/{engine_of.mount}")
    with pytest.raises(ConfigurationError, match="no transit engine"):
        await OpenBaoKms.open(engine_of)


@pytest.mark.parametrize("address", ["http://bao.hospital.test:8200", "bao:8200", "ftp://127.0.0.1"])
async def test_open_way_to_another_machine_is_refused(engine_of: Server, address: str) -> None:
    with pytest.raises(ConfigurationError, match="expected https"):
        await OpenBaoKms.open(replace(engine_of, address=address))


async def test_value_of_a_key_is_given_to_nobody(openbao: OpenBao, engine_of: Server, kms: OpenBaoKms) -> None:
    await kms.create_subject_key(ALICE)
    told = (await openbao.ask("GET", f"{engine_of.mount}/{LIVE}"))["data"]
    assert (told["exportable"], told["allow_plaintext_backup"], told["type"]) == (False, False, "aes256-gcm96")
    with pytest.raises(httpx.HTTPStatusError):
        await openbao.ask("GET", f"{engine_of.mount}/export/encryption-key/subject-{ALICE.hex()}")


async def test_another_start_opens_what_was_wrapped_and_knows_what_was_destroyed(engine_of: Server) -> None:
    first = await OpenBaoKms.open(engine_of)
    await first.create_subject_key(ALICE)
    wrapped = await first.wrap(ALICE, SECRET, CONTEXT)
    await first.close()
    second = await OpenBaoKms.open(engine_of)
    assert await second.unwrap(ALICE, wrapped, CONTEXT) == SECRET
    await second.destroy(ALICE)
    await second.close()
    third = await OpenBaoKms.open(engine_of)
    assert (await third.describe(ALICE)).state == KeyState.DESTROYED
    with pytest.raises(KeyDestroyedError):
        await third.create_subject_key(ALICE)
    await third.close()


async def test_destroyed_key_is_gone_from_the_server(openbao: OpenBao, engine_of: Server, kms: OpenBaoKms) -> None:
    await kms.create_subject_key(ALICE)
    await kms.destroy(ALICE)
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        await openbao.ask("GET", f"{engine_of.mount}/{LIVE}")
    # Nor does the gateway's own token get the tombstone out of the way.
    answer = await kms._ask("DELETE", TOMBSTONE, None)
    assert answer.status_code == httpx.codes.FORBIDDEN


async def test_replaced_versions_are_gone_from_the_server(openbao: OpenBao, engine_of: Server, kms: OpenBaoKms) -> None:
    await kms.create_subject_key(ALICE)
    old = await kms.wrap(ALICE, SECRET, CONTEXT)
    assert await kms.replace_subject_key(ALICE) == 2
    # Even who administers the server cannot have version 1 opened again.
    with pytest.raises(httpx.HTTPStatusError):
        await openbao.ask("POST", f"{engine_of.mount}/{LIVE}/config", min_decryption_version=1)
    assert (await openbao.ask("GET", f"{engine_of.mount}/{LIVE}"))["data"]["min_available_version"] == 2
    assert old[:4] == (1).to_bytes(4, "big")


async def test_destruction_that_was_cut_off_after_the_tombstone_is_ended_by_the_next_call(
    openbao: OpenBao, engine_of: Server, kms: OpenBaoKms
) -> None:
    await kms.create_subject_key(ALICE)
    await openbao.ask("POST", f"{engine_of.mount}/{TOMBSTONE}", type="aes256-gcm96")
    assert (await kms.describe(ALICE)).state == KeyState.DESTROYED
    with pytest.raises(KeyDestroyedError):
        await kms.rotate_subject_key(ALICE)
    await kms.destroy(ALICE)
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        await openbao.ask("GET", f"{engine_of.mount}/{LIVE}")


async def test_token_that_was_renewed_in_its_file_is_taken_up(openbao: OpenBao, engine_of: Server) -> None:
    tokens = [engine_of.token()]
    kms = await OpenBaoKms.open(replace(engine_of, token=lambda: tokens[-1]))
    await kms.create_subject_key(ALICE)
    await openbao.ask("POST", "auth/token/revoke", token=tokens[0])
    with pytest.raises(VaultUnavailableError, match="403") as raised:
        await kms.describe(ALICE)
    assert tokens[0] not in str(raised.value)
    made = await openbao.ask("POST", "auth/token/create-orphan", policies=[engine_of.mount], no_default_policy=True)
    tokens.append(made["auth"]["client_token"])
    assert (await kms.describe(ALICE)).state == KeyState.LIVE
    await kms.close()


async def test_server_that_does_not_answer_is_unavailable(engine_of: Server) -> None:
    with pytest.raises(VaultUnavailableError):
        await OpenBaoKms.open(replace(engine_of, address="http://127.0.0.1:1"))


async def test_key_that_was_deleted_at_the_server_is_never_made_anew_by_wrapping(
    openbao: OpenBao, engine_of: Server, kms: OpenBaoKms
) -> None:
    await kms.create_subject_key(ALICE)
    await kms.destroy(ALICE)
    with pytest.raises(KeyDestroyedError):
        await kms.wrap(ALICE, SECRET, CONTEXT)
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        await openbao.ask("GET", f"{engine_of.mount}/{LIVE}")


@pytest.mark.parametrize("subject", [b"", bytes(65)])
async def test_reference_of_a_wrong_length_is_refused(kms: OpenBaoKms, subject: bytes) -> None:
    with pytest.raises(InvalidInputError):
        await kms.create_subject_key(subject)
