# SPDX-License-Identifier: BSD-2-Clause
"""What the runners of other projects' tests share: lists, limits, and the table they print."""

import argparse
import os
import signal
import subprocess
import sys
import time


def read_tests(names, suffix):
    """(test, passes wanted or None) each: a name with the suffix is a test, another a list of them."""
    tests = []
    for name in names:
        if name.endswith(suffix):
            tests.append((name, None))
            continue
        with open(name) as f:
            lines = [line.split('#')[0].split() for line in f]
        tests += [(words[0], int(words[1]) if len(words) > 1 else None) for words in lines if words]
    return tests


def run_limited(argv, log, limit, **how):
    """In a session of its own, output to log: None, or what went wrong."""
    with open(log, 'w') as f:
        p = subprocess.Popen(argv, stdout=f, stderr=f, stdin=subprocess.DEVNULL, start_new_session=True, **how)
        try:
            p.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
            return f'not done after {limit} s'
    return None


def arguments(description, out, limit):
    a = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('source')
    a.add_argument('tests', nargs='+')
    a.add_argument('--hdb', default=os.environ.get('HDB_SUITE', 'hdb'))
    a.add_argument('--stock', action='store_true')
    a.add_argument('--out', default=out)
    a.add_argument('--limit', type=float, default=limit)
    return a.parse_args()


def compare(tests, ours, stock, peer, may_fail_with_peer, out):
    """Runs each by ours.run and stock.run (stock None: against the list), prints a row each and exits: 1 when one falls
    short of what passes with the peer, or fails more."""
    short, total = 0, [0, 0]
    for test, wanted in tests:
        began = time.monotonic()
        passed, failed, wrong = ours.run(test)
        took, beside = time.monotonic() - began, ''
        may_fail = failed if wanted is not None and may_fail_with_peer else 0
        if stock:
            wanted, peer_failed, why = stock.run(test)
            may_fail = peer_failed if may_fail_with_peer else 0
            beside = f'\t{peer}: {wanted} passed, {peer_failed} failed' + (f', {why}' if why else '')
        total = [total[0] + passed, total[1] + (wanted or 0)]
        bad = passed < (wanted or 0) or failed > may_fail or wrong is not None
        short += bad
        print(f'{test}\t{passed} passed\t{failed} failed\t{took:.0f} s{beside}'
              + (f'\tSHORT of {wanted or 0}, {wrong or "see its log"}' if bad else ''), flush=True)
    print(f'{total[0]} passed, of {total[1]} wanted; {short} tests fall short; logs are below {out}')
    sys.exit(short > 0)
