# SPDX-License-Identifier: BSD-2-Clause
"""Memory that a target gets for its debugger."""

import re

import pytest

import clean
import wire
from tracer import eventually, go, peek, refused, stop

ARCHES = ['', pytest.param('-i386', marks=pytest.mark.i386)]


def mapping(pid, addr):
    """(size, permissions) of the mapping that begins there."""
    with open(f'/proc/{pid}/maps') as f:
        for line in f:
            lo, hi, prot = re.match(r'([0-9a-f]+)-([0-9a-f]+) (\S+)', line).groups()
            if int(lo, 16) <= addr < int(hi, 16):
                return int(hi, 16) - addr, prot
    return None


def general(link, target, tid):
    return link.do('regs_read', target=target, tids=[{'tid': tid}], notes=[{'note': wire.NT_PRSTATUS}])['regs'][0]


@pytest.mark.parametrize('arch', ARCHES)
def test_memory_comes_and_goes_and_the_thread_knows_nothing_of_it(link, debuggee, arch):
    d = debuggee('changes' + arch, busy=True)
    target, _ = stop(link, d)
    before = general(link, target, d.pid)
    addr = link.do('map_new', target=target, size=8192, prot=3)['addr']
    code = link.do('map_new', target=target, tid=d.pid, size=4096, prot=5)['addr']
    assert mapping(d.pid, addr)[0] >= 8192 and mapping(d.pid, addr)[1] == 'rw-p'
    assert mapping(d.pid, code)[1] == 'r-xp'
    link.do('mem_write', target=target, writes=[{'addr': addr + 8000, 'data': b'for us'}])
    chunk = link.do('mem_read', target=target, ranges=[{'addr': addr + 8000, 'len': 8}])['chunks'][0]
    assert chunk['data'] == b'for us\0\0'
    assert general(link, target, d.pid) == before
    link.do('map_drop', target=target, addr=addr, size=8192)
    assert mapping(d.pid, addr) is None and mapping(d.pid, code)
    link.do('map_drop', target=target, addr=code, size=4096)
    go(link, target)
    words = d.facts['words']
    link.do('mem_write', target=target, writes=[{'addr': words, 'data': b'\1'}])
    assert peek(link, target, words) & 0xff == 1 and clean.alive(d.pid)


def test_a_thread_in_a_system_call_goes_on_sleeping(link, debuggee):
    d = debuggee('deep')
    target, _ = stop(link, d)
    before = general(link, target, d.pid)
    addr = link.do('map_new', target=target, size=4096, prot=3)['addr']
    link.do('map_drop', target=target, addr=addr, size=4096)
    assert general(link, target, d.pid) == before
    link.do('detach', target=target)
    assert eventually(lambda: open(f'/proc/{d.pid}/stat').read().split()[2] == 'S')


def test_what_cannot_be_is_refused(link, debuggee):
    d = debuggee('changes', busy=True)
    target, _ = link.attach(d.pid, how='RUN')
    refused('RUNNING', link, 'map_new', target=target, size=4096, prot=3)
    for size, prot in ((0, 3), (4095, 3), (1 << 40, 3), (4096, 8)):
        refused('MALFORMED', link, 'map_new', target=target, size=size, prot=prot)
    refused('MALFORMED', link, 'map_drop', target=target, addr=1, size=4096)


def test_a_program_with_a_filter_of_system_calls_is_left_alone(link, debuggee):
    d = debuggee('patched', 1, 1, env={'PATCHED_FILTER': '1'})
    target, _ = stop(link, d)
    refused('FILTERED', link, 'map_new', target=target, size=4096, prot=3)
    link.do('detach', target=target)
    assert clean.alive(d.pid)


def test_it_takes_the_right_to_write(sessions, debuggee):
    d = debuggee('changes', busy=True)
    s = sessions('LOOK', 'STOP')
    target, _ = s.link.attach(d.pid)
    refused('RIGHT', s.link, 'map_new', target=target, size=4096, prot=3)
    refused('RIGHT', s.link, 'map_drop', target=target, addr=4096, size=4096)
    s.link.do('detach', target=target)
