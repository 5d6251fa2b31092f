// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Consents} from "../Consents.sol";
import {IExclusions} from "../interfaces/IExclusions.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {ISubjects} from "../interfaces/ISubjects.sol";
import {
    EXCLUDED_CATEGORY,
    EXCLUDED_GROUP,
    EXCLUDED_INSTITUTION,
    EXCLUDED_PRACTITIONER,
    Exclusion,
    ExclusionLift
} from "../types/Exclusion.sol";
import {Neighbours} from "./Neighbours.sol";

/// @title Every refusal of exclusions, and what each kind reaches
contract ExclusionsTest is Neighbours {
    bytes32 private constant _PRACTITIONER = keccak256("practitioner");

    IExclusions private _consents;
    uint256 private _nonce;

    /// @notice Runs before each test.
    function setUp() external {
        _consents = new Consents(
            IParticipants(address(_participants)),
            ISubjects(address(_subjects)),
            address(0xB000),
            30 days
        );
    }

    /// @notice Each kind reaches what it names, and no longer once it is lifted.
    function test_exclude_reachesWhatItNames() external {
        bytes32 institution = bytes32(uint256(uint160(_INSTITUTION)));
        bytes32[4] memory targets = [institution, _OTHER, _PRACTITIONER, bytes32(uint256(3))];
        for (uint8 kind = EXCLUDED_INSTITUTION; kind <= EXCLUDED_CATEGORY; ++kind) {
            require(!_isExcluded(), "excluded before");
            _consents.exclude(_act(kind, targets[kind - 1]), _one());
            require(_isExcluded(), "not excluded");
            _consents.liftExclusion(_lift(kind, targets[kind - 1]), _one());
        }
        _consents.exclude(_act(EXCLUDED_INSTITUTION, _OTHER), _one());
        require(!_isExcluded(), "the exclusion of another reaches this one");
    }

    /// @notice A subject is known and a target is one.
    function test_exclude_revertsForAnUnfitTarget() external {
        _refuseTarget(EXCLUDED_INSTITUTION, bytes32(type(uint256).max));
        _refuseTarget(EXCLUDED_CATEGORY, bytes32(uint256(13)));
        _refuseTarget(EXCLUDED_PRACTITIONER, bytes32(0));
        _refuseTarget(5, _OTHER);
        _scriptCustodian(address(0));
        bytes4 selector = IExclusions.ExclusionsSubjectUnknown.selector;
        _refuseAct(_act(EXCLUDED_GROUP, _OTHER), abi.encodeWithSelector(selector, _SUBJECT));
    }

    /// @notice One is made once and lifted where it was made; eight groups are the most.
    function test_exclude_revertsForWhatStandsOrIsFull() external {
        ExclusionLift memory lift = _lift(EXCLUDED_GROUP, _OTHER);
        bytes memory problem = abi.encodeWithSelector(
            IExclusions.ExclusionsNotMade.selector,
            EXCLUDED_GROUP,
            _OTHER
        );
        _refuse(address(_consents), abi.encodeCall(_consents.liftExclusion, (lift, _one())), problem);
        for (uint256 i = 1; i <= 8; ++i) _consents.exclude(_act(EXCLUDED_GROUP, bytes32(i)), _one());
        bytes4 selector = IExclusions.ExclusionsAlreadyMade.selector;
        _refuseAct(_act(EXCLUDED_GROUP, _OTHER), abi.encodeWithSelector(selector, EXCLUDED_GROUP, _OTHER));
        selector = IExclusions.ExclusionsFull.selector;
        _refuseAct(_act(EXCLUDED_GROUP, _PRACTITIONER), abi.encodeWithSelector(selector, EXCLUDED_GROUP, 8));
        _consents.liftExclusion(lift, _one());
        _consents.exclude(_act(EXCLUDED_GROUP, _PRACTITIONER), _one());
        bytes32[] memory subjectIds = new bytes32[](1);
        subjectIds[0] = _SUBJECT;
        require(_consents.isTargetExcluded(_SUBJECT, EXCLUDED_GROUP, _PRACTITIONER), "not made");
        require(_consents.exclusionSummaries(subjectIds)[0] == 8 << 32, "another summary");
    }

    /// @notice A guardian lifts what a guardian excluded; what a shielded minor did itself, only when that has grown up.
    function test_liftExclusion_keepsWhatAShieldedMinorExcluded() external {
        _consents.exclude(_act(EXCLUDED_GROUP, _OTHER), _one());
        Exclusion memory theirs = _act(EXCLUDED_PRACTITIONER, _PRACTITIONER);
        theirs.guardian = _OTHER;
        _consents.exclude(theirs, _one());
        _scriptFacts(_NOW + 1, true);
        ExclusionLift memory lift = _lift(EXCLUDED_GROUP, _OTHER);
        lift.guardian = _OTHER;
        bytes memory problem = abi.encodeWithSelector(IExclusions.ExclusionsShielded.selector, _SUBJECT, _OTHER);
        _refuse(address(_consents), abi.encodeCall(_consents.liftExclusion, (lift, _one())), problem);
        ExclusionLift memory other = _lift(EXCLUDED_PRACTITIONER, _PRACTITIONER);
        other.guardian = _OTHER;
        _consents.liftExclusion(other, _one());
        require(_consents.isTargetExcluded(_SUBJECT, EXCLUDED_GROUP, _OTHER), "the minor's own was lifted");
        require(!_consents.isTargetExcluded(_SUBJECT, EXCLUDED_PRACTITIONER, _PRACTITIONER), "not lifted");
        _scriptFacts(_NOW, true);
        _consents.liftExclusion(lift, _one());
        require(!_isExcluded(), "still excluded");
    }

    /// @notice What a guardian excluded the subject makes its own, which its guardian then keeps its hands off.
    function test_exclude_takesOverWhatAGuardianExcluded() external {
        Exclusion memory theirs = _act(EXCLUDED_GROUP, _OTHER);
        theirs.guardian = _OTHER;
        _consents.exclude(theirs, _one());
        for (uint256 i = 0x101; i <= 0x107; ++i) _consents.exclude(_act(EXCLUDED_GROUP, bytes32(i)), _one());
        _scriptFacts(_NOW + 1, true);
        _consents.exclude(_act(EXCLUDED_GROUP, _OTHER), _one());
        bytes32[] memory subjectIds = new bytes32[](1);
        subjectIds[0] = _SUBJECT;
        require(_consents.exclusionSummaries(subjectIds)[0] == 8 << 32, "counted twice");
        bytes memory problem = abi.encodeWithSelector(
            IExclusions.ExclusionsAlreadyMade.selector,
            EXCLUDED_GROUP,
            _OTHER
        );
        _refuseAct(_act(EXCLUDED_GROUP, _OTHER), problem);
        theirs.nonce = ++_nonce;
        _refuseAct(theirs, problem);
        ExclusionLift memory lift = _lift(EXCLUDED_GROUP, _OTHER);
        lift.guardian = _OTHER;
        problem = abi.encodeWithSelector(IExclusions.ExclusionsShielded.selector, _SUBJECT, _OTHER);
        _refuse(address(_consents), abi.encodeCall(_consents.liftExclusion, (lift, _one())), problem);
    }

    /// @notice Who guards a shielded minor excludes nobody for it, until the minority ends; before the shield it does.
    function test_exclude_isNotForGuardiansOfAShieldedMinor() external {
        Exclusion memory theirs = _act(EXCLUDED_GROUP, _OTHER);
        theirs.guardian = _OTHER;
        _scriptFacts(_NOW + 1, true);
        _refuseAct(theirs, abi.encodeWithSelector(IExclusions.ExclusionsShielded.selector, _SUBJECT, _OTHER));
        _consents.exclude(_act(EXCLUDED_PRACTITIONER, _PRACTITIONER), _one());
        _scriptFacts(_NOW + 1, false);
        _consents.exclude(theirs, _one());
        Exclusion memory grownUp = _act(EXCLUDED_CATEGORY, bytes32(uint256(3)));
        grownUp.guardian = _OTHER;
        _scriptFacts(_NOW, true);
        _consents.exclude(grownUp, _one());
    }

    /// @notice A minor without a shield has nothing its guardians cannot lift; with one it lifts its own.
    function test_liftExclusion_isForGuardiansWithoutAShield() external {
        _scriptFacts(_NOW + 1, false);
        _consents.exclude(_act(EXCLUDED_GROUP, _OTHER), _one());
        ExclusionLift memory lift = _lift(EXCLUDED_GROUP, _OTHER);
        lift.guardian = _OTHER;
        _consents.liftExclusion(lift, _one());
        require(!_isExcluded(), "not lifted by the guardian");
        _scriptFacts(_NOW + 1, true);
        _consents.exclude(_act(EXCLUDED_GROUP, _OTHER), _one());
        _consents.liftExclusion(_lift(EXCLUDED_GROUP, _OTHER), _one());
        require(!_isExcluded(), "not lifted by the minor");
    }

    function _refuseTarget(uint8 kind, bytes32 target) private {
        bytes4 selector = IExclusions.ExclusionsTargetInvalid.selector;
        _refuseAct(_act(kind, target), abi.encodeWithSelector(selector, kind, target));
    }

    function _refuseAct(Exclusion memory act, bytes memory problem) private {
        _refuse(address(_consents), abi.encodeCall(_consents.exclude, (act, _one())), problem);
    }

    function _act(uint8 kind, bytes32 target) private returns (Exclusion memory act) {
        return Exclusion(_SUBJECT, bytes32(0), kind, target, ++_nonce, _NOW + 1);
    }

    function _lift(uint8 kind, bytes32 target) private returns (ExclusionLift memory act) {
        return ExclusionLift(_SUBJECT, bytes32(0), kind, target, ++_nonce, _NOW + 1);
    }

    function _isExcluded() private view returns (bool excluded) {
        return _consents.isExcluded(_SUBJECT, _INSTITUTION, _PRACTITIONER, 3);
    }
}
