# SPDX-License-Identifier: BSD-2-Clause
"""The processes of a session die, one after the other or together; what they debugged lives on, unpatched. A few times
each in `make check`, as often as SECURITY asks in `make torture`."""

import os
import signal

import pytest

import clean
import harness
from deaths import GOOD, DEAD, Session, Tally, verdict
from tracer import eventually

TORTURE = 'TORTURE' in os.environ
FATAL = [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL]


def times(few, many):
    return many if TORTURE else few


def strike(debuggee, what, n, sig, apart=10000, threads=1, **how):
    """So often, a target of its own for as long as it lives."""
    tally, d = Tally(what), None
    for _ in range(n):
        if not d or d.expect_gone:
            d = debuggee('beats', apart, threads, busy=True, env={'DEBUGGEE_SECONDS': '3600'})
        s = Session(d, **how)
        s.strike(sig)
        tally.add(verdict(d))
    print(tally)
    return tally


def test_sigkill_of_the_tracer_leaves_nothing_frozen_or_patched(debuggee):
    n = times(12, 1000)
    t = strike(debuggee, 'SIGKILL of the tracer, breakpoint at 100 Hz', n, signal.SIGKILL)
    assert set(t.seen) <= {GOOD, DEAD}, t
    # Who is between trap and wait at that moment dies of the trap: there is nothing to be done.
    assert t.seen.get(DEAD, 0) <= max(2, 0.03 * n), t
