# SPDX-License-Identifier: BSD-2-Clause
"""Runs inside gdb: the frames of every thread, as JSON on the last line of its output."""

import json
import re

import gdb


def with_pc():
    """Which frames of the selected thread gdb shows with their pc."""
    return {int(n): bool(pc) for n, pc in
            re.findall(r'^#(\d+)\s+(0x[0-9a-f]+ in )?', gdb.execute('bt', to_string=True), re.M)}


def frames(thread):
    thread.switch()
    shown = with_pc()
    found, frame = [], gdb.newest_frame()
    while frame is not None and len(found) < 20000:
        sal = frame.find_sal()
        found.append({
            'pc': frame.pc(), 'function': frame.name(), 'signal': frame.type() == gdb.SIGTRAMP_FRAME,
            'inlined': frame.type() == gdb.INLINE_FRAME, 'file': sal.symtab.filename if sal.symtab else None,
            'line': sal.line if sal.symtab else None, 'with_pc': shown.get(len(found))})
        try:
            frame = frame.older()
        except gdb.error:
            break
    return found


threads = sorted(gdb.selected_inferior().threads(), key=lambda t: t.ptid[1])
print('FRAMES ' + json.dumps({t.ptid[1]: frames(t) for t in threads}))
