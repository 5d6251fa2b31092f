"""The national ledger by commands: deployed, a province admitted, witnessed, anchored, proved, verified offline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest

from consentry.core.codes import Reason
from consentry.core.terms import Material
from consentry.crypto.signing import AccountKey, sign
from consentry.evidence.national import NationalProof
from consentry.evidence.national_checkpoint import NationalCheckpoint
from consentry.ledger import node
from consentry.ledger.keyfiles import load_or_create_key
from tests.integration.evidence.test_proved_and_audited import HOSPITAL, Chain, deployed
from tests.support.command_line import told

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ORIGIN: Final = "ledger.example.org/44"


@dataclass
class Place:
    """A province with a deployment, and the chain of the nation."""

    chain: Chain
    province: str
    nation: str
    folder: Path
    capsys: pytest.CaptureFixture[str]

    async def run(self, *words: str, status: int = 0) -> dict[str, Any]:
        """Runs a command beside this test; gives what it answers."""
        return await told(self.capsys, *words, status=status)

    async def national(self, command: str, *words: str, node_url: str = "", status: int = 0) -> dict[str, Any]:
        """Runs a command of the nation."""
        where = ("--node", node_url or self.nation, "--nation", "national.json", "--engine", "embedded")
        return await self.run("national", command, *words, *where, status=status)

    @property
    def ledger(self) -> tuple[str, ...]:
        """Options that name the province."""
        return ("--manifest", "province.json", "--origin", ORIGIN)

    async def by_two(self, command: str, *words: str) -> dict[str, Any]:
        """Has both officers do an act."""
        waits = await self.national(command, *words, "--key", "keys/national")
        assert waits["state"] == "waits for a second officer"
        return await self.national(command, *words, "--key", "keys/national-2")

    async def cosign(self, name: str, file: str, status: int = 0) -> dict[str, Any]:
        """Has a witness sign."""
        words = (file, "--state", name, "--key", f"keys/{name}", *self.ledger)
        return await self.national("cosign", *words, node_url=self.province, status=status)

    async def anchor(self, file: str, status: int = 0) -> dict[str, Any]:
        """Brings a checkpoint."""
        words = (file, "--state", "one", "--manifest", "province.json", "--key", "keys/anybody")
        return await self.national("anchor", *words, status=status)

    async def conflict(self, file: str, against: int, *words: str, status: int = 0) -> dict[str, Any]:
        """Has a conflict recorded."""
        words = (file, "--against", str(against), "--key", "keys/anybody", *self.ledger, *words)
        return await self.national("conflict", *words, status=status)

    async def decide(self, number: int) -> None:
        """Has an access decided."""
        leaf, terms, _ = await self.chain.begin(AccountKey.generate())
        assert await self.chain.ask(self.chain.request(number, leaf, terms), Material(leaf, terms)) == Reason.NONE


@pytest.fixture
async def place(
    tmp_path: Path,
    engine: Path,  # noqa: ARG001 - must be installed first
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Place]:
    """Starts both chains; the province is deployed."""
    monkeypatch.chdir(tmp_path)
    nation = await asyncio.to_thread(node.up, tmp_path / "nation", 0)
    try:
        async with deployed(tmp_path / "province") as chain:
            chain.manifest.write(tmp_path / "province.json")
            province = await asyncio.to_thread(node.status, tmp_path / "province")
            yield Place(chain, str(province.url), str(nation.url), tmp_path, capsys)
    finally:
        await asyncio.to_thread(node.down, tmp_path / "nation")


async def _evidence(place: Place) -> None:
    """Writes the bundle of the first decision and a trust root."""
    trust = await place.chain.prover.trust_root()
    bundle = await place.chain.prover.prove(HOSPITAL.address, 1, checkpoint=trust.checkpoints[0].number)
    (place.folder / "bundle.json").write_bytes(bundle.to_json())
    (place.folder / "province-root.json").write_bytes(trust.to_json())


async def _verify(place: Place, proof: str, status: int = 0) -> dict[str, Any]:
    return await place.run("verify", "bundle.json", "--trust-root", "root.json", "--national", proof, status=status)


async def test_province_is_witnessed_anchored_proved_and_its_fork_shown(place: Place) -> None:
    signers = [
        "0x" + AccountKey(load_or_create_key(place.folder / "keys" / name)).address.hex() for name in ("one", "two")
    ]
    witnesses = tuple(word for signer in signers for word in ("--witness", signer))
    await place.national("deploy", "--keys", "keys")
    await place.by_two("admit", *place.ledger, *witnesses, "--threshold", "2")
    await place.decide(1)

    await place.cosign("one", "first.json")
    assert "NationalAnchorQuorumMissing" in (await place.anchor("first.json", status=1))["detail"]
    assert (await place.cosign("two", "first.json"))["signatures"] == 2
    first = await place.anchor("first.json")
    await place.decide(2)
    await place.cosign("one", "second.json")
    await place.cosign("two", "second.json")
    second = await place.anchor("second.json")

    assert (first["conflict"], second["conflict"]) == ("none", "none")
    assert second["size"] > first["size"]
    known = await place.national("show", *place.ledger)
    assert (known["status"], known["size"], known["conflicts"]) == ("active", second["size"], 0)

    await _evidence(place)
    await place.national("trust", "province-root.json", "--out", "root.json", "--origin", ORIGIN)
    way = ("--state", "one", *place.ledger, "--trust-root", "root.json")
    await place.national("prove", "bundle.json", "--out", "proof.json", *way)
    assert "anchored by 2 witnesses" in (await _verify(place, "proof.json"))["national"]
    proof = NationalProof.from_json((place.folder / "proof.json").read_bytes())
    (place.folder / "spoilt.json").write_bytes(proof.to_json().replace(b'"index":"', b'"index":"1'))
    assert (await _verify(place, "spoilt.json", status=5))["detail"].startswith("step 20: ")

    await _check_what_convicts_nobody(place, first["size"])
    _forge(place, size=second["size"] - 1)
    found = await place.conflict("forged.json", second["size"], "--state", "one")
    assert (found["conflict"], found["status"], found["conflicts"]) == ("not-a-prefix", "forked", 1)
    assert (found["anchored"]["size"], found["contradicting"]["size"]) == (second["size"], second["size"] - 1)
    _forge(place)
    assert (await place.anchor("forged.json", status=1))["conflict"] == "two-roots"
    known = await place.national("show", *place.ledger)
    assert (known["status"], known["conflicts"]) == ("forked", 2)
    await place.by_two("resolve", *place.ledger)
    await place.by_two("witnesses", *place.ledger, "--witness", signers[0], "--threshold", "1")
    assert (await place.national("show", *place.ledger))["witnessesVersion"] == 2
    await place.by_two("close", *place.ledger)
    assert (await place.national("show", *place.ledger))["status"] == "closed"


def _forge(place: Place, **changes: Any) -> None:  # noqa: ANN401 - of any member
    """Has both witnesses sign another root, which the command never does."""
    made = NationalCheckpoint.from_json((place.folder / "second.json").read_bytes())
    checkpoint = replace(made.checkpoint, root=b"\x66" * 32, **changes)
    if changes:
        # A smaller log in no earlier block would have gone back, whatever its root.
        checkpoint = replace(checkpoint, block_number=made.checkpoint.block_number - 1)
    forged = replace(made, checkpoint=checkpoint, signatures=())
    for name in ("one", "two"):
        key = AccountKey(load_or_create_key(place.folder / "keys" / name))
        forged = forged.signed_by(key.signer, sign(key, forged.domain, forged.checkpoint))
    (place.folder / "forged.json").write_bytes(forged.to_json())


async def _check_what_convicts_nobody(place: Place, first: int) -> None:
    """Brings as conflicts what is none; each is one error, and the ledger goes on."""
    tree = ("--state", "one")
    honest = await place.conflict("second.json", first, *tree, status=1)
    assert "NationalAnchorNoConflict" in honest["detail"]
    bare = await place.conflict("second.json", first, status=1)
    assert "NationalAnchorNodesInvalid" in bare["detail"]
    unknown = await place.conflict("second.json", first + 1, status=1)
    assert unknown["detail"] == f"no checkpoint of {first + 1} entries is anchored"
    short = await place.conflict("second.json", 10**6, *tree, status=2)
    assert short["detail"].startswith("tree does not match (got ")
    made = NationalCheckpoint.from_json((place.folder / "second.json").read_bytes())
    (place.folder / "foreign.json").write_bytes(replace(made, chain_id=1).to_json())
    foreign = await place.conflict("foreign.json", first, status=3)
    assert "for another national ledger" in foreign["detail"]
    (place.folder / "few.json").write_bytes(replace(made, signatures=made.signatures[:1]).to_json())
    few = await place.conflict("few.json", first, *tree, status=1)
    assert "NationalAnchorQuorumMissing" in few["detail"]
    assert (await place.national("show", *place.ledger))["conflicts"] == 0
