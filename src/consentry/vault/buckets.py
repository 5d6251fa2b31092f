"""S3 buckets: how one is reached, and plain contents in one, each of which is replaced as a whole.

A put to S3 is whole or not at all, and is there for every read that begins after it. This module and
`vault.objects` are the only ones that know `obstore`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import ObjectStore as Backend
from obstore.store import from_url

from consentry.errors import ConfigurationError, ConflictError, ObjectMissingError, VaultUnavailableError

_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 300
"""The copy of 5 GiB inside a bucket is one call."""
_TRIES_SECONDS = 20
_CONTENT_SECONDS = 10
"""A plain content is small, and whoever waits for one may have to let others wait."""


@dataclass(frozen=True, slots=True)
class S3Access:
    """How an S3 bucket is reached, as far as the environment shall not say it (``AWS_…``); empty means not given."""

    endpoint: str = ""
    region: str = ""
    key_id: str = ""
    secret: str = field(default="", repr=False)

    def config(self) -> dict[str, str]:
        """Gives what was given, by the names of `obstore`."""
        named = {
            "endpoint": self.endpoint,
            "region": self.region,
            "access_key_id": self.key_id,
            "secret_access_key": self.secret,
        }
        return {name: value for name, value in named.items() if value}


def open_bucket(url: str, access: S3Access, answer_seconds: int = _ANSWER_SECONDS) -> Backend:
    """Gives a bucket, or what stands in one below a prefix; nothing is asked of its server yet.

    Args:
        url: ``s3://bucket/prefix``.
        access: how it is reached.
        answer_seconds: how long one answer may take.

    Raises:
        ConfigurationError: the URL or what is given with it cannot be used.
    """
    # A conditional multipart copy is what makes the move from incoming/ put-if-absent on S3.
    config: Any = {"copy_if_not_exists": "multipart", **access.config()}
    client: Any = {
        "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
        "timeout": timedelta(seconds=answer_seconds),
    }
    if access.endpoint:
        client["allow_http"] = access.endpoint.startswith("http:")
    retries: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=_TRIES_SECONDS)}
    try:
        return from_url(url, config=config, client_options=client, retry_config=retries)
    except (BaseError, ValueError) as error:
        # Without the cause: it may show what was given.
        raise ConfigurationError(f"object store cannot be used ({type(error).__name__})") from None


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turns what the library raises into errors of the vault.

    Raises:
        ObjectMissingError: there is nothing of that name.
        ConflictError: there is something, or another than was expected.
        VaultUnavailableError: the store does not answer, or refuses; ``details["refused"]`` says which.
    """
    try:
        yield
    except FileNotFoundError:
        raise ObjectMissingError(f"object {name} is missing") from None
    except AlreadyExistsError:
        raise ConflictError(f"object {name} does not match (got present, expected absent)") from None
    except PreconditionError:
        raise ConflictError(f"object {name} does not match (got another, expected what was read before)") from None
    except (BaseError, OSError) as error:
        refused = isinstance(error, PermissionDeniedError | UnauthenticatedError)
        raise VaultUnavailableError(
            f"object store cannot serve {name} ({type(error).__name__})", refused=refused
        ) from error


@contextmanager
def _taken(name: str) -> Iterator[None]:
    """As `translated`, for what is put: what is missing then is the bucket."""
    try:
        with translated(name):
            yield
    except ObjectMissingError:
        raise VaultUnavailableError(
            f"object store cannot serve {name} (there is no such bucket)", refused=True
        ) from None


class BucketContents:
    """Contents of a bucket by name. Nothing here is asynchronous: callers have threads of their own for it.

    Every method raises `VaultUnavailableError` where the server does not answer, or refuses.
    """

    def __init__(self, url: str, access: S3Access) -> None:
        """Takes a bucket with a prefix; errors as of `open_bucket`."""
        self._backend = open_bucket(url, access, _CONTENT_SECONDS)

    def read(self, name: str) -> tuple[bytes, str] | None:
        """Gives a content with its mark, by which `swap` knows it again; none if there is nothing of that name."""
        try:
            with translated(name):
                found = obstore.get(self._backend, name)
                return bytes(found.bytes()), found.meta["e_tag"] or ""
        except ObjectMissingError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Puts a content in place of whatever has the name."""
        with _taken(name):
            obstore.put(self._backend, name, content, use_multipart=False)

    def swap(self, name: str, content: bytes, mark: str | None) -> str:
        """Puts a content in place of the one with a mark, or where there is none yet; gives its mark.

        Raises:
            ConflictError: somebody else put another there meanwhile, which stays.
        """
        with _taken(name):
            put = obstore.put(
                self._backend, name, content, use_multipart=False, mode={"e_tag": mark} if mark else "create"
            )
        return put["e_tag"] or ""

    def remove(self, name: str) -> None:
        """Removes a content; removing what is not there changes nothing."""
        with translated(name):
            obstore.delete(self._backend, name)
