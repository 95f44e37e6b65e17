# SPDX-License-Identifier: BSD-2-Clause
"""Anything at all, and flow control."""

import os
import random as random_module
import struct
import time

import pytest

import clean
import harness
import wire
from tracer import SIGUSR1, bit, tracer_of, rss, stop, peek, eventually, states


# ---- anything at all


# What changes or ends the debuggee as it should, and the one that is asked once.
HARMS = {'mem_write', 'regs_write', 'map_drop', 'siginfo_write', 'send_signal', 'kill', 'abandon', 'open'}


def anything(random, link, pids):
    """A request of some type, its fields made of values that have hurt others."""
    edges = [0, 1, 2, 7, 8, 255, 4095, 4096, 65535, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 63, (1 << 64) - 1]

    def value(word, args, depth=0):
        if word in wire.INTS:
            size = struct.calcsize(wire.INTS[word]) * 8
            v = random.choice([random.choice(edges), random.choice(pids), random.getrandbits(size)]) % (1 << size)
            return v - (1 << size) if word[0] == 'I' and v >> (size - 1) else v
        if word == 'RAW':
            return random.randbytes(int(args[1]))
        if word == 'LIST':
            return [{a[0]: value(w, a, 1) for w, a in wire.RECS[args[1]]} for _ in range(random.randrange(4))]
        most = min(int(args[1]), 300)
        return random.choice([b'', b'/etc/passwd', b'/', b'/proc/self/mem', b'..', random.randbytes(most)])[:most]
    name = random.choice([n for n, m in wire.MSGS.items() if m['kind'] == 'REQ' and n not in HARMS])
    fields = {a[0]: value(w, a) for w, a in wire.MSGS[name]['fields']}
    return link.ask(name, target=random.choice([0, 1, 1, 1, 2, 99]), **fields)


@pytest.mark.parametrize('seed', range(4))
def test_whatever_is_asked_is_answered(links, debuggee, seed):
    random = random_module.Random(seed)
    link = links()
    d = debuggee('signals')
    pids = [d.pid, link.child.pid, tracer_of(link), 1]
    for round in range(60):
        if round % 10 == 0:
            link.ask('attach', target=1, pid=d.pid, how=random.randrange(3))
        waiting = [anything(random, link, pids) for _ in range(20)]
        for id in waiting:
            try:
                link.wait(id)
            except wire.Error as e:
                assert e.name not in ('INTERNAL', 'NOMEM', 'PROTOCOL')
        link.events.clear()
        link.replies.clear()
    assert link.close() == 0
    assert not clean.eventually(d.faults)


# ---- flow


def test_nothing_is_sent_beyond_the_hosts_credit(links, debuggee):
    d = debuggee('memory', 2)
    link = links(credit=100000)
    link.auto_ack = False
    target, _ = stop(link, d)
    id = link.ask('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 1 << 20}])
    link.settle(0.3)
    assert id not in link.replies and link.owed <= 100000 + 65536 + 28
    link.send('heartbeat', stamp=1)
    while link.take() != 'heartbeat_ack':
        pass
    link.send('ack', credit_bytes=4 << 20)
    assert sum(c['len'] for c in link.wait(id)['chunks']) == 1 << 20


def test_a_waiting_reply_can_be_cancelled(links, debuggee):
    d = debuggee('memory', 2)
    link = links(credit=100000)
    link.auto_ack = False
    target, _ = stop(link, d)
    ids = [link.ask('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 1 << 20}]) for _ in range(8)]
    for id in ids:
        link.send('cancel', request=id)
    link.send('cancel', request=999999)
    link.send('ack', credit_bytes=1 << 20)
    for id in ids:
        with pytest.raises(wire.Error) as e:
            link.wait(id)
        assert e.value.name == 'CANCELLED'


def test_a_flood_of_requests_is_held_within_bounds(links, debuggee):
    d = debuggee('memory', 2)
    link = links(credit=1)
    link.auto_ack = False
    target = 1
    link.ask('attach', target=target, pid=d.pid)
    ids = [link.ask('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 1 << 20}]) for _ in range(60)]
    link.settle(0.3)
    assert rss(tracer_of(link)) < 20 << 10
    link.auto_ack = True
    link.send('ack', credit_bytes=4 << 20)
    for id in ids:
        assert sum(c['len'] for c in link.wait(id)['chunks']) == 1 << 20


def test_more_requests_than_there_is_credit_for_end_the_link(links, debuggee):
    d = debuggee('memory', 2)
    link = links(credit=1)
    with pytest.raises((wire.Closed, BrokenPipeError)):
        for _ in range(70):
            link.ask('ps')
        while True:
            link.take()
    if link.goodbye:
        assert wire.ERRORS[link.goodbye['code']] == 'PROTOCOL'


def test_long_replies_take_turns(links, debuggee):
    d = debuggee('memory', 2)
    link = links(credit=1)
    link.auto_ack = False
    target = 1
    link.ask('attach', target=target, pid=d.pid, how=wire.ENUM['ATTACH_LOOK'])
    first = link.ask('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 1 << 20}])
    second = link.ask('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 8}])
    link.send('ack', credit_bytes=4 << 20)
    while second not in link.replies:
        link.take()
    assert first not in link.replies, 'a short reply waited for a long one'
    link.wait(first)


@pytest.fixture
def crowd(world):
    """More processes than a list of them looks at in one go."""
    for _ in range(70):
        world.start(['sleep', '60'])


def request(link, name, **fields):
    """A request's id, and its frame to be sent together with others."""
    link.next_id += 1
    return link.next_id - 1, wire.frame(wire.MSGS[name]['number'], wire.encode(name, **fields), id=link.next_id - 1)


def test_a_search_through_all_processes_delays_no_heartbeat(links, crowd):
    link = links()
    search, frames = request(link, 'ps', pattern='no process is called like this one')
    other, frame = request(link, 'facts', pid=os.getpid())
    beat = wire.frame(wire.MSGS['heartbeat']['number'], wire.encode('heartbeat', stamp=1))
    link.raw(frames + beat + frame)
    while link.take() != 'heartbeat_ack':
        pass
    assert search not in link.replies
    assert not link.wait(search)['procs'] and link.wait(other)['procs']


def test_a_search_through_all_processes_can_be_cancelled(links, crowd):
    link = links()
    search, frame = request(link, 'ps', pattern='no process is called like this one')
    link.raw(frame + wire.frame(wire.MSGS['cancel']['number'], wire.encode('cancel', request=search)))
    with pytest.raises(wire.Error) as e:
        link.wait(search)
    assert e.value.name == 'CANCELLED'


def test_a_list_of_many_processes_is_whole(link, world, crowd):
    here = {p.pid for p in world.others}
    assert here <= {p['pid'] for p in link.do('ps')['procs']}
    r = link.do('ps', pattern='sleep', limit=50)
    assert len(r['procs']) == 50 and r['more'] >= 20


def test_an_interrupt_passes_by_reads_that_wait(links, debuggee):
    d = debuggee('memory', 2)
    link = links(credit=300000)
    link.auto_ack = False
    target, _ = link.attach(d.pid, how='RUN')
    for _ in range(20):
        link.ask('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 1 << 20}])
    link.ask('interrupt', target=target)
    assert eventually(lambda: set(states(d.pid).values()) == {'t'})


def test_events_are_lost_rather_than_hoarded(links, debuggee):
    d = debuggee('signals')
    link = links(credit=1)
    link.auto_ack = False
    link.ask('attach', target=1, pid=d.pid, how=wire.ENUM['ATTACH_RUN'])
    link.ask('signals', target=1, report=bit(SIGUSR1))
    tracer = tracer_of(link)
    assert eventually(lambda: clean.status(d.pid)['TracerPid'] != '0')
    before = rss(tracer)
    for _ in range(12000):
        os.kill(d.pid, SIGUSR1)
    look = links()
    target, _ = look.attach(d.pid, how='LOOK')
    assert eventually(lambda: peek(look, target, d.facts['counts']) > 0)
    time.sleep(0.5)
    assert rss(tracer) - before < 8 << 10
    link.auto_ack = True
    link.send('ack', credit_bytes=4 << 20)
    link.settle(0.5)
    numbers = [e[3] for e in link.events]
    assert numbers == sorted(set(numbers))


def test_nothing_is_left_after_many_sessions(links, debuggee):
    d = debuggee('sleepers', 10)
    link = links()
    tracer = tracer_of(link)
    for i in range(60):
        target, _ = stop(link, d)
        link.do('maps', target=target)
        link.do('file_read', target=target, path='/etc/passwd', len=100)
        link.do('snapshot', pid=d.pid, window=1024, total=1 << 20)
        link.do('detach', target=target)
        if i == 20:
            before = rss(tracer)
            fds = len(os.listdir(f'/proc/{tracer}/fd')) if harness.ROOT else 0
    assert rss(tracer) - before < 256
    assert not harness.ROOT or len(os.listdir(f'/proc/{tracer}/fd')) == fds
    assert not d.faults()
