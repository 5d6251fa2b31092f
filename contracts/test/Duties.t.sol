// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Consents} from "../Consents.sol";
import {IConsents} from "../interfaces/IConsents.sol";
import {IGuardianship} from "../interfaces/IGuardianship.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {Duty, IRevocations} from "../interfaces/IRevocations.sol";
import {ISignerKeys} from "../interfaces/ISignerKeys.sol";
import {ISubjects} from "../interfaces/ISubjects.sol";
import {ConsentStatus} from "../types/Codes.sol";
import {ConsentId, ConsentTerms} from "../types/ConsentTerms.sol";
import {ErasureAttestation, RevocationAcknowledgement} from "../types/RevocationActs.sol";
import {Neighbours} from "./Neighbours.sol";
import {VM} from "./Vm.sol";

/// @title Every refusal of what follows a revocation, and how duties end
/// @notice The test is the access ledger, so that it can count a use.
contract DutiesTest is Neighbours {
    address private constant _CUSTODIAN = address(0xA001);

    Consents private _consents;
    bytes32 private _id;

    /// @notice Runs before each test: a consent that allows copies was used and taken back.
    function setUp() external {
        _scriptCustodian(_CUSTODIAN);
        _consents = new Consents(
            IParticipants(address(_participants)),
            ISubjects(address(_subjects)),
            address(this),
            30 days
        );
        ConsentTerms memory terms = _terms();
        ConsentId id = _consents.grant(terms, "");
        _id = ConsentId.unwrap(id);
        _count(id);
        _consents.revoke(terms, bytes32(0), "");
    }

    /// @notice Custodian and grantee acknowledge; a grantee that may have copies erases them too.
    function test_duties_endWithTheAnswers() external {
        require(_consents.openDutyCount(_INSTITUTION) == 1 && _consents.openDutyCount(_CUSTODIAN) == 1, "no duty");
        require(_consents.overdueDuties(_INSTITUTION).length == 0, "overdue at once");
        require(_consents.openDuties(_INSTITUTION, 0, 9).length == 2, "not two duties");
        VM.warp(_NOW + 8 days);
        Duty[] memory duties = _consents.overdueDuties(_INSTITUTION);
        require(duties.length == 2 && duties[1].dueAt == _NOW + 7 days, "other duties");
        _consents.acknowledgeRevocation(_known(_INSTITUTION), _one());
        require(_consents.openDutyCount(_INSTITUTION) == 1, "closed by half");
        _consents.attestErasure(_erased(), _one());
        (bool acknowledged, bool erased) = _consents.answersOf(_id, _INSTITUTION);
        require(acknowledged && erased && _consents.openDutyCount(_INSTITUTION) == 0, "not closed");
        _consents.acknowledgeRevocation(_known(_CUSTODIAN), _one());
        require(_consents.openDutyCount(_CUSTODIAN) == 0, "the custodian owes more");
    }

    /// @notice The card of a subject takes back where its signer did not sign, but for no guardian.
    function test_revoke_isForTheCardToo() external {
        ConsentTerms memory terms = _terms();
        terms.nonce = 7;
        ConsentId id = _consents.grant(terms, "");
        _subjects.script(IGuardianship.signerFor.selector, abi.encode(bytes("")));
        bytes memory problem = abi.encodeWithSelector(
            IConsents.ConsentsSignatureInvalid.selector,
            id,
            terms.subjectId
        );
        _refuse(address(_consents), abi.encodeCall(_consents.revoke, (terms, _OTHER, "")), problem);
        _consents.revoke(terms, bytes32(0), "");
        require(_consents.stateOf(id).status == ConsentStatus.REVOKED, "not taken back");
        terms.nonce = 8;
        id = terms.consentIdOf();
        _subjects.script(ISignerKeys.cardSignerFor.selector, abi.encode(bytes("")));
        problem = abi.encodeWithSelector(IConsents.ConsentsSignatureInvalid.selector, id, terms.subjectId);
        _refuse(address(_consents), abi.encodeCall(_consents.revoke, (terms, bytes32(0), "")), problem);
    }

    /// @notice Members of a group are concerned, and owe nothing before they say so.
    function test_acknowledgeRevocation_isForMembersToo() external {
        ConsentTerms memory terms = _terms();
        (terms.institution, terms.group) = (address(0), _OTHER);
        _id = ConsentId.unwrap(_consents.grant(terms, ""));
        _consents.revoke(terms, bytes32(0), "");
        require(_consents.openDutyCount(_INSTITUTION) == 1, "a member owes");
        _consents.acknowledgeRevocation(_known(_INSTITUTION), _one());
        (bool acknowledged, ) = _consents.answersOf(_id, _INSTITUTION);
        require(acknowledged, "not acknowledged");
    }

    /// @notice An answer is about a revocation that is there, from who is concerned, once.
    function test_acknowledgeRevocation_revertsForAnUnfitOne() external {
        RevocationAcknowledgement memory act = _known(_INSTITUTION);
        act.subjectId = _OTHER;
        bytes4 selector = IRevocations.RevocationsNotRevoked.selector;
        _refuseAct(act, abi.encodeWithSelector(selector, _id, _OTHER));
        act = _known(address(0xDEAD));
        selector = IRevocations.RevocationsNotConcerned.selector;
        _refuseAct(act, abi.encodeWithSelector(selector, _id, address(0xDEAD)));
        act = _known(_INSTITUTION);
        act.copies = 3;
        _refuseAct(act, abi.encodeWithSelector(IRevocations.RevocationsCopiesUnknown.selector, uint8(3)));
        act.copies = 0;
        _consents.acknowledgeRevocation(act, _one());
        ++act.signBefore;
        selector = IRevocations.RevocationsAlreadyDone.selector;
        _refuseAct(act, abi.encodeWithSelector(selector, _id, _INSTITUTION, uint8(1)));
    }

    /// @notice Copies are erased by the grantee, by somebody, before now, once.
    function test_attestErasure_revertsForAnUnfitOne() external {
        ErasureAttestation memory act = _erased();
        act.institution = _CUSTODIAN;
        bytes4 selector = IRevocations.RevocationsNotConcerned.selector;
        _refuseErasure(act, abi.encodeWithSelector(selector, _id, _CUSTODIAN));
        act = _erased();
        act.practitioner = bytes32(0);
        selector = IRevocations.RevocationsErasureInvalid.selector;
        _refuseErasure(act, abi.encodeWithSelector(selector, bytes32(0), _NOW, _NOW));
        act = _erased();
        _consents.attestErasure(act, _one());
        ++act.signBefore;
        selector = IRevocations.RevocationsAlreadyDone.selector;
        _refuseErasure(act, abi.encodeWithSelector(selector, _id, _INSTITUTION, uint8(2)));
    }

    function _refuseAct(RevocationAcknowledgement memory act, bytes memory problem) private {
        _refuse(address(_consents), abi.encodeCall(_consents.acknowledgeRevocation, (act, _one())), problem);
    }

    function _refuseErasure(ErasureAttestation memory act, bytes memory problem) private {
        _refuse(address(_consents), abi.encodeCall(_consents.attestErasure, (act, _one())), problem);
    }

    function _known(address institution) private view returns (RevocationAcknowledgement memory act) {
        return RevocationAcknowledgement(_id, institution, _SUBJECT, 1, _NOW + 30 days);
    }

    function _erased() private view returns (ErasureAttestation memory act) {
        return ErasureAttestation(_id, _INSTITUTION, _SUBJECT, 1, _NOW, keccak256("practitioner"), _NOW + 30 days);
    }

    function _terms() private pure returns (ConsentTerms memory terms) {
        (terms.subjectId, terms.institution) = (_SUBJECT, _INSTITUTION);
        (terms.categories, terms.purposes, terms.actions) = (1 << 3, 1 << 1, (1 << 1) | (1 << 2));
        (terms.maxSensitivity, terms.dataUntil, terms.maxUses) = (3, 1_000, 2);
        (terms.validFrom, terms.validUntil, terms.eraseBy) = (_NOW, _NOW + 30 days, _NOW + 30 days);
        (terms.noticeHash, terms.noticeVersion, terms.assurance) = (keccak256("notice"), 1, 1);
    }

    function _count(ConsentId id) private {
        ConsentId[] memory ids = new ConsentId[](1);
        uint32[] memory counts = new uint32[](1);
        (ids[0], counts[0]) = (id, 1);
        _consents.countUses(ids, counts);
    }
}
