"""Behaviour of the key service port, on each implementation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from consentry.errors import ConflictError, InvalidInputError, KeyDestroyedError, NotFoundError, ObjectCorruptError
from consentry.vault.keyring import LocalKeyring
from consentry.vault.keyring_files import Cost
from consentry.vault.kms import KeyDescription, KeyState, Kms
from consentry.vault.openbao_kms import OpenBaoKms
from consentry.vault.pkcs11_kms import Pkcs11Kms
from tests.support.memory_kms import MemoryKms
from tests.support.openbao import OpenBao
from tests.support.soft_hsm import SoftHsm

CHEAP = Cost(passes=1, memory_kib=64, lanes=1)
ALICE, BOB = b"\x0a" * 32, b"\x0b" * 32
SECRET, CONTEXT = b"sixty-four bytes or fewer", b"object 7 version 1"


@pytest.fixture(params=["memory", "local", "pkcs11", "openbao"])
async def kms(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kms]:
    if request.param == "pkcs11":
        soft_hsm: SoftHsm = request.getfixturevalue("soft_hsm")
        token = await Pkcs11Kms.open(soft_hsm.empty_token())
        yield token
        await token.close()
        return
    if request.param == "openbao":
        bao: OpenBao = request.getfixturevalue("openbao")
        service = await OpenBaoKms.open(await bao.empty_engine())
        yield service
        await service.close()
        return
    yield MemoryKms() if request.param == "memory" else LocalKeyring.create(tmp_path / "keyring", "correct", CHEAP)


async def test_unwrap_what_was_wrapped_returns_it(kms: Kms) -> None:
    await kms.create_subject_key(ALICE)
    for secret in (SECRET, b"", bytes(5000)):
        wrapped = await kms.wrap(ALICE, secret, CONTEXT)
        assert secret == b"" or secret not in wrapped
        assert await kms.unwrap(ALICE, wrapped, CONTEXT) == secret


async def test_unwrap_under_another_context_or_subject_is_refused(kms: Kms) -> None:
    await kms.create_subject_key(ALICE)
    await kms.create_subject_key(BOB)
    wrapped = await kms.wrap(ALICE, SECRET, CONTEXT)
    with pytest.raises(ObjectCorruptError):
        await kms.unwrap(ALICE, wrapped, CONTEXT + b"x")
    with pytest.raises(ObjectCorruptError):
        await kms.unwrap(BOB, wrapped, CONTEXT)


async def test_unwrap_of_changed_bytes_is_refused(kms: Kms) -> None:
    await kms.create_subject_key(ALICE)
    wrapped = await kms.wrap(ALICE, SECRET, CONTEXT)
    for at in range(len(wrapped)):
        changed = wrapped[:at] + bytes([wrapped[at] ^ 0x80]) + wrapped[at + 1 :]
        with pytest.raises(ObjectCorruptError):
            await kms.unwrap(ALICE, changed, CONTEXT)
    for size in (0, 1, 4, 5, 19, len(wrapped) - 1):
        with pytest.raises(ObjectCorruptError):
            await kms.unwrap(ALICE, wrapped[:size], CONTEXT)


async def test_wrap_and_unwrap_without_context_are_refused(kms: Kms) -> None:
    await kms.create_subject_key(ALICE)
    wrapped = await kms.wrap(ALICE, SECRET, CONTEXT)
    with pytest.raises(InvalidInputError):
        await kms.wrap(ALICE, SECRET, b"")
    with pytest.raises(InvalidInputError):
        await kms.unwrap(ALICE, wrapped, b"")


async def test_rotate_keeps_old_wrappings_open_and_rewrap_moves_them(kms: Kms) -> None:
    await kms.create_subject_key(ALICE)
    old = await kms.wrap(ALICE, SECRET, CONTEXT)
    assert await kms.rotate_subject_key(ALICE) == 2
    assert await kms.describe(ALICE) == KeyDescription(KeyState.LIVE, 2, (1, 2))
    new = await kms.rewrap(ALICE, old, CONTEXT, CONTEXT)
    assert new != old
    assert await kms.unwrap(ALICE, old, CONTEXT) == await kms.unwrap(ALICE, new, CONTEXT) == SECRET
    with pytest.raises(ObjectCorruptError):
        await kms.rewrap(ALICE, old, CONTEXT + b"x", CONTEXT)


async def test_rewrap_under_a_new_context_opens_under_that_one_alone(kms: Kms) -> None:
    await kms.create_subject_key(ALICE)
    moved = await kms.rewrap(ALICE, await kms.wrap(ALICE, SECRET, CONTEXT), CONTEXT, b"record 9")
    assert await kms.unwrap(ALICE, moved, b"record 9") == SECRET
    with pytest.raises(ObjectCorruptError):
        await kms.unwrap(ALICE, moved, CONTEXT)
    with pytest.raises(InvalidInputError):
        await kms.rewrap(ALICE, moved, b"record 9", b"")


async def test_destroy_closes_the_subject_for_good_and_spares_others(kms: Kms) -> None:
    await kms.create_subject_key(ALICE)
    await kms.create_subject_key(BOB)
    wrapped, kept = await kms.wrap(ALICE, SECRET, CONTEXT), await kms.wrap(BOB, SECRET, CONTEXT)
    await kms.destroy(ALICE)
    await kms.destroy(ALICE)
    assert await kms.describe(ALICE) == KeyDescription(KeyState.DESTROYED, 0, ())
    with pytest.raises(KeyDestroyedError):
        await kms.unwrap(ALICE, wrapped, CONTEXT)
    with pytest.raises(KeyDestroyedError):
        await kms.wrap(ALICE, SECRET, CONTEXT)
    with pytest.raises(KeyDestroyedError):
        await kms.rotate_subject_key(ALICE)
    with pytest.raises(KeyDestroyedError):
        await kms.create_subject_key(ALICE)
    assert await kms.unwrap(BOB, kept, CONTEXT) == SECRET


async def test_create_twice_is_a_conflict_and_keeps_the_key(kms: Kms) -> None:
    await kms.create_subject_key(ALICE)
    wrapped = await kms.wrap(ALICE, SECRET, CONTEXT)
    with pytest.raises(ConflictError):
        await kms.create_subject_key(ALICE)
    assert await kms.unwrap(ALICE, wrapped, CONTEXT) == SECRET


async def test_unknown_subject_is_not_found(kms: Kms) -> None:
    for call in (
        kms.wrap(ALICE, SECRET, CONTEXT),
        kms.unwrap(ALICE, bytes(40), CONTEXT),
        kms.rotate_subject_key(ALICE),
        kms.destroy(ALICE),
        kms.describe(ALICE),
    ):
        with pytest.raises(NotFoundError):
            await call


async def test_replace_closes_what_was_wrapped_before_and_never_uses_a_number_twice(kms: Kms) -> None:
    await kms.create_subject_key(ALICE)
    assert await kms.rotate_subject_key(ALICE) == 2
    old = await kms.wrap(ALICE, SECRET, CONTEXT)
    assert await kms.replace_subject_key(ALICE) == 3
    assert await kms.describe(ALICE) == KeyDescription(KeyState.LIVE, 3, (3,))
    with pytest.raises(ObjectCorruptError):
        await kms.unwrap(ALICE, old, CONTEXT)
    assert await kms.unwrap(ALICE, await kms.wrap(ALICE, SECRET, CONTEXT), CONTEXT) == SECRET
    assert await kms.replace_subject_key(ALICE) == 4
    assert await kms.rotate_subject_key(ALICE) == 5


async def test_calls_at_once_each_get_their_own_answer(kms: Kms) -> None:
    await kms.create_subject_key(ALICE)
    secrets = [bytes([number]) * 32 for number in range(12)]
    wrapped = await asyncio.gather(*(kms.wrap(ALICE, secret, CONTEXT) for secret in secrets))
    assert await asyncio.gather(*(kms.unwrap(ALICE, each, CONTEXT) for each in wrapped)) == secrets
    made = await asyncio.gather(*(kms.create_subject_key(BOB) for _ in range(3)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in made) == ["ConflictError", "ConflictError", "NoneType"]
