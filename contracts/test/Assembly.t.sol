// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessLedger} from "../interfaces/IAccessLedger.sol";
import {IRecords} from "../interfaces/IRecords.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {LogLines} from "../libraries/LogLines.sol";
import {RecordReads} from "../libraries/RecordReads.sol";
import {ACCESS_REQUEST_TYPEHASH, AccessEntry, AccessRequest, CompactRequest} from "../types/AccessRequest.sol";
import {ConsentId, ConsentTerms} from "../types/ConsentTerms.sol";
import {RecordFacts} from "../types/RecordFacts.sol";
import {RecordId} from "../types/RecordLeaf.sol";
import {Suite} from "./Suite.sol";
import {VM, Vm} from "./Vm.sol";

/// @title Assembly does what the compiler's own code does
/// @notice Each function stands beside the plain expression its comment names. Free memory is soiled before each call,
/// so that nothing rests on its being zero, and what lies before a struct is looked at afterwards.
contract AssemblyTest {
    Suite private _suite;

    /// @notice Runs before each test.
    function setUp() external {
        _suite = new Suite();
    }

    /// @notice Hashes of words.
    /// @param a first word.
    /// @param b second word.
    /// @param c third word.
    /// @param d fourth word.
    function testFuzz_hashOf_isThatOfTheCodedWords(bytes32 a, bytes32 b, bytes32 c, bytes32 d) external pure {
        _soil(d);
        bytes32 one = Hashing.hashOf(a);
        bytes32 three = Hashing.hashOf(a, b, c);
        bytes32 four = Hashing.hashOf(a, b, c, d);
        require(one == keccak256(abi.encode(a)), "one word");
        require(three == keccak256(abi.encode(a, b, c)), "three words");
        require(four == keccak256(abi.encode(a, b, c, d)), "four words");
    }

    /// @notice The struct hash of a request.
    /// @param request anything.
    /// @param before what lies before it in memory.
    function testFuzz_hashOf_isThatOfTheRequest(AccessRequest calldata request, bytes32 before) external view {
        bytes32[] memory neighbour = new bytes32[](1);
        AccessRequest memory copied = request;
        neighbour[0] = before;
        _soil(before);
        bytes32 hash = Hashing.hashOf(copied);
        require(hash == keccak256(abi.encode(ACCESS_REQUEST_TYPEHASH, request)), "another hash");
        require(hash == _suite.hashes().requestHash(request), "not the one that is signed");
        require(neighbour[0] == before, "what lay before was lost");
        require(keccak256(abi.encode(copied)) == keccak256(abi.encode(request)), "the request was changed");
    }

    /// @notice Terms are hashed and copied as they travelled.
    /// @param terms anything.
    function testFuzz_copy_givesTheTermsThatWereHashed(ConsentTerms calldata terms) external pure {
        ConsentTerms memory copied;
        bytes32[] memory behind = new bytes32[](1);
        behind[0] = terms.noticeHash;
        _soil(terms.noticeHash);
        bytes32 id = Hashing.hashOf(terms);
        Hashing.copy(terms, copied);
        require(id == ConsentId.unwrap(terms.consentIdOf()), "another id");
        require(keccak256(abi.encode(copied)) == keccak256(abi.encode(terms)), "other terms");
        require(behind[0] == terms.noticeHash, "what lies behind was lost");
    }

    /// @notice Terms in which a member does not fit its type are refused exactly where the compiler refuses them.
    /// @param terms anything.
    /// @param bit picks the bit that is set.
    function testFuzz_hashOf_refusesTermsThatDoNotFit(ConsentTerms calldata terms, uint256 bit) external {
        bytes memory coded = abi.encode(terms);
        bit %= coded.length * 8;
        coded[bit / 8] |= bytes1(uint8(1 << (bit % 8)));
        (bool taken, ) = address(this).call(bytes.concat(this.hashed.selector, coded));
        (bool needed, ) = address(this).call(bytes.concat(this.decoded.selector, coded));
        require(taken == needed, "hashed and decoded differ");
    }

    /// @notice The root of a tree of any size, as RFC 6962 defines it.
    /// @param hashes anything.
    function testFuzz_rootOf_isThatOfTheTree(bytes32[] memory hashes) external pure {
        if (hashes.length == 0) return;
        bytes32 given = keccak256(abi.encode(hashes));
        _soil(given);
        bytes32 root = Hashing.rootOf(hashes);
        require(root == _rootOf(hashes, 0, hashes.length), "another root");
        require(keccak256(abi.encode(hashes)) == given, "the hashes were changed");
    }

    /// @notice A line is the event that `emit` makes.
    /// @param requestId anything.
    /// @param subjectId anything.
    /// @param institution anything.
    /// @param entry anything.
    function testFuzz_write_isTheEvent(
        uint256 requestId,
        bytes32 subjectId,
        address institution,
        AccessEntry calldata entry
    ) external {
        AccessEntry memory copied = entry;
        _soil(subjectId);
        VM.recordLogs();
        LogLines.write(requestId, subjectId, institution, copied);
        emit IAccessLedger.AccessDecided(requestId, subjectId, institution, entry);
        Vm.Log[] memory logs = VM.getRecordedLogs();
        require(logs.length == 2, "not one event each");
        require(keccak256(abi.encode(logs[0])) == keccak256(abi.encode(logs[1])), "another event");
    }

    /// @notice The facts that are read are those the register gives, and what is in memory stays.
    /// @param requests anything; every third for an anchored record.
    function testFuzz_factsOf_areThoseOfTheRegister(CompactRequest[] memory requests) external view {
        RecordId[] memory ids = new RecordId[](requests.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            if (i % 3 == 0) requests[i].recordId = RecordId.wrap(_suite.hashes().recordId(_suite.leafOf(0)));
            ids[i] = requests[i].recordId;
        }
        RecordFacts[] memory needed = _suite.records().factsOf(ids);
        RecordFacts[] memory facts = this.read(requests);
        require(keccak256(abi.encode(facts)) == keccak256(abi.encode(needed)), "other facts");
    }

    /// @notice Without an answer of the register there are no facts.
    /// @param requests anything.
    function testFuzz_factsOf_takesNoOtherAnswer(CompactRequest[] memory requests) external {
        (bool answered, ) = address(this).call(abi.encodeCall(this.readFrom, (address(this), requests)));
        require(!answered, "facts of no register");
        (answered, ) = address(this).call(abi.encodeCall(this.readFrom, (address(0xdead), requests)));
        require(!answered, "facts of no contract");
    }

    /// @notice Lets requests travel.
    /// @param requests whose records are looked at.
    /// @return facts of them.
    function read(CompactRequest[] calldata requests) external view returns (RecordFacts[] memory facts) {
        bytes32[] memory before = new bytes32[](2);
        before[1] = bytes32(uint256(7));
        _soil(before[1]);
        facts = RecordReads.factsOf(_suite.records(), requests);
        bytes32[] memory behind = new bytes32[](2); // zero, and not where the facts lie
        behind[0] = bytes32(uint256(8));
        require(before.length == 2 && before[1] == bytes32(uint256(7)) && behind[1] == 0, "memory was lost");
    }

    /// @notice Lets requests travel.
    /// @param register that is asked.
    /// @param requests whose records are looked at.
    /// @return facts of them.
    function readFrom(
        address register,
        CompactRequest[] calldata requests
    ) external view returns (RecordFacts[] memory facts) {
        return RecordReads.factsOf(IRecords(register), requests);
    }

    /// @notice Hashes terms with the library.
    /// @param terms as they travel.
    /// @return id of them.
    function hashed(ConsentTerms calldata terms) external pure returns (bytes32 id) {
        return Hashing.hashOf(terms);
    }

    /// @notice Takes terms as the compiler does.
    /// @param terms as they travel.
    /// @return id of them.
    function decoded(ConsentTerms memory terms) external pure returns (bytes32 id) {
        return keccak256(abi.encode(terms));
    }

    /// @dev Leaves something where the free memory begins.
    function _soil(bytes32 with) private pure {
        bytes32[] memory soiled = new bytes32[](64);
        for (uint256 i = 0; i < soiled.length; ++i) soiled[i] = ~with;
        assembly ("memory-safe") {
            mstore(0x40, soiled)
        }
    }

    /// @dev The left part has the largest power of two of leaves below the whole.
    function _rootOf(bytes32[] memory hashes, uint256 from, uint256 to) private pure returns (bytes32 root) {
        if (to - from == 1) return keccak256(abi.encodePacked(bytes1(0x00), hashes[from]));
        uint256 left = 1;
        while (left * 2 < to - from) left *= 2;
        bytes32 first = _rootOf(hashes, from, from + left);
        return keccak256(abi.encodePacked(bytes1(0x01), first, _rootOf(hashes, from + left, to)));
    }
}
