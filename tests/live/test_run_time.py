# SPDX-License-Identifier: BSD-2-Clause
"""Values whose place or size is only known at run time: thread-local data, arrays of variable length, virtual bases."""

import re

import pytest

import beside


def values(text):
    """What print, ptype and whatis answered, without addresses (of the stack, which differ)."""
    return [re.sub(r'0x7f\w+', '0x7f', line) for line in beside.told(text, r'^(\$\d+ = |type = |    |}|\w+ = )')]


def same(hdb, tmp_path, program, *commands):
    ours, theirs = (values(beside.script(hdb, program, *commands)), values(beside.gdb(tmp_path, program, *commands)))
    assert ours == theirs
    return ours


END = 'break 33'  # of fill in lengths.c
LENGTHS = ['print line', 'ptype line', 'whatis line', 'print sizeof(line)', 'print area', 'ptype area', 'whatis area[1]',
           'print line[2]', 'print area[1][2]', 'print *area@2', 'print line[1]@2', 'print *line', 'print sizeof(area[0])',
           'info locals']


@pytest.mark.once
@pytest.mark.parametrize('program', ['lengths', 'lengths-static'])
def test_arrays_of_variable_length_have_the_length_of_their_frame(hdb, tmp_path, program):
    shown = same(hdb, tmp_path, program, END, 'run', *LENGTHS)
    assert shown[0] == '$1 = {0, 1, 4, 9, 16}' and len(shown) == 16


@pytest.mark.once
def test_each_call_has_its_own_length(hdb, tmp_path):
    assert same(hdb, tmp_path, 'lengths', END, 'run', 'print line', 'continue', 'print line', 'print sizeof(area)') == \
        ['$1 = {0, 1, 4, 9, 16}', '$2 = {0, 1, 4, 9}', '$3 = 48']


@pytest.mark.once
def test_thread_local_variables_are_those_of_the_selected_thread(hdb, tmp_path):
    shown = same(hdb, tmp_path, 'lengths', END, 'run', 'print own', 'print mine', 'print mine.n + own', 'print errno',
                 'continue', 'print own', 'print mine', 'thread 1', 'print own', 'print mine.text')
    assert shown == ['$1 = 8', '$2 = {n = 4, text = "abc\\000\\000\\000\\000"}', '$3 = 12', '$4 = 5', '$5 = 51',
                     '$6 = {n = 4, text = "abc\\000\\000\\000\\000"}', '$7 = 8', '$8 = "abc\\000\\000\\000\\000"']


@pytest.mark.once
def test_a_static_program_has_thread_local_variables_too(hdb, tmp_path):
    assert same(hdb, tmp_path, 'lengths-static', END, 'run', 'print own', 'set var own = 20', 'print own') == ['$1 = 8', '$2 = 20']


@pytest.mark.once
@pytest.mark.i386
def test_programs_of_32_bits_have_them_as_well(hdb):
    out = beside.script(hdb, 'lengths-i386', END, 'run', 'print own', 'print mine.n', 'continue', 'print own', 'thread 1',
                        'print own', 'set var own = 20', 'print own')
    assert re.findall(r'^\$\d+ = (.*)', out, re.M) == ['8', '4', '51', '8', '20']


@pytest.mark.once
@pytest.mark.parametrize('kind', ['', pytest.param('-i386', marks=pytest.mark.i386)])
def test_libraries_have_them_whether_linked_or_loaded_later(hdb, kind):
    library = beside.path(f'libloaded{kind}.so')
    both = ['print linked_own', 'print loaded_own']
    out = beside.script(hdb, 'owns' + kind, 'break rests', 'run', *both, 'print linked_mine', 'print loaded_mine', 'continue',
                        *both, 'set var loaded_own = 99', 'print loaded_own', 'print loaded_mine.text', 'thread 1', *both,
                        args=[library])
    assert re.findall(r'^\$\d+ = (.*)', out, re.M) == [
        '8', '9', *[r'{n = 4, text = "abc\000\000\000\000"}'] * 2, '12', '57', '99', r'"abc\000\000\000\000"', '8', '9']
    # The third thread has used neither.
    r = hdb('-batch', *[w for c in ('break rests if n == 0', 'run', *both) for w in ('-ex', c)], '--',
            beside.path('owns' + kind), library)
    assert r.status == 1 and '\n$1 = 7\n' in r.out
    assert f'this thread has no thread-local storage of {library}: it gets some when it first uses it.' in r.err


def test_a_thread_local_variable_can_be_watched_and_asked_for_in_a_condition(hdb):
    out = beside.script(hdb, 'lengths', 'break main', 'run', 'break 33 if own > 50', 'continue', 'print own')
    assert 'Thread 2 "lengths" hit Breakpoint 2, fill (n=4, m=3)' in out and '$1 = 51' in out
    out = beside.script(hdb, 'lengths', 'break fill', 'run', 'watch own', 'continue')
    assert re.search(r'atchpoint 2: own\n\nOld value = 7\nNew value = 8\n', out)


def test_a_library_without_storage_in_a_thread_is_said_so(hdb):
    # Before its first instruction there is no thread pointer to go by.
    r = hdb('-batch', '-ex', 'print own', '--', beside.path('lengths'))
    assert r.status == 1 and 'hdb: ' in r.err


BASES = ['print *this', 'print top', 'print this->top', 'print Left::left', 'print this->Right::right', 'up', 'print object',
         'print *pointer', 'print pointer->top', 'print object.Top::top', 'print *shared', 'print *side', 'print side->top',
         'print reference.top', 'print *(Top*)pointer', 'print (Top)object', 'print holder', 'print holder.Plain::plain',
         'print sizeof(object)', 'print *(Left*)pointer', 'print *(Bottom*)(Left*)pointer', 'print object.count',
         'whatis object.top', 'set var object.top = 77', 'print shared->top', 'print &object.top == &shared->top']


@pytest.mark.once
def test_virtual_bases_are_found_through_their_objects(hdb, tmp_path):
    shown = same(hdb, tmp_path, 'bases', 'break Bottom::sum', 'run', *BASES)
    assert len(shown) == len(BASES) - 2 and '{<Left> = {<Top> = {_vptr.Top = ' in shown[0] and shown[-1] == '$23 = true'
    # Once, although two bases have it.
    assert shown[0].count('<Top>') == 1
