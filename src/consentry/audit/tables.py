"""The tables an audit writes, as plain data: `docs/formats/audit-tables.md` says the same with an example.

Every column has a kind, a line that says what it holds, and whether it may be empty. Names of codes stand beside the
codes and are derived from them, so whoever fills a table gives the codes alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from consentry.core.codes import (
    Action,
    ActorKind,
    Assurance,
    Category,
    ConsentStatus,
    EmergencyReason,
    ErasureReason,
    LegalBasis,
    NoticeBy,
    Purpose,
    Reason,
    RecordStatus,
    RefusalReason,
    Retention,
    ReviewerRole,
    ReviewOutcome,
    Standing,
)

FORMAT: Final = "consentry.audit-tables/v2"


class Type(Enum):
    """How a column is kept; Arrow types stand in `audit.parts`."""

    HASH = "32 bytes"
    ACCOUNT = "20 bytes"
    BYTES = "bytes"
    WHOLE = "64-bit integer"
    SMALL = "32-bit integer"
    CODE = "16-bit integer"
    FLAG = "true or false"
    TEXT = "text"
    WORD = "text from a short list"
    WORDS = "list of texts"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: as in SQL.
        kind: how it is kept.
        says: what it holds, with its unit, in one line.
        empty: whether it may be null.
        source: of the names of a code, the column with the code; of a set, the one with its mask (bit ``1 << code``).
        codes: the codes it has names of.
    """

    name: str
    kind: Type
    says: str
    empty: bool = False
    source: str = ""
    codes: type[IntEnum] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table: a folder of Parquet files."""

    name: str
    says: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """Gives a column by its name; KeyError if there is none."""
        return {column.name: column for column in self.columns}[name]


def _named(name: str, codes: type[IntEnum], says: str, *, empty: bool = False) -> tuple[Column, Column]:
    """A code and its name."""
    number, source = f"{name}_code", f"{says}, as the number on chain"
    return (
        Column(number, Type.CODE, source, empty),
        Column(name, Type.WORD, f"{says}, by its name", empty, number, codes),
    )


def _set(name: str, codes: type[IntEnum], says: str) -> tuple[Column, Column]:
    """A set of codes as its mask, and the names."""
    mask = f"{name}_mask"
    return (
        Column(mask, Type.WHOLE, f"{says}, as a bit mask: bit `1 << code` for each", empty=True),
        Column(name, Type.WORDS, f"{says}, by their names", empty=True, source=mask, codes=codes),
    )


def _time(name: str, says: str, *, empty: bool = False) -> Column:
    return Column(name, Type.WHOLE, f"{says}, seconds UTC since 1970", empty)


def _hash(name: str, says: str, *, empty: bool = False) -> Column:
    return Column(name, Type.HASH, says, empty)


def _account(name: str, says: str, *, empty: bool = False) -> Column:
    return Column(name, Type.ACCOUNT, says, empty)


def _count(name: str, says: str, *, empty: bool = False) -> Column:
    return Column(name, Type.WHOLE, says, empty)


def _flag(name: str, says: str, *, empty: bool = False) -> Column:
    return Column(name, Type.FLAG, says, empty)


def _place(*, empty: bool = False) -> tuple[Column, ...]:
    return (
        Column("block", Type.WHOLE, "number of the block", empty),
        _time("time", "time of the block", empty=empty),
        _hash("transaction", "hash of the transaction", empty=empty),
        Column("log_index", Type.SMALL, "index of the log within the block", empty),
    )


NUMBER: Final = Column("number", Type.WHOLE, "place among all events of the ledger, in chain order, from 0")

DECISIONS: Final = Table(
    "decisions",
    "every access that was decided, permitted or denied, in chain order",
    (
        NUMBER,
        *_place(),
        _hash("decision", "id of the decision: its entry hash"),
        _hash("request", "id of the request: a number of 256 bits, highest byte first"),
        _account("institution", "who asked"),
        Column("region", Type.SMALL, "GB/T 2260 code of the region of the institution", empty=True),
        _account("custodian", "who keeps the record; none where the record is unknown", empty=True),
        _hash("subject", "pseudonym of the patient; none where the record is unknown", empty=True),
        _hash("record", "record version asked for"),
        *_named("category", Category, "class of the document", empty=True),
        Column("sensitivity", Type.CODE, "sensitivity level of the record, 1 to 5", empty=True),
        _hash("consent", "consent invoked; none on another basis", empty=True),
        _hash("authorisation", "standing authorisation invoked; none on another basis", empty=True),
        *_named("purpose", Purpose, "purpose of use"),
        *_named("action", Action, "what the content is for"),
        *_named("basis", LegalBasis, "legal basis"),
        *_named("actor", ActorKind, "human or machine"),
        *_named("emergency", EmergencyReason, "why an emergency access is needed; none on another basis", empty=True),
        *_named("reason", Reason, "answer of the contract; NONE means permitted"),
        _flag("permitted", "whether the contract permitted the access"),
        *_named("expected", Reason, "answer by the rules, as decided again"),
        _hash("practitioner", "keyed hash of the person or agent who asks; none if not given", empty=True),
        _hash("reason_hash", "hash of the reason given in words; none if not given", empty=True),
        _time("issued", "when the request was issued, by the institution's clock"),
        _time("expires", "until when the request was valid"),
        _count("subject_sequence", "number in the log of the subject, from 1; 0 where the record is unknown"),
        _count("institution_sequence", "number in the log of the institution, from 1"),
    ),
)
REJECTIONS: Final = Table(
    "rejections",
    "every request about which nothing was decided, in chain order",
    (
        NUMBER,
        *_place(),
        _hash("request", "id of the request: a number of 256 bits, highest byte first"),
        _account("institution", "who is said to ask"),
        _hash("request_hash", "struct hash of the request"),
        _account("relay", "account that submitted it"),
        *_named("reason", Reason, "answer of the contract"),
        *_named("expected", Reason, "answer by the rules; none where it cannot be known without calldata", empty=True),
    ),
)
CONSENTS: Final = Table(
    "consents",
    "every consent that was granted, or refused before, as it stands at head; terms are none where never granted",
    (
        _hash("consent", "id: struct hash of the terms"),
        _hash("subject", "pseudonym of the patient", empty=True),
        _account("custodian", "who enrolled the subject", empty=True),
        _hash("guardian", "appointment under which a guardian signed; none for the subject", empty=True),
        _account("institution", "grantee: an institution; none for a group", empty=True),
        _hash("group", "grantee: a group; none for an institution", empty=True),
        _hash("practitioner", "grantee: the one practitioner; none for all", empty=True),
        _hash("records_root", "Merkle root of the records named; none where categories name them", empty=True),
        *_set("categories", Category, "classes of documents"),
        *_set("purposes", Purpose, "purposes of use"),
        *_set("actions", Action, "what the content is for"),
        Column("max_sensitivity", Type.CODE, "highest sensitivity level, 1 to 5", empty=True),
        Column("data_from", Type.WHOLE, "first month of the content, counted from January 1970", empty=True),
        Column("data_until", Type.WHOLE, "last month of the content, counted from January 1970", empty=True),
        _time("valid_from", "begin of validity", empty=True),
        _time("valid_until", "end of validity, which is no longer within", empty=True),
        _count("max_uses", "permitted accesses at most; none without limit", empty=True),
        _flag("onward_disclosure", "whether the grantee may pass the content on", empty=True),
        _time("erase_by", "when copies are to be erased; none if not agreed", empty=True),
        _hash("notice", "hash of the notice shown", empty=True),
        Column("notice_version", Type.WHOLE, "version of the notice shown", empty=True),
        *_named("assurance", Assurance, "how the act of consent was made", empty=True),
        _account("assisted_by", "institution whose staff prepared the consent; none if nobody", empty=True),
        _time("granted", "when it was granted", empty=True),
        _time("revoked", "when it was taken back; none if not", empty=True),
        *_named("status", ConsentStatus, "status at head"),
        _count("uses", "accesses permitted under it"),
    ),
)
RECORDS: Final = Table(
    "records",
    "every record version that was anchored, as it stands at head",
    (
        _hash("record", "id: hash of the leaf"),
        _account("custodian", "who keeps it"),
        _hash("subject", "pseudonym of the patient"),
        _hash("previous", "the version before; none for the first", empty=True),
        _hash("lineage", "id of its first version; none in that one", empty=True),
        Column("version", Type.WHOLE, "version, from 1"),
        *_named("category", Category, "class of the document"),
        Column("sensitivity", Type.CODE, "sensitivity level, 1 to 5"),
        Column("data_month", Type.WHOLE, "month of the content, counted from January 1970"),
        *_named("retention", Retention, "retention class"),
        _hash("ciphertext_digest", "SHA-256 of the object"),
        Column("ciphertext_size", Type.WHOLE, "size of the object, bytes"),
        _time("anchored", "when it was anchored"),
        *_named("status", RecordStatus, "status at head"),
        _time("erasure_requested", "when the subject asked for its erasure; none if not", empty=True),
        _time("erased", "when it was erased; none if not", empty=True),
        _time("deletion_attested", "when the custodian attested that the object is gone; none if not", empty=True),
        *_named("erasure_reason", ErasureReason, "why it was erased", empty=True),
    ),
)
INSTITUTIONS: Final = Table(
    "institutions",
    "every institution, as it stands at head",
    (
        _account("institution", "its address"),
        Column("region", Type.SMALL, "GB/T 2260 code of its region"),
        *_named("standing", Standing, "standing at head"),
        Column("daily_limit", Type.WHOLE, "permitted accesses a day at most"),
        Column("emergency_limit", Type.WHOLE, "permitted emergency accesses a day at most"),
        _count("decisions", "number of its latest decision by the chain; 0 without one"),
        _hash("head", "head of its log; none without a decision", empty=True),
    ),
)
SUBJECTS: Final = Table(
    "subjects",
    "every subject, as it stands at head",
    (
        _hash("subject", "pseudonym of the patient"),
        _account("custodian", "who enrolled it"),
        _flag("emergency_forbidden", "whether a directive forbids emergency access"),
        _time("minor_until", "end of minority, rounded to the quarter; none for no minor", empty=True),
        _count("decisions", "number of the latest decision on it by the chain; 0 without one"),
        _hash("head", "head of its log; none without a decision", empty=True),
    ),
)
DEBTS: Final = Table(
    "debts",
    "every debt of an emergency access, as it stands at head",
    (
        _hash("debt", "id of the debt"),
        _account("institution", "who owes it"),
        _hash("subject", "pseudonym of the patient"),
        _hash("request", "id of the request: a number of 256 bits, highest byte first"),
        _hash("practitioner", "keyed hash of who asked"),
        _time("opened", "when the access was permitted"),
        _time("due", "until when notice and review are owed"),
        _time("notified", "when the notice to the patient was logged; none if not", empty=True),
        *_named("notified_by", NoticeBy, "who says that the patient knows", empty=True),
        _time("referred", "when the review was left to an authority; none if not", empty=True),
        _time("reviewed", "when the outcome of the review was logged; none if not", empty=True),
        *_named("reviewer", ReviewerRole, "role of the reviewer", empty=True),
        *_named("outcome", ReviewOutcome, "outcome of the review", empty=True),
        _time("closed", "when nothing was owed any more; none if something is", empty=True),
        _flag("overdue", "whether something is owed at head that was due before"),
    ),
)
RECOGNITIONS: Final = Table(
    "recognitions",
    "every statement of a receiving institution about a marked result, in chain order; the latest of one counts",
    (
        NUMBER,
        *_place(),
        _hash("record", "record of the result"),
        _account("institution", "who received the result"),
        _account("issuer", "who marked it; none where nobody did", empty=True),
        _hash("subject", "pseudonym of the patient"),
        Column("item", Type.WHOLE, "code of the examination; none where nobody marked it", empty=True),
        _hash("practitioner", "keyed hash of who answered"),
        _flag("accepted", "whether the result was accepted"),
        *_named("refusal", RefusalReason, "why it was not", empty=True),
        _flag("explained", "whether the reason was explained to the patient"),
    ),
)
EVENTS: Final = Table(
    "events",
    "every event of the ledger, in chain order",
    (
        NUMBER,
        *_place(),
        Column("name", Type.WORD, "name of the event on chain"),
        Column("about", Type.BYTES, "first id of the event: 32 or 20 bytes; none if it has none", empty=True),
        _hash("subject", "subject concerned; none if none is named", empty=True),
        _account("institution", "institution concerned; none if none is named", empty=True),
    ),
)
FINDINGS: Final = Table(
    "findings",
    "what should not be",
    (
        Column("kind", Type.WORD, "what is wrong, as a name with a dot"),
        Column("about", Type.TEXT, "id of the request, consent, record, subject or account, in hexadecimal with 0x"),
        Column("message", Type.TEXT, "one sentence"),
        Column("expected", Type.TEXT, "what the rules or the chain say"),
        Column("got", Type.TEXT, "what was found"),
        *_place(empty=True),
    ),
)
RUN: Final = Table(
    "run",
    "one row: what was audited",
    (
        Column("format", Type.TEXT, f"`{FORMAT}`"),
        Column("chain_id", Type.TEXT, "chain id, in decimal digits"),
        _hash("genesis", "hash of block 0"),
        _hash("deployment", "SHA-256 over names and addresses of the contracts"),
        Column("first", Type.WHOLE, "first block that was read"),
        Column("head", Type.WHOLE, "last block that was read"),
        _hash("head_hash", "its hash"),
        _time("head_time", "its time"),
        _count("events", "events read"),
        _count("decisions", "accesses decided again"),
        _count("signatures", "signatures checked again"),
        _count("findings", "findings"),
        _count("unreleased", "permitted accesses whose key was never fetched; none if not compared", empty=True),
        Column("limits", Type.WORDS, "what could not be checked, in words"),
        Column("parts", Type.WORDS, "SHA-256 and name of every part of the other tables, a line each"),
    ),
)
CONTRACTS: Final = Table(
    "contracts",
    "the contracts of the deployment",
    (Column("name", Type.TEXT, "name of the contract"), _account("address", "its address")),
)
TABLES: Final = (
    DECISIONS,
    REJECTIONS,
    CONSENTS,
    RECORDS,
    INSTITUTIONS,
    SUBJECTS,
    DEBTS,
    RECOGNITIONS,
    EVENTS,
    FINDINGS,
    RUN,
    CONTRACTS,
)
