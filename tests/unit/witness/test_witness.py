"""The witness: never two roots for one size, never back, and evidence of whoever tries."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consentry.core.log_tree import nodes_of, prefix_nodes, root_of
from consentry.errors import (
    ConfigurationError,
    ConflictError,
    ConsentryError,
    LedgerUnavailableError,
    NotFoundError,
    NotPermittedError,
    VerificationError,
)
from consentry.evidence.checkpoint import Checkpoint, LogSigner, checkpoint_note, verify_signature
from consentry.evidence.misbehaviour import Kind, verify_misbehaviour
from consentry.evidence.note import SignedNote
from consentry.witness import exhibits as exhibits_module
from consentry.witness import signed_state
from consentry.witness import witness as witness_module
from consentry.witness.submission import Submission
from consentry.witness.witness import CONTRADICTED, CONVICTION, MOST_REFUSED, REFUSED, STOPPED, Witness
from tests.support.header_chain import HeaderChain
from tests.support.log_people import LOG, NOW, ORIGIN, key
from tests.unit.witness.kept import (
    COSIGNER,
    exhibits_in,
    expected_root,
    follow,
    followed,
    keeper_in,
    shown,
    signed,
    witness_in,
)


@pytest.fixture
def chain() -> HeaderChain:
    return HeaderChain().grow(20)


@pytest.fixture
def witness(tmp_path: Path, chain: HeaderChain) -> Witness:
    return witness_in(tmp_path, followed(tmp_path, chain))


def resigned(submission: Submission, checkpoint: Checkpoint, signer: LogSigner = LOG) -> Submission:
    return replace(submission, checkpoint=checkpoint, note=checkpoint_note(checkpoint, signer.sign(checkpoint)))


def test_cosigns_what_its_own_tree_has(witness: Witness, chain: HeaderChain) -> None:
    for old, size in ((0, 3), (3, 3), (3, 4), (4, 17), (17, witness.keeper.size)):
        sent = shown(chain, old, size)
        line = witness.add_checkpoint(sent)
        assert verify_signature(witness.key, sent.note.text, line) == NOW
        assert witness.last is not None
        assert witness.last.signature_of(LOG.verifier_key) is not None


def test_cosignature_is_on_disk_before_it_is_given(
    tmp_path: Path, witness: Witness, chain: HeaderChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(signed_state, "write_synced", failing)
        with pytest.raises(ConfigurationError):
            witness.add_checkpoint(shown(chain, 0, 5))
    assert witness.last is None
    sent = shown(chain, 0, 5)
    note = checkpoint_note(sent.checkpoint, *sent.note.signatures, witness.add_checkpoint(sent))
    assert (tmp_path / "cosigned" / "checkpoint").read_bytes() == note.to_bytes()


def test_goes_on_from_the_last_size_after_a_restart(tmp_path: Path, witness: Witness, chain: HeaderChain) -> None:
    witness.add_checkpoint(shown(chain, 0, 9))
    again = witness_in(tmp_path, followed(tmp_path, chain))
    with pytest.raises(ConflictError) as told:
        again.add_checkpoint(shown(chain, 0, 12))
    assert told.value.details["size"] == 9
    again.add_checkpoint(shown(chain, 9, 12))


def test_time_of_a_cosignature_never_goes_back(tmp_path: Path, witness: Witness, chain: HeaderChain) -> None:
    witness.add_checkpoint(shown(chain, 0, 9))
    slow = witness_in(tmp_path, witness.keeper, lambda: NOW - 50)
    sent = shown(chain, 9, 10)
    assert verify_signature(slow.key, sent.note.text, slow.add_checkpoint(sent)) == NOW


def test_older_size_is_not_cosigned_again(witness: Witness, chain: HeaderChain) -> None:
    witness.add_checkpoint(shown(chain, 0, 9))
    with pytest.raises(ConflictError) as told:
        witness.add_checkpoint(shown(chain, 5, 7))
    assert told.value.details["size"] == 9


def test_other_log_and_other_signer_are_refused(witness: Witness, chain: HeaderChain) -> None:
    sent = shown(chain, 0, 5)
    with pytest.raises(NotFoundError):
        witness.add_checkpoint(resigned(sent, replace(sent.checkpoint, origin="other.example.org")))
    with pytest.raises(NotPermittedError):
        witness.add_checkpoint(resigned(sent, sent.checkpoint, LogSigner(ORIGIN, key(2))))
    line = LOG.sign(replace(sent.checkpoint, size=4))
    with pytest.raises(NotPermittedError, match="does not hold"):
        witness.add_checkpoint(replace(sent, note=checkpoint_note(sent.checkpoint, line)))


def test_proof_must_hold(tmp_path: Path, witness: Witness, chain: HeaderChain) -> None:
    with pytest.raises(VerificationError, match="expected none from size 0"):
        witness.add_checkpoint(replace(shown(chain, 0, 5), proof=(bytes(32),)))
    witness.add_checkpoint(shown(chain, 0, 5))
    sent = shown(chain, 5, 11)
    for proof in ((), sent.proof[:-1], (*sent.proof, bytes(32)), (bytes(32), *sent.proof[1:])):
        with pytest.raises(VerificationError):
            witness.add_checkpoint(replace(sent, proof=proof))
    assert exhibits_in(tmp_path).names() == []


def test_lag_is_answered_with_not_yet(witness: Witness, chain: HeaderChain) -> None:
    size = witness.keeper.size
    chain.grow(5)
    sent = shown(chain, 0, size + 3)
    with pytest.raises(LedgerUnavailableError, match="not yet: own node is behind"):
        witness.add_checkpoint(sent)
    assert witness.last is None
    follow(witness.keeper, chain)
    witness.add_checkpoint(sent)


def test_nothing_is_cosigned_while_the_own_node_contradicts_itself(witness: Witness, chain: HeaderChain) -> None:
    other = chain.fork(10).grow(30, "two")
    with pytest.raises(VerificationError):
        follow(witness.keeper, other)
    with pytest.raises(LedgerUnavailableError, match="does not bear the tree out"):
        witness.add_checkpoint(shown(chain, 0, 5))
    follow(witness.keeper, chain)
    witness.add_checkpoint(shown(chain, 0, 5))


def test_nothing_is_cosigned_after_a_restart_before_the_own_node_was_looked_at(
    tmp_path: Path, witness: Witness, chain: HeaderChain
) -> None:
    witness.add_checkpoint(shown(chain, 0, 2))
    again = witness_in(tmp_path, keeper_in(tmp_path, chain))
    with pytest.raises(LedgerUnavailableError, match="not looked at yet"):
        again.add_checkpoint(shown(chain, 2, 4))
    with pytest.raises(VerificationError):
        follow(again.keeper, chain.fork(10).grow(30, "two"))
    with pytest.raises(LedgerUnavailableError, match=r"hash of block .* does not match"):
        again.add_checkpoint(shown(chain, 2, 4))
    follow(again.keeper, chain)
    again.add_checkpoint(shown(chain, 2, 4))


def convictions(folder: Path) -> list[bytes]:
    exhibits = exhibits_in(folder)
    return [exhibits.read(name) for name in exhibits.names(CONVICTION)]


@pytest.mark.parametrize(
    ("cosigned", "size", "kind"), [(20, 20, Kind.TWO_ROOTS), (22, 20, Kind.NOT_A_PREFIX), (23, 16, Kind.NOT_A_PREFIX)]
)
def test_split_view_convicts_the_log_at_once(
    tmp_path: Path, witness: Witness, chain: HeaderChain, cosigned: int, size: int, kind: Kind
) -> None:
    witness.add_checkpoint(shown(chain, 0, cosigned))
    other = chain.fork(6).grow(20, "two")

    with pytest.raises(NotPermittedError, match="as the chain has it"):
        witness.add_checkpoint(shown(other, 0, size))

    (content,) = convictions(tmp_path)
    accusation = verify_misbehaviour(content)
    assert (accusation.kind, accusation.key, accusation.conclusive) == (kind, LOG.verifier_key, True)
    assert {accusation.first.root, accusation.second.root} == {
        expected_root(chain, cosigned),
        expected_root(other, size),
    }


def test_log_on_a_forked_chain_is_refused_though_its_proof_holds(
    tmp_path: Path, witness: Witness, chain: HeaderChain
) -> None:
    """Its history begins as the witness's did: only the own tree tells, and the signed note is what others check."""
    witness.add_checkpoint(shown(chain, 0, 10))
    other = chain.fork(10).grow(20, "two")
    sent = shown(other, 10, 25)

    with pytest.raises(NotPermittedError):
        witness.add_checkpoint(sent)

    exhibits = exhibits_in(tmp_path)
    (name,) = exhibits.names(REFUSED)
    note = SignedNote.from_bytes(exhibits.read(name))
    line = note.signature_of(LOG.verifier_key)
    assert line is not None
    verify_signature(LOG.verifier_key, note.text, line)
    # A third party with a node of its own:
    assert Checkpoint.parse(note.text).root != expected_root(chain, 25)
    assert convictions(tmp_path) == []
    # Once the log tells the true history of that size too, it has convicted itself.
    witness.add_checkpoint(shown(chain, 10, 26))
    (content,) = convictions(tmp_path)
    assert verify_misbehaviour(content).kind is Kind.NOT_A_PREFIX


def test_log_that_leaves_an_event_out_is_refused(tmp_path: Path, witness: Witness, chain: HeaderChain) -> None:
    leaves = chain.leaves()
    del leaves[4]
    witness.add_checkpoint(shown(chain, 0, 8))
    nodes = nodes_of(leaves)
    truncated = Checkpoint(ORIGIN, 12, root_of(12, nodes_of(leaves[:12])))
    sent = Submission(8, prefix_nodes(8, 12, nodes)[1:], checkpoint_note(truncated, LOG.sign(truncated)), truncated)

    with pytest.raises(NotPermittedError):
        witness.add_checkpoint(sent)
    assert len(exhibits_in(tmp_path).names(REFUSED)) == 1
    witness.add_checkpoint(shown(chain, 8, 13))
    (content,) = convictions(tmp_path)
    assert verify_misbehaviour(content).conclusive


def test_refused_note_convicts_after_a_restart_too(tmp_path: Path, witness: Witness, chain: HeaderChain) -> None:
    other = chain.fork(6).grow(20, "two")
    with pytest.raises(NotPermittedError):
        witness.add_checkpoint(shown(other, 0, 20))
    again = witness_in(tmp_path, followed(tmp_path, chain))
    again.add_checkpoint(shown(chain, 0, 21))
    assert len(convictions(tmp_path)) == 1


def test_state_that_was_put_back_is_taken_up_from_its_own_signature(
    tmp_path: Path, witness: Witness, chain: HeaderChain
) -> None:
    kept = tmp_path / "cosigned" / "checkpoint"
    witness.add_checkpoint(shown(chain, 0, 9))
    older = kept.read_bytes()
    witness.add_checkpoint(shown(chain, 9, 15))
    assert witness.last is not None
    proof_of_it = witness.last
    kept.write_bytes(older)
    again = witness_in(tmp_path, followed(tmp_path, chain))

    sent = replace(shown(chain, 9, 15), note=proof_of_it)
    with pytest.raises(ConflictError) as told:
        again.add_checkpoint(sent)

    assert told.value.details["size"] == 15
    with pytest.raises(ConflictError):
        again.add_checkpoint(shown(chain, 9, 12))


def test_state_and_chain_put_back_stop_the_witness_for_good(tmp_path: Path, chain: HeaderChain) -> None:
    other = chain.fork(6).grow(20, "two")
    before = witness_in(tmp_path / "before", followed(tmp_path / "before", other))
    before.add_checkpoint(shown(other, 0, 20))
    folder = tmp_path / "after"
    after = witness_in(folder, followed(folder, chain))
    after.add_checkpoint(shown(chain, 0, 20))
    assert before.last is not None

    with pytest.raises(ConfigurationError, match="witness contradicts itself"):
        after.add_checkpoint(replace(shown(other, 0, 20), note=before.last))

    for again in (after, witness_in(folder, followed(folder, chain))):
        with pytest.raises(ConfigurationError, match="witness contradicts itself"):
            again.add_checkpoint(shown(chain, 20, 21))
    assert len(exhibits_in(folder).names(CONTRADICTED)) == 1
    (content,) = convictions(folder)
    assert verify_misbehaviour(content).key == COSIGNER.verifier_key


def wrong(size: int, mark: int) -> SignedNote:
    """Gives a checkpoint that the log signed and no chain has."""
    made = Checkpoint(ORIGIN, size, bytes([mark]) * 32)
    return checkpoint_note(made, LOG.sign(made))


def flood(witness: Witness, size: int, notes: int) -> None:
    """Shows a witness so many wrong checkpoints of one size."""
    for mark in range(1, notes + 1):
        note = wrong(size, mark)
        with pytest.raises(NotPermittedError):
            witness.add_checkpoint(Submission(0, (), note, Checkpoint.parse(note.text)))


def own_wrong(size: int) -> Submission:
    """Gives a checkpoint that no chain has, with a cosignature of the witness."""
    note = wrong(size, 0xEE)
    made = Checkpoint.parse(note.text)
    return Submission(0, (), checkpoint_note(made, *note.signatures, COSIGNER.cosign(made, NOW)), made)


def test_log_that_floods_its_witness_hides_neither_its_conviction_nor_anything_else(
    tmp_path: Path, witness: Witness, chain: HeaderChain
) -> None:
    witness.add_checkpoint(shown(chain, 0, 2))
    flood(witness, 9, MOST_REFUSED + 5)
    assert len(exhibits_in(tmp_path).names(REFUSED)) == MOST_REFUSED
    assert convictions(tmp_path) == []
    # What is no longer kept convicts all the same, where the last cosigned checkpoint goes as far.
    flood(witness, 2, 1)
    (content,) = convictions(tmp_path)
    assert verify_misbehaviour(content).key == LOG.verifier_key

    with pytest.raises(ConfigurationError, match="witness contradicts itself"):
        witness.add_checkpoint(own_wrong(3))
    assert len(exhibits_in(tmp_path).names(CONTRADICTED)) == 1
    for again in (witness, witness_in(tmp_path, followed(tmp_path, chain))):
        with pytest.raises(ConfigurationError, match="witness contradicts itself"):
            again.add_checkpoint(shown(chain, 2, 4))


def test_what_was_refused_before_convicts_once_for_each_key(
    tmp_path: Path, witness: Witness, chain: HeaderChain
) -> None:
    witness.add_checkpoint(shown(chain, 0, 2))
    flood(witness, 9, 5)
    witness.add_checkpoint(shown(chain, 2, 10))
    again = witness_in(tmp_path, followed(tmp_path, chain))
    flood(again, 8, 3)
    again.add_checkpoint(shown(chain, 10, 11))
    (content,) = convictions(tmp_path)
    assert verify_misbehaviour(content).conclusive


def test_lines_of_others_make_no_other_refused_note(tmp_path: Path, witness: Witness) -> None:
    """Whoever has one note the log signed could else fill the folder with it."""
    note = wrong(9, 1)
    made = Checkpoint.parse(note.text)
    for number in range(3):
        stranger = LogSigner("stranger.example.org", key(90 + number)).sign(made)
        sent = Submission(0, (), checkpoint_note(made, *note.signatures, stranger), made)
        with pytest.raises(NotPermittedError):
            witness.add_checkpoint(sent)
    exhibits = exhibits_in(tmp_path)
    assert [exhibits.read(name) for name in exhibits.names(REFUSED)] == [note.to_bytes()]


def test_witness_that_contradicted_itself_stays_stopped_if_the_disk_takes_no_evidence(
    tmp_path: Path, witness: Witness, chain: HeaderChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(exhibits_module, "write_synced", failing)
        with pytest.raises(ConfigurationError):
            witness.add_checkpoint(own_wrong(3))
    assert exhibits_in(tmp_path).names() == []
    assert (tmp_path / "cosigned" / STOPPED).read_bytes() == own_wrong(3).note.to_bytes()
    for again in (witness, witness_in(tmp_path, followed(tmp_path, chain))):
        with pytest.raises(ConfigurationError, match="witness contradicts itself"):
            again.add_checkpoint(shown(chain, 0, 4))


def test_witness_that_contradicted_itself_stays_stopped_if_the_disk_takes_nothing(
    tmp_path: Path, witness: Witness, chain: HeaderChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(witness_module, "write_synced", failing)
        with pytest.raises(ConfigurationError, match="no space left"):
            witness.add_checkpoint(own_wrong(3))
    with pytest.raises(ConfigurationError, match="witness contradicts itself"):
        witness.add_checkpoint(shown(chain, 0, 4))
    assert exhibits_in(tmp_path).names() == []


def test_forged_cosignature_of_its_own_changes_nothing(witness: Witness, chain: HeaderChain) -> None:
    sent = shown(chain, 0, 9)
    forged = replace(COSIGNER, key=key(99)).cosign(sent.checkpoint, NOW)
    line = replace(forged, key_id=witness.key.key_id)
    witness.add_checkpoint(replace(sent, note=checkpoint_note(sent.checkpoint, *sent.note.signatures, line)))
    with pytest.raises(ConflictError):
        witness.add_checkpoint(sent)


def test_lost_tree_is_followed_anew_before_anything_is_cosigned(
    tmp_path: Path, witness: Witness, chain: HeaderChain
) -> None:
    witness.add_checkpoint(shown(chain, 0, 15))
    shutil.rmtree(tmp_path / "tree")
    again = witness_in(tmp_path, keeper_in(tmp_path, chain))
    with pytest.raises(LedgerUnavailableError):
        again.add_checkpoint(shown(chain, 15, 16))
    with pytest.raises(ConflictError) as told:
        again.add_checkpoint(shown(chain.fork(3).grow(20, "two"), 15, 15))
    assert told.value.details["size"] == 15
    follow(again.keeper, chain)
    again.add_checkpoint(shown(chain, 15, 16))


def test_lost_tree_that_comes_to_another_root_is_never_cosigned(
    tmp_path: Path, witness: Witness, chain: HeaderChain
) -> None:
    witness.add_checkpoint(shown(chain, 0, 15))
    shutil.rmtree(tmp_path / "tree")
    other = chain.fork(3).grow(20, "two")
    again = witness_in(tmp_path, keeper_in(tmp_path, other))
    follow(again.keeper, other)
    for sent in (shown(other, 15, 16), shown(other, 0, 15)):
        with pytest.raises(ConsentryError):
            again.add_checkpoint(sent)
    assert again.last == witness.last
    with pytest.raises(ConfigurationError, match="root at size 15 does not match"):
        witness_in(tmp_path, keeper_in(tmp_path, other))


def test_changed_memory_is_not_taken_up(tmp_path: Path, witness: Witness, chain: HeaderChain) -> None:
    witness.add_checkpoint(shown(chain, 0, 9))
    kept = tmp_path / "cosigned" / "checkpoint"
    content = kept.read_bytes()
    for changed in (content.replace(b"\n9\n", b"\n8\n"), b"", signed(chain, 9).to_bytes()):
        kept.write_bytes(changed)
        with pytest.raises(ConfigurationError):
            witness_in(tmp_path, witness.keeper)


@settings(max_examples=40, deadline=None)
@given(
    moves=st.lists(
        st.tuples(
            st.sampled_from(["true", "fork", "restart", "grow"]), st.integers(0, 40), st.integers(1, 40), st.booleans()
        ),
        max_size=25,
    )
)
def test_never_two_roots_for_one_size_and_never_back(
    moves: list[tuple[str, int, int, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, chain = tmp_path_factory.mktemp("moves"), HeaderChain().grow(12)
    fork = chain.fork(5).grow(30, "two")
    witness = witness_in(folder, followed(folder, chain))
    given_out: list[Checkpoint] = []
    for move, old, size, knows in moves:
        if move == "restart":
            witness = witness_in(folder, followed(folder, chain))
        elif move == "grow":
            follow(witness.keeper, chain.grow(2))
        else:
            teller = chain if move == "true" else fork
            size = min(size, len(teller.leaves()))  # noqa: PLW2901 - what the teller has
            last = given_out[-1].size if given_out and knows else min(old, size)
            if last > size:
                continue
            sent = shown(teller, last, size)
            try:
                witness.add_checkpoint(sent)
            except ConsentryError:
                continue
            given_out.append(sent.checkpoint)
    sizes = [checkpoint.size for checkpoint in given_out]
    assert sizes == sorted(sizes)
    assert all(checkpoint.root == expected_root(chain, checkpoint.size) for checkpoint in given_out)
