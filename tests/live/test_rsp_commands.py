# SPDX-License-Identifier: BSD-2-Clause
"""Commands of breakpoints (set dprintf-style agent) of Debian's gdb, run by the bridge while the program goes on."""

import os
import re
import shutil
import subprocess
import time

import pytest

import harness
from test_rsp_gdb import QUIET, await_untraced, bridge, file, gdb, state, traced  # noqa: F401

pytestmark = [pytest.mark.skipif(not shutil.which('gdb'), reason='gdb is not installed'), pytest.mark.once]

VISITS = r'dprintf visit,"visit %d %3d %s\n",thread,time,name'
TO_MAIN = ['set dprintf-style agent', f'set remote exec-file {file("visits")}', 'break main']
NAMES = ['zero', r'one\x1b[31m', 'two']


def every_visit(threads, times):
    return sorted(f'visit {t} {i:3} {NAMES[i % 3]}' for t in range(threads) for i in range(times))


def printed(r):
    """GDB shows what comes from the bridge on its own standard error."""
    return r.out + r.err


def visits(text):
    return sorted(re.findall(r'^visit .*', text, re.M))


def test_every_visit_of_every_thread_is_printed_once(gdb):
    r = gdb(*TO_MAIN, 'run 4 25', VISITS, 'break all_done', 'continue', 'info args', 'continue', file=file('visits'))
    assert visits(printed(r)) == every_visit(4, 25), r
    assert 'calls = 100' in r.out and 'exited normally' in r.out, r


def test_a_box_far_away_prints_the_same(gdb, box):
    r = gdb(*TO_MAIN, 'run 2 6', VISITS, 'break all_done', 'continue', 'kill', box=box, file=file('visits'))
    assert visits(printed(r)) == every_visit(2, 6), r


def test_only_where_the_condition_holds(gdb):
    r = gdb(*TO_MAIN, 'run 3 30', VISITS, 'condition $bpnum thread == 1 && time % 10 == 3', 'break all_done',
            'continue', 'info args', 'kill', file=file('visits'))
    assert visits(printed(r)) == [f'visit 1 {i:3} {NAMES[i % 3]}' for i in (3, 13, 23)], r
    assert 'calls = 90' in r.out, r


def test_between_stops_for_other_breakpoints_nothing_is_lost_or_printed_twice(gdb):
    r = gdb(*TO_MAIN, 'run 3 8', VISITS, 'break leave', 'break all_done', *['continue'] * 25, 'info args', 'kill',
            file=file('visits'))
    assert r.out.count('hit Breakpoint 3, leave') == 24 and 'calls = 24' in r.out, r
    assert visits(printed(r)) == every_visit(3, 8), r


def test_who_steps_comes_out_where_he_wanted(gdb):
    r = gdb(*TO_MAIN, 'run 1 3', VISITS, 'break go', 'continue', *['next'] * 6, 'info source', 'delete',
            'break all_done', 'continue', 'kill', file=file('visits'))
    assert 'all_done (calls=3)' in r.out or 'all_done (calls=3' in r.out, r
    assert r.out.count('visit (') == 0, r


def test_what_is_no_memory_is_said_and_the_program_goes_on(gdb):
    r = gdb(*TO_MAIN, 'run 1 2', r'dprintf visit,"here %s\n",(char *)time', r'dprintf visit,"also %d\n",time',
            'break all_done', 'continue', 'info args', 'kill', file=file('visits'))
    assert 'calls = 2' in r.out and 'also 0' in printed(r) and 'also 1' in printed(r), r
    assert 'here (null)' in printed(r), r
    assert 'was not carried out: memory at 0x1 cannot be read.' in printed(r), r


def test_a_format_that_is_not_taken_is_refused(gdb):
    r = gdb(*TO_MAIN, 'run 1 2', r'dprintf visit,"%5.1f\n",1.5', 'break all_done', 'continue', 'kill',
            file=file('visits'))
    assert 'cannot be run by the bridge' in printed(r), r


def test_nobody_is_left_standing_in_non_stop(gdb):
    r = gdb('disconnect', 'set non-stop on', f'target extended-remote | {harness.program("hdb")} -rsp', *TO_MAIN,
            'run 4 25', VISITS, 'break all_done', 'continue -a', 'info args', 'kill', file=file('visits'))
    assert 'calls = 100' in r.out, r
    assert visits(printed(r)) == every_visit(4, 25), r


def test_after_detach_it_runs_on_untouched(gdb, debuggee):
    d = debuggee('visits', 3, 0, 2)
    r = gdb('set dprintf-style agent', f'attach {d.pid}', VISITS, 'break visit if time > 40', 'continue', 'delete 2',
            'tbreak visit if time > 80', 'continue', 'detach', file=file('visits'))
    assert r.out.count('hit Breakpoint') + r.out.count('hit Temporary') == 2, r
    await_untraced(d.pid)


@pytest.mark.parametrize('persists', ['on', 'off'])
def test_after_disconnect_those_that_persist_go_on(world, debuggee, persists):
    d = debuggee('visits', 2, 0, 5)
    path, said = world.path('rsp.sock'), world.path('said')
    with open(said, 'w') as f:
        b = world.start([harness.program('hdb'), '-rsp', f'unix:path={path}', '--multi'], stderr=f)
    while not os.path.exists(path):
        assert b.poll() is None
        time.sleep(0.01)
    gdb = world.start(['gdb', *QUIET, '-ex', f'target extended-remote {path}', '-ex', 'set dprintf-style agent', '-ex',
                       f'set disconnected-dprintf {persists}', '-ex', f'attach {d.pid}', '-ex', VISITS, '-ex',
                       'continue', file('visits')], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL)

    def count():
        with open(said) as f:
            return len(visits(f.read()))

    def await_more(n):
        deadline = time.monotonic() + harness.PATIENCE
        while count() < n:
            assert time.monotonic() < deadline, 'nothing is printed'
            time.sleep(0.02)
    await_more(5)
    gdb.kill()
    gdb.wait()
    while 'Remote side has terminated' not in open(said).read():
        time.sleep(0.01)
    if persists == 'on':
        await_more(count() + 20)
    else:
        # One that was on its way may still come.
        before = count()
        time.sleep(0.3)
        assert count() <= before + 2
    deadline = time.monotonic() + harness.PATIENCE
    while state(d.pid) in 'tT':
        assert time.monotonic() < deadline, 'it was left standing'
    assert traced(d.pid)
    b.terminate()
    b.wait(harness.PATIENCE)
    await_untraced(d.pid)
