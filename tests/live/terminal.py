# SPDX-License-Identifier: BSD-2-Clause
"""A person at a terminal, who types and reads."""

import errno
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time


class Terminal:
    """A program on a pseudo terminal of its own."""

    def __init__(self, argv, env=None, rows=24, cols=80, timeout=30, cwd='/'):
        self.timeout, self.text, self.at, self.status = timeout, '', 0, None
        self.pid, self.fd = pty.fork()
        if not self.pid:
            self.fd = 0
            self.size(rows, cols)  # before the program can look
            os.chdir(cwd)
            os.execve(argv[0], argv, dict(env or os.environ, TERM='xterm'))

    def size(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, cols, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())
        return self

    def _read(self, seconds):
        if not select.select([self.fd], [], [], max(0, seconds))[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError as e:
            if e.errno != errno.EIO:
                raise
            data = b''
        self.text += data.decode(errors='replace')
        return bool(data)

    def until(self, text):
        """Wait for that, behind what was waited for before."""
        self.either(text)
        return self

    def either(self, *texts):
        """Wait for one of them; the first that came."""
        end = time.monotonic() + self.timeout
        while not (found := [(at, text) for text in texts if (at := self.text.find(text, self.at)) >= 0]):
            assert self._read(end - time.monotonic()), f'no {texts} in {self.text[self.at:]!r} of {self.text!r}'
        at, text = min(found)
        self.at = at + len(text)
        return text

    def prompt(self):
        """Ctrl-D that is typed while the kernel still edits the line comes as a NUL when it does not any more."""
        self.until('(hdb) ')
        end = time.monotonic() + 1
        while termios.tcgetattr(self.fd)[3] & termios.ICANON and time.monotonic() < end:
            time.sleep(0.001)
        return self

    def raw(self):
        """Are the keys passed on as they are?"""
        return not termios.tcgetattr(self.fd)[3] & (termios.ICANON | termios.ISIG)

    def end(self):
        """Its exit status."""
        if self.status is None:
            end = time.monotonic() + self.timeout
            while self._read(end - time.monotonic()):
                pass
            pid, status = os.waitpid(self.pid, 0 if time.monotonic() < end else os.WNOHANG)
            assert pid, f'it has not ended: {self.text[-2000:]!r}'
            self.status = os.waitstatus_to_exitcode(status)
            os.close(self.fd)
        return self.status

    def kill(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.end()
