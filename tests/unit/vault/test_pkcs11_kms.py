"""Keys in a token: their values stay inside, a destroyed one stays destroyed, another login finds all as it was."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, ObjectClass

from consentry.errors import ConfigurationError, InvalidInputError, KeyDestroyedError, VaultUnavailableError
from consentry.vault.kms import KeyState
from consentry.vault.pkcs11_kms import Pkcs11Kms, Token, _bury
from tests.support.soft_hsm import LABEL, PIN, SoftHsm

ALICE, CONTEXT, SECRET = b"\x0a" * 32, b"object 7", bytes(range(64))


@pytest.fixture
def token(soft_hsm: SoftHsm) -> Token:
    return soft_hsm.empty_token()


def objects_of(token: Token, kind: ObjectClass) -> list[pkcs11.Object]:
    session = pkcs11.lib(str(token.module)).get_token(token_label=LABEL).open()
    return list(session.get_objects({Attribute.CLASS: kind}))


async def test_value_of_a_key_is_given_to_nobody(token: Token) -> None:
    kms = await Pkcs11Kms.open(token)
    await kms.create_subject_key(ALICE)
    [key] = objects_of(token, ObjectClass.SECRET_KEY)
    assert (key[Attribute.SENSITIVE], key[Attribute.EXTRACTABLE], key[Attribute.MODIFIABLE]) == (True, False, False)
    assert (key[Attribute.NEVER_EXTRACTABLE], key[Attribute.ALWAYS_SENSITIVE]) == (True, True)
    with pytest.raises(pkcs11.AttributeSensitive):
        _ = key[Attribute.VALUE]
    with pytest.raises(pkcs11.PKCS11Error):
        key[Attribute.EXTRACTABLE] = True
    await kms.close()


async def test_another_login_opens_what_was_wrapped_and_knows_what_was_destroyed(token: Token) -> None:
    first = await Pkcs11Kms.open(token)
    await first.create_subject_key(ALICE)
    wrapped = await first.wrap(ALICE, SECRET, CONTEXT)
    await first.close()

    second = await Pkcs11Kms.open(token)
    assert await second.unwrap(ALICE, wrapped, CONTEXT) == SECRET
    await second.destroy(ALICE)
    await second.close()

    third = await Pkcs11Kms.open(token)
    assert (await third.describe(ALICE)).state == KeyState.DESTROYED
    with pytest.raises(KeyDestroyedError):
        await third.create_subject_key(ALICE)
    assert objects_of(token, ObjectClass.SECRET_KEY) == []
    await third.close()


async def test_destruction_in_another_process_is_found_out_though_the_handle_was_kept(token: Token) -> None:
    here, there = await Pkcs11Kms.open(token), await Pkcs11Kms.open(token)
    await here.create_subject_key(ALICE)
    wrapped = await here.wrap(ALICE, SECRET, CONTEXT)
    await there.destroy(ALICE)
    with pytest.raises(KeyDestroyedError):
        await here.unwrap(ALICE, wrapped, CONTEXT)
    await here.close()
    await there.close()


async def test_destruction_that_was_cut_off_after_the_tombstone_is_ended_by_the_next_call(token: Token) -> None:
    kms = await Pkcs11Kms.open(token)
    await kms.create_subject_key(ALICE)
    wrapped = await kms.wrap(ALICE, SECRET, CONTEXT)
    session = pkcs11.lib(str(token.module)).get_token(token_label=LABEL).open(rw=True)
    _bury(session, ALICE)
    restarted = await Pkcs11Kms.open(token)
    with pytest.raises(KeyDestroyedError):
        await restarted.unwrap(ALICE, wrapped, CONTEXT)
    await restarted.destroy(ALICE)
    assert objects_of(token, ObjectClass.SECRET_KEY) == []
    await restarted.close()
    await kms.close()


async def test_after_the_session_was_lost_the_next_call_logs_in_again(token: Token) -> None:
    kms = await Pkcs11Kms.open(token)
    await kms.create_subject_key(ALICE)
    wrapped = await kms.wrap(ALICE, SECRET, CONTEXT)
    assert kms._session is not None
    kms._session.close()
    kms._forget_session()
    assert await kms.unwrap(ALICE, wrapped, CONTEXT) == SECRET
    await kms.close()


async def test_wrong_pin_and_unknown_token_and_module_are_refused(token: Token, tmp_path: Path) -> None:
    wrong = (
        replace(token, pin=lambda: PIN + "9"),
        replace(token, label="another"),
        replace(token, module=tmp_path / "no-module.so"),
    )
    for each in wrong:
        with pytest.raises(ConfigurationError) as raised:
            await Pkcs11Kms.open(each)
        assert PIN not in str(raised.value)


@pytest.mark.parametrize("subject", [b"", bytes(65)])
async def test_reference_of_a_wrong_length_is_refused(token: Token, subject: bytes) -> None:
    kms = await Pkcs11Kms.open(token)
    with pytest.raises(InvalidInputError):
        await kms.create_subject_key(subject)
    await kms.close()


async def test_token_that_is_taken_out_is_not_taken_for_an_empty_one(soft_hsm: SoftHsm, tmp_path: Path) -> None:
    kms, elsewhere = await Pkcs11Kms.open(soft_hsm.empty_token()), tmp_path / "taken-out"
    await kms.create_subject_key(ALICE)
    wrapped = await kms.wrap(ALICE, SECRET, CONTEXT)
    soft_hsm.folder.rename(elsewhere)
    for blank in (False, True):
        if blank:
            soft_hsm.put_in_blank()
        # The first call finds out; the second one has logged in anew, or tried to.
        for _ in range(2):
            with pytest.raises(VaultUnavailableError):
                await kms.replace_subject_key(ALICE)
            with pytest.raises(VaultUnavailableError):
                await kms.destroy(ALICE)
    shutil.rmtree(soft_hsm.folder)
    elsewhere.rename(soft_hsm.folder)
    assert await kms.unwrap(ALICE, wrapped, CONTEXT) == SECRET
    await kms.close()
