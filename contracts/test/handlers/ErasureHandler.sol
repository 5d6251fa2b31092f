// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessEntry, AccessRequest, CompactRequest, Material, Outcome} from "../../types/AccessRequest.sol";
import {Reason, RecordStatus} from "../../types/Codes.sol";
import {ConsentTerms} from "../../types/ConsentTerms.sol";
import {Erasure, ErasureOfficerAdmission, ErasureOfficerRemoval, Restriction} from "../../types/Erasure.sol";
import {RecordId} from "../../types/RecordLeaf.sol";
import {ErasureHashes} from "../ErasureHashes.sol";
import {Suite} from "../Suite.sol";
import {VM, Vm} from "../Vm.sol";

/// @title Random histories of officers, restrictions, erasures and accesses
/// @notice Keeps its own account of who is an officer and of what was erased. The invariants compare it with the contract.
contract ErasureHandler {
    uint256 private constant _OFFICERS = 3;
    uint256 private constant _RECORDS = 3;
    string private constant _DOMAIN = "Consentry Records";
    bytes32 private constant _DECIDED =
        keccak256(
            "AccessDecided(uint256,bytes32,address,(bytes32,bytes32,bytes32,bytes32,bytes32,uint256,uint256))"
        );

    /// @notice Erasures that were accepted though two officers did not both sign.
    uint256 public forgeries;
    /// @notice Accesses permitted to a record that was erased before.
    uint256 public permitsAfterErasure;
    /// @notice Accesses that were permitted, restrictions and erasures that were taken.
    uint256[3] public outcomes;
    /// @notice Whether a record was erased, by its index.
    mapping(uint256 index => bool) public erased;

    Suite private _suite;
    ErasureHashes private _hashes;
    uint256 private _nonce;
    mapping(uint256 officer => bool) private _admitted;

    /// @param suite the contracts.
    constructor(Suite suite) {
        _suite = suite;
        _hashes = new ErasureHashes();
    }

    /// @notice Tries to admit an officer of the custodian; one in three is signed by somebody else.
    /// @param officer picks the person.
    /// @param forger picks who signs in the institution's place.
    function admit(uint256 officer, uint256 forger) external {
        officer %= _OFFICERS;
        ErasureOfficerAdmission memory act = ErasureOfficerAdmission({
            institution: _suite.hospitals(0),
            officer: _signerOf(officer),
            nonce: ++_nonce,
            signBefore: type(uint64).max
        });
        bytes32 hash = _hashes.admissionHash(act);
        bool own = forger % 3 != 0;
        bytes[] memory signatures = new bytes[](2);
        signatures[0] = _sign(own ? _suite.hospitalKey(0) : _suite.hospitalKey(1), hash);
        signatures[1] = _sign(_keyOf(officer), hash);
        try _suite.records().admitErasureOfficer(act, signatures) {
            if (!own) ++forgeries;
            _admitted[officer] = true;
        } catch {
            // Refused: the invariants look at the state that remains.
        }
    }

    /// @notice Tries to take an officer out.
    /// @param officer picks the person.
    function remove(uint256 officer) external {
        officer %= _OFFICERS;
        ErasureOfficerRemoval memory act = ErasureOfficerRemoval({
            institution: _suite.hospitals(0),
            officer: _signerOf(officer),
            nonce: ++_nonce,
            signBefore: type(uint64).max
        });
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _sign(_suite.hospitalKey(0), _hashes.removalHash(act));
        try _suite.records().removeErasureOfficer(act, signatures) {
            _admitted[officer] = false;
        } catch {
            // Refused: nobody was to be taken out.
        }
    }

    /// @notice Tries to restrict a record or to lift that, also of one that was erased.
    /// @param record picks the record.
    /// @param restricted whether to restrict.
    function restrict(uint256 record, bool restricted) external {
        record %= _RECORDS;
        Restriction memory act = Restriction({
            recordId: _recordId(record),
            institution: _suite.hospitals(0),
            subjectId: _suite.leafOf(record).subjectId,
            restricted: restricted,
            reasonCode: 1,
            nonce: ++_nonce,
            signBefore: type(uint64).max
        });
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _sign(_suite.hospitalKey(0), _hashes.restrictionHash(act));
        try _suite.records().changeRestriction(act, signatures) {
            ++outcomes[1];
        } catch {
            // Refused: the status did not allow it.
        }
    }

    /// @notice Tries to erase a record; the officers are drawn with their signatures, alike or not, known or not.
    /// @param record picks the record.
    /// @param first picks the first officer.
    /// @param second picks the second officer.
    /// @param fault picks who signs in the second one's place.
    function erase(uint256 record, uint256 first, uint256 second, uint256 fault) external {
        record %= _RECORDS;
        first %= _OFFICERS;
        second %= _OFFICERS;
        Erasure memory act = Erasure({
            recordId: _recordId(record),
            institution: _suite.hospitals(0),
            subjectId: _suite.leafOf(record).subjectId,
            reasonCode: 4,
            keysDestroyed: keccak256("report"),
            firstOfficer: _signerOf(first),
            secondOfficer: _signerOf(second),
            nonce: ++_nonce,
            signBefore: type(uint64).max
        });
        bytes32 hash = _hashes.erasureHash(act);
        uint256 key = fault % 4 == 0 ? _keyOf(first) : _keyOf(second);
        bytes[] memory signatures = new bytes[](2);
        signatures[0] = _sign(_keyOf(first), hash);
        signatures[1] = _sign(key, hash);
        bool fit = first != second && _admitted[first] && _admitted[second] && key == _keyOf(second);
        try _suite.records().eraseRecord(act, signatures) {
            if (!fit || erased[record]) ++forgeries;
            erased[record] = true;
            ++outcomes[2];
        } catch {
            // Refused: the invariants look at the state that remains.
        }
    }

    /// @notice Asks for a record under a consent that is granted at the first time.
    /// @param record picks the record.
    function ask(uint256 record) external {
        record %= _RECORDS;
        ConsentTerms memory terms = _suite.termsOf(record % 2, 1, 0);
        terms.maxUses = type(uint32).max;
        bytes32 id = _suite.hashes().consentId(terms);
        uint256 subjectKey = _suite.subjectKey(record % 2);
        bytes memory granted = _suite.sign(subjectKey, address(_suite.consents()), "Consentry Consents", id);
        try _suite.consents().grant(terms, granted) {
            // In force from here on.
        } catch {
            // In force before.
        }
        AccessRequest memory request = _suite.requestOf(1, record, id, ++_nonce);
        bytes32 hash = _suite.hashes().requestHash(request);
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _suite.sign(_suite.hospitalKey(1), address(_suite.ledger()), "Consentry AccessLedger", hash);
        (CompactRequest[] memory requests, Material memory material) = _suite.batchOf(request, terms);
        VM.recordLogs();
        _suite.ledger().decide(requests, signatures, material);
        Vm.Log[] memory logs = VM.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != _DECIDED) continue;
            AccessEntry memory entry = abi.decode(logs[i].data, (AccessEntry));
            if (uint8(Outcome.unwrap(entry.outcome)) != uint8(Reason.NONE)) continue;
            ++outcomes[0];
            if (erased[record]) ++permitsAfterErasure;
        }
    }

    /// @notice Gives the status of a record.
    /// @param record its index.
    /// @return status on chain.
    function statusOf(uint256 record) external view returns (RecordStatus status) {
        return _suite.records().statusOf(_recordId(record));
    }

    function _sign(uint256 key, bytes32 hash) private view returns (bytes memory signature) {
        return _suite.sign(key, address(_suite.records()), _DOMAIN, hash);
    }

    function _recordId(uint256 record) private view returns (RecordId id) {
        return RecordId.wrap(_suite.hashes().recordId(_suite.leafOf(record)));
    }

    function _signerOf(uint256 officer) private pure returns (bytes memory signer) {
        return abi.encodePacked(VM.addr(_keyOf(officer)));
    }

    function _keyOf(uint256 officer) private pure returns (uint256 key) {
        return 0xC000 + officer;
    }
}
