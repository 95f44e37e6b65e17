# SPDX-License-Identifier: BSD-2-Clause
"""Debian's gdb through hdb -rsp, and what the bridge does about bad input: a debuggee, commands, what is to be seen."""

import os
import re
import shutil
import signal
import socket
import struct
import time

import pytest

import harness

needs_gdb = pytest.mark.skipif(not shutil.which('gdb'), reason='gdb is not installed')
QUIET = ['-q', '-nx', '-batch', '-iex', 'set sysroot /', '-iex', 'set debuginfod enabled off', '-iex',
         'set auto-load off', '-iex', 'set confirm off']


@pytest.fixture
def gdb(world):
    """gdb(COMMAND…, box=BOX): the result of a batch over a pipe; without a box, this machine."""
    def run(*commands, box=None, port=None, file=None):
        words = world.premote(box, port=port) if box else []
        bridge = ' '.join([harness.program('hdb'), *map(str, words), '-rsp'])
        lines = [f'target extended-remote | {bridge}', *commands]
        argv = ['gdb', *QUIET, *([file] if file else [])]
        for line in lines:
            argv += ['-ex', line]
        return world.run(argv)
    return run


def file(name):
    return os.path.join(harness.DEBUGGEES, name)


def packet(text):
    data = text if isinstance(text, bytes) else text.encode()
    return b'$%s#%02x' % (data, sum(data) & 0xff)


class Raw:
    """A debugger that sends what it likes."""

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(harness.PATIENCE)
        deadline = time.monotonic() + harness.PATIENCE
        while True:
            try:
                return self.s.connect(path)
            except ConnectionRefusedError:
                # Bound, and not listening yet.
                assert time.monotonic() < deadline
                time.sleep(0.01)

    def send(self, data):
        self.s.sendall(data)

    def ask(self, text):
        """The body of the reply."""
        self.send(packet(text))
        data = b''
        while True:
            data += self.more()
            start = data.find(b'$')
            end = data.find(b'#', start)
            if start >= 0 and 0 <= end <= len(data) - 3:
                return data[start + 1:end].decode('latin1')

    def more(self):
        got = self.s.recv(65536)
        assert got, 'the bridge has hung up'
        return got

    def ended(self):
        try:
            while self.s.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True


@pytest.fixture
def bridge(world):
    """bridge(WORD…): hdb -rsp on a unix socket; its process and a way to connect."""
    def start(*words):
        path = world.path('rsp.sock')
        p = world.start([harness.program('hdb'), '-rsp', f'unix:path={path}', *map(str, words)])
        deadline = time.monotonic() + harness.PATIENCE
        while not os.path.exists(path):
            assert p.poll() is None and time.monotonic() < deadline, 'the bridge does not listen'
            time.sleep(0.01)
        return p, lambda: Raw(path)
    return start


def traced(pid):
    with open(f'/proc/{pid}/status') as f:
        return [line.split()[1] for line in f if line.startswith('TracerPid')][0] != '0'


def state(pid):
    with open(f'/proc/{pid}/stat') as f:
        return f.read().rsplit(')', 1)[1].split()[0]


def await_untraced(pid):
    deadline = time.monotonic() + harness.PATIENCE
    while traced(pid) or state(pid) in 'tT':
        assert time.monotonic() < deadline, 'the target was left behind'
        time.sleep(0.02)


# ---- gdb ----------------------------------------------------------------------------------------------------------


@needs_gdb
@pytest.mark.once
def test_gdb_attaches_looks_breaks_steps_and_leaves_it_running(gdb, box, debuggee):
    d = debuggee('spin', busy=True)
    r = gdb(f'attach {d.pid}', 'break hit', 'continue', 'bt', 'stepi', 'finish', 'info threads', 'detach',
            box=box, file=file('spin'))
    assert 'Breakpoint 1, hit ' in r.out, r
    assert '#1 ' in r.out and 'detached]' in r.out, r
    await_untraced(d.pid)


@needs_gdb
@pytest.mark.once
def test_gdb_starts_a_program_and_sees_it_to_its_end(gdb):
    r = gdb(f'set remote exec-file {file("steps")}', 'break main', 'run', 'next', 'step', 'info registers rip',
            'delete', 'continue', file=file('steps'))
    assert 'Breakpoint 1, main ' in r.out and 'exited ' in r.out, r


@needs_gdb
@pytest.mark.once
def test_gdb_sees_all_threads_with_their_names(gdb, debuggee):
    d = debuggee('sleepers', 5)
    r = gdb(f'attach {d.pid}', 'thread apply all bt', file=file('sleepers'))
    assert r.out.count('descend (') + r.out.count('in descend ') >= 5 * 12, r
    await_untraced(d.pid)


@needs_gdb
@pytest.mark.once
def test_gdb_gets_variables_watched_by_the_processor(gdb):
    r = gdb(f'set remote exec-file {file("watched")}', 'break main', 'run', 'info watchpoints', 'kill',
            file=file('watched'))
    assert 'Breakpoint 1, main ' in r.out, r


@needs_gdb
@pytest.mark.once
@pytest.mark.parametrize('kind', ['', '-i386'])
def test_gdb_gets_thread_local_variables_of_libraries(gdb, kind):
    program, library = file('owns' + kind), file(f'libloaded{kind}.so')
    both = ['print linked_own', 'print loaded_own']
    r = gdb(f'set remote exec-file {program}', f'set args {library}', 'break rests', 'run', *both, 'continue', *both,
            'thread 1', *both, 'delete', 'break rests if n == 0', 'continue', *both, 'kill', file=program)
    assert re.findall(r'^\$\d+ = (.*)', r.out, re.M) == ['8', '9', '12', '57', '8', '9', '7'], r


# ---- how it ends ----------------------------------------------------------------------------------------------------


def test_a_debugger_that_is_killed_leaves_the_target_running(bridge, debuggee):
    d = debuggee('sleepers', 2)
    p, connect = bridge('-once')
    raw = connect()
    raw.ask('qSupported:multiprocess+')
    raw.ask('!')
    assert raw.ask(f'vAttach;{d.pid:x}').startswith('T05')
    assert traced(d.pid)
    raw.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    raw.s.close()
    assert p.wait(harness.PATIENCE) == 0
    await_untraced(d.pid)


def test_without_once_the_target_waits_for_the_next_debugger(bridge, debuggee):
    d = debuggee('sleepers', 2)
    p, connect = bridge('-attach', d.pid)
    raw = connect()
    assert raw.ask('?').startswith('T05')
    raw.s.close()
    again = connect()
    assert again.ask('?').startswith('T05')
    assert traced(d.pid)
    p.send_signal(signal.SIGTERM)
    p.wait(harness.PATIENCE)
    await_untraced(d.pid)


def test_a_second_debugger_is_refused_and_the_first_goes_on(bridge):
    _, connect = bridge('-multi')
    first, second = connect(), None
    assert first.ask('!') == 'OK'
    second = connect()
    assert second.ended()
    assert first.ask('!') == 'OK'


# ---- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('text', [
    'mffffffffffffffffff,1', 'm0', 'm,', 'M0,1:', 'X0,5:ab', 'Hgp99999999.1', 'H', 'g', 'G00', 'p', 'pffffffff', 'P0',
    'P0=', 'vCont', 'vCont;', 'vCont;x', 'vCont;c:p1.2.3', 'vCont;r1', 'vCont;c', 'c', 's', 'C', 'Z0', 'Z0,1', 'Z9,1,1',
    'Z0,1,1;Xffffffff,22', 'z0,1', 'vAttach;', 'vAttach;0', 'vAttach;ffffffff', 'vRun;', 'vRun', 'vRun;6', 'vKill;1',
    'D;1', 'T1', 'Tp1.99999', 'qSearch:memory:0;1;', 'qSearch:memory:', 'qCRC:0', 'qGetTLSAddr:', 'qThreadExtraInfo,',
    'QPassSignals:zz', 'QCatchSyscalls:7', 'QNonStop:2', 'QEnvironmentHexEncoded:0', 'QSetWorkingDir:6', 'x', 'x0,',
    'vFile:open:', 'vFile:pread:1,2', 'vFile:close:-5', 'qXfer:features:read:target.xml:0', 'qXfer:auxv:read::0,10',
    'jThreadsInfo:{', 'unheard of'])
def test_what_cannot_be_is_answered_with_an_error_or_nothing(bridge, text):
    _, connect = bridge('-multi')
    raw = connect()
    answer = raw.ask(text)
    assert answer == '' or answer[0] in 'EFW' or answer == 'OK', answer
    assert raw.ask('!') == 'OK'


def test_wrong_checksums_long_packets_and_halves_end_in_no_crash(bridge):
    p, connect = bridge('-multi')
    raw = connect()
    raw.send(b'$g#00')
    assert raw.more().startswith(b'-')
    raw.send(b'$' + b'a' * 200000 + b'#%02x' % (200000 * ord('a') & 0xff))
    raw.send(packet(b'X0,1:}'))
    assert raw.ask('!') in ('OK', 'E01')
    raw.send(b'$m0,')
    raw.s.close()
    endless = connect()
    with pytest.raises((AssertionError, ConnectionResetError, BrokenPipeError)):
        endless.send(b'$')
        for _ in range(100):
            endless.send(b'a' * 100000)
        endless.more()
        endless.more()
    assert connect().ask('!') == 'OK'
    assert p.poll() is None
