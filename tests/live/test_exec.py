# SPDX-License-Identifier: BSD-2-Clause
"""Servers that hdb starts itself: exec:COMMAND, as one goes through ssh, and names from the file boxes."""

import os
import re
import signal

import pexpect
import pytest

import clean
import harness

PROMPT = '(hdb) '
PROCSRV = harness.program('procsrv')


@pytest.fixture
def env(tmp_path):
    e = dict(os.environ, XDG_CONFIG_HOME=str(tmp_path / 'config'), HOME=str(tmp_path), TERM='xterm', NO_COLOR='1')
    e.pop('HDB_PREMOTE', None)
    return e


@pytest.fixture
def person(env):
    """person(ARGS…): hdb on a terminal."""
    started = []

    def person(*args):
        c = pexpect.spawn(harness.program('hdb'), list(map(str, args)), env=env, timeout=harness.PATIENCE,
                          encoding='utf-8', dimensions=(40, 200))
        started.append(c)
        return c
    yield person
    for c in started:
        c.close(force=True)


@pytest.fixture
def asker(tmp_path):
    """A command that asks on the terminal before it becomes a server, as ssh does."""
    path = tmp_path / 'asker'
    path.write_text('#!/bin/sh\n'
                    'exec 3</dev/tty 4>/dev/tty\n'
                    'printf "password: " >&4\n'
                    'read -r word <&3\n'
                    'echo "so it is $word" >&4\n'
                    f'exec {PROCSRV} -t stdio\n')
    path.chmod(0o755)
    return path


def leave(c):
    c.expect(pexpect.EOF)
    c.close()
    return c.exitstatus


def test_a_command_may_ask_on_the_terminal_until_it_says_hello(person, asker):
    c = person('-premote', f'exec:{asker}')
    c.expect_exact('password: ')
    c.send('tulip\r')
    c.expect_exact('so it is tulip')
    c.expect_exact(PROMPT)
    c.send('ps procsrv-tracer\r')  # the prompt has the terminal again
    c.expect('procsrv-tracer: local session')
    c.expect_exact(PROMPT)
    c.send('quit\r')
    assert leave(c) == 0


def test_the_question_of_a_command_can_be_interrupted(person, asker):
    c = person('-premote', f'exec:{asker}')
    c.expect_exact('password: ')
    c.send('\x03')
    c.expect('it ended .killed by signal 2')
    assert leave(c) == 1


def test_an_interrupt_of_the_prompt_leaves_the_command_alone(person, asker):
    c = person('-premote', f'exec:{asker}')
    c.expect_exact('password: ')
    c.send('tulip\r')
    c.expect_exact(PROMPT)
    c.send('\x03')
    c.expect_exact(PROMPT)
    c.send('ps procsrv-tracer\r')
    c.expect('procsrv-tracer: local session')
    c.send('quit\r')
    assert leave(c) == 0


def test_what_was_started_ends_with_hdb(env, world):
    r = world.run([harness.program('hdb'), '-premote', f'exec:echo $$ >&2; exec {PROCSRV} -t stdio', '-ps', '-json'],
                  env=env)
    assert r.status == 0, r
    assert not os.path.exists(f'/proc/{int(r.err)}')


@pytest.mark.parametrize('command, says', [
    ('exit 7', r'it ended \(status 7\) before it said hello'),
    ('/nonexistent/procsrv -t stdio', r'it ended \(status 127\)'),
    ('echo Welcome to the box', r'not procsrv; it begins with "Welcome to the box\\x0a"'),
    ('printf "SSH-2.0-%040d" 0', r'not procsrv; it begins with "SSH-2.0-0000'),
    ('kill -9 $$', r'killed by signal 9'),
])
def test_a_command_that_is_no_server_is_told_by_what_it_does(env, world, command, says):
    r = world.run([harness.program('hdb'), '-premote', f'exec:{command}', '-ps'], env=env)
    assert r.status == 1 and not r.out
    assert re.search(says, r.err) and r.err.splitlines()[-1].startswith('hdb: exec:'), r


def test_boxes_gives_a_transport_a_name(env, world, tmp_path):
    boxes = tmp_path / 'config' / 'hdb' / 'boxes'
    boxes.parent.mkdir(parents=True)
    boxes.write_text(f'# mine\nlab  exec:{PROCSRV} -t stdio\n')
    boxes.chmod(0o600)
    r = world.run([harness.program('hdb'), '-premote', 'lab', '-ps', '-json'], env=env)
    assert r.status == 0 and r.json['processes'], r
    r = world.run([harness.program('hdb'), '-premote', 'lab', '-snapshot', '2'], env=env)
    assert r.status == 1 and r.err.startswith('hdb: lab: cannot take a snapshot of 2'), r
    boxes.chmod(0o666)
    r = world.run([harness.program('hdb'), '-premote', 'lab', '-ps'], env=env)
    assert r.status == 1 and f'chmod go-w {boxes}' in r.err, r


def test_a_transport_in_the_environment_is_used_without_premote(env, world):
    r = world.run([harness.program('hdb'), '-ps', '-json'], env=dict(env, HDB_PREMOTE='exec:exit 3'))
    assert r.status == 1 and 'status 3' in r.err, r


def test_a_server_that_dies_is_a_lost_link(person, debuggee, tmp_path):
    d = debuggee('sleepers')
    c = person('-premote', f'exec:echo $$ >{tmp_path}/pid; exec {PROCSRV} -t stdio', '-p', d.pid)
    c.expect_exact(PROMPT)
    os.kill(int((tmp_path / 'pid').read_text()), signal.SIGKILL)
    # Its tracer sees that too, and may get a word out first.
    c.expect('link to exec:.* lost .(it ended .killed by signal 9|the server said goodbye)')
    assert not clean.eventually(d.faults)
    c.send('quit\r')
    leave(c)
