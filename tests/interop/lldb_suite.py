#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""LLDB's own tests of debug servers, with the bridge in lldb-server's place, and with lldb-server itself.

  lldb_suite.py [--hdb COMMAND] [--stock] [--out DIR] [--limit S] SOURCE LIST|TEST...

SOURCE is what fetch.sh printed. A LIST is a file with a test a line and, behind it, how many of its checks pass with
lldb-server; a TEST is TestGdbRemoteKill.py, say. With --stock each runs with lldb-server, too, and its counts are
those that are to be reached. A row: test, passed, failed, seconds, and what it falls short of. Exit status 1 when a
test does."""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time

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
        log, wrong = os.path.join(self.out, test.replace('.py', '.log')), None
        argv = ['--arch', 'x86_64', '--build-dir', self.out + '/build', '--executable', f'{LLVM}/bin/lldb',
                '--compiler', f'{LLVM}/bin/clang', '--dsymutil', f'{LLVM}/bin/dsymutil', '--lldb-libs-dir',
                LLVM + '/lib', '--llvm-tools-dir', LLVM + '/bin', '-G', 'llgs', '-p', f'^{re.escape(test)}$',
                self.where[test]]
        with open(log, 'w') as f:
            p = subprocess.Popen([sys.executable, __file__, '--dotest', self.source, *argv], env=self.env, stdout=f,
                                 stderr=f, stdin=subprocess.DEVNULL, start_new_session=True)
            try:
                p.wait(self.limit)
            except subprocess.TimeoutExpired:
                wrong = f'not done after {self.limit} s'
                os.killpg(p.pid, signal.SIGKILL)
                p.wait()
        with open(log, errors='replace') as f:
            counts = RESULT.search(f.read())
        if not counts:
            return 0, 0, wrong or 'it did not run'
        passed, failed, errors = map(int, counts.groups())
        return passed, failed + errors, wrong


def read_tests(names):
    """(test, passes wanted or None) each."""
    tests = []
    for name in names:
        if name.endswith('.py'):
            tests.append((name, None))
            continue
        with open(name) as f:
            lines = [line.split('#')[0].split() for line in f]
        tests += [(words[0], int(words[1]) if len(words) > 1 else None) for words in lines if words]
    return tests


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('source')
    a.add_argument('tests', nargs='+')
    a.add_argument('--hdb', default=os.environ.get('HDB_SUITE', 'hdb'))
    a.add_argument('--stock', action='store_true')
    a.add_argument('--out', default='lldb-suite')
    a.add_argument('--limit', type=float, default=300)
    a = a.parse_args()
    ours = Suite(a.source, os.path.join(a.out, 'hdb'), a.hdb, a.limit)
    stock = Suite(a.source, os.path.join(a.out, 'stock'), None, a.limit) if a.stock else None
    short, total = 0, [0, 0]
    for test, wanted in read_tests(a.tests):
        began = time.monotonic()
        passed, failed, wrong = ours.run(test)
        took, may_fail, beside = time.monotonic() - began, 0, ''
        if stock:
            wanted, may_fail, why = stock.run(test)
            beside = f'\tlldb-server: {wanted} passed, {may_fail} failed' + (f', {why}' if why else '')
        total = [total[0] + passed, total[1] + (wanted or 0)]
        bad = passed < (wanted or 0) or failed > may_fail or wrong is not None
        short += bad
        print(f'{test}\t{passed} passed\t{failed} failed\t{took:.0f} s{beside}'
              + (f'\tSHORT of {wanted or 0}, {wrong or "see its log"}' if bad else ''), flush=True)
    print(f'{total[0]} passed, of {total[1]} wanted; {short} tests fall short; logs are below {a.out}')
    sys.exit(short > 0)


if sys.argv[1:2] == ['--dotest']:
    dotest(sys.argv[2], sys.argv[3:])
else:
    main()
