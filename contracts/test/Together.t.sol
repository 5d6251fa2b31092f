// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Together} from "../Together.sol";

/// @title Many questions in one call
/// @notice Answers come in the order of the questions; a refusal is an answer like any other, and changes no other.
contract TogetherTest {
    error Refused(uint256 value);

    function answer(uint256 value) external pure returns (uint256) {
        if (value == 7) revert Refused(value);
        return value + 1;
    }

    function change() external returns (uint256) {
        return ++_changes;
    }

    uint256 private _changes;

    function test_constructor_revertsWithTheAnswersInOrder() external {
        Together.Question[] memory questions = new Together.Question[](3);
        questions[0] = Together.Question(address(this), abi.encodeCall(this.answer, (1)));
        questions[1] = Together.Question(address(this), abi.encodeCall(this.answer, (7)));
        questions[2] = Together.Question(address(this), abi.encodeCall(this.answer, (2)));

        Together.Answer[] memory answers = _asked(questions);

        require(answers.length == 3, "another number of answers");
        require(answers[0].succeeded && abi.decode(answers[0].data, (uint256)) == 2, "another first answer");
        require(!answers[1].succeeded, "a refusal passes for an answer");
        require(keccak256(answers[1].data) == keccak256(abi.encodeWithSelector(Refused.selector, 7)), "another refusal");
        require(answers[2].succeeded && abi.decode(answers[2].data, (uint256)) == 3, "another last answer");
    }

    function test_constructor_changesNothing() external {
        Together.Question[] memory questions = new Together.Question[](1);
        questions[0] = Together.Question(address(this), abi.encodeCall(this.change, ()));

        require(!_asked(questions)[0].succeeded && _changes == 0, "a question changed something");
    }

    function test_constructor_answersNothingToNoQuestions() external {
        require(_asked(new Together.Question[](0)).length == 0, "answers to nothing");
    }

    function _asked(Together.Question[] memory questions) private returns (Together.Answer[] memory answers) {
        try new Together(questions) {
            revert("it was deployed");
        } catch (bytes memory told) {
            require(bytes4(told) == Together.TogetherAnswered.selector, "another error");
            bytes memory content = new bytes(told.length - 4);
            for (uint256 i = 0; i < content.length; ++i) content[i] = told[i + 4];
            uint256 number;
            uint256 time;
            (number, time, answers) = abi.decode(content, (uint256, uint256, Together.Answer[]));
            require(number == block.number && time == block.timestamp, "another block");
        }
    }
}
