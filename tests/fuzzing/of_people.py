"""Parsers of what people, hospitals, browsers, relays and nodes send, and of the files they hand over."""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final, cast

import pydicom.data
from eth_account import Account
from starlette.requests import Request

from consentry.api import shortcut
from consentry.api.prefer import patience_of
from consentry.api.ranges import parse_range
from consentry.api.views import parse_cursor
from consentry.client.events import read_events
from consentry.client.studies import Study, image_in, read_study
from consentry.core import events
from consentry.core.act_table import BY_NAME
from consentry.core.nesting import parse_json
from consentry.core.terms import Address, ConsentId, ConsentTerms, RecordId, RecordLeaf
from consentry.core.typed_data import members_of
from consentry.crypto import council, person_links, signing, webauthn
from consentry.crypto.random_access import RandomAccessReader
from consentry.crypto.sealing import Opener, Sealer, sealing_context
from consentry.crypto.sign_in import (
    SignedRequest,
    SignInMessage,
    body_sha256,
    content_digest,
    parse_content_digest,
    parse_signature_header,
)
from consentry.crypto.signing import Verifiers
from consentry.errors import ConsentryError
from consentry.evidence import header, trie
from consentry.evidence.keys import read_performed
from consentry.evidence.logs import log_of
from consentry.evidence.notation import bytes_of, hex_of, read, read_entry, write
from consentry.ledger import calldata
from consentry.ledger.besu.validators import decode_extra_data
from consentry.ledger.embedded.pool import decode_transaction
from consentry.ledger.embedded.questions import read_json
from consentry.ledger.events import Log, decode_log
from consentry.ledger.manifest import Manifest
from tests.fuzzing.mutators import as_json, as_lines, as_rlp, as_words, in_parts, packed, padded, unpacked
from tests.fuzzing.of_evidence import JSON_FILES, VECTORS, true_bundles
from tests.fuzzing.parser import Parser, same_bytes
from tests.support import samples
from tests.unit.ledger.test_calldata import pairs
from tests.unit.ledger.test_pool import ACCESS_LIST, CHAIN, DYNAMIC, LEGACY

_KEY: Final = bytes(range(32))
_CONTEXT: Final = sealing_context(_KEY, 1)
_MOST_ITEMS: Final = 64


def _text(content: bytes) -> str:
    """Gives text as a framework does, which puts a sign in place of what is no UTF-8."""
    return content.decode("utf-8", "replace")


@cache
def _signatures() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / "signatures" / "signatures.json").read_text(encoding="utf-8"))
    return found


@cache
def _verifiers() -> Verifiers:
    found = _signatures()
    p256, passkeys = (Address(bytes_of(found[name])) for name in ("p256Verifier", "webauthnVerifier"))
    return Verifiers(p256, passkeys, Address(b"\x0c" * 20))


def _signature(content: bytes) -> object:
    """A signer and a signature, and what only a gateway looks at in an assertion."""
    signer, signature = padded(unpacked(content), 2)[:2]
    with suppress(ConsentryError):
        webauthn.check_origin(signature, origins=frozenset({"https://a.example"}), rp_id="a.example")
    signing.verify(signer, bytes_of(_signatures()["digest"]), signature, _verifiers())
    return signer


def _seed_signatures() -> Sequence[bytes]:
    made = [packed(bytes_of(v["signer"]), bytes_of(v["signature"])) for v in _signatures()["vectors"]]
    account = samples.word(5)[:20]
    members = council.Council(2, (account, account[::-1]))
    signed = members.signature({account: bytes(65), account[::-1]: b"\1" * 65})
    return [*made, packed(_verifiers().council + members.key, signed)]


def _headers_of_requests(content: bytes) -> object:
    """Every header of ours that a stranger fills; one value for all."""
    value, found = content.decode("latin-1"), list[object]()
    found.append(parse_range(value, 1_000_000))
    found.append(patience_of(value.split("\n"), 5))
    for parse in (parse_signature_header, parse_content_digest, parse_cursor):
        try:
            found.append(parse(value))
        except ConsentryError:
            continue
    return found[2:] or parse_signature_header(value)


def _seed_headers() -> Sequence[bytes]:
    digest = body_sha256(b"body")
    request = SignedRequest(samples.HOSPITAL, "POST", "a.example", "/v1/access", digest, samples.NOW, "n" * 22)
    values = (request.header(bytes(65)), content_digest(digest), "bytes=0-99", "bytes=-5", "12-3")
    return [value.encode() for value in (*values, 'respond-async, wait=5; foo="bar"', "wait=0")]


def _message(content: bytes) -> object:
    text = _text(content)
    found = SignInMessage.parse(text)
    same_bytes(found.text().encode(), text.encode())
    return found


def _seed_messages() -> Sequence[bytes]:
    uri, nonce = "https://a.example", "n" * 16
    message = SignInMessage("a.example", samples.HOSPITAL, uri, 1337, nonce, samples.NOW, samples.NOW + 300)
    return [message.text().encode()]


def _body(content: bytes) -> object:
    """The body that is posted most, as it is read past the framework."""
    sent = Request({"type": "http", "headers": [(b"content-type", b"application/json")]})
    body = shortcut._read(sent, content)
    if body is None:
        raise ConsentryError("body does not match its schema")
    return body.request.value(), [bytes.fromhex(node[2:]) for node in (body.signature, *body.scope_proof)]


def _seed_bodies() -> Sequence[bytes]:
    documents = [json.loads(content) for content in true_bundles()]
    bodies = [
        {
            "request": d["decision"]["entry"]["request"],
            "signature": d["requestSignature"],
            "scopeProof": d["scopeProof"],
        }
        for d in documents
    ]
    return [json.dumps(body).encode() for body in bodies]


def _act(content: bytes) -> object:
    found = parse_json("act", content)
    if not isinstance(found, dict):
        raise ConsentryError("act does not match (got no object)")
    performed = read_performed(found.get("kind"), found.get("act"), ())
    return write(performed.act)


def _sample(kind: str) -> Any:  # noqa: ANN401 - as the notation has it
    if kind == "bool":
        return True
    if kind.startswith("uint"):
        return 1 if int(kind[4:]) <= 48 else "1"
    return "0x" + "11" * {"address": 20, "bytes32": 32}.get(kind, 65)


def _seed_acts() -> Sequence[bytes]:
    made = []
    for name, act in BY_NAME.items():
        members = {each.split(" ")[1]: _sample(each.split(" ")[0]) for each in members_of(act)}
        made.append(json.dumps({"kind": name, "act": members}).encode())
    return made


def _link(content: bytes) -> object:
    """What opens the commitment of a link: a stranger's hospital sends it."""
    commitment, blinding, *subjects = padded(unpacked(content), 2)
    with suppress(ConsentryError):
        person_links.verify_unlink(commitment, blinding, b"".join(subjects), _text(commitment))
    person_links.verify_link(commitment, blinding, subjects)
    return subjects


def _seed_links() -> Sequence[bytes]:
    subjects = [samples.word(n) for n in (1, 2, 3)]
    return [packed(person_links.commit_link(_KEY, subjects), _KEY, *subjects)]


def _calldata(content: bytes) -> object:
    found = calldata.submitted_in(content)
    return [] if found is None else [found[place] for place in range(min(len(found), _MOST_ITEMS))]


def _seed_calls() -> Sequence[bytes]:
    items = pairs()
    signed = [bytes([n]) * 65 for n in range(len(items))]
    one = calldata.encode_decide_batch(items, bytes(65))
    return [calldata.encode_decide(items, signed), calldata.encode_decide(items[:1], signed[:1]), one]


def _event(content: bytes) -> object:
    topics, data = padded(unpacked(content), 2)[:2]
    split = tuple(topics[at : at + 32] for at in range(0, len(topics), 32))
    place = samples.place()
    log = Log(Address(bytes(20)), split, data, 1, samples.word(1), samples.word(2), 0)
    return decode_log(log, place)


def _seed_events() -> Sequence[bytes]:
    made: list[Any] = []
    for document in (json.loads(content) for content in true_bundles()[:6]):
        made.append(events.AccessDecided(samples.place(), read_entry(document["decision"]["entry"])))
        if document["record"]:
            leaf = read(RecordLeaf, document["record"]["leaf"])
            made.append(
                events.RecordAnchored(samples.place(), RecordId(samples.word(1)), leaf.subject_id, leaf.custodian, leaf)
            )
        if document["consent"]:
            terms = read(ConsentTerms, document["consent"]["terms"])
            made.append(
                events.ConsentGranted(samples.place(), ConsentId(samples.word(2)), terms.subject_id, terms, bytes(65))
            )
    logs = [log_of(event, samples.HOSPITAL) for event in made]
    return [packed(b"".join(log.topics), log.data) for log in logs]


def _node_block(content: bytes) -> object:
    return header.encode(_object(content), "qbft")


def _object(content: bytes) -> Any:  # noqa: ANN401 - JSON
    found = parse_json("answer", content)
    if not isinstance(found, dict):
        raise ConsentryError("answer does not match (got no object)")
    return found


def _seed_blocks() -> Sequence[bytes]:
    found = json.loads((VECTORS / "qbft" / "real.json").read_text(encoding="utf-8"))
    return [json.dumps(each["answer"]).encode() for each in found if "answer" in each]


def _node_receipt(content: bytes) -> object:
    return trie.encode_receipt(_object(content))


def _seed_receipts() -> Sequence[bytes]:
    log = {"address": "0x" + "11" * 20, "topics": ["0x" + "22" * 32], "data": "0x1234"}
    receipt = {
        "status": "0x1",
        "cumulativeGasUsed": "0x5208",
        "logsBloom": "0x" + "00" * 256,
        "logs": [log],
        "type": "0x2",
    }
    return [json.dumps(receipt).encode()]


def _sealed(content: bytes) -> object:
    """Both readers of a sealed object: in one go, and from any place."""

    def read_at(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    with suppress(ConsentryError):
        RandomAccessReader(read_at, len(content), _KEY, _CONTEXT).read(0, 40_000)
    opener = Opener(_KEY, _CONTEXT)
    return opener.update(content) + opener.finalize()


def _seed_sealed() -> Sequence[bytes]:
    made = []
    for size in (0, 1, 100, 16 * 1024):
        sealer = Sealer(_KEY, _CONTEXT)
        made.append(sealer.update(bytes(size)) + sealer.finalize())
    return made


def _dicom(content: bytes) -> object:
    return image_in(content, "file")


def _seed_images() -> Sequence[bytes]:
    names = ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "reportsi.dcm")
    return [Path(str(pydicom.data.get_testdata_file(name, download=False))).read_bytes() for name in names]


def _length_of_element(content: bytes, random: Random) -> bytes:
    """Puts another length where one may stand; in DICOM almost everything hangs on these."""
    at = 132 + 2 * random.randrange(max(1, min(len(content) - 136, 2000) // 2))
    length = random.choice((0, 1, 2, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, random.randrange(1 << 16)))
    packing = random.choice(("<I", "<H", ">I"))
    made = struct.pack(packing, length & (0xFFFF if packing == "<H" else 0xFFFFFFFF))
    return content[:at] + made + content[at + len(made) :]


def _vr(content: bytes, random: Random) -> bytes:
    """Puts another value representation where one stands, so that a value is read as what it is not."""
    kinds = (b"UI", b"SQ", b"DS", b"IS", b"DA", b"PN", b"US", b"FD", b"OB", b"UN", b"AT", b"LT", b"TM", b"SV", b"UC")
    old = random.choice(kinds)
    places = [at for at in range(128, min(len(content), 4000)) if content[at : at + 2] == old]
    if not places:
        return _length_of_element(content, random)
    at = random.choice(places)
    return content[:at] + random.choice(kinds) + content[at + 2 :]


def _study(content: bytes) -> object:
    found = read_study(content)
    return found.hash, found.root


def _seed_studies() -> Sequence[bytes]:
    image = image_in(_seed_images()[0], "file")
    return [Study(_KEY, image.study_uid, (image, image)).to_bytes()]


class _Held:
    """A file that is read from memory."""

    name = "manifest.json"

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read_text(self) -> str:
        """Gives the content as text."""
        return self._content.decode()


def _manifest(content: bytes) -> object:
    return Manifest.read(cast("Path", _Held(content)))


def _seed_manifests() -> Sequence[bytes]:
    contracts = {"AccessLedger": "0x" + "11" * 20, "Consents": "0x" + "22" * 20}
    hashes = dict.fromkeys(contracts, "0x" + "33" * 32)
    content = {"version": 1, "chainId": 1337, "genesisHash": "0x" + "44" * 32, "deployedIn": 3}
    return [json.dumps({**content, "contracts": contracts, "codeHashes": hashes}).encode()]


def _stream(content: bytes) -> object:
    """Events of a gateway, as a patient's client reads them."""

    async def lines() -> AsyncIterator[str]:
        for line in _text(content).split("\n"):
            yield line

    async def run() -> list[object]:
        return [event.json() if event.data else event async for event in read_events(lines())]

    coroutine = run()
    try:
        coroutine.send(None)  # nothing in it waits, so it ends at once
    except StopIteration as ended:
        return ended.value
    raise AssertionError("the reader waits")


def _seed_streams() -> Sequence[bytes]:
    return [b'id: 12-3\nevent: ask\ndata: {"items": [1, 2]}\n\n:keep\nid: 12-4\n\ndata: [1,\ndata: 2]\n\n']


def _transaction(content: bytes) -> object:
    return decode_transaction(content, CHAIN)


def _seed_transactions() -> Sequence[bytes]:
    signer = Account.from_key(_KEY)
    return [bytes(signer.sign_transaction(fields).raw_transaction) for fields in (LEGACY, ACCESS_LIST, DYNAMIC)]


def _seed_questions() -> Sequence[bytes]:
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{"to": "0x" + "11" * 20}, "latest"]}
    return [json.dumps(call).encode(), json.dumps([call, call]).encode(), b'"\\ud83d\\ude00"', b"[1e3,-0.5]"]


def _seed_extras() -> Sequence[bytes]:
    return [hex_of(bytes.fromhex(text)).encode() for text in _EXTRAS]


_EXTRAS: Final = ("f83aa00000000000000000000000000000000000000000000000000000000000000000d594" + "11" * 20 + "c080c0",)
_JSON: Final = JSON_FILES

PEOPLE: Final = (
    Parser("sign-in", "crypto.sign_in.SignInMessage.parse", _message, _seed_messages, (as_lines,)),
    Parser(
        "signature",
        "crypto.signing.verify, webauthn.check_origin",
        _signature,
        _seed_signatures,
        (in_parts(as_words), in_parts(as_json)),
    ),
    Parser(
        "http-headers", "crypto.sign_in, api.ranges, views, prefer", _headers_of_requests, _seed_headers, (as_lines,)
    ),
    Parser("http-body", "api.shortcut (AccessBody)", _body, _seed_bodies, _JSON),
    Parser("act", "evidence.keys.read_performed", _act, _seed_acts, _JSON),
    Parser("person-link", "crypto.person_links.verify_link, verify_unlink", _link, _seed_links, (in_parts(as_lines),)),
    Parser("event-stream", "client.events.read_events", _stream, _seed_streams, (as_lines,)),
    Parser("calldata", "ledger.calldata.submitted_in", _calldata, _seed_calls, (as_words,)),
    Parser("event-log", "ledger.events.decode_log", _event, _seed_events, (in_parts(as_words),)),
    Parser("node-block", "evidence.header.encode", _node_block, _seed_blocks, _JSON),
    Parser("node-receipt", "evidence.trie.encode_receipt", _node_receipt, _seed_receipts, _JSON),
    Parser("transaction", "ledger.embedded.pool.decode_transaction", _transaction, _seed_transactions, (as_rlp,)),
    Parser("rpc-body", "ledger.embedded.questions.read_json", read_json, _seed_questions, _JSON),
    Parser(
        "genesis-extra",
        "ledger.besu.validators.decode_extra_data",
        lambda content: decode_extra_data(_text(content)),
        _seed_extras,
        (as_lines,),
    ),
    Parser("manifest", "ledger.manifest.Manifest.read", _manifest, _seed_manifests, _JSON),
    Parser("sealed-object", "crypto.sealing.Opener, crypto.random_access", _sealed, _seed_sealed, ()),
    Parser("study", "client.studies.read_study", _study, _seed_studies, _JSON),
    Parser("dicom", "client.studies.image_in", _dicom, _seed_images, (_length_of_element, _vr)),
)
"""All of them, by who sends it."""
