# SPDX-License-Identifier: BSD-2-Clause
"""The independent checker: what /proc says about processes, never the agent."""

import os
import time

STOPPING = {5: 'SIGTRAP', 19: 'SIGSTOP'}


def read(path):
    """The text of a /proc file; None when the process (or thread) is gone."""
    try:
        with open(path, errors='replace') as f:
            return f.read()
    except (FileNotFoundError, ProcessLookupError):
        return None


def status(pid, tid=None):
    """proc_pid_status(5) as a dict; None when gone."""
    text = read(f'/proc/{pid}/task/{tid or pid}/status')
    if text is None:
        return None
    return {k: v.strip() for k, _, v in (line.partition(':') for line in text.splitlines())}


def threads(pid):
    try:
        return sorted(int(t) for t in os.listdir(f'/proc/{pid}/task'))
    except FileNotFoundError:
        return []


def alive(pid):
    s = status(pid)
    return s is not None and s['State'][0] not in 'ZX'


def thread_faults(pid, tid):
    """What is wrong with a thread nobody should have a hand on."""
    s = status(pid, tid)
    if s is None:
        return []
    faults = []
    if s['TracerPid'] != '0':
        faults.append(f'traced by {s["TracerPid"]}')
    if s['State'][0] in 'tT':
        faults.append(f'state {s["State"]}')
    for field in ('SigPnd', 'ShdPnd'):
        pending = int(s[field], 16)
        faults += [f'{name} pending ({field})' for n, name in STOPPING.items() if pending >> (n - 1) & 1]
    return [f'{pid}/{tid}: {fault}' for fault in faults]


def text_faults(pid):
    """Do the bytes of the program's own text still equal its file's?"""
    try:
        exe = os.open(f'/proc/{pid}/exe', os.O_RDONLY)
        mem = os.open(f'/proc/{pid}/mem', os.O_RDONLY)
    except OSError:
        return []  # gone, or protected from us: nothing can be said
    faults = []
    try:
        target = os.fstat(exe)
        for line in (read(f'/proc/{pid}/maps') or '').splitlines():
            span, prot, offset, _, inode = line.split()[:5]
            if 'x' not in prot or int(inode) != target.st_ino:
                continue
            lo, hi = (int(x, 16) for x in span.split('-'))
            want = os.pread(exe, hi - lo, int(offset, 16))
            if os.pread(mem, hi - lo, lo)[:len(want)] != want:
                faults.append(f'{pid}: text at {lo:#x} is not what its file says')
    except OSError:
        pass  # it ended while we looked
    finally:
        os.close(exe)
        os.close(mem)
    return faults


def process_faults(pid):
    found = []
    for tid in threads(pid):
        found += thread_faults(pid, tid)
    return found + text_faults(pid)


def descendants(pid):
    """{pid: "state name"} of everything below pid."""
    parents = {}
    for entry in os.listdir('/proc'):
        text = read(f'/proc/{entry}/stat') if entry.isdigit() else None
        if text:
            name, rest = text[text.index('(') + 1:text.rindex(')')], text[text.rindex(')') + 2:].split()
            parents[int(entry)] = (int(rest[1]), f'{rest[0]} {name}')
    found, new = {}, {pid}
    while new:
        new = {p for p, (parent, _) in parents.items() if parent in new and p not in found}
        found.update({p: parents[p][1] for p in new})
    return found


def eventually(check, seconds=5.0):
    """Ask check() until it finds no fault, at most so long; what it found last."""
    end = time.monotonic() + seconds
    pause = 0.005
    while True:
        faults = check()
        if not faults or time.monotonic() > end:
            return faults
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)
