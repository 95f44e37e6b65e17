# SPDX-License-Identifier: BSD-2-Clause
"""Memory by expressions (x), how far stacks are shown, and what is said of places that are not there."""

import re

import pytest

import beside

FORMS = ['x/4xw &table[2]', 'x/s message', 'x/2dw table', 'x/3c message', 'x/2xw line', 'x/dw &local', 'x/s mine.text',
         'x/dw &area[1][2]', 'x/xb (char*)table+4', 'x/2xb fill', 'x/2f table', 'x/dw *area', 'x/2dw table + 3', 'x']


@pytest.mark.once
def test_expressions_say_where_as_they_do_in_gdb(hdb, tmp_path):
    commands = ['break 33', 'run', *FORMS]

    def shown(text):
        return [re.sub('0x7f[0-9a-f]*', '', line) for line in beside.told(text, r'^0x\w+( <.*>)?:\t')]
    ours, theirs = shown(beside.script(hdb, 'lengths', *commands)), shown(beside.gdb(tmp_path, 'lengths', *commands))
    assert ours == theirs and len(ours) == len(FORMS)


def test_a_variables_value_is_the_address_and_not_its_place(hdb):
    r = hdb('-batch', '-ex', 'break 33', '-ex', 'run', '-ex', 'x/xw local', '--', beside.path('lengths'))
    assert r.status == 1 and '0xf' in r.err


def test_symbols_without_debug_information_stand_for_their_address(hdb):
    out = beside.script(hdb, 'sleepers-static', 'x/2xb _start', 'x/xb _start+1', "x/xb '_start'", 'x/xg $sp')
    assert len(re.findall(r'^0x\w+ <_start(?:\+1)?>:\t', out, re.M)) == 3


# ---- stacks -----------------------------------------------------------------------------------------


def test_a_stack_ends_at_main_where_that_is_wanted(hdb):
    out = beside.script(hdb, 'steps', 'break add', 'run', 'bt', 'set backtrace past-main off', 'bt', 'set backtrace past-main', 'bt')
    bt = [re.findall(r' (\w+) \(', part) for part in out.split('#0  ')[1:]]
    assert [len(re.findall('^#', '#' + part, re.M)) for part in out.split('#0  ')[1:]][1] == 3
    assert bt[0] == bt[2] and '__libc_start_call_main' in bt[0] and '__libc_start_call_main' not in bt[1]


def test_a_function_of_a_file_that_is_not_there_is_missed_as_in_gdb(hdb):
    r = hdb('-batch', '-ex', 'break nosuch.c:f', '--', beside.path('steps'))
    assert r.status == 1 and 'No source file named nosuch.c.' in r.err + r.out
    r = hdb('-batch', '-ex', 'break steps.c:nosuch', '--', beside.path('steps'))
    assert r.status == 1 and 'Function "nosuch" not defined in "steps.c".' in r.err + r.out
