# SPDX-License-Identifier: BSD-2-Clause
"""Keys that are in no map, with grants of a signer who is: what they may do, for how long, and when it ends."""

import os
import random
import ssl
import time

import pytest

import clean
import grants
import harness
import proofs
import wire
from resuming import Host
from tracer import refused

pytestmark = pytest.mark.skipif(harness.ROOT and not harness.PREFIX, reason='root needs an installed procsrv')

FEATURE = wire.ENUM['FEATURE_GRANTS']


@pytest.fixture
def signed(boxes, keys):
    """signed(WORDS): a box where bob's key signs grants."""
    return lambda words='', more=(): boxes(rows=[row(keys, words), *more])


def row(keys, words=''):
    users = f'{harness.ALICE},{harness.BOB}' if harness.ROOT else harness.ALICE
    return f'ca {keys["bob"].fingerprint} user={users} grace=2s {words} # team'


@pytest.fixture
def granted(keys):
    """granted(BOX, …): alice's client, with a grant of bob's."""
    made = []

    def make(box, grant=None, mode=0, user='', **how):
        made.append(grants.Link(box, keys['alice'], grant or grants.record(keys['alice'], keys['bob'], **how), mode=mode,
                                user=user))
        return made[-1]
    yield make
    for link in made:
        link.close()


def turned_away(box, keys, grant, why=None):
    """The proof is refused: no session, an alert, and a line of the record with the reason."""
    with pytest.raises((wire.Closed, ssl.SSLError, ConnectionError)) as e:
        grants.Link(box, keys['alice'], grant)
    if isinstance(e.value, ssl.SSLError):
        assert 'access denied' in str(e.value), box.text()
    if why:
        assert box.await_audit(event='refused', result=why)


def not_opened(box, keys, why, **how):
    """The proof holds; the session is refused with the reason."""
    with pytest.raises(wire.Error) as e:
        grants.Link(box, keys['alice'], grants.record(keys['alice'], keys['bob'], **how))
    assert e.value.name == why


def revoke(box, *lines):
    path = os.path.join(box.dir, 'revoked_keys')
    with open(path + '.new', 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(''.join(line + '\n' for line in lines))
    os.rename(path + '.new', path)


def ends(box, link, why):
    """Within a second of what happened, and the host is told."""
    began = time.monotonic()
    assert link.ending() == why
    assert time.monotonic() - began < 30  # how soon is the monitor's look, every half second
    assert box.await_audit(event='revoked', result=why)
    link.close()


# ---- what a grant gives ------------------------------------------------------------------


def test_a_grant_opens_a_session_under_its_own_name(signed, granted, box, keys):
    granting = signed()
    link = granted(granting)
    assert link.hello['features'] & FEATURE
    assert link.opened['user'].decode() == harness.ALICE and link.opened['rights'] == grants.ALL
    assert granting.await_audit(event='open', key='alice@grant')
    assert 'grant 7' in granting.text()
    # A box without such a row knows nothing of grants, and says so.
    plain = grants.Link(box, keys['alice'], b'')
    assert not plain.hello['features'] & FEATURE
    plain.close()


@pytest.mark.parametrize('rights, left', [
    ({'none', 'look'}, 'look'), ({'none', 'look', 'stop'}, 'look stop'), ({'none', 'look', 'write', 'launch'}, 'look write launch')])
def test_a_grant_may_give_less_than_its_signer_may(signed, granted, debuggee, rights, left):
    link = granted(signed(), rights=sum(grants.RIGHTS[r] for r in rights))
    assert link.opened['rights'] == sum(grants.RIGHTS[r] for r in ['none', *left.split()])
    if 'stop' not in rights:
        refused('RIGHT', link, 'attach', target=1, pid=debuggee('sleepers').pid)


@pytest.mark.parametrize('words, left', [('readonly', 3), ('no-launch', 15), ('no-write no-launch', 7)])
def test_what_is_wider_than_the_signers_row_is_cut(signed, granted, words, left):
    assert granted(signed(words)).opened['rights'] == left


def test_of_two_bounds_of_a_stop_the_lesser_holds(signed, granted):
    box = signed('max-stop=5s')
    assert granted(box, max_stop=2000).opened['max_stop_ms'] == 2000
    assert granted(box, max_stop=60000).opened['max_stop_ms'] == 5000
    assert granted(box).opened['max_stop_ms'] == 5000


def test_a_user_the_signer_may_not_name_is_none(signed, keys, granted):
    box = signed()
    not_opened(box, keys, 'NO_USER', users=['root'])
    assert granted(box, users=['root', harness.ALICE]).opened['user'].decode() == harness.ALICE
    with pytest.raises(wire.Error) as e:
        granted(box, users=['root', harness.ALICE], user='root')
    assert e.value.name == 'NO_USER'


@pytest.mark.root
def test_the_first_of_a_grants_users_is_the_default_and_others_can_be_asked_for(signed, granted):
    box = signed()
    assert granted(box, users=['bob', 'alice']).opened['user'] == b'bob'
    assert granted(box, users=['bob', 'alice'], user='alice').opened['user'] == b'alice'
    with pytest.raises(wire.Error):
        granted(box, users=['alice'], user='bob')


def test_the_words_of_the_signers_row_hold_for_its_grants(signed, granted, debuggee, keys):
    with pytest.raises(wire.Error) as e:
        granted(signed('from=10.0.0.0/8'))
    assert e.value.name == 'FROM'
    with pytest.raises(wire.Error) as e:
        granted(signed('expires=2001-01-01'))
    assert e.value.name == 'EXPIRED'
    box = signed(f'max-sessions=1 exe={os.path.join(harness.DEBUGGEES, "sleepers")}')
    link = granted(box)
    refused('BOUNDS', link, 'attach', target=1, pid=debuggee('becomes', '/bin/true').pid)
    with pytest.raises(wire.Error) as e:
        granted(box)
    assert e.value.name == 'SESSIONS'


def test_readonly_mode_takes_from_a_grant_what_it_takes_from_a_row(signed, granted):
    assert granted(signed(), mode=1).opened['rights'] == 3


def test_a_key_with_a_row_of_its_own_needs_no_grant_and_gets_no_more_by_one(signed, granted, keys):
    box = signed(more=[f'{keys["alice"].fingerprint} user={harness.ALICE} readonly grace=2s'])
    assert granted(box).opened['rights'] == 3


# ---- what a grant does not -----------------------------------------------------------------


def test_the_signers_own_key_opens_nothing(signed, keys):
    box = signed()
    for grant in (b'', grants.record(keys['bob'], keys['stranger'])):
        with pytest.raises((wire.Closed, ssl.SSLError, ConnectionError)):
            grants.Link(box, keys['bob'], grant)
    assert box.await_audit(event='refused', result='NO_KEY')


@pytest.mark.parametrize('what', ['another key', 'another signer', 'an unknown signer', 'signed by itself', 'too short',
                                  'too long', 'nothing'])
def test_a_grant_that_is_not_is_turned_away(signed, keys, what):
    box = signed()
    alice, bob, stranger = keys['alice'], keys['bob'], keys['stranger']
    good = grants.record(alice, bob)
    grant, why = {
        'another key': (grants.record(stranger, bob), 'GRANT'),
        'another signer': (grants.record(alice, bob, sign_with=stranger), 'GRANT'),
        'an unknown signer': (grants.record(alice, stranger), 'GRANT'),
        'signed by itself': (grants.record(alice, alice), 'GRANT'),
        'too short': (good[:-1], 'BAD_PROOF'),
        'too long': (good + b'\0', 'BAD_PROOF'),
        'nothing': (b'', 'NO_KEY'),
    }[what]
    turned_away(box, keys, grant, why)
    assert not box.sessions()


@pytest.mark.parametrize('part', range(4))
def test_a_grant_that_was_altered_anywhere_is_turned_away(signed, keys, part):
    """Each byte in its turn under TORTURE; else some of each field. (test_grant.c alters each byte in any case.)"""
    good = grants.record(keys['alice'], keys['bob'])
    box = signed()
    random.seed(part)
    places = list(range(len(good))) if 'TORTURE' in os.environ else \
        [0, 15, 16, 47, 48, 56, 64, 72, 76, 80, 144, 176, 400, 401, 464, 465, 497, 528] + random.sample(range(529), 6)
    for n, at in enumerate(places[part::4], 1):
        turned_away(box, keys, good[:at] + bytes([good[at] ^ 1 << random.randrange(8)]) + good[at + 1:])
        assert not clean.eventually(lambda: len(box.audit(event='refused', result='GRANT')) < n), (at, box.text())
    assert not box.sessions() and not box.audit(event='open')
    grants.Link(box, keys['alice'], good).close()


@pytest.mark.parametrize('why, how', [
    ('EXPIRED', dict(begins=10, expires=20)), ('NOT_YET', dict(begins=2**40, expires=2**41)),
    ('NOT_YET', dict(begins=2**63, expires=2**64 - 1))])
def test_a_grant_counts_from_its_first_second_to_its_last(signed, keys, why, how):
    not_opened(signed(), keys, why, **how)


def test_a_grant_that_expires_ends_its_session(signed, granted):
    box = signed()
    link = granted(box, expires=int(time.time()) + 3)
    link.do('ps', limit=1)
    ends(box, link, 'EXPIRED')


# ---- taking it back ------------------------------------------------------------------------


@pytest.mark.parametrize('what', ['serial', 'serials', 'key', 'signer'])
def test_what_is_revoked_opens_nothing_and_ends_what_is_open(signed, granted, keys, debuggee, what):
    alice, bob = keys['alice'].fingerprint, keys['bob'].fingerprint
    line = {'serial': f'{bob} serial=7', 'serials': f'{bob} serial=5-9   # stolen laptop', 'key': alice, 'signer': bob}[what]
    box = signed()
    link, d = granted(box), debuggee('sleepers')
    link.attach(d.pid, how='RUN')
    # Others' serials, and keys, are others' matter.
    revoke(box, f'{bob} serial=8', f'{keys["stranger"].fingerprint} serial=7', keys['stranger'].fingerprint, '# nothing')
    granted(box).do('ps', limit=1)
    assert clean.status(d.pid)['TracerPid'] != '0'
    revoke(box, line)
    ends(box, link, 'REVOKED')
    assert not clean.eventually(lambda: clean.status(d.pid)['TracerPid'] != '0')
    not_opened(box, keys, 'REVOKED')


def test_a_key_of_the_map_can_be_revoked_too(box, hosts, keys):
    link = hosts(box)
    link.do('ps', limit=1)
    revoke(box, keys['alice'].fingerprint)
    assert link.ending() == 'REVOKED'
    with pytest.raises(wire.Error) as e:
        hosts(box)
    assert e.value.name == 'REVOKED'


@pytest.mark.parametrize('change', ['removed', 'narrowed', 'no user', 'other processes'])
def test_a_change_of_the_signers_row_ends_the_sessions_of_its_grants(signed, granted, keys, change):
    box = signed()
    link = granted(box)
    link.do('ps', limit=1)
    plain = row(keys)
    new, why = {
        'removed': (f'{keys["stranger"].fingerprint} user={harness.ALICE}', 'GRANT'),
        'narrowed': (plain.replace(' # ', ' readonly # '), 'RIGHT'),
        'no user': (plain.replace(f'user={harness.ALICE},', 'user='), 'NO_USER'),
        'other processes': (plain.replace(' # ', ' unit=a.service # '), 'RIGHT'),
    }[change]
    if change == 'no user' and not harness.ROOT:
        pytest.skip('there is one user only')
    box.write_map([new])
    ends(box, link, why)


@pytest.mark.parametrize('damage', ['no fingerprint', 'a word', 'cut', 'written by all', 'a link'])
def test_revocations_that_are_not_understood_let_nobody_in_and_leave_what_is_open(signed, granted, keys, damage):
    box = signed()
    link = granted(box)
    link.do('ps', limit=1)
    path = os.path.join(box.dir, 'revoked_keys')
    text = {'no fingerprint': 'serial=7\n', 'a word': keys['bob'].fingerprint + ' serial=9-7\n',
            'cut': keys['stranger'].fingerprint}.get(damage, '')
    if damage == 'a link':
        os.symlink('/dev/null', path)
    else:
        with open(path, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)
    if damage == 'written by all':
        os.chmod(path, 0o666)
    with pytest.raises((wire.Closed, ssl.SSLError, ConnectionError, AssertionError)):
        granted(box)
    assert 'revoked_keys' in box.text()
    time.sleep(1.2)  # two looks of the monitor
    link.do('ps', limit=1)
    os.unlink(path)
    granted(box)


# ---- sessions that are taken up -------------------------------------------------------------


class Granted(Host):
    """A host that comes back with a grant."""

    def __init__(self, box, key, grant, **how):
        self.grant = grant
        super().__init__(box, key, **how)

    def send(self, name, **fields):
        super().send(name, **(dict(fields, grant=self.grant) if name == 'proof' else fields))


def test_a_session_of_a_grant_is_taken_up_with_a_grant_that_allows_as_much(signed, keys, debuggee):
    box, d = signed(), debuggee('sleepers')
    alice, bob = keys['alice'], keys['bob']
    first = Granted(box, alice, grants.record(alice, bob))
    first.attach(d.pid, how='RUN')
    first.cut()
    with pytest.raises(wire.Error) as e:
        Granted(box, alice, grants.record(alice, bob, rights=3), before=first)
    assert e.value.name == 'RIGHT'
    second = Granted(box, alice, grants.record(alice, bob, serial=8), before=first)
    assert second.opened['resumed']
    second.leave()


# ---- what a person sees ---------------------------------------------------------------------


def test_check_describes_a_signers_row_and_a_grant(world, keys):
    map, file = world.path('map'), world.path('grant')
    with open(map, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(row(keys) + '\n')
    with open(world.path('revoked_keys'), 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(f'{keys["bob"].fingerprint} serial=3\n')
    r = world.run([harness.program('procsrv'), '-check', map])
    assert r.status == 0 and 'signs grants: team' in r.out and 'they may name: ' in r.out, repr(r)
    assert 'revoked_keys beside it' in r.out
    good = grants.record(keys['alice'], keys['bob'], rights=7)
    for bytes, status in ((good, 0), (good[:80] + b'x' + good[81:], 1)):
        with open(file, 'w') as f:
            f.write('# for alice\n' + grants.text(bytes))
        r = world.run([harness.program('procsrv'), '-check', file])
        assert r.status == status, repr(r)
        if status == 0:
            assert f'grant for {keys["alice"].fingerprint}' in r.out and 'may: look, stop;' in r.out
            assert f'serial 7, signed by {keys["bob"].fingerprint}' in r.out and f'may act as: {harness.ALICE}' in r.out
        else:
            assert 'damaged' in r.err


def sign(hdb, keys, *args, signer='bob', key='alice', user=harness.ALICE, valid='8h'):
    return hdb('-sign', keys[key].fingerprint, '-key', keys[signer].path, '-user', user, '-valid', valid, *args)


@pytest.fixture
def beside(keys):
    """beside(TEXT): a file beside alice's key, for one test."""
    path = keys['alice'].path + '.grant'

    def put(text):
        with open(path, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)
    yield put
    if os.path.exists(path):
        os.unlink(path)


def test_hdb_signs_a_grant_and_shows_it_where_it_is_taken(signed, hdb, keys, box, beside, debuggee):
    granting, d = signed(), debuggee('sleepers')
    r = hdb('-ps', box=granting)
    assert r.status == 1 and 'KEY.grant' in r.err and keys['alice'].fingerprint in r.err, repr(r)
    r = sign(hdb, keys, '-words', 'no-launch, max-stop=5s', '-name', 'alice@laptop', '-serial', '42')
    assert r.status == 0 and f'# grant for {keys["alice"].fingerprint}' in r.out and 'serial 42' in r.out, repr(r)
    beside(r.out)
    r = hdb('-p', d.pid, '-batch', '-ex', 'bt', '-ex', 'detach', box=granting)
    assert r.status == 0 and '#0 ' in r.out, repr(r)
    assert granting.await_audit(event='open', key='alice@laptop')
    assert 'grant 42' in granting.text()
    r = hdb('-batch', '-ex', 'run', '--', '/bin/true', box=granting)
    assert r.status == 1 and 'does not allow' in r.err, repr(r)
    # Where the key has a line of its own, and no signer is known, nobody is bothered with it.
    assert hdb('-ps', 'no-such', box=box).status == 0


def test_hdb_says_why_a_grant_is_not_taken(signed, hdb, keys, beside):
    box = signed()
    for args, words in ((dict(signer='stranger'), 'nor the grant beside it'), (dict(key='stranger'), 'nor the grant beside it'),
                        (dict(valid='2001-01-01..2001-01-02'), 'has expired'),
                        (dict(valid='2101-01-01T09:00..2101-01-01T18:00'), 'not valid yet'), (dict(user='root'), 'user')):
        beside(sign(hdb, keys, **args).out)
        r = hdb('-ps', box=box)
        assert r.status == 1 and words in r.err, (args, repr(r))
    revoke(box, f'{keys["bob"].fingerprint} serial=1-18446744073709551615')
    beside(sign(hdb, keys).out)
    r = hdb('-ps', box=box)
    assert r.status == 1 and 'revoked' in r.err, repr(r)
    beside('SHA256:nothing of the kind\n')
    r = hdb('-ps', box=box)
    assert r.status == 1 and 'alice.pem.grant' in r.err, repr(r)


@pytest.mark.parametrize('args, words', [
    (['-valid', '8h'], '-user'), (['-user', 'a'], '-valid'), (['-user', 'a', '-valid', '8'], '-valid 8'),
    (['-user', 'a', '-valid', '2026-12-01..2026-11-01'], '2026-12-01..2026-11-01'), (['-user', 'a', '-valid', '0h'], '0h'),
    (['-user', 'a', '-valid', '2026-13-01..2026-12-01'], '2026-13-01'), (['-user', 'a,', '-valid', '8h'], '-user'),
    (['-user', ','.join('abcdefghi'), '-valid', '8h'], '-user'), (['-user', 'a' * 33, '-valid', '8h'], '-user'),
    (['-user', 'a', '-valid', '8h', '-words', 'readnoly'], 'readnoly'), (['-user', 'a', '-valid', '8h', '-serial', '-1'], 'serial'),
    (['-user', 'a', '-valid', '8h', '-words', 'max-stop=2h'], 'max-stop=2h'),
    (['-user', 'a', '-valid', '8h', '-name', 'a b'], '-name'), (['-user', 'a b', '-valid', '8h'], 'blanks')])
def test_what_makes_no_sense_is_not_signed_and_is_named(hdb, keys, args, words):
    r = hdb('-sign', keys['alice'].fingerprint, '-key', keys['bob'].path, *args)
    assert (r.status, r.out) == (2, '') and words in r.err, repr(r)


def test_hdb_signs_nothing_for_the_signers_own_key(hdb, keys):
    r = sign(hdb, keys, key='bob')
    assert (r.status, r.out) == (2, '') and 'for itself' in r.err, repr(r)
    r = hdb('-user', 'a', '-ps')
    assert r.status == 2 and '-sign' in r.err, repr(r)


def test_what_hdb_signs_says_what_was_asked_for(hdb, keys):
    """Read by what the tests know of the layout, not by hdb."""
    import base64
    import struct
    r = sign(hdb, keys, '-words', 'readonly max-stop=500ms', '-serial', '9', user='redis,www', valid='2026-11-23..2026-12-01')
    line = r.out.splitlines()[-1]
    assert line.startswith('procsrv-grant-1 ')
    got = base64.b64decode(line.split()[1])
    want = grants.record(keys['alice'], keys['bob'], users=['redis', 'www'], rights=3, serial=9, begins=1795392000,
                         expires=1796083200, max_stop=500, name=keys['alice'].fingerprint)
    assert len(got) == len(want) == 529 and got[:465] == want[:465]
    assert struct.unpack_from('<Q', got, 48) == (9,)
    assert sign(hdb, keys).out != sign(hdb, keys).out  # a serial of its own


def test_a_key_that_signs_and_connects_is_refused_with_the_map(world, keys):
    map = world.path('map')
    with open(map, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(row(keys) + '\n' + f'{keys["bob"].fingerprint} user={harness.ALICE}\n')
    r = world.run([harness.program('procsrv'), '-check', map])
    assert r.status == 78 and ':2:' in r.err and 'line 1' in r.err, repr(r)


def test_a_point_that_is_none_is_no_signer(signed, keys):
    good = grants.record(keys['alice'], keys['bob'])
    assert len(good) == 529 and good[400:465] == proofs.point(keys['bob'])
    turned_away(signed(), keys, good[:401] + bytes(64) + good[465:], 'GRANT')
