// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISignerKeys} from "../interfaces/ISignerKeys.sol";
import {Regions} from "../libraries/Regions.sol";
import {
    OBJECTOR_CARD,
    OBJECTOR_SIGNER,
    PROPOSER_AUTHORITY,
    PROPOSER_GUARDIAN,
    SCOPE_GRANT,
    SCOPE_RECOVER
} from "../types/Codes.sol";
import {
    CardRegistration,
    CardRemoval,
    Recovery,
    RecoveryCompletion,
    RecoveryObjection,
    RecoveryProposal,
    SignerRotation
} from "../types/SubjectKeys.sol";
import {SubjectFile} from "./SubjectFile.sol";

/// @title Keys of a subject: rotation, card, recovery
/// @notice See `ISignerKeys`.
abstract contract SignerKeys is SubjectFile, ISignerKeys {
    /// @dev How long a recovery can be completed once its delay is over.
    uint64 private constant _TIME_TO_COMPLETE = 30 days;

    /// @inheritdoc ISignerKeys
    uint64 public immutable recoveryDelay;

    mapping(bytes32 subjectId => bytes) private _cards;
    mapping(bytes32 subjectId => Recovery) private _recoveries;

    /// @param recoveryDelay_ seconds for which a recovery is public before it can be completed.
    constructor(uint64 recoveryDelay_) {
        recoveryDelay = recoveryDelay_;
        emit RecoveryDelaySet(recoveryDelay_);
    }

    /// @inheritdoc ISignerKeys
    function rotateSigner(SignerRotation calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.rotationHashOf();
        _begin(actHash, act.signBefore, signatures.length, 2);
        _requireNewSigner(act.subjectId, act.signer);
        _requireSigned(actHash, 0, _ownSigner(act.subjectId, false), signatures[0]);
        _requireSigned(actHash, 1, act.signer, signatures[1]);
        _setSigner(act.subjectId, act.signer);
        delete _recoveries[act.subjectId];
        emit SignerRotated(actHash, act.subjectId, address(0), act, signatures);
    }

    /// @inheritdoc ISignerKeys
    function registerCard(CardRegistration calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.registrationHashOf();
        _begin(actHash, act.signBefore, signatures.length, 2);
        _requireNewSigner(act.subjectId, act.signer);
        _requireSigned(actHash, 0, _ownSigner(act.subjectId, false), signatures[0]);
        _requireSigned(actHash, 1, act.signer, signatures[1]);
        _cards[act.subjectId] = act.signer;
        emit CardRegistered(actHash, act.subjectId, address(0), act, signatures);
    }

    /// @inheritdoc ISignerKeys
    function removeCard(CardRemoval calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.cardRemovalHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        _requireEnrolled(act.subjectId);
        if (_cards[act.subjectId].length == 0) revert SignerKeysCardMissing(act.subjectId);
        _requireSigned(actHash, 0, _ownSigner(act.subjectId, false), signatures[0]);
        delete _cards[act.subjectId];
        emit CardRemoved(actHash, act.subjectId, address(0), act, signatures);
    }

    /// @inheritdoc ISignerKeys
    function proposeRecovery(RecoveryProposal calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.proposalHashOf();
        _begin(actHash, act.signBefore, signatures.length, 2);
        _requireNewSigner(act.subjectId, act.signer);
        Recovery memory open = _recoveries[act.subjectId];
        if (_isOpen(open)) revert SignerKeysRecoveryOpen(open.id);
        bytes memory proposer = _requireProposer(act.subjectId, act.by, act.proposer);
        if (act.by == PROPOSER_AUTHORITY && act.evidenceHash == bytes32(0)) {
            revert SignerKeysEvidenceMissing(act.subjectId);
        }
        _requireSigned(actHash, 0, act.signer, signatures[0]);
        _requireSigned(actHash, 1, proposer, signatures[1]);
        _recoveries[act.subjectId] = Recovery({
            id: actHash,
            effectiveAt: uint64(block.timestamp) + recoveryDelay,
            by: act.by,
            proposer: act.proposer,
            signer: act.signer
        });
        emit RecoveryProposed(actHash, act.subjectId, address(0), act, signatures);
    }

    /// @inheritdoc ISignerKeys
    function objectToRecovery(RecoveryObjection calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.objectionHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        _requireOpen(act.subjectId, act.recovery);
        bool card = act.by == OBJECTOR_CARD;
        if (!card && act.by != OBJECTOR_SIGNER) revert SignerKeysObjectorInvalid(act.by);
        // Whoever objects is alive, whatever was noted.
        _requireSigned(actHash, 0, card ? _cards[act.subjectId] : _signer(act.subjectId), signatures[0]);
        delete _recoveries[act.subjectId];
        emit RecoveryObjected(actHash, act.subjectId, address(0), act, signatures);
    }

    /// @inheritdoc ISignerKeys
    function completeRecovery(RecoveryCompletion calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.completionHashOf();
        _begin(actHash, act.signBefore, signatures.length, 0);
        Recovery memory open = _requireOpen(act.subjectId, act.recovery);
        if (block.timestamp < open.effectiveAt) {
            revert SignerKeysRecoveryEarly(open.effectiveAt, uint64(block.timestamp));
        }
        _requireProposer(act.subjectId, open.by, open.proposer);
        _setSigner(act.subjectId, open.signer);
        delete _recoveries[act.subjectId];
        emit RecoveryCompleted(actHash, act.subjectId, address(0), act, signatures);
    }

    /// @inheritdoc ISignerKeys
    function cardSignerOf(bytes32 subjectId) external view returns (bytes memory signer) {
        return _cards[subjectId];
    }

    /// @inheritdoc ISignerKeys
    function cardSignerFor(bytes32 subjectId, uint8 scope) external view returns (bytes memory signer) {
        bool may = _facts(subjectId).maySignAt(scope == SCOPE_GRANT, block.timestamp);
        return may ? _cards[subjectId] : bytes("");
    }

    /// @inheritdoc ISignerKeys
    function recoveryOf(bytes32 subjectId) external view returns (Recovery memory open) {
        Recovery memory kept = _recoveries[subjectId];
        if (_isOpen(kept)) open = kept;
    }

    /// @dev The signer of a guardian, as `IGuardianship` says.
    function _guardianSigner(
        bytes32 subjectId,
        bytes32 appointment,
        uint8 scope
    ) internal view virtual returns (bytes memory signer);

    /// @dev Gives the signer of who proposes, who must be able to now.
    function _requireProposer(
        bytes32 subjectId,
        uint8 by,
        bytes32 proposer
    ) private view returns (bytes memory signer) {
        if (by == PROPOSER_GUARDIAN && proposer != bytes32(0)) {
            signer = _guardianSigner(subjectId, proposer, SCOPE_RECOVER);
        } else if (by == PROPOSER_AUTHORITY && uint256(proposer) <= type(uint160).max) {
            signer = _authoritySigner(subjectId, address(uint160(uint256(proposer))));
        }
        if (signer.length == 0) revert SignerKeysProposerInvalid(by, proposer);
    }

    /// @dev Gives the account of an active authority over the custodian's region; empty for any other.
    function _authoritySigner(bytes32 subjectId, address authority) private view returns (bytes memory signer) {
        uint32 region = _members().institutionRegion(_facts(subjectId).custodianOf());
        return Regions.isActiveOver(_members(), authority, region) ? abi.encodePacked(authority) : bytes("");
    }

    function _requireNewSigner(bytes32 subjectId, bytes calldata signer) private view {
        _requireEnrolled(subjectId);
        bytes32 hash = keccak256(signer);
        bool held = hash == keccak256(_signer(subjectId)) || hash == keccak256(_cards[subjectId]);
        if (held || !_members().isAcceptableSigner(signer)) revert SignerKeysSignerInvalid(signer);
    }

    function _requireOpen(bytes32 subjectId, bytes32 recovery) private view returns (Recovery memory open) {
        _requireEnrolled(subjectId);
        open = _recoveries[subjectId];
        if (!_isOpen(open) || open.id != recovery) revert SignerKeysRecoveryUnknown(recovery);
    }

    function _isOpen(Recovery memory recovery) private view returns (bool open) {
        return recovery.id != bytes32(0) && block.timestamp < recovery.effectiveAt + _TIME_TO_COMPLETE;
    }

    function _requireEnrolled(bytes32 subjectId) private view {
        if (_facts(subjectId).custodianOf() == address(0)) revert SignerKeysSubjectUnknown(subjectId);
    }
}
