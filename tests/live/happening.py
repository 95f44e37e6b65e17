# SPDX-License-Identifier: BSD-2-Clause
"""hdb at a process that waits for a line before it does what it is for."""

import subprocess
import threading

import harness


def watch_it(d, *commands):
    """What hdb says, that attaches to d, and of whose commands one lets it run."""
    ex = [w for c in commands for w in ('-ex', c)]
    h = subprocess.Popen([harness.program('hdb'), '-p', str(d.pid), '-batch', *ex], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    # Before that it might be gone already.
    first = h.stdout.readline()
    assert ' stopped, ' in first, first
    d.process.stdin.write(b'\n')
    d.process.stdin.flush()
    late = threading.Timer(harness.PATIENCE, h.kill)
    late.start()
    out = first + h.stdout.read()
    late.cancel()
    assert h.wait() == 0, out
    return out
