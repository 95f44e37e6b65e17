# SPDX-License-Identifier: BSD-2-Clause
"""Run control asked for what cannot be: a sentence, a session that goes on, a target as it should be. What a single
command says is in test_breakpoints and test_watch; here is what comes after it."""

import os
import re
import signal
import subprocess
import time

import pytest

import clean
import harness
import wire
from patching import E, FOR_EVER, patch, plant, resume, stopped, work
from tracer import eventually, peek, refused, stop


@pytest.fixture
def session(hdb):
    """session(PROGRAM, COMMANDS…): hdb told line by line, which a mistake does not end."""
    def run(program, *commands):
        return hdb('--', os.path.join(harness.DEBUGGEES, program), input='\n'.join(commands) + '\n')
    return run


def stops(out):
    return re.findall(r'^Breakpoint (\d+), ', out, re.M)


@pytest.mark.parametrize('address, data', [('0x10', False), ('&total', True), ('0xffffffffffffffff', False)])
def test_where_no_code_is_nothing_is_planted_and_the_others_stop(session, address, data):
    r = session('points', f'break *{address}', 'break main', 'continue', 'delete 1', 'break work', 'continue', 'print total')
    assert 'Breakpoint 1 cannot be inserted: no code is mapped there' in r.err
    assert stops(r.out) == ['2', '3'] and '$1 = 0\n' in r.out


def test_inside_another_it_is_refused_and_that_one_stops(session):
    # push %rbp and mov %rsp,%rbp: one byte, and three.
    r = session('points', 'break *(work+1)', 'break *(work+2)', 'continue', 'print (long) $pc - (long) work', 'info breakpoints',
                'delete', 'break work', 'continue')
    assert "Breakpoint 2 cannot be inserted: a breakpoint there would lie inside another's instruction" in r.err
    assert stops(r.out) == ['1', '3'] and '$1 = 1\n' in r.out
    assert re.search(r'^2 .*\n\tcannot be inserted: ', r.out, re.M)


def test_what_was_refused_is_set_when_what_was_in_its_way_goes(session):
    r = session('points', 'break *(work+1)', 'break *(work+2)', 'delete 1', 'continue')
    assert r.err.count('cannot be inserted') == 1 and stops(r.out) == ['2']
    places = ('main', 'work', '(work+1)', 'large', '(large+1)')
    r = session('points', *[f'hbreak *{where}' for where in places], 'delete 1', *['continue'] * 4)
    assert r.err.count('cannot be inserted') == 1 and stops(r.out) == ['2', '3', '4', '5']


def test_two_at_one_place_are_both_hit_and_one_stays_when_the_other_goes(session):
    r = session('points', 'break work', 'break work', 'continue', 'info breakpoints', 'delete 1', 'continue', 'print k',
                'info breakpoints')
    assert 'Note: breakpoint 1 also set at pc' in r.out
    assert stops(r.out) == ['1', '2'] and '$1 = 1\n' in r.out
    assert len(re.findall(r'already hit 1 time$', r.out, re.M)) == 2 and 'already hit 2 times' in r.out


def test_a_fifth_in_hardware_leaves_the_four(session):
    r = session('points', *[f'hbreak *{where}' for where in ('main', 'work', '(work+1)', 'large', '(large+1)')],
                'continue', 'continue', 'continue', 'continue')
    assert "Hardware assisted breakpoint 5 cannot be inserted: the processor's debug registers are used up" in r.err
    assert stops(r.out) == ['1', '2', '3', '4']


def test_a_condition_that_fails_may_be_mended(session):
    r = session('points', 'break work if *(int *) 8', 'continue', 'condition 1 k == 5', 'continue', 'print k')
    assert 'Error in testing condition for breakpoint 1:\nCannot access memory at address 0x8\n' in r.out
    assert stops(r.out) == ['1', '1'] and '$1 = 5\n' in r.out


def test_a_condition_without_end_stops_with_the_reason_and_serves_others_meanwhile(link, debuggee):
    d = debuggee('patched', 4, 50)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'plain', condition=FOR_EVER))
    resume(link, target)
    work(d)
    _, causes = stopped(link, target)
    assert {(wire.ERRORS[c['err']], c['hits']) for c in causes} == {('TOO_LONG', 0)}
    other, _ = stop(link, debuggee('patched'))
    link.do('detach', target=other)
    link.do('patch_clear', target=target)
    resume(link, target)
    assert eventually(lambda: peek(link, target, d.facts['done']) == 4)


def test_a_running_one_is_neither_stepped_nor_resumed(hdb, debuggee):
    d = debuggee('spin', busy=True)
    r = hdb('-p', d.pid, input='continue &\ncontinue &\nstep\nnexti\nfinish\nreturn\njump hit\ninterrupt\nstepi\nprint 7\n')
    assert len(re.findall(r'^hdb: spin \(\d+\) runs already', r.err, re.M)) == 1
    assert len(re.findall(r'^hdb: spin \(\d+\) is running; interrupt stops it', r.err, re.M)) == 5
    assert len(r.err.splitlines()) == 6 and '$1 = 7\n' in r.out


def test_what_has_ended_is_not_stepped_and_may_be_run_again(session):
    r = session('points', 'break work', 'continue', 'kill', 'step', 'nexti', 'finish', 'continue', 'run', 'print k')
    assert r.err.count('no process is attached') == 4
    assert stops(r.out) == ['1', '1'] and '$1 = 0\n' in r.out


def test_a_thread_that_has_ended_is_neither_stepped_nor_resumed(link, debuggee):
    d = debuggee('churn', 100)
    assert eventually(lambda: len(d.tids()) > 10)
    target, _ = stop(link, d)
    born = max(d.tids())
    resume(link, target)
    assert eventually(lambda: born not in clean.threads(d.pid))
    link.do('interrupt', target=target)
    link.event('stopped', target)
    for action in ('STEP', 'CONT'):
        refused('NO_THREAD', link, 'go', target=target,
                threads=[{'tid': born, 'action': E['RESUME_' + action], 'signal': -1}])
    resume(link, target, tid=d.pid, action='STEP')
    bundle = link.event('stopped', target)
    assert [s['reason'] for s in bundle['stops'] if s['tid'] == d.pid] == [E['STOP_STEP']]


@pytest.mark.parametrize('how', ['SIGINT', 'SIGTERM', 'SIGKILL'])
@pytest.mark.parametrize('step', ['stepi 100000000', 'next 100000000'])
def test_hdb_that_is_broken_off_in_the_middle_of_a_step_leaves_the_target_as_it_was(debuggee, step, how):
    d = debuggee('spin', busy=True)
    h = subprocess.Popen([harness.program('hdb'), '-p', str(d.pid), '-ex', 'break hit', '-ex', 'continue'],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while 'Breakpoint 1, hit' not in h.stdout.readline():
        pass
    h.stdin.write(f'delete\n{step}\ndetach\n')
    h.stdin.flush()
    time.sleep(0.2)
    h.send_signal(getattr(signal, how))
    out, _ = h.communicate(timeout=harness.PATIENCE)
    assert 'detached; it runs on' in out or how != 'SIGINT'
    assert not clean.eventually(d.faults)
