# SPDX-License-Identifier: BSD-2-Clause
"""Memory by expressions (x)."""

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
