// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IParticipants} from "./interfaces/IParticipants.sol";
import {IPersons, LinkStatus} from "./interfaces/IPersons.sol";
import {SignedActs} from "./modules/SignedActs.sol";
import {Standing} from "./types/Codes.sol";
import {SubjectLink, SubjectUnlink} from "./types/PersonLink.sol";

/// @title Receipts of links between the subjects of one person
/// @notice See `IPersons`.
contract Persons is SignedActs, IPersons {
    struct Link {
        LinkStatus status;
        address authority; // who made it
    }

    /// @dev Region of an authority for the whole country.
    uint32 private constant _COUNTRY = 0;

    /// @inheritdoc IPersons
    IParticipants public immutable participants;

    mapping(bytes32 actHash => Link) private _links;
    mapping(bytes32 commitment => bool) private _used;

    /// @param participants_ who may act.
    constructor(IParticipants participants_) EIP712("Consentry Persons", "1") {
        participants = participants_;
    }

    /// @inheritdoc IPersons
    function link(SubjectLink calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.linkHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        _requireActive(act.authority);
        _commit(act.commitment);
        _requireSigned(actHash, 0, abi.encodePacked(act.authority), signatures[0]);
        _links[actHash] = Link({status: LinkStatus.STANDING, authority: act.authority});
        emit SubjectsLinked(actHash, bytes32(0), address(0), act, signatures);
    }

    /// @inheritdoc IPersons
    function unlink(SubjectUnlink calldata act, bytes[] calldata signatures) external {
        bytes32 actHash = act.unlinkHashOf();
        _begin(actHash, act.signBefore, signatures.length, 1);
        uint32 region = _requireActive(act.authority);
        _commit(act.commitment);
        Link storage undone = _links[act.link];
        if (undone.status != LinkStatus.STANDING) revert PersonsLinkNotStanding(act.link, undone.status);
        if (undone.authority != act.authority && region != _COUNTRY) {
            revert PersonsLinkOfAnother(act.authority, undone.authority);
        }
        _requireSigned(actHash, 0, abi.encodePacked(act.authority), signatures[0]);
        undone.status = LinkStatus.UNDONE;
        emit SubjectsUnlinked(actHash, bytes32(0), address(0), act, signatures);
    }

    /// @inheritdoc IPersons
    function linkStatus(bytes32 actHash) external view returns (LinkStatus status) {
        return _links[actHash].status;
    }

    /// @dev A commitment seen twice would tell that two links are about the same subjects.
    function _commit(bytes32 commitment) private {
        if (commitment == bytes32(0)) revert PersonsCommitmentMissing();
        if (_used[commitment]) revert PersonsCommitmentUsed(commitment);
        _used[commitment] = true;
    }

    function _isRelay(address account) internal view override returns (bool relay) {
        return participants.isActiveRelay(account);
    }

    function _requireActive(address authority) private view returns (uint32 region) {
        Standing standing;
        (standing, region) = participants.authorityStanding(authority);
        if (standing != Standing.ACTIVE) revert PersonsAuthorityInactive(authority);
    }
}
