# SPDX-License-Identifier: BSD-2-Clause
"""Patches for the tests: what objdump says of instructions, and conditions written by hand."""

import functools
import os
import re
import signal
import struct
import subprocess
import weakref

import wire
from tracer import PC, SP, eventually, peek, word

E = wire.ENUM
RSI, ESP = 4, 4  # numbers GDB gives registers of x86-64 and of i386
I386 = 0x40000003
JUMPS = re.compile(r'^(bnd )?(j\w+|loop\w*)\s+[0-9a-f]+\b')


@functools.lru_cache(None)
def code(path, start=0, size=0):
    """{offset in the file's own addresses: (bytes, text)}, of all of it or a part."""
    part = [f'--start-address={start}', f'--stop-address={start + size}'] if size else []
    text = subprocess.run(['objdump', '-d', '--insn-width=16', *part, path], check=True, capture_output=True,
                          text=True).stdout
    found = {}
    for line in text.splitlines():
        m = re.match(r'^\s*([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*\t(.*)$', line)
        if m:
            found[int(m[1], 16)] = (bytes.fromhex(m[2]), m[3].strip())
    return found


def width(d):
    """Bytes of its addresses."""
    return 4 if d.argv[0].endswith('-i386') else 8


@functools.lru_cache(None)
def symbols(path):
    text = subprocess.run(['nm', path], check=True, capture_output=True, text=True).stdout
    return {f[2]: int(f[0], 16) for line in text.splitlines() if len(f := line.split()) == 3}


def describe(data, text):
    """Class and displacement of an instruction, as a host would send them."""
    if JUMPS.match(text) and '*' not in text:
        return dict(insn=E['INSN_JUMP'])
    if text.startswith(('call', 'notrack call', 'bnd call')):
        return dict(insn=E['INSN_CALL'])
    if text.startswith(('syscall', 'int', 'hlt', 'ud2', 'iret', 'sysenter')):
        return dict(insn=E['INSN_OTHER'])
    if m := re.search(r'(-?0x[0-9a-f]+)\(%rip\)', text):
        fix = data.index(struct.pack('<i', int(m[1], 16)))
        return dict(insn=E['INSN_RELATIVE'], fix=fix)
    if text.startswith(('ret', 'jmp', 'bnd jmp', 'notrack jmp')):
        return dict(insn=E['INSN_LEAVES'])
    return dict(insn=E['INSN_PLAIN'])


def facts(d, name):
    """insn, fix and bytes of the instruction at one of the debuggee's places."""
    known = symbols(d.argv[0])
    data, text = code(d.argv[0])[known.get('at_' + name) or known[name]]
    return dict(describe(data, text), bytes=data)


def patch(d, id, name, told=True, kind='SOFT', **fields):
    return dict({'id': id, 'kind': E['PATCH_' + kind], 'addr': d.facts[name]}, **(facts(d, name) if told else {}),
                **fields)


def plant(link, target, *patches):
    """All of them, none refused."""
    r = link.do('patch_set', target=target, patches=list(patches))['results']
    assert [(x['id'], wire.ERRORS[x['err']]) for x in r] == [(p['id'], 'OK') for p in patches]


def refusal(link, target, patch):
    r, = link.do('patch_set', target=target, patches=[patch])['results']
    assert r['id'] == patch['id']
    return wire.ERRORS[r['err']], r['other']


def hits(link, target):
    return {s['id']: s['hits'] for s in link.do('patch_hits', target=target)['states']}


def resume(link, target, tid=0, action='CONT', signal=-1, lo=0, hi=0, stop='ALL'):
    link.do('go', target=target, stop=E['STOPS_' + stop],
            threads=[{'tid': tid, 'action': E['RESUME_' + action], 'signal': signal, 'lo': lo, 'hi': hi}])


def work(d):
    """Have each thread do its calls."""
    os.kill(d.pid, signal.SIGUSR1)


def worked(link, target, d, rounds=1, threads=1, seconds=60):
    """All have done so many rounds."""
    return eventually(lambda: peek(link, target, d.facts['done']) == rounds * threads, seconds)


def tallies(link, target, d, threads=1):
    """(calls, sum, wrong) of each thread."""
    data = b''.join(c['data'] if c['kind'] == E['BYTES'] else bytes(c['len']) for c in link.do(
        'mem_read', target=target, ranges=[{'addr': d.facts['tallies'], 'len': 64 * threads}])['chunks'])
    return [struct.unpack_from('<QQQ', data, 64 * i) for i in range(threads)]


def expected(calls):
    return calls, sum(3 * n + 1 + 22 + (0 if n % 2 else 100) + 4 * 5 + 3 for n in range(calls)), 0


def pc(bundle, tid=None):
    """Of a thread in a stop."""
    tid = tid or bundle['stops'][0]['tid']
    r, = [r for r in bundle['regs'] if r['tid'] == tid and r['note'] == wire.NT_PRSTATUS]
    return struct.unpack_from('<I', r['data'], 48)[0] if r['arch'] == I386 else word(r['data'], PC)


def sp(bundle, tid=None):
    tid = tid or bundle['stops'][0]['tid']
    r, = [r for r in bundle['regs'] if r['tid'] == tid and r['note'] == wire.NT_PRSTATUS]
    return struct.unpack_from('<I', r['data'], 60)[0] if r['arch'] == I386 else word(r['data'], SP)


def reasons(bundle):
    return {s['tid']: s['reason'] for s in bundle['stops']}


slow = weakref.WeakKeyDictionary()  # threads that were missing in a link's last stop


def stopped(link, target, reason='PATCH'):
    """The next stop, whose causes are all of that reason: bundle and causes."""
    bundle = link.event('stopped', target)
    # Threads the stop before did not wait for have one of their own, before anything goes on.
    while set(reasons(bundle).values()) == {E['STOP_REQUEST']} and reasons(bundle).keys() <= slow.get(link, set()):
        bundle = link.event('stopped', target)
    slow[link] = {t['tid'] for t in bundle['missing']}
    assert set(reasons(bundle).values()) == {E['STOP_' + reason]}, bundle['stops']
    if reason != 'PATCH':
        return bundle
    causes = link.event('causes', target)
    assert causes['generation'] == bundle['generation']
    return bundle, causes['causes']


# ---- conditions: GDB manual, appendix F

def reg(n):
    return struct.pack('>BH', 0x26, n)


def const(n):
    return struct.pack('>BQ', 0x25, n)


def equal(a, b):
    return a + b + b'\x13\x27'


def divides(n, value):
    """value % n == 0"""
    return value + const(n) + b'\x08\x0e\x27'


NEVER = const(0) + b'\x27'
ALWAYS = const(1) + b'\x27'
BY_ZERO = const(1) + const(0) + b'\x06\x27'
FOR_EVER = b'\x21\x00\x00\x27'


def call_number(d):
    """Second argument of the debuggee's work, where it begins."""
    return reg(RSI) if width(d) == 8 else reg(ESP) + const(8) + b'\x02\x19'


def read_at(addr):
    return const(addr) + b'\x1a\x27'
