"""A kill counts only if somebody lived who could be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from consentry.demo.chaos_kills import Mark, strike

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]
ENDS = [sys.executable, "-c", ""]


def test_living_process_is_killed_and_counts_once() -> None:
    struck: set[Mark] = set()
    process = subprocess.Popen(SLEEPS)

    first, again = strike([process.pid], struck), strike([process.pid], struck)

    assert [pid for pid, _ in first] == [process.pid]
    assert again == []
    assert process.wait() == -signal.SIGKILL


def test_process_that_ended_counts_for_nothing() -> None:
    process = subprocess.Popen(ENDS)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    unburied = strike([process.pid], set())
    process.wait()
    buried = strike([process.pid], set())

    assert (unburied, buried) == ([], [])


def test_companions_of_a_process_that_ended_are_left_alone() -> None:
    ended = subprocess.Popen(ENDS)
    ended.wait()
    companion = subprocess.Popen(SLEEPS)

    assert strike([ended.pid, companion.pid], set()) == []
    assert companion.poll() is None

    companion.kill()
    companion.wait()
