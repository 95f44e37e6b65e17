# SPDX-License-Identifier: BSD-2-Clause
"""The link is reset in the middle of a frame: it is as if that had never been sent, and the host that comes back can send
it anew. A few places of each frame in `make check`, each byte of it in `make torture`."""

import random
import time

import pytest

import clean
import harness
import test_conn
import wire
from deaths import GOOD, TORTURE, Tally, times
from patching import patch, plant, resume
from resuming import Host, end, state, stop, traced

pytestmark = [pytest.mark.skipif(harness.ROOT and not harness.PREFIX, reason='root needs an installed procsrv'),
              pytest.mark.once]
SIGWINCH = 28  # ignored, but kept for one who is traced
R11 = 48       # of x86-64's NT_PRSTATUS; a system call does not keep it
NOTES = [{'note': wire.NT_PRSTATUS}]


def place(d):
    """Nothing of its own is there."""
    return d.facts['counts'] + 8 * 1000


def memory(d, addr, size):
    with open(f'/proc/{d.pid}/mem', 'rb') as f:
        f.seek(addr)
        return f.read(size)


def written(host, d, target):
    """Its registers, with one changed."""
    r = host.do('regs_read', target=target, notes=NOTES)['regs'][0]
    data = r['data'][:R11] + b'R11 is ' + b'\0' + r['data'][R11 + 8:]
    return dict(regs=[dict(r, data=data)])


CONT = [{'tid': 0, 'action': wire.ENUM['RESUME_CONT'], 'signal': -1}]
# How a request is made, and how the process is before it: '' nobody's, 'stands', 'patched' and standing, 'runs'.
REQUESTS = {
    'ps': ('', lambda host, d, target: dict(limit=1)),
    'maps': ('', lambda host, d, target: dict(pid=d.pid)),
    'file_read': ('', lambda host, d, target: dict(pid=d.pid, path='/etc/passwd', len=64)),
    'snapshot': ('', lambda host, d, target: dict(pid=d.pid, window=4096, total=1 << 20, notes=NOTES)),
    'attach': ('', lambda host, d, target: dict(pid=d.pid, notes=NOTES, loss=wire.ENUM['LOSS_HOLD'])),
    'threads': ('stands', lambda host, d, target: {}),
    'regs_read': ('stands', lambda host, d, target: dict(notes=NOTES)),
    'mem_read': ('stands', lambda host, d, target: dict(ranges=[{'addr': place(d), 'len': 64}])),
    'mem_write': ('stands', lambda host, d, target: dict(writes=[{'addr': place(d), 'data': b'written!' * 2}])),
    'regs_write': ('stands', written),
    'patch_set': ('stands', lambda host, d, target: dict(patches=[patch(d, 1, 'beat', ignore=1 << 62)])),
    'patch_hits': ('patched', lambda host, d, target: {}),
    'patch_clear': ('patched', lambda host, d, target: dict(ids=[{'id': 1}])),
    'go': ('stands', lambda host, d, target: dict(threads=CONT, stop=wire.ENUM['STOPS_ALL'])),
    'resume': ('stands', lambda host, d, target: dict(threads=CONT)),
    'interrupt': ('runs', lambda host, d, target: {}),
    'send_signal': ('stands', lambda host, d, target: dict(signal=SIGWINCH)),
    'detach': ('stands', lambda host, d, target: {}),
    'kill': ('stands', lambda host, d, target: {}),
}
# What there is to be seen of it when it is done; of the others nothing.
DONE = {
    'attach': lambda was, now: now['traced'],
    'mem_write': lambda was, now: now['data'] == b'written!' * 2,
    'regs_write': lambda was, now: now['r11'] == b'R11 is \0' != was['r11'],
    'patch_set': lambda was, now: now['text'] != was['text'],
    'patch_clear': lambda was, now: now['text'] != was['text'],
    'go': lambda was, now: not now['stands'],
    'resume': lambda was, now: not now['stands'],
    'interrupt': lambda was, now: now['stands'],
    'send_signal': lambda was, now: now['pending'] != was['pending'],
    'detach': lambda was, now: not now['traced'],
    'kill': lambda was, now: now is None,
}


def looks(host, d, target, name):
    """How it is, as the kernel says; its registers only who traces it can say. None: it is dead."""
    if not clean.alive(d.pid):
        return None
    found = dict(traced=traced(d.pid), stands=state(d.pid) == 't', data=memory(d, place(d), 16),
                 text=memory(d, d.facts['beat'], 32), pending=clean.status(d.pid)['ShdPnd'])
    if name == 'regs_write':
        found['r11'] = host.do('regs_read', target=target, notes=NOTES)['regs'][0]['data'][R11:R11 + 8]
    return found


def made_ready(host, d, how):
    """The process is as the request wants it: its handle."""
    if not how:
        host.do('ps', limit=1)  # there is a tracer
        return host.next_target
    target, _ = stop(host, d, loss=wire.ENUM['LOSS_HOLD'])
    if how == 'patched':
        plant(host, target, patch(d, 1, 'beat', ignore=1 << 62))
    elif how == 'runs':
        resume(host, target)
        assert not clean.eventually(lambda: state(d.pid) == 't')
    return target


def cuts(size):
    """After how many bytes: about the head's length and both ends, and some more; or all."""
    every, head = range(1, size), wire.HEAD.size
    if TORTURE >= 1:
        return list(every)
    some = random.SystemRandom().sample(every, min(len(every), times(2, size)))
    return sorted({at for at in (1, head - 1, head, head + 1, size - 1) if at < size} | set(some))


def begun(host, data, at):
    """So much of it is sent, and the link reset; conn may have read it by then or not."""
    host.raw(data[:at])
    time.sleep(0.002 * (at % 2))
    Host.cut(host)


def again(hosts, box, host):
    back = hosts(box, before=host)
    assert back.opened['resumed']
    return back


@pytest.mark.parametrize('name', REQUESTS)
def test_a_request_that_is_cut_short_is_not_done_and_can_be_made_anew(leased, hosts, debuggee, name):
    box, d = leased(), debuggee('beats', 3000, busy=True, env={'DEBUGGEE_SECONDS': '3600'})
    host, (how, make) = hosts(box), REQUESTS[name]
    target, tally = made_ready(host, d, how), Tally(f'links reset within {name}')
    request = make(host, d, target)
    was, last = looks(host, d, target, name), host.next_id - 1
    for at in cuts(len(wire.frame(0, wire.encode(name, **request)))):
        data = wire.frame(wire.MSGS[name]['number'], wire.encode(name, **request), id=host.next_id, target=target)
        last = host.next_id - 1
        begun(host, data, at)
        host = again(hosts, box, host)
        assert host.opened['last_reply'] == last, (at, len(data))
        assert looks(host, d, target, name) == was, (at, len(data))
        tally.add(GOOD)
    # Whole, and reset then: done once, whether it had been heard or not.
    id = host.ask(name, target=target, **request)
    Host.cut(host)
    host = again(hosts, box, host)
    if id in host.waiting or id in host.replies:
        host.wait(id)
    d.expect_gone = name == 'kill'
    if name in DONE:
        assert not clean.eventually(lambda: not DONE[name](was, looks(host, d, target, name)))
    print(tally)
    end(host, box)
    assert not box.audit(event='crash') and not box.audit(event='expired')


LINK = {
    'ack': lambda host: dict(last_reply=host.done_to, last_event=host.last_event, credit_bytes=4096),
    'heartbeat': lambda host: dict(stamp=1),
    'cancel': lambda host: dict(request=1),
    'goodbye': lambda host: dict(code=0, text=b'that is all'),
}


@pytest.mark.parametrize('name', LINK)
def test_half_a_word_about_the_link_is_none(leased, hosts, debuggee, name):
    """Half a goodbye, above all: who loses the link comes back."""
    box, d = leased(), debuggee('beats', 3000, busy=True, env={'DEBUGGEE_SECONDS': '3600'})
    host, tally = hosts(box), Tally(f'links reset within {name}')
    target = made_ready(host, d, 'stands')
    was = looks(host, d, target, name)
    for at in cuts(len(wire.frame(0, wire.encode(name, **LINK[name](host))))):
        begun(host, wire.frame(wire.MSGS[name]['number'], wire.encode(name, **LINK[name](host))), at)
        host = again(hosts, box, host)
        assert looks(host, d, target, name) == was, at
        host.do('threads', target=target)
        tally.add(GOOD)
    print(tally)
    end(host, box)
    assert not box.audit(event='crash') and not box.audit(event='expired')


def recorded(link, send):
    """What it would have sent."""
    said = []
    link.raw = said.append
    try:
        send()
    finally:
        del link.raw
    return b''.join(said)


@pytest.mark.parametrize('name', ['hello', 'proof', 'open'])
def test_who_is_cut_short_before_the_session_is_open_has_none(box, hosts, keys, name):
    tally = Tally(f'links reset within {name}')
    for at in cuts(len(wire.frame(0, wire.encode(name)))):
        c = test_conn.Link(box, keys['alice'], start=False)
        for step, send in (('hello', c.greet), ('proof', c.prove), ('open', lambda: c.ask('open'))):
            data = recorded(c, send)
            if step == name:
                break
            c.raw(data)
        assert at < len(data), len(data)
        begun(c, data, at)
        assert not box.quiet() and not box.sessions()
        tally.add(GOOD)
    assert not box.audit(event='crash') and not box.audit(event='open')
    print(tally)
    host = hosts(box)
    host.do('ps', limit=1)
    end(host, box)
