// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessLedger} from "../AccessLedger.sol";
import {Authorisations} from "../Authorisations.sol";
import {Consents} from "../Consents.sol";
import {Emergencies} from "../Emergencies.sol";
import {Governance} from "../Governance.sol";
import {Participants} from "../Participants.sol";
import {Records} from "../Records.sol";
import {Subjects} from "../Subjects.sol";
import {IConsents} from "../interfaces/IConsents.sol";
import {Founding} from "../interfaces/IParticipants.sol";
import {AccessRequest, CompactRequest, Material, RequestCodes} from "../types/AccessRequest.sol";
import {ConsentTerms} from "../types/ConsentTerms.sol";
import {Enrolment} from "../types/Enrolment.sol";
import {RecordId, RecordLeaf} from "../types/RecordLeaf.sol";
import {
    HIGHEST_OFFICE,
    ROLE_AUDIT,
    ROLE_AUTHORITY,
    ROLE_NATIONAL,
    ROLE_REGISTER,
    ROLE_SECURITY,
    ROLE_SYSTEM
} from "../types/Roles.sol";
import {Hashes} from "./Hashes.sol";
import {VM} from "./Vm.sol";

/// @title The deployed suite with two institutions and two subjects
/// @notice This contract is admin, national authority with its first officer, and relay at once; `secondOfficer` agrees
/// to whatever takes two. It has every right there is, so whatever it cannot do nobody can.
contract Suite {
    uint256 internal constant _START = 1_800_000_000;
    uint256 internal constant _HOSPITALS = 2;
    uint256 internal constant _SUBJECTS = 2;
    uint256 internal constant _RECORDS = 3;

    Governance public governance;
    Participants public participants;
    Subjects public subjects;
    Records public records;
    Consents public consents;
    Emergencies public emergencies;
    Authorisations public authorisations;
    AccessLedger public ledger;
    Hashes public hashes;

    /// @notice The first is the custodian of all subjects.
    address[] public hospitals;
    bytes32[] public subjectIds;
    RecordLeaf[] internal _leaves;

    constructor() {
        VM.warp(_START);
        hashes = new Hashes();
        _deploy();
        for (uint256 i = 0; i < _HOSPITALS; ++i) _admit(hospitalKey(i));
        for (uint256 i = 0; i < _SUBJECTS; ++i) _enrol(i);
        for (uint256 i = 0; i < _RECORDS; ++i) _anchor(i);
    }

    /// @notice Lets a further account relay.
    /// @param account the account.
    function addRelay(address account) external {
        _admitRelay(account);
    }

    /// @notice Gives up the role of the admin, as a deployer does at the end.
    function renounce() external {
        governance.renounceRole(0, address(this));
    }

    /// @notice Gives the second officer of the national authority; the first is this contract.
    /// @return officer its account.
    function secondOfficer() public pure returns (address officer) {
        return VM.addr(0xD000);
    }

    /// @notice Gives an anchored leaf.
    /// @param index below the number of records.
    /// @return leaf as anchored.
    function leafOf(uint256 index) external view returns (RecordLeaf memory leaf) {
        return _leaves[index];
    }

    /// @notice Gives the private key of an institution.
    /// @param index below the number of institutions.
    /// @return key its key.
    function hospitalKey(uint256 index) public pure returns (uint256 key) {
        return 0xA000 + index;
    }

    /// @notice Gives the private key of a subject.
    /// @param index below the number of subjects.
    /// @return key its key.
    function subjectKey(uint256 index) public pure returns (uint256 key) {
        return 0xB000 + index;
    }

    /// @notice Gives terms that are granted if the subject signs them.
    /// @param subject index of the subject.
    /// @param hospital index of the grantee.
    /// @param nonce makes equal terms distinct.
    /// @return terms for laboratory reports, for a day.
    function termsOf(
        uint256 subject,
        uint256 hospital,
        uint256 nonce
    ) public view returns (ConsentTerms memory terms) {
        terms.subjectId = subjectIds[subject];
        terms.institution = hospitals[hospital];
        terms.categories = 1 << 3;
        terms.purposes = 1 << 1;
        terms.actions = 1 << 1;
        terms.maxSensitivity = 3;
        terms.dataUntil = 1_000;
        terms.validFrom = uint64(_START);
        terms.validUntil = uint64(_START + 365 days);
        terms.maxUses = 2;
        terms.noticeHash = keccak256("notice");
        terms.noticeVersion = 1;
        terms.assurance = 1;
        terms.nonce = nonce;
    }

    /// @notice Gives a request that is permitted under a fit consent.
    /// @param hospital index of who asks.
    /// @param record index of what is asked for.
    /// @param consentId what is invoked.
    /// @param requestId chosen freely.
    /// @return request good for an hour.
    function requestOf(
        uint256 hospital,
        uint256 record,
        bytes32 consentId,
        uint256 requestId
    ) public view returns (AccessRequest memory request) {
        request.requestId = requestId;
        request.institution = hospitals[hospital];
        request.recordId = hashes.recordId(_leaves[record]);
        request.consentId = consentId;
        request.purpose = 1;
        request.action = 1;
        request.legalBasis = 1;
        request.actorKind = 1;
        request.practitioner = keccak256("practitioner");
        request.releaseKeyHash = sha256("release key");
        request.issuedAt = uint64(block.timestamp);
        request.expiresAt = uint64(block.timestamp + 1 hours);
    }

    /// @notice Signs a struct hash in the EIP-712 domain of a contract.
    /// @param key private key.
    /// @param target the contract.
    /// @param name its domain name.
    /// @param structHash what is signed.
    /// @return signature r, s, v.
    function sign(
        uint256 key,
        address target,
        string memory name,
        bytes32 structHash
    ) public view returns (bytes memory signature) {
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(key, hashes.digest(target, name, structHash));
        return abi.encodePacked(r, s, v);
    }

    /// @notice Makes a batch of one.
    /// @param request what is asked.
    /// @param terms of the consent.
    /// @return requests of the batch.
    /// @return material of the batch.
    function batchOf(
        AccessRequest memory request,
        ConsentTerms memory terms
    ) public pure returns (CompactRequest[] memory requests, Material memory material) {
        requests = new CompactRequest[](1);
        requests[0] = compactOf(request);
        material.institutions = new address[](1);
        material.institutions[0] = request.institution;
        material.releaseKeyHashes = new bytes32[](1);
        material.releaseKeyHashes[0] = request.releaseKeyHash;
        material.consents = new ConsentTerms[](1);
        material.consents[0] = terms;
    }

    /// @notice Packs a request whose material stands first in each table.
    /// @param request what is asked.
    /// @return compact the same, packed.
    function compactOf(AccessRequest memory request) public pure returns (CompactRequest memory compact) {
        return
            CompactRequest({
                requestId: request.requestId,
                recordId: RecordId.wrap(request.recordId),
                codes: codesOf(request),
                reasonHash: request.reasonHash,
                practitioner: request.practitioner,
                places: request.consentId == bytes32(0) ? 0 : uint256(1) << 32
            });
    }

    /// @notice Packs codes and times of a request.
    /// @param request what is asked.
    /// @return codes the same, in one word.
    function codesOf(AccessRequest memory request) public pure returns (RequestCodes codes) {
        uint256 word = request.purpose | (uint256(request.action) << 8) | (uint256(request.legalBasis) << 16);
        word |= (uint256(request.actorKind) << 24) | (uint256(request.reasonCode) << 32);
        return RequestCodes.wrap(word | (uint256(request.issuedAt) << 40) | (uint256(request.expiresAt) << 104));
    }

    function _deploy() private {
        governance = new Governance(address(this), 0);
        participants = new Participants(address(governance));
        subjects = new Subjects(participants, 7 days);
        records = new Records(participants, subjects);
        address predicted = VM.computeCreateAddress(address(this), VM.getNonce(address(this)) + 3);
        consents = new Consents(participants, subjects, predicted, 30 days);
        emergencies = new Emergencies(participants, subjects, predicted);
        authorisations = new Authorisations(participants);
        ledger = new AccessLedger(participants, records, IConsents(address(consents)), emergencies, authorisations);
        _wire();
        Founding memory founding;
        founding.authority = address(this);
        founding.secondOfficer = secondOfficer();
        participants.begin(founding);
        _admitRelay(address(this));
    }

    function _wire() private {
        for (uint64 role = ROLE_NATIONAL; role <= HIGHEST_OFFICE; ++role) {
            governance.setRoleAdmin(role, ROLE_REGISTER);
        }
        governance.grantRole(ROLE_REGISTER, address(participants), 0);
        _give(ROLE_NATIONAL, participants.admitAuthority.selector);
        _give(ROLE_NATIONAL, participants.suspendAuthority.selector);
        _give(ROLE_NATIONAL, participants.reinstateAuthority.selector);
        _give(ROLE_NATIONAL, participants.appointOfficer.selector);
        _give(ROLE_NATIONAL, participants.dismissOfficer.selector);
        _give(ROLE_AUTHORITY, participants.admitInstitution.selector);
        _give(ROLE_AUTHORITY, participants.admitRelay.selector);
        _give(ROLE_SYSTEM, participants.admitVerifier.selector);
        _give(ROLE_SECURITY, participants.suspendInstitution.selector);
        _give(ROLE_SECURITY, participants.suspendInEmergency.selector);
        _give(ROLE_SECURITY, participants.reinstateInstitution.selector);
        _give(ROLE_SECURITY, participants.resetInstitutionKeys.selector);
        _give(ROLE_AUDIT, participants.limitInstitution.selector);
    }

    function _give(uint64 role, bytes4 selector) private {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = selector;
        governance.setTargetFunctionRole(address(participants), selectors, role);
    }

    function _admitRelay(address account) private {
        participants.admitRelay(account, address(this));
        VM.prank(secondOfficer());
        participants.admitRelay(account, address(this));
    }

    function _admit(uint256 key) private {
        address account = VM.addr(key);
        hospitals.push(account);
        participants.admitInstitution(account, 110_000, abi.encodePacked(account), "release key", bytes32(0));
        VM.prank(secondOfficer());
        participants.admitInstitution(account, 110_000, abi.encodePacked(account), "release key", bytes32(0));
    }

    function _enrol(uint256 index) private {
        bytes32 subjectId = keccak256(abi.encode("subject", index));
        subjectIds.push(subjectId);
        Enrolment memory enrolment = Enrolment({
            subjectId: subjectId,
            signer: abi.encodePacked(VM.addr(subjectKey(index))),
            custodian: hospitals[0],
            signBefore: uint64(_START + 1)
        });
        bytes32 structHash = hashes.enrolmentHash(enrolment);
        bytes memory own = sign(subjectKey(index), address(subjects), "Consentry Subjects", structHash);
        bytes memory theirs = sign(hospitalKey(0), address(subjects), "Consentry Subjects", structHash);
        subjects.enrol(enrolment, own, theirs);
    }

    function _anchor(uint256 index) private {
        RecordLeaf memory leaf = RecordLeaf({
            custodian: hospitals[0],
            subjectId: subjectIds[index % _SUBJECTS],
            previous: bytes32(0),
            lineage: bytes32(0),
            version: 1,
            category: 3,
            sensitivity: 2,
            dataMonth: 600,
            suite: 1,
            retention: 1,
            ciphertextDigest: keccak256(abi.encode("ciphertext", index)),
            ciphertextSize: 1,
            commitment: keccak256(abi.encode("commitment", index))
        });
        _leaves.push(leaf);
        records.anchor(
            leaf,
            sign(hospitalKey(0), address(records), "Consentry Records", hashes.recordId(leaf))
        );
    }
}
