# SPDX-License-Identifier: BSD-2-Clause
"""Launching: a program starts as at a login, held at its first instruction, and talks to the host."""

import errno
import os
import pathlib
import re
import shlex
import signal
import struct
import subprocess
import time

import pytest

import clean
import harness
import tracer
import wire
from launched import HANDLE, SH, Launched, strings
from tracer import refused
from wire import ENUM

PATH = 'PATH=/usr/bin:/bin'
ADDR_NO_RANDOMIZE = 0x40000
AT_BASE, AT_ENTRY = 7, 9
WINDOW = 256 * 1024  # WIRE_OUTPUT_WINDOW


@pytest.fixture
def place(world):
    """A directory where everybody may write."""
    path = pathlib.Path(world.path('place'))
    path.mkdir()
    path.chmod(0o777)
    return path


def python(text):
    return ['/usr/bin/python3', '-I', '-c', text]


def registers(stop):
    return stop['regs'][0]['data']


# ---- how it starts ---------------------------------------------------------------------


def test_a_program_is_held_at_its_first_instruction(link):
    p = Launched(link, [SH, '-c', 'echo ran'])
    stop = p.stop['stops'][0]
    assert (stop['tid'], stop['reason'], stop['signal']) == (p.pid, ENUM['STOP_LAUNCH'], 0)
    assert p.stop['all'] == 1 and clean.status(p.pid)['State'].startswith('t')
    pc, sp = tracer.word(registers(p.stop), tracer.PC), tracer.word(registers(p.stop), tracer.SP)
    auxv = link.do('auxv', target=HANDLE)['data']
    base = dict(struct.iter_unpack('<QQ', auxv))[AT_BASE]
    with open('/lib64/ld-linux-x86-64.so.2', 'rb') as f:
        entry = struct.unpack_from('<Q', f.read(64), 24)[0]
    assert pc == base + entry, 'the dynamic linker has not run'
    assert tracer.peek(link, HANDLE, sp) == 3, 'argc is on top of the stack'
    assert p.run() == 0 and p.out[1] == b'ran\n'


def test_a_static_program_is_held_at_its_entry(link):
    p = Launched(link, ['/sbin/ldconfig', '--version'])
    auxv = dict(struct.iter_unpack('<QQ', link.do('auxv', target=HANDLE)['data']))
    assert tracer.word(registers(p.stop), tracer.PC) == auxv[AT_ENTRY] or AT_BASE in auxv
    assert p.run() == 0


def test_arguments_environment_and_directory_arrive_byte_for_byte(link):
    odd = [b'', b'two words', b'\xff\xfe\n\t"\'$(x)', b'=', b'-' * 20000]
    env = [b'A=', b'B=\xff\n', b'NAME WITH BLANKS=x', PATH.encode(), b'C=' + b'c' * 10000]
    p = Launched(link, [b'argv zero', *odd], program='/bin/true', env=env, cwd=b'/usr/../tmp/')
    with open(f'/proc/{p.pid}/cmdline', 'rb') as f:
        assert f.read() == strings([b'argv zero', *odd])
    with open(f'/proc/{p.pid}/environ', 'rb') as f:
        assert f.read() == strings(env)
    assert os.readlink(f'/proc/{p.pid}/cwd') == '/tmp'
    assert p.run() == 0


def test_more_text_than_one_message_holds_goes_ahead(link):
    args = [b'%06d' % i + b'x' * 1000 for i in range(600)]
    env = [b'E%04d=' % i + b'y' * 2000 for i in range(150)]
    text, more = strings(args), strings(env)
    # Wherever the pieces are cut.
    ahead = [(0, text[i:i + 50001]) for i in range(0, len(text), 50001)]
    ahead += [(1, more[i:i + 64999]) for i in range(0, len(more), 64999)]
    p = Launched(link, [b'last'], program='/bin/true', ahead=ahead, env=[b'LAST=1'])
    with open(f'/proc/{p.pid}/cmdline', 'rb') as f:
        assert f.read() == text + b'last\0'
    with open(f'/proc/{p.pid}/environ', 'rb') as f:
        assert f.read() == more + b'LAST=1\0'
    assert p.run() == 0


def test_text_beyond_two_mebibytes_is_refused_and_forgotten(link):
    for _ in range(32):
        link.do('launch_text', target=HANDLE, list=0, data=b'x' * 64999 + b'\0')
    fields = dict(target=HANDLE, program='/bin/true', args=b'a\0')
    refused('TOO_BIG', link, 'launch_text', target=HANDLE, list=1, data=b'A=' + b'y' * 64000 + b'\0')
    refused('TOO_BIG', link, 'launch', **fields)
    assert Launched(link, ['/bin/true']).run() == 0


def test_what_the_kernel_finds_too_long_is_said_with_its_errno(link):
    for _ in range(3):
        link.do('launch_text', target=HANDLE, list=0, data=b'x' * 60000)
    f = refused('EXEC_FAILED', link, 'launch', target=HANDLE, program='/bin/true', args=b'\0')
    assert f['os_errno'] == errno.E2BIG


def test_without_an_environment_it_gets_a_logins(link):
    p = Launched(link, ['/usr/bin/env'])
    p.run()
    env = dict(line.split('=', 1) for line in p.out[1].decode().splitlines())
    import pwd
    me = pwd.getpwnam(harness.ALICE)
    assert (env['HOME'], env['USER'], env['LOGNAME'], env['SHELL']) == (me.pw_dir, me.pw_name, me.pw_name, me.pw_shell)
    assert set(env) == {'HOME', 'USER', 'LOGNAME', 'SHELL', 'PATH'}, 'nothing of ours'


def test_changes_can_be_asked_for_to_a_logins_environment(link):
    p = Launched(link, ['/usr/bin/env'], flags=['LOGIN'], env=['TERM=vt100', 'SHELL', 'USER=somebody', 'X', '=bad', 'E='])
    p.run()
    env = dict(line.split('=', 1) for line in p.out[1].decode().splitlines())
    assert env['TERM'] == 'vt100' and env['USER'] == 'somebody' and env['E'] == ''
    assert 'SHELL' not in env and 'X' not in env and 'LOGNAME' in env and '' not in env


def test_a_program_without_a_slash_is_looked_for_in_its_own_path(link, place):
    (place / 'here').symlink_to('/bin/true')
    assert Launched(link, ['here'], env=[f'PATH=/nonexistent:{place}']).run() == 0
    assert Launched(link, ['here'], env=['PATH='], cwd=str(place)).run() == 0


@pytest.mark.parametrize('flags,randomized', [((), False), (('ASLR',), True)])
def test_addresses_are_randomized_only_when_asked_for(link, flags, randomized):
    p = Launched(link, ['/bin/true'], flags=flags)
    personality = int(clean.read(f'/proc/{p.pid}/personality') or '0', 16)
    assert bool(personality & ADDR_NO_RANDOMIZE) is not randomized
    assert p.run() == 0


# ---- what it inherits --------------------------------------------------------------------

WITHOUT = ('Name', 'Pid', 'Tgid', 'PPid', 'NSpid', 'NStgid', 'NSpgid', 'NSsid', 'Ngid', 'TracerPid', 'State', 'Vm',
           'Rss', 'Hugetlb', 'voluntary', 'nonvoluntary', 'Threads', 'SigQ', 'FDSize', 'Mems_', 'Cpus_')

LOOK = r'''
import os
def text(name):
    with open('/proc/self/' + name) as f:
        return f.read().strip()
print(text('status'))
print(text('limits'))
fds = sorted(int(f) for f in os.listdir('/proc/self/fd'))
print('fds', [f for f in fds if os.path.exists(f'/proc/self/fd/{f}')])
print(text('mountinfo'))
for name in ('oom_score_adj', 'personality', 'coredump_filter', 'timerslack_ns', 'task/%d/children' % os.getpid()):
    try:
        print(name.split('/')[-1], text(name))
    except OSError as e:
        print(name, e)
print('scheduler', os.nice(0), os.sched_getscheduler(0), sorted(os.sched_getaffinity(0)))
print('leader', os.getpid() == os.getsid(0) == os.getpgid(0))
'''


def look():
    return python(LOOK)


def facts(text):
    lines = [line.rstrip() for line in text.decode().splitlines()]
    return [line for line in lines if line and not line.startswith(WITHOUT)]


def logins(argv):
    """The same at a login, whatever ignores SIGINT here (a shell's job in the background does)."""
    return subprocess.run(['env', '--default-signal', 'runuser', '-l', harness.ALICE, '-s', SH, '-c', 'exec ' + shlex.join(argv)],
                          stdin=subprocess.PIPE, capture_output=True, check=True, cwd='/').stdout


def open_files(text):
    return next(line.split()[3:5] for line in text.splitlines() if line.startswith('Max open files'))


def differences(found, login):
    """What a login has and the program has not. limits.conf(5), which a login obeys, is not ours to know; addresses
    are not randomized; and what these tests' own starter ignores is no login's: Python itself ignores SIGPIPE and
    SIGXFSZ."""
    assert 'SigIgn:\t0000000001001000' in found
    return [line for line in login if line not in found and not line.startswith(('Max open files', 'SigIgn'))
            and line != 'personality 00000000']


@pytest.mark.root
def test_a_program_finds_what_a_login_shell_finds(box, hdb):
    """Through the whole of a root's procsrv: monitor, guard and tracer each have their own ideas."""
    r = hdb('-batch', '-ex', 'run', '--', *look(), box=box)
    assert r.status == 0, r
    found, login = facts(r.out.encode()), facts(logins(look()))
    assert differences(found, login) == []
    assert open_files(r.out) == open_files(clean.read('/proc/self/limits'))


@pytest.mark.root
@pytest.mark.parametrize('pty', [(), ('PTY',)])
def test_nothing_of_the_tracer_is_left_in_a_program(sessions, pty):
    s = sessions('LOOK', 'STOP', 'LAUNCH')
    p = Launched(s.link, look(), flags=pty)
    assert p.run() == 0
    found, login = facts(p.out[1]), facts(logins(look()))
    assert [line for line in differences(found, login) if not line.startswith('Groups')] == []  # of the tests
    assert open_files(p.out[1].decode()) == open_files(clean.read('/proc/self/limits'))
    assert 'fds [0, 1, 2]' in found and 'leader True' in found and 'oom_score_adj 0' in found


@pytest.mark.root
def test_mask_and_signals_of_whoever_started_us_do_not_reach_it(sessions):
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        s = sessions('LOOK', 'STOP', 'LAUNCH')
    finally:
        signal.signal(signal.SIGUSR2, signal.SIG_DFL)
    p = Launched(s.link, ['/bin/cat', '/proc/self/status'])
    assert p.run() == 0
    status = dict(line.split(':', 1) for line in p.out[1].decode().splitlines())
    for field in ('SigBlk', 'SigIgn', 'SigCgt', 'SigPnd', 'ShdPnd'):
        assert int(status[field], 16) == 0, field
    assert status['Umask'].strip() == '0022'
    assert status['NoNewPrivs'].strip() == '0' and status['Seccomp'].strip() == '0'


# ---- what goes wrong -----------------------------------------------------------------------


@pytest.mark.parametrize('program,code', [('/nonexistent', errno.ENOENT), ('nosuchprogram', errno.ENOENT),
                                          ('/etc/passwd', errno.EACCES), ('/tmp', errno.EACCES),
                                          ('/etc/passwd/x', errno.ENOTDIR)])
def test_a_program_that_cannot_be_executed_is_an_error_with_its_name(link, program, code):
    before = set(clean.descendants(link.child.pid))
    f = refused('EXEC_FAILED', link, 'launch', target=HANDLE, program=program, args=b'x\0')
    assert (f['os_errno'], f['subject']) == (code, program.encode())
    left = clean.eventually(lambda: set(clean.descendants(link.child.pid)) - before)
    assert not left, 'a process or a zombie is left'
    assert Launched(link, ['/bin/true']).run() == 0, 'its handle is free again'


def test_a_file_that_is_no_program_is_not_given_to_a_shell(link, place):
    (place / 'script').write_text('echo no\n')
    (place / 'script').chmod(0o755)
    f = refused('EXEC_FAILED', link, 'launch', target=HANDLE, program=str(place / 'script'), args=b'x\0')
    assert f['os_errno'] == errno.ENOEXEC


def test_a_working_directory_that_is_not_there_is_named(link):
    f = refused('EXEC_FAILED', link, 'launch', target=HANDLE, program='/bin/true', args=b'x\0', cwd='/no/such')
    assert (f['os_errno'], f['subject']) == (errno.ENOENT, b'/no/such')


@pytest.mark.parametrize('wrong', [dict(args=b''), dict(args=b'a'), dict(program=''), dict(program='a\0b'),
                                   dict(env=b'A=1'), dict(flags=0x80), dict(loss=9), dict(cwd='a\0b')])
def test_a_launch_that_makes_no_sense_starts_nothing(link, wrong):
    fields = dict(dict(program='/bin/true', args=b'a\0'), **wrong)
    before = set(clean.descendants(link.child.pid))
    refused('MALFORMED', link, 'launch', target=HANDLE, **fields)
    assert set(clean.descendants(link.child.pid)) == before


def test_a_handle_can_be_had_once(link, debuggee):
    p = Launched(link, ['/bin/cat'])
    refused('IN_USE', link, 'launch', target=HANDLE, program='/bin/true', args=b'a\0')
    refused('IN_USE', link, 'launch_text', target=HANDLE, data=b'a\0')
    refused('IN_USE', link, 'attach', target=HANDLE, pid=debuggee('sleepers').pid)
    refused('MALFORMED', link, 'launch', program='/bin/true', args=b'a\0')
    p.go().send(end=1)
    assert p.end() == 0


def test_requests_behind_a_launch_that_fails_find_no_target(link):
    asked = [link.ask('launch', target=HANDLE, program='/nonexistent', args=b'a\0'),
             link.ask('threads', target=HANDLE), link.ask('input', target=HANDLE, data=b'x')]
    for id, name in zip(asked, ('EXEC_FAILED', 'NO_TARGET', 'NO_TARGET')):
        with pytest.raises(wire.Error) as e:
            link.wait(id)
        assert e.value.name == name


def test_what_was_not_launched_has_no_input_window_or_output(link, debuggee):
    target, _ = tracer.stop(link, debuggee('sleepers'))
    refused('NOT_LAUNCHED', link, 'input', target=target, data=b'x')
    refused('NOT_LAUNCHED', link, 'window', target=target, rows=1, cols=1)
    refused('NOT_LAUNCHED', link, 'output_more', target=target, bytes=1)


def test_launching_takes_the_right_to(sessions):
    link = sessions('LOOK', 'STOP').link
    refused('RIGHT', link, 'launch_text', target=HANDLE, data=b'a\0')
    refused('RIGHT', link, 'launch', target=HANDLE, program='/bin/true', args=b'a\0')


def test_a_launch_is_recorded_before_it_happens(sessions):
    s = sessions('LOOK', 'STOP', 'LAUNCH')
    p = Launched(s.link, ['/bin/true'])
    assert s.record() == ('launch', p.pid, b'/bin/true')
    p.run()
    assert s.record()[:2] == ('exited', p.pid)
    refused('EXEC_FAILED', s.link, 'launch', target=HANDLE, program='/nonexistent', args=b'a\0')
    assert s.record()[2:] == (b'/nonexistent',)
    assert s.record()[2:] == (b'/nonexistent', 'EXEC_FAILED')


# ---- input and output --------------------------------------------------------------------------


def test_output_and_errors_come_apart_and_before_the_end(link):
    p = Launched(link, [SH, '-c', 'echo out; echo err >&2; exit 3'])
    assert os.waitstatus_to_exitcode(p.run()) == 3
    assert p.out == {1: b'out\n', 2: b'err\n'} and p.ended == {1, 2}


def test_a_signals_end_is_told(link):
    p = Launched(link, [SH, '-c', 'echo before; kill -SEGV $$'])
    assert os.waitstatus_to_exitcode(p.run() & ~0x80) == -signal.SIGSEGV
    assert p.out[1] == b'before\n'


def test_input_reaches_it_whole_and_in_order(link):
    p = Launched(link, ['/usr/bin/sha256sum']).go()
    import hashlib
    want = hashlib.sha256()
    for i in range(40):
        data = bytes([i]) * 60000
        want.update(data)
        p.send(data)
    p.send(end=1)
    assert p.end() == 0
    assert p.out[1].decode().split()[0] == want.hexdigest()


def test_input_is_answered_when_it_is_taken(link):
    p = Launched(link, ['/bin/cat', '/dev/stdin'])
    asked = [link.ask('input', target=HANDLE, data=b'x' * 60000) for _ in range(4)]
    link.settle()
    assert asked[0] in link.replies and asked[3] not in link.replies, 'a pipe holds 64 KiB'
    p.go()
    for id in asked:
        link.wait(id)
    p.send(end=1)
    assert p.end() == 0 and len(p.out[1]) == 240000


def test_input_that_waits_can_be_cancelled(link):
    p = Launched(link, ['/bin/cat'])
    first, second = [link.ask('input', target=HANDLE, data=bytes([c]) * 65000) for c in b'ab']
    link.wait(first)
    link.send('cancel', request=second)
    with pytest.raises(wire.Error) as e:
        link.wait(second)
    assert e.value.name == 'CANCELLED'
    p.go().send(end=1)
    assert p.end() == 0 and p.out[1].startswith(b'a' * 65000)


def test_input_to_a_program_that_reads_no_more_is_an_error(link):
    p = Launched(link, [SH, '-c', 'exec <&-; echo closed; read x </dev/zero; sleep 60']).go()
    p.until(b'closed')
    assert refused('OS', link, 'input', target=HANDLE, data=b'x')['os_errno'] == errno.EPIPE
    os.kill(p.pid, signal.SIGKILL)
    p.end()


def test_nothing_can_be_typed_after_the_end(link):
    p = Launched(link, ['/bin/cat'])
    p.send(end=1)
    refused('STATE', link, 'input', target=HANDLE, data=b'x')
    refused('STATE', link, 'window', target=HANDLE, rows=1, cols=1)
    assert p.run() == 0


def test_a_program_that_writes_without_end_waits_for_its_reader(link):
    p = Launched(link, ['/usr/bin/yes']).go()
    link.settle(1)
    p._take()
    assert len(p.out[1]) == WINDOW
    assert tracer.rss(tracer.tracer_of(link)) < 32 * 1024
    # Others are served meanwhile, and it goes on when it is read.
    assert link.do('threads', target=HANDLE)['threads'][0]['tid'] == p.pid
    link.do('output_more', target=HANDLE, bytes=100000)
    link.settle(0.5)
    p._take()
    assert len(p.out[1]) == WINDOW + 100000
    os.kill(p.pid, signal.SIGKILL)
    p.end()


def test_output_waits_while_the_host_reads_nothing_at_all(links):
    link = links(credit=64 * 1024)
    link.auto_ack = False
    p = Launched(link, ['/usr/bin/yes']).go()
    time.sleep(0.5)
    assert tracer.rss(tracer.tracer_of(link)) < 32 * 1024
    link.send('ack', credit_bytes=64 << 20)
    os.kill(p.pid, signal.SIGKILL)
    p.end()


# ---- a terminal ------------------------------------------------------------------------------


def terminal(link, *argv, **how):
    return Launched(link, list(argv), flags=['PTY'], **how)


def test_a_terminal_has_the_size_asked_for_and_is_controlling(link):
    p = terminal(link, SH, '-c', 'stty size; tty; echo on it >/dev/tty', rows=33, cols=111)
    assert p.run() == 0
    lines = p.out[1].decode().split('\r\n')
    assert lines[0] == '33 111' and re.fullmatch(r'/dev/pts/\d+', lines[1]) and lines[2] == 'on it'


def test_a_new_size_is_seen_and_signalled(link):
    p = terminal(link, SH, '-c', 'trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.1; done').go()
    p.until(b'ready')
    link.do('window', target=HANDLE, rows=7, cols=9)
    assert p.end() == 0 and b'7 9' in p.out[1]


def test_ctrl_c_goes_to_the_foreground_group_as_sigint(link):
    # A shell that has yet to start its child keeps the interrupt until that has ended.
    p = terminal(link, SH, '-c', f'{SH} -c "echo ready; exec sleep 60"; echo never').go()
    p.until(b'ready').send(b'\x03')
    assert os.waitstatus_to_exitcode(p.end()) == -signal.SIGINT


def test_ctrl_c_stops_a_program_whose_sigint_stops(link):
    p = terminal(link, *python('import time; print("ready", flush=True)\nwhile 1: time.sleep(0.01)'))
    link.do('signals', target=HANDLE, stop=tracer.bit(signal.SIGINT), report=0, ignore=tracer.bit(signal.SIGINT))
    p.go().until(b'ready').send(b'\x03')
    stop = link.event('stopped', HANDLE)['stops'][0]
    assert (stop['reason'], stop['signal']) == (ENUM['STOP_SIGNAL'], signal.SIGINT)
    os.kill(p.pid, signal.SIGKILL)
    p.end()


def test_the_end_of_input_on_a_terminal_is_what_a_person_types(link):
    p = terminal(link, '/bin/cat').go()
    p.send(b'line\n').until(b'line\r\nline\r\n').send(end=1)
    assert p.end() == 0


# ---- how it ends -------------------------------------------------------------------------------

TALKS = 'i=0; while [ $i -lt 3000 ]; do echo $i; echo $i >&2; i=$((i+1)); done; echo done >{}; sleep 60'


@pytest.mark.parametrize('flags', [(), ('PTY',)])
def test_one_that_is_let_go_writes_on_and_outlives_the_session(links, place, flags):
    done = place / 'done'
    link = links()
    p = Launched(link, [SH, '-c', TALKS.format(done)], flags=flags)
    link.do('detach', target=HANDLE)
    assert link.close() == 0
    assert not clean.eventually(lambda: [] if done.exists() else ['it did not come to its end'])
    assert clean.alive(p.pid) and clean.thread_faults(p.pid, p.pid) == []
    os.kill(p.pid, signal.SIGKILL)
    subprocess.run(['pkill', '-KILL', '-s', str(p.pid)])  # and what it started


@pytest.mark.parametrize('flags', [(), ('PTY',)])
def test_a_child_that_outlives_it_is_not_killed_by_its_writing(link, place, flags):
    done = place / 'done'
    p = Launched(link, [SH, '-c', f'trap "" HUP; (sleep 0.3; echo x; echo y; echo z; echo > {done}) & echo parent'],
                 flags=flags)
    assert p.run() == 0 and b'parent' in p.out[1]
    assert not clean.eventually(lambda: [] if done.exists() else ['the child did not come to its end'])


def test_a_lost_link_kills_it(links):
    link = links()
    pids = [Launched(link, ['/bin/sleep', '60'], handle=h).pid for h in (1, 2, 3)]
    Launched(link, ['/bin/sleep', '60'], handle=4).go()
    assert link.close() == 0
    assert not clean.eventually(lambda: [pid for pid in pids if clean.alive(pid)])


def test_another_policy_leaves_it_running(links):
    link = links()
    p = Launched(link, ['/bin/sleep', '60'], loss='RESUME')
    assert link.close() == 0
    assert clean.alive(p.pid) and clean.thread_faults(p.pid, p.pid) == []
    os.kill(p.pid, signal.SIGKILL)


def test_policies_that_are_not_kept_are_refused(link):
    for wrong in (dict(loss=ENUM['LOSS_HOLD']), dict(grace_ms=1000)):
        refused('POLICY', link, 'launch', target=HANDLE, program='/bin/true', args=b'a\0', **wrong)


def test_a_tracer_that_is_killed_takes_those_with_it_that_end_with_the_session(links):
    link = links()
    p = Launched(link, ['/bin/sleep', '60'], loss='KILL')
    q = Launched(link, ['/bin/sleep', '60'], handle=5).go()
    r = Launched(link, ['/bin/sleep', '60'], handle=6, loss='RESUME').go()
    os.kill(tracer.tracer_of(link), signal.SIGKILL)
    link.child.wait()
    assert not clean.eventually(lambda: clean.alive(p.pid) or clean.alive(q.pid))
    assert not clean.eventually(lambda: clean.thread_faults(r.pid, r.pid)) and clean.alive(r.pid)
    os.kill(r.pid, signal.SIGKILL)


def test_it_is_killed_at_any_moment_and_nothing_is_left(links):
    for i in range(10):
        link = links()
        link.ask('launch', target=HANDLE, program='/bin/sleep', args=strings(['sleep', '60']))
        time.sleep(i * 0.001)
        assert link.close() == 0


# ---- by the server itself -----------------------------------------------------------------------


@pytest.fixture
def server(world):
    """server(ARGS…): `procsrv -t stdio` of an ordinary user."""
    def make(*args, **how):
        return world.start([harness.program('procsrv'), '-t', 'stdio', *args], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd='/', **tracer.as_user(harness.ALICE),
                           **how)
    return make


def started(process):
    return int(re.search(rb'as process (\d+)', process.stderr.readline())[1])


def test_a_server_can_start_a_program_of_its_own(server, place):
    p = server('-c', SH, '-c', f'echo "$0 $1" >{place}/told; exec sleep 60', 'zero', 'o n e')
    pid = started(p)
    assert not clean.eventually(lambda: [] if clean.read(f'{place}/told') == 'zero o n e\n' else [1])
    assert clean.status(pid)['TracerPid'] == '0' and p.poll() is None
    p.stdin.close()
    assert p.wait(10) == 0
    assert clean.alive(pid), 'it is nobody\'s but its own'
    os.kill(pid, signal.SIGKILL)


def test_or_hold_it_for_whoever_attaches(server):
    p = server('-cs', '/bin/sleep', '60')
    pid = started(p)
    assert not clean.eventually(lambda: [] if clean.status(pid)['State'].startswith('T') else [1])
    assert clean.status(pid)['TracerPid'] == '0'
    with open(f'/proc/{pid}/maps') as f:
        maps = f.read()
    assert 'ld-linux' in maps and 'libc.so' not in maps, 'not one instruction of it has run'
    with open(f'/proc/{pid}/syscall') as f:
        assert f.read().split()[0] in ('-1', '59')
    os.kill(pid, signal.SIGCONT)
    assert not clean.eventually(lambda: [] if clean.status(pid)['State'].startswith('S') else [1])
    os.kill(pid, signal.SIGKILL)


def test_a_server_whose_program_cannot_be_started_does_not_serve(server):
    p = server('-c', '/no/such/program')
    out, err = p.communicate(timeout=10)
    assert p.returncode == 1 and b'/no/such/program: No such file or directory' in err and not out


@pytest.mark.skipif(not harness.ROOT, reason='root only')
def test_root_starts_no_programs_that_no_key_may_debug(world):
    r = world.run([harness.program('procsrv'), '-t', 'stdio', '-c', '/bin/true'])
    assert r.status == 2 and 'hdb' in r.err


# ---- under systemd ---------------------------------------------------------------------------------


def restricted(nnp):
    """In the child: what the service's unit does to it."""
    import ctypes
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(38, 1, 0, 0, 0) if nnp else None


def test_a_service_for_attaching_only_says_what_lets_it_launch(sessions):
    link = sessions('LOOK', 'STOP', 'LAUNCH', before=restricted(True)).link
    f = refused('ATTACH_ONLY', link, 'launch', target=HANDLE, program='/bin/true', args=b'a\0')
    assert f['detail'] == b'no new privileges'


def test_started_by_hand_its_restrictions_are_the_persons(links):
    assert Launched(links(preexec_fn=restricted(True)), ['/bin/true']).run() == 0


LIFTED = '''CapabilityBoundingSet LimitCORE NoNewPrivileges RestrictSUIDSGID LockPersonality PrivateNetwork
RestrictAddressFamilies ProtectSystem ReadWritePaths ProtectHome PrivateTmp PrivateDevices PrivateMounts DevicePolicy
ProtectKernelTunables ProtectKernelModules ProtectKernelLogs ProtectControlGroups ProtectClock ProtectHostname
RestrictNamespaces RestrictRealtime MemoryDenyWriteExecute SystemCallArchitectures SystemCallFilter'''.split()
KEPT = '''Type ExecStart ExecStop ExecStopPost KillMode TimeoutStopSec Restart RestartPreventExitStatus OOMScoreAdjust OOMPolicy UMask
KeyringMode SystemCallErrorNumber LogsDirectory LogsDirectoryMode'''.split()


def test_the_drop_in_lifts_all_that_would_be_inherited():
    """OOM score, umask and keyring are taken back by procsrv-launch; the rest is about the service itself."""
    def keys(name):
        with open(os.path.join(harness.TOP, 'systemd', name)) as f:
            service = f.read().split('[Service]')[1].split('[Install]')[0]
        return set(re.findall(r'^(\w+)=', service, re.M))
    assert keys('launch.conf') == set(LIFTED)
    assert keys('procsrv.service') == set(LIFTED) | set(KEPT)
