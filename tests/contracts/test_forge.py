"""The forge tests hold: fuzzed signatures and batches, and the promises as invariants."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
FORGE = CONTRACTS / "node_modules" / ".bin" / "forge"
PROMISES = {
    "invariant_noConsentIsForged()",
    "invariant_revocationWins()",
    "invariant_everyRequestCountsOnce()",
    "invariant_gapsShow()",
    "invariant_breakGlassIsADebt()",
    "invariant_debtsAreCounted()",
    "invariant_exclusionsStandUntilLifted()",
    "invariant_nobodyActsForTheSubject()",
    "invariant_denialsKeepAsksAway()",
    "invariant_answersLieWithinAsks()",
    "invariant_revokedConsentsStayRevoked()",
    "invariant_noAccountCombinesRoles()",
    "invariant_nothingIsDoneByOne()",
    "invariant_oneOfficerStopsNobodyForGood()",
    "invariant_erasureIsFinal()",
    "invariant_erasureTakesTwoOfficers()",
    "invariant_noGuardianIsForged()",
    "invariant_noKeyIsStolen()",
    "invariant_signersFollowTheActs()",
}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which(FORGE) is None, reason="forge has no build for this machine")
def test_forge_tests_hold(tmp_path: Path) -> None:
    # Compiling takes most of the time; the code of the chain itself is tested by the suites beside this one.
    environment = {**os.environ, "HOME": str(tmp_path), "FOUNDRY_PROFILE": "quick"}

    done = subprocess.run(
        [FORGE, "test", "--offline", "--json"],
        cwd=CONTRACTS,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    # forge says what is wrong on stderr, sometimes with status 0: only named results count.
    assert done.stdout.strip().startswith("{"), done.stderr
    suites = json.loads(done.stdout.strip().splitlines()[-1])
    # By suite and name: tests of two suites may be called the same.
    results = {(suite, name): result for suite in suites for name, result in suites[suite]["test_results"].items()}
    assert {named: result["reason"] for named, result in results.items() if result["status"] != "Success"} == {}
    assert sorted(name for _, name in results if name.startswith("invariant_")) == sorted(PROMISES)
    # The local profile, not a shorter one that a variable or a slip might set.
    kinds = [result["kind"] for (_, name), result in results.items() if name in PROMISES]
    assert {kind["Invariant"]["runs"] for kind in kinds} == {256}
    assert sum(name.startswith("testFuzz_") for _, name in results) >= 17
    assert done.returncode == 0
