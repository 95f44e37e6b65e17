# SPDX-License-Identifier: BSD-2-Clause
"""The same commands in hdb and in gdb, on the same program, and what of their answers has to be the same."""

import os
import re
import subprocess

import harness


def path(name):
    return os.path.join(harness.DEBUGGEES, name)


def gdb(tmp_path, program, *commands, args=()):
    """What gdb printed; it goes on behind a command that failed."""
    file = tmp_path / 'commands.py'
    quiet = ['set style enabled off', 'set width 0', 'set height 0', 'set confirm off', 'set print entry-values no',
             'set breakpoint pending off', 'set startup-with-shell off']
    file.write_text('import gdb\n' + ''.join(
        f'try:\n    gdb.execute({c!r})\nexcept gdb.error as e:\n    print(e)\n' for c in [*quiet, *commands]))
    return subprocess.run(['gdb', '-q', '-nx', '-batch', '-x', str(file), '--args', path(program), *args],
                          capture_output=True, text=True, errors='replace', stdin=subprocess.DEVNULL,
                          timeout=harness.PATIENCE, env=dict(os.environ, DEBUGINFOD_URLS='')).stdout


def script(hdb, program, *commands, args=(), status=0):
    """What hdb printed, of the program held before its first instruction."""
    ex = [w for c in commands for w in ('-ex', c)]
    r = hdb('-batch', *ex, '--', path(program), *args)
    assert r.status == status, r
    return r.out


def told(text, pattern):
    """The lines that match, without what differs from run to run and the marks that hdb alone makes."""
    text = re.sub(r' {4}\(inlined\)$', '', text, flags=re.M)
    return [line for line in text.splitlines() if re.search(pattern, line)]
