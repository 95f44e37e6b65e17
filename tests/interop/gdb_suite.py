#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""GDB's own tests, with the bridge in gdbserver's place, and with gdbserver itself.

  gdb_suite.py [--hdb COMMAND] [--stock] [--out DIR] [--limit S] SOURCE LIST|TEST...

SOURCE is what fetch.sh printed.  A LIST is a file with a test a line and, behind it, how many of its checks pass
with gdbserver; a TEST is gdb.base/break.exp, say.  With --stock each runs with gdbserver, too, and its counts are
those that are to be reached.  A row: test, passed, failed, seconds, and what it falls short of.  Exit status 1 when
a test does."""

import os
import re
import shutil
import signal
import time

from suite import arguments, compare, read_tests, run_limited

HERE = os.path.dirname(os.path.abspath(__file__))
SITE = """set tool gdb
set srcdir {%(suite)s}
set objdir {%(out)s}
set host_triplet %(triplet)s
set build_triplet %(triplet)s
set target_triplet %(triplet)s
set target_alias %(triplet)s
set GDB {%(gdb)s}
set GDB_DATA_DIRECTORY ""
set GDBSERVER {%(server)s}
set GDB_PARALLEL yes
source {%(suite)s/lib/append_gdb_boards_dir.exp}
"""


def children_of(session):
    """Processes of a session that are left."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/environ', 'rb') as f:
                if f'HDB_SUITE_SESSION={session}'.encode() in f.read().split(b'\0'):
                    found.append(int(pid))
        except OSError:
            pass
    return found


class Suite:
    def __init__(self, source, out, server, hdb, limit):
        self.out, self.limit = os.path.abspath(out), limit
        os.makedirs(self.out, exist_ok=True)
        values = dict(suite=os.path.join(os.path.abspath(source), 'gdb/testsuite'), out=self.out, server=server,
                      gdb=shutil.which('gdb'), triplet=os.uname().machine + '-pc-linux-gnu')
        with open(os.path.join(self.out, 'site.exp'), 'w') as f:
            f.write(SITE % values)
        self.env = dict(os.environ, LC_ALL='C', HDB_SUITE=hdb)

    def run(self, test):
        """Checks that passed and failed, and None or what went wrong with the run itself."""
        where = os.path.join(self.out, 'logs', test.removesuffix('.exp'))
        os.makedirs(where, exist_ok=True)
        session = f'{os.getpid()}.{time.monotonic_ns()}'
        wrong = run_limited(['runtest', '--target_board=native-extended-gdbserver', '--outdir', where, test],
                            os.path.join(where, 'runtest'), self.limit, cwd=self.out,
                            env=dict(self.env, HDB_SUITE_SESSION=session))
        for pid in children_of(session):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(os.path.join(self.out, 'outputs', test.removesuffix('.exp')), ignore_errors=True)
        try:
            with open(os.path.join(where, 'gdb.sum'), errors='replace') as f:
                kinds = re.findall(r'^(PASS|FAIL|KPASS|XPASS|ERROR|UNRESOLVED):?', f.read(), flags=re.M)
        except OSError:
            return 0, 0, wrong or 'it did not run'
        passed = sum(k.endswith('PASS') for k in kinds)
        return passed, len(kinds) - passed, wrong


def main():
    a = arguments(__doc__, 'gdb-suite', 240)
    ours = Suite(a.source, os.path.join(a.out, 'hdb'), os.path.join(HERE, 'gdbserver'), a.hdb, a.limit)
    stock = Suite(a.source, os.path.join(a.out, 'stock'), shutil.which('gdbserver'), a.hdb, a.limit) if a.stock else None
    compare(read_tests(a.tests, '.exp'), ours, stock, 'gdbserver', True, a.out)


main()
