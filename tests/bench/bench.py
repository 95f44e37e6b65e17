#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""make bench: figures beside the peers' and beside what the machine allows, all taken in this run.

Each figure is the median of REPEAT runs (default 5), with the spread; contenders take turns. Goals that are missed
say so. QUICK=1 is a short run to see that everything works; its figures mean nothing. SLOW=1 also lets the peers
take 1000 threads over a delayed link, which takes an hour; without it those figures are computed: waits × RTT + the
time without delay, and marked ~.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'live'))

import clean  # noqa: E402
import conftest  # noqa: E402
import harness  # noqa: E402
import peers  # noqa: E402
import rsp_peers  # noqa: E402

QUICK, SLOW = 'QUICK' in os.environ, 'SLOW' in os.environ
REPEAT = int(os.environ.get('REPEAT', 1 if QUICK else 5))
ONLY = os.environ.get('T', '')
MANY, MOST = (50, 100) if QUICK else (1000, 10000)
MIB = 4 if QUICK else 64
missed = []


class Figure:
    def __init__(self, values):
        self.values = values
        self.median = statistics.median(values)

    def spread(self):
        return f'{min(self.values):.4g}..{max(self.values):.4g}' if len(self.values) > 1 else ''


def take_turns(contenders):
    """{name: function} run interleaved, REPEAT times; {name: [results]}. A contender that fails is left out."""
    results = {name: [] for name in contenders}
    for _ in range(REPEAT):
        for name, run in contenders.items():
            if results[name] is None:
                continue
            try:
                results[name].append(run())
            except (RuntimeError, AssertionError, subprocess.TimeoutExpired) as e:
                print(f'  ({name} failed: {str(e).splitlines()[0] if str(e) else type(e).__name__})')
                results[name] = None
    return {name: r for name, r in results.items() if r}


def title(text):
    print(f'\n{text}', flush=True)


def row(label, figure, unit='', ratio=None, goal=None, better='<=', who=''):
    """One line; goal is held against ratio, or against the figure where there is none."""
    label = f'{label:<42} {who:<10}' if who else f'{label:<53}'
    value = f'{figure.median:10.4g} {unit:<6}' if isinstance(figure, Figure) else f'{figure:>17}'
    spread = figure.spread() if isinstance(figure, Figure) else ''
    held = ratio if ratio is not None else figure.median if isinstance(figure, Figure) else None
    verdict = ''
    if goal is not None:
        met = held <= goal if better == '<=' else held >= goal
        verdict = f'goal {better} {goal}: ' + ('met' if met else 'MISSED')
        if not met:
            missed.append(f'{" ".join(label.split())}: {held:.3g}, goal {better} {goal}')
    print(f'  {label}{value}  {spread:<20}' + (f' {ratio:7.2f} x' if ratio is not None else ' ' * 10) +
          f'  {verdict}', flush=True)


def runs(results, of):
    return {name: Figure([getattr(r, of) for r in rs]) for name, rs in results.items()}


def contenders(all_peers, work, *args, **how):
    return {p.name: (lambda p=p: getattr(p, work)(*args, **how)) for p in all_peers}


# ---- the figures ------------------------------------------------------------------------


def round_trips(world, all_peers):
    title('Round trips: how often somebody waited (proxy with 10 ms one way for hdb, none for the others)')
    hdb = all_peers[0]
    ready = take_turns({'hdb': lambda: hdb.ready(10)})['hdb'][0].waits
    row('TCP connected to ready', Figure([ready]), goal=4, who='hdb')
    for threads, goal_attach, goal_bt in ((1, 5, None), (MANY + 1, 8, 15)):
        d = world.debuggee('sleepers', threads)
        for what, goal in (('attach', goal_attach), ('bt', goal_bt)):
            turn = {p.name: (lambda p=p: getattr(p, what)(d, 10 if p is hdb else 0)) for p in all_peers}
            waits = runs(take_turns(turn), 'waits')
            for name, figure in waits.items():
                if name == 'hdb':
                    figure = Figure([v - ready for v in figure.values])
                label = f'{"attach" if what == "attach" else "attach, all backtraces"}, {threads} threads'
                row(label, figure, goal=goal if name == 'hdb' else None, who=name)
        finish(world, d)
    d = world.debuggee('sleepers', MANY + 1)
    got = runs(take_turns({'hdb': lambda: hdb.snapshot(d, 10)}), 'waits')
    row(f'snapshot, {MANY + 1} threads, from TCP connected', got['hdb'], goal=8, who='hdb')
    finish(world, d)


def wall_times(world, all_peers):
    title('Attach and all backtraces, seconds')
    for threads in (1, 10, 50) if QUICK else (1, 100, 1000):
        d = world.debuggee('sleepers', threads)
        base = {}
        for rtt in (0, 20, 100):
            direct = [p for p in all_peers if p.name == 'hdb' or rtt == 0 or threads < 1000 or SLOW]
            # A peer with thousands of waits is not run five times over a slow link.
            direct = [p for p in direct if p.name == 'hdb' or not base.get(p.name) or SLOW or
                      base[p.name][1] * rtt / 1e3 < 30]
            results = take_turns(contenders(direct, 'bt', d, rtt / 2))
            times, waits = runs(results, 'seconds'), runs(results, 'waits')
            if rtt == 0:
                base = {name: (times[name].median, waits[name].median) for name in times}
            for p in all_peers:
                label = f'{threads} threads, RTT {rtt} ms'
                goal = 10 if p.name == 'hdb' and threads == 1000 and rtt == 100 else None
                if p.name in times:
                    mine = times['hdb'].median if 'hdb' in times else None
                    row(label, times[p.name], 's', ratio=None if goal or not mine else times[p.name].median / mine,
                        goal=goal, who=p.name)
                elif p.name in base:
                    seconds, n = base[p.name]
                    row(label, f'~{seconds + n * rtt / 1e3:.1f} s     ', who=p.name)
        finish(world, d)


def bare(world, what, d):
    return float(world.run([os.path.join(harness.BUILD, 'bench', 'ceil_ptrace'), what, str(d.pid)]).out) / 1e6


def standing_still(world, all_peers):
    hdb = all_peers[0]
    title(f'How long {MANY} threads stand still for -snapshot, milliseconds')
    d = world.debuggee('sleepers', MANY)
    for rtt in (0, 100):
        got = take_turns({'bare loop': lambda: bare(world, 'snapshot', d),
                          'hdb': lambda: hdb.snapshot(d, rtt / 2).seconds})
        ceiling = Figure([v * 1e3 for v in got['bare loop']])
        row(f'RTT {rtt} ms', ceiling, 'ms', who='bare loop')
        if 'hdb' in got:
            mine = Figure([v * 1e3 for v in got['hdb']])
            row(f'RTT {rtt} ms', mine, 'ms', mine.median / ceiling.median, 1.5, who='hdb')
    finish(world, d)


def attaching(world, all_peers):
    title('Attach until all threads stand, milliseconds, in a session that has listed processes before')
    for threads in (MANY, MOST):
        try:
            d = world.debuggee('sleepers', threads)
        except (RuntimeError, AssertionError):
            print(f'  ({threads} threads cannot be started here)')
            continue
        some = all_peers if threads < 10000 else all_peers[:1]
        turn = {p.name: (lambda p=p: p.attach(d).seconds) for p in some}
        got = take_turns({'bare loop': lambda: bare(world, 'attach', d), **turn})
        ceiling = statistics.median(got['bare loop']) * 1e3
        for name, values in got.items():
            f = Figure([v * 1e3 for v in values])
            row(f'{threads} threads', f, 'ms', f.median / ceiling, 2 if name == 'hdb' else None, who=name)
        finish(world, d)


class TlsAlone:
    """The ceiling of what goes through TLS."""

    def __init__(self, world):
        self.world, self.program = world, os.path.join(harness.BUILD, 'bench', 'ceil_tls')
        self.key = world.keys['box'].path

    def run(self, what, n, delay=None):
        server = subprocess.Popen([self.program, self.key, 'serve'], stdout=subprocess.PIPE, text=True)
        port = int(server.stdout.readline())
        p = harness.Proxy(port, '-delay', delay) if delay is not None else None
        out = self.world.run([self.program, self.key, what, str(n), '127.0.0.1', str(p.port if p else port)]).out
        if p:
            p.finish()
        server.wait()
        server.stdout.close()
        return [float(x) / 1e6 for x in out.split()]


def memory(world, all_peers):
    alone = TlsAlone(world)
    d = world.debuggee('memory', MIB)
    address, size = d.facts['noise'], d.facts['size']
    for delay, goal in ((None, 0.85), (10, 0.8)):
        where = 'loopback' if delay is None else f'{delay} ms one way'
        title(f'Reading {MIB} MiB of memory, MiB/s, {where} (peers in clear)')
        # gdb over a delayed link needs minutes for what it does in a second here.
        some = [p for p in all_peers if delay is None or p.name != 'gdb' or SLOW]
        turn = {p.name: (lambda p=p: MIB / p.bulk(d, address, size, delay)) for p in some}
        got = take_turns({'Mbed TLS': lambda: MIB / alone.run('bulk', MIB, delay)[0], **turn})
        ceiling = statistics.median(got['Mbed TLS'])
        for name, values in got.items():
            f = Figure(values)
            row(f'{MIB} MiB, {where}', f, 'MiB/s', f.median / ceiling, goal if name == 'hdb' else None, '>=', name)
    finish(world, d)


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))]


def latency(world, all_peers):
    alone = TlsAlone(world)
    count = 200 if QUICK else 2000
    cpus = os.sched_getaffinity(0)
    for pinned in (True, False):
        title('Reading 8 bytes, microseconds, ' + ('all on one CPU' if pinned else "the scheduler's choice"))
        if pinned:
            os.sched_setaffinity(0, {min(cpus)})
        try:
            # A box of its own, so that it stands on the same CPU.
            mine = [type(p)(world) for p in all_peers]
            d = world.debuggee('memory', 64)
            turn = {p.name: (lambda p=p: p.small(d, d.facts['noise'], count)) for p in mine if p.small}
            got = take_turns({'Mbed TLS': lambda: alone.run('pingpong', count), **turn})
        finally:
            os.sched_setaffinity(0, cpus)
        for p in (50, 99):
            f = {name: Figure([percentile(v, p) * 1e6 for v in values]) for name, values in got.items()}
            for name, figure in f.items():
                row(f'p{p}', figure, 'us', figure.median / f['Mbed TLS'].median,
                    2.0 if name == 'hdb' and pinned else None, who=name)
        finish(world, d)


def bare_run(world, what, d, *more):
    out = world.run([os.path.join(harness.BUILD, 'bench', 'ceil_run'), what, str(d.pid), *map(str, more)]).out
    return [float(x) for x in out.split()]


def code_size(path, function):
    for line in subprocess.run(['nm', '-S', path], check=True, capture_output=True, text=True).stdout.splitlines():
        f = line.split()
        if f[-1] == function and len(f) == 4:
            return int(f[1], 16)
    raise RuntimeError(f'{path} has no {function}')


def passing(world, all_peers):
    """A breakpoint whose condition is false, in a thread that does nothing but hit it."""
    title('Hits of a breakpoint whose condition is false, per second')
    seconds = 0.3 if QUICK else 2
    d = world.debuggee('spin', busy=True)

    def rate():
        def count():
            with open(f'/proc/{d.pid}/mem', 'rb') as f:
                f.seek(d.facts['count'])
                return int.from_bytes(f.read(8), 'little')
        began, first = time.monotonic(), count()
        time.sleep(seconds)
        return (count() - first) / (time.monotonic() - began)
    turn = {p.name: (lambda p=p: p.passing(d, 'hit', 'n == 0', rate)) for p in all_peers if p.passing}
    got = take_turns({'bare loop': lambda: bare_run(world, 'hits', d, d.facts['hit'], seconds)[0], **turn})
    ceiling = statistics.median(got['bare loop'])
    for name, values in got.items():
        f = Figure(values)
        row('false conditions', f, '/s', f.median / ceiling, 0.8 if name == 'hdb' else None, '>=', name)
    finish(world, d)


def running(world, all_peers):
    d = world.debuggee('spin', busy=True)
    count = 20 if QUICK else 500
    size = code_size(os.path.join(harness.DEBUGGEES, 'spin'), 'burn')
    works = (
        ('stops', 'A breakpoint hit, from going on to the stop, microseconds', 'hit', count, None,
         lambda: bare_run(world, 'stops', d, d.facts['hit'], count)),
        ('watch', 'A variable changes, from going on to the stop, microseconds', 'count', count, None,
         lambda: bare_run(world, 'watch', d, d.facts['count'], count)),
        ('lines', 'Stepping over a line of 12,000 instructions, milliseconds', 'burn', max(count // 100, 2), 1 / 0.8,
         lambda: bare_run(world, 'line', d, d.facts['burn'], size, max(count // 100, 2))))
    for what, text, where, n, goal, ceiling in works:
        title(text)
        turn = {p.name: (lambda p=p: [x * 1e6 for x in p.each(d, what, where, n)]) for p in all_peers if p.each}
        got = {name: Figure([percentile(v, 50) for v in values])
               for name, values in take_turns({'bare loop': ceiling, **turn}).items()}
        for name, figure in got.items():
            shown = figure if what != 'lines' else Figure([v / 1e3 for v in figure.values])
            row(what, shown, 'us' if what != 'lines' else 'ms', figure.median / got['bare loop'].median,
                goal if name == 'hdb' else None, who=name)
    finish(world, d)


def stepping(world, all_peers):
    """One request to step through a range; the bare loop looks at the pc behind each step, as it must."""
    title('Single steps on the target, per second, all on one CPU')
    cpus, count = os.sched_getaffinity(0), 2 if QUICK else 10
    os.sched_setaffinity(0, {min(cpus)})
    try:
        hdb = type(all_peers[0])(world)
        d = world.debuggee('spin', busy=True)
        where, size = d.facts['burn'], code_size(os.path.join(harness.DEBUGGEES, 'spin'), 'burn')
        n = bare_run(world, 'steps', d, where, size, 1)[0]
        got = take_turns({'bare loop': lambda: n / percentile(bare_run(world, 'line', d, where, size, count), 50) * 1e6,
                          'hdb': lambda: n / percentile(hdb.steps(d, where, size, count), 50)})
    finally:
        os.sched_setaffinity(0, cpus)
    ceiling = statistics.median(got['bare loop'])
    for name, values in got.items():
        f = Figure(values)
        row('steps through a range', f, '/s', f.median / ceiling, 0.8 if name == 'hdb' else None, '>=', name)
    finish(world, d)


def pss(pids):
    """KiB, shared pages counted once among all who share them."""
    total = 0
    for pid in pids:
        for line in (clean.read(f'/proc/{pid}/smaps_rollup') or '').splitlines():
            if line.startswith('Pss:'):
                total += int(line.split()[1])
    return total


def rss(pid):
    return int(clean.status(pid)['VmRSS'].split()[0])


def sizes(world, all_peers):
    title('Memory, KiB')
    hdb = all_peers[0]
    row('listener, RSS', Figure([rss(hdb.box.pid)]), 'KiB', goal=4096)
    d = world.debuggee('sleepers', MANY)
    engine = subprocess.Popen(
        [os.path.join(harness.BUILD, 'bench', 'engine'), world.premote(hdb.box)[1], 'hold', str(d.pid)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=world.env)
    if engine.stdout.readline() == 'ready\n':
        session = clean.descendants(hdb.box.pid)
        row(f'a session attached to {MANY} threads, PSS', Figure([pss(session)]), 'KiB', goal=6144)
        for pid, what in sorted(session.items()):
            row(f'    {what[2:]}', Figure([pss([pid])]), 'KiB')
    engine.communicate()
    clean.eventually(lambda: clean.descendants(hdb.box.pid))
    for name, argv in (('gdbserver', ['gdbserver', '--attach', '127.0.0.1:0', str(d.pid)]),
                       ('lldb-server', [peers.LLDB_SERVER, 'gdbserver', '--attach', str(d.pid), '127.0.0.1:0'])):
        if not argv[0]:
            continue
        server = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        peers.listens(server.pid)
        row(f'{name} attached to {MANY} threads, RSS', Figure([rss(server.pid)]), 'KiB')
        server.terminate()
        server.wait()
        clean.eventually(lambda: clean.process_faults(d.pid))
    finish(world, d)

    title('Stripped programs on the target, KB')
    total = 0
    base = os.path.dirname(os.path.dirname(harness.program('procsrv')))
    libexec = os.path.join(base, 'libexec', 'procsrv')
    for path in [harness.program('procsrv')] + sorted(os.path.join(libexec, x) for x in os.listdir(libexec)):
        out = world.path('stripped')
        subprocess.run(['strip', '-o', out, path], check=True)
        total += os.path.getsize(out)
        row(f'    {os.path.basename(path)}', Figure([os.path.getsize(out) / 1000]), 'KB')
    row('all together', Figure([total / 1000]), 'KB', goal=500)
    for path in ('/usr/bin/gdbserver', peers.LLDB_SERVER):
        if path and os.path.exists(path):
            row(os.path.basename(path), Figure([os.path.getsize(os.path.realpath(path)) / 1000]), 'KB')


def over_roads(found, text, d, what, unit, scale=1.0, **how):
    """One work of stock gdb at three distances. What takes a road long is not run over a slow link but computed."""
    base, limit = {}, 5 if QUICK else 30
    for rtt in (0, 20, 100):
        near = [r for r in found if what in ('stops', 'next') or not base.get(r.name) or SLOW or
                base[r.name][1] * rtt / 1e3 < limit]
        results = take_turns({r.name: (lambda r=r: r.go(d, what, rtt / 2, **how)) for r in near})
        times, waits = runs(results, 'seconds'), runs(results, 'waits')
        if rtt == 0:
            base = {name: (times[name].median, waits[name].median) for name in times}
        ours = times['hdb -rsp'].median if 'hdb -rsp' in times else None
        for r in found:
            label = f'{text}, RTT {rtt} ms'
            if r.name in times:
                f = Figure([v * scale for v in times[r.name].values])
                row(label, f, unit, ratio=times[r.name].median / ours if ours else None, who=r.name)
            elif r.name in base:
                seconds, n = base[r.name]
                row(label, f'~{(seconds + n * rtt / 1e3) * scale:.1f} {unit:<6}', who=r.name)


def bridge(world, all_peers):
    """Stock gdb through the bridge, through gdbserver, and through gdbserver behind ssh -L."""
    many, count = (10, 3) if QUICK else (100, 20)
    with rsp_peers.roads(world) as found:
        title('Stock gdb: to the box and attached, milliseconds (x: of the bridge)')
        d = world.debuggee('sleepers', many)
        over_roads(found, f'connect, attach, {many} threads', d, 'connect', 'ms', 1e3)
        title('Stock gdb: backtraces of all threads, milliseconds')
        over_roads(found, f'thread apply all bt, {many} threads', d, 'all', 'ms', 1e3)
        finish(world, d)
        d = world.debuggee('spin', busy=True)
        title('Stock gdb: from continue to a breakpoint and its backtrace, milliseconds')
        over_roads(found, 'continue, bt', d, 'stops', 'ms', 1e3, count=count)
        title('Stock gdb: next, milliseconds')
        over_roads(found, 'next', d, 'next', 'ms', 1e3, count=count)
        finish(world, d)
        d = world.debuggee('memory', MIB)
        title(f'Stock gdb: dump memory of {MIB} MiB, seconds (of the bridge over a unix socket)')
        over_roads(found, f'dump memory, {MIB} MiB', d, 'dump', 's', size=MIB << 20, to=world.path('dump'))
        finish(world, d)


def finish(world, d):
    d.expect_gone = True
    d.kill()


WORKS = [round_trips, wall_times, standing_still, attaching, memory, latency, passing, running, stepping, bridge, sizes]


def main():
    conftest.libc.prctl(conftest.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if harness.ROOT:
        conftest.private_users()
    directory = tempfile.mkdtemp(prefix='psb')
    keys = {name: harness.Key(directory, name) for name in ('box', 'alice', 'bob', 'stranger')}
    print(f'{os.cpu_count()} CPUs, {os.uname().release}, load {os.getloadavg()[0]:.2f}; medians of {REPEAT}, spread, '
          'ratio to the ceiling (or of the peer to hdb)' + ('; QUICK: the figures mean nothing' if QUICK else ''))
    for work in WORKS:
        if ONLY not in work.__name__:
            continue
        world = harness.World(keys, '/tmp')
        world.env['DEBUGGEE_SECONDS'] = os.environ['DEBUGGEE_SECONDS'] = '7200'
        try:
            all_peers = [peers.Hdb(world), peers.Gdb(world)] + ([peers.Lldb(world)] if peers.LLDB_SERVER else [])
            work(world, all_peers)
        finally:
            for fault in world.close():
                print(f'  LEFT BEHIND: {fault}')
                missed.append(fault)
    shutil.rmtree(directory)
    print('\n' + (f'{len(missed)} goals missed:\n  ' + '\n  '.join(missed) if missed else 'all goals met'))


if __name__ == '__main__':
    main()
