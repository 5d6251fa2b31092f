// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Persons} from "../Persons.sol";
import {IParticipants} from "../interfaces/IParticipants.sol";
import {IPersons, LinkStatus} from "../interfaces/IPersons.sol";
import {ISignedActs} from "../interfaces/ISignedActs.sol";
import {Standing} from "../types/Codes.sol";
import {SUBJECT_LINK_TYPEHASH, SubjectLink, SubjectUnlink} from "../types/PersonLink.sol";
import {Neighbours} from "./Neighbours.sol";

/// @title Every refusal of `Persons` and of signed acts as such
contract PersonsTest is Neighbours {
    Persons private _persons;

    /// @notice Runs before each test.
    function setUp() external {
        _persons = new Persons(IParticipants(address(_participants)));
    }

    /// @notice An act comes through a relay, in time, once, with its signatures.
    function test_acts_revertForWhatIsWrongWithAnyAct() external {
        SubjectLink memory act = _act();
        bytes4 selector = ISignedActs.ActSignaturesMismatch.selector;
        bytes memory call = abi.encodeCall(_persons.link, (act, new bytes[](2)));
        _refuse(address(_persons), call, abi.encodeWithSelector(selector, 2, 1));
        _scriptSigned(false);
        selector = ISignedActs.ActSignatureInvalid.selector;
        _refuseLink(act, abi.encodeWithSelector(selector, _idOf(act), 0));
        _scriptSigned(true);
        _persons.link(act, _one());
        require(_persons.isPerformed(_idOf(act)), "not performed");
        _refuseLink(act, abi.encodeWithSelector(ISignedActs.ActRepeated.selector, _idOf(act)));
        act.signBefore = _NOW;
        _refuseLink(act, abi.encodeWithSelector(ISignedActs.ActExpired.selector, _NOW, _NOW));
        _scriptRelay(false);
        _refuseLink(act, abi.encodeWithSelector(ISignedActs.ActRelayRequired.selector, address(this)));
    }

    /// @notice A link is made by an active authority, with a commitment of its own.
    function test_link_revertsForAnUnfitOne() external {
        SubjectLink memory act = _act();
        _scriptAuthority(Standing.SUSPENDED, 0);
        _refuseLink(act, abi.encodeWithSelector(IPersons.PersonsAuthorityInactive.selector, _authority));
        _scriptAuthority(Standing.ACTIVE, 0);
        act.commitment = bytes32(0);
        _refuseLink(act, abi.encodeWithSelector(IPersons.PersonsCommitmentMissing.selector));
        act = _act();
        _persons.link(act, _one());
        ++act.signBefore;
        _refuseLink(act, abi.encodeWithSelector(IPersons.PersonsCommitmentUsed.selector, act.commitment));
    }

    /// @notice A link is undone once, by the authority that made it or one for the whole country.
    function test_unlink_undoesWhatStands() external {
        SubjectLink memory act = _act();
        _persons.link(act, _one());
        SubjectUnlink memory undo = SubjectUnlink(_authority, _idOf(act), keccak256("reason"), _NOW + 1);
        bytes4 selector = IPersons.PersonsLinkNotStanding.selector;
        undo.link = _OTHER;
        _refuseUnlink(undo, abi.encodeWithSelector(selector, _OTHER, LinkStatus.NONE));
        (undo.link, undo.authority) = (_idOf(act), address(0xB000));
        _scriptAuthority(Standing.ACTIVE, 440_000);
        selector = IPersons.PersonsLinkOfAnother.selector;
        _refuseUnlink(undo, abi.encodeWithSelector(selector, undo.authority, _authority));
        undo.authority = _authority;
        _persons.unlink(undo, _one());
        require(_persons.linkStatus(_idOf(act)) == LinkStatus.UNDONE, "still standing");
    }

    function _refuseLink(SubjectLink memory act, bytes memory problem) private {
        _refuse(address(_persons), abi.encodeCall(_persons.link, (act, _one())), problem);
    }

    function _refuseUnlink(SubjectUnlink memory act, bytes memory problem) private {
        _refuse(address(_persons), abi.encodeCall(_persons.unlink, (act, _one())), problem);
    }

    function _act() private view returns (SubjectLink memory act) {
        return SubjectLink({authority: _authority, commitment: keccak256("subjects"), signBefore: _NOW + 1});
    }

    function _idOf(SubjectLink memory act) private pure returns (bytes32 id) {
        return keccak256(abi.encode(SUBJECT_LINK_TYPEHASH, act));
    }
}
