"""A `Kms` in a token that speaks PKCS#11: a hardware security module, or SoftHSM.

A subject has one AES-256 key a version, as token objects that are sensitive and not extractable: wrapping and
unwrapping (AES-GCM, the context authenticated) happen inside, and no call of the interface gives a key's value out.

::

    secret key   id = subject reference   label = consentry/key/<version>
    data         label = consentry/destroyed/<subject reference>   the tombstone, written before any key is destroyed
    data         label = consentry/present   there from the first login on

A token that is taken out may go on answering that it holds nothing, as SoftHSM does. To believe it would be to take
every key for destroyed: so a key that is not found counts as missing only if ``present`` is found.

PKCS#11 sessions are not made for threads, so one thread does everything, in order. Handles are kept, because a token
searches all its objects; one that another process destroyed is found out and looked up again.

Limit: one process changes the keys of a token. Two that create the key of one subject at the same moment may both
succeed, and the versions of both are then under one number.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, cast

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass, SecretKey, Session
from pkcs11 import exceptions as said

from consentry.crypto.framing import length_prefixed
from consentry.errors import (
    ConfigurationError,
    ConflictError,
    KeyDestroyedError,
    NotFoundError,
    ObjectCorruptError,
    VaultUnavailableError,
)
from consentry.vault.kms import KeyDescription, KeyState, check_context, check_subject

_KEY: Final = "consentry/key/"
_TOMBSTONE: Final = "consentry/destroyed/"
_PRESENT: Final = "consentry/present"
_WRAP_LABEL: Final = b"consentry/pkcs11-wrap/v1"
_VERSION_SIZE: Final = 4
_NONCE_SIZE: Final = 12
_TAG_SIZE: Final = 16
_CACHED_SUBJECTS: Final = 65_536
_USES: Final = {
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.MODIFIABLE: False,
    Attribute.ENCRYPT: True,
    Attribute.DECRYPT: True,
    Attribute.WRAP: False,
    Attribute.UNWRAP: False,
    Attribute.SIGN: False,
    Attribute.VERIFY: False,
    Attribute.DERIVE: False,
}
_GONE: Final = (said.KeyHandleInvalid, said.ObjectHandleInvalid)

Result = TypeVar("Result")


class _Key(Protocol):
    """What is used of a secret key; the library adds the ciphers when it looks a key up."""

    def encrypt(self, data: bytes, *, mechanism: Mechanism, mechanism_param: GCMParams) -> bytes: ...

    def decrypt(self, data: bytes, *, mechanism: Mechanism, mechanism_param: GCMParams) -> bytes: ...

    def destroy(self) -> None: ...


_Keys = dict[int, _Key]


@dataclass(frozen=True, slots=True)
class Token:
    """Which token: the module that speaks for it, its label, and where its PIN comes from, anew for every login."""

    module: Path
    label: str
    pin: Callable[[], str]


class Pkcs11Kms:
    """The key service in a token; build it with `open` and give it back with `close`."""

    def __init__(self, token: Token) -> None:
        self._token = token
        self._session: Session | None = None
        self._is_lost = False
        self._cache: dict[bytes, _Keys] = {}
        self._thread = ThreadPoolExecutor(1, "pkcs11")

    @classmethod
    async def open(cls, token: Token) -> Pkcs11Kms:
        """Logs in.

        Raises:
            ConfigurationError: there is no such module or token, or the PIN is wrong.
            VaultUnavailableError: the token does not answer.
        """
        made = cls(token)
        await made._do(made._begin)
        return made

    async def close(self) -> None:
        """Logs out."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._forget_session)
        self._thread.shutdown(wait=False)

    async def create_subject_key(self, subject_ref: bytes) -> None:
        """See `Kms.create_subject_key`."""

        def create(session: Session) -> None:
            try:
                self._keys(session, subject_ref)
            except NotFoundError:
                self._generate(session, subject_ref, 1)
                return
            raise ConflictError(f"key of subject {subject_ref.hex()} does not match (got present, expected absent)")

        await self._with(subject_ref, create)

    async def rotate_subject_key(self, subject_ref: bytes) -> int:
        """See `Kms.rotate_subject_key`."""

        def rotate(session: Session) -> int:
            return self._generate(session, subject_ref, max(self._keys(session, subject_ref)) + 1)

        return await self._with(subject_ref, rotate)

    async def wrap(self, subject_ref: bytes, plaintext: bytes, context: bytes) -> bytes:
        """See `Kms.wrap`."""
        check_context(context)

        def wrap(session: Session) -> bytes:
            keys = self._keys(session, subject_ref)
            version, nonce = max(keys), os.urandom(_NONCE_SIZE)
            bound = _bound(subject_ref, version, context, nonce)
            sealed = keys[version].encrypt(plaintext, mechanism=Mechanism.AES_GCM, mechanism_param=bound)
            return version.to_bytes(_VERSION_SIZE, "big") + nonce + bytes(sealed)

        return await self._with(subject_ref, wrap)

    async def unwrap(self, subject_ref: bytes, wrapped: bytes, context: bytes) -> bytes:
        """See `Kms.unwrap`."""
        check_context(context)
        version = int.from_bytes(wrapped[:_VERSION_SIZE], "big")
        nonce, sealed = wrapped[_VERSION_SIZE:][:_NONCE_SIZE], wrapped[_VERSION_SIZE + _NONCE_SIZE :]

        def unwrap(session: Session) -> bytes:
            keys = self._keys(session, subject_ref)
            if version not in keys or len(sealed) < _TAG_SIZE:
                self._cache.pop(subject_ref, None)  # another process may have added the version
                keys = self._keys(session, subject_ref)
            if version not in keys or len(sealed) < _TAG_SIZE:
                raise ObjectCorruptError("wrapped secret does not match the versions of its subject key")
            return _opened(keys[version], sealed, _bound(subject_ref, version, context, nonce))

        return await self._with(subject_ref, unwrap)

    async def rewrap(self, subject_ref: bytes, wrapped: bytes, context: bytes, new_context: bytes) -> bytes:
        """See `Kms.rewrap`. The secret passes through this process: a token cannot bind it to another context."""
        return await self.wrap(subject_ref, await self.unwrap(subject_ref, wrapped, context), new_context)

    async def replace_subject_key(self, subject_ref: bytes) -> int:
        """See `Kms.replace_subject_key`."""

        def replace(session: Session) -> int:
            old = self._keys(session, subject_ref)
            # The new one first: a crash in between leaves a number that is taken, and what is called again ends it.
            version = self._generate(session, subject_ref, max(old) + 1)
            _destroy(old)
            return version

        return await self._with(subject_ref, replace)

    async def destroy(self, subject_ref: bytes) -> None:
        """See `Kms.destroy`."""

        def destroy(session: Session) -> None:
            keys = _stored(session, subject_ref)
            if not _is_destroyed(session, subject_ref):
                if not keys:
                    raise _no_key(session, subject_ref)
                _bury(session, subject_ref)
            _destroy(keys)
            self._cache.pop(subject_ref, None)

        await self._with(subject_ref, destroy)

    async def describe(self, subject_ref: bytes) -> KeyDescription:
        """See `Kms.describe`."""

        def describe(session: Session) -> KeyDescription:
            self._cache.pop(subject_ref, None)
            try:
                keys = self._keys(session, subject_ref)
            except KeyDestroyedError:
                return KeyDescription(KeyState.DESTROYED, 0, ())
            return KeyDescription(KeyState.LIVE, max(keys), tuple(sorted(keys)))

        return await self._with(subject_ref, describe)

    async def _with(self, subject_ref: bytes, action: Callable[[Session], Result]) -> Result:
        check_subject(subject_ref)

        def run() -> Result:
            try:
                return action(self._logged_in())
            except _GONE:
                self._cache.pop(subject_ref, None)
                return action(self._logged_in())

        return await self._do(run)

    async def _do(self, action: Callable[[], Result]) -> Result:
        def run() -> Result:
            try:
                return action()
            except pkcs11.PKCS11Error as error:
                # The next call logs in anew: the token may have been taken out, or its server have restarted.
                self._forget_session()
                raise VaultUnavailableError(f"token cannot serve ({type(error).__name__})") from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def _begin(self) -> None:
        session = self._logged_in()
        if not _is_there(session, _PRESENT):
            _leave(session, _PRESENT)

    def _logged_in(self) -> Session:
        if self._session is None:
            log_in = _log_in_again if self._is_lost else _log_in
            self._session, self._is_lost = log_in(self._token), False
        return self._session

    def _forget_session(self) -> None:
        session, self._session, self._is_lost = self._session, None, True
        self._cache.clear()
        if session is not None:
            try:
                session.close()
            except pkcs11.PKCS11Error:
                return

    def _keys(self, session: Session, subject_ref: bytes) -> _Keys:
        """Gives the versions of a subject's key, at least one."""
        known = self._cache.get(subject_ref)
        if known:
            return known
        if _is_destroyed(session, subject_ref):
            raise KeyDestroyedError(f"key of subject {subject_ref.hex()} was destroyed")
        found = _stored(session, subject_ref)
        if not found:
            raise _no_key(session, subject_ref)
        if len(self._cache) >= _CACHED_SUBJECTS:
            self._cache.clear()
        self._cache[subject_ref] = found
        return found

    def _generate(self, session: Session, subject_ref: bytes, version: int) -> int:
        self._cache.pop(subject_ref, None)
        label = f"{_KEY}{version}"
        session.generate_key(KeyType.AES, 256, id=subject_ref, label=label, store=True, template=_USES)
        return version


def _log_in(token: Token) -> Session:
    try:
        slot = pkcs11.lib(str(token.module)).get_token(token_label=token.label)
        try:
            return slot.open(rw=True, user_pin=token.pin())
        except said.UserAlreadyLoggedIn:
            # A login is the whole process's.
            return slot.open(rw=True)
    except (said.PinIncorrect, said.PinInvalid, said.PinLenRange, said.PinLocked):
        raise ConfigurationError(f"PIN of token {token.label} does not match, or is locked") from None
    except (said.NoSuchToken, said.MultipleTokensReturned, RuntimeError, OSError) as error:
        raise ConfigurationError(f"token {token.label} does not match (got {type(error).__name__})") from error


def _log_in_again(token: Token) -> Session:
    """Logs in to a token that did not serve: the module looks anew at which ones there are."""
    try:
        pkcs11.lib(str(token.module)).reinitialize()
        return _log_in(token)
    except ConfigurationError as error:
        raise VaultUnavailableError(f"token cannot serve ({error})") from error


def _stored(session: Session, subject_ref: bytes) -> _Keys:
    wanted: dict[Attribute, Any] = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.ID: subject_ref}
    found = {}
    for key in session.get_objects(wanted):
        if isinstance(key, SecretKey) and str(key.label).startswith(_KEY):
            found[int(str(key.label).removeprefix(_KEY))] = cast("_Key", key)
    return found


def _destroy(keys: _Keys) -> None:
    for key in keys.values():
        try:
            key.destroy()
        except _GONE:
            continue


def _is_destroyed(session: Session, subject_ref: bytes) -> bool:
    return _is_there(session, _TOMBSTONE + subject_ref.hex())


def _bury(session: Session, subject_ref: bytes) -> None:
    _leave(session, _TOMBSTONE + subject_ref.hex())


def _is_there(session: Session, label: str) -> bool:
    return any(True for _ in session.get_objects({Attribute.CLASS: ObjectClass.DATA, Attribute.LABEL: label}))


def _leave(session: Session, label: str) -> None:
    session.create_object(
        {
            Attribute.CLASS: ObjectClass.DATA,
            Attribute.TOKEN: True,
            Attribute.PRIVATE: True,
            Attribute.MODIFIABLE: False,
            Attribute.LABEL: label,
            Attribute.VALUE: label.encode(),
        }
    )


def _bound(subject_ref: bytes, version: int, context: bytes, nonce: bytes) -> GCMParams:
    associated = length_prefixed(_WRAP_LABEL, subject_ref, version.to_bytes(_VERSION_SIZE, "big"), context)
    return GCMParams(nonce=nonce, aad=associated, tag_bits=_TAG_SIZE * 8)


def _opened(key: _Key, sealed: bytes, bound: GCMParams) -> bytes:
    try:
        return bytes(key.decrypt(sealed, mechanism=Mechanism.AES_GCM, mechanism_param=bound))
    except (said.EncryptedDataInvalid, said.EncryptedDataLenRange):
        pass
    except said.GeneralError:
        # Tokens say this of a wrong tag as of a fault of their own: one that still opens what it sealed has no fault.
        other = GCMParams(nonce=os.urandom(_NONCE_SIZE), tag_bits=_TAG_SIZE * 8)
        tried = key.encrypt(b"", mechanism=Mechanism.AES_GCM, mechanism_param=other)
        key.decrypt(tried, mechanism=Mechanism.AES_GCM, mechanism_param=other)
    raise ObjectCorruptError("wrapped secret does not match its subject key and context")


def _no_key(session: Session, subject_ref: bytes) -> NotFoundError:
    """Gives the error for a key that the token does not hold.

    Raises:
        TokenNotPresent: it does not hold what is always there either.
    """
    if not _is_there(session, _PRESENT):
        raise said.TokenNotPresent
    return NotFoundError(f"key of subject {subject_ref.hex()} does not match (got none, expected one)")
