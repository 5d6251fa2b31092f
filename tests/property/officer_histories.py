"""What officers and institutions do in a random history: admissions, suspensions, appointments, keys, limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Final

from consentry.core.codes import Standing, bits
from consentry.core.offices import FIRST_OFFICES, OFFICES, Role, holds
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, Address, InstitutionKeys
from consentry.crypto.signing import AccountKey
from tests.property.agreement import Agreement
from tests.support import samples
from tests.support.evm import AUDIT, PAYER, SECOND, SYSTEM

if TYPE_CHECKING:
    from tests.property.histories import History

REGIONS: Final = (440300, 440100, 110000, 310100, 0, 12, 1_000_000)
GROUPS: Final = (samples.group(PAYER.address, 1), samples.group(PAYER.address, 2))
RELEASE_KEYS: Final = (b"first release key", b"second release key")
HOUR: Final = 3600
Act = Callable[[Address], bool]


@dataclass
class OfficerHistory:
    """The part of a history that officers make; ``waiting`` holds acts that somebody proposed."""

    history: History
    waiting: list[Act] = field(default_factory=list)
    rotations: list[tuple[InstitutionKeys, AccountKey, AccountKey]] = field(default_factory=list)

    @property
    def ledger(self) -> Agreement:
        """Both ledgers."""
        return self.history.ledger

    @property
    def random(self) -> Random:
        """What is chosen."""
        return self.history.random

    def officers(self) -> list[Address]:
        """Everybody who is an officer, or might pretend to be."""
        ledger = self.ledger
        own = [ledger.province.address, ledger.deputy.address, ledger.stranger.address]
        return [PAYER.address, SECOND.address, *own, *(key.address for key in (*SYSTEM, *AUDIT))]

    def _holder(self, role: Role) -> Address:
        """Picks an officer, mostly one who holds the role."""
        roles = self.ledger.state.roles
        fit = [officer for officer in self.officers() if holds(roles.get(officer, 0), role)]
        return self.random.choice(self.officers() if self._chance(8) or not fit else fit)

    def _chance(self, percent: float) -> bool:
        return self.random.random() * 100 < percent

    def _two(self, role: Role, act: Act) -> bool:
        """Calls once or twice, mostly by two officers; tells whether the last call went through.

        Sometimes the act goes on waiting, and somebody calls again later.
        """
        if not act(self._holder(role)):
            return False
        if self._chance(12):
            self.waiting.append(act)
            return False
        return act(self._holder(role))

    def confirm(self) -> None:
        """Calls again what waits, perhaps too late, perhaps by who proposed it."""
        if self.waiting:
            act = self.waiting.pop(self.random.randrange(len(self.waiting)))
            act(self.random.choice(self.officers()))

    def admit_institution(self, *, careful: bool = False) -> None:
        """Admits an institution, sometimes one that is there or must not be."""
        history = self.history
        fresh = careful or self._chance(70)
        address = history.account().address if fresh else history.institution()
        region = REGIONS[0] if careful else self.random.choice(REGIONS)
        signer: bytes = address
        if not careful and self._chance(10):
            signer = self.random.choice([b"", address[:19], bytes(20), address + b"key", ZERO_32])
        release_key = b"" if not careful and self._chance(4) else self.random.choice(RELEASE_KEYS)
        if not careful and self._chance(3):
            address = ZERO_ADDRESS

        def act(by: Address) -> bool:
            return self.ledger.admit_institution(address, region, signer, release_key, by)

        if careful:
            act(PAYER.address)
            act(SECOND.address)
        else:
            self._two(Role.AUTHORITY, act)

    def change_standing(self) -> None:
        """Suspends or reinstates somebody; suspensions do not last, or the history would dry up."""
        now, known = self.ledger.now, self.ledger.state.institutions
        suspended = [a for a, i in known.items() if i.standing_at(now) == Standing.SUSPENDED]
        address, standing = self.history.institution(), Standing.SUSPENDED
        if suspended and self._chance(75):
            address, standing = self.random.choice(suspended), Standing.ACTIVE
        elif self._chance(30):
            standing = Standing.ACTIVE
        self._two(Role.SECURITY, lambda by: self.ledger.change_institution(address, standing, by))

    def suspend_in_emergency(self) -> None:
        """Suspends somebody at once; then nobody, the same officer or another one confirms."""
        address, by = self.history.institution(), self._holder(Role.SECURITY)
        if self.ledger.suspend_in_emergency(address, by) and self._chance(50):
            other = self._holder(Role.SECURITY)
            self.ledger.change_institution(address, Standing.SUSPENDED, other)

    def change_group(self) -> None:
        """Enters an institution into a group or takes it out."""
        kept = (*GROUPS, samples.group(self.ledger.province.address))
        group = ZERO_32 if self._chance(5) else self.random.choice(kept)
        by, member = self._holder(Role.AUTHORITY), self._chance(65)
        self.ledger.change_membership(group, self.history.institution(), by, member=member)

    def change_relay(self) -> None:
        """Makes the stranger a relay, or no longer one."""
        stranger, member = self.ledger.stranger.address, self.history.institution()
        if self._chance(50):
            self._two(Role.AUTHORITY, lambda by: self.ledger.admit_relay(stranger, member, by))
        else:
            self.ledger.remove_relay(stranger, self._holder(Role.SECURITY))

    def govern(self) -> None:
        """Does what the national authority and the administrators do now and then."""
        self.random.choice([self._change_authority, self._appoint, self._dismiss, self._limit, self._set_up])()

    def _change_authority(self) -> None:
        province = self.ledger.province.address
        address = self.random.choice([province, province, ZERO_ADDRESS, PAYER.address])
        known = self.ledger.state.authorities.get(address)
        standing = Standing.ACTIVE if known and known.standing == Standing.SUSPENDED else Standing.SUSPENDED
        if self._chance(15):
            standing = self.random.choice([Standing.ACTIVE, Standing.SUSPENDED])
        self._two(Role.NATIONAL, lambda by: self.ledger.change_authority(address, standing, by))

    def _appoint(self) -> None:
        ledger = self.ledger
        authority = self.random.choice([ledger.province.address, PAYER.address, ledger.stranger.address])
        officer = self.random.choice([*self.officers(), ZERO_ADDRESS, ledger.deputy.address])
        roles = bits(*self.random.sample([*OFFICES, 7], self.random.choice([0, 1, 1, 1, 2])))
        self._two(Role.NATIONAL, lambda by: ledger.appoint_officer(authority, officer, roles, by))

    def _dismiss(self) -> None:
        """Dismisses an officer, never of the first two, and appoints the deputy again if it was that one."""
        ledger = self.ledger
        officer = self.random.choice([ledger.deputy.address, ledger.stranger.address, AUDIT[1].address])
        self._two(Role.NATIONAL, lambda by: ledger.dismiss_officer(officer, by))
        deputy, province = ledger.deputy.address, ledger.province.address
        if self._chance(80):
            self._two(Role.NATIONAL, lambda by: ledger.appoint_officer(province, deputy, FIRST_OFFICES, by))

    def _limit(self) -> None:
        address = self.history.institution()
        daily, emergency = self.random.choice([0, 7, 2**32 - 1]), self.random.choice([0, 3, 2**16 - 1])
        self._two(Role.AUDIT, lambda by: self.ledger.limit_institution(address, daily, emergency, by))

    def _set_up(self) -> None:
        address = self.random.choice([ZERO_ADDRESS, self.history.account().address, PAYER.address])
        name, version = self.random.choice([ZERO_32, samples.word(9)]), self.random.choice([0, 2])
        if self._chance(50):
            self._two(Role.SYSTEM, lambda by: self.ledger.admit_verifier(address, by))
        else:
            self._two(Role.SYSTEM, lambda by: self.ledger.name_deployment(name, address, version, by))

    def change_keys(self) -> None:
        """Rotates the keys of an institution, repeats an earlier rotation, or has officers reset them."""
        history, ledger = self.history, self.ledger
        address, new = history.institution(), history.account()
        own = history.key_of(address)
        release_key = self.random.choice([*RELEASE_KEYS, *RELEASE_KEYS, b""])
        if self._chance(30):
            self._two(Role.SECURITY, lambda by: ledger.reset_keys(address, new.address, release_key, by))
        else:
            before = ledger.now + self.random.choice([HOUR, HOUR, HOUR, 0, 1])
            keys = InstitutionKeys(address, new.address, release_key, before)
            if self._chance(6):
                keys = replace(keys, signer=self.random.choice([b"", bytes(20)]))
            if self.rotations and self._chance(15):
                keys, own, new = self.random.choice(self.rotations)
            self.rotations.append((keys, own, new))
            signatures = [history.signature(key, "Participants", keys) for key in (own, new)]
            ledger.rotate_keys(keys, signatures[0], signatures[1], history.relay())
