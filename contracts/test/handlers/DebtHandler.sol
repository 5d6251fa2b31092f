// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessEntry, AccessRequest, CompactRequest, Material, Outcome} from "../../types/AccessRequest.sol";
import {
    DEBT_PERIOD,
    EMERGENCY_NOTICE_TYPEHASH,
    EMERGENCY_REVIEW_TYPEHASH,
    EmergencyNotice,
    EmergencyReview,
    OUTCOME_REFERRED,
    debtIdOf
} from "../../types/Emergency.sol";
import {ConsentTerms} from "../../types/ConsentTerms.sol";
import {Suite} from "../Suite.sol";
import {VM, Vm} from "../Vm.sol";

/// @title Random histories of emergencies, notices and reviews
/// @notice Keeps its own account of what was permitted and what was paid, from events and from who signed. The
/// invariants compare that account with the contracts.
contract DebtHandler {
    /// @dev What an emergency access owes, as seen from outside.
    struct Owed {
        bytes32 debtId;
        uint256 hospital;
        uint256 subject;
        uint256 openedAt;
        bool noticed;
        bool reviewed;
    }

    uint256 private constant _REQUEST_IDS = 24;
    bytes32 private constant _PERSON = keccak256("practitioner");
    bytes32 private constant _DECIDED = keccak256(
        "AccessDecided(uint256,bytes32,address,(bytes32,bytes32,bytes32,bytes32,bytes32,uint256,uint256))"
    );

    Suite private immutable _suite;

    Owed[] private _owed;

    /// @notice Acts that were taken without the signature they need, or of a person about the own access.
    uint256 public forgeries;
    /// @notice Debts that somebody opened past the access ledger.
    uint256 public inventions;
    /// @notice Permitted emergencies, and debts that were paid.
    uint256[2] public outcomes;

    /// @param suite the contracts; this handler must be one of its relays.
    constructor(Suite suite) {
        _suite = suite;
    }

    /// @notice Asks in an emergency; one in four requests lacks something.
    /// @param hospital picks who asks.
    /// @param record picks what for.
    /// @param requestId picks the request id.
    /// @param fault picks what is missing, if anything.
    function ask(uint256 hospital, uint256 record, uint256 requestId, uint256 fault) external {
        AccessRequest memory request = _suite.requestOf(hospital % 2, record % 3, bytes32(0), requestId % _REQUEST_IDS);
        request.legalBasis = 2;
        request.purpose = fault % 8 == 7 ? 1 : 2;
        request.reasonCode = fault % 16 == 3 ? 0 : 1;
        request.reasonHash = keccak256("reason");
        request.expiresAt = uint64(block.timestamp + 15 minutes);
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _suite.sign(
            _suite.hospitalKey(hospital % 2),
            address(_suite.ledger()),
            "Consentry AccessLedger",
            _suite.hashes().requestHash(request)
        );
        VM.recordLogs();
        _submit(request, signatures, record % 3);
        _follow(VM.getRecordedLogs(), request, hospital % 2, record % 3);
    }

    /// @notice Tries to say that the patient knows; one in three is signed by somebody else.
    /// @param index picks the debt.
    /// @param by picks who says so.
    /// @param forger picks the signer.
    function notify(uint256 index, uint256 by, uint256 forger) external {
        if (_owed.length == 0) return;
        Owed storage owed = _owed[index % _owed.length];
        EmergencyNotice memory act = EmergencyNotice({
            debtId: owed.debtId,
            subjectId: _suite.subjectIds(owed.subject),
            institution: _suite.hospitals(owed.hospital),
            guardian: bytes32(0),
            noticeHash: keccak256("notice"),
            sentAt: uint64(block.timestamp),
            by: uint8(1 + (by % 2)),
            signBefore: uint64(block.timestamp + 1 + (forger % 3))
        });
        // The first hospital is the custodian of all subjects.
        uint256 needed = act.by == 1 ? _suite.subjectKey(owed.subject) : _suite.hospitalKey(0);
        uint256 key = forger % 3 == 0 ? _suite.hospitalKey(1) : needed;
        bytes[] memory signatures = _signed(key, keccak256(abi.encode(EMERGENCY_NOTICE_TYPEHASH, act)));
        try _suite.emergencies().notice(act, signatures) {
            if (key != needed) ++forgeries;
            owed.noticed = true;
            _countPaid(owed);
        } catch {
            // Refused: the invariants look at the state that remains.
        }
    }

    /// @notice Tries to review; one in three is signed by somebody else, one in four is by who looked.
    /// @param index picks the debt.
    /// @param outcome picks the outcome.
    /// @param forger picks signer and reviewer.
    function review(uint256 index, uint256 outcome, uint256 forger) external {
        if (_owed.length == 0) return;
        Owed storage owed = _owed[index % _owed.length];
        EmergencyReview memory act = EmergencyReview({
            debtId: owed.debtId,
            subjectId: _suite.subjectIds(owed.subject),
            institution: _suite.hospitals(owed.hospital),
            authority: address(0),
            reviewer: forger % 4 == 1 ? _PERSON : keccak256("reviewer"),
            role: uint8(1 + (outcome % 2)),
            outcome: uint8(1 + (outcome % 3)),
            reasonHash: keccak256("reasons"),
            signBefore: uint64(block.timestamp + 1 + (forger % 3))
        });
        uint256 needed = _suite.hospitalKey(owed.hospital);
        uint256 key = forger % 3 == 0 ? _suite.subjectKey(owed.subject) : needed;
        bytes[] memory signatures = _signed(key, keccak256(abi.encode(EMERGENCY_REVIEW_TYPEHASH, act)));
        try _suite.emergencies().review(act, signatures) {
            if (key != needed || act.reviewer == _PERSON) ++forgeries;
            owed.reviewed = owed.reviewed || act.outcome != OUTCOME_REFERRED;
            _countPaid(owed);
        } catch {
            // Refused: the invariants look at the state that remains.
        }
    }

    /// @notice Lets time pass, up to two days.
    /// @param duration seconds.
    function wait(uint256 duration) external {
        VM.warp(block.timestamp + (duration % 2 days));
    }

    /// @notice Tries what an administrator might: a debt of nobody's access.
    /// @param requestId picks an id.
    function meddle(uint256 requestId) external {
        address hospital = _suite.hospitals(0);
        bytes32 subjectId = _suite.subjectIds(0);
        VM.prank(address(_suite));
        try _suite.emergencies().open(hospital, requestId, subjectId, _PERSON) {
            ++inventions;
        } catch {
            // Refused, as it must be.
        }
    }

    /// @notice Gives how many emergencies were permitted.
    /// @return count of them.
    function owedCount() external view returns (uint256 count) {
        return _owed.length;
    }

    /// @notice Gives what one of them owes.
    /// @param index below the count.
    /// @return owed as seen from outside.
    function owedAt(uint256 index) external view returns (Owed memory owed) {
        return _owed[index];
    }

    /// @notice Counts what an institution owes by this account.
    /// @param hospital index of the institution.
    /// @return unpaid debts.
    /// @return late those of them that are due.
    function owedBy(uint256 hospital) external view returns (uint256 unpaid, uint256 late) {
        for (uint256 i = 0; i < _owed.length; ++i) {
            Owed storage owed = _owed[i];
            if (owed.hospital != hospital || (owed.noticed && owed.reviewed)) continue;
            ++unpaid;
            if (block.timestamp >= owed.openedAt + DEBT_PERIOD) ++late;
        }
    }

    function _submit(AccessRequest memory request, bytes[] memory signatures, uint256 record) private {
        ConsentTerms memory none;
        (CompactRequest[] memory requests, Material memory material) = _suite.batchOf(request, none);
        material.consents = new ConsentTerms[](0);
        material.subjects = new bytes32[](1);
        material.subjects[0] = _suite.leafOf(record).subjectId;
        requests[0].places |= uint256(1) << 48;
        _suite.ledger().decide(requests, signatures, material);
    }

    function _follow(
        Vm.Log[] memory logs,
        AccessRequest memory request,
        uint256 hospital,
        uint256 record
    ) private {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != _DECIDED) continue;
            AccessEntry memory entry = abi.decode(logs[i].data, (AccessEntry));
            if (uint8(Outcome.unwrap(entry.outcome)) != 0) continue;
            bytes32 debtId = debtIdOf(request.institution, request.requestId);
            _owed.push(Owed(debtId, hospital, record % 2, block.timestamp, false, false));
            ++outcomes[0];
        }
    }

    function _countPaid(Owed storage owed) private {
        if (owed.noticed && owed.reviewed) ++outcomes[1];
    }

    function _signed(uint256 key, bytes32 structHash) private view returns (bytes[] memory signatures) {
        signatures = new bytes[](1);
        signatures[0] = _suite.sign(key, address(_suite.emergencies()), "Consentry Emergencies", structHash);
    }
}
