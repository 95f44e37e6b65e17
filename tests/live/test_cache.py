# SPDX-License-Identifier: BSD-2-Clause
"""What hdb keeps of the files it fetched."""

import os
import shutil
import subprocess

import pytest

import harness
import tracer

SOURCE = '''
#include <stdio.h>
#include <unistd.h>
__attribute__((noinline)) static void NAME(void) { for (;;) pause(); }
int main(void) { printf("ready\\n"); fflush(stdout); NAME(); return 0; }
'''


HIDE = 'mount -t tmpfs hidden "$1" && cp "$2" "$1/program" && exec setpriv --reuid=alice --regid=alice --clear-groups "$1/program"'


@pytest.fixture
def programs(world):
    """programs(NAME): a process that waits in that function. Its program is where we see nothing, and all of them say
    that they have the same build-id."""
    os.mkdir(world.path('hidden'))

    def make(name):
        path = world.path(name)
        subprocess.run(['gcc', '-g', f'-DNAME={name}', '-Wl,--build-id=0x00112233445566778899aabbccddeeff00112233', '-o', path, '-x', 'c', '-'],
                       input=SOURCE, text=True, check=True)
        p = world.start(['unshare', '-m', '--propagation', 'private', 'sh', '-c', HIDE, 'sh', world.path('hidden'), path],
                        stdout=subprocess.PIPE, text=True)
        assert p.stdout.readline() == 'ready\n'
        return p.pid
    return make


@pytest.mark.root
@pytest.mark.skipif(not shutil.which('gcc'), reason='no gcc')
def test_what_one_box_gave_is_not_what_another_runs(world, boxes, programs):
    one, other = boxes(), boxes(key=world.keys['bob'])
    r = world.hdb('-p', programs('of_the_first'), '-batch', '-ex', 'bt', box=one)
    assert ' of_the_first (' in r.out, r
    right = programs('of_the_second')
    for _ in range(2):
        r = world.hdb('-p', right, '-batch', '-ex', 'bt', box=other)
        assert ' of_the_second (' in r.out, r
    assert len(one.audit(event='file-read')) == len(other.audit(event='file-read')) == 1
    assert sorted(os.listdir(world.path('cache/hdb'))) == \
        sorted(k.fingerprint.replace('/', '_') for k in (one.key, other.key))


@pytest.mark.root
@pytest.mark.skipif(not shutil.which('gcc'), reason='no gcc')
@pytest.mark.parametrize('length', [10, 210, 300])
def test_boxes_without_a_key_are_told_apart_by_all_of_the_way_there(world, programs, length):
    way = f'exec:: {"x" * length}; exec {harness.program("procsrv")} -t stdio #'
    for name in ('one', 'two'):
        r = world.hdb('-premote', f'{way} {name}', '-p', programs(f'of_the_{name}'), '-batch', '-ex', 'bt')
        assert f' of_the_{name} (' in r.out, r


@pytest.mark.skipif(not shutil.which('gcc'), reason='no gcc')
@pytest.mark.parametrize('there', ['none', 'another'])
def test_a_program_keeps_its_names_when_its_file_is_gone(world, there):
    path = world.path('upgraded')
    subprocess.run(['gcc', '-g', '-DNAME=of_before', '-o', path, '-x', 'c', '-'], input=SOURCE, text=True, check=True)
    p = world.start([path], stdout=subprocess.PIPE, text=True, **tracer.as_user(harness.ALICE))
    assert p.stdout.readline() == 'ready\n'
    os.unlink(path)
    if there == 'another':
        shutil.copy('/bin/true', path)
    r = world.hdb('-p', p.pid, '-batch', '-ex', 'bt', '-ex', 'info sharedlibrary')
    assert ' of_before () at ' in r.out and 'in main () at ' in r.out and '(the file was deleted)' in r.out, r
