// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Asked, IAsks} from "../interfaces/IAsks.sol";
import {AskDenial, ConsentAsk} from "../types/Ask.sol";
import {ACTION_STORE, ASSURANCE_DEVICE_KEY, AskStatus, SCOPE_GRANT, Standing} from "../types/Codes.sol";
import {ConsentTerms} from "../types/ConsentTerms.sol";
import {Registers} from "./Registers.sol";

/// @title Asking for a consent, and saying no
/// @notice See `IAsks`.
abstract contract Asks is Registers, IAsks {
    /// @dev Shortest and longest time an ask can stay open. Whoever is asked has a day to deny: of asks that lapse at
    /// once one could follow the other without end.
    uint64 private constant _SHORTEST_OPEN = 1 days;
    uint64 private constant _LONGEST_OPEN = 90 days;

    /// @inheritdoc IAsks
    uint64 public immutable coolDown;

    mapping(bytes32 askId => Asked) private _asked;
    mapping(bytes32 matter => bytes32 askId) private _last;
    mapping(bytes32 matter => uint64) private _coolDownEnds;

    /// @param coolDown_ seconds for which a denial keeps the same ask away.
    constructor(uint64 coolDown_) {
        coolDown = coolDown_;
    }

    /// @inheritdoc IAsks
    function ask(ConsentAsk calldata act, bytes[] calldata signatures) external {
        bytes32 askId = act.askHashOf();
        _begin(askId, act.signBefore, signatures.length, 1);
        bytes memory signer = _requireAskable(askId, act);
        bytes32 matter = _matterOf(act.institution, act.subjectId, act.purpose);
        _requireQuiet(act, matter);
        _requireSigned(askId, 0, signer, signatures[0]);
        _last[matter] = askId;
        _keep(askId, act);
        emit ConsentAsked(askId, act.subjectId, act.institution, act, signatures);
    }

    /// @inheritdoc IAsks
    function denyAsk(AskDenial calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.denialHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        Asked storage asked = _asked[act.askId];
        _requireOpen(act.askId);
        if (asked.subjectId != act.subjectId) revert AsksSubjectMismatch(act.askId, act.subjectId);
        // What a shielded minor was asked is its own to deny.
        bool kept = _isKeptFrom(act.guardian, act.subjectId);
        bytes memory signer = kept ? bytes("") : _register().signerFor(act.subjectId, act.guardian, SCOPE_GRANT);
        _requireSigned(actHash, 0, signer, signatures[0]);
        asked.status = AskStatus.DENIED;
        bytes32 matter = _matterOf(asked.institution, asked.subjectId, asked.purpose);
        _coolDownEnds[matter] = uint64(block.timestamp) + coolDown;
        emit ConsentDenied(actHash, act.subjectId, address(0), act, signatures);
    }

    /// @inheritdoc IAsks
    function askOf(bytes32 askId) external view returns (Asked memory asked) {
        asked = _asked[askId];
        asked.status = _statusOf(askId);
    }

    /// @inheritdoc IAsks
    function lastAsk(address institution, bytes32 subjectId, uint8 purpose) external view returns (bytes32 askId) {
        return _last[_matterOf(institution, subjectId, purpose)];
    }

    /// @inheritdoc IAsks
    function coolDownEnds(
        address institution,
        bytes32 subjectId,
        uint8 purpose
    ) external view returns (uint64 ends) {
        return _coolDownEnds[_matterOf(institution, subjectId, purpose)];
    }

    /// @dev Marks the ask that terms answer, if they answer one.
    function _closeAsk(ConsentTerms memory terms) internal {
        Asked storage asked = _asked[bytes32(terms.nonce)];
        if (asked.status != AskStatus.NONE) asked.status = AskStatus.ANSWERED;
    }

    /// @dev Checks that terms whose nonce is the id of an ask lie within it, and that it is open.
    function _requireAnswerFits(ConsentTerms memory terms) internal view {
        bytes32 askId = bytes32(terms.nonce);
        Asked storage asked = _asked[askId];
        if (asked.status == AskStatus.NONE) return;
        _requireOpen(askId);
        if (asked.subjectId != terms.subjectId) revert AsksSubjectMismatch(askId, terms.subjectId);
        // What a shielded minor was asked is its own to answer, too.
        if (_isKeptFrom(terms.guardian, terms.subjectId)) revert AsksShielded(askId, terms.guardian);
        bool fits = terms.institution == asked.institution && terms.purposes == uint32(1) << asked.purpose;
        fits = fits && (asked.practitioner == bytes32(0) || terms.practitioner == asked.practitioner);
        fits = fits && terms.recordsRoot == asked.recordsRoot && terms.categories & ~asked.categories == 0;
        fits = fits && terms.actions & ~asked.actions == 0 && terms.maxSensitivity <= asked.maxSensitivity;
        fits = fits && terms.dataFrom >= asked.dataFrom && terms.dataUntil <= asked.dataUntil;
        fits = fits && terms.validUntil <= asked.validUntil && terms.maxUses <= asked.maxUses;
        if (!fits) revert AsksAnswerWider(askId);
    }

    /// @dev Refuses terms that could not be granted, whoever signed them.
    function _requireGrantableTerms(ConsentTerms memory terms) internal view virtual;

    function _keep(bytes32 askId, ConsentAsk calldata act) private {
        _asked[askId] = Asked({
            institution: act.institution,
            lapsesAt: act.lapsesAt,
            status: AskStatus.OPEN,
            purpose: act.purpose,
            actions: act.actions,
            maxSensitivity: act.maxSensitivity,
            subjectId: act.subjectId,
            practitioner: act.practitioner,
            recordsRoot: act.recordsRoot,
            categories: act.categories,
            dataFrom: act.dataFrom,
            dataUntil: act.dataUntil,
            validUntil: act.validUntil,
            maxUses: act.maxUses
        });
    }

    /// @dev Who asks whom, and whether what is asked could be granted at all.
    function _requireAskable(bytes32 askId, ConsentAsk calldata act) private view returns (bytes memory signer) {
        Standing standing;
        (standing, , signer, , ) = _members().institutionForDecision(act.institution);
        if (standing != Standing.ACTIVE) revert AsksInstitutionInactive(act.institution);
        if (_register().custodianOf(act.subjectId) == address(0)) revert AsksSubjectUnknown(act.subjectId);
        ConsentTerms memory widest;
        widest.subjectId = act.subjectId;
        widest.institution = act.institution;
        widest.practitioner = act.practitioner;
        widest.recordsRoot = act.recordsRoot;
        widest.categories = act.categories;
        // A purpose beyond the word gives no bit, which is no purpose.
        widest.purposes = uint32(uint256(1) << act.purpose);
        widest.actions = act.actions;
        widest.maxSensitivity = act.maxSensitivity;
        widest.dataFrom = act.dataFrom;
        widest.dataUntil = act.dataUntil;
        widest.validUntil = act.validUntil;
        widest.maxUses = act.maxUses;
        if (act.actions & (uint8(1) << ACTION_STORE) != 0) widest.eraseBy = type(uint64).max;
        widest.noticeHash = act.noticeHash;
        widest.noticeVersion = act.noticeVersion;
        widest.assurance = ASSURANCE_DEVICE_KEY;
        widest.nonce = uint256(askId);
        _requireGrantableTerms(widest);
    }

    /// @dev Whether the subject may be asked this now.
    function _requireQuiet(ConsentAsk calldata act, bytes32 matter) private view {
        uint64 blockTime = uint64(block.timestamp);
        (uint64 earliest, uint64 latest) = (blockTime + _SHORTEST_OPEN, blockTime + _LONGEST_OPEN);
        if (act.lapsesAt < earliest || act.lapsesAt > latest) revert AsksLapseInvalid(act.lapsesAt, earliest, latest);
        bytes32 last = _last[matter];
        if (_statusOf(last) == AskStatus.OPEN) revert AsksStillOpen(last);
        uint64 ends = _coolDownEnds[matter];
        if (blockTime < ends) revert AsksCoolingDown(act.institution, act.subjectId, act.purpose, ends);
    }

    function _requireOpen(bytes32 askId) private view {
        AskStatus status = _statusOf(askId);
        if (status != AskStatus.OPEN) revert AsksNotOpen(askId, status);
    }

    function _statusOf(bytes32 askId) private view returns (AskStatus status) {
        status = _asked[askId].status;
        if (status == AskStatus.OPEN && block.timestamp >= _asked[askId].lapsesAt) return AskStatus.LAPSED;
    }

    function _matterOf(address institution, bytes32 subjectId, uint8 purpose) private pure returns (bytes32 matter) {
        return keccak256(abi.encode(institution, subjectId, purpose));
    }
}
