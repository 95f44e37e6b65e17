# SPDX-License-Identifier: BSD-2-Clause
"""Debian's lldb through hdb -rsp: it starts the bridge in the place of its lldb-server, as the manual says."""

import os
import re
import shlex
import shutil
import socket
import stat
import subprocess

import pytest

import clean
import harness
from terminal import Terminal
from tracer import eventually

# The oldest there is, and the newest where that is another: they differ in what they ask.
VERSIONS = [p for p in (*(f'lldb-{n}' for n in range(14, 30)), 'lldb') if shutil.which(p)]
LLDB = VERSIONS[0] if VERSIONS else None
LLDBS = sorted({VERSIONS[0], [p for p in VERSIONS if p != 'lldb'][-1]}) if LLDB and LLDB != 'lldb' else VERSIONS[:1]
pytestmark = [pytest.mark.skipif(not LLDB, reason='lldb is not installed'), pytest.mark.once]


def wrap(world, words):
    """A program in the place of lldb-server, as the manual has it; its path."""
    path = world.path('lldb-server')
    bridge = shlex.join([harness.program('hdb'), *map(str, words), '-rsp'])
    with open(path, 'w') as f:
        f.write('#!/bin/bash\nfor w; do case $w in --fd=*) fd=${w#--fd=} ;; esac; done\n'
                f'exec {bridge} <&$fd >&$fd\n')
    os.chmod(path, stat.S_IRWXU)
    return path


@pytest.fixture(params=LLDBS)
def lldb(world, request):
    """lldb(COMMAND…, box=BOX): the result of a batch, crash: what it does about one; without a box, this machine."""
    def run(*commands, crash=(), box=None, port=None, file=None):
        wrapper = wrap(world, world.premote(box, port=port) if box else [])
        argv = [request.param, '-x', '-b', *([file] if file else [])]
        for command in commands:
            argv += ['-o', command]
        for command in crash:
            argv += ['-k', command]
        return world.run(argv, env={'LLDB_DEBUGSERVER_PATH': wrapper})
    return run


def file(name):
    return os.path.join(harness.DEBUGGEES, name)


def runs(d):
    with open(f'/proc/{d.pid}/status') as f:
        text = f.read()
    return clean.alive(d.pid) and 'TracerPid:\t0' in text and not re.search(r'State:\s[tT]', text)


def test_it_attaches_by_number_looks_breaks_steps_and_leaves_it_running(lldb, box, debuggee):
    d = debuggee('spin', busy=True)
    r = lldb(f'process attach -p {d.pid}', 'bt', 'image list', 'breakpoint set -n hit', 'continue', 'bt', 'next',
             'register read rip', 'memory region $rip', 'breakpoint delete -f', 'detach', box=box)
    assert f'Process {d.pid} stopped' in r.out and f'Process {d.pid} detached' in r.out, r
    assert 'libc.so.6' in r.out and 'stop reason = breakpoint 1.1' in r.out and 'stop reason = step over' in r.out, r
    assert re.search(r'^ *rip = 0x[0-9a-f]+ +spin`', r.out, re.M), r
    assert re.search(r'^\[0x[0-9a-f]+-0x[0-9a-f]+\) r-x .*/spin', r.out, re.M), r
    assert eventually(lambda: runs(d))


def test_all_threads_of_a_process_found_by_its_name(lldb, world):
    name = f'sleeps{os.getpid()}'  # no other test has one of this name
    shutil.copy(file('sleepers'), world.path(name))
    d = world.debuggee(world.path(name), 5)
    r = lldb(f'process attach -n {name}', 'thread list', 'bt all', 'detach')
    assert f'Process {d.pid} stopped' in r.out, r
    assert r.out.count(f'{name}`descend') >= 5 * 12, r
    assert eventually(lambda: runs(d))


def test_a_program_runs_with_its_output_and_its_status(lldb):
    r = lldb('breakpoint set -n work', 'run', 'frame variable', 'step', 'finish', 'breakpoint delete -f', 'continue',
             file=file('points'))
    assert 'stop reason = breakpoint 1.1' in r.out and '(int) k = ' in r.out, r
    assert 'stop reason = step out' in r.out, r
    assert re.search(r'Process \d+ exited with status = ', r.out), r


def test_expressions_call_functions_and_watchpoints_stop(lldb):
    r = lldb('breakpoint set -n work', 'run', 'expression large(4001)', 'expression total = 5',
             'watchpoint set variable total', 'breakpoint delete -f', 'continue', 'register write rax 77',
             'register read rax', 'watchpoint delete -f', 'kill', file=file('points'))
    assert 'stop reason = watchpoint 1' in r.out and 'old value: 5' in r.out, r
    assert 'rax = 0x000000000000004d' in r.out, r


def test_a_crash_shows_where(lldb):
    r = lldb('run', crash=('bt', 'kill'), file=file('nullcall'))
    assert 'stop reason = signal SIGSEGV' in r.out and 'nullcall`main' in r.out, r


# ---- a platform ------------------------------------------------------------------------------------------------


def platform_of(world, where):
    """run(COMMAND…): the result of a batch of an LLDB whose platform is what hdb with the options where connects to."""
    def run(*commands):
        p = world.start([harness.program('hdb'), *map(str, where), '-rsp', 'tcp:port=0', '--multi'],
                        stderr=subprocess.PIPE, text=True)
        port = p.stderr.readline().split()[-1]
        words = ['platform select remote-linux', f'platform connect connect://127.0.0.1:{port}', *commands]
        r = world.run([LLDB, '-x', '-b', *(x for w in words for x in ('-o', w))])
        p.terminate()
        said = p.stderr.read()
        p.stderr.close()
        p.wait()
        assert 'refused' not in said, said
        return r
    return run


@pytest.fixture
def platform(world, box):
    return platform_of(world, world.premote(box))


def test_a_platform_lists_processes_and_brings_files(platform, world, debuggee):
    d, to = debuggee('sleepers', 0), world.path('copy')
    r = platform('platform status', 'platform process list', f'platform process info {d.pid}',
                 f'platform get-file {file("sleepers")} {to}', 'platform shell id')
    assert 'Triple: x86_64-pc-linux-gnu' in r.out and 'Connected: yes' in r.out, r
    assert re.search(rf'^{d.pid} +\d+ +{harness.ALICE} .* sleepers', r.out, re.M), r
    assert f'({harness.ALICE})' in r.out, r
    assert 'A process server runs no commands' in r.out + r.err and 'uid=' not in r.out, r
    with open(to, 'rb') as copy, open(file('sleepers'), 'rb') as f:
        assert copy.read() == f.read()


def test_a_platform_debugs_two_processes_at_once(platform, debuggee):
    one, two = debuggee('sleepers', 0), debuggee('sleepers', 3)
    r = platform(f'process attach -p {one.pid}', 'bt', 'target create ""', f'process attach -p {two.pid}', 'bt all',
                 'detach', 'target select 0', 'bt', 'detach')
    assert f'Process {one.pid} detached' in r.out and f'Process {two.pid} detached' in r.out, r
    assert r.out.count('`descend') >= 2 * 12 + 3 * 12, r
    assert eventually(lambda: runs(one)) and eventually(lambda: runs(two))


def test_a_platform_takes_a_file_and_runs_a_program_that_it_was_given(world):
    there = world.path('there')
    os.mkdir(there)
    r = platform_of(world, [])(
        'platform status', f'platform settings -w {there}', f'platform put-file {__file__} {there}/copy',
        f'platform get-size {there}/copy', f'target create {file("points")}', 'breakpoint set -n work', 'process launch',
        'frame variable', 'process kill')
    assert f'WorkingDir: {os.getcwd()}' in r.out, r
    assert f'(remote): {os.stat(__file__).st_size}' in r.out, r
    assert 'stop reason = breakpoint 1.1' in r.out and '(int) k = ' in r.out, r
    for theirs, ours in ('copy', __file__), ('points', file('points')):
        with open(os.path.join(there, theirs), 'rb') as copy, open(ours, 'rb') as f:
            assert copy.read() == f.read()


def test_a_second_debugger_nobody_has_announced_is_refused(world):
    p = world.start([harness.program('hdb'), '-rsp', 'tcp:port=0', '--multi'], stderr=subprocess.PIPE, text=True)
    port = int(p.stderr.readline().split()[-1])
    with socket.create_connection(('127.0.0.1', port), harness.PATIENCE) as first, \
            socket.create_connection(('127.0.0.1', port), harness.PATIENCE) as second:
        assert second.recv(1) == b''
        first.sendall(b'+$QStartNoAckMode#b0')
        assert first.recv(64)
    p.terminate()
    said = p.stderr.read()
    p.stderr.close()
    p.wait()
    assert 'was refused' in said


# ---- programs' streams --------------------------------------------------------------------------------------------


def test_what_is_typed_reaches_the_program(world):
    """Through the terminal that LLDB makes for it."""
    wrapper = wrap(world, [])
    t = Terminal([shutil.which(LLDB), '-x', '-X', '/bin/cat'], env=dict(world.env, LLDB_DEBUGSERVER_PATH=wrapper),
                 timeout=harness.PATIENCE)
    try:
        t.until('(lldb) ').type('run\n').until('launched').type('a line for cat\n').until('a line for cat')
        t.until('a line for cat').type('\x04').until('exited with status = 0')
        t.until('(lldb) ').type('quit\n')  # before its prompt, what is typed may be lost
        assert t.end() == 0
    finally:
        t.kill()


def test_a_program_s_output_goes_to_a_file_that_was_named(world, lldb):
    to = world.path('out')
    r = lldb(f'process launch -i /dev/null -o {to} -- hello', 'process status', file='/bin/echo')
    assert 'exited with status = 0' in r.out, r
    with open(to) as f:
        assert f.read() == 'hello\n'


# ---- bad input ----------------------------------------------------------------------------------------------------


BAD = """A;A1;A5,0,zz;A99999999999999999999,0,00;A4,0,6161,;Aa,b,c;qRegisterInfo;qRegisterInfoffffffffffffffffff;p
pffffffff;P0;P0=;qThreadStopInfo;qThreadStopInfozz;qThreadStopInfo1;qMemoryRegionInfo:;qMemoryRegionInfo:zz;_M;_M1000,rwx;_M0,r
_Mffffffffffffffff,r;_m;_m1;x0;x0,;x0,ffffffffffffffff;qModuleInfo:;qModuleInfo:6161;jModulesInfo:;jModulesInfo:[
vAttachName:;qfProcessInfo:name_match:nonsense;qfProcessInfo:pid:99999999999999999999;qsProcessInfo;qProcessInfoPID:
qUserName:;qSpeedTest:response_size:99999999;QEnvironment:;QSetDisableASLR:;qFileLoadAddress:zz;vFile:size:;vFile:mode:
vFile:symlink:;qPlatform_mkdir:;qPlatform_chmod:zz,2f;qPlatform_shell:6c73,10;I;I6;Hgp0.1;Hgp-1.1;Hx1;QSaveRegisterState
QRestoreRegisterState:1;jThreadsInfo;g"""


def test_what_cannot_be_is_answered_with_an_error_or_nothing(world):
    packets = re.split('[;\n]', BAD)
    text = '+$QStartNoAckMode#b0+' + ''.join(f'${p}#00' for p in packets)
    r = world.run([harness.program('hdb'), '-rsp'], input=text)
    replies = re.findall(r'\$([^#]*)#', r.out)
    assert r.status == 0 and len(replies) == 1 + len(packets), r
    assert replies[0] == 'OK'
    assert all(re.match('(E|F-1,|F,7e,|$)', reply) for reply in replies[1:]), list(zip(packets, replies[1:]))
