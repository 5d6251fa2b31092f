// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Many questions, answered at one block
/// @notice Never deployed: a node runs the constructor as a call, and what it reverts with are the answers. So a
/// gateway reads what a hundred accesses rest on in one go, on any engine, and all of it as it stood in one block.
contract Together {
    /// @notice What is asked of whom.
    struct Question {
        address target;
        bytes call;
    }

    /// @notice What came of a question: what the contract returned, or what it refused with.
    struct Answer {
        bool succeeded;
        bytes data;
    }

    /// @notice The answers, in the order of the questions, and the block at which all of them were found.
    error TogetherAnswered(uint256 number, uint256 time, Answer[] answers);

    /// @param questions calls that change nothing.
    constructor(Question[] memory questions) {
        Answer[] memory answers = new Answer[](questions.length);
        for (uint256 i = 0; i < questions.length; ++i) {
            (answers[i].succeeded, answers[i].data) = questions[i].target.staticcall(questions[i].call);
        }
        revert TogetherAnswered(block.number, block.timestamp, answers);
    }
}
