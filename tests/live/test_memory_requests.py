# SPDX-License-Identifier: BSD-2-Clause
"""Reading memory through the tracer."""

import struct

import pytest

import wire
from tracer import SP, PC, word, tracer_of, rss, stop, peek


def test_a_scattered_read_with_holes(link, debuggee):
    d = debuggee('memory')
    target, _ = stop(link, d)
    page, hole = d.facts['page'], d.facts['hole']
    ranges = [(d.facts['noise'] + 3, 100), (hole, 3 * page), (d.facts['forbidden'], 16), (0, 8), (hole + 2 * page, 8),
              ((1 << 64) - 8, 8), (1 << 63, 8)]
    chunks = link.do('mem_read', target=target, ranges=[{'addr': a, 'len': n} for a, n in ranges])['chunks']
    said = [(c['addr'], c['len'], c['kind']) for c in chunks]
    B, U = wire.ENUM['BYTES'], wire.ENUM['UNREADABLE']
    assert said == [(ranges[0][0], 100, B), (hole, page, B), (hole + page, 2 * page, U), (ranges[2][0], 16, U),
                    (0, 8, U), (hole + 2 * page, 8, B), (ranges[5][0], 8, U), (1 << 63, 8, U)]
    assert chunks[1]['data'] == b'h' * page
    assert {c['os_errno'] for c in chunks if c['kind'] == U} == {14}


def test_zero_pages_are_not_sent(link, debuggee):
    d = debuggee('memory')
    target, _ = stop(link, d)
    r = link.do('mem_read', target=target, ranges=[{'addr': d.facts['zeros'], 'len': 65536}])['chunks']
    assert [(c['kind'], c['len']) for c in r] == [(wire.ENUM['ZEROS'], 65536)]


@pytest.mark.parametrize('how', ['STOP', 'RUN', 'LOOK'])
def test_a_mebibyte_is_what_it_is(link, debuggee, how):
    d = debuggee('memory')
    target, _ = link.attach(d.pid, how=how)
    r = link.do('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 1 << 20}])['chunks']
    got = b''.join(c['data'] for c in r)
    with open(f'/proc/{d.pid}/mem', 'rb') as f:
        f.seek(d.facts['noise'])
        assert got == f.read(1 << 20)
    at = d.facts['noise']
    for c in r:
        assert c['addr'] == at
        at += c['len']


def test_many_ranges_in_one_request(link, debuggee):
    d = debuggee('memory')
    target, _ = stop(link, d)
    ranges = [{'addr': d.facts['noise'] + 64 * i if i % 3 else 16 * i, 'len': 8} for i in range(3000)]
    r = link.do('mem_read', target=target, ranges=ranges)['chunks']
    assert [(c['addr'], c['len']) for c in r] == [(x['addr'], 8) for x in ranges]
    assert [c['kind'] == wire.ENUM['BYTES'] for c in r] == [i % 3 != 0 for i in range(3000)]


LENGTHS = [0, 1 << 20, (1 << 20) + 1, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, (1 << 32) - 1, 1 << 63, (1 << 64) - 1]


def test_no_length_makes_the_tracer_grow(link, debuggee):
    d = debuggee('memory', 2)
    target, _ = stop(link, d)
    noise = d.facts['noise']
    link.do('mem_read', target=target, ranges=[{'addr': noise, 'len': 1 << 20}])
    tracer = tracer_of(link)
    before = rss(tracer)

    def ask(name, **fields):
        try:
            link.do(name, **fields)
        except wire.Error as e:
            return e.name
        return 'OK'

    for n in LENGTHS:
        small = n & 0xffffffff
        said = ask('mem_read', target=target, ranges=[{'addr': noise, 'len': n}])
        assert said == ('OK' if n <= 1 << 20 else 'TOO_BIG')
        assert ask('mem_read', target=target, ranges=[{'addr': noise, 'len': 16}, {'addr': noise, 'len': n}]) == \
            ('OK' if n <= (1 << 20) - 16 else 'TOO_BIG')
        ask('mem_read', target=target, ranges=[{'addr': n, 'len': 16}])
        ask('mem_walk', target=target, head=n, size=16, limit=small)
        assert ask('mem_walk', target=target, head=noise, size=small, limit=1) == \
            ('OK' if 8 <= small <= 1024 else 'MALFORMED')
        assert ask('mem_walk', target=target, head=noise, next_off=small, size=8, limit=1) == \
            ('MALFORMED' if small else 'OK')
        said = ask('file_read', target=target, path='/proc/version', len=n)
        assert said == ('NOT_FILE' if n <= 1 << 20 else 'TOO_BIG')
        ask('file_read', target=target, path='/etc/passwd', offset=n, len=100)
        ask('ps', limit=small)
        ask('snapshot', target=target, window=small, total=0)
        ask('snapshot', target=target, window=16, total=n)
        ask('attach', target=77, pid=small)
        ask('attach', target=77, pid=d.pid, start=n or 1)
        ask('facts', pid=small)
        ask('preorder', target=target, recipes=[{'base': 2, 'len': small, 'offset': -1}])
        ask('preorder', target=target)
        ask('signals', target=target, stop=0, report=n)
    assert rss(tracer) - before < 2048, 'it grew'


def test_no_frame_length_makes_the_tracer_grow(links):
    for length in LENGTHS[:7]:
        link = links()
        before = rss(tracer_of(link))
        link.raw(wire.HEAD.pack(length & 0xffffffff, wire.MSGS['mem_read']['number'], 0, 1, 0, 0, 100) + b'x' * 4096)
        try:
            for _ in range(20):
                link.take(0.02)
            assert rss(tracer_of(link)) - before < 2048
        except wire.Closed:
            pass


def test_linked_lists_are_followed(link, debuggee):
    d = debuggee('sleepers')
    target, _ = stop(link, d)
    # The dynamic linker's list, found by auxv and the program's own headers.
    aux = link.do('auxv', target=target)['data']
    auxv = dict(struct.iter_unpack('<QQ', aux))
    phdr, phnum = auxv[3], auxv[5]
    heads = b''.join(c['data'] for c in link.do(
        'mem_read', target=target, ranges=[{'addr': phdr, 'len': 56 * phnum}])['chunks'])
    ph = {struct.unpack_from('<I', heads, 56 * i)[0]: struct.unpack_from('<6Q', heads, 56 * i + 8)
          for i in range(phnum)}
    bias = phdr - ph[6][1]
    dyn = ph[2]
    table = b''.join(c['data'] for c in link.do(
        'mem_read', target=target, ranges=[{'addr': bias + dyn[1], 'len': dyn[4]}])['chunks'])
    debug = dict(struct.iter_unpack('<QQ', table))[21]
    head = peek(link, target, debug + 8)
    r = link.do('mem_walk', target=target, head=head, next_off=24, size=40, limit=100)
    assert wire.ERRORS[r['err']] == 'OK' and 3 <= len(r['nodes']) <= 10
    assert [word(n['data'], 24) for n in r['nodes']][:-1] == [n['addr'] for n in r['nodes']][1:]
    r = link.do('mem_walk', target=target, head=head, next_off=24, size=40, limit=2)
    assert wire.ERRORS[r['err']] == 'LIMIT' and len(r['nodes']) == 2 and r['addr'] == word(r['nodes'][1]['data'], 24)
    r = link.do('mem_walk', target=target, head=12345, next_off=0, size=8, limit=2)
    assert wire.ERRORS[r['err']] == 'FAULT' and r['addr'] == 12345 and not r['nodes']


def test_ordered_memory_comes_with_the_stop(link, debuggee):
    d = debuggee('sleepers', 6)
    recipes = [{'scope': wire.ENUM['SCOPE_ALL'], 'base': wire.ENUM['BASE_SP'], 'offset': -128, 'len': 4096},
               {'scope': wire.ENUM['SCOPE_CAUSE'], 'base': wire.ENUM['BASE_PC'], 'offset': -16, 'len': 64},
               {'scope': wire.ENUM['SCOPE_ALL'], 'base': wire.ENUM['BASE_ZERO'], 'offset': 4096, 'len': 4096}]
    target, bundle = stop(link, d, recipes=recipes)

    def brought(addr, n):
        return any(c['addr'] <= addr and addr + n <= c['addr'] + c['len'] for c in bundle['chunks'])
    for g in bundle['regs']:
        sp, pc = word(g['data'], SP), word(g['data'], PC)
        assert brought(sp - 128, 512)
        assert brought(pc - 16, 64)  # all sleep at the same place
    ends = sorted((c['addr'], c['addr'] + c['len']) for c in bundle['chunks'])
    assert all(a[1] <= b[0] for a, b in zip(ends, ends[1:])), 'memory came twice'
    assert not brought(4096, 1)
