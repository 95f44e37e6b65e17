# SPDX-License-Identifier: BSD-2-Clause
"""Runs inside gdb: the frames of every thread, as JSON on the last line of its output."""

import json

import gdb


def frames(thread):
    thread.switch()
    found, frame = [], gdb.newest_frame()
    while frame is not None and len(found) < 20000:
        sal = frame.find_sal()
        found.append({
            'pc': frame.pc(), 'function': frame.name(), 'signal': frame.type() == gdb.SIGTRAMP_FRAME,
            'inlined': frame.type() == gdb.INLINE_FRAME, 'file': sal.symtab.filename if sal.symtab else None,
            'line': sal.line if sal.symtab else None})
        try:
            frame = frame.older()
        except gdb.error:
            break
    return found


threads = sorted(gdb.selected_inferior().threads(), key=lambda t: t.ptid[1])
print('FRAMES ' + json.dumps({t.ptid[1]: frames(t) for t in threads}))
