"""The witnesses of the story: a regulator and a patients' association, each a process that follows the chain itself."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from consentry.core.codes import DAY
from consentry.crypto.ed25519 import Ed25519Key
from consentry.evidence.checkpoint import Cosigner, LogSigner
from consentry.evidence.log_root import LogRoot
from consentry.evidence.note import VerifierKey
from consentry.evidence.witnesses import WitnessPolicy
from consentry.ledger.embedded.durable import write_synced
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.witness.gateway_log import followed_log

WITNESSES: Final = ("regulator", "patients")
ORIGIN: Final = "hospital-a.example/log"
DAYS: Final = 3650


class LogPeople:
    """Keys of the log, its witnesses and its root, drawn at first use in the folder of the story."""

    def __init__(self, state: Path, gateway: Path) -> None:
        """Takes the folder of the story, and that of the gateway that keeps the log."""
        self._keys = state / "keys"
        self._log = gateway / "keys" / "log"
        self.root_file = state / "log-root.json"

    def key_file(self, name: str) -> Path:
        """Gives where the key of a witness is."""
        return self._keys / f"witness-{name}"

    @property
    def log_key(self) -> VerifierKey:
        """What others need to check the signatures of the log."""
        return LogSigner(ORIGIN, Ed25519Key(load_or_create_key(self._log))).verifier_key

    def witness_key(self, name: str) -> VerifierKey:
        """What others need to check the cosignatures of a witness."""
        return Cosigner(witness_name(name), Ed25519Key(load_or_create_key(self.key_file(name)))).verifier_key

    def write_root(self, manifest: Manifest) -> None:
        """Writes the log root, if there is none: both witnesses make a checkpoint final."""
        if self.root_file.exists():
            return
        log, holder, now = followed_log(manifest), Ed25519Key(load_or_create_key(self._keys / "log-root")), time.time()
        witnesses = tuple(self.witness_key(name) for name in WITNESSES)
        policy = WitnessPolicy(ORIGIN, (self.log_key,), witnesses, len(witnesses), int(now), int(now) + DAYS * DAY)
        root = LogRoot(1, log.chain_id, log.genesis_hash, log.contracts, policy, (holder.public,), 1)
        write_synced(self.root_file, root.sign(holder).to_json())

    def settings(self, urls: dict[str, str]) -> dict[str, Any]:
        """Gives the settings of the gateway that keeps the log."""
        asked = ", ".join(f"{urls[name]} {self.witness_key(name)}" for name in WITNESSES)
        return {"log_origin": ORIGIN, "log_witnesses": asked, "log_root_file": self.root_file}


def witness_name(name: str) -> str:
    """Gives the name a witness of the story signs under."""
    return f"{name}.example/witness"
