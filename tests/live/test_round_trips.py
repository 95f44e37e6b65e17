# SPDX-License-Identifier: BSD-2-Clause
"""How often somebody waits for the link. Counted by the proxy at hdb's end, behind a delay long enough that
requests sent together count as one wait: the numbers do not depend on the machine."""

import os

import pytest

import harness

DELAY = 20  # ms each way
PAIRS = 4
pytestmark = pytest.mark.once  # what is counted is the same for every user and compiler


@pytest.fixture
def trips(world, box):
    """trips(ARGS…): run hdb through the proxy; the waits it took from TCP connected to the end."""
    def run(*args, **how):
        p = world.proxy(box.port, '-delay', DELAY, '-once')
        r = world.hdb(*args, box=box, port=p.port, **how)
        assert r.status == 0, r
        links = p.finish()
        assert len(links) == 1, 'more than one connection'
        return links[0]['waits'], r
    return run


def more(bound, less, with_more):
    """Waits that with_more() takes more than less(). Either may have one more at its beginning, as input and a stop
    cross, and on a busy machine others, which sends apart what belongs together: the least of a few pairs where the
    first exceeds the bound."""
    for _ in range(PAIRS):
        n = with_more()[0] - less()[0]
        if n <= bound:
            break
    return n


@pytest.fixture
def ready(trips):
    """Waits until a session is open, and nothing else."""
    return trips('-batch')[0]


def test_ready_to_attach_takes_four_at_most(ready):
    assert ready <= 4


def test_attaching_to_one_thread_takes_five_at_most(trips, ready, debuggee):
    d = debuggee('sleepers', 1)
    assert trips('-p', d.pid, '-batch', '-ex', 'detach')[0] - ready <= 5


def test_attaching_to_1001_threads_takes_eight_at_most(trips, ready, debuggee):
    d = debuggee('sleepers', 1001)
    waits, _ = trips('-p', d.pid, '-batch', '-ex', 'detach')
    assert waits - ready <= 8


def test_the_backtraces_of_1001_threads_take_fifteen_at_most(trips, ready, debuggee):
    d = debuggee('sleepers', 1001)
    waits, r = trips('-p', d.pid, '-batch', '-ex', 'thread apply all bt', '-ex', 'detach')
    assert r.out.count('in descend ') + r.out.count(' descend (') >= 1001 * 12
    assert waits - ready <= 15


def test_a_snapshot_of_1001_threads_takes_eight_at_most_from_connecting(trips, debuggee):
    d = debuggee('sleepers', 1001)
    waits, r = trips('-snapshot', d.pid, '-json')
    threads = r.json['threads']
    assert len(threads) == 1001
    assert all(sum(f['function'] == 'descend' for f in t['frames']) == 12 for t in threads)
    assert waits <= 8


def test_a_process_list_takes_two_at_most(trips, ready):
    assert trips('-ps', '-json')[0] - ready <= 2


def test_a_breakpoint_stop_with_its_backtrace_takes_one(trips, debuggee):
    d = debuggee('spin', busy=True)
    once = ['-ex', 'continue', '-ex', 'bt']
    begin = ['-p', d.pid, '-batch', '-ex', 'break hit', *once, *once]

    def ten_more():
        waits, r = trips(*begin, *once * 10, '-ex', 'detach')
        assert r.out.count('Breakpoint 1, hit ') == 12 and r.out.count('#1 ') == 12
        return waits, r
    assert more(10, lambda: trips(*begin, '-ex', 'detach'), ten_more) <= 10


def test_a_backtrace_of_a_deep_stack_takes_two(trips, debuggee):
    once = ['-ex', 'continue', '-ex', 'bt']
    begin = ['-batch', '-ex', 'break rests', *once, *once]
    program = ['--', os.path.join(harness.DEBUGGEES, 'deeper'), '400']

    def five_more():
        waits, r = trips(*begin, *once * 5, *program)
        assert r.out.count('Breakpoint 1, rests ') == 7 and r.out.count('#400 ') == 7
        return waits, r
    assert more(2 * 5, lambda: trips(*begin, *program), five_more) <= 2 * 5


def test_libraries_that_come_or_go_are_asked_for_in_one_while_something_waits_for_them(trips):
    library = os.path.join(harness.DEBUGGEES, 'libplugin.so')
    program = ['--', os.path.join(harness.DEBUGGEES, 'loads'), library]
    begin = ['-batch', '-ex', 'set breakpoint pending on', '-ex', 'break nowhere_to_be', '-ex', 'run']

    def loads(n):
        waits, r = trips(*begin, *program, input='\n' * n)
        assert r.out.count('loaded\n') == n and 'Breakpoint 1 (nowhere_to_be) pending.' in r.out, r
        return waits, r
    # Each is loaded and unloaded: two stops, each with one question before it goes on; and one turn in which the
    # shorter run may have been luckier, input and a stop crossing.
    assert more(5 * 2 * 2 + 1, lambda: loads(2), lambda: loads(7)) <= 5 * 2 * 2 + 1


# ---- stepping ---------------------------------------------------------------------------------------------------


def steps(trips, bound, program, place, *commands):
    """Waits of these commands at a breakpoint, and what was said: with them less without."""
    begin = ['-ex', f'break {place}', '-ex', 'run', '-ex', 'next', '-ex', 'next']
    extra = [w for c in commands for w in ('-ex', c)]
    file = os.path.join(harness.DEBUGGEES, program)
    said = []

    def with_them():
        said.append(trips('-batch', *begin, *extra, '--', file))
        return said[-1]
    waits = more(bound, lambda: trips('-batch', *begin, '--', file), with_them)
    return waits, said[-1][1]


# There are loops among the lines, calls in calls, and recursion.
@pytest.mark.parametrize('program', ['steps', 'steps-O2'])
def test_a_source_step_over_calls_takes_two_at_most(trips, program):
    assert steps(trips, 2 * 10, program, 'plain', *['next'] * 10)[0] <= 2 * 10


def test_in_code_that_is_not_optimized_it_takes_little_more_than_one(trips):
    assert steps(trips, 10 + 2, 'steps', 'plain', *['next'] * 10)[0] <= 10 + 2


def test_a_source_step_into_a_function_takes_two_at_most(trips):
    assert steps(trips, 2 * 10, 'steps', 'plain', *['step'] * 10)[0] <= 2 * 10


def test_a_backtrace_at_the_end_of_a_step_takes_none(trips):
    waits, r = steps(trips, 3 * 2, 'steps', 'fact if n == 1', *['next', 'bt'] * 3)
    assert r.out.count('#3 ') == 3
    assert waits <= 3 * 2


def test_finish_takes_two_at_most(trips):
    waits, r = steps(trips, (2 + 1) * 6, 'deeper', 'rests', *['continue', 'finish'] * 6)
    assert r.out.count('descends (') == 7 and r.out.count('Breakpoint 1, rests ') == 7, r
    assert waits <= (2 + 1) * 6
