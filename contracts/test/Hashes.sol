// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessRequest, REQUEST_BATCH_TYPEHASH} from "../types/AccessRequest.sol";
import {ConsentId, ConsentTerms, REVOCATION_TYPEHASH} from "../types/ConsentTerms.sol";
import {Enrolment} from "../types/Enrolment.sol";
import {Circumstances, GuardianAppointment, GuardianRemoval} from "../types/Guardian.sol";
import {RecordId, RecordLeaf} from "../types/RecordLeaf.sol";

/// @title Struct hashes of structs in memory
/// @notice The functions of the types take calldata; a call of this contract brings a struct there. The digest is
/// written out here, apart from OpenZeppelin's, so that the domain of every contract is checked on the way.
contract Hashes {
    /// @notice Hashes an enrolment.
    /// @param enrolment what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function enrolmentHash(Enrolment calldata enrolment) external pure returns (bytes32 structHash) {
        return enrolment.enrolmentHashOf();
    }

    /// @notice Hashes a leaf.
    /// @param leaf what is hashed.
    /// @return id its EIP-712 struct hash.
    function recordId(RecordLeaf calldata leaf) external pure returns (bytes32 id) {
        return RecordId.unwrap(leaf.recordIdOf());
    }

    /// @notice Hashes terms.
    /// @param terms what is hashed.
    /// @return id their EIP-712 struct hash.
    function consentId(ConsentTerms calldata terms) external pure returns (bytes32 id) {
        return ConsentId.unwrap(terms.consentIdOf());
    }

    /// @notice Hashes a request.
    /// @param request what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function requestHash(AccessRequest calldata request) external pure returns (bytes32 structHash) {
        return request.requestHashOf();
    }

    /// @notice Hashes a batch of one request.
    /// @param institution who asks.
    /// @param structHash of the request.
    /// @return hash its EIP-712 struct hash.
    function batchHash(address institution, bytes32 structHash) external pure returns (bytes32 hash) {
        bytes32 root = keccak256(abi.encodePacked(hex"00", structHash));
        return keccak256(abi.encode(REQUEST_BATCH_TYPEHASH, institution, root, 1));
    }

    /// @notice Gives what a signer signs.
    /// @param target the verifying contract.
    /// @param name its domain name.
    /// @param structHash what is signed.
    /// @return hash the EIP-712 digest.
    function digest(address target, string calldata name, bytes32 structHash) external view returns (bytes32 hash) {
        bytes32 typeHash = keccak256(
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
        );
        bytes32 separator = keccak256(
            abi.encode(typeHash, keccak256(bytes(name)), keccak256("1"), block.chainid, target)
        );
        return keccak256(abi.encodePacked(hex"1901", separator, structHash));
    }

    /// @notice Hashes a revocation.
    /// @param id of the consent.
    /// @param subjectId of its subject.
    /// @param guardian appointment under which a guardian revokes; zero for the subject.
    /// @return structHash its EIP-712 struct hash.
    function revocationHash(
        bytes32 id,
        bytes32 subjectId,
        bytes32 guardian
    ) external pure returns (bytes32 structHash) {
        return keccak256(abi.encode(REVOCATION_TYPEHASH, id, subjectId, guardian));
    }

    /// @notice Hashes an appointment.
    /// @param act what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function appointmentHash(GuardianAppointment calldata act) external pure returns (bytes32 structHash) {
        return act.appointmentHashOf();
    }

    /// @notice Hashes a removal.
    /// @param act what is hashed.
    /// @return structHash its EIP-712 struct hash.
    function removalHash(GuardianRemoval calldata act) external pure returns (bytes32 structHash) {
        return act.removalHashOf();
    }

    /// @notice Hashes circumstances.
    /// @param act what is hashed.
    /// @return structHash their EIP-712 struct hash.
    function circumstancesHash(Circumstances calldata act) external pure returns (bytes32 structHash) {
        return act.circumstancesHashOf();
    }
}
