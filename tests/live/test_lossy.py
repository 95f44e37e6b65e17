# SPDX-License-Identifier: BSD-2-Clause
"""A host at the end of a bad network: 30 % of the packets are lost (10 % in make check, where a handshake is not to take
its ten seconds again and again), the others take 300 ms there and back, not in order. Nothing is lost or done twice."""

import os
import struct
import time

import pytest

import clean
import harness
import lossy
import wire
from deaths import TORTURE
from resuming import Host, stop

SECONDS = 600 * TORTURE if TORTURE else 3


@pytest.fixture
def network():
    if not os.path.exists('/dev/net/tun'):
        pytest.skip('needs /dev/net/tun')
    with lossy.Lossy(loss=0.3 if TORTURE else 0.1) as n:
        yield n


TRIES = 20  # a handshake has 10 s, which are too few now and then


def arrive(box, key, before=None):
    """before: on its session."""
    for _ in range(TRIES):
        try:
            return Host(box, key, before=before)
        except (OSError, wire.Closed, AssertionError):
            pass
    pytest.fail(f'none of {TRIES} connections came through')


@pytest.mark.once
@pytest.mark.root
def test_on_a_bad_network_each_request_has_its_effect_once(network, boxes, keys, debuggee):
    with network.at_box():
        box = boxes(rows=[f'{keys["alice"].fingerprint} user={harness.ALICE} grace=10m # alice@test'],
                    at=lossy.BOX)
        d = debuggee('signals')
    host, resumes, sent = arrive(box, keys['alice']), 0, 0
    target, _ = stop(host, d, loss=wire.ENUM['LOSS_HOLD'])
    end = time.monotonic() + SECONDS
    last = False
    while not last:
        last = time.monotonic() >= end
        requests = [('detach', {})] if last else [('send_signal', {'signal': 40})] * 5
        try:
            asked = []
            for name, fields in requests:
                sent += not last
                asked.append(host.ask(name, target=target, **fields))
            for id in asked:
                host.wait(id)
        except (OSError, wire.Closed, AssertionError):  # what was asked is asked again by who comes back
            host, resumes = arrive(box, keys['alice'], host), resumes + 1

    def count():
        with open(f'/proc/{d.pid}/mem', 'rb') as mem:
            mem.seek(d.facts['queued'])
            return struct.unpack('<Q', mem.read(8))[0]
    assert not clean.eventually(lambda: count() != sent)
    print(f'bad network: {network.lost} of {network.seen} packets lost, {sent} requests, {resumes} resumes')
    host.leave()
    assert network.lost and not box.quiet()
