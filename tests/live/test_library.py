# SPDX-License-Identifier: BSD-2-Clause
"""libhosteng as somebody else's program uses it: what is installed, found through pkg-config."""

import os
import re
import shlex

import pytest

import harness

pytestmark = pytest.mark.root  # where "make install" has been
SAN = ['-fsanitize=address,undefined'] if 'san' in os.path.basename(harness.BUILD) else []
STRICT = ['-std=c17', '-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wstrict-prototypes', '-Werror']


@pytest.fixture
def flags(world):
    """flags(WHAT): what pkg-config says of the installed library."""
    def flags(*what):
        r = world.run(['pkg-config', *what, 'hosteng'],
                      env={'PKG_CONFIG_PATH': os.path.join(harness.PREFIX, 'lib', 'pkgconfig')})
        assert r.status == 0, r
        return shlex.split(r.out)
    return flags


def compile(world, *args):
    r = world.run(['cc', *SAN, *STRICT, *args])
    assert r.status == 0 and not r.err, r


def test_the_example_is_built_with_what_is_installed_and_shows_every_stack(world, flags, debuggee):
    program = world.path('stacks')
    compile(world, '-o', program, os.path.join(harness.TOP, 'host', 'examples', 'stacks.c'), *flags('--cflags', '--libs'))
    d = debuggee('sleepers', 3, 4)
    r = world.run([program, str(d.pid), f'exec:{harness.program("procsrv")} -t stdio'])
    assert r.status == 0 and not r.err, r
    assert [int(tid) for tid in re.findall(r'^thread (\d+)', r.out, re.M)] == d.tids()
    assert len(re.findall(r'^  #\d+ 0x[0-9a-f]+ descend at \S+sleepers\.c:\d+$', r.out, re.M)) == 3 * 4
    r = world.run([program, str(d.pid)], env={'HDB_PROCSRV': harness.program('procsrv')})
    assert r.status == 0 and r.out.count('descend') == 3 * 4, r
    r = world.run([program, '1', 'exec:exit 3'])
    assert r.status == 1 and len(r.err.splitlines()) == 1 and not r.out, r


def test_the_installed_header_needs_no_other_of_ours(world, flags):
    source = world.path('alone.c')
    with open(source, 'w') as f:
        f.write('#include <hosteng.h>\nint main(void)\n{\n\tstruct he_error *e = NULL;\n\the_error_free(e);\n\treturn 0;\n}\n')
    compile(world, '-c', '-o', world.path('alone.o'), source, *flags('--cflags'))


def test_pkg_config_knows_the_version_of_hdb(world, flags):
    r = world.run([harness.program('hdb'), '-version'])
    assert r.out.split() == ['hdb', *flags('--modversion')], r
