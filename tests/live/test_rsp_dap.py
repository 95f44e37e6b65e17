# SPDX-License-Identifier: BSD-2-Clause
"""Debian's lldb-vscode, which editors speak the Debug Adapter Protocol to, with the bridge in lldb-server's place."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import threading

import pytest

import harness
from test_rsp_lldb import runs, wrap
from tracer import eventually

PROGRAMS = [p for p in (*(f'lldb-vscode-{n}' for n in range(14, 18)), *(f'lldb-dap-{n}' for n in range(18, 30)))
            if shutil.which(p)]
pytestmark = [pytest.mark.skipif(not PROGRAMS, reason='lldb-vscode (of lldb-14) is not installed'), pytest.mark.once]


def file(name):
    return os.path.join(harness.DEBUGGEES, name)


class Adapter:
    """An editor's end: requests and what comes of them."""

    def __init__(self, world, words):
        self.p = world.start([PROGRAMS[0]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             env=dict(world.env, LLDB_DEBUGSERVER_PATH=wrap(world, words)))
        self.number, self.said = 0, []
        self.patience = threading.Timer(harness.PATIENCE, self.p.kill)  # what does not answer is not waited for
        self.patience.start()

    def message(self):
        length = 0
        while line := self.p.stdout.readline().strip():
            if line.startswith(b'Content-Length:'):
                length = int(line.split(b':')[1])
        assert length, f'the adapter has ended: {self.said[-5:]}'
        m = json.loads(self.p.stdout.read(length))
        self.said.append(m)
        return m

    def ask(self, command, **arguments):
        self.number += 1
        text = json.dumps({'type': 'request', 'seq': self.number, 'command': command, 'arguments': arguments}).encode()
        self.p.stdin.write(b'Content-Length: %d\r\n\r\n' % len(text) + text)
        self.p.stdin.flush()
        return self.number

    def first(self, matches):
        """The first message since the beginning, now or later, that does; it is not found again."""
        for m in self.said:
            if matches(m):
                break
        else:
            while not matches(m := self.message()):
                pass
        self.said.remove(m)
        return m

    def do(self, command, **arguments):
        """What the answer says."""
        n = self.ask(command, **arguments)
        m = self.first(lambda m: m['type'] == 'response' and m['request_seq'] == n)
        assert m['success'], m
        return m.get('body')

    def event(self, name):
        return self.first(lambda m: m['type'] == 'event' and m['event'] == name).get('body')

    def stopped(self, reason):
        """The thread."""
        body = self.event('stopped')
        assert body['reason'] == reason, body
        return body['threadId']

    def begin(self, how, **arguments):
        self.do('initialize', adapterID='lldb', linesStartAt1=True, columnsStartAt1=True, pathFormat='path')
        n = self.ask(how, **arguments)
        self.event('initialized')
        return n

    def variables(self, frame):
        scope = self.do('scopes', frameId=frame)['scopes'][0]
        return {v['name']: v['value'] for v in self.do('variables', variablesReference=scope['variablesReference'])['variables']}

    def leave(self, **how):
        """lldb-vscode 14 may die of its own threads ("pure virtual method called") before it has answered."""
        with contextlib.suppress(BrokenPipeError):
            self.ask('disconnect', **how)
        with contextlib.suppress(BrokenPipeError):
            self.p.stdin.close()
        self.p.stdout.read()
        self.p.wait(harness.PATIENCE)
        self.patience.cancel()
        self.p.stdout.close()


def test_an_editor_attaches_breaks_looks_steps_and_leaves_it_running(world, box, debuggee):
    d = debuggee('spin', busy=True)
    a = Adapter(world, world.premote(box))
    a.begin('attach', pid=d.pid, program=file('spin'))
    assert a.do('setFunctionBreakpoints', breakpoints=[{'name': 'hit'}])['breakpoints'][0]['verified']
    a.do('configurationDone')
    thread = a.stopped('breakpoint')
    assert thread in [t['id'] for t in a.do('threads')['threads']]
    frames = a.do('stackTrace', threadId=thread)['stackFrames']
    assert frames[0]['name'].startswith('hit') and frames[0]['source']['name'] == 'spin.c', frames
    assert re.fullmatch(r'-?\d+', a.variables(frames[0]['id'])['n'])
    assert re.fullmatch(r'\d+', a.do('evaluate', expression='2 * n - n - n + 40', frameId=frames[0]['id'],
                                     context='watch')['result'])
    a.do('stepOut', threadId=thread)
    assert a.stopped('step') == thread
    a.do('next', threadId=thread)
    assert a.stopped('step') == thread
    a.do('setFunctionBreakpoints', breakpoints=[])
    a.do('continue', threadId=thread)
    a.leave(terminateDebuggee=False)
    assert eventually(lambda: runs(d))


def test_an_editor_runs_a_program_of_the_box_to_its_end(world, box):
    a = Adapter(world, world.premote(box))
    a.begin('launch', program=file('points'), stopOnEntry=False)
    where = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'debuggees', 'points.c')
    with open(where) as f:
        line = next(n for n, text in enumerate(f, 1) if re.search(r'\bmain\(', text)) + 2
    a.do('setBreakpoints', source={'path': where}, breakpoints=[{'line': line}])
    a.do('configurationDone')
    thread = a.stopped('breakpoint')
    frames = a.do('stackTrace', threadId=thread)['stackFrames']
    assert frames[0]['name'].startswith('main'), frames
    a.do('continue', threadId=thread)
    assert 'exitCode' in a.event('exited')
    a.leave(terminateDebuggee=True)
