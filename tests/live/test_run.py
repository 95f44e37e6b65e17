# SPDX-License-Identifier: BSD-2-Clause
"""hdb starts programs: on this machine and on a box, on a terminal and without one."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

import clean
import harness
from launched import SH


# ---- without a terminal ---------------------------------------------------------------------


def test_a_program_is_held_before_anything_of_it_ran(hdb):
    r = hdb('-batch', '-ex', 'info registers rip', '-ex', 'info sharedlibrary', '--', '/bin/echo', 'never')
    assert r.status == 0 and 'launched, held before its first instruction' in r.out
    assert 'never' not in r.out and 'ld-linux' in r.out and 'libc.so' not in r.out


def test_output_and_errors_of_a_program_are_those_of_hdb(hdb):
    r = hdb('-batch', '-ex', 'run', '--', SH, '-c', 'echo out; echo err >&2; exit 7')
    assert r.status == 0 and '\nout\n' in r.out and 'exited with status 7' in r.out and r.err == 'err\n'


def test_standard_input_of_a_batch_is_the_programs(hdb):
    text = ''.join(f'{i} {"x" * 100}\n' for i in range(20000))
    r = hdb('-batch', '-ex', 'run', '--', '/usr/bin/wc', '-c', input=text)
    assert str(len(text)) in r.out.split() and 'exited with status 0' in r.out


def test_a_program_gets_no_commands_to_read(hdb):
    r = hdb('--', '/bin/cat', input='run\ninfo program\n')
    assert r.status == 0 and 'exited with status 0' in r.out and 'was started, and exited' in r.out


@pytest.mark.parametrize('script,status', [('exit 0', 0), ('exit 42', 42), ('kill -TERM $$', 128 + 15)])
def test_the_status_of_the_program_can_be_hdbs(hdb, script, status):
    r = hdb('-batch', '-return-child-result', '-ex', 'handle SIGTERM nostop', '-ex', 'run', '--', SH, '-c', script)
    assert r.status == status


def test_without_being_asked_hdbs_status_stays_its_own(hdb):
    assert hdb('-batch', '-ex', 'run', '--', SH, '-c', 'exit 42').status == 0


@pytest.mark.parametrize('script,fields', [('exit 3', {'exit': 3}), ('kill -KILL $$', {'signal': 9})])
def test_how_it_ended_is_told_to_people_and_machines(hdb, script, fields):
    r = hdb('-batch', '-ex', 'run', '-ex', 'info program', '-ex', 'info program -json', '--', SH, '-c', script)
    assert 'was started, and' in r.out
    told = json.loads(r.out.splitlines()[-1])
    assert dict(told, pid=0) == dict(fields, pid=0, launched=True)


def test_a_program_that_cannot_be_executed_is_a_sentence(hdb):
    r = hdb('--', '/no/such/program')
    assert r.status == 1 and 'cannot start a program: /no/such/program: No such file or directory' in r.err


def test_arguments_are_words_as_a_shell_reads_them(hdb):
    r = hdb('-batch', '-ex', r'''run one "two  words" 'it'"'"'s' \$x a\ b "" "q\"q\n" *''', '--', '/usr/bin/printf',
            '[%s]\n')
    assert r.status == 0
    # They replace what stood on the command line, the format, too.
    r = hdb('-batch', '-ex', r'''run '[%s]\n' one "two  words" 'it'"'"'s' \$x a\ b "" "q\"q\n" *''', '--',
            '/usr/bin/printf')
    found = [line for line in r.out.splitlines() if line.startswith('[')]
    assert found == ['[one]', '[two  words]', "[it's]", '[$x]', '[a b]', '[]', r'[q"q\n]', '[*]']


@pytest.mark.parametrize('line', ['run <in', 'run >out', 'run a|b', 'run a;b', 'run a&', 'run "a', "run 'a"])
def test_what_takes_a_shell_is_refused_with_a_way_out(hdb, line):
    r = hdb('-batch', '-ex', line, '--', '/bin/true')
    assert r.status == 1 and ('shell' in r.err or 'quote' in r.err)


def test_settings_hold_for_the_next_run(hdb, world):
    os.mkdir(world.path('there'))
    r = hdb('-batch', '-ex', 'set environment NAME = a value', '-ex', 'set environment B=2', '-ex', 'unset env PATH',
            '-ex', f'cd {world.path("there")}', '-ex', 'show args', '-ex', 'show environment', '-ex', 'run', '--', SH,
            '-c', 'pwd; echo "<$NAME> <$B>"; env | grep -c ^PATH=; echo $0', "it's")
    lines = r.out.splitlines()
    assert world.path('there') in lines and '<a value> <2>' in lines and "it's" in lines
    assert any('''-c 'pwd; echo "<$NAME>''' in line for line in lines), 'show args can be typed again'
    assert 'NAME=a value' in lines and 'without PATH' in lines


def test_here_a_program_has_our_environment_and_directory(hdb):
    r = hdb('-batch', '-ex', 'run', '--', SH, '-c', 'echo $HDB_TEST_VARIABLE', env={'HDB_TEST_VARIABLE': 'is here'})
    assert 'is here' in r.out.splitlines()


def test_run_again_kills_the_one_before_and_starts_anew(hdb):
    r = hdb('-batch', '-ex', 'starti', '-ex', 'info program -json', '-ex', 'set args -c "echo again"', '-ex', 'run',
            '-ex', 'run', '--', SH, '-c', 'echo first')
    pids = {json.loads(line)['pid'] for line in r.out.splitlines() if line.startswith('{')}
    assert r.out.splitlines().count('again') == 2 and 'first' not in r.out.splitlines()
    assert 'was killed by SIGKILL' in r.out and not [pid for pid in pids if clean.alive(pid)]


def test_kill_ends_it_and_run_starts_it_again(hdb):
    r = hdb('-batch', '-ex', 'kill', '-ex', 'info program', '-ex', 'run', '--', '/bin/echo', 'hello')
    assert r.status == 0 and 'was killed by SIGKILL' in r.out and 'hello' in r.out.splitlines()


def test_quitting_kills_what_was_started_and_detach_does_not(hdb):
    ended = hdb('-batch', '-ex', 'info program -json', '--', '/bin/sleep', '60')
    pid = json.loads(ended.out.splitlines()[-1])['pid']
    assert not clean.eventually(lambda: clean.alive(pid))
    left = hdb('-batch', '-ex', 'info program -json', '-ex', 'detach', '--', '/bin/sleep', '60')
    pid = json.loads(left.out.splitlines()[-2])['pid']
    assert 'it runs on' in left.out and clean.alive(pid)
    assert not clean.eventually(lambda: clean.process_faults(pid))
    os.kill(pid, signal.SIGKILL)


def test_a_killed_hdb_takes_its_programs_with_it(world):
    p = world.hdb_start('-batch', '-ex', 'run', '--', '/bin/sleep', '60')
    p.stdout.readline()
    below = clean.eventually(lambda: [pid for pid, what in clean.descendants(p.pid).items() if 'sleep' in what] and [])
    pid = [pid for pid, what in clean.descendants(p.pid).items() if 'sleep' in what][0]
    p.kill()
    p.wait()
    assert below == [] and not clean.eventually(lambda: clean.alive(pid))


def test_ctrl_c_stops_a_program_without_a_terminal_too(world):
    p = world.hdb_start('-batch', '-ex', 'run', '-ex', 'info program', '--', SH, '-c', 'echo up; exec sleep 60',
                        stdin=subprocess.DEVNULL)
    while p.stdout.readline() != 'up\n':
        pass
    time.sleep(0.1)
    p.send_signal(signal.SIGINT)
    out, _ = p.communicate(timeout=harness.PATIENCE)
    assert 'stopped' in out and 'is stopped; it was started by this session' in out


def test_a_program_that_writes_without_end_fills_nobodys_memory(world):
    p = world.hdb_start('-batch', '-ex', 'run', '--', '/usr/bin/yes')
    time.sleep(1)
    for pid in [p.pid, *clean.descendants(p.pid)]:
        rss = int(clean.status(pid).get('VmRSS', '0 kB').split()[0])
        assert rss < 200 * 1024, clean.status(pid)['Name']
    assert p.stdout.read(1 << 20).count('y\n') > 500000, 'and goes on when it is read'
    p.kill()


def debuggee(name):
    return os.path.join(harness.DEBUGGEES, name)


def test_start_stops_in_main(hdb):
    r = hdb('-batch', '-ex', 'start', '-ex', 'bt', '--', debuggee('counter'))
    assert r.status == 0 and 'Temporary breakpoint 1, main ' in r.out and '#0  main (' in r.out


def test_breakpoints_are_kept_wherever_the_next_one_is_mapped(hdb):
    r = hdb('-batch', '-ex', 'break main', '-ex', 'run', '-ex', 'run', '-ex', 'set disable-randomization off',
            '-ex', 'run', '-ex', 'continue', '-ex', 'run', '-ex', 'info breakpoints', '--', debuggee('counter'))
    assert r.status == 0, r
    assert r.out.count('Breakpoint 1, main ') == 4 and r.out.count('launched') == 4
    assert 'breakpoint already hit' in r.out


def test_an_i386_program_is_started_alike(hdb):
    if not os.path.exists(debuggee('changes-i386')):
        pytest.skip('no i386 compiler')
    r = hdb('-batch', '-ex', 'info registers eip', '-ex', 'start', '-ex', 'bt', '--', debuggee('changes-i386'))
    assert r.status == 0 and re.search(r'^eip +0xf7', r.out, re.M) and '#0  main (' in r.out


@pytest.mark.root
def test_on_a_box_it_is_the_mapped_users_program_in_a_login_of_its_own(hdb, box):
    r = hdb('-batch', '-ex', 'run', '--', SH, '-c', 'id -un; pwd; echo $LOGNAME $HDB_TEST; umask', box=box,
            env={'HDB_TEST': 'must not arrive'})
    assert r.status == 0, r
    lines = r.out.splitlines()
    assert lines[1:4] == ['alice', '/', 'alice'] and '0022' in lines
    started = box.await_audit(event='launch', result='OK')[0]
    ended = box.await_audit(event='exited')[0]
    assert started['pid'] == ended['pid']


@pytest.mark.parametrize('word', ['no-launch', 'readonly'])
def test_a_row_may_forbid_it(hdb, boxes, keys, word):
    box = boxes(rows=[f'{keys["alice"].fingerprint} user={harness.ALICE} {word} # alice@test'])
    r = hdb('--', '/bin/true', box=box)
    assert r.status == 1 and 'does not allow' in r.err


def test_a_program_ends_with_its_box(hdb, world, box):
    p = world.hdb_start('-batch', '-ex', 'run', '--', '/bin/sleep', '60', box=box)
    pid = clean.eventually(lambda: [] if [what for what in box.children().values() if 'sleep' in what] else [1])
    pids = [pid for pid, what in box.children().items() if 'sleep' in what]
    assert pid == [] and box.stop(idle=False) == []
    assert not clean.eventually(lambda: clean.alive(pids[0]))
    assert p.wait(harness.PATIENCE) == 1


# ---- on a terminal -----------------------------------------------------------------------------


def test_a_program_gets_a_terminal_and_what_is_typed(terminal):
    t = terminal('--', SH, '-c', 'tty; stty size; read x; echo "<$x>"', rows=31, cols=97)
    t.prompt().type('run\n').until('/dev/pts/').until('31 97').type('typed\n').until('<typed>')
    t.until('exited with status 0').prompt()
    assert not os.path.exists('/nonexistent')
    t.type('quit\n')
    assert t.end() == 0


def test_ctrl_c_is_the_programs_sigint_and_stops_it(terminal):
    t = terminal('--', '/usr/bin/python3', '-I', '-c',
                 'import time\ntry:\n print("up", flush=True)\n while 1: time.sleep(0.01)\nexcept KeyboardInterrupt:\n'
                 ' print("got it")')
    t.prompt().type('run\n').until('up')
    assert not clean.eventually(lambda: not t.raw())
    t.type('\x03').until('SIGINT').prompt()
    # As GDB has it, the program does not get it; signal gives it.
    t.type('signal SIGINT\n').until('got it').until('exited with status 0').prompt()
    t.type('quit\n')
    assert t.end() == 0


def test_keys_reach_a_program_as_they_are(terminal):
    t = terminal('--', '/usr/bin/python3', '-I', '-c',
                 'import os, tty\ntty.setraw(0)\nos.write(1, b"raw!")\n'
                 'while (k := os.read(0, 1)) != b"q": os.write(1, b"[%02x]" % k[0])')
    t.prompt().type('run\n').until('raw!').type('\x03\x1a\x04\r').until('[03][1a][04][0d]').type('q')
    t.until('exited with status 0').prompt()


def test_a_window_size_that_changes_at_the_prompt_is_its_size_when_it_runs(terminal):
    t = terminal('--', SH, '-c', 'stty size')
    t.prompt().size(31, 97)
    t.type('run\n').until('31 97')


def test_a_new_window_size_reaches_it(terminal):
    t = terminal('--', SH, '-c', 'trap "stty size; exit" WINCH; echo up; while :; do sleep 0.05; done')
    t.prompt().type('handle SIGWINCH nostop\n').prompt().type('run\n').until('up')
    t.size(12, 34)
    t.until('12 34').until('exited').prompt()


def test_our_own_lines_begin_at_the_beginning_of_a_line(terminal):
    t = terminal('--', '/usr/bin/printf', 'no newline')
    t.prompt().type('run\n').until('no newline\r\n').until('exited').prompt()


def test_a_box_is_told_the_kind_of_terminal(terminal, box):
    t = terminal('--', SH, '-c', 'echo "<$TERM>"', box=box)
    t.prompt().type('run\n').until('<xterm>').until('exited').prompt()


def test_the_terminal_is_as_before_when_hdb_ends_while_it_runs(terminal):
    t = terminal('--', '/bin/sleep', '60')
    t.prompt().type('run\n').until('runs')
    assert not clean.eventually(lambda: not t.raw())
    os.kill(t.pid, signal.SIGTERM)
    while t._read(5) and t.raw():
        pass
    assert not t.raw() or t.end() == 1


def test_output_of_one_that_runs_in_the_background_is_shown_above_the_prompt(terminal):
    t = terminal('--', SH, '-c', 'sleep 0.3; echo later')
    t.prompt().type('continue &\n').prompt().until('later').until('exited').prompt()
