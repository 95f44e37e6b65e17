# SPDX-License-Identifier: BSD-2-Clause
"""Watchpoints and the children of what is watched."""

import re

import pytest

import beside


@pytest.fixture(params=['inherits', pytest.param('inherits-i386', marks=pytest.mark.i386)])
def inherits(request):
    return request.param


def changes(out, number):
    return re.findall(rf'^Hardware watchpoint {number}: .*\n\nOld value = (\d+)\nNew value = (\d+)$', out, re.M)


def test_a_watched_global_is_watched_on_in_the_child_that_is_followed(hdb, inherits):
    out = beside.script(hdb, inherits, 'set follow-fork-mode child', 'break main', 'run', 'watch value',
                        *['continue'] * 4, 'info breakpoints', 'delete', 'continue')
    # As often as it changes, each time once.
    assert changes(out, 2) == [('0', '5'), ('5', '10'), ('10', '6'), ('6', '12')]
    assert re.search(r'^2 +hw watchpoint +keep y +value\n\tbreakpoint already hit 4 times$', out, re.M)
    assert 'exited with status 14' in out


def test_a_watched_local_goes_along_and_ends_with_its_frame_there(hdb, inherits):
    out = beside.script(hdb, inherits, 'set follow-fork-mode child', 'break 21', 'run', 'watch local', 'continue', 'continue',
                        'delete', 'continue')
    assert changes(out, 2) == [('1', '2')]
    assert 'Watchpoint 2 deleted because the program has left the block in\nwhich its expression is valid.' in out
    assert 'exited with status 14' in out


def test_it_stays_with_a_parent_that_is_stayed_with(hdb, inherits):
    out = beside.script(hdb, inherits, 'break main', 'run', 'watch value', 'continue')
    assert not changes(out, 2) and 'exited with status 0' in out
