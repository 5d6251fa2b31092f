"""The block log under every kind of damage a crash or a disk can do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentry.errors import BlockLogCorruptError, LedgerUnavailableError
from consentry.ledger.embedded.blocklog import MAGIC, BlockLog, LoggedBlock, encode_frame
from consentry.ledger.embedded.records import Genesis, Intent, Record, Seal, decode_record, encode_record

GENESIS = Genesis(1_900_000_001, 1_700_000_000, 300_000_000, "osaka", "anvil/1.7.1", bytes(range(32)))


def _hash(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _history() -> list[Record]:
    """Genesis, two blocks, a void between them, and an open intent."""
    return [
        GENESIS,
        Intent(1, 1_700_000_001, (b"\x02first", b"\x02second")),
        Seal(1, _hash(1), (1, 0)),
        Intent(2, 1_700_000_002, (b"\x02refused",)),
        Seal(2, b"", ()),
        Intent(2, 1_700_000_002, (b"\x02third" * 20, b"\x02fourth")),
        Seal(2, _hash(2), (0,)),
        Intent(3, 1_700_000_005, (b"\x02fifth",)),
    ]


def _write(path: Path, records: list[Record]) -> bytes:
    content = MAGIC + b"".join(map(encode_frame, records))
    path.write_bytes(content)
    return content


def test_open_whole_log_knows_every_block(tmp_path: Path) -> None:
    path = tmp_path / "blocks.log"
    _write(path, _history())
    log = BlockLog.open(path)
    assert (log.height, log.last_time, log.torn_bytes) == (2, 1_700_000_002, 0)
    assert log.genesis == GENESIS
    assert log.unsealed == _history()[-1]
    assert list(log.blocks(after=0)) == [
        LoggedBlock(1, 1_700_000_001, (b"\x02second", b"\x02first"), _hash(1)),
        LoggedBlock(2, 1_700_000_002, (b"\x02third" * 20,), _hash(2)),
    ]
    assert [block.number for block in log.blocks(after=1)] == [2]
    log.close()


def test_append_survives_reopening(tmp_path: Path) -> None:
    path = tmp_path / "blocks.log"
    log = BlockLog.create(path, GENESIS)
    for record in _history()[1:]:
        log.begin(record) if isinstance(record, Intent) else log.seal(record) if isinstance(record, Seal) else None
    log.close()
    again = BlockLog.open(path)
    assert (again.height, again.hash_of(2), again.unsealed) == (2, _hash(2), _history()[-1])
    assert path.read_bytes() == MAGIC + b"".join(map(encode_frame, _history()))
    assert path.stat().st_mode & 0o777 == 0o600
    again.close()


def test_open_cut_at_every_byte_keeps_exactly_the_whole_frames(tmp_path: Path) -> None:
    path = tmp_path / "blocks.log"
    history = _history()
    content = _write(path, history)
    ends = [len(MAGIC)]
    for record in history:
        ends.append(ends[-1] + len(encode_frame(record)))
    for length in range(ends[1], len(content)):
        path.write_bytes(content[:length])
        log = BlockLog.open(path)
        whole = max(end for end in ends if end <= length)
        assert log.torn_bytes == length - whole
        assert path.stat().st_size == whole
        sealed = [
            record for record, end in zip(history, ends[1:], strict=True) if end <= whole and isinstance(record, Seal)
        ]
        assert log.height == sum(not seal.is_void for seal in sealed)
        log.close()


@given(data=st.data())
def test_open_flipped_bit_before_the_last_frame_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("log") / "blocks.log"
    content = bytearray(_write(path, _history()))
    last = len(content) - len(encode_frame(_history()[-1]))
    place = data.draw(st.integers(0, last - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with pytest.raises(BlockLogCorruptError):
        BlockLog.open(path)
    assert path.read_bytes() == content, "a refused log is left as it was found"


def test_open_last_frame_that_arrived_only_in_part_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "blocks.log"
    content = _write(path, _history()[:-1])
    frame = encode_frame(_history()[-1])
    for arrived in range(len(frame)):
        path.write_bytes(content + frame[:arrived] + bytes(len(frame) - arrived))
        log = BlockLog.open(path)
        assert (log.height, log.unsealed) == (2, None)
        assert path.read_bytes() == content
        log.close()


@pytest.mark.parametrize(
    "records",
    [
        [GENESIS, Seal(1, _hash(1), ())],
        [GENESIS, Intent(2, 1_700_000_001, (b"a",))],
        [GENESIS, Intent(1, 1_699_999_999, (b"a",))],
        [GENESIS, Intent(1, 1_700_000_001, (b"a",)), Seal(2, _hash(2), (0,))],
        [GENESIS, Intent(1, 1_700_000_001, (b"a",)), Seal(1, _hash(1), (1,))],
        [GENESIS, Intent(1, 1_700_000_001, (b"a",)), Seal(1, _hash(1), (0, 0))],
        [GENESIS, Intent(1, 1_700_000_001, (b"a",)), Intent(1, 1_700_000_001, (b"a",))],
        [GENESIS, GENESIS],
        [Intent(1, 1_700_000_001, (b"a",))],
    ],
)
def test_open_records_in_an_impossible_order_are_refused(tmp_path: Path, records: list[Record]) -> None:
    path = tmp_path / "blocks.log"
    _write(path, records)
    with pytest.raises(BlockLogCorruptError):
        BlockLog.open(path)


def test_begin_impossible_intent_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "blocks.log"
    log = BlockLog.create(path, GENESIS)
    before = path.read_bytes()
    with pytest.raises(BlockLogCorruptError):
        log.begin(Intent(7, 1_700_000_001, (b"a",)))
    assert path.read_bytes() == before
    log.close()


def test_begin_on_a_full_disk_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "blocks.log"
    log = BlockLog.create(path, GENESIS)
    before = path.read_bytes()

    def write_half(handle: int, content: bytes) -> None:
        __import__("os").write(handle, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("consentry.ledger.embedded.blocklog.write_all", write_half)
        with pytest.raises(LedgerUnavailableError, match="no space left"):
            log.begin(Intent(1, 1_700_000_001, (b"a",)))
    assert log.is_usable
    assert path.read_bytes() == before
    log.begin(Intent(1, 1_700_000_001, (b"a",)))
    log.close()


def test_begin_after_a_failed_sync_never_writes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = BlockLog.create(tmp_path / "blocks.log", GENESIS)

    def fail(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("consentry.ledger.embedded.blocklog.os.fsync", fail)
        with pytest.raises(LedgerUnavailableError, match="cannot be synced"):
            log.begin(Intent(1, 1_700_000_001, (b"a",)))
    assert not log.is_usable
    with pytest.raises(LedgerUnavailableError):
        log.begin(Intent(1, 1_700_000_001, (b"a",)))


@given(
    number=st.integers(0, 2**64),
    time=st.integers(0, 2**64),
    transactions=st.lists(st.binary(), max_size=5),
    included=st.lists(st.integers(0, 2**16), max_size=5),
)
def test_record_round_trips(number: int, time: int, transactions: list[bytes], included: list[int]) -> None:
    for record in (Intent(number, time, tuple(transactions)), Seal(number, _hash(number), tuple(included)), GENESIS):
        assert decode_record(encode_record(record)) == record


@given(content=st.binary(max_size=200))
def test_decode_any_bytes_gives_a_record_or_is_refused(content: bytes) -> None:
    try:
        record = decode_record(content)
    except BlockLogCorruptError:
        return
    assert encode_record(record) == content
