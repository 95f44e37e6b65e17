# SPDX-License-Identifier: BSD-2-Clause
"""Programs for i386 under the agent of x86-64 as hdb shows them, beside gdb. (Backtraces, patches, steps and events
of theirs are among the tests of these.)"""

import os
import re
import signal
import struct

import pytest

import harness
import wire
from tracer import eventually, go, stop

pytestmark = pytest.mark.i386

ARCH = 0x40000003
GENERAL = 'ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss'.split()


def gdb(world, pid, *commands):
    r = world.run(['gdb', '-nx', '-batch', '-ex', 'set debuginfod enabled off', '-p', str(pid),
                   *[w for c in commands for w in ('-ex', c)]])
    assert r.status == 0, r
    return r.out


def hdb_does(hdb, box, pid, *commands):
    r = hdb('-p', pid, '-batch', *[w for c in commands for w in ('-ex', c)], box=box)
    assert r.status == 0, r
    return r.out


def registers(text):
    """{name: what stands in the second column}"""
    return {m[1]: m[2] for m in re.finditer(r'^(\w+) +(0x[0-9a-f]+) .*$', text, re.M)}


def general(data):
    return dict(zip(GENERAL, struct.unpack('<17I', data)))


def test_registers_have_gdbs_names_and_values(world, hdb, box, debuggee):
    d = debuggee('sleepers-i386', 1, 3)
    theirs = gdb(world, d.pid, 'info registers', 'printf "----\\n"', 'info float', 'info registers mxcsr fctrl fop')
    ours = hdb_does(hdb, box, d.pid, 'info registers', 'info registers mxcsr fctrl fop')
    want = registers(theirs)
    assert list(want)[:16] == 'eax ecx edx ebx esp ebp esi edi eip eflags cs ss ds es fs gs'.split()
    assert registers(ours) == want
    assert re.findall(r'^eflags.*$', ours, re.M) == re.findall(r'^eflags.*$', theirs, re.M)


def test_the_vector_registers_of_a_32_bit_program_are_eight(hdb, box, debuggee):
    d = debuggee('sleepers-i386', 1, 3)
    names = re.findall(r'^(\w+) +0x', hdb_does(hdb, box, d.pid, 'info registers all'), re.M)
    assert [n for n in names if n.startswith('xmm')] == [f'xmm{i}' for i in range(8)]
    assert [n for n in names if n.startswith('st')] == [f'st{i}' for i in range(8)]
    assert 'orig_eax' in names and not [n for n in names if n.startswith('r')]


def test_registers_of_a_frame_further_out_are_gdbs(world, hdb, box, debuggee):
    d = debuggee('sleepers-O2-i386', 1, 4)
    theirs = registers(gdb(world, d.pid, 'frame 4', 'info registers'))
    ours = registers(hdb_does(hdb, box, d.pid, 'frame 4', 'info registers'))
    assert set(ours) >= {'eip', 'esp', 'ebp', 'ebx', 'esi', 'edi'}
    assert ours == {n: theirs[n] for n in ours}


def test_registers_have_their_usual_names_in_addresses(world, hdb, box, debuggee):
    d = debuggee('sleepers-i386', 1, 3)
    commands = ['x/4xw $sp', 'x/2xw $ebp', 'x/4xb $pc', 'x/5a $sp']
    theirs, ours = gdb(world, d.pid, *commands), hdb_does(hdb, box, d.pid, *commands)

    def values(text):
        return [re.findall(r'0x[0-9a-f]+', line.split(':', 1)[1])
                for line in text.splitlines() if re.match(r'0x[0-9a-f]+[^:]*:\t', line)]
    assert values(ours) == values(theirs) and len(values(ours)) == 5


def test_addresses_are_shown_with_eight_digits(hdb, box, debuggee):
    d = debuggee('sleepers-i386', 2, 3)
    out = hdb_does(hdb, box, d.pid, 'bt', 'info sharedlibrary', 'info threads')
    addresses = re.findall(r'0x[0-9a-f]+', out)
    assert len(addresses) > 12 and {len(a) for a in addresses} == {10}


def test_libraries_come_in_the_order_of_the_dynamic_linker(hdb, box, debuggee):
    d = debuggee('dlopened-i386', os.path.join(harness.DEBUGGEES, 'libplugin-i386.so'))
    out = hdb_does(hdb, box, d.pid, 'info sharedlibrary')
    names = [os.path.basename(line.split()[-1]) for line in out.splitlines() if line.startswith('0x')]
    assert set(names) == {'dlopened-i386', 'libplugin-i386.so', 'libc.so.6', 'ld-linux.so.2', '[vdso]'} or \
        {'libplugin-i386.so', 'libc.so.6', 'ld-linux.so.2'} <= set(names)
    assert 'plugin_enter in' in hdb_does(hdb, box, d.pid, 'info symbol plugin_enter')


def test_the_auxiliary_vector_is_read_in_words_of_32_bits(world, hdb, box, debuggee):
    d = debuggee('sleepers-i386', 1, 3)
    entries = [re.split(r'  +', line.strip()) for line in
               hdb_does(hdb, box, d.pid, 'info auxv').splitlines() if re.match(r'\d+ ', line)]
    ours = {int(e[0].split()[0]): int(e[-1].split()[-1], 0) for e in entries}
    with open(f'/proc/{d.pid}/auxv', 'rb') as f:
        words = [w for w, in struct.iter_unpack('<I', f.read())]
    want = dict(zip(words[::2], words[1::2]))
    assert ours == want and len(entries) == len(want), 'each once, the end among them'
    assert want[4] == 32, 'size of a program header'


def test_a_snapshot_has_every_stack(hdb, box, debuggee):
    d = debuggee('sleepers-O2-i386', 50, 6)
    threads = hdb('-snapshot', d.pid, '-json', box=box).json['threads']
    assert len(threads) == 50 and {t['end'] for t in threads} == {'outermost'}
    for t in threads:
        names = [f['function'] for f in t['frames']]
        assert names.count('descend') == 6 and names[0] == '__kernel_vsyscall'


def test_a_stack_written_over_says_so(hdb, box, debuggee):
    d = debuggee('smashed-i386')
    thread = hdb('-snapshot', d.pid, '-json', box=box).json['threads'][0]
    assert [f['function'] for f in thread['frames']][-2] == 'victim'
    assert thread['end'] != 'outermost' and '0x42424242' in thread['end_text']


def test_the_vdso_of_i386_is_unwound_although_it_has_no_unwind_information(hdb, box, debuggee):
    d = debuggee('vdso-i386', busy=True)
    met = 0
    for _ in range(100):
        frames = hdb('-snapshot', d.pid, '-json', box=box).json['threads'][0]['frames']
        names = [f['function'] for f in frames]
        assert 'ask_the_time' in names and 'main' in names, frames
        met += frames[0]['module'] == '[vdso]'
        if met == 10:
            return
    pytest.fail(f'met only {met} times inside the vDSO')


# ---- at the agent


def test_a_stop_brings_registers_in_their_own_layout_and_what_recipes_ask(link, debuggee):
    d = debuggee('sleepers-i386', 3, 4)
    target, first = stop(link, d, recipes=[
        {'scope': wire.ENUM['SCOPE_ALL'], 'base': wire.ENUM['BASE_SP'], 'offset': 0, 'len': 64},
        {'scope': wire.ENUM['SCOPE_ALL'], 'base': wire.ENUM['BASE_PC'], 'offset': 0, 'len': 8},
        {'scope': wire.ENUM['SCOPE_ALL'], 'base': wire.ENUM['BASE_FP'], 'offset': 0, 'len': 8}])
    assert {(r['arch'], len(r['data'])) for r in first['regs']} == {(ARCH, 68)} and len(first['regs']) == 3

    def has(addr, size):
        return any(c['kind'] == wire.ENUM['BYTES'] and c['addr'] <= addr and addr + size <= c['addr'] + len(c['data'])
                   for c in first['chunks'])
    for r in first['regs']:
        g = general(r['data'])
        assert g['cs'] == 0x23 and has(g['esp'], 64) and has(g['eip'], 8)
    asked = link.do('regs_read', target=target, notes=[{'note': n} for n in (1, 2, 0x202, 0x46e62b7f, 0x200)])['regs']
    sizes = {r['note']: len(r['data']) for r in asked}
    assert {n: sizes[n] for n in (1, 2, 0x46e62b7f)} == {1: 68, 2: 108, 0x46e62b7f: 512}
    assert sizes[0x202] >= 576 and sizes[0x200] == 48
    assert {r['arch'] for r in asked} == {ARCH}


def test_a_list_of_32_bit_pointers_is_followed(link, debuggee):
    d = debuggee('becomes-i386', 'nothing')
    target, _ = stop(link, d)
    r = link.do('mem_walk', target=target, head=d.facts['list'], next_off=4, size=8, limit=10)
    assert [struct.unpack('<II', n['data'])[0] for n in r['nodes']] == [1, 2, 3] and r['err'] == 0


@pytest.mark.parametrize('way', ['to-64', 'to-32'])
def test_a_program_of_the_other_width_is_executed(link, debuggee, way):
    first, then = ('becomes-i386', 'sleepers') if way == 'to-64' else ('becomes', 'sleepers-i386')
    d = debuggee(first, os.path.join(harness.DEBUGGEES, then), 2, 3)
    target, bundle = stop(link, d)
    widths = {'to-64': (68, 216), 'to-32': (216, 68)}[way]
    assert {len(r['data']) for r in bundle['regs']} == {widths[0]}
    go(link, target)
    os.kill(d.pid, signal.SIGUSR1)
    executed = link.event('executed', target)
    assert executed['arch'] == (ARCH if way == 'to-32' else 0xc000003e)
    assert eventually(lambda: len(d.tids()) == 2)
    d.settle()
    link.do('interrupt', target=target)
    regs = link.event('stopped', target)['regs']
    assert {(r['arch'], len(r['data'])) for r in regs} == {(executed['arch'], widths[1])} and len(regs) == 2


# ---- run control, as hdb shows it


@pytest.mark.parametrize('name', ['sleepers', 'sleepers-O2', 'memory', 'signals'])
def test_breakpoints_stand_where_gdb_puts_them(world, hdb, box, debuggee, name):
    d = debuggee(name + '-i386')
    nm = world.run(['nm', d.argv[0]]).out.split('\n')
    functions = [f[2] for line in nm if len(f := line.split()) == 3 and f[1] in 'tT' and f[2][0] != '_']
    assert 'main' in functions and len(functions) > 3
    commands = [f'break {f}' for f in functions]
    found = [re.findall(r'^Breakpoint (\d+) at (0x[0-9a-f]+)', text, re.M)
             for text in (gdb(world, d.pid, *commands), hdb_does(hdb, box, d.pid, *commands))]
    assert found[0] == found[1] and len(found[0]) == len(functions)


def test_a_library_that_comes_brings_the_breakpoint_that_waits_for_it(hdb):
    path = os.path.join(harness.DEBUGGEES, 'dlopened-i386')
    r = hdb('-batch', '-ex', 'set breakpoint pending on', '-ex', 'break plugin_enter', '-ex', 'run', '-ex', 'bt',
            '--', path, os.path.join(harness.DEBUGGEES, 'libplugin-i386.so'))
    assert r.status == 0 and 'pending' in r.out, r
    assert re.search(r'^Breakpoint 1, plugin_enter \(back=0x[0-9a-f]{8} <called_back>, n=4\)', r.out, re.M), r
    assert re.search(r'^#1 .* in main \(', r.out, re.M), r


def test_a_condition_reads_arguments_from_the_stack_and_finish_shows_what_came_back(hdb):
    path = os.path.join(harness.DEBUGGEES, 'sleepers-i386')
    r = hdb('-batch', '-ex', 'break descend if left == 2', '-ex', 'run', '-ex', 'print left', '-ex', 'print $eip == $pc',
            '-ex', 'info breakpoints', '--', path, '1', '5')
    assert r.status == 0 and '\n$1 = 2\n$2 = 1\n' in r.out, r
    assert 'already hit 1 time' in r.out


def test_system_calls_have_the_numbers_of_their_program(hdb):
    path = os.path.join(harness.DEBUGGEES, 'sleepers-i386')
    r = hdb('-batch', '-ex', 'catch syscall write', '-ex', 'run', '-ex', 'info breakpoints', '-ex', 'print $eax',
            '-ex', 'print $orig_eax', '--', path, '1', '2')
    assert r.status == 0 and "(syscall 'write' [4])" in r.out and 'call to syscall write' in r.out, r
    assert 'syscall "write"' in r.out.split('Num ')[1], r
    assert r.out.rstrip().endswith('= 4')
