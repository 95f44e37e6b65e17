# SPDX-License-Identifier: BSD-2-Clause
"""Programs started through a tracer: what the tests of launching share."""

import wire
from wire import ENUM

HANDLE = 77
SH = '/bin/sh'


def strings(items):
    return b''.join((i.encode() if isinstance(i, str) else i) + b'\0' for i in items)


class Launched:
    """A program that a link has started: held at its first instruction."""

    def __init__(self, link, argv, handle=HANDLE, program=None, env=(), cwd=b'', flags=(), loss='DEFAULT', ahead=(),
                 rows=24, cols=80):
        self.link, self.handle = link, handle
        for number, data in ahead:
            link.do('launch_text', target=handle, list=number, data=data)
        self.reply = link.do('launch', target=handle, program=program if program is not None else argv[0], cwd=cwd,
                             args=strings(argv), env=strings(env), rows=rows, cols=cols,
                             flags=sum(ENUM['LAUNCH_' + f] for f in flags), loss=ENUM['LOSS_' + loss],
                             notes=[{'note': wire.NT_PRSTATUS}])
        self.pid = self.reply['pid']
        self.stop = link.event('stopped', handle)
        self.out = {1: b'', 2: b''}
        self.ended = set()

    def go(self, signal=-1):
        self.link.do('resume', target=self.handle, threads=[{'tid': 0, 'signal': signal}])
        return self

    def send(self, data=b'', end=0):
        self.link.do('input', target=self.handle, data=data, end=end)
        return self

    def _take(self):
        """Outputs that have come, in their order."""
        kept = []
        for event in self.link.events:
            name, target, fields, _ = event
            if name == 'output' and target == self.handle:
                assert fields['stream'] not in self.ended, 'output after its end'
                self.out[fields['stream']] += fields['data']
                if fields['end']:
                    self.ended.add(fields['stream'])
            else:
                kept.append(event)
        self.link.events[:] = kept

    def until(self, text, stream=1):
        """Wait until that was written."""
        while text not in self.out[stream]:
            assert self.link.take(), f'{self.out} lacks {text}'
            self._take()
        return self

    def end(self):
        """Its wait status, after all that it wrote."""
        while not any(name == 'exited' and target == self.handle for name, target, _, _ in self.link.events):
            assert self.link.take(), f'it does not end; it wrote {self.out}'
        at = [e[0] == 'exited' and e[1] == self.handle for e in self.link.events].index(True)
        late = [e for e in self.link.events[at:] if e[0] == 'output' and e[1] == self.handle]
        assert not late, 'output after the end'
        self._take()
        return self.link.event('exited', self.handle)['status']

    def run(self):
        self.go()
        return self.end()
