"""``consentry act``: every signed act of the life cycles, its options made from its members.

One command an act: it signs with the keys given, in the order of the act's signers. With all of them it is sent; with
fewer it is written to a file, which the others sign with ``act sign`` and somebody sends with ``act send``.
"""

from __future__ import annotations

import dataclasses
import inspect
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from consentry.cli import values
from consentry.cli.councils import AsCouncil, Gathering
from consentry.cli.keys import load_signing_key
from consentry.cli.options import (
    WHERE,
    PatientKey,
    Reach,
    SubjectText,
    option,
    reaching,
    take_options,
)
from consentry.cli.output import AsJson, answer, listing, receipt_of
from consentry.client.acts import acts_of, send_act, sign_act
from consentry.client.gateway import About
from consentry.client.patient import Patient
from consentry.core.act_table import BY_NAME, name_of
from consentry.core.codes import DAY, Category, bits
from consentry.core.exclusions import target_of_category
from consentry.core.signed_act import ActForm, SignedAct
from consentry.core.terms import Address, SubjectId
from consentry.core.typed_data import digest, members_of
from consentry.crypto.signing import SigningKey
from consentry.errors import InvalidInputError
from consentry.evidence.notation import Json, bytes_of, hex_of, read, write
from consentry.evidence.notice import moment_text

DRAWN: Final = frozenset({"nonce", "sign_before"})
"""Fields that are drawn, or set to a day from now, where they are not given."""
_FORMS: Final = {
    "address": "address, 0x and 40 hexadecimal digits",
    "bytes32": "32 bytes in hexadecimal",
    "bytes": "signer, as 'key show' gives it",
    "bool": "yes or no",
    "uint8": "number",
    "uint16": "month, YYYY-MM",
    "uint32": "number",
    "uint64": "day, YYYY-MM-DD; 'YYYY-MM-DD HH:MM:SS' in UTC; or seconds since 1970",
    "uint256": "number",
    "max_uses": "number from 1 on, or 'unlimited'",
    "target": "address of an institution, id of a group, pseudonym of a practitioner, or name of a category",
    "proposer": "address of the authority, or appointment of the guardian",
    "nonce": "number; drawn if not given",
    "sign_before": "moment until which it is taken; a day from now if not given",
}
"""How a member is written, by its name where that says more than its type."""
_ZEROS: Final = {"address": bytes(20), "bytes32": bytes(32), "bytes": b""}


def _value(form: ActForm, member: str, field: str, text: str | None) -> object:
    """Reads one member from its option."""
    kind, what = member.split(" ", maxsplit=1)[0], field.replace("_", " ")
    if text is None:
        return _missing(form, kind, field)
    if field in form.codes:
        return int(values.code(what, form.codes[field], text))
    if field in form.sets:
        return bits(*values.codes(what, form.sets[field], [text]))
    if kind == "bool":
        if text not in {"yes", "no"}:
            raise InvalidInputError(f"{what} does not match (got {text!r:.40}, expected yes or no)")
        return text == "yes"
    if kind in _ZEROS:
        value = values.hexadecimal(what, text, len(_ZEROS[kind]) or None) if kind != "bytes32" else _word(what, text)
        return Address(value) if kind == "address" else value
    return _number(kind, field, text)


def _number(kind: str, field: str, text: str) -> int:
    """Reads a number, a month, a moment, or how often."""
    what = field.replace("_", " ")
    if kind == "uint64":  # every one is a moment, and every uint16 a month
        return values.moment(what, text)
    if kind == "uint16" and "-" in text:
        return values.month(what, text)
    if field == "max_uses":
        return values.uses(text)
    return values.number(what, text, int(kind.removeprefix("uint")))


def _word(what: str, text: str) -> bytes:
    """Reads 32 bytes; an address, a small number or the name of a category stands for itself, left-padded."""
    if what == "target" and text.upper() in Category.__members__:
        return target_of_category(Category[text.upper()])
    raw = values.number(what, text, 256).to_bytes(32, "big") if text.isdecimal() else values.hexadecimal(what, text)
    if len(raw) not in {len(_ZEROS["address"]), len(_ZEROS["bytes32"])}:
        raise InvalidInputError(f"size of the {what} does not match (got {len(raw)} bytes, expected 20 or 32)")
    return raw.rjust(32, b"\0")


def _missing(form: ActForm, kind: str, field: str) -> object:
    """Gives what stands where an option was not given."""
    if field == "nonce":
        return secrets.randbits(256)
    if field == "sign_before":
        return int(time.time()) + DAY
    if field in form.optional:
        return _ZEROS.get(kind, False if kind == "bool" else 0)
    raise InvalidInputError(f"option --{field.replace('_', '-')} is missing")


def _options(struct: type[SignedAct]) -> list[inspect.Parameter]:
    """Gives the options of a command: one a member, then who signs, and what all commands have."""
    form = struct.FORM
    texts = {
        field.name: _help(form, member, field.name)
        for member, field in zip(members_of(struct), dataclasses.fields(struct), strict=True)
    }
    made = [option(name, Annotated[str | None, typer.Option(help=text)], None) for name, text in texts.items()]
    order = f"in this order: {', '.join(form.signers)}" if form.signers else "nobody signs: the key only signs in"
    keys = Annotated[list[Path] | None, typer.Option(help=f"key files, {order}")]
    out = Annotated[Path | None, typer.Option(help="file for an act that others have to sign")]
    shared = (option("key", keys, None), option("as_council", AsCouncil, None), option("out", out, None))
    return [*made, *shared, *WHERE, option("as_json", AsJson, default=False)]


def _help(form: ActForm, member: str, field: str) -> str:
    table = form.codes.get(field) or form.sets.get(field)
    if table is not None:
        return ("several of " if field in form.sets else "one of ") + ", ".join(values.names(table))
    given = field not in form.optional and field not in DRAWN
    return _FORMS.get(field, _FORMS[member.split(" ", maxsplit=1)[0]]) + ("" if given else "; may be left out")


def _command(name: str) -> Any:  # noqa: ANN401 - typer's own
    """Makes the command of an act; typer reads its options from the signature."""
    struct = BY_NAME[name]

    def run(**given: Any) -> None:  # noqa: ANN401 - options of the act
        reach = Reach.of(*(given[parameter.name] for parameter in WHERE))
        pairs = zip(members_of(struct), dataclasses.fields(struct), strict=True)
        act = struct(*(_value(struct.FORM, member, f.name, given[f.name]) for member, f in pairs))
        hands = _Hands(given["key"] or [], given["as_council"], given["out"])
        _sign_and_send(reach, _Draft(act), hands, as_json=given["as_json"])

    take_options(run, _options(struct))
    holder = typer.Typer(add_completion=False)
    holder.command(name, help=struct.FORM.help)(run)
    return typer.main.get_command(holder)


class ActGroup(TyperGroup):
    """The group: the commands below, and one for each act."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - the bases are private
        """Gives the names."""
        return [*super().list_commands(ctx), *BY_NAME]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - the bases are private
        """Gives a command."""
        return _command(cmd_name) if cmd_name in BY_NAME else super().get_command(ctx, cmd_name)


app = typer.Typer(
    cls=ActGroup, help="Signed acts of the life cycles: sign, send, list, and one command an act.", no_args_is_help=True
)
ActFile = Annotated[Path, typer.Argument(help="file of an act, from one of the commands of this group")]


@dataclasses.dataclass
class _Draft:
    """An act on its way to everybody who signs it, with what a council has gathered for the next signature."""

    act: SignedAct
    signatures: list[bytes] = dataclasses.field(default_factory=list)
    begun: Json | None = None

    @property
    def to_sign(self) -> tuple[str, ...]:
        return self.act.FORM.signers[len(self.signatures) :]


@dataclasses.dataclass(frozen=True)
class _Hands:
    """Who signs now: keys, one after another or as members of a council, and where the act goes on to."""

    keys: Sequence[Path]
    council: Path | None
    out: Path | None


def _sign_and_send(reach: Reach, draft: _Draft, hands: _Hands, *, as_json: bool) -> None:
    """Adds signatures; sends the act once all are there, writes it to a file before."""
    loaded = [load_signing_key(key, reach.origin) for key in hands.keys]
    needed, waits = draft.to_sign, hands.out is not None
    if draft.act.FORM.signers and len(loaded) > len(needed) and hands.council is None:
        raise InvalidInputError(f"number of keys does not match (got {len(loaded)}, expected {', '.join(needed)})")
    if not loaded:
        if not waits:
            raise InvalidInputError("option --key is missing")
        _write(hands.out, draft, "", as_json=as_json)
        return

    async def run(patient: Patient) -> tuple[str, Json | None]:
        missing = _sign(await patient.gateway(), draft, loaded, hands.council)
        if draft.to_sign or waits:
            return missing, None
        await patient.sign_in()
        return missing, await send_act(patient.transport, draft.act, draft.signatures)

    missing, done = reach.as_patient(loaded[0], run, signed_in=False)
    if done is None:
        _write(hands.out, draft, missing, as_json=as_json)
    else:
        name = name_of(type(draft.act))
        answer({"act": name, "actHash": done["actHash"], **receipt_of(done["anchor"])}, as_json=as_json)


def _sign(known: About, draft: _Draft, keys: Sequence[SigningKey], council: Path | None) -> str:
    """Adds what the keys sign; gives in words who of a council is still to sign, if somebody is."""
    if council is None:
        if draft.to_sign:  # else the key only signs in
            draft.signatures.extend(sign_act(known, draft.act, key) for key in keys)
        return ""
    gathering = Gathering.of(council, draft.begun)
    hashed = digest(known.domain(draft.act.FORM.contract), draft.act)
    made = [gathering.add(key, hashed) for key in keys][-1]
    draft.begun = gathering.written() if made is None else None
    if made is not None:
        draft.signatures.append(made)
    return "" if made else gathering.missing


def _write(out: Path | None, draft: _Draft, missing: str, *, as_json: bool) -> None:
    to_sign = ", ".join([*([missing] if missing else []), *draft.to_sign[1 if missing else 0 :]])
    if out is None:
        raise InvalidInputError(f"option --out is missing: signatures are to come of {to_sign}")
    values.check_target(out)
    content = {
        "kind": name_of(type(draft.act)),
        "act": write(draft.act),
        "signatures": [hex_of(signature) for signature in draft.signatures],
        **({"council": draft.begun} if draft.begun else {}),
    }
    values.write_document(out, content)
    answer({"file": str(out), "toSign": to_sign or "nobody"}, as_json=as_json)


def _read_file(file: Path) -> _Draft:
    content = values.read_document(file)
    struct = BY_NAME.get(str(content.get("kind")))
    listed = content.get("signatures")
    if struct is None or not isinstance(listed, list):
        raise InvalidInputError(f"file {file} holds no act")
    signatures = [bytes_of(signature) for signature in listed]
    return _Draft(read(struct, content.get("act")), signatures, content.get("council"))


@app.command()
@reaching
def sign(
    *,
    file: ActFile,
    key: PatientKey,
    out: Annotated[Path, typer.Option(help="where the act with the added signature goes")],
    as_council: AsCouncil = None,
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Adds the next signature to an act in a file, or a member's to that of a council."""
    _sign_and_send(reach, _read_file(file), _Hands([key], as_council, out), as_json=as_json)


@app.command()
@reaching
def send(
    *,
    file: ActFile,
    key: PatientKey,
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Sends an act that everybody signed; the key only signs in."""
    draft = _read_file(file)

    async def run(patient: Patient) -> Json:
        return await send_act(patient.transport, draft.act, draft.signatures)

    done = reach.as_patient(load_signing_key(key, reach.origin), run)
    answer({"act": name_of(type(draft.act)), "actHash": done["actHash"], **receipt_of(done["anchor"])}, as_json=as_json)


@app.command("list")
@reaching
def list_(
    *,
    key: PatientKey,
    subject: SubjectText,
    reach: Reach,
    as_json: AsJson = False,
) -> None:
    """Lists the signed acts that concern a subject: who changed what, and when."""
    wanted = SubjectId(values.hexadecimal("subject", subject, values.ID_SIZE))
    signing = load_signing_key(key, reach.origin)
    found = reach.as_patient(signing, lambda patient: acts_of(patient.transport, wanted))
    rows = [(line["kind"], moment_text(line["place"]["blockTime"]), line["actHash"]) for _, line in found]
    listing([line for _, line in found], ("act", "block time", "hash"), rows, as_json=as_json)
