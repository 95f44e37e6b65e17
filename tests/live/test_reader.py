# SPDX-License-Identifier: BSD-2-Clause
"""What may block outside our control is read by a process of its own, which is given up when it does."""

import os
import signal

import pytest

import clean
import wire
from frozen import Frozen
from tracer import eventually, stop, tracer_of


def reader_of(link):
    """The pids of its tracer's readers."""
    path = f'/proc/{(t := tracer_of(link))}/task/{t}/children'
    return [int(p) for p in clean.read(path).split()
            if (s := clean.status(p)) and s['Name'] == 'procsrv-reader' and s['State'][0] != 'Z']


@pytest.mark.root
def test_a_frozen_file_system_makes_its_requests_busy_and_no_others(world, link, debuggee):
    d = debuggee('sleepers')
    target, _ = stop(link, d)
    with Frozen(world.path('frozen')) as frozen:
        stuck = [link.ask('file_stat', target=target, path=f'{frozen.path}/{name}') for name in 'ab']
        after = link.ask('ps', limit=3)
        assert link.do('threads', target=target)['threads'], 'at once'
        assert after not in link.replies
        for id in stuck:
            with pytest.raises(wire.Error) as e:
                link.wait(id)
            assert e.value.name == 'BUSY'
        assert len(link.wait(after)['procs']) == 3
        link.do('detach', target=target)
    assert not d.faults()


def test_a_reader_that_dies_fails_one_request(link, debuggee):
    d = debuggee('sleepers')
    link.do('ps', limit=1)
    first, = reader_of(link)
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: not reader_of(link))
    assert link.do('facts', pid=d.pid)
    assert reader_of(link) not in ([], [first])


def test_a_reader_that_stands_still_is_given_up(link, debuggee):
    d = debuggee('sleepers')
    link.do('ps', limit=1)
    os.kill(reader_of(link)[0], signal.SIGSTOP)
    with pytest.raises(wire.Error) as e:
        link.do('facts', pid=d.pid)
    assert e.value.name == 'BUSY'
    assert link.do('facts', pid=d.pid)


def test_the_reader_is_the_mapped_users_and_undumpable_and_ends_with_the_session(links):
    link = links()
    link.do('ps', limit=1)
    pid, = reader_of(link)
    s = clean.status(pid)
    assert len(set(s['Uid'].split())) == 1 and int(s['CapEff'], 16) == 0 or s['Uid'].split()[0] == '0'
    assert os.stat(f'/proc/{pid}/environ').st_uid == 0
    assert sorted(os.listdir(f'/proc/{pid}/fd'))[:4] == ['0', '1', '2', '3'] if os.geteuid() == 0 else True
    assert link.close() == 0
    assert not clean.eventually(lambda: clean.alive(pid))


def test_cancelled_requests_are_answered_so(link):
    ids = [link.ask('ps') for _ in range(5)]
    link.send('cancel', request=ids[3])
    with pytest.raises(wire.Error) as e:
        link.wait(ids[3])
    assert e.value.name == 'CANCELLED'
    assert link.wait(ids[4])['procs']
