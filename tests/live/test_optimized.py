# SPDX-License-Identifier: BSD-2-Clause
"""Breakpoints in code that a compiler has moved: what was inlined, cloned, or is one place for several functions."""

import pytest

import beside

HIT = r'^(Thread \d+ .* hit )?Breakpoint [0-9.]+, |^#\d+ .* (twice|four_times|plain|swapped) '
ROW = r'^\d+(\.\d+)? .* (in |<MULTIPLE>)'


def both(hdb, tmp_path, program, pattern, *commands):
    return (beside.told(beside.script(hdb, program, *commands), pattern),
            beside.told(beside.gdb(tmp_path, program, *commands), pattern))


@pytest.mark.once
def test_a_stop_at_an_inlined_function_shows_its_copy_as_gdb_does(hdb, tmp_path):
    ours, theirs = both(hdb, tmp_path, 'steps-O2', HIT, 'break twice', 'run', 'bt', *['continue', 'bt'] * 2)
    assert ours == theirs
    # Once in each of three copies, two of them in another copy.
    assert [line.split()[1] for line in ours if line.startswith('Breakpoint')] == ['1.1,', '1.2,', '1.3,']
    assert len([line for line in ours if ' four_times ' in line]) == 2


@pytest.mark.once
def test_where_two_inlined_calls_begin_the_one_that_was_named_is_shown(hdb, tmp_path):
    ours, theirs = both(hdb, tmp_path, 'steps-O2', HIT, 'break four_times', 'run', 'bt')
    assert ours == theirs and ours[0].startswith('Breakpoint 1, four_times (')


@pytest.mark.once
def test_a_breakpoint_on_the_line_of_an_inlined_call_shows_what_begins_there(hdb, tmp_path):
    ours, theirs = both(hdb, tmp_path, 'steps-O2', HIT, 'break 152', 'run', 'bt')
    assert ours == theirs and ours[0].startswith('Breakpoint 1, twice (')


@pytest.mark.once
def test_a_function_that_stands_under_a_name_of_the_compilers_is_found(hdb, tmp_path):
    # swapped.constprop.0
    ours, theirs = both(hdb, tmp_path, 'steps-O2', HIT, 'break swapped', 'run', 'bt')
    assert ours == theirs and ours[0].startswith('Breakpoint 1, swapped (')


@pytest.mark.once
def test_a_temporary_breakpoint_on_inlined_code_says_which_of_its_places_was_reached(hdb, tmp_path):
    ours, theirs = both(hdb, tmp_path, 'steps-O2', '^Temporary breakpoint 1[.,]', 'tbreak twice', 'run')
    assert ours == theirs and ours[0].startswith('Temporary breakpoint 1.1, twice (')


@pytest.mark.once
@pytest.mark.parametrize('program', ['steps-O2', 'inlined-O3'])
def test_the_table_names_what_was_asked_for_at_each_place(hdb, tmp_path, program):
    names = {'steps-O2': ['twice', 'four_times', 'swapped'], 'inlined-O3': ['innermost', 'middle', 'again']}[program]
    ours, theirs = both(hdb, tmp_path, program, ROW, 'break main', 'run', *['break ' + n for n in names], 'info breakpoints')
    assert ours == theirs and len(ours) > len(names)
