"""Reports of halmos and of forge's coverage are read as they are meant; scripts/prove and scripts/coverage run them."""

from __future__ import annotations

from typing import Any

import pytest

import measure_coverage
import run_proofs

SOURCE = """
contract OneProofs {
    /// @notice function check_inComment
    function check_first(uint256 a) external pure {
    function _helper() private {
}
contract TwoProofs {
    function check_second() external {
"""
TRACE = "TN:\nSF:A.sol\nDA:3,1\nDA:4,0\nBRDA:3,0,0,2\nBRDA:3,0,1,-\nend_of_record\nSF:B.sol\nDA:1,7\nend_of_record\n"


def report(**result: Any) -> dict[str, Any]:  # noqa: ANN401 - members by name
    """Builds a report of one proof."""
    whole = {"name": "check_a(uint256)", "exitcode": 0, "num_bounded_loops": 0, "models": None, "time": [1.5, 1.0, 0.5]}
    return {"test_results": {"test/symbolic/A.t.sol:AProofs": [{**whole, **result}]}}


def test_proofs_are_named_by_contract_and_function() -> None:
    assert run_proofs.written([SOURCE]) == {"OneProofs.check_first", "TwoProofs.check_second"}


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        ({}, "holds"),
        ({"exitcode": 1}, "BROKEN"),
        ({"exitcode": 2}, "TIMED OUT"),
        ({"exitcode": 4}, "REVERTS ALWAYS"),
        ({"exitcode": 9}, "EXIT CODE 9"),
        ({"num_bounded_loops": 1}, "LOOP CUT SHORT"),
    ],
)
def test_only_a_whole_proof_holds(result: dict[str, int], verdict: str) -> None:
    [proof] = run_proofs.read(report(**result))

    assert (proof.name, proof.verdict, proof.seconds) == ("AProofs.check_a", verdict, 1.5)
    assert proof.holds == (verdict == "holds")


def test_counterexample_is_shown_by_name() -> None:
    value = {"variable_name": "blockTime", "value": 255}

    [proof] = run_proofs.read(report(exitcode=1, models=[{"model": {"p_blockTime": value}}]))

    assert proof.counterexample == ("blockTime = 0xff",)


def test_lines_and_branches_not_reached_are_named() -> None:
    reached = measure_coverage.read(TRACE)

    assert measure_coverage.judge(reached, {"A.sol", "B.sol"}, set()) == [
        "A.sol: line 4",
        "A.sol: branch in line 3",
    ]


def test_file_is_measured_or_explained_and_never_both() -> None:
    reached = measure_coverage.read("SF:B.sol\nDA:1,7\n")
    excused = measure_coverage.explained("| `B.sol` | why |\n| `types/C.sol` | why |\n| `D.sol` |  |\n")

    assert excused == {"B.sol", "types/C.sol"}
    assert measure_coverage.judge(reached, {"A.sol", "B.sol"}, excused) == [
        "A.sol: not measured and not explained",
        "B.sol: explained but measured",
        "types/C.sol: explained but not there",
    ]
