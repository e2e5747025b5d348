"""Tickets: the host's permission to follow some channels, for pages without a login or with thousands of channels."""

import hashlib
import string
import time

import pytest

from tests.support.clients import visit
from tests.support.held_polls import eventually
from tests.support.pages import Page, payloads
from web_longpolling import schema, tickets

TELLER = 'longpolling.test.teller'
ROUTE = '/news/ticket'


@pytest.fixture
def give(admin):
    """`give(channels, uid=None, seconds=600)`: a token of the host's."""
    return lambda *channels, uid=None, seconds=600: admin.rpc(TELLER, 'ticket', [channels, uid or False, seconds])[0]


@pytest.fixture
def stranger(stack):
    """Somebody without a login."""
    return visit(stack)


def status(session, token, position=None) -> int:
    return Page(session, ROUTE, {'token': token}, position).poll().status_code


def test_a_page_without_a_login_follows_by_a_ticket(stranger, give, publish, channel):
    page = Page(stranger, ROUTE, {'token': give(channel, f'{channel}-2')}).begin()
    publish(channel, 'one')
    publish(f'{channel}-2', 'two')
    publish(f'{channel}-3', 'not for this ticket')
    got = page.payloads()
    while len(got) < 2:
        got += page.payloads()
    assert got == ['one', 'two']


def test_a_single_name_is_one_channel(stranger, transaction, publish, channel):
    """As for `request.follow`, and False is nobody's id, as elsewhere in Odoo."""
    with transaction() as cr:
        token = tickets.ticket(cr, channel, uid=False)
    page = Page(stranger, ROUTE, {'token': token}).begin()
    publish(channel, 'one')
    assert page.payloads() == ['one']


def test_a_ticket_is_good_for_a_time_that_ends(transaction, channel):
    with transaction() as cr:
        for seconds in (0, -1, float('nan'), float('inf'), 10 ** 300):
            with pytest.raises(ValueError):
                tickets.ticket(cr, [channel], seconds=seconds)
        assert tickets.renew_ticket(cr, tickets.ticket(cr, [channel]), 9e9) is True, 'the transaction goes on'


def test_it_is_woken_while_it_is_held(stranger, holding, give, admin, channel):
    token = give(channel)
    answer = holding.hold(Page(stranger, ROUTE, {'token': token}).begin())
    page = Page(stranger.clone(), '/news/ticket/wait', {'token': token})
    assert page.answer() == []
    waits = holding.hold(page)
    admin.rpc(TELLER, 'publish', [channel, ['one']])
    assert payloads(answer.result().json()) == ['one']
    assert waits.result().json() == [channel]


def test_the_position_of_a_transaction_begins_where_its_reading_ends(stranger, admin, publish, channel):
    publish(channel, 'before')
    token, position = admin.rpc(TELLER, 'ticket', [[channel], False, 600])
    publish(channel, 'after')
    assert Page(stranger, ROUTE, {'token': token}, position).payloads() == ['after']


def test_the_ticket_of_a_user_is_of_use_to_him_alone(stranger, ann, admin, give, channel):
    """Somebody else's login gets 410, and nobody 401."""
    token = give(channel, uid=ann.uid)
    assert status(ann, token) == 204
    assert status(admin, token) == 410
    assert status(stranger, token) == 401


def test_who_is_another_user_by_now_has_no_use_of_it(new_user, give, channel):
    """The same browser, with the token that its page got before."""
    first, second = new_user(), new_user()
    token = give(channel, uid=first.uid)
    page = Page(first, ROUTE, {'token': token}).begin()
    first.http.cookies, first.session_id = second.http.cookies, second.session_id
    assert page.poll().status_code == 410
    first.logout()
    assert page.poll().status_code == 401


def test_a_changed_password_ends_what_is_held_by_a_ticket(admin, new_user, holding, give, channel):
    user = new_user()
    answer = holding.hold(Page(user, ROUTE, {'token': give(channel, uid=user.uid)}).begin())
    admin.set_password(user.uid, 'another')
    admin.rpc(TELLER, 'publish', [channel, ['secret']])
    assert answer.result().status_code == 401
    assert 'secret' not in answer.result().text


def test_a_revoked_ticket_ends(stranger, holding, give, admin, publish, channel):
    """At once: the poll that is held by it gets nothing of what is published afterwards."""
    token = give(channel)
    answer = holding.hold(Page(stranger, ROUTE, {'token': token}).begin())
    assert admin.rpc(TELLER, 'revoke', [token]) is True
    publish(channel, 'secret')
    assert answer.result().status_code == 410
    assert 'secret' not in answer.result().text
    assert status(stranger, token) == 410
    assert admin.rpc(TELLER, 'revoke', [token]) is False
    assert admin.rpc(TELLER, 'renew', [token, 600]) is False


def test_an_expired_ticket_ends_and_a_renewed_one_does_not(stranger, give, admin, channel):
    short, renewed = give(channel, seconds=4), give(channel, seconds=4)
    assert (status(stranger, short), status(stranger, renewed)) == (204, 204)
    assert admin.rpc(TELLER, 'renew', [renewed, 600]) is True
    eventually(lambda: status(stranger, short) == 410)
    assert status(stranger, renewed) == 204
    assert admin.rpc(TELLER, 'renew', [short, 600]) is False, 'it has expired'


def test_what_is_held_by_an_expired_ticket_gets_nothing(stranger, holding, give, publish, channel):
    answer = holding.hold(Page(stranger, ROUTE, {'token': give(channel, seconds=3)}).begin())
    time.sleep(3.5)
    publish(channel, 'secret')
    assert answer.result().status_code == 410


def test_a_guessed_ticket_is_none(stranger, give, sql, channel):
    """Nor is the name of a channel, the digest that the table has, or a token of another database."""
    token = give(channel)
    place, secret = token.split('.')
    assert len(set(secret) - set(string.ascii_letters + string.digits + '-_')) == 0 and len(secret) == 32
    [(digest,)] = sql("SELECT digest FROM longpolling_ticket ORDER BY expires DESC LIMIT 1")
    assert secret not in str(sql("SELECT * FROM longpolling_ticket"))
    other = hashlib.sha256(b'another').hexdigest()[:12]
    for guessed in (channel, '', '.', f'{place}.', f'{place}.{digest}', f'{place}.{digest[:32]}', f'{other}.{secret}',
                    f'{place}.{secret[:-1]}', f'{place}.{secret}x', f'{place}.{secret}\n', token.upper(),
                    f"{place}.' OR 1=1 --", [token], {'token': token}, 7, True, None, 'x' * 100000):
        assert status(stranger, guessed) == 410, guessed
    assert status(stranger, token) == 204


def test_a_ticket_permits_nothing_else(stranger, give, publish, channel):
    """Who polls by it has no login, and follows no channel that is not in it."""
    token = give(channel)
    assert Page(stranger, '/news/ticket/read', {'token': token}).poll().status_code == 401
    assert Page(stranger, '/news/follow', {'channels': [channel], 'token': token}).poll().status_code == 401


def test_no_controller_keeps_an_ended_ticket_good(stranger, holding, give, admin, publish, channel):
    token = give(channel)
    answer = holding.hold(Page(stranger, '/news/ticket/caught', {'token': token}).begin())
    admin.rpc(TELLER, 'revoke', [token])
    time.sleep(1.5)         # longer than a check counts as fresh
    publish(channel, 'secret')
    assert answer.result().status_code == 410


def test_it_is_good_on_every_sidecar(stack, stranger, give, admin, channel):
    token = give(channel)
    other = stack.another_sidecar()
    try:
        for expected in (204, 410):
            for url in (stack.sidecar_url, other.url):
                assert stranger.poll(ROUTE, {'token': token}, url=url).status_code == expected
            admin.rpc(TELLER, 'revoke', [token])
    finally:
        other.stop()
        stack.sidecars.remove(other)


def test_its_followers_share_one_registration(stack, stranger, holding, give, publish, channel):
    """However many channels it has."""
    names = [f'{channel}-{number}' for number in range(5000)]
    token = give(*names)
    look = {'token': token}
    before = stranger.poll('/news/ticket/registrations', look).json()
    pages = [Page(visit(stack), ROUTE, look).begin() for _ in range(5)]
    answers = [holding.hold(page) for page in pages]
    now = stranger.poll('/news/ticket/registrations', look).json()
    assert now['following'] == 5
    assert (now['tickets'] - before['tickets'], now['channels']) == (1, before['channels'])
    publish(names[4711], 'one')
    assert [payloads(answer.result().json()) for answer in answers] == [['one']] * 5


def test_a_database_of_before_has_tickets_after_an_update(sql, transaction):
    """The table is made by what an update of the module calls."""
    sql("ALTER TABLE longpolling_ticket RENAME TO longpolling_ticket_kept")
    try:
        with transaction() as cr:
            schema.create(cr)
        assert sql("SELECT count(*) FROM longpolling_ticket") == [(0,)]
        sql("DROP TABLE longpolling_ticket")
    finally:
        sql("ALTER TABLE longpolling_ticket_kept RENAME TO longpolling_ticket")


def test_expired_tickets_are_purged(give, stranger, sql, transaction, channel):
    short, long = give(channel, seconds=0.1), give(channel)
    time.sleep(0.2)
    with transaction() as cr:
        schema.purge(cr, 86400)
    assert sql("SELECT count(*) FROM longpolling_ticket WHERE expires < now() AT TIME ZONE 'UTC'") == [(0,)]
    assert (status(stranger, short), status(stranger, long)) == (410, 204)
