// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Subjects} from "../Subjects.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {ISignerKeys} from "../interfaces/ISignerKeys.sol";
import {
    BY_SUBJECT,
    GUARDIAN_COURT_APPOINTED,
    OBJECTOR_CARD,
    OBJECTOR_SIGNER,
    PROPOSER_AUTHORITY,
    PROPOSER_GUARDIAN,
    SCOPE_GRANT,
    SCOPE_REVOKE,
    Standing
} from "../types/Codes.sol";
import {GuardianRemoval} from "../types/Guardian.sol";
import {
    CARD_REMOVAL_TYPEHASH,
    CardRegistration,
    CardRemoval,
    RECOVERY_COMPLETION_TYPEHASH,
    RECOVERY_OBJECTION_TYPEHASH,
    Recovery,
    RecoveryCompletion,
    RecoveryObjection,
    RecoveryProposal,
    SignerRotation
} from "../types/SubjectKeys.sol";
import {KeyHashes} from "./KeyHashes.sol";
import {SubjectBed} from "./SubjectBed.sol";
import {VM, Vm} from "./Vm.sol";

/// @title Every refusal of rotation, card and recovery, and what is kept of what is accepted
contract SignerKeysTest is SubjectBed {
    uint256 private constant _NEW_KEY = 0xE000;
    uint256 private constant _CARD_KEY = 0xCA4D;
    uint256 private constant _AUTHORITY_KEY = 0xF000;
    uint64 private constant _EVER = type(uint64).max;

    KeyHashes private _keyHashes = new KeyHashes();

    /// @notice The delay is said at deployment, and can be read.
    function test_constructor_saysTheDelay() external {
        VM.recordLogs();
        Subjects another = new Subjects(IParticipants(address(_participants)), 9 days);
        Vm.Log[] memory logs = VM.getRecordedLogs();
        require(logs.length == 1 && logs[0].topics[0] == ISignerKeys.RecoveryDelaySet.selector, "another event");
        require(abi.decode(logs[0].data, (uint64)) == 9 days && another.recoveryDelay() == 9 days, "another delay");
    }

    /// @notice From a rotation on the new key signs, and a recovery that was open is over.
    function test_rotateSigner_endsAnOpenRecovery() external {
        _propose(_proposal());
        SignerRotation memory act = SignerRotation(_SUBJECT, _signerOf(_NEW_KEY), ++_nonce, _EVER);
        bytes32 actHash = _keyHashes.rotationHash(act);
        bytes[] memory signatures = _byBoth(_SUBJECT_KEY, _NEW_KEY, actHash);
        VM.recordLogs();
        _register.rotateSigner(act, signatures);
        _requireLogged(ISignerKeys.SignerRotated.selector, actHash, abi.encode(act, signatures));
        _requireSigner(_register.signerOf(_SUBJECT), _NEW_KEY);
        require(_register.recoveryOf(_SUBJECT).id == 0, "still open");
    }

    /// @notice A new key is one: of an acceptable form, and neither the signer nor the card.
    function test_rotateSigner_revertsForWhatIsNoNewKey() external {
        _registerCard();
        bytes4 selector = ISignerKeys.SignerKeysSignerInvalid.selector;
        _refuseRotation(_SUBJECT, _SUBJECT_KEY, abi.encodeWithSelector(selector, _signerOf(_SUBJECT_KEY)));
        _refuseRotation(_SUBJECT, _CARD_KEY, abi.encodeWithSelector(selector, _signerOf(_CARD_KEY)));
        _scriptAcceptable(false);
        _refuseRotation(_SUBJECT, _NEW_KEY, abi.encodeWithSelector(selector, _signerOf(_NEW_KEY)));
        selector = ISignerKeys.SignerKeysSubjectUnknown.selector;
        _refuseRotation(_OTHER, _NEW_KEY, abi.encodeWithSelector(selector, _OTHER));
        _requireSigner(_register.signerOf(_SUBJECT), _SUBJECT_KEY);
    }

    /// @notice Both keys sign: the old one first; the card is none of them.
    function test_rotateSigner_revertsWithoutEitherSignature() external {
        _registerCard();
        SignerRotation memory act = SignerRotation(_SUBJECT, _signerOf(_NEW_KEY), ++_nonce, _EVER);
        bytes32 actHash = _keyHashes.rotationHash(act);
        bytes[] memory signatures = _byBoth(_CARD_KEY, _NEW_KEY, actHash);
        _refuse(address(_register), abi.encodeCall(_register.rotateSigner, (act, signatures)), _unsigned(actHash, 0));
        signatures = _byBoth(_SUBJECT_KEY, _SUBJECT_KEY, actHash);
        _refuse(address(_register), abi.encodeCall(_register.rotateSigner, (act, signatures)), _unsigned(actHash, 1));
    }

    /// @notice A card takes the place of any other, and counts for what its subject may sign itself.
    function test_registerCard_keepsTheCard() external {
        _registerCard();
        CardRegistration memory act = CardRegistration(_SUBJECT, _signerOf(_NEW_KEY), ++_nonce, _EVER);
        bytes32 actHash = _keyHashes.registrationHash(act);
        bytes[] memory signatures = _byBoth(_SUBJECT_KEY, _NEW_KEY, actHash);
        VM.recordLogs();
        _register.registerCard(act, signatures);
        _requireLogged(ISignerKeys.CardRegistered.selector, actHash, abi.encode(act, signatures));
        _requireSigner(_register.cardSignerOf(_SUBJECT), _NEW_KEY);
        _requireSigner(_register.cardSignerFor(_SUBJECT, SCOPE_GRANT), _NEW_KEY);
        _note(_QUARTER, false, false);
        _requireNobody(_register.cardSignerFor(_SUBJECT, SCOPE_GRANT));
        _requireSigner(_register.cardSignerFor(_SUBJECT, SCOPE_REVOKE), _NEW_KEY);
        _note(_QUARTER, false, true);
        _requireNobody(_register.cardSignerFor(_SUBJECT, SCOPE_REVOKE));
        _requireSigner(_register.cardSignerOf(_SUBJECT), _NEW_KEY);
    }

    /// @notice A card is a new key, and both it and the subject sign.
    function test_registerCard_revertsForAnUnfitOne() external {
        CardRegistration memory act = CardRegistration(_SUBJECT, _signerOf(_SUBJECT_KEY), ++_nonce, _EVER);
        bytes32 actHash = _keyHashes.registrationHash(act);
        bytes memory problem = abi.encodeWithSelector(ISignerKeys.SignerKeysSignerInvalid.selector, act.signer);
        _refuseCard(act, _byBoth(_SUBJECT_KEY, _SUBJECT_KEY, actHash), problem);
        act.signer = _signerOf(_CARD_KEY);
        actHash = _keyHashes.registrationHash(act);
        _refuseCard(act, _byBoth(_CARD_KEY, _CARD_KEY, actHash), _unsigned(actHash, 0));
        _refuseCard(act, _byBoth(_SUBJECT_KEY, _SUBJECT_KEY, actHash), _unsigned(actHash, 1));
        act.subjectId = _OTHER;
        problem = abi.encodeWithSelector(ISignerKeys.SignerKeysSubjectUnknown.selector, _OTHER);
        _refuseCard(act, _byBoth(_SUBJECT_KEY, _CARD_KEY, _keyHashes.registrationHash(act)), problem);
        _requireNobody(_register.cardSignerOf(_SUBJECT));
    }

    /// @notice A card that is there is taken out of use by the subject alone, once.
    function test_removeCard_leavesNothingOfIt() external {
        CardRemoval memory act = CardRemoval(_SUBJECT, ++_nonce, _EVER);
        bytes32 actHash = keccak256(abi.encode(CARD_REMOVAL_TYPEHASH, act));
        bytes[] memory signatures = _by(_SUBJECT_KEY, actHash);
        bytes memory missing = abi.encodeWithSelector(ISignerKeys.SignerKeysCardMissing.selector, _SUBJECT);
        _refuse(address(_register), abi.encodeCall(_register.removeCard, (act, signatures)), missing);
        _registerCard();
        bytes memory call = abi.encodeCall(_register.removeCard, (act, _by(_CARD_KEY, actHash)));
        _refuse(address(_register), call, _unsigned(actHash, 0));
        VM.recordLogs();
        _register.removeCard(act, signatures);
        _requireLogged(ISignerKeys.CardRemoved.selector, actHash, abi.encode(act, signatures));
        _requireNobody(_register.cardSignerOf(_SUBJECT));
        ++act.nonce;
        _refuse(address(_register), abi.encodeCall(_register.removeCard, (act, signatures)), missing);
        act.subjectId = _OTHER;
        bytes memory unknown = abi.encodeWithSelector(ISignerKeys.SignerKeysSubjectUnknown.selector, _OTHER);
        _refuse(address(_register), abi.encodeCall(_register.removeCard, (act, signatures)), unknown);
    }

    /// @notice A guardian proposes without evidence; the recovery is open, and the only one.
    function test_proposeRecovery_opensOne() external {
        RecoveryProposal memory act = _proposal();
        (act.by, act.proposer, act.evidenceHash) = (PROPOSER_GUARDIAN, _appointRecoverer(), 0);
        bytes32 id = _keyHashes.proposalHash(act);
        bytes[] memory signatures = _byBoth(_NEW_KEY, _GUARDIAN_KEY, id);
        VM.recordLogs();
        _register.proposeRecovery(act, signatures);
        _requireLogged(ISignerKeys.RecoveryProposed.selector, id, abi.encode(act, signatures));
        Recovery memory open = _register.recoveryOf(_SUBJECT);
        require(open.id == id && open.effectiveAt == _NOW + _DELAY, "another recovery");
        require(open.by == PROPOSER_GUARDIAN && open.proposer == act.proposer, "another proposer");
        _requireSigner(open.signer, _NEW_KEY);
        _requireSigner(_register.signerOf(_SUBJECT), _SUBJECT_KEY);
        _refuseProposal(_proposal(), abi.encodeWithSelector(ISignerKeys.SignerKeysRecoveryOpen.selector, id));
    }

    /// @notice A guardian of the subject who may recover, or an active authority over the custodian's province.
    function test_proposeRecovery_revertsForOthers() external {
        _refuseProposer(0, _authorityId());
        _refuseProposer(PROPOSER_AUTHORITY + 1, _authorityId());
        _refuseProposer(PROPOSER_GUARDIAN, 0);
        _refuseProposer(PROPOSER_GUARDIAN, _OTHER);
        _refuseProposer(PROPOSER_GUARDIAN, _authorityId());
        _refuseProposer(PROPOSER_AUTHORITY, bytes32(uint256(_authorityId()) | (1 << 160)));
        _scriptAuthority(Standing.SUSPENDED, 0);
        _refuseProposer(PROPOSER_AUTHORITY, _authorityId());
        _scriptAuthority(Standing.ACTIVE, 310_000);
        _refuseProposer(PROPOSER_AUTHORITY, _authorityId());
        _scriptAuthority(Standing.ACTIVE, 449_999);
        require(_register.recoveryOf(_SUBJECT).id == 0, "something is open");
        bytes32 id = _propose(_proposal());
        require(_register.recoveryOf(_SUBJECT).id == id, "not that of the province");
    }

    /// @notice An authority says what it saw, the key is new, and the subject known.
    function test_proposeRecovery_revertsForAnUnfitOne() external {
        RecoveryProposal memory act = _proposal();
        act.evidenceHash = 0;
        _refuseProposal(act, abi.encodeWithSelector(ISignerKeys.SignerKeysEvidenceMissing.selector, _SUBJECT));
        act = _proposal();
        act.signer = _signerOf(_SUBJECT_KEY);
        _refuseProposal(act, abi.encodeWithSelector(ISignerKeys.SignerKeysSignerInvalid.selector, act.signer));
        act.subjectId = _OTHER;
        _refuseProposal(act, abi.encodeWithSelector(ISignerKeys.SignerKeysSubjectUnknown.selector, _OTHER));
    }

    /// @notice The new key signs, and who proposes.
    function test_proposeRecovery_revertsWithoutEitherSignature() external {
        RecoveryProposal memory act = _proposal();
        bytes32 id = _keyHashes.proposalHash(act);
        bytes[] memory signatures = _byBoth(_STRANGER_KEY, _AUTHORITY_KEY, id);
        _refuse(address(_register), abi.encodeCall(_register.proposeRecovery, (act, signatures)), _unsigned(id, 0));
        signatures = _byBoth(_NEW_KEY, _CUSTODIAN_KEY, id);
        _refuse(address(_register), abi.encodeCall(_register.proposeRecovery, (act, signatures)), _unsigned(id, 1));
    }

    /// @notice Signer and card each stop a recovery, also after its delay, and though a death was noted.
    function test_objectToRecovery_stopsIt() external {
        _registerCard();
        _note(0, false, true);
        uint256[2] memory keys = [_SUBJECT_KEY, _CARD_KEY];
        for (uint8 by = OBJECTOR_SIGNER; by <= OBJECTOR_CARD; ++by) {
            bytes32 id = _propose(_proposal());
            VM.warp(_NOW + by * _DELAY);
            RecoveryObjection memory act = _objection(id, by);
            bytes32 actHash = _objectionHash(act);
            bytes[] memory signatures = _by(keys[by - 1], actHash);
            VM.recordLogs();
            _register.objectToRecovery(act, signatures);
            _requireLogged(ISignerKeys.RecoveryObjected.selector, actHash, abi.encode(act, signatures));
            require(_register.recoveryOf(_SUBJECT).id == 0, "still open");
            _refuseCompletion(id, abi.encodeWithSelector(ISignerKeys.SignerKeysRecoveryUnknown.selector, id));
        }
    }

    /// @notice Nobody else does, and nobody stops what is not open.
    function test_objectToRecovery_revertsForOthers() external {
        bytes4 selector = ISignerKeys.SignerKeysRecoveryUnknown.selector;
        _refuseObjection(_objection(0, OBJECTOR_SIGNER), _SUBJECT_KEY, abi.encodeWithSelector(selector, bytes32(0)));
        bytes32 id = _propose(_proposal());
        _refuseObjection(_objection(_OTHER, OBJECTOR_SIGNER), _SUBJECT_KEY, abi.encodeWithSelector(selector, _OTHER));
        selector = ISignerKeys.SignerKeysObjectorInvalid.selector;
        _refuseObjection(_objection(id, 0), _SUBJECT_KEY, abi.encodeWithSelector(selector, uint8(0)));
        _refuseObjection(_objection(id, 3), _SUBJECT_KEY, abi.encodeWithSelector(selector, uint8(3)));
        RecoveryObjection memory act = _objection(id, OBJECTOR_CARD);
        _refuseObjection(act, _SUBJECT_KEY, _unsigned(_objectionHash(act), 0));
        act = _objection(id, OBJECTOR_SIGNER);
        _refuseObjection(act, _CUSTODIAN_KEY, _unsigned(_objectionHash(act), 0));
        act.subjectId = _OTHER;
        selector = ISignerKeys.SignerKeysSubjectUnknown.selector;
        _refuseObjection(act, _SUBJECT_KEY, abi.encodeWithSelector(selector, _OTHER));
        require(_register.recoveryOf(_SUBJECT).id == id, "stopped");
    }

    /// @notice Not a second before the delay is over; then the subject has the new key, and nothing is open.
    function test_completeRecovery_givesTheNewKeyAfterTheDelay() external {
        bytes32 id = _propose(_proposal());
        VM.warp(_NOW + _DELAY - 1);
        bytes4 selector = ISignerKeys.SignerKeysRecoveryEarly.selector;
        _refuseCompletion(id, abi.encodeWithSelector(selector, _NOW + _DELAY, _NOW + _DELAY - 1));
        VM.warp(_NOW + _DELAY);
        _refuseCompletion(_OTHER, abi.encodeWithSelector(ISignerKeys.SignerKeysRecoveryUnknown.selector, _OTHER));
        RecoveryCompletion memory act = RecoveryCompletion(_SUBJECT, id, _EVER);
        VM.recordLogs();
        _register.completeRecovery(act, new bytes[](0));
        bytes32 actHash = keccak256(abi.encode(RECOVERY_COMPLETION_TYPEHASH, act));
        _requireLogged(ISignerKeys.RecoveryCompleted.selector, actHash, abi.encode(act, new bytes[](0)));
        _requireSigner(_register.signerOf(_SUBJECT), _NEW_KEY);
        require(_register.recoveryOf(_SUBJECT).id == 0, "still open");
    }

    /// @notice Nobody enrolled, nothing recovered.
    function test_completeRecovery_revertsForAnUnknownSubject() external {
        RecoveryCompletion memory act = RecoveryCompletion(_OTHER, _OTHER, _EVER);
        bytes memory call = abi.encodeCall(_register.completeRecovery, (act, new bytes[](0)));
        bytes4 selector = ISignerKeys.SignerKeysSubjectUnknown.selector;
        _refuse(address(_register), call, abi.encodeWithSelector(selector, _OTHER));
    }

    /// @notice Thirty days after its delay a recovery has lapsed: nobody completes or stops it, and another may open.
    function test_completeRecovery_revertsForWhatLapsed() external {
        bytes32 id = _propose(_proposal());
        VM.warp(_NOW + _DELAY + 30 days - 1);
        require(_register.recoveryOf(_SUBJECT).id == id, "lapsed before its time");
        VM.warp(_NOW + _DELAY + 30 days);
        require(_register.recoveryOf(_SUBJECT).id == 0, "still open");
        bytes memory problem = abi.encodeWithSelector(ISignerKeys.SignerKeysRecoveryUnknown.selector, id);
        _refuseCompletion(id, problem);
        _refuseObjection(_objection(id, OBJECTOR_SIGNER), _SUBJECT_KEY, problem);
        bytes32 another = _propose(_proposal());
        require(_register.recoveryOf(_SUBJECT).id == another, "not opened anew");
    }

    /// @notice The last second still counts.
    function test_completeRecovery_countsToItsLastSecond() external {
        bytes32 id = _propose(_proposal());
        VM.warp(_NOW + _DELAY + 30 days - 1);
        _register.completeRecovery(RecoveryCompletion(_SUBJECT, id, _EVER), new bytes[](0));
        _requireSigner(_register.signerOf(_SUBJECT), _NEW_KEY);
    }

    /// @notice Who proposed must still be able to: a guardian that was removed since is not.
    function test_completeRecovery_revertsWhereTheProposerIsGone() external {
        RecoveryProposal memory act = _proposal();
        (act.by, act.proposer) = (PROPOSER_GUARDIAN, _appointRecoverer());
        bytes32 id = _keyHashes.proposalHash(act);
        _register.proposeRecovery(act, _byBoth(_NEW_KEY, _GUARDIAN_KEY, id));
        GuardianRemoval memory removal = GuardianRemoval(act.proposer, _SUBJECT, BY_SUBJECT, ++_nonce, _EVER);
        _register.removeGuardian(removal, _by(_SUBJECT_KEY, _hashes.removalHash(removal)));
        VM.warp(_NOW + _DELAY);
        bytes4 selector = ISignerKeys.SignerKeysProposerInvalid.selector;
        _refuseCompletion(id, abi.encodeWithSelector(selector, PROPOSER_GUARDIAN, act.proposer));
        _requireSigner(_register.signerOf(_SUBJECT), _SUBJECT_KEY);
    }

    function _appointRecoverer() private returns (bytes32 name) {
        return _appoint(_appointment(GUARDIAN_COURT_APPOINTED));
    }

    function _registerCard() private {
        CardRegistration memory act = CardRegistration(_SUBJECT, _signerOf(_CARD_KEY), ++_nonce, _EVER);
        _register.registerCard(act, _byBoth(_SUBJECT_KEY, _CARD_KEY, _keyHashes.registrationHash(act)));
    }

    function _propose(RecoveryProposal memory act) private returns (bytes32 id) {
        id = _keyHashes.proposalHash(act);
        _register.proposeRecovery(act, _byBoth(_NEW_KEY, _AUTHORITY_KEY, id));
    }

    /// @dev By an authority, which is over the whole country unless scripted otherwise.
    function _proposal() private returns (RecoveryProposal memory act) {
        bytes memory signer = _signerOf(_NEW_KEY);
        return RecoveryProposal(_SUBJECT, signer, PROPOSER_AUTHORITY, _authorityId(), _EVIDENCE, ++_nonce, _EVER);
    }

    function _objection(bytes32 id, uint8 by) private returns (RecoveryObjection memory act) {
        return RecoveryObjection(_SUBJECT, id, by, ++_nonce, _EVER);
    }

    function _refuseRotation(bytes32 subjectId, uint256 key, bytes memory problem) private {
        SignerRotation memory act = SignerRotation(subjectId, _signerOf(key), ++_nonce, _EVER);
        bytes[] memory signatures = _byBoth(_SUBJECT_KEY, key, _keyHashes.rotationHash(act));
        _refuse(address(_register), abi.encodeCall(_register.rotateSigner, (act, signatures)), problem);
    }

    function _refuseCard(CardRegistration memory act, bytes[] memory signatures, bytes memory problem) private {
        _refuse(address(_register), abi.encodeCall(_register.registerCard, (act, signatures)), problem);
    }

    function _refuseProposer(uint8 by, bytes32 proposer) private {
        RecoveryProposal memory act = _proposal();
        (act.by, act.proposer) = (by, proposer);
        bytes4 selector = ISignerKeys.SignerKeysProposerInvalid.selector;
        _refuseProposal(act, abi.encodeWithSelector(selector, by, proposer));
    }

    function _refuseProposal(RecoveryProposal memory act, bytes memory problem) private {
        bytes[] memory signatures = _byBoth(_NEW_KEY, _AUTHORITY_KEY, _keyHashes.proposalHash(act));
        _refuse(address(_register), abi.encodeCall(_register.proposeRecovery, (act, signatures)), problem);
    }

    function _refuseObjection(RecoveryObjection memory act, uint256 key, bytes memory problem) private {
        bytes[] memory signatures = _by(key, _objectionHash(act));
        _refuse(address(_register), abi.encodeCall(_register.objectToRecovery, (act, signatures)), problem);
    }

    function _refuseCompletion(bytes32 id, bytes memory problem) private {
        RecoveryCompletion memory act = RecoveryCompletion(_SUBJECT, id, _EVER);
        bytes memory call = abi.encodeCall(_register.completeRecovery, (act, new bytes[](0)));
        _refuse(address(_register), call, problem);
    }

    function _authorityId() private pure returns (bytes32 id) {
        return bytes32(uint256(uint160(VM.addr(_AUTHORITY_KEY))));
    }

    function _objectionHash(RecoveryObjection memory act) private pure returns (bytes32 structHash) {
        return keccak256(abi.encode(RECOVERY_OBJECTION_TYPEHASH, act));
    }
}
