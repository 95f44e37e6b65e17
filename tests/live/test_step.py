# SPDX-License-Identifier: BSD-2-Clause
"""Stepping in hdb: where each step ends (beside gdb), what it goes over, and what ends it early."""

import os
import re
import signal
import subprocess

import pytest

import clean
import harness

SOURCE = os.path.join(harness.TOP, 'tests', 'debuggees', 'steps.c')


def path(name):
    return os.path.join(harness.DEBUGGEES, name)


def line_of(text, source=SOURCE):
    """The number of the one line with that text."""
    with open(source) as f:
        found = [n for n, line in enumerate(f, 1) if text in line]
    assert len(found) == 1, (text, found)
    return found[0]


@pytest.fixture
def debug(hdb):
    """debug(PROGRAM, COMMANDS…): what hdb said of a program held before its first instruction."""
    def run(program, *commands, args=(), status=0):
        ex = [w for c in commands for w in ('-ex', c)]
        r = hdb('-batch', *ex, '--', path(program), *args)
        assert r.status == status, r
        return r.out
    return run


@pytest.fixture
def script(hdb, tmp_path):
    """The same from a file, which may fail at its end; for many commands."""
    def run(program, *commands, args=()):
        file = tmp_path / 'script'
        file.write_text('\n'.join(commands) + '\n')
        return hdb('-batch', '-x', str(file), '--', path(program), *args).out
    return run


def gdb(tmp_path, program, *commands, args=()):
    file = tmp_path / 'gdb'
    file.write_text('\n'.join(['set style enabled off', 'set width 0', *commands]) + '\n')
    return subprocess.run(['gdb', '-q', '-nx', '-batch', '-x', str(file), '--args', path(program), *args],
                          capture_output=True, text=True, errors='replace', stdin=subprocess.DEVNULL,
                          timeout=harness.PATIENCE, env=dict(os.environ, DEBUGINFOD_URLS='')).stdout


def stops(text):
    """What each stop shows: (with an address, function where it is said, line), from the first breakpoint on."""
    found = []
    first = re.search(r'^(?:Thread \d+ .* hit )?Breakpoint 1, ', text, re.M)
    for line in text[first.end():].splitlines():
        line = line.replace('    (inlined)', '')
        if m := re.match(r'(?:Thread \d+ .* hit )?(?:Breakpoint \d+, )?(0x\w+ in )?(\S+) \(.*\) at \S+:(\d+)$', line):
            found.append((bool(m[1]), m[2].split('<')[0], int(m[3])))
        elif m := re.match(r'(0x\w+\t)?(\d+)\t(?!.*: No such file)', line):
            # Behind a place its source.
            if not found or found[-1][2] != int(m[2]) or not found[-1][1]:
                found.append((bool(m[1]), '', int(m[2])))
    return found


def lines(text):
    return [line for _, _, line in stops(text)]


# ---- beside gdb ---------------------------------------------------------------------------------


@pytest.mark.parametrize('program', ['steps', 'steps-O2', 'steps-nopie', pytest.param('steps-i386', marks=pytest.mark.i386)])
@pytest.mark.parametrize('command,count', [('step', 150), ('next', 60)])
def test_each_step_ends_where_gdbs_does(script, tmp_path, program, command, count):
    commands = ['break plain', 'run', *[command] * count]
    ours, theirs = stops(script(program, *commands)), stops(gdb(tmp_path, program, *commands))
    n = min(len(ours), len(theirs))
    assert n > 20
    assert ours[:n] == theirs[:n]
    # Up to the end of the program, or all of them.
    assert len(ours) == len(theirs)


CPLUS_SOURCE = os.path.join(harness.TOP, 'tests', 'debuggees', 'steps.cc')
CPLUS = ['steps-cc', 'steps-cc-O2',
         pytest.param('steps-cc-i386', marks=pytest.mark.i386), pytest.param('steps-cc-O2-i386', marks=pytest.mark.i386)]


# `step` in steps-cc-O2-i386 is left out: gdb stops there once amid a line, at a row that is no statement.
@pytest.mark.parametrize('command, program', [
    pytest.param(command, program, marks=pytest.mark.i386 if 'i386' in program else ())
    for program in ('steps-cc', 'steps-cc-O2', 'steps-cc-i386', 'steps-cc-O2-i386') for command in ('step', 'next')
    if (command, program) != ('step', 'steps-cc-O2-i386')])
def test_the_same_in_cplus_before_anything_is_thrown(script, tmp_path, program, command):
    commands = ['break main', 'run', *[command] * 120]
    end = line_of('r += catches(2);', CPLUS_SOURCE)

    def before(found):
        return found[:next((i + 1 for i, s in enumerate(found) if s[2] == end), len(found))]
    ours, theirs = before(stops(script(program, *commands))), before(stops(gdb(tmp_path, program, *commands)))
    assert len(ours) > 1 and ours == theirs


@pytest.mark.parametrize('program', ['steps', 'steps-O2'])
def test_instructions_are_those_of_gdb(script, tmp_path, program):
    commands = ['break plain', 'run', *['stepi'] * 60, *['nexti'] * 60]
    assert stops(script(program, *commands)) == stops(gdb(tmp_path, program, *commands))


@pytest.mark.parametrize('program', ['steps', pytest.param('steps-i386', marks=pytest.mark.i386)])
def test_finish_shows_the_values_that_gdb_shows(script, tmp_path, program):
    commands = ['break add', 'break halved', 'break widened', 'break swapped', 'break named', 'run', 'finish', 'delete 1',
                *['continue', 'finish'] * 4]
    ours, theirs = script(program, *commands), gdb(tmp_path, program, *commands)

    def values(text):
        return re.findall(r'^Value returned is (\$\d+ = .*)$', text, re.M)
    assert len(values(ours)) == 5 and values(ours) == values(theirs)
    assert stops(ours) == stops(theirs)


# ---- what a step goes over ----------------------------------------------------------------------------


def test_counted_steps_show_the_last_only(debug):
    out = debug('steps', 'break plain', 'run', 'next 3')
    assert lines(out)[1:] == [lines(debug('steps', 'break plain', 'run', 'next', 'next', 'next'))[-1]]


def test_recursion_is_gone_over_whatever_its_depth(debug):
    fact = line_of('return n * fact(n - 1);')
    out = debug('steps', 'break fact', 'run', 'delete', 'next', 'next', 'next', 'next')
    # Each is of the outermost call, which comes back to its caller last.
    assert stops(out)[1:4] == [(False, '', fact), (False, '', fact + 1), (False, 'plain', line_of('r += fib(5);'))]


def test_until_leaves_a_loop(debug):
    loop = line_of('for (int i = 0; i < 3; i++)')
    out = debug('steps', f'break steps.c:{loop + 1}', 'run', 'delete', 'until', 'until', 'until')
    assert lines(out) == [loop + 1, loop, line_of('i < 500'), line_of('while (r > 100)')]


def test_until_a_place_stays_in_its_frame_and_advance_does_not(debug):
    one = line_of('if (n <= 1)') + 1
    out = debug('steps', 'break fact', 'run', 'delete', f'advance {one}', 'bt')
    assert lines(out)[1] == one and out.count(' fact (') >= 4
    out = debug('steps', 'break fact', 'run', 'delete', f'until {one}')
    assert stops(out)[1][1] == 'plain'


def test_a_finished_frame_may_be_an_outer_one(debug):
    out = debug('steps', 'break fact if n == 1', 'run', 'up', 'up', 'finish')
    assert 'Value returned is $1 = 6\n' in out and stops(out)[-1][1] == 'fact'


def test_the_outermost_frame_cannot_be_finished(hdb):
    r = hdb('-batch', '-ex', 'break plain', '-ex', 'run', '-ex', 'frame 99', '-ex', 'finish', '--', path('steps'))
    assert r.status == 1 and r.err.startswith('hdb: ')


def test_return_undoes_a_frame_and_gives_its_caller_a_value(debug):
    out = debug('steps', 'break fact if n == 2', 'run', 'delete', 'return 42', 'finish', 'bt 1')
    # 3 * 42
    assert '\n#0  fact (n=3)' in out and 'Value returned is $1 = 126\n' in out


def test_jump_goes_on_elsewhere(debug):
    here, there = line_of('r = add(1, 2);'), line_of('p = swapped(p);')
    out = debug('steps', f'break {there + 1}', f'tbreak {here}', 'run', f'jump {there}')
    assert lines(out)[-1] == there + 1


# ---- what leaves a frame in other ways -------------------------------------------------------------------


@pytest.mark.parametrize('program', ['steps', 'steps-O2', pytest.param('steps-i386', marks=pytest.mark.i386)])
def test_a_step_over_longjmp_ends_where_it_lands(debug, program):
    out = debug(program, 'break jumps', 'run', 'next', 'next', 'next', args=['jumps'])
    landed = line_of('if (setjmp(env) == 0)')
    assert landed in lines(out)[2:] and stops(out)[-1][2] in (landed, landed + 2, landed + 3)


@pytest.mark.parametrize('program', ['steps', pytest.param('steps-i386', marks=pytest.mark.i386)])
def test_a_frame_that_longjmp_leaves_is_finished_where_it_lands(debug, program):
    out = debug(program, 'break jump if n == 0', 'run', 'delete', 'finish', 'bt 1', args=['jumps'])
    assert stops(out)[-1][1:] == ('jumps', line_of('if (setjmp(env) == 0)')) and re.search(r'^#0  .*jumps \(', out, re.M)


@pytest.mark.parametrize('program', CPLUS)
def test_a_step_over_a_throw_ends_where_it_is_caught(debug, program):
    throws = line_of('} catch (const std::exception &e) {', CPLUS_SOURCE) - 1
    out = debug(program, f'break steps.cc:{throws}', 'run', 'delete', 'next', 'bt 1')
    assert lines(out)[1] in (throws, throws + 1, throws + 2)
    assert re.search(r'^#0  .*catches \(', out, re.M)


@pytest.mark.parametrize('program', CPLUS)
@pytest.mark.parametrize('outer', [0, 2])
def test_a_frame_that_an_exception_leaves_is_finished_where_that_is_caught(debug, program, outer):
    out = debug(program, 'break thrower if n == 0', 'run', 'delete', *['up'] * outer, 'finish', 'bt 1')
    assert stops(out)[-1][2] == line_of('} catch (const std::exception &e) {', CPLUS_SOURCE) and 'Value returned' not in out
    assert re.search(r'^#0  .*catches \(', out, re.M)


@pytest.mark.parametrize('program', CPLUS)
def test_what_is_caught_below_a_step_does_not_end_it(debug, program):
    last = line_of('r += inside(3);', CPLUS_SOURCE)
    out = debug(program, f'break steps.cc:{last}', 'run', 'next')
    assert lines(out) == [last, last + 1]


def test_a_throw_that_is_cleaned_up_after_is_followed_frame_by_frame(debug):
    out = debug('steps-cc', 'break cleans', 'run', 'delete', 'next', 'next', 'next', 'next', 'next', 'next')
    assert any(s[1] == 'outer' for s in stops(out))


def test_signals_that_do_not_stop_run_their_handlers_amid_steps(debug):
    end = line_of('sink = 3;')
    out = debug('steps', 'handle SIGUSR1 nostop noprint pass', 'handle SIGALRM nostop noprint pass', 'break with_signals',
                'run', 'next', 'next', 'next', f'until {end}', 'print signals', args=['signals'])
    assert stops(out)[-1][2] == end and 'on_signal (' not in out
    assert int(re.search(r'^\$1 = (\d+)$', out, re.M)[1]) >= 20


def test_after_a_signal_a_step_goes_into_its_handler(debug):
    out = debug('steps', 'handle SIGALRM nostop noprint pass', 'break with_signals', 'run', 'next', 'next', 'next', 'step',
                args=['signals'])
    assert 'received signal SIGUSR1' in out and stops(out)[-1][1] == 'on_signal'


# ---- threads -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize('locking', ['off', 'step'])
def test_other_threads_run_while_one_steps_as_the_scheduler_says(debug, locking):
    first = line_of('r = work(1);')
    out = debug('steps', f'break steps.c:{first}', 'run', f'set scheduler-locking {locking}', *['next'] * 3, args=['threads'])
    assert lines(out) == [first, first + 1, first + 2, first + 3]


def test_a_breakpoint_of_another_thread_ends_a_step(debug):
    # That thread goes on from here only.
    barrier = line_of('r = work(1);') - 1
    out = debug('steps', f'break steps.c:{barrier}', 'run', 'break add if b == 4', 'finish', args=['threads'])
    assert re.search(r'^Thread \d+ "steps" hit Breakpoint 2, add ', out, re.M)


def test_a_thread_that_ends_amid_its_step_leaves_the_others_stopped(hdb):
    r = hdb('-batch', '-ex', 'break leaver', '-ex', 'run', '-ex', 'set scheduler-locking on', '-ex', 'next', '-ex', 'next',
            '-ex', 'info threads', '--', path('steps'), 'threads')
    assert r.status == 0 and 'the thread that was stepped has ended' in r.err
    assert re.search(r'^\S*\s+1 +LWP ', r.out, re.M)


def test_an_ended_thread_cannot_be_stepped(hdb):
    r = hdb('-batch', '-ex', 'run', '-ex', 'next', '--', path('steps'))
    assert r.status == 1 and 'no process is attached' in r.err


# ---- ends ------------------------------------------------------------------------------------------------------


def test_steps_go_on_to_the_end_of_the_program(script):
    out = script('steps', 'break plain', 'run', *['next'] * 80)
    assert re.search(r'^main \(.*\) at', out, re.M) and re.search(r'exited with status \d+', out)


def test_a_long_step_can_be_interrupted(world):
    p = world.hdb_start('-batch', '-ex', 'break forever', '-ex', 'run', '-ex', 'delete', '-ex', 'next', '-ex', 'bt 1', '--',
                        path('steps'), 'forever')
    said = ''
    while 'Breakpoint 1, forever' not in said:
        said += p.stdout.readline()
    # While it steps it runs; before, it is traced and stands.
    assert not clean.eventually(lambda: 'R steps' not in clean.descendants(p.pid).values())
    p.send_signal(signal.SIGINT)
    out, _ = p.communicate(timeout=harness.PATIENCE)
    assert 'forever (' in out


def test_a_step_is_over_when_the_process_is_killed(world):
    p = world.hdb_start('-batch', '-ex', 'break forever', '-ex', 'run', '-ex', 'delete', '-ex', 'next', '--', path('steps'),
                        'forever')
    said = ''
    while 'Breakpoint 1, forever' not in said:
        said += p.stdout.readline()
    assert not clean.eventually(lambda: 'R steps' not in clean.descendants(p.pid).values())
    os.kill(next(pid for pid, what in clean.descendants(p.pid).items() if what == 'R steps'), signal.SIGKILL)
    out, _ = p.communicate(timeout=harness.PATIENCE)
    assert 'was killed by SIGKILL' in out


@pytest.mark.parametrize('program', ['spin', pytest.param('spin-i386', marks=pytest.mark.i386)])
def test_after_steps_of_every_kind_a_process_is_as_it_was(hdb, debuggee, program):
    d = debuggee(program, busy=True)
    steps = ['step', 'next', 'stepi', 'nexti', 'step 3', 'finish', 'until', 'advance hit', 'nexti 5', 'continue', 'return', 'next']
    r = hdb('-p', d.pid, input='\n'.join(['break hit', 'continue', *steps, 'continue', 'watch count', 'next', 'continue',
                                          'tbreak burn', 'detach']) + '\n')
    assert len(re.findall(r'^(?:Breakpoint|Hardware watchpoint) \d', r.out, re.M)) >= 3 and 'detached; it runs on' in r.out, r
    # Text, debug registers, tracer and pending signals; and it goes on counting.
    assert not clean.eventually(d.faults)
    with open(f'/proc/{d.pid}/mem', 'rb', 0) as mem:
        def count():
            mem.seek(d.facts['count'])
            return mem.read(4)
        before = count()
        assert not clean.eventually(lambda: count() == before)
