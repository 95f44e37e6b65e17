# SPDX-License-Identifier: BSD-2-Clause
"""The session of a tracer: its start, its end, its rights and its record."""

import os
import pwd
import resource

import pytest

import clean
import harness
import wire
from tracer import SIGSTOP, tracer_of, stop, eventually, refused


# ---- start and end of a link


def test_hello_says_what_the_box_is(link):
    assert link.hello['kind'] == wire.ENUM['PEER_PROCSRV']
    assert link.hello['machine'] == os.uname().machine.encode()
    assert link.hello['max_read'] == 1 << 20 and link.hello['credit_requests'] == 64


def test_opened_says_who_we_are(link):
    assert link.opened['user'].decode() == harness.ALICE
    assert link.opened['uid'] == pwd.getpwnam(harness.ALICE).pw_uid


def test_requests_before_open_are_refused(links):
    link = links(open=False)
    link.send('hello', kind=1, version_min=1, version_max=1, credit_bytes=1 << 20)
    refused('STATE', link, 'ps')


def test_open_promises_nothing_about_a_lost_link_that_is_not_kept(links):
    link = links(open=False)
    link.send('hello', kind=1, version_min=1, version_max=1, credit_bytes=1 << 20)
    for loss in ('HOLD', 'KILL'):
        refused('POLICY', link, 'open', loss=wire.ENUM['LOSS_' + loss])
    for loss in (4, 255):
        refused('MALFORMED', link, 'open', loss=loss)
    assert link.do('open', loss=wire.ENUM['LOSS_RESUME'], grace_ms=30000)['grace_ms'] == 0


@pytest.mark.parametrize('most', [0, 64 << 10, 3 << 20, 5 << 20])
def test_what_may_not_be_locked_in_memory_is_not(links, debuggee, most):
    """64 KiB is what Linux before 5.16 gives an ordinary user."""
    link = links(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (most, most)))
    d = debuggee('sleepers')
    target, _ = link.attach(d.pid)
    link.do('detach', target=target)
    assert not clean.eventually(d.faults)


def test_another_version_is_told_so(links):
    link = links(open=False)
    link.send('hello', kind=1, version_min=7, version_max=9, credit_bytes=1 << 20)
    with pytest.raises(wire.Closed) as e:
        while True:
            link.take()
    assert wire.ERRORS[e.value.goodbye['code']] == 'VERSION'


def test_an_unknown_request_is_answered_as_such(link):
    id = link.next_id
    link.next_id += 1
    nobody = next(n for n in range(32, 1 << 16) if n not in wire.BY_NUMBER)
    link.raw(wire.frame(nobody, b'something', id=id))
    with pytest.raises(wire.Error) as e:
        link.wait(id)
    assert e.value.name == 'UNKNOWN'
    link.do('ps')


def test_request_ids_that_do_not_rise_end_the_link(link):
    link.do('ps', pattern='nothing is called so')
    link.send('ps', id=1)
    with pytest.raises(wire.Closed) as e:
        while True:
            link.take()
    assert wire.ERRORS[e.value.goodbye['code']] == 'PROTOCOL'


def test_heartbeats_are_answered(link):
    link.send('heartbeat', stamp=42)
    while link.take() != 'heartbeat_ack':
        pass


def test_a_silent_host_is_asked_whether_it_lives(link):
    while link.take(10) != 'heartbeat':
        pass


def test_the_tracer_is_undumpable_and_without_stray_descriptors(link):
    pid = tracer_of(link)
    assert os.stat(f'/proc/{pid}/environ').st_uid == 0
    if harness.ROOT:
        fds = {n: os.readlink(f'/proc/{pid}/fd/{n}') for n in os.listdir(f'/proc/{pid}/fd')}
        assert len(fds) <= 9, fds


def test_end_of_the_link_ends_guard_and_tracer(links):
    link = links()
    tracer = tracer_of(link)
    assert link.close() == 0
    assert not clean.alive(tracer)


def test_sigterm_to_the_guard_ends_it_cleanly(links, debuggee):
    d = debuggee('sleepers')
    link = links()
    stop(link, d)
    link.child.terminate()
    assert link.child.wait(10) == 0
    assert not d.faults()


def test_a_tracer_that_was_sent_sigstop_ends_in_order(links, debuggee):
    d = debuggee('sleepers')
    link = links()
    tracer = tracer_of(link)
    stop(link, d)
    os.kill(tracer, SIGSTOP)
    link.child.terminate()
    assert link.child.wait(20) == 0
    assert not clean.alive(tracer)
    assert not d.faults()


def test_a_killed_guard_takes_the_tracer_with_it(links, debuggee):
    d = debuggee('sleepers')
    link = links()
    tracer = tracer_of(link)
    stop(link, d)
    link.child.kill()
    link.child.wait()
    assert eventually(lambda: not clean.alive(tracer))
    assert not d.faults()


# ---- the session's rights and its record


def test_whoever_may_only_look_cannot_stop(sessions, debuggee):
    d = debuggee('sleepers')
    s = sessions('LOOK')
    for how in ('STOP', 'RUN'):
        refused('RIGHT', s.link, 'attach', target=1, pid=d.pid, how=wire.ENUM['ATTACH_' + how])
    refused('RIGHT', s.link, 'snapshot', pid=d.pid, window=64, total=1 << 20)
    target, _ = s.link.attach(d.pid, how='LOOK')
    for request in ('interrupt', 'resume', 'preorder', 'signals'):
        refused('RIGHT', s.link, request, target=target)
    s.link.do('maps', target=target)
    s.link.do('detach', target=target)
    assert not d.faults()


def test_whoever_may_nothing_gets_nothing(sessions, debuggee):
    d = debuggee('sleepers')
    s = sessions()
    for name, m in wire.MSGS.items():
        if m['kind'] == 'REQ' and m['right'] != 'NONE':
            refused('RIGHT', s.link, name)
    assert not d.faults()


def test_everything_is_recorded_before_it_happens(sessions, debuggee):
    d = debuggee('sleepers')
    s = sessions('LOOK', 'STOP')
    target, _ = s.link.attach(d.pid)
    assert s.record() == ('attach', d.pid, b'')
    s.link.do('snapshot', pid=d.pid, window=64, total=1 << 20)
    assert s.record() == ('snapshot', d.pid, b'')
    s.link.do('file_read', pid=d.pid, path='/etc/passwd', len=10)
    assert s.record() == ('file_read', d.pid, b'/etc/passwd')
    s.link.do('detach', target=target)
    assert s.record() == ('detach', d.pid, b'')
    target, _ = s.link.attach(d.pid)
    s.record()
    d.kill()
    assert s.record() == ('exited', d.pid, b'')


def test_a_snapshot_is_one_record_whenever_the_first_thread_ends(sessions, debuggee):
    s = sessions('LOOK', 'STOP')
    for _ in range(25):
        d = debuggee('odd', 'leaderless', busy=True)
        s.link.do('snapshot', pid=d.pid, window=64, total=1 << 20)
        assert s.record() == ('snapshot', d.pid, b'')
        d.kill()


def test_what_is_refused_is_recorded_with_the_reason(sessions, debuggee):
    d = debuggee('awkward', 'undumpable')
    s = sessions('LOOK', 'STOP')
    for how in ('STOP', 'LOOK'):
        refused('UNDUMPABLE', s.link, 'attach', target=1, pid=d.pid, how=wire.ENUM['ATTACH_' + how])
        assert s.record() == ('attach', d.pid, b'')
        assert s.record() == ('attach', d.pid, b'', 'UNDUMPABLE')
    refused('UNDUMPABLE', s.link, 'snapshot', pid=d.pid, window=64, total=1 << 20)
    assert s.record() == ('snapshot', d.pid, b'')
    assert s.record() == ('snapshot', d.pid, b'', 'UNDUMPABLE')
    refused('KERNEL_THREAD', s.link, 'attach', target=1, pid=2)
    assert s.record() == ('attach', 2, b'', 'KERNEL_THREAD')


def test_no_part_of_a_file_is_read_without_a_record(sessions, debuggee):
    d = debuggee('sleepers')
    s = sessions('LOOK')
    for path in ('/etc/passwd', '/etc/group'):
        s.link.do('file_read', pid=d.pid, path=path, offset=1, len=10)
        assert s.record() == ('file_read', d.pid, path.encode())
    for offset in (11, 21):
        s.link.do('file_read', pid=d.pid, path='/etc/passwd', offset=offset, len=10)
    s.link.do('file_read', pid=d.pid, path='/etc/passwd', len=10)
    assert s.record() == ('file_read', d.pid, b'/etc/passwd')
    s.pipe.setblocking(False)
    with pytest.raises(BlockingIOError):
        s.record()


def test_without_room_for_the_record_nothing_happens_but_detach(sessions, debuggee):
    d, other = debuggee('sleepers'), debuggee('sleepers')
    s = sessions('LOOK', 'STOP')
    target, _ = s.link.attach(d.pid)
    with pytest.raises(wire.Error) as e:
        while True:
            s.link.do('file_read', pid=d.pid, path='/etc/passwd', len=10)
    assert e.value.name == 'UNRECORDED'
    refused('UNRECORDED', s.link, 'attach', target=7, pid=other.pid)
    refused('UNRECORDED', s.link, 'snapshot', pid=other.pid, window=64, total=1 << 20)
    assert not other.faults()
    s.link.do('detach', target=target)
    assert not d.faults()


def test_a_session_behind_conn_says_no_hello_and_needs_no_open(sessions):
    s = sessions('LOOK')
    assert s.link.do('ps', limit=1)['procs']
    assert s.link.hello is None
