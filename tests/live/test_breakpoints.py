# SPDX-License-Identifier: BSD-2-Clause
"""Breakpoints in hdb: where they go (beside gdb), when they count, and what is said about them."""

import os
import re
import subprocess

import pytest

import happening
import harness


def debuggee_path(name):
    return os.path.join(harness.DEBUGGEES, name)


@pytest.fixture
def debug(hdb):
    """debug(PROGRAM, COMMANDS…): hdb's answer, of a program held before its first instruction."""
    def run(program, *commands, args=(), status=0):
        ex = [w for c in commands for w in ('-ex', c)]
        r = hdb('-batch', *ex, '--', debuggee_path(program), *args)
        assert r.status == status, r
        return r
    return run


@pytest.fixture(params=['points', pytest.param('points-i386', marks=pytest.mark.i386)])
def points(request):
    return request.param


def places(text):
    """Rows of info breakpoints: (number, function without parameters, file's name, line); addresses apart, which
    differ from run to run."""
    rows = re.findall(r'^(\d+(?:\.\d+)?) .*?(0x[0-9a-f]{16}|0x[0-9a-f]{8}|<MULTIPLE>)(?: in (.*?))?(?: ?at (\S+):(\d+))?\s*$', text, re.M)
    return [(n, addr if addr == '<MULTIPLE>' else int(addr, 16) & 0xfff, re.sub(r'\(.*', '', f), os.path.basename(p), line)
            for n, addr, f, p, line in rows]


def gdb(program, *commands):
    ex = [w for c in commands for w in ('-ex', c)]
    return subprocess.run(['gdb', '-q', '-nx', '-batch', '-ex', 'set breakpoint pending off', '-ex', 'break main', '-ex', 'run',
                           '-ex', 'delete', *ex, debuggee_path(program)],
                          capture_output=True, text=True, errors='replace', stdin=subprocess.DEVNULL, timeout=harness.PATIENCE,
                          env=dict(os.environ, DEBUGINFOD_URLS='')).stdout


LINES = ['points.c:%d' % n for n in range(9, 46)]


# Parts of theirs stand elsewhere, and they begin in many ways.
MOVED = ['main', 'thrower', 'catches', 'cleans', 'outer', 'again', 'inside']


# ---- where they go -------------------------------------------------------------------------


@pytest.mark.parametrize('program, names', [
    ('points', ['work', 'large', 'main', 'points.c:work', *LINES]),
    ('points-O2', ['work', 'large', 'main']),
    ('steps-cc-O2', MOVED),
    pytest.param('steps-cc-O2-i386', MOVED, marks=pytest.mark.i386),
    pytest.param('steps-cc-i386', MOVED, marks=pytest.mark.i386),
], ids=['points', 'points-O2', 'steps-cc-O2', 'steps-cc-O2-i386', 'steps-cc-i386'])
def test_functions_and_lines_are_where_gdb_has_them(debug, program, names):
    wanted = ['break ' + s for s in names]
    here = debug(program, 'break main', 'continue', 'delete', *wanted, 'info breakpoints').out
    there = gdb(program, *wanted, 'info breakpoints')
    # gdb counts its first one, too.
    theirs = [(str(int(n.split('.')[0]) - 1) + n[len(n.split('.')[0]):], *rest) for n, *rest in places(there)]
    ours = [(str(int(n.split('.')[0]) - 1) + n[len(n.split('.')[0]):], *rest) for n, *rest in places(here)]
    assert len(ours) >= len(names)
    assert [r[:2] for r in ours] == [r[:2] for r in theirs]


@pytest.mark.parametrize('program', ['points-cc', pytest.param('points-cc-i386', marks=pytest.mark.i386)])
def test_names_of_cplus_are_found_by_their_parts_and_parameters(debug, program):
    names = ['space::twice', 'twice(int)', 'twice(double)', 'space::Box<int>::get', 'hidden', 'Base::run', 'Derived::run',
             'operator+(space::Box<int> const&, space::Box<int> const&)', 'risky']
    r = debug(program, 'break main', 'continue', *['break ' + n for n in names], 'info breakpoints')
    found = places(r.out)
    # The first has two places; every other one has one.
    assert [n for n, *_ in found] == ['1', '2', '2.1', '2.2', *[str(n) for n in range(3, 11)]]
    assert [f for _, _, f, *_ in found][4:] == ['space::twice', 'space::twice', 'space::Box<int>::get', '', 'Base::run',
                                               'Derived::run', 'operator+', 'risky'] or 'hidden' in r.out


def test_an_inlined_function_stops_in_each_copy(debug, points):
    r = debug(points, 'break points.c:14', 'info breakpoints', 'continue', 'bt 2', 'disable 1.1', 'continue', args=['3'])
    assert 'Breakpoint 1 at ' in r.out and '(2 locations)' in r.out
    assert re.search(r'^1\.1 .* in twice at ', r.out, re.M) and re.search(r'^1\.2 .* in twice at ', r.out, re.M)
    first, second = re.split(r'Breakpoint 1\.[12], ', r.out)[1:]
    assert first.startswith('twice (') and ' work (' in first and second.startswith('twice (')


def test_an_address_may_be_an_expression(debug):
    r = debug('points', 'break *(work+4)', 'break *work + 4', 'continue')
    one, two = re.findall(r'^Breakpoint \d at (0x[0-9a-f]+)', r.out, re.M)
    assert one == two and 'Note: breakpoint 1 also set at pc' in r.out
    assert 'Breakpoint 1, ' in r.out


def test_a_line_of_the_current_file_needs_no_name(debug):
    r = debug('points', 'break main', 'continue', 'break 32', 'break +1', 'continue')
    assert re.search(r'Breakpoint 2 at 0x[0-9a-f]+: file .*points\.c, line 32', r.out)
    assert re.search(r'Breakpoint 3 at .*line 40\.', r.out)


def test_every_function_of_an_expression_gets_one(debug):
    r = debug('points', 'break main', 'continue', 'delete', 'rbreak points.c:^(work|large)$', 'continue', 'continue')
    assert len(re.findall(r'^Breakpoint [23] at ', r.out, re.M)) == 2
    assert 'Breakpoint 3, work' in r.out.replace('Breakpoint 2, work', 'Breakpoint 3, work')
    assert ', large (' in r.out


def test_what_of_a_function_is_rarely_run_is_no_function(debug):
    r = debug('steps-cc-O2', 'rbreak ^(thrower|catches)', 'continue')
    assert len(re.findall(r'^Breakpoint \d+ at ', r.out, re.M)) == 2 and 'locations' not in r.out
    assert re.search(r'^Breakpoint \d, catches \(', r.out, re.M)


# ---- when they count ------------------------------------------------------------------------


def test_a_condition_lets_through_what_does_not_fulfil_it(debug, points):
    r = debug(points, 'break work if k == 13', 'continue', 'info breakpoints')
    assert 'Breakpoint 1, work (k=13) at ' in r.out or 'Breakpoint 1, work ' in r.out
    assert 'stop only if k == 13\n' in r.out
    assert 'breakpoint already hit 1 time\n' in r.out


def test_a_false_condition_never_reaches_the_host(debug, points):
    r = debug(points, 'break work if k == 1000', 'continue', args=['900'])
    assert 'Breakpoint 1, ' not in r.out and 'exited with status 0' in r.out


def test_what_bytecode_cannot_say_is_evaluated_here(debug, points):
    r = debug(points, 'break work if k * 1.5 == 7.5', 'continue', 'info breakpoints', 'print k')
    assert 'stop only if k * 1.5 == 7.5 (evaluated by hdb)' in r.out
    assert 'already hit 1 time\n' in r.out and '= 5\n' in r.out


@pytest.mark.parametrize('condition, why', [
    ('*(int *) 8 == 0', 'Cannot access memory at address 0x8'),
    ('*nowhere == 0', 'Cannot access memory at address 0x8'),
    ('10 / (k - k)', 'division by zero'),
])
def test_a_condition_that_cannot_be_evaluated_stops_and_says_why(debug, condition, why):
    r = debug('points', f'break points.c:31 if {condition}', 'continue', 'print k')
    assert f'Error in testing condition for breakpoint 1:\n{why}\n' in r.out
    assert 'Breakpoint 1, work ' in r.out


def test_ignoring_counts_and_is_counted(debug, points):
    r = debug(points, 'break work', 'ignore 1 4', 'continue', 'print k', 'info breakpoints')
    assert 'Will ignore next 4 crossings of breakpoint 1.\n' in r.out
    assert '$1 = 4\n' in r.out
    assert 'already hit 5 times' in r.out


def test_ignoring_what_is_not_reached_is_counted_all_the_same(debug, points):
    r = debug(points, 'break work', 'ignore 1 1000', 'break points.c:46', 'continue', 'info breakpoints')
    assert 'already hit 20 times' in r.out and 'ignore next 980 hits' in r.out


def test_a_temporary_one_is_gone_after_its_hit(debug, points):
    r = debug(points, 'tbreak work', 'continue', 'info breakpoints', 'continue')
    assert 'Temporary breakpoint 1, work ' in r.out
    assert 'No breakpoints or watchpoints.' in r.out and 'exited with status 0' in r.out


def test_enabling_once_for_a_count_and_to_be_deleted(debug, points):
    r = debug(points, 'break work', 'enable once 1', 'break large', 'enable count 2 2', 'break main', 'enable delete 3',
              'continue', 'continue', 'continue', 'continue', 'info breakpoints', 'continue')
    stops = re.findall(r'^Breakpoint (\d), ', r.out, re.M)
    assert stops == ['3', '1', '2', '2'] or stops == ['1', '2', '2']
    assert re.search(r'^1 .* n  ', r.out, re.M) and re.search(r'^2 .* n  ', r.out, re.M)
    assert not re.search(r'^3  ', r.out, re.M)


def test_a_disabled_one_does_not_stop_and_a_deleted_one_is_no_more(debug):
    r = debug('points', 'break work', 'break large', 'disable 1', 'delete 2', 'info breakpoints', 'continue')
    assert 'Breakpoint 1, ' not in r.out and 'exited with status 0' in r.out
    assert re.search(r'^1 +breakpoint +keep n ', r.out, re.M) and not re.search(r'^2 ', r.out, re.M)


def test_the_lines_of_commands_are_run_and_may_go_on(debug, points):
    r = debug(points, 'break work', 'commands', 'silent', 'print k', 'continue', 'end', 'info breakpoints', 'continue',
              args=['5'])
    assert re.findall(r'^\$\d+ = (\d)$', r.out, re.M) == list('01234')
    assert 'Breakpoint 1, ' not in r.out and 'exited with status 0' in r.out
    assert '        silent\n        print k\n        continue\n' in r.out


def test_commands_of_several_at_one_place_run_in_the_order_of_their_numbers(hdb, tmp_path):
    script = tmp_path / 'script'
    script.write_text(''.join(f'break work\ncommands\n  print {n}\nend\n' for n in (11, 22, 33)) + 'run\nprint 44\n')
    r = hdb('-batch', '-x', str(script), '--', debuggee_path('points'))
    assert re.findall(r'^\$\d = (\d+)$', r.out, re.M) == ['11', '22', '33', '44'] and r.out.count('Breakpoint 1, work (') == 1


def test_of_several_at_one_place_the_first_that_is_not_silent_is_shown(debug):
    silent = ['break work', 'commands', 'silent', 'end']
    r = debug('points', *silent, *silent, 'break work', 'continue', 'delete 3', 'continue', 'kill')
    assert re.findall(r'Breakpoint (\d+), work \(', r.out) == ['3'], r


def test_commands_may_stand_in_a_file(debug, hdb, tmp_path):
    script = tmp_path / 'script'
    script.write_text('break large\ncommands\n  print n\nend\ncontinue\nprint 1000 + n\n')
    r = hdb('-batch', '-x', str(script), '--', debuggee_path('points'))
    assert r.status == 0 and '$1 = 0\n' in r.out and '$2 = 1000\n' in r.out


def test_a_condition_may_be_changed_and_taken_away(debug):
    r = debug('points', 'break work if k == 3', 'continue', 'condition 1 k == 7', 'continue', 'print k', 'condition 1', 'continue',
              'print k')
    assert 'Breakpoint 1 now unconditional.' in r.out
    assert '$1 = 7\n' in r.out and '$2 = 8\n' in r.out


def test_clear_deletes_what_stands_at_a_line(debug):
    r = debug('points', 'break main', 'continue', 'break work', 'tbreak points.c:work', 'clear work', 'info breakpoints')
    assert 'Deleted breakpoint 2 3 \n' in r.out
    assert not re.search(r'^[23]  ', r.out, re.M)


def test_hardware_breakpoints_stop_as_others_do(debug, points):
    r = debug(points, 'hbreak work', 'info breakpoints', 'continue', 'continue', 'thbreak large', 'continue', 'continue')
    assert 'Hardware assisted breakpoint 1 at ' in r.out and 'hw breakpoint' in r.out
    assert r.out.count('\nBreakpoint 1, work ') == 3
    assert 'Temporary breakpoint 2, large ' in r.out


# ---- libraries and programs that come later -----------------------------------------------------


def test_a_function_of_a_library_that_is_not_there_yet_waits_for_it(hdb, debuggee):
    plugin = debuggee_path('libplugin.so')
    r = hdb('-batch', '-ex', 'set breakpoint pending on', '-ex', 'break plugin_enter', '-ex', 'info breakpoints', '-ex',
            'continue', '-ex', 'info breakpoints', '-ex', 'bt 1', '--', debuggee_path('dlopened'), plugin)
    assert 'Breakpoint 1 (plugin_enter) pending.\n' in r.out
    assert re.search(r'^1 .*<PENDING> +plugin_enter$', r.out, re.M)
    assert 'Breakpoint 1, plugin_enter ' in r.out


def test_a_person_is_asked_whether_it_may_wait(terminal):
    t = terminal('--', debuggee_path('dlopened'), debuggee_path('libplugin.so'))
    t.prompt().type('break plugin_enter\n').until('not defined.').until('(y or [n]) ').type('n\n').prompt()
    t.type('break plugin_enter\n').until('(y or [n]) ').type('\n').prompt()
    t.type('info breakpoints\n').until('No breakpoints').prompt()
    t.type('break plugin_enter\n').until('(y or [n]) ').type('what\n').until('answer y or n').type('y\n').until(' (plugin_enter) pending.').prompt()
    t.type('continue\n').until('Breakpoint 1, plugin_enter ').prompt()
    t.type('quit\n').until('will be killed.  Quit anyway? (y or n) ').type('y\n')
    assert t.end() == 0


def test_without_a_person_nothing_waits(debug):
    r = debug('points', 'break nonsense', status=1)
    assert 'Function "nonsense" not defined.' in r.err
    assert 'Make breakpoint pending on future shared library load? (y or [n]) [answered N; input not from terminal]' in r.err


def test_breakpoints_follow_into_another_program(debuggee):
    out = happening.watch_it(debuggee('happens', 'exec'), 'break marked', 'continue', 'info breakpoints')
    assert 'now runs ' in out and 'Breakpoint 1, marked ' in out
    assert 'already hit 1 time' in out


# ---- what cannot be done ---------------------------------------------------------------------------


def test_a_place_without_code_is_said_at_the_breakpoint_and_the_others_stay(debug):
    r = debug('points', 'break work', 'continue', 'break *0x10', status=1)
    assert 'Breakpoint 2 at 0x10\n' in r.out and 'Breakpoint 2 cannot be inserted: no code is mapped there (0x10)' in r.err


def test_a_fifth_hardware_one_is_said_to_be_one_too_many(debug):
    r = debug('points', *[f'hbreak points.c:{n}' for n in (32, 34, 38, 40, 45)], status=1)
    assert r.out.count('Hardware assisted breakpoint') == 5
    assert "Hardware assisted breakpoint 5 cannot be inserted: the processor's debug registers are used up" in r.err


@pytest.mark.parametrize('command, why', [
    ('break points.c:9999', 'No line 9999 in file "points.c".'),
    ('break nosuch.c:1', 'No source file named nosuch.c.'),
    ('break work if', 'an expression is missing behind if'),
    ('break work if nosuch > 1', 'no symbol "nosuch"'),
    ('break work if k +', ''),
    ('delete 99', 'No breakpoint number 99.'),
    ('delete x', "Bad breakpoint number 'x'"),
    ('condition 99 1', 'No breakpoint number 99.'),
    ('ignore 99 1', 'No breakpoint number 99.'),
    ('ignore', "needs a breakpoint's number"),
    ('enable 1.99', 'No breakpoint number 1.'),
    ('commands 99', 'No breakpoint number 99.'),
    ('tbreak *nosuch', 'nosuch'),
    ('rbreak (', 'Unmatched'),
    ('break work thread 99', 'Unknown thread 99'),
])
def test_every_mistake_gets_a_sentence(debug, command, why):
    r = debug('points', command, status=1)
    assert why in r.err and r.err.strip()


def test_a_target_that_is_killed_loses_its_breakpoints_but_not_the_session(hdb, debuggee):
    d = debuggee('sleepers', 2)
    d.expect_gone = True
    h = subprocess.Popen([harness.program('hdb'), '-p', str(d.pid), '-ex', 'break descend', '-ex', 'shell true'],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while 'Breakpoint 1 at' not in h.stdout.readline():
        pass
    d.kill()
    out, _ = h.communicate('continue\ninfo breakpoints\n', timeout=harness.PATIENCE)
    assert 'SIGKILL' in out and re.search(r'^1 .*<PENDING> +descend$', out, re.M)
