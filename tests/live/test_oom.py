# SPDX-License-Identifier: BSD-2-Clause
"""The OOM killer, in a control group of ours whose memory is used up: it does not begin with those a target depends on,
and the target lives, unpatched. Once each in `make check`, fifty times in `make torture`."""

import contextlib
import os
import re
import subprocess
import sys

import pytest

import clean
import harness
from deaths import GOOD, Tally, times, verdict
from patching import patch, plant, resume
from resuming import end, stop, traced
from tracer import eventually

pytestmark = [pytest.mark.once, pytest.mark.root]
MIB = 1 << 20
ROOM = 8 * MIB    # beyond what is in use
SCORE = -900      # OOMScoreAdjust= of systemd/procsrv.service; conn gives it up
UNKILLABLE = -1000

# Takes memory until one is killed for it; it starts when it gets a line. What is in a file of memory is nobody's: for that
# alone nobody is chosen.
HOG = '''
import mmap, os, sys
def kills():
    with open(sys.argv[1]) as f:
        return next(int(line.split()[1]) for line in f if line.startswith('oom_kill '))
before, room, fd, page = kills(), mmap.mmap(-1, 1 << 30), os.memfd_create('hog'), bytes(4096)
print('ready', flush=True)
sys.stdin.readline()
for at in range(0, len(room), 4096):
    if sys.argv[2] == 'own':
        room[at] = 1
    else:
        os.write(fd, page)
    if at % (1 << 18) == 0 and kills() != before:
        break
'''


class Group:
    """A control group of memory below the one we are in or, where that may have none (version 2), beside it."""

    NAMES = {1: ('memory.limit_in_bytes', 'memory.usage_in_bytes', 'memory.oom_control'),
             2: ('memory.max', 'memory.current', 'memory.events')}

    def __init__(self, parent, version):
        self.path = os.path.join(parent, f'procsrv-test-{os.getpid()}')
        os.mkdir(self.path)
        self.limit_name, self.usage_name, self.events_name = self.NAMES[version]
        self.events = os.path.join(self.path, self.events_name)

    def read(self, name):
        with open(os.path.join(self.path, name)) as f:
            return f.read()

    def write(self, name, text):
        with open(os.path.join(self.path, name), 'w') as f:
            f.write(str(text))

    def kills(self):
        return int(re.search(r'^oom_kill (\d+)$', self.read(self.events_name), re.M)[1])

    def take(self, pid):
        self.write('cgroup.procs', pid)

    def leave_room(self, size):
        """So much beyond what is in use; none on disk."""
        self.write(self.limit_name, int(self.read(self.usage_name)) + size)
        with contextlib.suppress(OSError):
            self.write('memory.swap.max' if self.limit_name == 'memory.max' else 'memory.swappiness', 0)

    def free(self):
        self.write(self.limit_name, -1 if self.limit_name != 'memory.max' else 'max')

    def pids(self):
        return [int(pid) for pid in self.read('cgroup.procs').split()]

    def remove(self):
        assert not clean.eventually(self.pids), 'who is in it does not end'
        left = clean.eventually(lambda: not self.try_remove())
        assert not left, f'{self.path} is left'

    def try_remove(self):
        try:
            os.rmdir(self.path)
            return True
        except OSError:  # the dead are still in it
            return False


def places():
    """Where there might be a group of ours: (directory, version)."""
    with open('/proc/self/cgroup') as f:
        ours = [line.rstrip('\n').split(':', 2) for line in f]
    with open('/proc/self/mounts') as f:
        mounts = [line.split()[1:4] for line in f]
    for where, kind, options in mounts:
        for _, controllers, path in ours:
            here = os.path.join(where, path.lstrip('/'))
            if kind == 'cgroup' and 'memory' in options.split(',') and 'memory' in controllers.split(','):
                yield here, 1
            elif kind == 'cgroup2' and not controllers:
                yield here, 2
                if path != '/':
                    yield os.path.dirname(here), 2


@pytest.fixture
def group():
    """One of ours. A test names it first, so that it goes last: whoever was in it is gone by then."""
    made, why = None, 'no controller of memory here'
    for where, version in places():
        try:
            made = Group(where, version)
            made.kills()
            made.leave_room(64 * MIB)
            made.free()
            break
        except (OSError, TypeError) as e:
            why = f'no control group of memory can be had in {where}: {e}'
            if made:
                made.remove()
            made = None
    if not made:
        pytest.skip(why)
    yield made
    made.remove()


def set_score(pid, score):
    """False: it would need CAP_SYS_RESOURCE."""
    try:
        with open(f'/proc/{pid}/oom_score_adj', 'w') as f:
            f.write(str(score))
        return True
    except PermissionError:
        return False


class Hog:
    def __init__(self, world, group, whose, score):
        self.process = world.start([sys.executable, '-c', HOG, group.events, whose], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, preexec_fn=lambda: group.take(os.getpid()))
        assert self.process.stdout.readline() == b'ready\n'
        set_score(self.process.pid, score)

    def eat(self):
        """Its exit status, when somebody was killed."""
        self.process.stdin.write(b'\n')
        self.process.stdin.flush()
        return self.process.wait(harness.PATIENCE)


def roles(box):
    """{pid: role}, when none is about to be another's."""
    def now():
        return {pid: what.split('procsrv-')[1] for pid, what in box.children().items() if 'procsrv-' in what}
    assert not clean.eventually(lambda: now() != now())
    return now()


@pytest.fixture
def pressed(group, boxes, hosts, debuggee):
    """A box in the group, a process it debugs with something planted: box, host, target's handle, process."""
    def make():
        box, d = boxes(), debuggee('beats', 5000, 4, busy=True, env={'DEBUGGEE_SECONDS': '3600'})
        scored = set_score(box.pid, SCORE)
        group.free()
        group.take(box.pid)
        host = hosts(box)
        target, _ = stop(host, d)
        plant(host, target, patch(d, 1, 'beat'))
        resume(host, target)
        host.event('stopped', target)
        if not scored:  # nobody's can be lowered here: conn's is as far above the others'
            conn, = [pid for pid, role in roles(box).items() if role == 'conn']
            assert set_score(conn, -SCORE)
        return box, host, target, d
    return make


def test_whoever_uses_the_memory_up_is_killed_and_no_one_else(group, world, pressed):
    """The target is there, too."""
    t = Tally('OOM killer, with somebody else to kill')
    for _ in range(times(1, 50)):
        box, host, target, d = pressed()
        group.take(d.pid)
        hog, kills, before = Hog(world, group, 'own', -SCORE), group.kills(), roles(box)
        group.leave_room(ROOM)
        assert hog.eat() == -9 and group.kills() == kills + 1
        assert roles(box) == before
        resume(host, target)
        host.event('stopped', target)
        host.do('detach', target=target)
        t.add(seen := verdict(d))
        assert seen == GOOD
        end(host, box)
        d.kill()
        assert not box.stop()
    print(t)


def test_where_it_must_be_one_of_ours_it_is_none_that_a_target_depends_on(group, world, pressed):
    t = Tally('OOM killer, with ours alone to kill')
    for _ in range(times(1, 50)):
        box, host, target, d = pressed()
        hog, kills, before = Hog(world, group, 'nobodys', UNKILLABLE), group.kills(), roles(box)
        assert {'guard', 'tracer', 'conn', 'monitor'} <= set(before.values()), before
        group.leave_room(ROOM)
        assert hog.eat() == 0 and group.kills() == kills + 1
        gone = eventually(lambda: {role for pid, role in before.items() if not clean.alive(pid)})
        assert gone and not gone & {'guard', 'tracer'}, gone
        group.free()
        # As when the link is lost otherwise: let go, and the session ends with its lease.
        assert not clean.eventually(lambda: traced(d.pid), 10)
        t.add(seen := verdict(d))
        assert seen == GOOD
        assert not clean.eventually(box.sessions, 20)
        d.kill()
        assert not box.stop()
    print(t)
