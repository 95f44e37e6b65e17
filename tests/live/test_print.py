# SPDX-License-Identifier: BSD-2-Clause
"""Values as hdb shows them beside what gdb shows of the same sleeping process: the same characters."""

import os
import re

import pytest

import harness

C_GLOBALS = '''
counter; hidden; u32; i64; u64; s16; b8; c8; letter; yes; single; twice; extended; huge; wide_letter; text; buffer;
small; full; letters; raw; zeros; numbers; matrix; corners; first; second; bits; any; nested; colour; no_colour; mode;
no_mode; odd_mode; odd; minus; no_odd; nothing; to_counter; to_that; names; typedefed; changing; bad_string; function;
&counter; &buffer; &matrix; &corners[1]; &corners[1].y; &bits; &function; called; &called; *called; *function; *to_counter;
**to_that; *to_that; matrix[1]; matrix[1][2]; *matrix; **matrix; corners[2].x; first.to.y; second.next->from.x;
second.next->name; *second.next; (*second.next).name; bits.low; bits.middle; bits.high; bits.flag; bits.last;
nested.b; nested.e; nested.in.p[1].y; nested.in.u; names[1]; names[1][2]; *names[0]; text[1]; text+7; text+7-text;
&corners[3]-&corners[0]; *corners@2; numbers[3]@4; *text@5; {int}&counter; {struct point}&corners[1];
(long)&counter == (long)to_counter; (char)65; (byte)321; (short)70000; (int)-2.9; (float)1; (double)single; (int *)0;
(void *)to_counter; (char *)buffer; (unsigned char *)text; (point_t *)&typedefed; (struct line *)0; (enum colour)1;
(enum flag)3; (_Bool)5; (unsigned long)-1; (long)(int)u32; (callback)called; (int (*)(void))0; (char (*)[4])buffer;
sizeof(int); sizeof(struct line); sizeof counter; sizeof(buffer); sizeof(int[7]); sizeof(matrix[0]);
counter + 1; counter - 100; counter * 2; counter / 5; counter % 5; -counter; +counter; ~counter; !counter; !!counter;
counter << 3; counter >> 1; -counter >> 1; counter & 6; counter | 1; counter ^ 3; counter == 42; counter != 42;
counter < 42; counter <= 42; counter > 41; counter >= 43; counter && 0; counter || 0; counter ? 1 : 2; counter, 7;
-7 / 2; -7 % 2; 7u / 2; -1 > 0u; u32 + u32; i64 * 2; s16 + b8; b8 + b8; letter + 1; single + 1; twice * 2; 1 / 4.0;
10 / 4; 10 / 4.0f; extended * 10; 1.5 < 2; u64 + 1; u64 > 1; colour + 1; mode | 2; yes + 1; huge + 1; huge / 3;
'a'; '\\n'; '\\0'; "abc"; sizeof("abc"); 0x10; 010; 0b11; 1.5e3; 2.0f + 1 == 3; 4294967295; 4294967296; 0xffffffff; 1u; 1ul; -1ul;
2147483648; -2147483648; 1.0; 1e100; 0.1; 100000000.0; 123456789.0f; 5 > 3 > 1;
assembled; &assembled; assembled * 2; sizeof(assembled); also_counter; &also_counter; also_counter + 1;
'values.c'::hidden; inner::calls; &inner::calls; main; &main
'''
TYPES = '''
assembled; also_counter; counter; text; buffer; matrix; &matrix; matrix[0]; corners; &corners[1]; first; &first; bits; any; nested; nested.in;
colour; function; called; *function; names; typedefed; &typedefed; to_that; changing; &changing; huge; extended;
1 + 1; 1 + 1L; 1u; 1.0f + 1; 'a'; "abc"; 1 == 1; (char)1; letter + 1; &function; nothing; yes; b8; &b8
'''
EXPANDED = '''
struct point; struct line; first; &first; struct bits; union any; any; struct deep; enum colour; enum flag; enum odd; point_t; callback;
function; called; byte; int *; char [16]; names; nested; typedefed; unsigned long; struct line *
'''
FORMATTED = '''
/x counter; /x -1; /x s16; /x b8; /x u64; /x buffer; /x raw; /x corners; /x bits; /x first; /x text; /x to_counter; /x yes;
/x colour; /x letter; /x single; /x twice; /x zeros; /d u64; /d b8; /d letter; /d colour; /d buffer; /d yes; /d bits; /u s16; /u c8; /u i64;
/o counter; /o 0; /t counter; /t 0; /t c8; /z counter; /z s16; /c counter; /c 65; /c raw; /c numbers[65]; /f counter; /f 1078530011;
/f single; /f i64; /s text; /s buffer; /s raw; /x huge; /x matrix; /x nested; /x any; /x function; /d function; /a &counter; /x bits.high; /d bits.middle;
/a to_counter; /a u64
'''
INNER = '''
n; name; p; *l; l; d; big; f; flag; c; b; local; array; moved; half; local2; local_name; calls; &local; &array; &array[2];
p.x; l->next->name; *l->next; array[n & 3]; local + n; name[0]; b + 1; c; d * 2; sizeof(array); &p; array[1]@2;
$pc; $sp; $rip; $rsp == $sp; (long)$sp & 15; *(long *)$sp; calls + hidden; n == local / 2; l == &second; *array@5
'''
OUTER = '''argc; argv; l; kept; sum; *argv; argv[0][0] == 0; l->from; &kept; kept + argc; *l'''
CC = '''
global_square; ints; doubles; held; polymorphic; *polymorphic; truth; c16; big; shapes::count; shapes::inner::title;
shapes::square::made; shapes::square::limit; global_square.made; global_square.id; global_square.tag; global_square.side;
global_square.of; held.ref; held.ref.side; held.name; &held; &held.ref; ints.items; ints.items[1]; unseen;
shapes::kind::circle; (shapes::kind)4; (shapes::kind)2; shapes::SMALL; big == shapes::LARGE; 1 == 1; 1 < 0; !truth; truth && 1; &global_square;
(shapes::base *)&global_square; (shapes::other *)&global_square; *(shapes::other *)&global_square;
((shapes::square *)polymorphic)->side; static_cast<shapes::square *>(polymorphic)->side; reinterpret_cast<long *>(&global_square) == 0;
sizeof(shapes::square); sizeof(box<int, 3>); int(3.5); true; nullptr == 0; ::truth
'''
CC_LOOK = '''
*this; this; this->side; side; id; tag; made; factor; that; that.side; *&that; pointer; *pointer; product; alias; alias + 1; &alias; count;
limit; this->of; side * factor
'''
CC_TYPES = 'global_square; held; held.ref; ints; polymorphic; *polymorphic; big; truth; 1 == 1; &global_square; shapes::kind::circle; held.member'


def split(text):
    return [x.strip() for x in re.split(r';(?![^"\']*["\'](?:[^"\']*["\'][^"\']*["\'])*[^"\']*$)', text.replace('\n', ' ')) if x.strip()]


class Shown:
    """What each command printed, from the output between two marks."""

    def __init__(self, world, pid, frame, commands):
        self.world, self.pid, self.frame, self.commands = world, pid, frame, commands

    def cut(self, out):
        parts = re.split(r'^\$\d+ = "@@(\d+)"\n', out, flags=re.M)
        assert len(parts) == 2 * len(self.commands) + 1, out[-3000:]
        return {c: re.sub(r'^\$\d+ = ', '', parts[2 * i + 2], flags=re.M).strip() for i, c in enumerate(self.commands)}

    def lines(self):
        lines = [f'frame {self.frame}']
        for i, c in enumerate(self.commands):
            lines += [f'print "@@{i}"', c]
        return lines

    def gdb(self):
        argv = ['gdb', '-nx', '-batch', '-p', str(self.pid), '-ex', 'set debuginfod enabled off', '-ex', 'set width 0']
        for line in self.lines():
            argv += ['-ex', line]
        return self.cut(self.world.run(argv).out.rsplit('[Inferior', 1)[0])

    def hdb(self, **how):
        r = self.world.hdb('-p', self.pid, input='\n'.join([*self.lines(), 'quit', '']), **how)
        return self.cut(r.out), r.err


def frame_of(world, pid, function):
    out = world.run(['gdb', '-nx', '-batch', '-p', str(pid), '-ex', 'set debuginfod enabled off', '-ex', 'bt']).out
    found = re.search(rf'^#(\d+) .*\b{re.escape(function)} \(', out, re.M)
    assert found, out
    return int(found.group(1))


def differences(world, pid, function, commands):
    """Commands whose text is not gdb's, where gdb had one."""
    shown = Shown(world, pid, frame_of(world, pid, function), commands)
    theirs, (ours, err) = shown.gdb(), shown.hdb()
    wrong = {c: (theirs[c], ours[c]) for c in commands if theirs[c] and theirs[c] != ours[c]}
    assert not wrong, '\n'.join(f'{c}\n  gdb {a}\n  hdb {b}' for c, (a, b) in wrong.items()) + '\n' + err


BUILDS = ['values', 'values-O2', 'values-dwarf4']


@pytest.mark.parametrize('name', BUILDS)
def test_globals_look_as_in_gdb(world, debuggee, name):
    d = debuggee(name)
    differences(world, d.pid, 'main', ['print ' + x for x in split(C_GLOBALS)])


@pytest.mark.parametrize('name', BUILDS)
def test_formats_look_as_in_gdb(world, debuggee, name):
    d = debuggee(name)
    differences(world, d.pid, 'main', ['print' + x for x in split(FORMATTED)])


@pytest.mark.parametrize('name', BUILDS)
def test_locals_and_arguments_are_gdbs(world, debuggee, name):
    d = debuggee(name)
    differences(world, d.pid, 'inner', ['print ' + x for x in split(INNER)] + ['info locals', 'info args'])


@pytest.mark.parametrize('name', BUILDS)
def test_a_frame_further_out_has_its_own_locals(world, debuggee, name):
    d = debuggee(name)
    differences(world, d.pid, 'outer', ['print ' + x for x in split(OUTER)] + ['info locals', 'info args'])


def test_types_are_named_as_in_gdb(world, debuggee):
    d = debuggee('values')
    differences(world, d.pid, 'inner', ['whatis ' + x for x in split(TYPES)] + ['ptype ' + x for x in split(EXPANDED)])


@pytest.mark.parametrize('name', ['values_cc', 'values_cc-O2', pytest.param('values_cc-i386', marks=pytest.mark.i386)])
def test_what_cplusplus_adds_looks_as_in_gdb(world, debuggee, name):
    d = debuggee(name)
    differences(world, d.pid, 'main', ['print ' + x for x in split(CC)] + ['whatis ' + x for x in split(CC_TYPES)])


@pytest.mark.parametrize('name', ['values_cc', pytest.param('values_cc-i386', marks=pytest.mark.i386)])
def test_a_method_sees_its_object(world, debuggee, name):
    d = debuggee(name)
    differences(world, d.pid, 'shapes::square::look', ['print ' + x for x in split(CC_LOOK)] + ['info locals', 'info args'])


def backtrace(out):
    """Function and arguments of each frame, up to main; gdb says name=name@entry where both are known."""
    found = re.findall(r'^#\d+ +(?:0x[0-9a-f]+ in )?(.*?) \((.*)\) at ', re.sub(r'(\w+)=\1@entry=', r'\1=', out), re.M)
    names = [name for name, _ in found]
    return found[:names.index('main') + 1]


@pytest.mark.parametrize('name', ['values', 'values-O2', 'values-dwarf4', 'values_cc', 'inlined'])
def test_backtraces_have_gdbs_arguments(world, hdb, debuggee, name):
    d = debuggee(name)
    theirs = world.run(['gdb', '-nx', '-batch', '-p', str(d.pid), '-ex', 'set debuginfod enabled off', '-ex', 'bt']).out
    ours = hdb('-p', d.pid, '-batch', '-ex', 'bt').out
    assert backtrace(ours) == backtrace(theirs)


def test_arguments_of_all_threads_are_read_together(world, box, debuggee):
    d = debuggee('sleepers', 200)

    def waits(command):
        p = world.proxy(box.port, '-delay', 20, '-once')
        r = world.hdb('-p', d.pid, '-batch', '-ex', command, '-ex', 'detach', box=box, port=p.port)
        assert r.status == 0, r
        return p.finish()[0]['waits'], r
    few, _ = waits('info threads')
    all_of_them, r = waits('thread apply all bt')
    assert r.out.count('descend (left=1, is_main=') == 200
    assert r.out.count('sleeper (arg=0x') == 199
    assert all_of_them - few <= 6


def test_assignments_reach_the_process(hdb, world, debuggee):
    d = debuggee('values')
    frame = frame_of(world, d.pid, 'inner')
    lines = [f'frame {frame}', 'set var counter = 1234', 'print bits.middle = -7', 'print array[2] = n', 'print local2 = 77',
             'print single = 2.5', 'print corners[0] = corners[2]', 'print $mine = counter * 2', 'quit', '']
    r = hdb('-p', d.pid, input='\n'.join(lines))
    assert not r.err, r
    shown = Shown(world, d.pid, frame, ['print counter', 'print bits', 'print array', 'print local2', 'print single', 'print corners'])
    theirs = shown.gdb()
    assert theirs['print counter'] == '1234' and theirs['print local2'] == '77' and theirs['print single'] == '2.5'
    assert 'middle = -7' in theirs['print bits'] and theirs['print array'].startswith('{1, 2, 6,')
    assert theirs['print corners'].startswith('{{x = 3, y = 4}')


def test_what_cannot_be_shown_says_why(hdb, debuggee):
    d = debuggee('values')
    for command, why in (('print nosuch', 'no symbol "nosuch"'), ('print *(int *)16', '0x10'), ('print 1 / 0', 'division by zero'),
                         ('print (1', 'parenthesis'), ('ptype struct nosuch', 'nosuch'), ('set var 5 = 6', 'assigned')):
        r = hdb('-p', d.pid, '-batch', '-ex', command)
        assert r.status == 1 and why in r.err, r


def test_displays_are_numbered_and_taken_back(hdb, world, debuggee):
    d = debuggee('values')
    lines = ['display counter', 'display/x hidden', 'info display', 'undisplay 1', 'display', 'undisplay', 'info display', 'quit', '']
    r = hdb('-p', d.pid, input='\n'.join(lines))
    assert r.out.endswith('1: counter = 42\n2: /x hidden = 0x7\n1:   y  counter\n2:   y  /x hidden\n2: /x hidden = 0x7\n'
                          'There are no displays.\n'), r
