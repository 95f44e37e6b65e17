# SPDX-License-Identifier: BSD-2-Clause
"""The independent checker: what /proc says about processes, never the agent."""

import ctypes
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


def mapping_faults(pid, mem, line):
    """A mapping of code: are its bytes those of its file?"""
    span, prot, offset, _, inode, *path = line.split(None, 5)
    if 'x' not in prot or not path or not path[0].startswith('/'):
        return []
    lo, hi = (int(x, 16) for x in span.split('-'))
    try:
        with open(f'/proc/{pid}/root{path[0]}', 'rb') as f:
            if os.fstat(f.fileno()).st_ino != int(inode):
                return []  # replaced since
            want = os.pread(f.fileno(), hi - lo, int(offset, 16))
        got = os.pread(mem, hi - lo, lo)[:len(want)]
        want = want[:len(got)]  # shorter when it ends meanwhile
    except OSError:
        return []  # it ended while we looked, or may not be looked at
    return [f'{pid}: {path[0]} at {lo + i:#x} is {got[i]:#x}, in its file {want[i]:#x}'
            for i in range(len(want)) if got[i] != want[i]][:4] if got != want else []


def text_faults(pid):
    """Do the bytes of all code still equal those of the files it comes from?"""
    try:
        mem = os.open(f'/proc/{pid}/mem', os.O_RDONLY)
    except OSError:
        return []  # gone, or protected from us: nothing can be said
    try:
        return [f for line in (read(f'/proc/{pid}/maps') or '').splitlines() for f in mapping_faults(pid, mem, line)]
    finally:
        os.close(mem)


# ---- debug registers, for which the checker itself has to trace

SEIZE, INTERRUPT, DETACH, PEEKUSER = 0x4206, 0x4207, 17, 3
U_DEBUGREG = 848  # of struct user, sys/user.h
WALL = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def debug_control(tid):
    """DR7 of a thread; None when it cannot be traced. It is stopped for a moment."""
    if libc.ptrace(SEIZE, tid, None, None) != 0:
        return None
    libc.ptrace(INTERRUPT, tid, None, None)
    try:
        _, how = os.waitpid(tid, WALL)
    except ChildProcessError:
        return None
    if not os.WIFSTOPPED(how):
        return None
    value = libc.ptrace(PEEKUSER, tid, U_DEBUGREG + 7 * 8, None) & (1 << 64) - 1
    libc.ptrace(DETACH, tid, None, 0 if how >> 16 else os.WSTOPSIG(how))
    return value


def debug_register_faults(pid):
    """Is a debug register in use in any thread?"""
    free = [tid for tid in threads(pid) if (s := status(pid, tid)) and s['TracerPid'] == '0' and s['State'][0] in 'RS']
    found = [(tid, debug_control(tid)) for tid in free]
    return [f'{pid}/{tid}: DR7 is {value:#x}' for tid, value in found if value]


def process_faults(pid):
    found = []
    for tid in threads(pid):
        found += thread_faults(pid, tid)
    return found + text_faults(pid) or debug_register_faults(pid)


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


def eventually(check, seconds=20.0):
    """Ask check() until it finds no fault, at most so long (a busy machine takes its time); what it found last."""
    end = time.monotonic() + seconds
    pause = 0.005
    while True:
        faults = check()
        if not faults or time.monotonic() > end:
            return faults
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)
