# SPDX-License-Identifier: BSD-2-Clause
"""What a go says of what follows it: who stands at a signal or event, and that it needs its patches; and regsets
that a stop brings for the threads that caused it."""

import os
import signal

import pytest

import clean
import wire
from patching import E, patch, pc, resume, stopped
from tracer import SIGUSR1, bit, eventually, peek, refused, stop

XSTATE = 0x202


def running(link, target):
    return {t['tid'] for t in link.do('threads', target=target)['threads'] if t['state'] == E['T_RUNNING']}


@pytest.mark.parametrize('scope', ['THREAD', 'ALL'])
def test_who_stands_at_a_signal_is_said_by_the_last_go(link, debuggee, scope):
    d = debuggee('signals')
    target, first = stop(link, d)
    link.do('signals', target=target, stop=bit(SIGUSR1))
    resume(link, target, stop=scope)
    os.kill(d.pid, SIGUSR1)
    bundle = link.event('stopped', target)
    tid, = [s['tid'] for s in bundle['stops']]
    others = {t['tid'] for t in first['threads']} - {tid}
    assert others and bundle['all'] == (scope == 'ALL')
    assert running(link, target) == (others if scope == 'THREAD' else set())
    resume(link, target, tid=tid if scope == 'THREAD' else 0)
    assert eventually(lambda: peek(link, target, d.facts['counts']) == 1)


def test_a_go_without_the_patch_it_needs_is_refused_and_the_next_is_not(link, debuggee):
    d = debuggee('patched', 1, 1)
    target, _ = stop(link, d)
    needed = patch(d, 1, 'plain', flags=E['PATCH_NEEDED'])
    link.do('patch_set', target=target, patches=[dict(needed, bytes=b'\x90' * len(needed['bytes']))])
    os.kill(d.pid, signal.SIGUSR1)
    with pytest.raises(wire.Error) as e:
        resume(link, target)
    assert e.value.name == 'OTHER_CODE' and e.value.fields['addr'] == d.facts['plain']
    assert not running(link, target) and peek(link, target, d.facts['done']) == 0
    link.do('patch_set', target=target, patches=[needed])
    resume(link, target)
    bundle, _ = stopped(link, target)
    assert pc(bundle) == d.facts['plain']


def test_a_patch_that_is_not_needed_lets_it_go(link, debuggee):
    d = debuggee('patched', 1, 1)
    target, _ = stop(link, d)
    link.do('patch_set', target=target, patches=[patch(d, 1, 'plain', addr=8)])
    resume(link, target)
    os.kill(d.pid, signal.SIGUSR1)
    assert eventually(lambda: peek(link, target, d.facts['done']) == 1)


def test_regsets_of_the_threads_that_caused_a_stop_come_along(link, debuggee):
    d = debuggee('signals')
    target, _ = stop(link, d)
    recipe = {'scope': E['SCOPE_CAUSE'], 'base': E['BASE_REGSET'], 'offset': XSTATE, 'len': 0}
    link.do('preorder', target=target, recipes=[recipe], notes=[{'note': wire.NT_PRSTATUS}])
    link.do('signals', target=target, stop=bit(SIGUSR1))
    resume(link, target)
    os.kill(d.pid, SIGUSR1)
    bundle = link.event('stopped', target)
    tid = bundle['stops'][0]['tid']
    assert [r['tid'] for r in bundle['regs'] if r['note'] == XSTATE and len(r['data']) >= 576] == [tid]
    assert len([r for r in bundle['regs'] if r['note'] == wire.NT_PRSTATUS]) == len(bundle['threads']) > 1
    assert not [c for c in bundle['chunks'] if c['addr'] == XSTATE]


def test_a_recipe_of_no_known_kind_is_refused(link, debuggee):
    target, _ = stop(link, debuggee('signals'))
    recipe = {'scope': E['SCOPE_CAUSE'], 'base': E['BASE_REGSET'] + 1, 'offset': 0, 'len': 8}
    refused('MALFORMED', link, 'preorder', target=target, recipes=[recipe], notes=[])


def go_after(link, target, generation):
    link.do('go_after', target=target, generation=generation, stop=E['STOPS_ALL'],
            threads=[{'tid': 0, 'action': E['RESUME_CONT'], 'signal': -1, 'lo': 0, 'hi': 0}])


def with_one_in_the_kernel(link, debuggee):
    """One whose first thread is in the kernel as long as it has a child, as a target, and its first stop, without it."""
    d = debuggee('odd', 'vfork', 60000, busy=True)
    os.kill(d.pid, signal.SIGUSR1)
    assert eventually(lambda: clean.status(d.pid)['State'][0] == 'D')
    target, _ = link.attach(d.pid)
    bundle = link.event('stopped', target)
    assert [t['tid'] for t in bundle['missing']] == [d.pid]
    return d, target, bundle['generation']


def test_a_go_after_a_stop_that_is_not_the_newest_is_refused_and_nothing_runs(link, debuggee):
    d, target, first = with_one_in_the_kernel(link, debuggee)
    d.end_children()
    late = link.event('stopped', target)
    assert late['all'] == 1 and late['generation'] > first
    with pytest.raises(wire.Error) as e:
        go_after(link, target, first)
    assert e.value.name == 'NEWER' and not running(link, target)
    go_after(link, target, late['generation'])
    assert running(link, target)


def test_who_is_not_there_yet_when_the_others_go_is_told_of_no_more(link, debuggee):
    d, target, first = with_one_in_the_kernel(link, debuggee)
    go_after(link, target, first)
    d.end_children()
    link.settle(1)
    assert not [e for e in link.events if e[0] == 'stopped']
    assert len(running(link, target)) == 4


def test_a_stop_under_way_is_told_before_a_go_after_the_last_is_refused(link, debuggee):
    d, target, first = with_one_in_the_kernel(link, debuggee)
    link.do('interrupt', target=target, tids=[])
    with pytest.raises(wire.Error) as e:
        go_after(link, target, first)
    assert e.value.name == 'NEWER'
    d.end_children()
    assert link.event('stopped', target)['generation'] == first + 1
