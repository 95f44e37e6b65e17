# SPDX-License-Identifier: BSD-2-Clause
"""What a host changes in a target: memory, registers, signals, its end."""

import os
import signal
import struct

import pytest

import clean
import harness
import wire
from tracer import SIGUSR1, SIGCONT, SIGSTOP, bit, stop, peek, eventually, states, go, refused, word

SIGKILL = 9
ARCHES = ['', pytest.param('-i386', marks=pytest.mark.i386)]


class Layout:
    """Of NT_PRSTATUS."""

    def __init__(self, arch):
        self.width, self.bx, self.cs = (4, 0, 52) if arch else (8, 40, 136)

    def get(self, regs, at):
        return int.from_bytes(regs['data'][at:at + self.width], 'little')

    def put(self, regs, at, value):
        data = regs['data']
        return dict(regs, data=data[:at] + value.to_bytes(self.width, 'little') + data[at + self.width:])


def write(link, target, *pieces):
    return link.do('mem_write', target=target, writes=[{'addr': a, 'data': d} for a, d in pieces])


def regs(link, target, tid, note=wire.NT_PRSTATUS):
    return link.do('regs_read', target=target, tids=[{'tid': tid}], notes=[{'note': note}])['regs'][0]


def patched(data, at, value):
    return data[:at] + struct.pack('<Q', value) + data[at + 8:]


# ---- memory


def test_memory_is_written_while_the_target_runs(link, debuggee):
    d = debuggee('changes', busy=True)
    target, _ = link.attach(d.pid, how='RUN')
    words = d.facts['words']
    write(link, target, (words, struct.pack('<Q', 77)), (words + 32, struct.pack('<QQ', 88, 99)))
    assert [peek(link, target, words + 8 * i) for i in range(8)] == [77, 2, 3, 4, 88, 99, 7, 8]
    with open(f'/proc/{d.pid}/mem', 'rb') as mem:
        mem.seek(words)
        assert word(mem.read(8), 0) == 77


@pytest.mark.parametrize('arch', ARCHES)
def test_text_can_be_written_and_runs_as_written(link, debuggee, arch):
    d = debuggee('changes' + arch, busy=True)
    target, _ = link.attach(d.pid, how='RUN')
    text, answer = d.facts['text'], d.facts['answer']
    assert eventually(lambda: peek(link, target, answer) == 1)
    write(link, target, (text + 1, struct.pack('<I', 123)))
    assert eventually(lambda: peek(link, target, answer) == 123)
    write(link, target, (text + 1, struct.pack('<I', 1)))
    assert eventually(lambda: peek(link, target, answer) == 1)


def test_a_write_ends_at_the_first_byte_that_cannot_be_written(link, debuggee):
    d = debuggee('changes', busy=True)
    target, _ = link.attach(d.pid, how='RUN')
    hole, words = d.facts['hole'], d.facts['words']
    for pieces, where in (([(hole - 3, b'abcdef')], hole), ([(0, b'x')], 0),
                          ([(words, b'\x55'), (hole + 8, b'x'), (words + 8, b'\x66')], hole + 8)):
        fields = refused('FAULT', link, 'mem_write', target=target,
                         writes=[{'addr': a, 'data': data} for a, data in pieces])
        assert fields['addr'] == where
    assert peek(link, target, hole - 8) >> 40 == int.from_bytes(b'abc', 'little')
    assert peek(link, target, words) == 0x55 and peek(link, target, words + 8) == 2
    refused('FAULT', link, 'mem_write', target=target, writes=[{'space': 1, 'addr': words, 'data': b'x'}])


def plant(link, target, addr, **more):
    r = link.do('patch_set', target=target, patches=[dict({'id': 1, 'addr': addr}, **more)])['results'][0]
    assert r['err'] == 0, wire.ERRORS[r['err']]


@pytest.mark.parametrize('arch', ARCHES)
def test_what_is_written_goes_beneath_a_patch(link, debuggee, arch):
    d = debuggee('changes' + arch, busy=True)
    target, _ = link.attach(d.pid, how='RUN')
    text, answer = d.facts['text'], d.facts['answer']
    plant(link, target, text)
    code = b'\xb8' + struct.pack('<I', 321) + b'\xc3'
    for _ in range(2):
        bundle = link.event('stopped', target)
        assert bundle['stops'][0]['reason'] == wire.ENUM['STOP_PATCH']
        write(link, target, (text, code))
        assert link.do('mem_read', target=target, ranges=[{'addr': text, 'len': 6}])['chunks'][0]['data'] == code
        go(link, target)
    assert eventually(lambda: peek(link, target, answer) == 321)
    link.event('stopped', target)
    write(link, target, (text, code[:1] + struct.pack('<I', 1) + code[5:]))
    link.do('patch_clear', target=target)
    go(link, target)
    assert eventually(lambda: peek(link, target, answer) == 1)


def test_nothing_is_written_to_a_target_that_is_only_looked_at(link, debuggee):
    d = debuggee('changes', busy=True)
    target, _ = link.attach(d.pid, how='LOOK')
    refused('STATE', link, 'mem_write', target=target, writes=[{'addr': d.facts['words'], 'data': b'x'}])
    refused('STATE', link, 'regs_write', target=target, regs=[{'tid': d.pid, 'note': 1, 'data': b'x'}])
    refused('STATE', link, 'abandon', target=target)


# ---- registers


@pytest.mark.parametrize('arch', ARCHES)
def test_a_register_that_is_written_is_what_the_thread_goes_on_with(link, debuggee, arch):
    d, at = debuggee('changes' + arch, busy=True), Layout(arch)
    tid = d.facts['waiter']
    target, _ = stop(link, d)
    r = regs(link, target, tid)
    value = 0x123456789 >> (4 if arch else 0)
    link.do('regs_write', target=target, regs=[at.put(r, at.bx, value)])
    assert at.get(regs(link, target, tid), at.bx) == value
    go(link, target)
    assert eventually(lambda: peek(link, target, d.facts['seen']) == value)


@pytest.mark.parametrize('arch', ARCHES)
def test_the_vector_registers_are_written_too(link, debuggee, arch):
    d = debuggee('changes' + arch, busy=True)
    tid = d.facts['waiter']
    target, _ = stop(link, d)
    xmm7 = 272
    for note in (wire.NT_X86_XSTATE,) if arch else (wire.NT_PRFPREG, wire.NT_X86_XSTATE):
        r = regs(link, target, tid, note)
        data = patched(r['data'], xmm7, 0x1122334455667788 + note)
        if note == wire.NT_X86_XSTATE:
            data = patched(data, 512, word(data, 512) | 2)  # the component is in use
        link.do('regs_write', target=target, regs=[dict(r, data=data)])
        assert word(regs(link, target, tid, note)['data'], xmm7) == 0x1122334455667788 + note


@pytest.mark.parametrize('arch', ARCHES)
def test_registers_of_several_threads_go_in_one_request_or_none_of_them(link, debuggee, arch):
    d, at = debuggee('changes' + arch, busy=True), Layout(arch)
    target, bundle = stop(link, d)
    both = [r for r in bundle['regs'] if r['tid'] in (d.pid, d.facts['waiter'])]
    changed = [at.put(r, at.bx, 5) for r in both]
    for bad, name, where in (({'tid': 1}, 'NO_THREAD', 1), ({'data': both[1]['data'] + b'x'}, 'MALFORMED', None),
                             ({'data': b''}, 'MALFORMED', None), ({'arch': 0xc00000b7}, 'MALFORMED', None),
                             ({'err': 4}, 'MALFORMED', None), ({'note': 0x4242}, 'UNKNOWN', None)):
        fields = refused(name, link, 'regs_write', target=target, regs=[changed[0], dict(changed[1], **bad)])
        assert fields['addr'] == (where or both[1]['tid'])
        assert [regs(link, target, r['tid'])['data'] for r in both] == [r['data'] for r in both]
    link.do('regs_write', target=target, regs=changed)
    assert [at.get(regs(link, target, r['tid']), at.bx) for r in both] == [5, 5]
    link.do('regs_write', target=target, regs=both)


@pytest.mark.parametrize('arch', ARCHES)
def test_registers_the_kernel_does_not_take_are_an_error(link, debuggee, arch):
    d, at = debuggee('changes' + arch, busy=True), Layout(arch)
    target, _ = stop(link, d)
    r = regs(link, target, d.facts['waiter'])
    fields = refused('OS', link, 'regs_write', target=target, regs=[at.put(r, at.cs, 0x10)])
    assert fields['os_errno'] and fields['addr'] == d.facts['waiter']


def test_registers_of_a_running_thread_are_not_written(link, debuggee):
    d = debuggee('changes', busy=True)
    target, bundle = stop(link, d)
    go(link, target)
    refused('RUNNING', link, 'regs_write', target=target, regs=bundle['regs'][:1])


# ---- signals


@pytest.mark.parametrize('name', ['signals', pytest.param('signals-i386', marks=pytest.mark.i386)])
def test_what_comes_along_with_a_signal_can_be_changed(link, debuggee, name):
    d = debuggee(name)
    target, _ = link.attach(d.pid, how='RUN')
    link.do('signals', target=target, stop=bit(SIGUSR1))
    os.kill(d.pid, SIGUSR1)
    cause = link.event('stopped', target)['stops'][0]
    # As sigqueue(3) sends it; what kill(2) does brings no value.
    changed = (cause['siginfo'][:8] + struct.pack('<i', -1) + cause['siginfo'][12:24] + struct.pack('<Q', 0xabcdef)
               + cause['siginfo'][32:])
    refused('MALFORMED', link, 'siginfo_write', target=target, tid=cause['tid'], siginfo=changed[:-1])
    refused('NO_THREAD', link, 'siginfo_write', target=target, tid=1, siginfo=changed)
    other, = [t for t in clean.threads(d.pid) if t != cause['tid']][:1]
    refused('STATE', link, 'siginfo_write', target=target, tid=other, siginfo=changed)
    link.do('siginfo_write', target=target, tid=cause['tid'], siginfo=changed)
    go(link, target)
    counts = d.facts['counts']
    assert eventually(lambda: peek(link, target, counts) == 1)
    assert peek(link, target, counts + 8) == 0xabcdef


@pytest.mark.parametrize('how', ['RUN', 'STOP', 'LOOK'])
def test_a_signal_is_sent_to_the_process_or_to_one_thread(link, debuggee, how):
    d = debuggee('signals')
    target, _ = link.attach(d.pid, how=how)
    link.do('send_signal', target=target, signal=SIGUSR1)
    if how == 'STOP':
        link.event('stopped', target)
        assert peek(link, target, d.facts['counts']) == 0
        go(link, target)
    assert eventually(lambda: peek(link, target, d.facts['counts']) == 1)
    link.do('send_signal', target=target, signal=SIGUSR1, tid=clean.threads(d.pid)[-1])
    assert eventually(lambda: peek(link, target, d.facts['counts']) == 2)
    assert peek(link, target, d.facts['counts'] + 16) != 0


def test_signals_there_are_not_and_threads_there_are_not(link, debuggee):
    d = debuggee('signals')
    target, _ = link.attach(d.pid, how='RUN')
    for number in (0, 65, 0xffffffff):
        refused('MALFORMED', link, 'send_signal', target=target, signal=number)
    for tid in (1, os.getpid(), 1 << 40):
        fields = refused('NO_THREAD', link, 'send_signal', target=target, signal=SIGUSR1, tid=tid)
        assert fields['addr'] == tid
    assert peek(link, target, d.facts['counts']) == 0


# ---- the end


@pytest.mark.parametrize('how', ['RUN', 'STOP', 'LOOK'])
def test_kill_ends_it_and_the_end_is_told(link, debuggee, how):
    d = debuggee('changes', busy=True)
    target, _ = link.attach(d.pid, how=how)
    d.expect_gone = True
    link.do('kill', target=target)
    status = link.event('exited', target)['status']
    assert status == SIGKILL or (how == 'LOOK' and status == -1)
    assert d.process.wait() == -SIGKILL
    refused('NO_TARGET', link, 'kill', target=target)


def test_kill_does_not_wait_for_threads_whose_end_was_to_be_told(link, debuggee):
    d = debuggee('changes', busy=True)
    target, _ = stop(link, d)
    link.do('catch', target=target, events=wire.ENUM['CATCH_EXIT'] | wire.ENUM['CATCH_SYSCALL'])
    go(link, target)
    link.event('stopped', target)
    d.expect_gone = True
    link.do('kill', target=target)
    assert link.event('exited', target)['status'] == SIGKILL
    d.process.wait()


@pytest.mark.parametrize('how', ['RUN', 'STOP'])
def test_abandon_leaves_it_stopped_as_if_by_sigstop(link, debuggee, how):
    d = debuggee('changes', busy=True)
    target, _ = link.attach(d.pid, how=how)
    link.do('signals', target=target, ignore=bit(SIGSTOP), stop=bit(SIGSTOP))
    link.do('abandon', target=target)
    refused('NO_TARGET', link, 'threads', target=target)
    assert eventually(lambda: set(states(d.pid).values()) == {'T'})
    assert all(clean.status(d.pid, t)['TracerPid'] == '0' for t in clean.threads(d.pid))
    other, _ = link.attach(d.pid, how='LOOK')
    turns = peek(link, other, d.facts['turns'])
    assert peek(link, other, d.facts['turns']) == turns
    os.kill(d.pid, SIGCONT)
    assert eventually(lambda: peek(link, other, d.facts['turns']) > turns)


@pytest.mark.parametrize('stands', [True, False])
def test_one_that_is_abandoned_has_nothing_of_ours_in_it(link, debuggee, stands):
    d = debuggee('changes', busy=True)
    target, _ = link.attach(d.pid, how='RUN')
    plant(link, target, d.facts['text'], condition=b'' if stands else bytes([0x22, 0, 0x27]))
    if stands:
        link.event('stopped', target)
    link.do('abandon', target=target)
    assert eventually(lambda: set(states(d.pid).values()) == {'T'})
    assert not clean.text_faults(d.pid)
    os.kill(d.pid, SIGCONT)


def test_a_signal_it_stopped_with_is_not_lost_when_it_is_abandoned(link, debuggee):
    d = debuggee('signals')
    target, _ = link.attach(d.pid, how='RUN')
    link.do('signals', target=target, stop=bit(SIGUSR1))
    os.kill(d.pid, SIGUSR1)
    link.event('stopped', target)
    link.do('abandon', target=target)
    assert eventually(lambda: set(states(d.pid).values()) == {'T'})
    os.kill(d.pid, SIGCONT)
    other, _ = link.attach(d.pid, how='LOOK')
    assert eventually(lambda: peek(link, other, d.facts['counts']) == 1)
    assert peek(link, other, d.facts['counts'] + 24) == 1


# ---- who may, and what is recorded

WRITING = [('mem_write', {}), ('regs_write', {}), ('siginfo_write', {}), ('send_signal', {'signal': SIGUSR1}),
           ('kill', {})]


@pytest.mark.parametrize('rights', [('LOOK', 'STOP'), ('LOOK',)])
def test_a_row_without_the_right_changes_nothing(sessions, debuggee, rights):
    d = debuggee('signals')
    s = sessions(*rights)
    target, _ = s.link.attach(d.pid, how='RUN' if 'STOP' in rights else 'LOOK')
    for request, fields in WRITING + ([] if 'STOP' in rights else [('abandon', {}), ('catch', {})]):
        refused('RIGHT', s.link, request, target=target, **fields)
    assert peek(s.link, target, d.facts['counts']) == 0 and clean.alive(d.pid)
    s.link.do('detach', target=target)


@pytest.mark.parametrize('request_name', ['go', 'resume'])
def test_a_signal_of_ones_own_at_resume_takes_the_right_to_write(sessions, debuggee, request_name):
    d = debuggee('signals')
    s = sessions('LOOK', 'STOP')
    target, _ = stop(s.link, d)
    refused('RIGHT', s.link, request_name, target=target, threads=[{'tid': 0, 'signal': SIGUSR1}])
    assert set(states(d.pid).values()) == {'t'}
    s.link.do(request_name, target=target, threads=[{'tid': 0, 'signal': -1}])
    assert peek(s.link, target, d.facts['counts']) == 0


def test_the_first_write_of_a_kind_is_recorded_and_the_rest_counted(sessions, debuggee):
    d = debuggee('changes', busy=True)
    s = sessions('LOOK', 'STOP', 'WRITE')
    target, bundle = stop(s.link, d)
    for i in range(3):
        write(s.link, target, (d.facts['words'], b'%d' % i))
        s.link.do('regs_write', target=target, regs=bundle['regs'][:1])
    s.link.do('detach', target=target)
    got = []
    while not got or got[-1][0] != 'wrote_registers':
        got.append(s.record(sized=True))
    assert [(r[0], r[1], r[-1]) for r in got] == [
        ('attach', d.pid, 0), ('write_memory', d.pid, 0), ('write_registers', d.pid, 0), ('detach', d.pid, 0),
        ('wrote_memory', d.pid, 3), ('wrote_registers', d.pid, 3)]


def test_a_kill_is_recorded_before_it_happens(sessions, debuggee):
    d = debuggee('changes', busy=True)
    s = sessions('LOOK', 'STOP', 'WRITE')
    target, _ = s.link.attach(d.pid, how='RUN')
    s.link.do('send_signal', target=target, signal=signal.SIGURG)  # ignored by default: not worth a record
    d.expect_gone = True
    s.link.do('kill', target=target)
    s.link.event('exited', target)
    assert [s.record()[0] for _ in range(3)] == ['attach', 'kill', 'exited']
    d.process.wait()


def test_a_row_without_writing_lets_nobody_change_or_break(hdb, boxes, debuggee, keys):
    box = boxes(rows=[f'{keys["alice"].fingerprint} user={harness.ALICE} no-write # alice@test'])
    d = debuggee('changes', busy=True)
    for command in ('kill', 'tbreak text', 'set var answer = 5', 'print answer = 5', 'signal SIGUSR1'):
        r = hdb('-p', d.pid, '-batch', '-ex', command, '-ex', 'detach', box=box)
        assert 'allow' in r.err and clean.alive(d.pid), (command, r)
    assert not box.audit(event='kill') and not box.audit(event='write-memory')


def test_what_was_changed_is_on_the_boxs_record(hdb, box, debuggee):
    d = debuggee('changes', busy=True)
    d.expect_gone = True
    r = hdb('-p', d.pid, '-batch', '-ex', 'print words[0] = 5', '-ex', 'print words[1] = 6', '-ex', 'kill', box=box)
    assert r.status == 0, r
    first, = box.await_audit(event='write-memory')
    assert first['pid'] == str(d.pid) and first['result'] == 'OK'
    assert 'requests=2' in box.await_audit(event='wrote-memory')[0]['why']
    assert box.await_audit(event='kill')[0]['pid'] == str(d.pid)
    assert d.process.wait() == -SIGKILL
