// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRecords} from "../interfaces/IRecords.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {RecordReads} from "../libraries/RecordReads.sol";
import {CompactRequest} from "../types/AccessRequest.sol";
import {ConsentTerms} from "../types/ConsentTerms.sol";
import {RecordFacts} from "../types/RecordFacts.sol";
import {Scripted} from "./Scripted.sol";

/// @title What a batch reads, answer by answer and member by member
/// @notice `AssemblyTest` compares the same with the compiler's own code over values drawn at random.
contract BatchReadsTest {
    Scripted private _register;

    /// @notice Runs before each test.
    function setUp() external {
        _register = new Scripted();
    }

    /// @notice Facts come in the order of the requests.
    function test_factsOf_givesTheAnswerOfTheRegister() external {
        uint256[] memory words = new uint256[](2);
        (words[0], words[1]) = (7, 8);
        _register.script(IRecords.factsOf.selector, abi.encode(words));
        RecordFacts[] memory facts = this.read(new CompactRequest[](2));
        require(RecordFacts.unwrap(facts[0]) == 7 && RecordFacts.unwrap(facts[1]) == 8, "other facts");
        require(facts.length == 2, "another number of facts");
    }

    /// @notice Where the register refuses, its own error comes out.
    function test_factsOf_passesOnWhyTheRegisterRefuses() external {
        try this.read(new CompactRequest[](1)) {
            revert("answered");
        } catch Error(string memory why) {
            require(keccak256(bytes(why)) == keccak256("not scripted"), "another error");
        }
    }

    /// @notice An answer that is too short, lies elsewhere, or has another number of facts is none.
    function test_factsOf_takesNoOtherAnswer() external {
        _refuse(abi.encode(uint256(0x20), uint256(1)));
        _refuse(abi.encode(uint256(0x40), uint256(1), uint256(7)));
        _refuse(abi.encode(uint256(0x20), uint256(2), uint256(7)));
    }

    /// @notice No member of the terms has a bit beyond its type.
    function test_hashOf_refusesEachMemberThatDoesNotFit() external {
        bytes memory coded = abi.encode(_terms());
        require(_isTaken(coded), "terms in order");
        uint8[21] memory bits = [0, 0, 160, 0, 0, 0, 32, 32, 8, 8, 16, 16, 64, 64, 32, 1, 64, 0, 32, 8, 0];
        for (uint256 i = 0; i < bits.length; ++i) {
            if (bits[i] == 0) continue;
            bytes memory spoiled = abi.encode(_terms());
            // The lowest bit that does not fit, in its byte counted from the front of the word.
            spoiled[32 * i + 31 - bits[i] / 8] |= bytes1(uint8(1 << (bits[i] % 8)));
            require(!_isTaken(spoiled), "a bit too many");
        }
    }

    /// @notice Lets requests travel.
    /// @param requests whose records are looked at.
    /// @return facts of them.
    function read(CompactRequest[] calldata requests) external view returns (RecordFacts[] memory facts) {
        return RecordReads.factsOf(IRecords(address(_register)), requests);
    }

    /// @notice Lets terms travel.
    /// @param terms any.
    /// @return id of them.
    function hashed(ConsentTerms calldata terms) external pure returns (bytes32 id) {
        return Hashing.hashOf(terms);
    }

    function _refuse(bytes memory answer) private {
        _register.script(IRecords.factsOf.selector, answer);
        (bool taken, ) = address(this).call(abi.encodeCall(this.read, (new CompactRequest[](1))));
        require(!taken, "another answer counts");
    }

    function _isTaken(bytes memory coded) private returns (bool taken) {
        (taken, ) = address(this).call(bytes.concat(this.hashed.selector, coded));
    }

    function _terms() private pure returns (ConsentTerms memory terms) {
        (terms.institution, terms.onwardDisclosure) = (address(type(uint160).max), true);
        (terms.categories, terms.purposes, terms.actions) = (type(uint32).max, type(uint32).max, type(uint8).max);
    }
}
