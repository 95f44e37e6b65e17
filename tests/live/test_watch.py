# SPDX-License-Identifier: BSD-2-Clause
"""Watchpoints in hdb: old and new values, reads, what does not fit the debug registers, and the end of a local."""

import os
import re

import pytest

import harness


@pytest.fixture(params=['watched', pytest.param('watched-i386', marks=pytest.mark.i386)])
def debug(request, hdb):
    """debug(COMMANDS…): hdb's answer, of watched, which stands at the beginning of its changes."""
    def run(*commands, status=0, first='changes'):
        ex = [w for c in ('break ' + first, 'continue', 'delete', *commands) for w in ('-ex', c)]
        r = hdb('-batch', *ex, '--', os.path.join(harness.DEBUGGEES, request.param))
        assert r.status == status, r
        return r
    return run


def changes(out):
    return re.findall(r'^Old value = (.*)\nNew value = (.*)$', out, re.M)


def test_every_change_stops_with_its_old_and_its_new_value(debug):
    r = debug('watch total', 'continue', 'continue', 'continue', 'info breakpoints', 'continue')
    assert 'Hardware watchpoint 2: total\n' in r.out
    # total += 0 changes nothing.
    assert changes(r.out) == [('0', '1'), ('1', '3'), ('3', '6')]
    assert re.search(r'^2 +hw watchpoint +keep y +total$', r.out, re.M) and 'already hit 3 times' in r.out
    assert 'exited with status 0' in r.out


def test_the_stop_is_behind_the_statement(debug):
    r = debug('watch total', 'continue')
    assert re.search(r'New value = 1\nchanges \(\) at .*watched\.c:\d+\n\d+\t\ttotal \+= 2;', r.out) or \
        re.search(r'New value = 1\nchanges \(\) at .*\n\d+\t.*total \+= 2;', r.out)


def test_a_pointer_on_the_way_is_watched_too(debug):
    r = debug('watch head->value', 'continue', 'continue', 'continue')
    assert changes(r.out) == [('2', '20'), ('20', '1')]
    assert 'exited with status 0' in r.out


def test_a_location_stays_where_it_was(debug):
    r = debug('watch -location head->value', 'continue', 'continue')
    assert 'Hardware watchpoint 2: -location head->value\n' in r.out
    assert changes(r.out) == [('2', '20')]
    assert 'exited with status 0' in r.out


def test_a_condition_is_looked_at_when_it_changes(debug):
    r = debug('watch total if total > 2', 'continue', 'continue')
    assert changes(r.out) == [('1', '3'), ('3', '6')]


def test_reads_stop_with_the_value_alone(debug):
    r = debug('rwatch three', 'delete 2', 'awatch three[2]', 'continue', 'rwatch total', 'delete 3', 'continue')
    assert 'Hardware access (read/write) watchpoint 3: three[2]\n\nOld value = 0' in r.out.replace("0 '\\000'", '0')
    assert 'Hardware read watchpoint 4: total\n\nValue = 6\n' in r.out


def test_three_bytes_fit_and_4096_are_watched_step_by_step(debug):
    r = debug('watch three', 'watch large', 'info breakpoints', 'delete 2', 'continue')
    assert 'Hardware watchpoint 2: three\n' in r.out and '\nWatchpoint 3: large\n' in r.out
    assert re.search(r'^3 +watchpoint +keep y +large$', r.out, re.M)
    (old, new), = changes(r.out)
    assert '<repeats 4095 times>' not in old and old != new and '\\001' in new


def test_one_more_than_there_are_registers_is_watched_step_by_step(debug):
    r = debug('watch total', 'watch sink', 'watch two.value', 'watch one.value', 'watch three[2]', 'continue')
    assert r.out.count('Hardware watchpoint') == 5  # four set, and one hit
    assert '\nWatchpoint 6: three[2]\n' in r.out
    assert changes(r.out) == [('0', '1')]


def test_step_by_step_breakpoints_still_stop(debug):
    r = debug('watch large', 'break local', 'continue', 'delete 2', 'continue')
    assert '\nWatchpoint 2: large\n\nOld value' in r.out
    assert 'Breakpoint 3, local ' in r.out


def test_a_local_ends_with_its_frame(debug):
    # What was there before it has its first value differs.
    r = debug('next', 'watch sum', 'continue', 'continue', 'continue', 'continue', 'info breakpoints', first='local')
    assert [new for _, new in changes(r.out)][-3:] == ['1', '3', '6']
    assert 'Watchpoint 2 deleted because the program has left the block in\nwhich its expression is valid.\n' in r.out
    assert 'main () at ' in r.out.split('which its expression is valid.')[1]
    assert 'No breakpoints or watchpoints.' in r.out


@pytest.mark.parametrize('command, why', [
    ('watch 5', "Cannot watch constant value `5'."),
    ('watch nosuch', 'nosuch'),
    ('watch total = 3', 'cannot be watched'),
    ('watch', 'an expression to watch is missing'),
    ('rwatch large', 'Expression cannot be implemented with read/access watchpoint.'),
    ('watch -location total + 1', 'has no location'),
])
def test_what_cannot_be_watched_is_said(debug, command, why):
    r = debug(command, status=1)
    assert why in r.err
