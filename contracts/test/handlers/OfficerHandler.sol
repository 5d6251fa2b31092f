// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governance} from "../../Governance.sol";
import {Participants} from "../../Participants.sol";
import {Standing} from "../../types/Codes.sol";
import {HIGHEST_OFFICE, ROLE_NATIONAL} from "../../types/Roles.sol";
import {Suite} from "../Suite.sol";
import {VM, Vm} from "../Vm.sol";

/// @title Random histories of what officers, and others who pretend, call
/// @notice Keeps its own account of who proposed what, from calls and events alone.
contract OfficerHandler {
    uint256 private constant _ACCOUNTS = 8;
    uint64 private constant _WEEK = 7 days;
    uint64 private constant _EMERGENCY = 72 hours;
    bytes32 private constant _PROPOSED = keccak256("ActProposed(bytes32,bytes4,address,uint64,bytes)");
    bytes32 private constant _EMERGENCY_EVENT =
        keccak256("InstitutionSuspendedInEmergency(address,address,address,uint64,bytes32)");
    bytes32 private constant _STANDING = keccak256("InstitutionStandingChanged(address,address,uint8,bytes32)");

    Suite private immutable _suite;
    Participants private immutable _participants;
    Governance private immutable _governance;

    /// @notice Everybody who calls, and whom officers appoint.
    address[] public accounts;
    mapping(bytes32 act => address) private _proposers;
    mapping(bytes32 act => uint256) private _lapses;
    /// @notice Ends of suspensions by one officer, by institution.
    mapping(address institution => uint256) public alone;
    /// @notice Whether two officers left an institution suspended.
    mapping(address institution => bool) public suspended;
    mapping(address institution => address) private _lastAlone;

    /// @notice Acts that went through although one person alone wanted them, or one without the role.
    uint256 public alones;
    /// @notice Suspensions of the same institution in emergency by the same officer, one after another.
    uint256 public repeats;
    /// @notice How often acts were proposed, done by two, and done by one.
    uint256[3] public outcomes;

    /// @param suite the contracts.
    constructor(Suite suite) {
        _suite = suite;
        _participants = suite.participants();
        _governance = suite.governance();
        accounts.push(address(suite));
        accounts.push(suite.secondOfficer());
        for (uint256 i = 2; i < _ACCOUNTS; ++i) accounts.push(VM.addr(0xE000 + i));
    }

    /// @notice Appoints an account, or tries to.
    /// @param who picks the caller.
    /// @param officer picks the account.
    /// @param roles picks a role, now and then two.
    function appoint(uint256 who, uint256 officer, uint8 roles) external {
        uint256 mask = (1 << (1 + (roles % 5))) | (roles > 200 ? (1 << (1 + ((roles / 5) % 5))) : 0);
        address account = accounts[2 + (officer % 3)];
        _call(who, abi.encodeCall(_participants.appointOfficer, (address(_suite), account, uint8(mask))));
    }

    /// @notice Dismisses an account that is not one of the first two, or tries to.
    /// @param who picks the caller.
    /// @param officer picks the account.
    function dismiss(uint256 who, uint256 officer) external {
        _call(who, abi.encodeCall(_participants.dismissOfficer, (accounts[2 + (officer % 3)])));
    }

    /// @notice Tries to grant a role past the register.
    /// @param who picks the caller; the first one is the admin.
    /// @param officer picks the account.
    /// @param role picks the role.
    function grant(uint256 who, uint256 officer, uint64 role) external {
        VM.prank(accounts[who % _ACCOUNTS]);
        try _governance.grantRole(1 + (role % 5), accounts[officer % _ACCOUNTS], 0) {
            ++alones;
        } catch {
            // Refused, as it must be.
        }
    }

    /// @notice Tries to give up a role alone.
    /// @param who picks the caller.
    /// @param role picks the role.
    function renounce(uint256 who, uint64 role) external {
        address account = accounts[who % _ACCOUNTS];
        VM.prank(account);
        try _governance.renounceRole(1 + (role % 5), account) {
            ++alones;
        } catch {
            // Refused, as it must be.
        }
    }

    /// @notice Admits somebody, or tries to.
    /// @param who picks the caller.
    /// @param kind picks authority, institution, relay or verifier.
    /// @param number picks whom.
    function admit(uint256 who, uint256 kind, uint256 number) external {
        address newcomer = VM.addr(0xF000 + (number % 4) + 16 * (kind % 4));
        bytes memory call = abi.encodeCall(_participants.admitAuthority, (newcomer, 110_000, bytes32(0)));
        if (kind % 4 == 1) {
            bytes memory signer = abi.encodePacked(newcomer);
            call = abi.encodeCall(_participants.admitInstitution, (newcomer, 110_000, signer, "key", bytes32(0)));
        }
        if (kind % 4 == 2) call = abi.encodeCall(_participants.admitRelay, (newcomer, address(_suite)));
        if (kind % 4 == 3) call = abi.encodeCall(_participants.admitVerifier, (newcomer));
        _call(who, call);
    }

    /// @notice Changes something about a hospital, or tries to.
    /// @param who picks the caller.
    /// @param kind picks suspension, in emergency or not, reinstatement, other keys or limits.
    /// @param hospital picks the hospital.
    function change(uint256 who, uint256 kind, uint256 hospital) external {
        address institution = _suite.hospitals(hospital % 2);
        bytes memory call = abi.encodeCall(_participants.suspendInstitution, (institution, bytes32(0)));
        if (kind % 5 == 1) call = abi.encodeCall(_participants.suspendInEmergency, (institution, bytes32(0)));
        if (kind % 5 == 2) call = abi.encodeCall(_participants.reinstateInstitution, (institution, bytes32(0)));
        if (kind % 5 == 3) {
            bytes memory signer = abi.encodePacked(VM.addr(0xA100));
            call = abi.encodeCall(_participants.resetInstitutionKeys, (institution, signer, "key"));
        }
        if (kind % 5 == 4) call = abi.encodeCall(_participants.limitInstitution, (institution, 7, 3));
        _call(who, call);
    }

    /// @notice Lets time pass, up to four days.
    /// @param duration seconds.
    function wait(uint256 duration) external {
        VM.warp(block.timestamp + (duration % 4 days));
    }

    /// @notice Whether an account holds a role, or is about to.
    /// @param account picks the account.
    /// @param role the role.
    /// @return held true when it does.
    function holds(uint256 account, uint64 role) external view returns (bool held) {
        (uint48 since, , , ) = _governance.getAccess(role, accounts[account]);
        return since != 0;
    }

    /// @notice Whether the standing of a hospital is what this history led to.
    /// @param hospital picks the hospital.
    /// @return right true when it is.
    function standsRight(uint256 hospital) external view returns (bool right) {
        address institution = _suite.hospitals(hospital);
        bool expected = suspended[institution] || block.timestamp < alone[institution];
        return (_participants.institutionStanding(institution) == Standing.SUSPENDED) == expected;
    }

    /// @dev Mostly by one of the first two, who hold most roles, and in half the cases by somebody else right after.
    function _call(uint256 who, bytes memory call) private {
        _callAs(accounts[who % 3 == 0 ? (who >> 8) % _ACCOUNTS : (who >> 8) % 2], call);
        if (who % 2 == 0) _callAs(accounts[(who >> 8) % 5 == 4 ? (who >> 16) % _ACCOUNTS : 1 - ((who >> 8) % 2)], call);
    }

    function _callAs(address caller, bytes memory call) private {
        VM.recordLogs();
        VM.prank(caller);
        (bool done, ) = address(_participants).call(call);
        Vm.Log[] memory logs = VM.getRecordedLogs();
        if (!done) return;
        bytes32 act = keccak256(call);
        if (logs[0].topics[0] == _EMERGENCY_EVENT) _followEmergency(logs, caller);
        else if (logs[0].topics[0] == _PROPOSED) _followProposal(act, caller, block.timestamp + _WEEK);
        else _followAct(act, caller, bytes4(call), logs);
    }

    function _followEmergency(Vm.Log[] memory logs, address caller) private {
        address institution = address(uint160(uint256(logs[0].topics[1])));
        if (_lastAlone[institution] == caller) ++repeats;
        _lastAlone[institution] = caller;
        alone[institution] = block.timestamp + _EMERGENCY;
        ++outcomes[2];
        bytes32 act = keccak256(abi.encodeCall(_participants.suspendInstitution, (institution, bytes32(0))));
        _followProposal(act, caller, alone[institution]);
    }

    function _followProposal(bytes32 act, address caller, uint256 lapsesAt) private {
        _proposers[act] = caller;
        _lapses[act] = lapsesAt;
        ++outcomes[0];
    }

    function _followAct(bytes32 act, address caller, bytes4 selector, Vm.Log[] memory logs) private {
        address proposer = _proposers[act];
        uint64 role = _governance.getTargetFunctionRole(address(_participants), selector);
        bool entitled = role >= ROLE_NATIONAL && role <= HIGHEST_OFFICE;
        bool two = proposer != address(0) && proposer != caller && block.timestamp < _lapses[act];
        // Who was just dismissed confirmed it nevertheless with a role it had.
        if (selector != _participants.dismissOfficer.selector) {
            (bool first, ) = _governance.hasRole(role, proposer);
            (bool second, ) = _governance.hasRole(role, caller);
            entitled = entitled && first && second;
        }
        if (!two || !entitled) ++alones;
        delete _proposers[act];
        ++outcomes[1];
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != _STANDING) continue;
            address institution = address(uint160(uint256(logs[i].topics[1])));
            (Standing standing, ) = abi.decode(logs[i].data, (Standing, bytes32));
            suspended[institution] = standing == Standing.SUSPENDED;
            alone[institution] = 0;
            delete _lastAlone[institution];
        }
    }
}
