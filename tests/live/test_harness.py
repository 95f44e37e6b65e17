# SPDX-License-Identifier: BSD-2-Clause
"""The checker itself: it has to find what it is there to find."""

import os
import signal
import subprocess

import clean
import harness


def test_a_sleeping_debuggee_is_clean(debuggee):
    d = debuggee('sleepers', 5, 3)
    assert len(d.tids()) == 5
    assert d.faults() == []


def test_a_stopped_process_is_found(debuggee):
    d = debuggee('sleepers', 2, 2)
    os.kill(d.pid, signal.SIGSTOP)
    assert clean.eventually(lambda: not any('state T' in f for f in d.faults())) is False
    os.kill(d.pid, signal.SIGCONT)


def test_a_traced_process_is_found(debuggee, world):
    d = debuggee('awkward', 'traced')
    assert any('traced by' in f for f in clean.process_faults(d.facts['pid']))


def test_changed_text_is_found(debuggee):
    d = debuggee('sleepers-nopie', 1, 2)
    base = next(int(line.split('-')[0], 16) for line in clean.read(f'/proc/{d.pid}/maps').splitlines()
                if 'r-xp' in line)
    with open(f'/proc/{d.pid}/mem', 'r+b', buffering=0) as mem:
        mem.seek(base)
        was = mem.read(1)
        mem.seek(base)
        mem.write(b'\xcc')
        faults = d.faults()
        mem.seek(base)
        mem.write(was)
    assert any('0xcc, in its file' in f for f in faults)
    assert d.faults() == []


def test_a_process_left_behind_is_found(world):
    p = subprocess.Popen(['sh', '-c', 'sleep 100 & exit 0'])
    p.wait()
    # It may still be called sh: the shell ends before its child has become sleep.
    assert not clean.eventually(lambda: not [what for what in world.left().values() if 'sleep' in what])
    for pid in world.left():
        os.kill(pid, signal.SIGKILL)


def test_a_debuggee_ends_with_its_stdin(debuggee):
    d = debuggee('deep', 100)
    assert d.end() == []
    d.expect_gone = True
    assert d.process.returncode == -signal.SIGIO


def test_the_proxy_counts_round_trips(world):
    """Through cat: three questions, each answered before the next, are three waits and two turns."""
    p = world.start([os.path.join(harness.BUILD, 'tests', 'proxy'), '-exec', 'cat', '-delay', '1'],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    for _ in range(3):
        p.stdin.write(b'question')
        assert p.stdout.read(8) == b'question'
    p.stdin.close()
    p.stdin = None
    counts = harness.json.loads(p.stderr.read())
    assert (counts['waits'], counts['turns'], counts['up'], counts['down']) == (3, 2, 24, 24)
