"""``consentry trust-root``: whom to believe, written and signed; a log root changes hands by versions."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from consentry.cli import values
from consentry.cli.options import keep_to_oneself
from consentry.cli.output import AsJson, answer
from consentry.config import load_settings
from consentry.core.codes import DAY
from consentry.crypto.ed25519 import Ed25519Key
from consentry.errors import InvalidInputError
from consentry.evidence import log_root as log_roots
from consentry.evidence.log_root import LogRoot
from consentry.evidence.note import VerifierKey
from consentry.evidence.trust import LogRootPin, TrustedBlock, TrustRoot
from consentry.evidence.validator_trail import Anchor
from consentry.evidence.witnesses import WitnessPolicy
from consentry.ledger.besu.files import EPOCH_BLOCKS
from consentry.ledger.engines import load_profile
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.witness.gateway_log import followed_log

app = typer.Typer(help="Whom to believe: new, log-root, next, sign, key.", no_args_is_help=True)
ManifestFile = Annotated[Path, typer.Option("--manifest", help="deployment manifest")]
Out = Annotated[Path, typer.Option("--out", help="file to write")]
RootKeys = Annotated[
    list[Path] | None, typer.Option("--root-key", help="file of a root key that signs, mode 0600; made if missing")
]
PublicKeys = Annotated[
    list[str] | None, typer.Option("--root-public", help="public part of a root key that others hold, 32 bytes")
]
Days = Annotated[int, typer.Option("--days", min=1, help="days from now on in which cosignatures count")]
_ROOT_KEY_SIZE = 32


@app.command()
def new(
    *,
    manifest: ManifestFile,
    out: Out,
    log_root: Annotated[Path | None, typer.Option("--log-root", help="log root, signed by its own keys")] = None,
    pin: Annotated[bool, typer.Option("--pin", help="names the log root by its digest, and does not hold it")] = False,
    block: Annotated[
        list[str] | None, typer.Option("--block", help="block believed to be final: NUMBER:HASH; repeatable")
    ] = None,
    validators: Annotated[
        str, typer.Option("--validators-from", help="block from which validators are followed (QBFT): NUMBER:HASH")
    ] = "",
    epoch_length: Annotated[int, typer.Option("--epoch-length", min=1, help="blocks of a QBFT epoch")] = EPOCH_BLOCKS,
    engine: Annotated[str, typer.Option("--engine", help="engine of the chain; setting engine if not given")] = "",
    as_json: AsJson = False,
) -> None:
    """Writes a trust root: chain, contracts, and whom to believe about its blocks and its log."""
    values.check_target(out)
    deployment, root = Manifest.read(manifest).identity, _read(log_root) if log_root else None
    if root is not None:
        log_roots.verify_root(root)
    made = TrustRoot(
        chain_id=deployment.chain_id,
        genesis_hash=deployment.genesis_hash,
        header_form=load_profile(engine or load_settings().engine).header_form,
        contracts=tuple(sorted(deployment.contracts)),
        checkpoints=tuple(TrustedBlock(*_block(text)) for text in block or ()),
        qbft_anchor=Anchor(*_block(validators), epoch_length) if validators else None,
        log_root=LogRootPin.of(root) if root and pin else root,
    )
    # Read again as its readers will: what nobody could use is not written.
    written = TrustRoot.from_json(made.to_json()).to_json()
    values.write(out, written)
    answer({"file": str(out), "believes": _believed(made)}, as_json=as_json)


@app.command("log-root")
def log_root(
    *,
    manifest: ManifestFile,
    out: Out,
    log: Annotated[list[str], typer.Option("--log", help="verifier key of the log; repeatable while it changes keys")],
    witness: Annotated[list[str], typer.Option("--witness", help="verifier key of a witness; repeatable")],
    threshold: Annotated[int, typer.Option("--threshold", help="how many witnesses must cosign; more than half")],
    days: Days = 365,
    root_key: RootKeys = None,
    root_public: PublicKeys = None,
    root_threshold: Annotated[
        int | None, typer.Option("--root-threshold", help="how many root keys must sign; more than half if not given")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Writes version 1 of a log root, signed with the root keys that are here."""
    keep_to_oneself()
    values.check_target(out)
    followed, now = followed_log(Manifest.read(manifest)), int(time.time())
    keys, held = [VerifierKey.parse(text) for text in log], _held(root_key)
    policy = WitnessPolicy(
        origin=keys[0].name,
        log_keys=tuple(keys),
        witnesses=tuple(VerifierKey.parse(text) for text in witness),
        threshold=threshold,
        valid_from=now,
        valid_until=now + days * DAY,
    )
    public = {key.public for key in held} | set(_public(root_public))
    made = LogRoot(
        version=1,
        chain_id=followed.chain_id,
        genesis_hash=followed.genesis_hash,
        contracts=followed.contracts,
        policy=policy,
        root_keys=tuple(sorted(public)),
        root_threshold=_majority(public) if root_threshold is None else root_threshold,
    )
    _tell(out, _signed(made, held), None, as_json=as_json)


@app.command("next")
def next_(
    *,
    file: Annotated[Path, typer.Argument(help="the version in force")],
    out: Out,
    add_witness: Annotated[list[str] | None, typer.Option("--add-witness", help="verifier key; repeatable")] = None,
    remove_witness: Annotated[list[str] | None, typer.Option("--remove-witness", help="its name; repeatable")] = None,
    add_log: Annotated[list[str] | None, typer.Option("--add-log", help="verifier key of the log")] = None,
    remove_log: Annotated[list[str] | None, typer.Option("--remove-log", help="verifier key of the log")] = None,
    threshold: Annotated[int | None, typer.Option("--threshold", help="another number of witnesses")] = None,
    days: Days = 365,
    root_key: RootKeys = None,
    root_public: PublicKeys = None,
    remove_root: Annotated[
        list[str] | None, typer.Option("--remove-root", help="public part of a root key that leaves; repeatable")
    ] = None,
    root_threshold: Annotated[
        int | None, typer.Option("--root-threshold", help="another number of root keys; as before, or more than half")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Writes the next version: witnesses, log keys and root keys come and go; root keys of both versions must sign."""
    keep_to_oneself()
    values.check_target(out)
    before, held, now = _read(file), _held(root_key), int(time.time())
    policy, leaving = before.policy, set(_public(remove_root))
    _must_be(leaving, set(before.root_keys), "root key")
    root_keys = {*before.root_keys, *_public(root_public)} - leaving
    if root_threshold is None:
        # Keys that come in must not make of what was more than half of them half or less.
        root_threshold = max(before.root_threshold, 0 if root_keys == {*before.root_keys} else _majority(root_keys))
    made = replace(
        before,
        version=before.version + 1,
        policy=replace(
            policy,
            log_keys=_changed(policy.log_keys, add_log, remove_log, str),
            witnesses=_changed(policy.witnesses, add_witness, remove_witness, lambda key: key.name),
            threshold=policy.threshold if threshold is None else threshold,
            valid_from=max(now, policy.valid_from),
            valid_until=max(now, policy.valid_from) + days * DAY,
        ),
        root_keys=tuple(sorted(root_keys)),
        root_threshold=root_threshold,
        signatures=(),
    )
    _tell(out, _signed(made, held), before, as_json=as_json)


@app.command()
def sign(
    *,
    file: Annotated[Path, typer.Argument(help="log root to sign; it is written again")],
    root_key: RootKeys = None,
    before: Annotated[
        Path | None, typer.Option("--before", help="the version before it, unless it is the first")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Adds the signature of a root key that is held here; it is shown what is signed."""
    keep_to_oneself()
    earlier = _read(before) if before else None
    _tell(file, _signed(_read(file), _held(root_key)), earlier, as_json=as_json)


@app.command()
def key(
    *,
    file: Annotated[Path, typer.Option("--key", help="key file, mode 0600; made if missing; for log roots alone")],
    as_json: AsJson = False,
) -> None:
    """Shows the public part of a root key, which is made if it is not there."""
    keep_to_oneself()
    answer({"public": "0x" + Ed25519Key(load_or_create_key(file)).public.hex()}, as_json=as_json)


def _tell(file: Path, root: LogRoot, before: LogRoot | None, *, as_json: bool) -> None:
    """Writes a version, and says how many signatures it lacks; one that nobody could follow is not written."""
    signed = {key for key, _ in root.signatures}
    lacking = max(0, root.root_threshold - len(signed & set(root.root_keys)))
    if before is not None:
        lacking = max(lacking, before.root_threshold - len(signed & set(before.root_keys)))
    if not lacking and before is not None:
        log_roots.verify_next(before, root)
    elif not lacking and root.version == 1:
        log_roots.verify_root(root)
    values.write(file, root.to_json())
    policy = root.policy
    told = {"file": str(file), "version": root.version, "origin": policy.origin, "threshold": policy.threshold}
    answer({**told, "witnesses": [key.name for key in policy.witnesses], "lacking": lacking}, as_json=as_json)


def _read(file: Path) -> LogRoot:
    return LogRoot.from_json(values.content_of(file))


def _held(files: Iterable[Path] | None) -> list[Ed25519Key]:
    return [Ed25519Key(load_or_create_key(file)) for file in files or ()]


def _public(texts: Iterable[str] | None) -> list[bytes]:
    return [values.hexadecimal("root key", text, _ROOT_KEY_SIZE) for text in texts or ()]


def _majority(keys: Collection[bytes]) -> int:
    return len(keys) // 2 + 1


def _signed(root: LogRoot, held: Iterable[Ed25519Key]) -> LogRoot:
    for key in held:
        root = root.sign(key)
    return root


def _changed(
    keys: Sequence[VerifierKey],
    add: Iterable[str] | None,
    remove: Iterable[str] | None,
    name: Callable[[VerifierKey], str],
) -> tuple[VerifierKey, ...]:
    """Gives a list of keys without those that leave, and with those that come."""
    leaving = set(remove or ())
    _must_be(leaving, {name(key) for key in keys}, "key")
    return (*(key for key in keys if name(key) not in leaving), *(VerifierKey.parse(text) for text in add or ()))


def _must_be(leaving: set[Any], known: set[Any], what: str) -> None:
    unknown = leaving - known
    if unknown:
        told = sorted(each.hex() if isinstance(each, bytes) else each for each in unknown)
        raise InvalidInputError(f"{what} does not match (got {told!r:.200}, expected one of the version in force)")


def _block(text: str) -> tuple[int, bytes]:
    number, _, digest = text.partition(":")
    if not (number.isascii() and number.isdecimal()):
        raise InvalidInputError(f"block does not match (got {text!r:.80}, expected NUMBER:HASH)")
    return int(number), values.hexadecimal("hash of the block", digest, 32)


def _believed(trust: TrustRoot) -> list[str]:
    """Says in words whom a trust root believes."""
    told = [f"block {block.number}" for block in trust.checkpoints]
    if trust.qbft_anchor is not None:
        told.append(f"validators followed from block {trust.qbft_anchor.number}")
    if isinstance(trust.log_root, LogRoot):
        policy = trust.log_root.policy
        told.append(f"{policy.threshold} of {len(policy.witnesses)} witnesses of {policy.origin}")
    elif trust.log_root is not None:
        told.append(f"version {trust.log_root.version} of a log root that is kept beside it")
    return told
