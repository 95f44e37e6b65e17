# SPDX-License-Identifier: BSD-2-Clause
"""What hands used to GDB type without thinking, at hdb with real processes."""

import os
import re

import pytest

import clean
import harness
from test_contract import as_target_user


def points(*rest):
    return ('--', os.path.join(harness.DEBUGGEES, 'points'), *rest)


@pytest.fixture
def do(hdb):
    """do(COMMAND…): what they print, in the program points at the beginning of main; the last may fail."""
    def do(*commands, status=0):
        r = hdb('-batch', '-ex', 'start', '-ex', 'echo ---\\n', *[w for c in commands for w in ('-ex', c)], *points())
        assert r.status == status, r
        return r.out.split('---\n', 1)[1], r.err
    return do


def test_names_are_listed_by_file_with_lines(do):
    out, _ = do('info functions ^work$', 'info types ^no_such', 'info variables ^environ$')
    assert re.search(r'\nFile \S*points\.c:\n\d+:\twork;\n', out), out
    assert 'All types matching regular expression "^no_such":\n' in out
    assert re.search(r'Non-debugging symbols:\n0x[0-9a-f]{16}  \w*environ\n|\d+:\t_*environ;', out), out


def test_gdbs_own_variables_are_there(do):
    out, _ = do('tbreak work', 'print $bpnum', 'x/2xg $sp', 'print $_ == (long *) $sp + 1', 'print $__ == *((long *) $sp + 1)',
                'print $_thread', 'print $_inferior', 'set $i = 7', 'print $i + 1', 'kill', 'print $_exitsignal',
                'show convenience')
    values = re.findall(r'^\$\d* ?= (\S+)$', out, re.M)
    assert values == ['2', '1', '1', '1', '1', '8', '9'], out
    assert '$_exitsignal = 9\n' in out


def test_the_exit_code_is_there_when_the_program_is_gone(hdb):
    r = hdb('-batch', '-ex', 'run', '-ex', 'print $_exitcode', '-ex', 'printf "ended with %d\\n", $_exitcode', '--',
            '/bin/sh', '-c', 'exit 3')
    assert r.status == 0 and '$ = 3\nended with 3\n' in r.out, r


def test_printf_shows_what_the_target_holds(do):
    out, err = do('printf "%s|%d|%5.2f|%c\\n", *(char **) environ, 6 * 7, 2.5, 65')
    assert re.search(r'^\w+=.*\|42\| 2\.50\|A$', out, re.M), out + err


def test_printf_without_a_process_knows_numbers_and_no_memory(hdb):
    r = hdb('-batch', '-ex', 'shell exit 7', '-ex', r'printf "%d\n", $_shell_exitcode')
    assert r.status == 0 and r.out == '7\n', repr(r)
    r = hdb('-batch', '-ex', 'shell exit 7', '-ex', r'printf "%s\n", $_shell_exitcode')
    assert r.status == 1 and r.err == 'hdb: printf: $_shell_exitcode: no process is attached.\n', repr(r)


def test_a_function_cannot_be_called_and_one_sentence_says_so(do):
    for command in ('call work(1)', 'print work(1)'):
        _, err = do(command, status=1)
        assert len(err.splitlines()) == 1 and 'cannot be called' in err, err


def test_bt_full_shows_variables(hdb, debuggee):
    d = debuggee('sleepers', 2, 4, **as_target_user())
    r = hdb('-p', d.pid, '-batch', '-ex', 'thread 2', '-ex', 'bt full', '-ex', 'bt full -1')
    assert r.status == 0, r
    frames = re.findall(r'^#\d+ .*\n((?:        \S.*\n|No locals\.\n|No symbol table info available\.\n)+)', r.out, re.M)
    assert len(frames) >= 5 and re.search(r'^        \w+ = ', r.out, re.M), r


def test_a_script_of_gdbs_users_works(world, hdb):
    path, inner = world.path('script'), world.path('inner')
    with open(path, 'w') as f:
        f.write('set pagination off\nset confirm off\nset width 0\nset height 0\nset breakpoint pending on\n'
                f'break work if k == 3\ncommands\nsilent\nprintf "k is %d\\n", k\nsource {inner}\nend\nrun\nkill\n')
    with open(inner, 'w') as f:
        f.write('bt 1\nfrobnicate\n')
    r = hdb('-batch', '-x', path, *points())
    assert 'k is 3\n#0 ' in r.out, r
    assert r.err.endswith(f'{inner}:2: "frobnicate" is not a command; help lists them.\n') and r.status == 1, r


# ---- at a terminal --------------------------------------------------------------------------


def test_long_output_comes_in_pages(terminal):
    t = terminal(rows=10)
    more = '--Type <RET> for more, q to quit, c to continue without paging--'
    t.prompt().type('info signals\n').until(more)
    assert t.text.count('SIG') <= 9
    t.type('\n').until(more).type('q\n').prompt()
    assert 'SIGCHLD' not in t.text
    t.type('info signals\n').until(more).type('c\n').until('Use the "handle" command').prompt()
    t.type('set height 0\n').prompt().type('info signals\n').until('Use the "handle" command').prompt()
    t.type('set height 10\n').prompt().type('set pagination off\n').prompt()
    t.type('info signals\n').until('Use the "handle" command').prompt().type('\x04')
    assert t.end() == 0 and t.text.count(more) == 3


def test_ctrl_c_drops_the_rest_of_the_pages(terminal):
    t = terminal(rows=10)
    t.prompt().type('help\n').until('--Type').type('\x03').prompt().type('show version\n').until('hdb ').prompt()


def test_what_is_lost_is_asked_about_unless_that_is_off(terminal):
    t = terminal('--', '/bin/sleep', '1000')
    t.prompt().type('starti\n').prompt()
    t.type('stepi\n').prompt()
    t.type('run\n').until('from the beginning? (y or n) ').type('n\n').until('not restarted').prompt()
    t.type('tbreak *$pc\n').prompt().type('delete\n').until('Delete all breakpoints? (y or n) ').type('what\n')
    t.until('answer y or n').type('y\n').prompt().type('info breakpoints\n').until('No breakpoints').prompt()
    t.type('kill\n').until('Kill sleep').until('(y or n) ').type('y\n').until('killed by SIGKILL').prompt()
    t.type('set confirm off\n').prompt().type('starti\n').prompt().type('quit\n')
    assert t.end() == 0


def test_a_shell_command_has_the_terminal_and_gives_it_back(terminal):
    t = terminal()
    t.prompt().type('shell stty -echo; expr 6 \\* 7; read x; echo "<$x>"\n').until('42').type('typed\n').until('<typed>')
    t.prompt()
    t.type('!sleep 1000\n').until('1000')
    assert not clean.eventually(lambda: not [w for w in clean.descendants(t.pid).values() if w.endswith('sleep')])
    t.type('\x03').prompt()
    t.type('print $_shell_exitsignal\n').until('$ = 2').prompt()
    t.type('shell exit 3\n').prompt().type('print $_shell_exitcode\n').until('$ = 3').prompt()
    assert not os.waitpid(t.pid, os.WNOHANG)[0]
    t.type('quit\n')
    assert t.end() == 0
