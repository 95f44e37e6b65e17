# SPDX-License-Identifier: BSD-2-Clause
"""Live tests: real programs on loopback.

BUILD says which build (default: build). As root, PROCSRV_PREFIX says where "make install" put the
programs (tests/stage.sh does it); several users then come from a private /etc/passwd, never from useradd.
"""

import ctypes
import os
import subprocess

import pytest

import harness
import tracer
import wire
from terminal import Terminal

PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x20000
libc = ctypes.CDLL(None, use_errno=True)

USERS = {'alice': 30001, 'bob': 30002, 'procsrv-conn': 30003}


def add(path, lines):
    with open(path) as f:
        kept = [line for line in f if line.split(':')[0] not in USERS]
    with open(path, 'w') as f:
        f.write(''.join(kept + [line + '\n' for line in lines]))


def mount(*args):
    subprocess.run(['mount', *args], check=True)


def private_users():
    """Users for this process and its children only: a copy of all of /etc, because a mount on /etc/passwd alone
    falls off when somebody outside renames a new one into its place. tmpfs, so that nothing stays."""
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), 'unshare')
    mount('--make-rprivate', '/')
    mount('-t', 'tmpfs', '-o', 'mode=0755', 'users', '/mnt')
    subprocess.run(['cp', '-a', '/etc', '/mnt'], check=True)
    add('/mnt/etc/passwd', [f'{u}:x:{n}:{n}::/nonexistent:/bin/sh' for u, n in USERS.items()])
    add('/mnt/etc/group', [f'{u}:x:{n}:' for u, n in USERS.items()])
    mount('--bind', '/mnt/etc', '/etc')
    # Sessions of an installed procsrv, and ours, must not meet; nor those of two workers.
    os.makedirs('/run/procsrv', exist_ok=True)
    mount('-t', 'tmpfs', '-o', 'mode=0755', 'procsrv', '/run/procsrv')


def pytest_configure(config):
    config.addinivalue_line('markers', 'root: needs root, for it takes several users')
    config.addinivalue_line('markers', 'i386: needs debuggees for i386')
    config.addinivalue_line('markers', 'once: takes its time for what other lanes of make check would not add to')
    # The controller of pytest-xdist runs no tests.
    if hasattr(config, 'workerinput') or not config.getoption('numprocesses', None):
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        if harness.ROOT:
            private_users()


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker('root') and not (harness.ROOT and harness.PREFIX):
            item.add_marker(pytest.mark.skip(reason='needs root and an installed procsrv'))
        if item.get_closest_marker('i386') and not harness.I386:
            item.add_marker(pytest.mark.skip(reason='needs compilers for i386 (tests/debuggees/i386.mk)'))


@pytest.fixture(scope='session')
def keys(tmp_path_factory):
    directory = str(tmp_path_factory.mktemp('keys'))
    return {name: harness.Key(directory, name) for name in ('box', 'alice', 'bob', 'stranger')}


@pytest.fixture
def world(keys):
    """Everything a test starts; after the test nothing of it may be left."""
    w = harness.World(keys, '/tmp')
    yield w
    faults = w.close()
    assert not faults, '\n'.join(faults)


@pytest.fixture
def debuggee(world):
    """debuggee(NAME, ARGS…): one of tests/debuggees, ready."""
    return world.debuggee


@pytest.fixture
def box(world):
    """A procsrv with alice's key in its map."""
    return world.box()


@pytest.fixture
def boxes(world):
    """boxes(rows=…, options=…): more of them, or special ones."""
    return world.box


@pytest.fixture
def leased(boxes, keys):
    """leased(WORDS): a box whose row for alice has these words."""
    return lambda words='': boxes(
        rows=[f'{keys["alice"].fingerprint} user={harness.ALICE} {words} # alice@test'])


@pytest.fixture
def hosts(keys):
    """hosts(BOX, …): a host that may come back, with alice's key; gone with the test."""
    from resuming import Host
    made = []

    def make(box, key='alice', **how):
        made.append(Host(box, keys[key], **how))
        return made[-1]
    yield make
    for h in made:
        h.close()


@pytest.fixture
def hdb(world):
    """hdb(ARGS…, box=BOX): run to its end."""
    return world.hdb


@pytest.fixture
def terminal(world):
    """terminal(ARGS…): hdb with a person in front of it."""
    made = []

    def make(*args, box=None, **how):
        where = world.premote(box) if box else []
        made.append(Terminal([harness.program('hdb'), *where, *args], env=world.env, timeout=harness.PATIENCE, **how))
        return made[-1]
    yield make
    for t in made:
        t.kill()


@pytest.fixture
def proxy(world):
    return world.proxy


@pytest.fixture
def links(world):
    """links(…): a guard and tracer of their own, ended before the world is looked at."""
    made = []

    def make(user=harness.ALICE, **how):
        made.append(wire.Link([tracer.guard(), '-stdio'], timeout=harness.PATIENCE, cwd='/',
                              **tracer.as_user(user), **how))
        return made[-1]
    yield make
    status = [link.close() for link in made if link.child.poll() is None]
    assert not any(status), f'a guard ended with {status}'


@pytest.fixture
def link(links):
    """One of them, with every right."""
    return links()


@pytest.fixture
def sessions(world):
    """sessions(RIGHT…): a tracer with these rights only, as a monitor's guard starts it."""
    made = []

    def make(*rights, **how):
        made.append(tracer.Session(*rights, **how))
        return made[-1]
    yield make
    assert not any([s.end() for s in made])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What the programs said, beside a failure."""
    report = (yield).get_result()
    w = item.funcargs.get('world') if hasattr(item, 'funcargs') else None
    if report.failed and call.when == 'call' and w:
        for r in w.said[-3:]:
            report.sections.append(('program', repr(r)[-6000:]))
        for b in w.boxes:
            if not b.log.closed:
                report.sections.append(('procsrv', b.text()[-6000:]))
