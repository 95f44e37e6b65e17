# SPDX-License-Identifier: BSD-2-Clause
"""hdb's backtraces beside gdb's of the same sleeping process, frame by frame: function, file, line, inlined."""

import json
import os
import re

import pytest

import harness

CORPUS = [
    ('sleepers', '3', '4'), ('sleepers-O2', '3', '4'), ('sleepers-nofp', '3', '4'), ('sleepers-nopie', '3', '4'),
    ('sleepers-static', '3', '4'), ('sleepers-static-pie', '3', '4'), ('sleepers-dwarf4', '3', '4'),
    ('inlined',), ('inlined-O3',), ('sigframe',), ('sigframe-O2',), ('deep', '300'),
    ('dlopened', 'libplugin.so'), ('plt',), ('jumped',), ('names',), ('names-O2',),
    ('linestart',), ('linestart-O2',),
]
# The same on i386, under the agent and the gdb of x86-64.
I386 = [('sleepers', '3', '4'), ('sleepers-O2', '3', '4'), ('sleepers-nofp', '3', '4'), ('sleepers-nopie', '3', '4'),
        ('sleepers-static', '3', '4'), ('sleepers-static-pie', '3', '4'), ('sleepers-dwarf4', '3', '4'),
        ('inlined',), ('inlined-O3',), ('sigframe',), ('sigframe-O2',), ('deep', '300'),
        ('dlopened', 'libplugin-i386.so'), ('plt',), ('jumped',), ('names',), ('linestart',),
        ('linestart-O2',)]
CORPUS += [pytest.param((w[0] + '-i386', *w[1:]), marks=pytest.mark.i386) for w in I386]
BUSY = ('linestart', 'linestart-O2', 'linestart-i386', 'linestart-O2-i386')


def start(debuggee, name, *args):
    return debuggee(name, *(os.path.join(harness.DEBUGGEES, a) if a.endswith('.so') else a for a in args),
                    busy=name in BUSY)


def gdb_frames(world, pid):
    r = world.run(['gdb', '-nx', '-batch', '-ex', 'set backtrace past-main on', '-ex', 'set debuginfod enabled off',
                   '-p', str(pid), '-x', os.path.join(harness.HERE, 'gdb_frames.py')])
    line = [x for x in r.out.splitlines() if x.startswith('FRAMES ')]
    assert line, r
    return {int(tid): f for tid, f in json.loads(line[0][7:]).items()}


def hdb_frames(hdb, box, pid):
    r = hdb('-snapshot', pid, '-json', box=box)
    assert r.status == 0, r
    threads = r.json['threads']
    return {t['tid']: t['frames'] for t in threads}, {t['tid']: t['end'] for t in threads}


def simple(name):
    """The last component of a name, without arguments, templates and libc's aliases: gdb leaves arguments of C++
    functions out where it knows them from debug information."""
    if name is None:
        return None
    name = name.replace('operator()', 'operator_call').replace('(anonymous namespace)', 'anonymous')
    name = re.sub(r'\{lambda\([^)]*\)#\d+\}', 'lambda', name)
    name = re.sub(r'\[abi:\w+\]', '', name)
    while (shorter := re.sub(r'<[^<>]*>|\([^()]*\)', '', name)) != name:
        name = shorter
    name = name.replace(' const', '').strip().split('::')[-1].split(' ')[-1]
    return re.sub(r'^_*(libc_|GI_+)?', '', name)


def brief_gdb(f):
    if f['signal']:
        return (f['pc'], '<signal>', None, None, False)
    return (None if f['inlined'] else f['pc'], simple(f['function']), f['file'] and os.path.basename(f['file']),
            f['line'], f['inlined'])


def brief_hdb(f, signal_pcs):
    pc = int(f['pc'], 16)
    if pc in signal_pcs:
        return (pc, '<signal>', None, None, False)
    # Where debug information is missing, gdb and we name symbols only.
    return (None if f['inlined'] else pc, simple(f['function']), f['file'] and os.path.basename(f['file']),
            f['line'] or None, f['inlined'])


def up_to_start_by(frames, column):
    """Up to main or a thread's first function of its own; below it lies libc's business."""
    for i, f in enumerate(frames):
        if f[column] in ('main', 'sleeper'):
            return frames[:i + 1]
    return frames


def up_to_start(frames):
    return up_to_start_by(frames, 1)


@pytest.mark.parametrize('which', CORPUS, ids=lambda w: w[0])
def test_frames_are_gdbs(world, hdb, box, debuggee, which):
    d = start(debuggee, *which)
    gdbs, (ours, ends) = gdb_frames(world, d.pid), hdb_frames(hdb, box, d.pid)
    assert sorted(gdbs) == sorted(ours) == d.tids()
    for tid, frames in gdbs.items():
        signal_pcs = {f['pc'] for f in frames if f['signal']}
        theirs = up_to_start([brief_gdb(f) for f in frames])
        mine = up_to_start([brief_hdb(f, signal_pcs) for f in ours[tid]])
        if which[0].startswith('sigframe'):
            # A snapshot has the stack the thread stands on, not the one below the signal; it says so.
            assert ends[tid] == 'window' or mine == theirs
            theirs = theirs[:len(mine)]
        assert mine == theirs


@pytest.mark.parametrize('which', CORPUS, ids=lambda w: w[0])
def test_bt_names_the_functions_gdb_names(world, hdb, box, debuggee, which):
    d = start(debuggee, *which)
    frames = gdb_frames(world, d.pid)[d.pid]
    r = hdb('-p', d.pid, '-batch', '-ex', 'bt', box=box)
    assert r.status == 0, r
    found = re.findall(r'^#\d+ *(0x[0-9a-f]+ in )?(.+?)(?: \((?:[^()]|\([^()]*\))*\))?(?: at (\S+):(\d+))?(?: from \S+)?(?: +\(inlined\))?$',
                       r.out, re.M)
    ours = [('<signal>' if name == '<signal handler called>' else None if name == '??' else simple(name), file and os.path.basename(file),
             int(line or 0), bool(pc)) for pc, name, file, line in found]
    theirs = [(b[1], b[2] or '', b[3] or 0, f['with_pc']) for f, b in zip(frames, map(brief_gdb, frames))]
    assert which[0] not in ('linestart', 'linestart-i386') or [f[3] for f in ours[:4]] == [False, True, False, False]
    assert up_to_start_by(ours, 0) == up_to_start_by(theirs, 0)


def test_a_stripped_program_unwinds_through_its_cfi(world, hdb, box, debuggee):
    d = start(debuggee, 'sleepers-stripped', '3', '4')
    gdbs, (ours, _) = gdb_frames(world, d.pid), hdb_frames(hdb, box, d.pid)
    for tid, frames in gdbs.items():
        assert [int(f['pc'], 16) for f in ours[tid]][:6] == [f['pc'] for f in frames][:6]
        assert len(ours[tid]) >= 6


def test_a_recursion_of_ten_thousand_frames_is_shown_whole(hdb, box, debuggee):
    d = start(debuggee, 'deep', '10000')
    r = hdb('-p', d.pid, '-batch', '-ex', 'bt', box=box)
    assert r.status == 0, r
    lines = [x for x in r.out.splitlines() if x.startswith('#')]
    assert sum('recurse' in x for x in lines) == 10000
    assert all(re.match(r'#\d+ +(0x|\w)', x) for x in lines)
    assert any(re.search(r'\bmain\b', x) for x in lines[10000:])


def test_a_snapshot_says_where_a_deep_stack_was_cut(hdb, box, debuggee):
    d = start(debuggee, 'deep', '10000')
    thread = hdb('-snapshot', d.pid, '-json', box=box).json['threads'][0]
    whole = any(f['function'] == 'main' for f in thread['frames'])
    assert whole or (thread['end'] == 'window' and 'cut' in thread['end_text'])
    assert sum(f['function'] == 'recurse' for f in thread['frames']) > 100


def test_a_stack_that_ends_badly_says_why(hdb, box, debuggee):
    d = start(debuggee, 'smashed')
    thread = hdb('-snapshot', d.pid, '-json', box=box).json['threads'][0]
    names = [f['function'] for f in thread['frames']]
    assert names[:4][-3:] == ['debuggee_sleep', 'asleep', 'victim']
    assert thread['end'] != 'outermost' and thread['end_text']
    text = hdb('-p', d.pid, '-batch', '-ex', 'bt', box=box)
    assert re.search(r'^Backtrace stopped: \S', text.out, re.M), text


def test_the_vdso_is_unwound(hdb, box, debuggee):
    d = debuggee('vdso', busy=True)
    for _ in range(50):
        frames = hdb('-snapshot', d.pid, '-json', box=box).json['threads'][0]['frames']
        if frames[0]['module'] == '[vdso]':
            break
    else:
        pytest.fail('never met inside the vDSO')
    names = [f['function'] for f in frames]
    assert 'ask_the_time' in names and 'main' in names


def test_a_library_without_debug_information_is_named(hdb, box, debuggee):
    d = start(debuggee, 'plt')
    frames = hdb('-snapshot', d.pid, '-json', box=box).json['threads'][0]['frames']
    inside = [f for f in frames if f['module'] and f['module'].endswith('libnodebug.so')]
    assert [f['function'] for f in inside][-1] == 'plugin_enter'
    assert all(f['build_id'] for f in inside)


def test_names_meant_for_a_terminal_are_escaped(hdb, box, debuggee):
    d = debuggee('hostile_names')
    for args in (['-ps', '-json'], ['-ps'], ['-snapshot', d.pid], ['-p', d.pid, '-batch', '-ex', 'info threads']):
        r = hdb(*args, box=box)
        assert r.status == 0, r
        assert not [c for c in r.out + r.err if (c < ' ' and c not in '\n\t') or c == '\x7f'], args
    names = {t['name'] for t in hdb('-snapshot', d.pid, '-json', box=box).json['threads']}
    assert '\x1b[31mred' in names and 'two\nlines' in names or any('31mred' in n for n in names)
