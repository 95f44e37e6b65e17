# SPDX-License-Identifier: BSD-2-Clause
"""How often Debian's gdb and lldb wait for the link when they debug through hdb -rsp. The proxy counts at hdb's end,
behind a delay long enough that what is sent together counts as one wait; the bridge's own log of the link tells
which of them were heartbeats, of which a slow debugger sees a few."""

import os
import re
import shlex
import shutil
import stat

import pytest

import harness
from test_rsp_lldb import LLDBS, runs
from tracer import eventually

DELAY = 20  # ms each way
TRIES = 3
MANY = 1001

pytestmark = pytest.mark.once
GDB = ['gdb', '-q', '-nx', '-batch', '-iex', 'set debuginfod enabled off', '-iex', 'set auto-load off', '-iex',
       'set confirm off']


def file(name):
    return os.path.join(harness.DEBUGGEES, name)


def gdb_run(world, bridge, commands, program, sysroot):
    argv = [*GDB, '-iex', f'set sysroot {sysroot}', *([file(program)] if program else [])]
    for line in [f'target extended-remote | {bridge}', *commands]:
        argv += ['-ex', line]
    return world.run(argv)


@pytest.fixture(params=LLDBS)
def lldb_run(request):
    def run(world, bridge, commands, program, sysroot):
        """In the place of lldb-server, as the manual has it; it starts with the first command that needs it."""
        path = world.path('lldb-server')
        with open(path, 'w') as f:
            f.write('#!/bin/bash\nfor w; do case $w in --fd=*) fd=${w#--fd=} ;; esac; done\n'
                    f'exec {bridge} <&$fd >&$fd\n')
        os.chmod(path, stat.S_IRWXU)
        argv = [request.param, '-x', '-b', *([file(program)] if program else [])]
        for command in commands:
            argv += ['-o', command]
        return world.run(argv, env={'LLDB_DEBUGSERVER_PATH': path})
    return run


@pytest.fixture
def turns(world, box):
    """turns(RUN, COMMANDS, bound=N): the waits from TCP connected to the end, and the result. A busy machine, which
    sends apart what belongs together, only adds to them: the least of a few runs where the first exceeds the bound."""
    def once(run, commands, program, sysroot):
        p, log = world.proxy(box.port, '-delay', DELAY, '-once'), world.path('link.log')
        words = [harness.program('hdb'), *map(str, world.premote(box, port=p.port)), '-v', '-rsp']
        r = run(world, f'{shlex.join(words)} 2>{log}', commands, program, sysroot)
        assert r.status == 0, r
        links = p.finish()
        assert len(links) == 1, 'more than one connection'
        with open(log) as f:
            beats = len(re.findall(r'^\S+ -> heartbeat', f.read(), re.M))
        return links[0]['waits'] - beats, r

    def turns(run, commands, program=None, bound=0, sysroot='/'):
        few, r = once(run, commands, program, sysroot)
        for _ in range(TRIES - 1):
            if few > bound:
                again, r = once(run, commands, program, sysroot)
                few = min(few, again)
        return few, r
    return turns


READY = 4  # from TCP connected to a session that can attach, TLS and proof included


def frames(r):
    return r.out.count('descend (') + r.out.count('in descend ')


# ---- gdb -----------------------------------------------------------------------------------------------------------


needs_gdb = pytest.mark.skipif(not shutil.which('gdb'), reason='gdb is not installed')


@needs_gdb
def test_gdb_is_ready_to_attach_after_four_turns(turns):
    assert turns(gdb_run, ['show version'], 'sleepers', bound=READY)[0] <= READY


@needs_gdb
def test_gdb_attaches_and_leaves_in_ten_turns(turns, debuggee):
    d = debuggee('sleepers', 1)
    assert turns(gdb_run, [f'attach {d.pid}', 'detach'], 'sleepers', bound=READY + 10)[0] <= READY + 10


@needs_gdb
def test_gdb_attaches_to_1001_threads_in_fifteen_turns(turns, debuggee):
    d = debuggee('sleepers', MANY)
    n, r = turns(gdb_run, [f'attach {d.pid}', 'info threads', 'detach'], 'sleepers', bound=READY + 15)
    assert len(re.findall(r'^[* ] +\d+ +Thread ', r.out, re.M)) == MANY, r
    assert n <= READY + 15


@needs_gdb
def test_gdb_shows_the_backtraces_of_1001_threads_in_thirty_turns(turns, debuggee):
    d = debuggee('sleepers', MANY)
    n, r = turns(gdb_run, [f'attach {d.pid}', 'thread apply all bt', 'detach'], 'sleepers', bound=READY + 30)
    assert frames(r) >= MANY * 12
    assert n <= READY + 30


@needs_gdb
def test_gdb_with_all_files_from_the_box_takes_three_turns_more(turns, debuggee):
    """sysroot target: is what gdb has when nothing is said. The same files are on this machine."""
    d = debuggee('sleepers', 1)
    n, r = turns(gdb_run, [f'attach {d.pid}', 'info sharedlibrary', 'detach'], bound=READY + 13, sysroot='target:')
    assert re.search(r'Yes +target:.*/libc\.so\.6$', r.out, re.M), r
    assert n <= READY + 13


def each(turns, run, begin, again, end, program, times, bound):
    """Turns that `times' times the commands `again' take, and the result: the least of a few pairs where the first
    exceeds the bound, for either may have one more at its beginning."""
    for _ in range(TRIES):
        few, _ = turns(run, [*begin, *end], program, bound=READY + 30)
        many, r = turns(run, [*begin, *again * times, *end], program, bound=few + times * bound)
        if many - few <= times * bound:
            break
    return many - few, r


@needs_gdb
def test_a_stop_with_its_backtrace_takes_gdb_two_turns(turns, debuggee):
    d = debuggee('spin', busy=True)
    begin = [f'attach {d.pid}', 'break hit', 'continue', 'bt', 'continue', 'bt']
    n, r = each(turns, gdb_run, begin, ['continue', 'bt'], ['detach'], 'spin', 10, 2)
    assert r.out.count('Breakpoint 1, hit ') == 12 and r.out.count('#1  ') == 12, r
    assert n <= 10 * 2


@needs_gdb
def test_a_line_takes_gdb_three_turns(turns, debuggee):
    """Through a loop that calls a function each time round."""
    d = debuggee('spin', busy=True)
    begin = [f'attach {d.pid}', 'break hit', 'continue', 'delete', 'finish', 'next', 'next']
    n, r = each(turns, gdb_run, begin, ['next'], ['detach'], 'spin', 10, 3)
    assert len(re.findall(r'^\d+\t', r.out, re.M)) >= 12, r
    assert n <= 10 * 3


# ---- lldb ----------------------------------------------------------------------------------------------------------


def test_lldb_attaches_and_leaves_in_ten_turns(turns, lldb_run, debuggee):
    d = debuggee('sleepers', 0)
    n, r = turns(lldb_run, [f'process attach -p {d.pid}', 'detach'], bound=READY + 10)
    assert f'Process {d.pid} detached' in r.out, r
    assert n <= READY + 10


def test_lldb_attaches_to_1001_threads_in_fifteen_turns(turns, lldb_run, debuggee):
    d = debuggee('sleepers', MANY)
    n, r = turns(lldb_run, [f'process attach -p {d.pid}', 'thread list', 'detach'], bound=READY + 15)
    assert len(re.findall(r'^[ *] thread #\d+: tid = ', r.out, re.M)) == MANY, r
    assert n <= READY + 15


def test_lldb_shows_the_backtraces_of_1001_threads_in_thirty_turns(turns, lldb_run, debuggee):
    d = debuggee('sleepers', MANY)
    n, r = turns(lldb_run, [f'process attach -p {d.pid}', 'bt all', 'detach'], bound=READY + 30)
    assert r.out.count('`descend') >= MANY * 12, r
    assert n <= READY + 30
    assert eventually(lambda: runs(d))


def test_a_stop_with_its_backtrace_takes_lldb_two_turns(turns, lldb_run, debuggee):
    d = debuggee('spin', busy=True)
    begin = [f'process attach -p {d.pid}', 'breakpoint set -n hit', 'continue', 'bt', 'continue', 'bt']
    n, r = each(turns, lldb_run, begin, ['continue', 'bt'], ['breakpoint delete -f', 'detach'], None, 10, 2)
    assert r.out.count('stop reason = breakpoint 1.1') >= 12, r
    assert n <= 10 * 2


def test_a_line_takes_lldb_three_turns(turns, lldb_run, debuggee):
    d = debuggee('spin', busy=True)
    begin = [f'process attach -p {d.pid}', 'breakpoint set -n hit', 'continue', 'breakpoint delete -f', 'finish', 'next',
             'next']
    n, r = each(turns, lldb_run, begin, ['next'], ['detach'], None, 10, 3)
    assert r.out.count('stop reason = step over') >= 12, r
    assert n <= 10 * 3
