# SPDX-License-Identifier: BSD-2-Clause
"""The commands README begins with, as root types them: in this machine's own files, of which nothing that they
write stays, and without a network."""

import os
import re
import shutil
import subprocess

import pytest

import harness

pytestmark = [pytest.mark.once, pytest.mark.skipif(not harness.ROOT, reason='needs root: another view of the machine')]

# Everything mounted here goes with the namespace. The tree may lie on a file system of its own.
ENTER = r'''
set -u
over() {
	mkdir "$2" "$2.new" "$2.work" &&
		mount -t overlay overlay -o "lowerdir=$1,upperdir=$2.new,workdir=$2.work" "$2"
}
mount -t tmpfs copy "$WHERE" && over / "$WHERE/root" && over "$TOP" "$WHERE/top" &&
	mount --bind "$WHERE/top" "$WHERE/root$TOP" && mount -t tmpfs run "$WHERE/root/run" &&
	mount --rbind /proc "$WHERE/root/proc" && mount --rbind /sys "$WHERE/root/sys" &&
	mount --rbind /dev "$WHERE/root/dev" && ip link set lo up || exit 77
exec chroot "$WHERE/root" /bin/sh -euc "cd '$TOP'; $1"
'''


@pytest.fixture
def typed(tmp_path):
    """Runs commands of a shell as if the machine were to be kept; what they said. make has no jobs of another, nor
    another's words."""
    if not shutil.which('ip'):
        pytest.skip('no ip')
    build = os.path.relpath(harness.BUILD, harness.TOP)
    ours = ('PROCSRV_PREFIX', 'BUILD', 'DEMO_DIR', 'MAKEFLAGS', 'MFLAGS', 'MAKELEVEL', 'SAN', 'T')

    def run(commands):
        where = tmp_path / 'copy'
        where.mkdir(exist_ok=True)
        env = {k: v for k, v in os.environ.items() if k not in ours}
        r = subprocess.run(
            ['unshare', '-m', '-n', '--propagation', 'private', '/bin/sh', '-c', ENTER, 'sh',
             f'make() {{ command make BUILD={build} "$@"; }}; {commands}'],
            env=dict(env, WHERE=str(where), TOP=harness.TOP), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors='replace', timeout=10 * harness.PATIENCE)
        if r.returncode == 77:
            pytest.skip('nothing can be laid over this machine: ' + ' '.join(r.stdout.split('\n')[-2:]).strip())
        assert r.returncode == 0, r.stdout
        return r.stdout
    return run


def test_make_demo_shows_every_thread_and_leaves_nothing(typed):
    said = typed('make demo; echo LEFT; ls -d /tmp/psd.* /run/procsrv 2>/dev/null || :')
    shown, _, left = said.partition('LEFT\n')
    assert 'Debian packages to be installed' not in shown
    assert '\nlistening tls:' in shown and re.search(r'^SHA256:\S+ +user=', shown, re.M), shown
    one, _, two = shown.partition(' -snapshot ')
    for text in (one.partition("'thread apply all bt'")[2], two):  # four threads, six calls below where each began
        assert len(re.findall(r'^Thread \d ', text, re.M)) == 4 and len(re.findall(r'^#0 ', text, re.M)) == 4, shown
        assert text.count(' in descend ') == 24 and text.count(' in main ') == 1, shown
    assert 'event=attach ' in two and 'procsrv ended cleanly' in two, shown
    assert not left, left


def test_make_install_in_place_leads_to_what_it_says_comes_next(typed):
    said = typed(r'''
        sed -i '/^procsrv-conn:/d' /etc/passwd /etc/group /etc/shadow /etc/gshadow; rm -rf /etc/procsrv
        make install
        echo ==MADE; stat -c '%n %a %U' /etc/procsrv /etc/procsrv/* /run/procsrv; getent passwd procsrv-conn
        echo ==AGAIN; cp -r /etc/procsrv /tmp/first; make install; diff -r /tmp/first /etc/procsrv && echo kept
        echo ==NEXT; export HOME=/root; useradd someone; setpriv --reuid=someone --regid=someone --clear-groups sleep 600 & pid=$!
        hdb -keygen -key /root/hdb.pem | sed -n 's/^\(SHA256:[^ ]*\) .*/\1 user=someone/p' >>/etc/procsrv/authorized_keys
        procsrv -t tls:port=7000 >/tmp/listening & box=$!
        until grep -q listening /tmp/listening; do kill -0 $box; sleep 0.1; done
        until grep -q sleep /proc/$pid/comm && grep -q "^State:.S" /proc/$pid/status; do kill -0 $pid; sleep 0.1; done
        hdb -trust 127.0.0.1:7000 $(sed -n 's/.*pin=\([^,]*\).*/\1/p' /tmp/listening)
        hdb -premote tls:server=127.0.0.1,key=/root/hdb.pem -p $pid -batch -ex bt; kill $box; wait $box; kill $pid
        echo ==AWAY; make uninstall; find /usr/local -name '*procsrv*' -o -name 'hdb*' -o -name '*hosteng*'
        ls /etc/procsrv; getent passwd procsrv-conn | cut -d: -f1''')
    made, again, then, away = re.split('==(?:MADE|AGAIN|NEXT|AWAY)\n', said)[1:]
    assert made.splitlines()[:4] == ['/etc/procsrv 700 root', '/etc/procsrv/authorized_keys 600 root',
                                     '/etc/procsrv/key.pem 600 root', '/run/procsrv 755 root'], said
    assert made.splitlines()[4].startswith('procsrv-conn:') and again.splitlines()[-1] == 'kept', said
    assert re.search(r'^#0 .*nanosleep', then, re.M) and re.search(r'^#\d .* in __libc_start_main', then, re.M), said
    assert away.split() == ['authorized_keys', 'key.pem', 'procsrv-conn'], said
