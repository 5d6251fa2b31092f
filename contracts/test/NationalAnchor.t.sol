// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";

import {Governance} from "../Governance.sol";
import {NationalAnchor} from "../NationalAnchor.sol";
import {IAuthorities} from "../interfaces/IAuthorities.sol";
import {Conflict, INationalAnchor, LedgerStatus} from "../interfaces/INationalAnchor.sol";
import {LedgerCheckpoint, LedgerIdentity, LogPlace, ProvenDecision, ReceiptPlace} from "../types/LedgerCheckpoint.sol";
import {HIGHEST_OFFICE, ROLE_NATIONAL, ROLE_REGISTER} from "../types/Roles.sol";
import {NationalTrees} from "./NationalTrees.sol";
import {VM} from "./Vm.sol";

/// @title The national ledger: every line and branch, on small trees
/// @dev This contract is admin and first officer. The log of the province has eight leaves, of which one is a decision.
contract NationalAnchorTest is NationalTrees {
    /// @notice Runs before each test.
    function setUp() external {
        VM.warp(_START);
        Governance governance = new Governance(address(this), 0);
        _anchor = new NationalAnchor(address(governance));
        bytes4[] memory selectors = new bytes4[](4);
        selectors[0] = INationalAnchor.admitLedger.selector;
        selectors[1] = INationalAnchor.changeWitnesses.selector;
        selectors[2] = INationalAnchor.resolveFork.selector;
        selectors[3] = INationalAnchor.closeLedger.selector;
        governance.setTargetFunctionRole(address(_anchor), selectors, ROLE_NATIONAL);
        for (uint64 role = ROLE_NATIONAL; role <= HIGHEST_OFFICE; ++role) governance.setRoleAdmin(role, ROLE_REGISTER);
        governance.grantRole(ROLE_REGISTER, address(_anchor), 0);
        VM.expectRevert(abi.encodeWithSelector(IAuthorities.ParticipantsOfficerInvalid.selector, address(this)));
        _anchor.begin(address(this), address(this), 0);
        _anchor.begin(address(this), _SECOND, 0);
        _byTwo(abi.encodeCall(_anchor.admitLedger, (_identity(), _witnesses(), 1)));
        _id = _reader.idOf(_identity());
    }

    /// @notice A deployment begins once.
    function test_begin_revertsTheSecondTime() external {
        VM.expectRevert(abi.encodeWithSelector(INationalAnchor.NationalAnchorBegun.selector));
        _anchor.begin(address(0xE000), _SECOND, 0);
    }

    /// @notice A ledger is whole and new, its witnesses have a form, and a majority must sign.
    function test_admitLedger_revertsForWhatHasNoForm() external {
        LedgerIdentity memory odd = _identity();
        odd.origin = "";
        VM.expectRevert(abi.encodeWithSelector(INationalAnchor.NationalAnchorIdentityInvalid.selector));
        _anchor.admitLedger(odd, _witnesses(), 1);
        VM.expectRevert(
            abi.encodeWithSelector(INationalAnchor.NationalAnchorLedgerKnown.selector, _id, LedgerStatus.ACTIVE)
        );
        _anchor.admitLedger(_identity(), _witnesses(), 1);
        _refuseWitnesses(new bytes[](0), 0);
        _refuseWitnesses(new bytes[](33), 33);
        _refuseWitnesses(new bytes[](1), 0);
        VM.expectRevert(abi.encodeWithSelector(INationalAnchor.NationalAnchorThresholdInvalid.selector, 0, 1));
        _anchor.changeWitnesses(_id, _witnesses(), 0);
    }

    /// @notice Other witnesses take the place of those before.
    function test_changeWitnesses_replacesThem() external {
        require(_anchor.isWitness(_id, _witnesses()[0]), "no witness");
        bytes[] memory others = new bytes[](1);
        others[0] = abi.encodePacked(address(0xB000));
        _byTwo(abi.encodeCall(_anchor.changeWitnesses, (_id, others, 1)));
        require(!_anchor.isWitness(_id, _witnesses()[0]), "still a witness");
        (, , , uint32 version, uint8 threshold) = _anchor.ledgerOf(_id);
        require(version == 2 && threshold == 1, "another list");
    }

    /// @notice A log that grows is anchored, with trees of odd and even sizes.
    function test_anchor_takesALogThatGrows() external {
        uint64[4] memory sizes = [uint64(1), 3, 4, 8];
        uint64 before = 0;
        for (uint256 i = 0; i < sizes.length; ++i) {
            require(_bring(_seen(sizes[i]), _nodes(before, sizes[i])) == Conflict.NONE, "a conflict");
            before = sizes[i];
        }
        require(_anchor.checkpointOf(_id, 4).root == _root(0, 4), "another root");
        require(_anchor.checkpointOf(_id, 5).root == 0, "a root of nowhere");
    }

    /// @notice What is no checkpoint, or ahead of the clock, is refused.
    function test_anchor_revertsForWhatHasNoForm() external {
        LedgerCheckpoint memory odd = _seen(3);
        odd.root = 0;
        _refuse(odd, new bytes32[](0), abi.encodeWithSelector(INationalAnchor.NationalAnchorCheckpointInvalid.selector));
        odd = _seen(3);
        odd.seenAt = _START + 61;
        bytes4 selector = INationalAnchor.NationalAnchorTimeInvalid.selector;
        _refuse(odd, new bytes32[](0), abi.encodeWithSelector(selector, _START + 61, _START + 60));
        odd = _seen(3);
        odd.ledgerId = _OTHER;
        selector = INationalAnchor.NationalAnchorStatusInvalid.selector;
        _refuse(odd, new bytes32[](0), abi.encodeWithSelector(selector, _OTHER, LedgerStatus.NONE));
        selector = INationalAnchor.NationalAnchorNodesInvalid.selector;
        _refuse(_seen(3), new bytes32[](1), abi.encodeWithSelector(selector, 0, 3));
    }

    /// @notice Enough witnesses sign, each once and for itself.
    function test_anchor_revertsWithoutAQuorum() external {
        LedgerCheckpoint memory seen = _seen(3);
        bytes[] memory none = new bytes[](0);
        bytes[] memory signatures = _sign(seen);
        VM.expectRevert(abi.encodeWithSelector(INationalAnchor.NationalAnchorQuorumMissing.selector, 0, 0, 1));
        _anchor.anchor(seen, new bytes32[](0), none, none);
        bytes[] memory twice = new bytes[](2);
        (twice[0], twice[1]) = (_witnesses()[0], _witnesses()[0]);
        bytes[] memory both = new bytes[](2);
        (both[0], both[1]) = (signatures[0], signatures[0]);
        VM.expectRevert(abi.encodeWithSelector(INationalAnchor.NationalAnchorSignersUnordered.selector, 1));
        _anchor.anchor(seen, new bytes32[](0), twice, both);
        bytes[] memory stranger = new bytes[](1);
        stranger[0] = abi.encodePacked(address(0xB000));
        VM.expectRevert(
            abi.encodeWithSelector(INationalAnchor.NationalAnchorWitnessUnknown.selector, _id, stranger[0])
        );
        _anchor.anchor(seen, new bytes32[](0), stranger, signatures);
        bytes[] memory other = _sign(_seen(4));
        VM.expectRevert(
            abi.encodeWithSelector(INationalAnchor.NationalAnchorSignatureInvalid.selector, _witnesses()[0])
        );
        _anchor.anchor(seen, new bytes32[](0), _witnesses(), other);
    }

    /// @notice What says nothing new, or shows nothing, is refused.
    function test_anchor_revertsForWhatShowsNothing() external {
        _bring(_seen(4), new bytes32[](0));
        bytes4 selector = INationalAnchor.NationalAnchorRepeated.selector;
        _refuse(_seen(4), new bytes32[](0), abi.encodeWithSelector(selector, _id, 4));
        selector = INationalAnchor.NationalAnchorStale.selector;
        _refuse(_seen(3), new bytes32[](0), abi.encodeWithSelector(selector, _id, 3, 4));
        _refuse(_seen(3), _nodes(3, 4), abi.encodeWithSelector(selector, _id, 3, 4));
        selector = INationalAnchor.NationalAnchorNodesInvalid.selector;
        _refuse(_seen(8), new bytes32[](0), abi.encodeWithSelector(selector, 4, 8));
        _refuse(_seen(8), new bytes32[](1), abi.encodeWithSelector(selector, 4, 8));
        _refuse(_seen(8), new bytes32[](3), abi.encodeWithSelector(selector, 4, 8));
    }

    /// @notice Each kind of conflict is recorded, once, and stops the ledger until two officers resolve it.
    function test_anchor_recordsConflicts() external {
        _bring(_seen(4), new bytes32[](0));
        LedgerCheckpoint memory other = _seen(4);
        other.root = _OTHER;
        _record(other, new bytes32[](0), Conflict.TWO_ROOTS);
        _refuse(
            other,
            new bytes32[](0),
            abi.encodeWithSelector(INationalAnchor.NationalAnchorConflictKnown.selector, _reader.hashOf(other))
        );
        _refuse(
            _seen(8),
            _nodes(4, 8),
            abi.encodeWithSelector(INationalAnchor.NationalAnchorStatusInvalid.selector, _id, LedgerStatus.FORKED)
        );
        other = _seen(4);
        other.blockHash = _OTHER;
        _record(other, new bytes32[](0), Conflict.TWO_BLOCKS);
        other = _seen(8);
        other.seenAt = 1;
        _record(other, new bytes32[](0), Conflict.WENT_BACK);
        other = _seen(3);
        other.blockNumber = 9;
        _record(other, new bytes32[](0), Conflict.WENT_BACK);
        other = _seen(3);
        other.root = _OTHER;
        _record(other, _nodes(3, 4), Conflict.NOT_A_PREFIX);
        _byTwo(abi.encodeCall(_anchor.resolveFork, (_id, 0)));
        require(_bring(_seen(8), _nodes(4, 8)) == Conflict.NONE, "does not go on");
    }

    /// @notice A former list is convicted of what it signed twice until a fork is resolved, and anchors nothing.
    function test_recordConflict_hearsFormerLists() external {
        _bring(_seen(4), new bytes32[](0));
        bytes[] memory others = new bytes[](1);
        others[0] = abi.encodePacked(address(0xB000));
        _byTwo(abi.encodeCall(_anchor.changeWitnesses, (_id, others, 1)));
        bytes4 selector = INationalAnchor.NationalAnchorNotAnchored.selector;
        _refuseConflict(3, _seen(4), abi.encodeWithSelector(selector, _id, 3));
        selector = INationalAnchor.NationalAnchorNoConflict.selector;
        _refuseConflict(4, _seen(8), abi.encodeWithSelector(selector, _id, 8, 4));
        LedgerCheckpoint memory other = _seen(4);
        other.root = _OTHER;
        Conflict conflict = _anchor.recordConflict(4, other, new bytes32[](0), _witnesses(), _sign(other));
        require(conflict == Conflict.TWO_ROOTS, "no conflict");
        _requireStatus(LedgerStatus.FORKED);
        _byTwo(abi.encodeCall(_anchor.resolveFork, (_id, 0)));
        other.root = keccak256("another");
        selector = INationalAnchor.NationalAnchorListUnheard.selector;
        _refuseConflict(4, other, abi.encodeWithSelector(selector, _id, 1));
    }

    /// @notice After a change of the list no clock convicts, and none goes back.
    function test_anchor_refusesATimeBehindThatOfFormerWitnesses() external {
        LedgerCheckpoint memory seen = _seen(4);
        _bring(seen, new bytes32[](0));
        _byTwo(abi.encodeCall(_anchor.changeWitnesses, (_id, _witnesses(), 1)));
        LedgerCheckpoint memory behind = _seen(8);
        behind.seenAt = seen.seenAt - 1;
        bytes4 selector = INationalAnchor.NationalAnchorTimeBehind.selector;
        _refuse(behind, _nodes(4, 8), abi.encodeWithSelector(selector, behind.seenAt, seen.seenAt));
        _requireStatus(LedgerStatus.ACTIVE);
    }

    /// @notice A ledger closed while forked stays forked; resolved it is closed, and what is closed records conflicts.
    function test_closeLedger_keepsAFork() external {
        _bring(_seen(4), new bytes32[](0));
        for (uint256 i = 0; i < 2; ++i) {
            LedgerCheckpoint memory other = _seen(4);
            other.root = bytes32(i + 1);
            require(_bring(other, new bytes32[](0)) == Conflict.TWO_ROOTS, "no conflict");
            if (i == 0) _byTwo(abi.encodeCall(_anchor.closeLedger, (_id, 0)));
            _requireStatus(LedgerStatus.CLOSED_FORKED);
            bytes4 selector = INationalAnchor.NationalAnchorStatusInvalid.selector;
            VM.expectRevert(abi.encodeWithSelector(selector, _id, LedgerStatus.CLOSED_FORKED));
            _anchor.verifyLoggedDecision(_identity(), 4, _place(), _topics(), _data(), new bytes32[](0));
            _byTwo(abi.encodeCall(_anchor.resolveFork, (_id, 0)));
            _requireStatus(LedgerStatus.CLOSED);
        }
    }

    /// @notice Only a fork is resolved, and a closed ledger takes nothing more.
    function test_closeLedger_isForEver() external {
        bytes4 selector = INationalAnchor.NationalAnchorStatusInvalid.selector;
        VM.expectRevert(abi.encodeWithSelector(selector, _id, LedgerStatus.ACTIVE));
        _anchor.resolveFork(_id, 0);
        _byTwo(abi.encodeCall(_anchor.closeLedger, (_id, 0)));
        _refuse(_seen(4), new bytes32[](0), abi.encodeWithSelector(selector, _id, LedgerStatus.CLOSED));
    }

    /// @notice A decision is proved by its place in the log, and no other is.
    function test_verifyLoggedDecision_provesOneEventInOnePlace() external {
        _bring(_seen(8), new bytes32[](0));
        bytes32[] memory path = _path(_DECIDED, 8);
        LogPlace memory place = _place();
        ProvenDecision memory found =
            _anchor.verifyLoggedDecision(_identity(), 8, place, _topics(), _data(), path);
        require(found.requestId == 7 && found.subjectId == _OTHER, "another decision");
        require(found.institution == address(0xC000) && found.entry.recordId == _OTHER, "another request");
        bytes4 selector = INationalAnchor.NationalAnchorPathInvalid.selector;
        bytes memory refusal = abi.encodeWithSelector(selector, _leaf(_DECIDED), _root(0, 8));
        place.index = 8;
        VM.expectRevert(refusal);
        _anchor.verifyLoggedDecision(_identity(), 8, place, _topics(), _data(), path);
        VM.expectRevert(refusal);
        _anchor.verifyLoggedDecision(_identity(), 8, _place(), _topics(), _data(), new bytes32[](4));
        VM.expectRevert(abi.encodeWithSelector(INationalAnchor.NationalAnchorNotAnchored.selector, _id, 7));
        _anchor.verifyLoggedDecision(_identity(), 7, _place(), _topics(), _data(), path);
    }

    /// @notice The last leaf of an odd tree moves up past levels without a neighbour.
    function test_verifyLoggedDecision_takesTheLastLeafOfAnOddTree() external {
        LedgerCheckpoint memory seen = _seen(8);
        bytes32 leaf = _leaf(_DECIDED);
        (seen.size, seen.root) = (3, sha256(abi.encodePacked(bytes1(0x01), _OTHER, leaf)));
        _bring(seen, new bytes32[](0));
        bytes32[] memory path = new bytes32[](1);
        path[0] = _OTHER;
        LogPlace memory place = _place();
        place.index = 2;
        _anchor.verifyLoggedDecision(_identity(), 3, place, _topics(), _data(), path);
    }

    /// @notice Another event of the ledger is in the log, and is no decision.
    function test_verifyLoggedDecision_revertsForAnotherEvent() external {
        bytes32[] memory topics = new bytes32[](1);
        _refuseEvent(topics, _data(), 1);
        _refuseEvent(_topics(), "", 2);
    }

    /// @notice A decision is proved by the headers and the receipt, with a type before it or without.
    function test_verifyDecisionReceipt_provesALogOfAReceipt() external {
        _proveReceipt(_receipt(_log(_LEDGER), 1), 1);
        _proveReceipt(abi.encodePacked(bytes1(0x02), _receipt(_log(_LEDGER), 1)), 2);
    }

    /// @notice A failed transaction, another contract, a log that is none or is not there prove nothing.
    function test_verifyDecisionReceipt_revertsForWhatIsNoDecision() external {
        bytes4 selector = INationalAnchor.NationalAnchorLogMissing.selector;
        bytes memory missing = abi.encodeWithSelector(selector, 0, 0);
        _refuseReceipt(_receipt(_log(_LEDGER), 0), 0, missing, 1);
        _refuseReceipt(_receipt(_log(address(0xA001)), 1), 0, missing, 2);
        _refuseReceipt(_receipt(RLP.encode(new bytes[](0)), 1), 0, missing, 3);
        _refuseReceipt(_receipt(_log(_LEDGER), 1), 1, abi.encodeWithSelector(selector, 0, 1), 4);
    }

    /// @notice The first header is the anchored block, each other the parent of the one before.
    function test_verifyDecisionReceipt_revertsForHeadersThatAreNotLinked() external {
        bytes[] memory headers = _anchored(_receipt(_log(_LEDGER), 1), 1);
        bytes32 blockHash = keccak256(headers[0]);
        bytes4 selector = INationalAnchor.NationalAnchorHeadersInvalid.selector;
        headers[1] = _header(_OTHER, _OTHER);
        VM.expectRevert(abi.encodeWithSelector(selector, blockHash));
        _anchor.verifyDecisionReceipt(_identity(), 1, headers, ReceiptPlace(0, 0), new bytes[](0));
    }

    // What happens

    function _byTwo(bytes memory call) private {
        (bool proposed, ) = address(_anchor).call(call);
        VM.prank(_SECOND);
        (bool confirmed, ) = address(_anchor).call(call);
        require(proposed && confirmed, "two officers do not suffice");
    }

    function _bring(LedgerCheckpoint memory seen, bytes32[] memory nodes) private returns (Conflict conflict) {
        return _anchor.anchor(seen, nodes, _witnesses(), _sign(seen));
    }

    function _record(LedgerCheckpoint memory seen, bytes32[] memory nodes, Conflict expected) private {
        require(_bring(seen, nodes) == expected, "another conflict");
        require(_anchor.conflictOf(_reader.hashOf(seen)) == expected, "not recorded");
        (LedgerStatus status, , , , ) = _anchor.ledgerOf(_id);
        require(status == LedgerStatus.FORKED, "goes on");
    }

    function _requireStatus(LedgerStatus expected) private view {
        (LedgerStatus status, , , , ) = _anchor.ledgerOf(_id);
        require(status == expected, "another status");
    }

    function _refuseConflict(uint64 against, LedgerCheckpoint memory seen, bytes memory refusal) private {
        bytes32[] memory nodes = seen.size > against ? _nodes(against, seen.size) : new bytes32[](0);
        bytes[] memory signatures = _sign(seen);
        VM.expectRevert(refusal);
        _anchor.recordConflict(against, seen, nodes, _witnesses(), signatures);
    }

    function _refuse(LedgerCheckpoint memory seen, bytes32[] memory nodes, bytes memory refusal) private {
        bytes[] memory signatures = _sign(seen);
        VM.expectRevert(refusal);
        _anchor.anchor(seen, nodes, _witnesses(), signatures);
    }

    function _refuseWitnesses(bytes[] memory witnesses, uint256 place) private {
        VM.expectRevert(abi.encodeWithSelector(INationalAnchor.NationalAnchorWitnessesInvalid.selector, place));
        _anchor.changeWitnesses(_id, witnesses, 1);
    }

    function _refuseEvent(bytes32[] memory topics, bytes memory data, uint64 size) private {
        bytes32 leaf = _reader.leafOf(_identity(), _place(), topics, data);
        LedgerCheckpoint memory seen = _seen(8);
        (seen.size, seen.blockNumber) = (size, size);
        seen.root = leaf;
        LogPlace memory place = _place();
        place.index = 0;
        bytes32[] memory path = new bytes32[](size - 1);
        bytes32[] memory nodes = new bytes32[](0);
        if (size == 2) {
            (seen.root, nodes) = (sha256(abi.encodePacked(bytes1(0x01), _newest(), leaf)), new bytes32[](2));
            (nodes[0], nodes[1]) = (_newest(), leaf);
            (path[0], place.index) = (_newest(), 1);
        }
        _bring(seen, nodes);
        VM.expectRevert(abi.encodeWithSelector(INationalAnchor.NationalAnchorNoDecision.selector));
        _anchor.verifyLoggedDecision(_identity(), size, place, topics, data, path);
    }

    function _proveReceipt(bytes memory receipt, uint64 size) private {
        bytes[] memory headers = _anchored(receipt, size);
        ProvenDecision memory found =
            _anchor.verifyDecisionReceipt(_identity(), size, headers, ReceiptPlace(0, 0), _trie(receipt));
        require(found.requestId == 7, "another decision");
    }

    function _refuseReceipt(bytes memory receipt, uint256 logIndex, bytes memory refusal, uint64 size) private {
        bytes[] memory headers = _anchored(receipt, size);
        VM.expectRevert(refusal);
        _anchor.verifyDecisionReceipt(_identity(), size, headers, ReceiptPlace(0, logIndex), _trie(receipt));
    }

    /// @dev Anchors the block after the one with a receipt; the tree is that of the usual leaves.
    function _anchored(bytes memory receipt, uint64 size) private returns (bytes[] memory headers) {
        headers = new bytes[](2);
        headers[1] = _header(_OTHER, keccak256(_trie(receipt)[0]));
        headers[0] = _header(keccak256(headers[1]), _OTHER);
        LedgerCheckpoint memory seen = _seen(size);
        seen.blockHash = keccak256(headers[0]);
        _bring(seen, _nodes(size - 1, size));
    }
}
