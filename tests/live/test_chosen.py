# SPDX-License-Identifier: BSD-2-Clause
"""Breakpoints on functions of which the program chooses one when it runs (STT_GNU_IFUNC)."""

import re

import pytest

import beside

PROGRAMS = ['chosen', 'chosen-now', 'chosen-static']


def stopped_in(out, number):
    return re.findall(rf'^Breakpoint {number}(?:\.\d+)?, (?:0x\w+ in )?(\w+) \(', out, re.M)


@pytest.mark.once
def test_before_the_choice_the_breakpoint_stands_at_what_chooses_as_gdb_says(hdb, tmp_path):
    commands = ['break increased', 'info breakpoints']

    def rows(text):
        # gdb has not loaded it yet.
        return [re.sub(r'0x\w*(?=\w{3}\b)', '0x', line) for line in beside.told(text, 'resolver|^Num')]
    ours, theirs = rows(beside.script(hdb, 'chosen', *commands)), rows(beside.gdb(tmp_path, 'chosen', *commands))
    assert ours == theirs and len(ours) == 3


@pytest.mark.parametrize('program', PROGRAMS)
def test_the_function_that_was_chosen_is_where_it_stops_each_time(hdb, program):
    # From before anything was chosen on.
    out = beside.script(hdb, program, 'break increased', 'run', 'bt 2', 'continue', 'info breakpoints', 'continue')
    assert stopped_in(out, 1) == ['fast', 'fast']
    assert re.search(r'^#1 +0x\w+ in main \(', out, re.M)
    assert re.search(r'^1 +breakpoint +keep y +0x\w+ in fast at .*\n\tbreakpoint already hit 2 times$', out, re.M)


@pytest.mark.parametrize('program', PROGRAMS)
def test_what_glibc_has_chosen_by_then_is_found_in_the_slots(hdb, program):
    out = beside.script(hdb, program, 'break 33', 'run', 'break strlen', 'break memcpy', 'continue', 'bt 2', 'continue',
                        'bt 2')
    # Not what chooses, in the dynamic linker.
    assert len(re.findall(r'^#1 +0x\w+ in main \(', out, re.M)) == 2
    assert [len(stopped_in(out, n)) for n in (2, 3)] == [1, 1]
    assert 'ifunc' not in out and 'resolver' not in out


def test_a_condition_of_the_breakpoint_is_not_one_of_what_chooses(hdb):
    out = beside.script(hdb, 'chosen', 'break main', 'run', 'break increased if x == 3', 'continue', 'print x')
    assert stopped_in(out, 2) == ['fast'] and '$1 = 3' in out
