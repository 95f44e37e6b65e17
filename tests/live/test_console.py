# SPDX-License-Identifier: BSD-2-Clause
"""hdb as a person meets it: prompt, keys, sentences, exit statuses.

The engine behind most of it is scripted (tests/unit/fake_engine.c), so that what is shown does not depend
on a process or a network; SIGUSR1 makes something happen to its target.
"""

import os
import re
import signal
import subprocess

import pexpect
import pytest

import clean
import harness

HDB = os.path.join(harness.BUILD, 'tests', 'hdb-scripted')
PROMPT = '(hdb) '


@pytest.fixture
def env(tmp_path):
    e = dict(os.environ, XDG_CONFIG_HOME=str(tmp_path / 'config'), TERM='xterm', LC_ALL='C.UTF-8', HOME=str(tmp_path),
             DEBUGINFOD_URLS='')
    e.pop('NO_COLOR', None)
    e.pop('HDB_PREMOTE', None)
    return e


@pytest.fixture
def run(env):
    """run(ARGS…): hdb without a terminal, to its end."""
    def run(*args, input='', **how):
        return subprocess.run([HDB, *map(str, args)], input=input, env=env, text=True, capture_output=True,
                              timeout=harness.PATIENCE, start_new_session=True, **how)
    return run


@pytest.fixture
def person(env):
    """person(ARGS…): hdb on a terminal of 100 columns."""
    started = []

    def person(*args, colour=False, prompt=True, **more):
        c = pexpect.spawn(HDB, list(map(str, args)), env=dict(env, **({} if colour else {'NO_COLOR': '1'}), **more),
                          timeout=harness.PATIENCE, encoding='utf-8', dimensions=(40, 100))
        started.append(c)
        if prompt:
            c.expect_exact(PROMPT)
        return c
    yield person
    for c in started:
        c.close(force=True)


def do(c, line):
    """A line typed at the prompt; what came until the next prompt."""
    c.send(line + '\r')
    c.expect_exact(PROMPT)
    # What is typed is drawn by the editor, in front of the answer; and by the terminal before, where it came sooner
    # than the editor was ready.
    return c.before.split('\r\n', 1)[1].removeprefix(line + '\r\n')


def leave(c):
    c.expect(pexpect.EOF)
    c.close()
    assert c.signalstatus is None
    return c.exitstatus


# ---- on a terminal -------------------------------------------------------------


def test_the_prompt_comes_after_the_summary_and_ctrl_d_leaves(person):
    c = person('-p', 4242)
    assert c.before.startswith('redis-server (4242) stopped, 3 threads; symbols: ')
    assert 'in main () at server.c:12' in do(c, 'bt')
    c.send('\x04')
    assert leave(c) == 0


def test_quit_leaves_with_0_even_after_a_mistake(person):
    c = person()
    # No "hdb: " in front: it is clear who speaks.
    assert do(c, 'nonsense').startswith('"nonsense" is not a command; help lists them.')
    c.send('q\r')
    assert leave(c) == 0


def test_a_connected_box_is_introduced(person):
    c = person('-premote', 'box')
    assert 'connected: box, procsrv 0.1, Linux 6.1 x86_64, you are alice\r\n' in c.before


def test_history_lasts_from_one_session_to_the_next(person, env):
    c = person('-p', 4242)
    do(c, 'info symbol main')
    do(c, '   ')
    c.send('\x04')
    assert leave(c) == 0
    path = os.path.join(env['XDG_CONFIG_HOME'], 'hdb', 'history')
    assert os.stat(path).st_mode & 0o77 == 0
    c = person('-p', 4242)
    c.send('\x1b[A')  # the key up
    c.expect_exact('info symbol main')
    c.send('\r')
    c.expect_exact('main in /usr/bin/redis-server')


def test_tab_completes_commands_and_arguments(person):
    c = person('-p', 4242)
    c.send('info thr\t')
    c.expect_exact('eads ')
    c.send('\r')
    c.expect_exact('bio_close_file')
    c.expect_exact(PROMPT)
    c.send('info \t')
    c.expect_exact('sharedlibrary')
    c.expect_exact(PROMPT + 'info ')
    c.send('\x03')
    c.expect_exact(PROMPT)
    c.send('attach re\t')
    c.expect_exact('dis-server ')


def test_ctrl_c_clears_the_line(person):
    c = person('-p', 4242)
    c.send('this is wrong')
    c.expect_exact('wrong')
    c.send('\x03')
    c.expect_exact(PROMPT)
    assert 'in main () at server.c:12' in do(c, 'bt')


def test_ctrl_c_stops_a_running_process(person):
    c = person('-p', 4242)
    c.send('continue\r')
    c.expect_exact('Ctrl-C stops it')
    c.send('\x03')
    c.expect_exact('redis-server (4242) stopped')
    c.expect_exact(PROMPT)
    assert 'on_alarm' in do(c, 'bt')


def test_an_event_shows_above_the_line_that_is_being_typed(person):
    c = person('-p', 4242)
    c.send('info sym')
    c.expect_exact('info sym')
    os.kill(c.pid, signal.SIGUSR1)
    c.expect_exact('redis-server (4242) got SIGUSR1')
    c.expect_exact(PROMPT + 'info sym')
    c.send('bol main\r')
    c.expect_exact('main in /usr/bin/redis-server')


def test_an_event_shows_while_nobody_types(person):
    c = person('-p', 4242)
    do(c, 'continue &')
    os.kill(c.pid, signal.SIGUSR1)
    c.expect_exact('redis-server (4242) got SIGUSR1')
    c.expect_exact(PROMPT)


def test_what_is_typed_right_behind_ctrl_c_is_the_next_line(person):
    c = person('-p', 4242)
    for _ in range(20):
        c.send('nonsense')
        c.expect_exact('nonsense')
        c.send('\x03info symbol main\r')
        c.expect_exact('main in /usr/bin/redis-server')
        c.expect_exact(PROMPT)


def test_an_empty_line_goes_on(person):
    c = person('-p', 4242)
    assert '0x1000 <table>:' in do(c, 'x/4xb table')
    assert '0x1004 <table+4>:\t0x6f\t0x00\t0x06\t0x07' in do(c, '')
    assert '7\t' in do(c, 'list main')
    assert '17\t' in do(c, '')
    # What has an effect is not repeated.
    do(c, 'bt')
    assert do(c, '') == ''


def test_another_window_size_and_the_background_leave_the_line_whole(person):
    c = person('-p', 4242)
    c.send('info sym')
    c.expect_exact('info sym')
    c.setwinsize(40, 60)
    c.expect_exact(PROMPT + 'info sym')
    c.send('bol main\r')
    c.expect_exact('main in /usr/bin/redis-server')


def test_a_signal_ends_it_and_gives_the_terminal_back(person):
    for sig in (signal.SIGTERM, signal.SIGHUP):
        c = person('-p', 4242)
        assert c.waitnoecho()  # the editor draws what is typed
        c.kill(sig)
        c.expect(pexpect.EOF)
        assert c.getecho()
        c.close()
        assert c.exitstatus == 1


def test_a_question_is_asked_on_the_terminal(person):
    c = person('-premote', 'strange', prompt=False)
    c.expect_exact('never seen before. Trust it (yes/no)? ')
    c.send('maybe\r')
    c.expect_exact('Please type yes or no: ')
    c.send('yes\r')
    c.expect_exact(PROMPT)
    c = person('-premote', 'strange', prompt=False)
    c.expect_exact('(yes/no)? ')
    c.send('no\r')
    c.expect_exact('hdb: strange:7000: its key is not known.')
    assert leave(c) == 1


def test_without_a_terminal_nothing_is_asked(run):
    r = run('-premote', 'strange', '-batch', input='yes\n')
    assert r.returncode == 1 and r.stderr == 'hdb: strange:7000: its key is not known.\n' and not r.stdout


def test_colour_is_for_terminals_without_no_color(person, run):
    assert '\x1b[33mmain' in do(person('-p', 4242, colour=True), 'bt')
    assert '\x1b' not in do(person('-p', 4242), 'bt')
    assert '\x1b' not in do(person('-p', 4242, colour=True, TERM='dumb'), 'bt')
    assert '\x1b' not in run('-p', 4242, '-batch', '-ex', 'bt').stdout


def test_a_table_is_cut_to_the_terminal(person, run):
    c = person('-p', 4242)
    c.setwinsize(40, 60)
    c.expect_exact(PROMPT)
    lines = do(c, 'ps').replace('\r', '').splitlines()
    assert all(len(line) <= 60 for line in lines[:3]) and lines[1].endswith('...')
    assert '...' not in run('-ps').stdout


# ---- on a terminal, with a real box ------------------------------------------------


@pytest.fixture
def real(world, env, tmp_path):
    """real(ARGS…): the hdb that people use, on a terminal."""
    started = []

    def real(*args):
        c = pexpect.spawn(harness.program('hdb'), list(map(str, args)), env=dict(env, NO_COLOR='1'),
                          timeout=harness.PATIENCE, encoding='utf-8', dimensions=(40, 200))
        started.append(c)
        return c
    yield real
    for c in started:
        c.close(force=True)


def test_an_unknown_box_is_asked_about_once(world, box, real):
    for time in ('first', 'second'):
        c = real(*world.premote(box, pin=False))
        if time == 'first':
            c.expect_exact('(yes/no)?')
            assert box.key.fingerprint in c.before
            c.send('yes\r')
        assert c.expect_exact(['(yes/no)?', PROMPT]) == 1
        assert 'connected: ' in c.before and f'you are {harness.ALICE}' in c.before
        c.send('quit\r')
        assert leave(c) == 0


def test_a_real_process_runs_stops_and_ends_under_the_prompt(world, box, debuggee, real):
    d = debuggee('sleepers', 3, 4)
    c = real(*world.premote(box), '-p', d.pid)
    c.expect_exact(PROMPT)
    assert f'sleepers ({d.pid}) stopped, 3 threads; symbols: sleepers (' in c.before
    assert do(c, 'bt').count('descend') == 4
    c.send('continue\r')
    c.expect_exact('Ctrl-C stops it')
    c.send('\x03')
    c.expect_exact(f'sleepers ({d.pid}) stopped')
    c.expect_exact(PROMPT)
    do(c, 'continue &')
    d.expect_gone = True
    d.process.kill()
    c.expect_exact(f'sleepers ({d.pid}) was killed by SIGKILL')
    c.send('\x04')
    assert leave(c) == 0


def test_quitting_lets_every_process_go(world, box, debuggee, real):
    first, second = debuggee('sleepers', 2, 4), debuggee('deep', 5)
    c = real(*world.premote(box), '-p', first.pid)
    c.expect_exact(PROMPT)
    do(c, f'attach {second.pid}')
    assert len(re.findall('stopped', do(c, 'targets'))) == 2
    c.send('quit\r')
    assert leave(c) == 0
    assert clean.eventually(first.faults) == [] and clean.eventually(second.faults) == []


def test_letting_go_of_what_does_not_stop_says_what_it_waits_for(world, box, debuggee, real):
    for line in ('detach', 'quit'):
        d = debuggee('odd', 'vfork', 60000, busy=True)
        os.kill(d.pid, signal.SIGUSR1)
        assert not clean.eventually(lambda: clean.status(d.pid)['State'][0] != 'D')
        c = real(*world.premote(box), '-p', d.pid, '-batch', '-ex', line)
        c.expect_exact(f'letting odd ({d.pid}) go: the kernel does not interrupt thread {d.pid} now')
        d.end_children()
        assert leave(c) == 0


# ---- in scripts ------------------------------------------------------------------


def test_commands_are_done_in_the_order_given(run, tmp_path):
    path = tmp_path / 'commands'
    path.write_text('# a comment\n\ninfo symbol main+2\n')
    r = run('-p', 4242, '-batch', '-ex', 'info symbol main+1', '-x', path, '-ex', 'info symbol main+3')
    assert r.returncode == 0 and not r.stderr
    assert re.findall(r'main \+ (\d)', r.stdout) == ['1', '2', '3']


def test_the_first_that_fails_ends_a_batch(run, tmp_path):
    r = run('-p', 4242, '-batch', '-ex', 'frame 9', '-ex', 'bt')
    assert r.returncode == 1 and 'main' not in r.stdout.splitlines()[-1]
    assert r.stderr == 'hdb: no frame 9; the outermost is 3.\n'
    path = tmp_path / 'commands'
    path.write_text('frame 9\nbt\n')
    r = run('-p', 4242, '-batch', '-x', path)
    assert r.returncode == 1 and '#3' not in r.stdout
    assert run('-batch', '-x', tmp_path / 'nowhere').returncode == 1


def test_quit_ends_a_batch_with_0(run):
    r = run('-p', 4242, '-batch', '-ex', 'quit', '-ex', 'nonsense')
    assert r.returncode == 0 and not r.stderr


def test_commands_from_a_pipe_need_no_prompt(run):
    r = run('-p', 4242, input='bt\ninfo symbol main\n')
    assert r.returncode == 0 and 'main in ' in r.stdout
    assert PROMPT not in r.stdout and '\x1b' not in r.stdout and not r.stderr
    r = run('-p', 4242, input='nonsense\ninfo symbol main\n')
    assert r.returncode == 1 and 'main in ' in r.stdout  # the rest is done


@pytest.mark.parametrize('args, status, words', [
    (['-p', '1'], 1, 'there is no process 1'),
    (['-pn', 'nobody', '-batch'], 1, 'nobody'),
    (['-psn', 'x.service', '-batch'], 1, 'x.service'),
    (['-snapshot', '1'], 1, 'there is no process 1'),
    (['-premote', 'closed', '-ps'], 1, 'connection refused'),
    (['-trust', 'box', 'rubbish'], 2, 'rubbish'),
    (['-premote', 'tls:nonsense', '-ps'], 2, 'nonsense'),
    # What a box answers is no matter of how hdb was called.
    (['-premote', 'garbled', '-ps'], 1, 'cannot be read'),
    (['-premote', 'garbled', '-batch', '-ex', 'ps'], 1, 'cannot be read'),
    (['-rsp', 'tcp:port=x'], 2, 'tcp:port=x'),
    (['-server', 'tls:port=1'], 2, 'not in this version'),
    (['/bin/true'], 2, 'hdb -- /bin/true'),
    (['-nonsense'], 2, '-nonsense'),
])
def test_what_goes_wrong_is_one_sentence_and_a_status(run, args, status, words):
    r = run(*args)
    assert r.returncode == status
    assert len(r.stderr.splitlines()) == 1 and r.stderr.startswith('hdb: ') and words in r.stderr, r.stderr
    assert not r.stdout


def test_a_closed_pipe_is_status_1(env):
    r, w = os.pipe()
    os.close(r)
    with os.fdopen(w, 'wb') as out:
        p = subprocess.run([HDB, '-ps'], stdout=out, stderr=subprocess.PIPE, env=env, timeout=harness.PATIENCE)
    assert p.returncode == 1


def test_keygen_prints_the_map_file_line(run):
    r = run('-keygen')
    assert r.returncode == 0
    assert re.search(r'^SHA256:abc   user=NAME   # \S+@\S+$', r.stdout, re.M), r.stdout


# ---- what is written about it -------------------------------------------------------


def manual():
    with open(os.path.join(harness.TOP, 'man', 'hdb.1')) as f:
        return f.read()


def listed(text):
    """Names in front of two blanks, as help prints them; further names in brackets."""
    return {m.group(1).strip() for m in re.finditer(r'^([a-z ]+?)(?: \([a-z! -]+\))?  +\S', text, re.M)}


def test_the_manual_has_every_command_and_no_other(run):
    tops = listed(run('-batch', '-ex', 'help').stdout)
    subs = {s for t in ('info', 'thread') for s in listed(run('-batch', '-ex', 'help ' + t).stdout)}
    assert {'backtrace', 'x', 'quit'} <= tops and {'info threads', 'thread apply'} <= subs
    items = set(re.findall(r'^\.It Ic (x|(?:info|thread) [a-z]+|[a-z]+)', manual(), re.M))
    assert items == tops | subs


def test_the_manual_has_every_setting_and_no_other(run):
    settings = set(re.findall(r'^([a-z -]+):  ', run('-batch', '-ex', 'show').stdout, re.M))
    assert {'confirm', 'print elements'} <= settings
    part = manual().split('.It Ic set Ar setting')[1].split('.El')[0]
    items = re.findall(r'^\.It Cm (.*)$', part, re.M)
    assert len(items) == len(settings)
    assert [s for s in settings if not any(item.startswith(s + ' ') for item in items)] == []


def test_the_manual_has_every_option_and_no_other(run):
    options = set(re.findall(r'^  -([a-z]+)', run('-help').stdout, re.M))
    text = manual()
    body = text.split('.Ss Questions')[0] + text.split('.Sh GDB AND LLDB')[1].split('.Sh FILES')[0]
    assert set(re.findall(r'^\.It Fl ([a-z]+)', body, re.M)) == options


def test_the_shell_completes_options_and_never_runs_what_a_process_is_called(run, env, tmp_path):
    # A program that calls itself like a command substitution.
    hostile = tmp_path / '$(touch x)'
    os.symlink('/bin/sleep', hostile)
    p = subprocess.Popen([str(hostile), str(harness.PATIENCE)], cwd=tmp_path)
    script = f'''. {harness.TOP}/host/hdb/hdb.bash; cd {tmp_path}
t() {{ COMPREPLY=(); _hdb {HDB} "$1" "$2"; echo "$2 $1: ${{COMPREPLY[*]}}"; }}
t -sn ""; t inter -ex; t '$' -pn; t slee -pn; t "" -pn >/dev/null'''
    try:
        out = subprocess.run(['bash', '-c', script], env=env, text=True, capture_output=True, check=True).stdout
    finally:
        p.kill()
        p.wait()
    assert ' -sn: -snapshot\n' in out and '-ex inter: interrupt\n' in out and '-pn $: \n' in out
    assert not (tmp_path / 'x').exists()
