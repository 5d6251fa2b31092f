"""Options that several commands share, and how they reach a gateway."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from consentry.cli import values
from consentry.client.chain import Chain
from consentry.client.hospital import Hospital, Institution
from consentry.client.patient import Patient
from consentry.client.transport import Transport
from consentry.config import Settings, load_settings
from consentry.core.terms import Address
from consentry.crypto.signing import ACCOUNT_SIZE, SigningKey
from consentry.errors import InvalidInputError

Outcome = TypeVar("Outcome")
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="TOML file with settings")]
GatewayUrl = Annotated[str, typer.Option("--gateway", help="address of the gateway; setting gateway_url if not given")]
NodeUrl = Annotated[str, typer.Option("--node", help="own node: what the gateway answers is compared with the chain")]
ManifestFile = Annotated[
    Path | None, typer.Option("--manifest", help="deployment manifest for --node; setting manifest if not given")
]
PatientKey = Annotated[Path, typer.Option("--key", help="key file of whoever signs for the patient")]
HospitalKey = Annotated[Path, typer.Option("--key", help="key file of the institution")]
InstitutionAddress = Annotated[
    str, typer.Option("--institution", help="address of the institution; custodian of the settings, or the key's own")
]
SubjectText = Annotated[str, typer.Option("--subject", help="subject id, 32 bytes in hexadecimal")]
Command = Callable[..., None]


def option(name: str, annotation: Any, default: Any) -> inspect.Parameter:  # noqa: ANN401 - typer's own
    """Gives an option of a command."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


WHERE: Final = (
    option("gateway", GatewayUrl, ""),
    option("node", NodeUrl, ""),
    option("manifest", ManifestFile, None),
    option("settings", SettingsFile, None),
)
"""The options that say where gateway and own node are."""


def take_options(command: Command, options: Sequence[inspect.Parameter]) -> None:
    """Has typer read the options of a command here, and not from its source."""
    command.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # what typer looks at
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in options}


def reaching(command: Command) -> Command:
    """Gives a command the options ``WHERE``, in place of its ``reach``, and makes that of them."""
    options: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        options += WHERE if parameter.annotation is Reach else [parameter]

    @wraps(command)
    def reached(**given: Any) -> None:  # noqa: ANN401 - options of the command
        reach = Reach.of(*(given.pop(parameter.name) for parameter in WHERE))
        command(reach=reach, **given)

    take_options(reached, options)
    return reached


def keep_to_oneself() -> None:
    """Has every file and folder that is made from now on be private; for commands that write into a state folder."""
    os.umask(0o077)


@dataclass(frozen=True, slots=True)
class Reach:
    """A gateway, and the own node it is compared with, if there is one."""

    url: str
    origin: str
    node: str
    manifest: Path
    settings: Settings

    @classmethod
    def of(cls, gateway: str, node: str, manifest: Path | None, settings: Path | None) -> Reach:
        """Takes the options.

        Raises:
            InvalidInputError: an address is none, or a manifest stands without the node it is for.
        """
        known = load_settings(settings)
        url = gateway or known.gateway
        if manifest is not None and not node:
            raise InvalidInputError("--manifest does not match (got no --node that it is for)")
        if node:
            values.origin(node)
        return cls(url, values.origin(url), node, manifest or known.manifest_path, known)

    def as_patient(
        self, key: SigningKey, act: Callable[[Patient], Awaitable[Outcome]], *, signed_in: bool = True
    ) -> Outcome:
        """Does something as a patient."""

        async def run() -> Outcome:
            async with self._chain() as chain, _open(Transport(self.url)) as transport:
                patient = Patient(transport, key, chain)
                if signed_in:
                    await patient.sign_in()
                return await act(patient)

        return asyncio.run(run())

    def as_hospital(self, own: Institution, act: Callable[[Hospital], Awaitable[Outcome]]) -> Outcome:
        """Does something as an institution."""

        async def run() -> Outcome:
            transport = Transport(self.url, institution=own.address, key=own.key)
            async with self._chain() as chain, _open(transport):
                return await act(Hospital(transport, own, chain))

        return asyncio.run(run())

    def institution(self, key: SigningKey, address: str, release_seed: bytes = b"") -> Institution:
        """Gives an institution's secrets.

        Raises:
            InvalidInputError: nothing says which institution signs with the key.
        """
        named = address or self.settings.custodian
        if not named and len(key.signer) != ACCOUNT_SIZE:
            raise InvalidInputError("--institution is missing: the key is not an account's, so it names none")
        return Institution(values.address("institution", named) if named else Address(key.signer), key, release_seed)

    @asynccontextmanager
    async def _chain(self) -> AsyncIterator[Chain | None]:
        if not self.node:
            yield None
            return
        from consentry.cli.own_node import open_reader  # noqa: PLC0415 - web3 loads for longer than most commands take

        async with open_reader(self.node, self.settings.engine, self.manifest) as reader:
            yield reader


@asynccontextmanager
async def _open(transport: Transport) -> AsyncIterator[Transport]:
    try:
        yield transport
    finally:
        await transport.close()
