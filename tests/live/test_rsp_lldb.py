# SPDX-License-Identifier: BSD-2-Clause
"""Debian's lldb through hdb -rsp: it starts the bridge in the place of its lldb-server, as the manual says."""

import os
import re
import shutil
import stat

import pytest

import clean
import harness
from tracer import eventually

LLDB = next((p for p in ('lldb', *(f'lldb-{n}' for n in range(21, 13, -1))) if shutil.which(p)), None)
pytestmark = [pytest.mark.skipif(not LLDB, reason='lldb is not installed'), pytest.mark.once]


@pytest.fixture
def lldb(world):
    """lldb(COMMAND…, box=BOX): the result of a batch, crash: what it does about one; without a box, this machine."""
    def run(*commands, crash=(), box=None, port=None, file=None):
        words = world.premote(box, port=port) if box else []
        wrapper = world.path('lldb-server')
        bridge = ' '.join(f"'{w}'" for w in [harness.program('hdb'), *map(str, words), '-rsp'])
        with open(wrapper, 'w') as f:
            f.write('#!/bin/sh\nfor w; do case $w in --fd=*) fd=${w#--fd=} ;; esac; done\n'
                    f'exec {bridge} <&$fd >&$fd\n')
        os.chmod(wrapper, stat.S_IRWXU)
        argv = [LLDB, '-x', '-b', *([file] if file else [])]
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


def turns(world, box, lldb, *commands):
    p = world.proxy(box.port, '-delay', 20, '-once')
    r = lldb(*commands, box=box, port=p.port)
    assert 'detached' in r.out, r
    return p.finish()[0]['waits']


def test_attach_and_leave_take_few_turns(world, box, lldb, debuggee):
    """Those of the connection are among them."""
    d = debuggee('sleepers', 0)
    assert turns(world, box, lldb, f'process attach -p {d.pid}', 'detach') <= 14


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
    assert all(re.match('(E|F-1,|$)', reply) for reply in replies[1:]), list(zip(packets, replies[1:]))
