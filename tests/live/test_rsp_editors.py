# SPDX-License-Identifier: BSD-2-Clause
"""What editors say to gdb through the bridge, in GDB's machine interface: the words of Microsoft's cpptools (its
MIEngine) as hdb-rsp(7) has its launch.json, without the editor."""

import os
import re
import shlex
import shutil
import subprocess

import pytest

import harness
from test_rsp_gdb import await_untraced

pytestmark = [pytest.mark.skipif(not shutil.which('gdb'), reason='gdb is not installed'), pytest.mark.once]


def file(name):
    return os.path.join(harness.DEBUGGEES, name)


class Mi:
    """gdb as an editor runs it."""

    def __init__(self, world):
        argv = ['gdb', '-nx', '--interpreter=mi', '-iex', 'set auto-load off', '-iex', 'set debuginfod enabled off']
        self.p = world.start(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said, self.token, self.stops = [], 1000, []

    def line(self):
        line = self.p.stdout.readline()
        assert line, 'gdb has ended:\n' + ''.join(self.said)
        self.said.append(line)
        if line.startswith('*stopped'):
            self.stops.append(line)
        return line

    def do(self, command, result='done'):
        """The line with its result."""
        self.token += 1
        self.p.stdin.write(f'{self.token}{command}\n')
        self.p.stdin.flush()
        while not (line := self.line()).startswith(f'{self.token}^'):
            pass
        assert line.startswith(f'{self.token}^{result}'), ''.join(self.said[-30:])
        return line

    def stopped(self, reason):
        """The next stop that was not asked for yet, which is for that reason."""
        while not self.stops:
            self.line()
        line = self.stops.pop(0)
        assert reason in line, ''.join(self.said[-30:])
        return line

    def run(self, command, reason):
        self.do(command, 'running')
        return self.stopped(reason)

    def end(self):
        self.do('-gdb-exit', 'exit')
        self.p.stdout.read()
        assert self.p.wait(harness.PATIENCE) == 0
        self.p.stdin.close()
        self.p.stdout.close()


@pytest.fixture
def mi(world):
    m = Mi(world)
    yield m
    m.end()


def introduce(m, program):
    """What cpptools says first, with setupCommands of the manual."""
    m.do('-gdb-set mi-async on')
    m.do('-interpreter-exec console "set pagination off"')
    m.do('-enable-pretty-printing')
    m.do('-gdb-set sysroot target:')
    m.do(f'-file-exec-and-symbols {program}')


def look(m):
    """As an editor fills its windows at a stop."""
    assert 'threads=[{id="1"' in m.do('-thread-info')
    assert 'func="' in m.do('-stack-list-frames --thread 1 0 1000')
    m.do('-stack-select-frame 0')
    m.do('-stack-list-variables --thread 1 --frame 0 0')
    m.do('-stack-list-arguments 0 0 0')


def listen(world, box, *words):
    """The bridge, and its port."""
    p = world.start([harness.program('hdb'), *map(str, world.premote(box)), '-rsp', 'tcp:port=0', *map(str, words)],
                    stderr=subprocess.PIPE, text=True)
    while not (line := p.stderr.readline()).startswith('Listening on port '):
        assert line, 'the bridge has ended'
    return p, line.split()[-1]


def over(p):
    p.terminate()
    p.stderr.read()
    p.stderr.close()
    p.wait(harness.PATIENCE)


def test_an_editor_attaches_breaks_steps_interrupts_and_detaches(world, box, mi, debuggee):
    """useExtendedRemote and processId of launch.json."""
    d = debuggee('spin', busy=True)
    p, port = listen(world, box, '--multi')
    introduce(mi, file('spin'))
    mi.do(f'-target-select extended-remote localhost:{port}', 'connected')
    mi.do(f'-target-attach {d.pid}')
    mi.stopped('')
    number = re.search(r'number="(\d+)"', mi.do('-break-insert -f hit')).group(1)
    assert 'func="hit"' in mi.run('-exec-continue', 'reason="breakpoint-hit"')
    look(mi)
    assert 'value="' in mi.do('-var-create - * "n"')
    mi.run('-exec-finish --thread 1', 'reason="function-finished"')
    mi.run('-exec-next --thread 1', 'reason="end-stepping-range"')
    mi.do(f'-break-delete {number}')
    mi.do('-exec-continue', 'running')
    mi.do('-exec-interrupt')
    mi.stopped('signal-name="SIGINT"')
    look(mi)
    mi.do('-target-detach')
    await_untraced(d.pid)
    over(p)


def test_an_editor_runs_a_program_to_its_end(world, box, mi):
    """customLaunchSetupCommands that start the bridge, then -exec-run."""
    bridge = shlex.join([harness.program('hdb'), *map(str, world.premote(box)), '-rsp'])
    introduce(mi, file('steps'))
    mi.do(f'-interpreter-exec console "target extended-remote | {bridge}"')
    mi.do(f'-interpreter-exec console "set remote exec-file {file("steps")}"')
    mi.do('-break-insert -f main')
    assert 'func="main"' in mi.run('-exec-run', 'reason="breakpoint-hit"')
    look(mi)
    mi.run('-exec-step', 'reason="end-stepping-range"')
    mi.run('-exec-continue', 'reason="exited')


def test_an_editor_finds_a_program_that_was_started_ahead(world, box, mi):
    """miDebuggerServerAddress alone: the bridge listens with a program."""
    p, port = listen(world, box, '--once', file('steps'))
    introduce(mi, file('steps'))
    mi.do('-break-insert -f main')
    mi.do(f'-target-select remote localhost:{port}', 'connected')
    mi.stopped('')
    assert 'func="main"' in mi.run('-exec-continue', 'reason="breakpoint-hit"')
    look(mi)
    mi.run('-exec-continue', 'reason="exited')
    p.wait(harness.PATIENCE)
    p.stderr.read()
    p.stderr.close()
