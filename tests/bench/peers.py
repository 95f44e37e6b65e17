# SPDX-License-Identifier: BSD-2-Clause
"""The debuggers a bench compares: ours and the two that Debian has, each as a careful user sets it up. Every one
does the same works to the same sleeping process, through the same proxy."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import clean
import harness

LLDB_SERVER = shutil.which('lldb-server') or next(
    (p for p in (f'/usr/lib/llvm-{n}/bin/lldb-server' for n in range(25, 12, -1)) if os.path.exists(p)), None)


def listens(pid, seconds=20):
    """The TCP port pid listens on, without connecting (which would be the one connection it serves)."""
    def port():
        inodes = set()
        for p in [pid, *clean.descendants(pid)]:
            try:
                for fd in os.listdir(f'/proc/{p}/fd'):
                    inodes.add(os.readlink(f'/proc/{p}/fd/{fd}').removeprefix('socket:[').rstrip(']'))
            except OSError:
                pass
        for table in ('tcp', 'tcp6'):
            for line in open(f'/proc/net/{table}').read().splitlines()[1:]:
                f = line.split()
                if f[3] == '0A' and f[9] in inodes:
                    return int(f[1].rsplit(':', 1)[1], 16)
        return None
    assert not clean.eventually(lambda: port() is None, seconds), 'does not listen'
    return port()


class Run:
    """What one run took: seconds of the work itself, waits and bytes of the link."""

    def __init__(self, seconds, link):
        self.seconds, self.waits, self.bytes = seconds, link['waits'], link['up'] + link['down']


class Peer:
    name = ''

    def __init__(self, world):
        self.world = world

    def through(self, port, delay, command):
        """Run command(port) through a proxy; its result and the link's counts."""
        p = harness.Proxy(port, '-delay', delay)
        try:
            result = command(p.port)
        finally:
            links = p.finish()
        return result, links[-1] if links else {'waits': 0, 'up': 0, 'down': 0}

    def output(self, argv, **how):
        r = self.world.run(argv, timeout=3600, **how)
        self.world.said.clear()
        if r.status != 0:
            raise RuntimeError(repr(r)[-3000:])
        return r

    @staticmethod
    def seconds(text):
        found = re.findall(r'^SECONDS ([\d.e-]+)', text, re.M)
        if not found:
            raise RuntimeError(f'no time in {text[-2000:]}')
        return float(found[-1])


class Hdb(Peer):
    name = 'hdb'

    def __init__(self, world):
        super().__init__(world)
        self.box = world.box()

    def engine(self, d, work, delay=0, more=(), pinned=False):
        def command(port):
            transport = self.world.premote(self.box, port=port)[1]
            argv = [os.path.join(harness.BUILD, 'bench', 'engine'), transport, work, str(d.pid), *map(str, more)]
            return self.output(argv).out
        if delay is None:
            return command(self.box.port), None
        return self.through(self.box.port, delay, command)

    def attach(self, d, delay=0):
        out, link = self.engine(d, 'attach', delay)
        return Run(float(out) / 1e6, link)

    def bt(self, d, delay=0):
        out, link = self.engine(d, 'bt', delay)
        return Run(float(out) / 1e6, link)

    def ready(self, delay=0):
        """The link alone."""
        def command(port):
            began = time.monotonic()
            self.output([harness.program('hdb'), *self.world.premote(self.box, port=port), '-batch'])
            return time.monotonic() - began
        seconds, link = self.through(self.box.port, delay, command)
        return Run(seconds, link)

    def console(self, d, commands, delay=0):
        """The program as people run it."""
        def command(port):
            began = time.monotonic()
            ex = [x for c in commands for x in ('-ex', c)]
            self.output([harness.program('hdb'), *self.world.premote(self.box, port=port), '-p', str(d.pid), '-batch',
                         *ex])
            return time.monotonic() - began
        seconds, link = self.through(self.box.port, delay, command)
        return Run(seconds, link)

    def snapshot(self, d, delay=0):
        def command(port):
            r = self.output([harness.program('hdb'), *self.world.premote(self.box, port=port), '-snapshot', str(d.pid),
                             '-json'])
            return json.loads(r.out)['stopped_us'] / 1e6
        seconds, link = self.through(self.box.port, delay, command)
        return Run(seconds, link)

    def bulk(self, d, address, size, delay=None):
        out, _ = self.engine(d, 'bulk', delay, (address, size))
        return float(out) / 1e6

    def small(self, d, address, count):
        out, _ = self.engine(d, 'small', None, (address, count))
        return [float(x) / 1e6 for x in out.split()]

    def passing(self, d, where, condition, rate):
        """What rate() says while a breakpoint is hit whose condition is false."""
        argv = [os.path.join(harness.BUILD, 'bench', 'engine'), self.world.premote(self.box)[1], 'pass', str(d.pid),
                where, condition]
        p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.world.env)
        ready = p.stdout.readline()
        result = rate()
        p.communicate()
        if ready != 'ready\n' or p.returncode:
            raise RuntimeError('the engine did not pass')
        return result

    def each(self, d, what, where, count):
        """Seconds of each stop at a breakpoint (stops), step over a line (lines), change of a variable (watch)."""
        return [float(x) / 1e6 for x in self.engine(d, what, None, (where, count))[0].split()]

    def steps(self, d, address, size, count):
        """Seconds of each walk through that code, every instruction of it by itself."""
        return [float(x) / 1e6 for x in self.engine(d, 'steps', None, (address, count, size))[0].split()]


class Gdb(Peer):
    name = 'gdb'

    SCRIPT = """
set sysroot /
set debuginfod enabled off
set confirm off
set pagination off
set height 0
set stack-cache off
target extended-remote 127.0.0.1:%(port)d
python
import time, gdb
began = time.monotonic()
gdb.execute('attach %(pid)d', to_string=True)
%(work)s
end
detach
"""
    WORKS = {
        'attach': "print('SECONDS', time.monotonic() - began)",
        'bt': "gdb.execute('thread apply all bt', to_string=True)\nprint('SECONDS', time.monotonic() - began)",
        'bulk': "began = time.monotonic()\ngdb.selected_inferior().read_memory(%d, %d)\n"
                "print('SECONDS', time.monotonic() - began)",
        'small': "i = gdb.selected_inferior()\nfor n in range(%(count)d):\n    b = time.monotonic()\n"
                 "    i.read_memory(%(address)d + n * 8192, 8)\n    print('EACH', time.monotonic() - b)\n"
                 "print('SECONDS', time.monotonic() - began)",
    }

    def run_work(self, d, work, delay=0, proxy=True):
        server = subprocess.Popen(['gdbserver', '--multi', '--once', '127.0.0.1:0'], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            def command(port):
                path = self.world.path('gdb.script')
                with open(path, 'w') as f:
                    f.write(self.SCRIPT % {'port': port, 'pid': d.pid, 'work': work})
                return self.output(['gdb', '-nx', '-batch', '-x', path]).out
            port = listens(server.pid)
            return self.through(port, delay, command) if proxy else (command(port), None)
        finally:
            server.kill()
            server.wait()

    def attach(self, d, delay=0):
        out, link = self.run_work(d, self.WORKS['attach'], delay)
        return Run(self.seconds(out), link)

    def bt(self, d, delay=0):
        out, link = self.run_work(d, self.WORKS['bt'], delay)
        return Run(self.seconds(out), link)

    def bulk(self, d, address, size, delay=None):
        return self.seconds(self.run_work(d, self.WORKS['bulk'] % (address, size), delay or 0, delay is not None)[0])

    def small(self, d, address, count):
        out, _ = self.run_work(d, self.WORKS['small'] % {'address': address, 'count': count}, proxy=False)
        return [float(x) for x in re.findall(r'^EACH ([\d.e-]+)', out, re.M)]

    PASS = """gdb.execute('set breakpoint condition-evaluation target')
gdb.execute('break %s if %s')
open('%s', 'w').close()
gdb.execute('continue')
"""
    EACH = """gdb.execute('%(first)s')
for n in range(%(count)d):
    %(before)s
    b = time.monotonic()
    gdb.execute('%(do)s', to_string=True)
    print('EACH', time.monotonic() - b)
gdb.execute('delete')
print('SECONDS', time.monotonic() - began)
"""
    DO = {'stops': ('break %s', 'pass', 'continue'), 'watch': ('watch %s', 'pass', 'continue'),
          'lines': ('break %s', "gdb.execute('continue', to_string=True)", 'next')}

    def passing(self, d, where, condition, rate):
        flag = self.world.path('passes')
        result = []

        def watch():
            if not clean.eventually(lambda: not os.path.exists(flag), 60):
                time.sleep(0.3)
                result.append(rate())
            # The signal stops it, which ends `continue` and the script.
            os.kill(d.pid, signal.SIGUSR1)
        t = threading.Thread(target=watch)
        t.start()
        try:
            self.run_work(d, self.PASS % (where, condition, flag) +
                          "gdb.execute('delete')\ngdb.execute('handle SIGUSR1 nopass')\n", proxy=False)
        finally:
            t.join()
            os.unlink(flag)
        if not result:
            raise RuntimeError('gdb did not pass')
        return result[0]

    def each(self, d, what, where, count):
        first, before, do = self.DO[what]
        script = self.EACH % {'first': first % where, 'before': before, 'do': do, 'count': count}
        return [float(x) for x in re.findall(r'^EACH ([\d.e-]+)', self.run_work(d, script, proxy=False)[0], re.M)]


class Lldb(Peer):
    """Debian's lldb may lack its Python, so its time is that of the whole run without the time of a run that only
    starts."""

    name = 'lldb'
    SETTINGS = ['settings set symbols.enable-external-lookup false']

    def lldb(self, commands):
        began = time.monotonic()
        self.output(['lldb', '-x', '-b'] + [x for c in self.SETTINGS + commands for x in ('-o', c)])
        return time.monotonic() - began

    def run_work(self, d, work, delay=0, proxy=True):
        start = self.lldb([])
        server = subprocess.Popen([LLDB_SERVER, 'gdbserver', '--attach', str(d.pid), '127.0.0.1:0'],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            def command(port):
                return self.lldb([f'gdb-remote 127.0.0.1:{port}', *work, 'detach'])
            port = listens(server.pid)
            seconds, link = self.through(port, delay, command) if proxy else (command(port), None)
            return max(seconds - start, 1e-9), link
        finally:
            server.kill()
            server.wait()

    def attach(self, d, delay=0):
        return Run(*self.run_work(d, [], delay))

    def bt(self, d, delay=0):
        return Run(*self.run_work(d, ['bt all'], delay))

    def bulk(self, d, address, size, delay=None):
        to = self.world.path('memory')
        work = f'memory read --force --binary --outfile {to} --count {size} --size 1 --format bytes {address:#x}'
        return self.run_work(d, [work], delay or 0, delay is not None)[0]

    small = passing = each = None
