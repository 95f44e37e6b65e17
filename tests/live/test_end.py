# SPDX-License-Identifier: BSD-2-Clause
"""SIGTERM and SIGHUP end hdb whatever it is doing, and what it was attached to runs on."""

import os
import signal
import socket
import time

import pytest

import clean
import harness
from terminal import Terminal
from test_contract import as_target_user

SIGNALS = [signal.SIGTERM, signal.SIGHUP]
both = pytest.mark.parametrize('sig', SIGNALS, ids=lambda s: s.name)


def waits(pid):
    """Is it asleep, having begun its work?"""
    return not clean.eventually(lambda: clean.status(pid)['State'][0] != 'S')


def ended(p, sig, status=(1,)):
    """It ends by that signal, in an orderly way."""
    p.send_signal(sig)
    assert p.wait(harness.PATIENCE) in status


def attached(pid):
    assert not clean.eventually(lambda: clean.status(pid)['TracerPid'] == '0')


@pytest.fixture
def mine(world, debuggee):
    """mine(COMMAND…, …): hdb that has attached to a process of this machine, and the process."""
    def mine(*commands, **how):
        d = debuggee('sleepers', 3, **as_target_user())
        p = world.hdb_start('-p', d.pid, *[w for c in commands for w in ('-ex', c)], **how)
        attached(d.pid)
        return p, d
    return mine


@both
def test_while_it_waits_for_commands(mine, sig):
    p, d = mine()
    ended(p, sig)
    assert clean.eventually(d.faults) == []


@both
def test_while_a_process_runs(mine, sig):
    p, d = mine('continue')
    assert not clean.eventually(lambda: [t for t in clean.threads(d.pid)
                                         if clean.status(d.pid, t)['State'][0] == 't'])
    ended(p, sig)
    assert clean.eventually(d.faults) == []


@both
def test_while_a_shell_command_runs(mine, sig):
    p, d = mine('shell sleep 1000 & wait')

    def sleeps():
        return [pid for pid, what in clean.descendants(p.pid).items() if 'sleep' in what[1:]]
    assert not clean.eventually(lambda: not sleeps())
    pids = sleeps()
    ended(p, sig)
    assert clean.eventually(d.faults) == []
    assert not clean.eventually(lambda: [pid for pid in pids if (s := clean.status(pid)) and s['State'][0] != 'Z'])


@both
def test_while_nobody_empties_its_output(world, mine, sig):
    r, w = os.pipe()
    p, d = mine('info signals', *['info signals'] * 40, 'continue', stdout=w)
    os.close(w)
    assert waits(p.pid)
    time.sleep(0.5)  # by now the pipe is full
    ended(p, sig)
    os.close(r)
    assert clean.eventually(d.faults) == []


def test_when_nobody_reads_its_output_any_more(mine):
    r, w = os.pipe()
    p, d = mine('continue', stdout=w)
    os.close(w)
    os.close(r)
    assert p.wait(harness.PATIENCE) == 1
    assert clean.eventually(d.faults) == []


@both
def test_while_a_box_does_not_answer(world, sig):
    with socket.create_server(('127.0.0.1', 0)) as s:
        s.settimeout(harness.PATIENCE)
        alice = world.keys['alice']
        p = world.hdb_start('-premote', f'tls:server=127.0.0.1,port={s.getsockname()[1]},key={alice.path},'
                            f'pin={alice.fingerprint}', '-ps')
        link, _ = s.accept()
        assert waits(p.pid)
        ended(p, sig)
        link.close()


@both
def test_while_a_connection_command_does_not_answer(world, sig):
    p = world.hdb_start('-premote', 'exec:sleep 1000', '-ps')
    assert not clean.eventually(lambda: not clean.descendants(p.pid))
    assert waits(p.pid)
    ended(p, sig)
    assert not clean.eventually(lambda: clean.descendants(p.pid))


@both
def test_while_the_server_stands_still(mine, sig):
    p, d = mine()
    servers = list(clean.descendants(p.pid))
    for pid in servers:
        os.kill(pid, signal.SIGSTOP)
    p.stdin.write('info threads\nps\nx/4x $sp\n')
    p.stdin.flush()
    assert waits(p.pid)
    ended(p, sig)
    for pid in servers:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass
    assert clean.eventually(d.faults) == []


@both
def test_where_the_signal_was_blocked_when_it_was_started(world, debuggee, sig):
    d = debuggee('sleepers', 3, **as_target_user())
    p = world.hdb_start('-p', d.pid, preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS))
    attached(d.pid)
    ended(p, sig)
    assert clean.eventually(d.faults) == []


@both
def test_as_a_bridge(world, debuggee, sig):
    d = debuggee('sleepers', 3, **as_target_user())
    p = world.hdb_start('-rsp', '-attach', d.pid)
    attached(d.pid)
    ended(p, sig, status=(0, 1))
    assert clean.eventually(d.faults) == []


# ---- on a terminal --------------------------------------------------------------------------


@pytest.fixture
def person(world, debuggee):
    """person(ARGS…): hdb at a terminal's prompt, attached to the process that comes with it."""
    made = []

    def person(*args):
        d = debuggee('sleepers', 3, **as_target_user())
        t = Terminal([harness.program('hdb'), '-p', str(d.pid), *args], env=world.env, timeout=harness.PATIENCE)
        made.append(t)
        t.prompt()
        return t, d
    yield person
    for t in made:
        t.kill()


def killed(t, d, sig):
    os.kill(t.pid, sig)
    assert t.end() == 1
    assert clean.eventually(d.faults) == []


@both
def test_while_a_page_waits_to_be_turned(person, sig):
    t, d = person()
    t.type('help\r').until('--Type <RET> for more')
    killed(t, d, sig)


@both
def test_while_it_asks(person, sig):
    t, d = person()
    t.type('kill\r').until('(y or n) ')
    killed(t, d, sig)


@both
def test_while_a_shell_has_the_terminal(person, sig):
    t, d = person()
    t.type("shell echo be''gun; cat; echo over\r").until('begun')
    t.type('x\r').until('x').until('x')
    killed(t, d, sig)


@both
def test_while_the_terminal_takes_no_more(world, person, sig):
    t, d = person('-ex', 'set pagination off')
    t.type('\r').prompt()
    t.type('thread apply all -ascending info signals\r' * 20)
    time.sleep(1)  # nobody reads meanwhile
    os.kill(t.pid, sig)
    # Still nobody does: the process ends by itself.
    assert not clean.eventually(lambda: (s := clean.status(t.pid)) and s['State'][0] != 'Z')
    assert t.end() == 1
    assert clean.eventually(d.faults) == []


def test_when_the_terminal_is_gone(person):
    t, d = person()
    os.close(t.fd)
    t.status = os.waitstatus_to_exitcode(os.waitpid(t.pid, 0)[1])
    assert t.status == 1
    assert clean.eventually(d.faults) == []


# ---- what would be lost is asked about -----------------------------------------------------


def test_the_end_of_the_input_is_an_answer_to_quit_only(terminal):
    t = terminal('--', '/bin/sleep', '1000')
    t.prompt().type('kill\n').until('(y or n) ').type('\x04').until('Not confirmed.').prompt()
    t.type('\x04').until('will be killed.  Quit anyway? (y or n) ').type('n\n').until('Not confirmed.').prompt()
    t.type('\x04').until('will be killed.  Quit anyway? (y or n) ').type('\x04')
    assert t.end() == 0
