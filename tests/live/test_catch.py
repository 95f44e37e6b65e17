# SPDX-License-Identifier: BSD-2-Clause
"""Events of a process that hdb catches: forks, programs, system calls, signals, libraries, exceptions."""

import os
import re

import pytest

import happening
import harness


@pytest.fixture(params=['happens', pytest.param('happens-i386', marks=pytest.mark.i386)])
def program(request):
    return request.param


@pytest.fixture
def happen(debuggee, program):
    """happen(WHAT, COMMANDS…): what hdb says about a process that does these things once hdb lets it."""
    def run(what, *commands):
        return happening.watch_it(debuggee(program, *what), *commands)
    return run


def test_fork_and_vfork_with_the_childs_number(happen):
    out = happen(['fork', 'vfork'], 'catch fork', 'catch vfork', 'continue', 'continue', 'info breakpoints')
    assert 'Catchpoint 1 (fork)\n' in out and 'Catchpoint 2 (vfork)\n' in out
    forked, = re.findall(r'^Catchpoint 1 \(forked process (\d+)\), ', out, re.M)
    assert f'[Detaching after fork from child process {forked}]' in out
    assert re.search(r'^Catchpoint 2 \(vforked process \d+\), ', out, re.M)
    assert re.search(r'^1 +catchpoint +keep y +fork\n\tbreakpoint already hit 1 time$', out, re.M)


def test_exec_with_its_program(happen):
    out = happen(['exec'], 'catch exec', 'continue')
    assert re.search(r"^Catchpoint 1 \(exec'd .*/happens(-i386)?\), ", out, re.M)


def test_a_system_call_stops_at_its_entry_and_its_return(happen, program):
    out = happen(['fork', 'write'], 'catch syscall write', 'continue', 'continue')
    assert f"Catchpoint 1 (syscall 'write' [{4 if program.endswith('-i386') else 1}])\n" in out
    assert re.findall(r'^Catchpoint 1 \((.*?)\), ', out, re.M) == ['call to syscall write', 'returned from syscall write']


def test_a_signal_is_caught_though_the_table_would_let_it_pass(happen):
    out = happen(['usr1'], 'handle SIGUSR1 nostop noprint', 'catch signal SIGUSR1', 'continue')
    assert re.search(r'^SIGUSR1 +No +No +Yes ', out, re.M)
    assert 'Catchpoint 1 (signal SIGUSR1), ' in out


def test_the_table_says_which_signals_stop(happen):
    out = happen(['usr1', 'marked'], 'break marked', 'continue', 'info signals USR1', 'continue')
    assert 'Program received signal SIGUSR1, User defined signal 1.\n' in out
    assert 'Breakpoint 1, marked ' in out
    out = happen(['usr1', 'marked'], 'handle USR1 nostop print', 'break marked', 'continue')
    assert 'got SIGUSR1' in out and 'Program received' not in out and 'Breakpoint 1, marked ' in out


def test_libraries_that_come_and_go(happen, program):
    plugin = os.path.join(harness.DEBUGGEES, program.replace('happens', 'libplugin') + '.so')
    out = happen(['load', plugin, 'unload', 'marked'], 'set breakpoint pending on', 'break plugin_enter', 'catch load libplugin',
                 'catch unload', 'continue', 'continue', 'info breakpoints', 'continue', 'info breakpoints')
    assert re.search(r'^Catchpoint 2\n  Inferior loaded .*/libplugin(?:-i386)?\.so$', out, re.M)
    assert 'Breakpoint 1, plugin_enter ' in out
    assert re.search(r'^Catchpoint 3\n  Inferior unloaded .*/libplugin(?:-i386)?\.so$', out, re.M)
    before, after = re.findall(r'^1 +breakpoint +keep y +(\S+)', out, re.M)
    assert before.startswith('0x') and after == '<PENDING>'


def test_a_childs_text_is_clean_when_it_is_let_go(happen):
    out = happen(['fork', 'marked'], 'break marked', 'continue')
    # The child ran marked(2) without a stop, and ended as it should: the parent came on.
    assert 'Breakpoint 1, marked ' in out


def test_the_child_may_be_followed(happen):
    out = happen(['fork', 'marked'], 'set follow-fork-mode child', 'break marked', 'continue', 'info breakpoints', 'continue')
    assert re.search(r'^\[Attaching after fork to child process \d+\]$', out, re.M)
    assert 'Breakpoint 1, marked ' in out and 'exited with status 7' in out


def test_both_may_be_kept(happen):
    out = happen(['fork', 'marked'], 'set detach-on-fork off', 'catch fork', 'continue', 'targets')
    child, = re.findall(r'^\[Also attached to child process (\d+)\]$', out, re.M)
    assert re.search(rf'^ +2 +{child} +happens', out, re.M)


@pytest.mark.parametrize('program', ['points-cc', pytest.param('points-cc-i386', marks=pytest.mark.i386)])
def test_exceptions_are_caught_where_they_are_thrown(hdb, program):
    r = hdb('-batch', '-ex', 'catch throw', '-ex', 'tcatch catch', '-ex', 'continue', '-ex', 'continue', '-ex', 'delete', '-ex',
            'continue', '--', os.path.join(harness.DEBUGGEES, program))
    assert r.status == 0, r
    assert 'Catchpoint 1 (throw)\n' in r.out and 'Temporary catchpoint 2 (catch)\n' in r.out
    assert re.search(r'^Catchpoint 1 \(exception thrown\), 0x[0-9a-f]+ in __cxa_throw ', r.out, re.M)
    assert re.search(r'^Temporary catchpoint 2 \(exception caught\), 0x[0-9a-f]+ in __cxa_begin_catch ', r.out, re.M)
    assert 'exited with status 0' in r.out


CPLUS = ['steps-cc', 'steps-cc-O2', pytest.param('steps-cc-i386', marks=pytest.mark.i386)]


@pytest.mark.parametrize('program', CPLUS)
def test_each_exception_is_thrown_rethrown_and_caught_as_often_as_it_is(hdb, program):
    r = hdb('-batch', *[w for c in ('catch throw', 'catch rethrow', 'catch catch', *[f'ignore {n} 1000' for n in (1, 2, 3)], 'run',
                                    'info breakpoints') for w in ('-ex', c)], '--', os.path.join(harness.DEBUGGEES, program))
    # Nothing stopped: the agent has counted, and told it at the end.
    assert r.status == 0 and 'exited with status 0' in r.out, r
    assert re.findall(r' already hit (\d+) times?$', r.out, re.M) == ['6', '1', '7']
    assert re.findall(r'ignore next (\d+) hits$', r.out, re.M) == ['994', '999', '993']


@pytest.mark.parametrize('program', CPLUS)
def test_where_an_exception_is_thrown_again_it_is_caught(hdb, program):
    r = hdb('-batch', '-ex', 'catch rethrow', '-ex', 'run', '-ex', 'bt 3', '-ex', 'continue', '--',
            os.path.join(harness.DEBUGGEES, program))
    assert r.status == 0 and r.out.count('Catchpoint 1 (exception rethrown), 0x') == 1, r
    assert re.search(r'^#1 .* in again \(', r.out, re.M) and 'exited with status 0' in r.out


@pytest.mark.parametrize('command, why', [
    ('catch', 'needs an event'),
    ('catch nothing', 'no event that can be caught'),
    ('catch syscall nosuchcall', 'is not a system call'),
    ('catch signal SIGNONE', 'is not a signal'),
    ('catch fork 5', 'nothing but a condition'),
    ('handle', 'handle needs signals'),
    ('handle SIGUSR1 whatever', 'Unrecognized or ambiguous flag word: "whatever"'),
    ('info signals NONE', 'is not a signal'),
    ('set follow-fork-mode both', 'takes one of: parent child'),
    ('set nothing on', 'is not a setting'),
    ('show nothing', 'is not a setting'),
])
def test_every_mistake_gets_a_sentence(hdb, command, why):
    r = hdb('-batch', '-ex', command)
    assert r.status == 1 and why in r.err


def test_settings_are_shown_as_they_are_set(hdb):
    r = hdb('-batch', '-ex', 'set follow-fork-mode child', '-ex', 'show follow-fork-mode', '-ex', 'set non-stop', '-ex',
            'show non-stop', '-ex', 'set scheduler-locking step', '-ex', 'show scheduler', '-ex', 'show detach-on-fork')
    assert r.status == 0, r
    assert re.findall(r'is "?(\w+)"?\.$', r.out, re.M) == ['child', 'on', 'step', 'on']
