"""What authorities do: admit, suspend, reinstate, appoint. Each call is signed by the authority's own account."""

from __future__ import annotations

from typing import Any

from consentry.core.chain import ActReceipt
from consentry.core.terms import ZERO_32, Address
from consentry.errors import LedgerUnavailableError
from consentry.ledger.abi import MANAGER, artifact
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.connection import Connection
from consentry.ledger.deployment import AUTHORITY_ROLE
from consentry.ledger.manifest import Manifest


class Governance:
    """One authority's view of ``Participants``; the contract refuses what its role or region does not cover."""

    def __init__(self, connection: Connection, manifest: Manifest, authority_key: bytes) -> None:
        """Takes the authority's 32-byte private key."""
        self._account = SendingAccount(connection, authority_key)
        self._manifest = manifest

    @property
    def address(self) -> Address:
        """The authority's account."""
        return self._account.address

    async def admit_authority(self, authority: Address, region: int, profile_hash: bytes) -> ActReceipt:
        """Admits an authority for a region and gives it the role to act. Only the national authority may."""
        receipt = await self._participants("admitAuthority", authority, region, profile_hash)
        call = artifact(MANAGER).functions["grantRole"].encode_call((AUTHORITY_ROLE, authority, 0))
        await self._account.act(self._manifest.address(MANAGER), call)
        return receipt

    async def suspend_authority(self, authority: Address, reason_hash: bytes = ZERO_32) -> ActReceipt:
        """Suspends an authority; it and its relays can do nothing from then on."""
        return await self._participants("suspendAuthority", authority, reason_hash)

    async def reinstate_authority(self, authority: Address, reason_hash: bytes = ZERO_32) -> ActReceipt:
        """Reinstates a suspended authority."""
        return await self._participants("reinstateAuthority", authority, reason_hash)

    async def admit_institution(
        self, institution: Address, region: int, signer: bytes, release_key: bytes, profile_hash: bytes = ZERO_32
    ) -> ActReceipt:
        """Admits an institution with its ERC-7913 signer and its HPKE release key."""
        return await self._participants("admitInstitution", institution, region, signer, release_key, profile_hash)

    async def suspend_institution(self, institution: Address, reason_hash: bytes = ZERO_32) -> ActReceipt:
        """Suspends an institution; from the next block on all its requests are denied."""
        return await self._participants("suspendInstitution", institution, reason_hash)

    async def reinstate_institution(self, institution: Address, reason_hash: bytes = ZERO_32) -> ActReceipt:
        """Reinstates a suspended institution."""
        return await self._participants("reinstateInstitution", institution, reason_hash)

    async def admit_relay(self, relay: Address, member: Address) -> ActReceipt:
        """Lets an account submit signed acts for a member."""
        return await self._participants("admitRelay", relay, member)

    async def remove_relay(self, relay: Address) -> ActReceipt:
        """Stops an account from submitting acts."""
        return await self._participants("removeRelay", relay)

    async def change_membership(self, group: bytes, institution: Address, *, member: bool) -> ActReceipt:
        """Enters an institution into a group of this authority, whose name starts with its address, or takes it out."""
        return await self._participants("changeGroupMembership", group, institution, member)

    async def _participants(self, function: str, *values: Any) -> ActReceipt:
        target = self._manifest.address("Participants")
        mined = await self._account.act(target, artifact("Participants").functions[function].encode_call(values))
        first = next((log for log in mined.logs if log.address == target), None)
        if first is None:
            raise LedgerUnavailableError(f"{function} left no event")
        return ActReceipt(mined.place(first), mined.gas_used)
