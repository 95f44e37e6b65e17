#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""LLDB's own tests of debug servers, with the bridge in lldb-server's place, and with lldb-server itself.

  lldb_suite.py [--hdb COMMAND] [--stock] [--out DIR] [--limit S] SOURCE LIST|TEST...

SOURCE is what fetch.sh printed. A LIST is a file with a test a line and, behind it, how many of its checks pass with
lldb-server; a TEST is TestGdbRemoteKill.py, say. With --stock each runs with lldb-server, too, and its counts are
those that are to be reached. A row: test, passed, failed, seconds, and what it falls short of. Exit status 1 when a
test does."""

import os
import re
import shutil
import subprocess
import sys

from suite import arguments, compare, read_tests, run_limited

HERE = os.path.dirname(os.path.abspath(__file__))
VERSION = '14'  # of the tests, and of the tools that go with them
LLVM = f'/usr/lib/llvm-{VERSION}'
RESULT = re.compile(r'RESULT: \w+ \((\d+) passes, (\d+) failures, (\d+) errors')


def dotest(source, args):
    """In a process of its own: LLDB's test program, which finds our server where it looks for lldb-server."""
    found, output = shutil.which, subprocess.check_output
    server = os.environ.get('LLDB_SUITE_SERVER')
    if server:
        shutil.which = lambda name, *a, **k: server if name == 'lldb-server' else found(name, *a, **k)
    # Debian's lldb -P names a directory that is not there.
    subprocess.check_output = lambda argv, *a, **k: (
        os.environ['PYTHONPATH'] + '\n' if isinstance(argv, list) and argv[-1:] == ['-P'] else output(argv, *a, **k))
    # The tests are older than Python 3.11, which no longer has this.
    import inspect
    inspect.getargspec = inspect.getfullargspec
    sys.argv = [os.path.join(source, 'test/API/dotest.py'), *args]
    sys.path[:0] = [os.path.join(source, 'test/API'), os.environ['PYTHONPATH']]
    import use_lldb_suite  # noqa: F401
    import lldbsuite.test
    lldbsuite.test.run_suite()


def python_module(out):
    """LLDB's module for Python: in Debian's package its library is a link to nothing."""
    to = os.path.join(out, 'py')
    if not os.path.exists(f'{to}/lldb/_lldb.so'):
        shutil.copytree(f'{LLVM}/lib/python3.11/dist-packages/lldb', f'{to}/lldb', symlinks=True, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns('_lldb*', 'lldb-argdumper'))
        os.symlink(f'/usr/lib/x86_64-linux-gnu/liblldb-{VERSION}.so.1', f'{to}/lldb/_lldb.so')
    return to


class Suite:
    def __init__(self, source, out, hdb, limit):
        """hdb None: with lldb-server."""
        self.source, self.out, self.limit = os.path.abspath(source) + '/lldb', os.path.abspath(out), limit
        os.makedirs(self.out, exist_ok=True)
        under = os.path.join(self.source, 'test/API/tools/lldb-server')
        self.where = {f: d for d, _, files in os.walk(under) for f in files if re.match(r'Test.*\.py$', f)}
        self.env = dict(os.environ, LC_ALL='C', PYTHONPATH=python_module(self.out))
        if hdb:
            self.env.update(HDB_SUITE=hdb, LLDB_SUITE_SERVER=os.path.join(HERE, 'lldb-server'))

    def run(self, test):
        """Checks that passed and failed, and None or what went wrong with the run itself."""
        if test not in self.where:
            return 0, 0, 'there is no such test'
        log = os.path.join(self.out, test.replace('.py', '.log'))
        argv = ['--arch', 'x86_64', '--build-dir', self.out + '/build', '--executable', f'{LLVM}/bin/lldb',
                '--compiler', f'{LLVM}/bin/clang', '--dsymutil', f'{LLVM}/bin/dsymutil', '--lldb-libs-dir',
                LLVM + '/lib', '--llvm-tools-dir', LLVM + '/bin', '-G', 'llgs', '-p', f'^{re.escape(test)}$',
                self.where[test]]
        wrong = run_limited([sys.executable, __file__, '--dotest', self.source, *argv], log, self.limit, env=self.env)
        with open(log, errors='replace') as f:
            counts = RESULT.search(f.read())
        if not counts:
            return 0, 0, wrong or 'it did not run'
        passed, failed, errors = map(int, counts.groups())
        return passed, failed + errors, wrong


def main():
    a = arguments(__doc__, 'lldb-suite', 900)
    ours = Suite(a.source, os.path.join(a.out, 'hdb'), a.hdb, a.limit)
    stock = Suite(a.source, os.path.join(a.out, 'stock'), None, a.limit) if a.stock else None
    compare(read_tests(a.tests, '.py'), ours, stock, 'lldb-server', False, a.out)


if sys.argv[1:2] == ['--dotest']:
    dotest(sys.argv[2], sys.argv[3:])
else:
    main()
