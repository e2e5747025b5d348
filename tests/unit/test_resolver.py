"""sidecar/database/resolver.py: libpq is given addresses, so that a name server that is silent stops nobody else."""

import gevent
import gevent.socket
import psycopg2
import pytest
from gevent.event import Event

from web_longpolling.sidecar.database import resolver
from web_longpolling.sidecar.database.resolver import addressed


class NameServer:
    """In the place of the resolver: silent, as long as `answering` is not set."""

    def __init__(self):
        self.answering = Event()
        self.answering.set()
        self.answer = ['192.0.2.1']
        self.asked = 0

    def getaddrinfo(self, name, port, family, kind):
        self.asked += 1
        self.answering.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return [(2, kind, 6, '', (address, 0)) for address in self.answer for _ in range(2)]


@pytest.fixture
def server(monkeypatch):
    found = NameServer()
    monkeypatch.setattr(gevent.socket, 'getaddrinfo', found.getaddrinfo)
    monkeypatch.setattr(resolver, '_asking', {})
    monkeypatch.setattr(resolver, '_known', {})
    monkeypatch.setattr(resolver, 'SHORT', 0.05)
    for name in ('PGHOST', 'PGHOSTADDR'):
        monkeypatch.delenv(name, raising=False)
    return found


def test_the_name_stays_beside_its_addresses(server):
    assert addressed({'host': 'db', 'port': 5433}) == {'host': 'db', 'hostaddr': '192.0.2.1', 'port': 5433}
    server.answer = ['::1', '127.0.0.1']
    assert addressed({'host': 'localhost'}) == {'host': 'localhost,localhost', 'hostaddr': '::1,127.0.0.1'}


def test_an_old_libpq_gets_the_first_one(server, monkeypatch):
    monkeypatch.setattr(resolver, '_libpq', lambda: 90600)
    server.answer = ['::1', '127.0.0.1']
    assert addressed({'host': 'localhost'}) == {'host': 'localhost', 'hostaddr': '::1'}


def test_the_environment_may_name_it(server, monkeypatch):
    monkeypatch.setenv('PGHOST', 'db')
    assert addressed({}) == {'host': 'db', 'hostaddr': '192.0.2.1'}
    monkeypatch.setenv('PGHOSTADDR', '192.0.2.9')
    assert addressed({}) == {}


@pytest.mark.parametrize('parameters', [
    {}, {'host': '127.0.0.1'}, {'host': '::1'}, {'host': 'fe80::1%eth0'}, {'host': '/var/run/postgresql'},
    {'host': '@abstract'}, {'host': 'a,b'}, {'host': 'db', 'hostaddr': '192.0.2.7'}], ids=str)
def test_what_is_no_name_is_asked_of_nobody(server, parameters):
    assert addressed(parameters) == parameters and server.asked == 0


def test_a_silent_name_server_is_asked_once_for_all_and_stops_nobody(server):
    server.answering.clear()
    waiting = [gevent.spawn(addressed, {'host': 'db'}) for _ in range(50)]
    gevent.sleep(0.1)
    assert server.asked == 1 and not any(each.ready() for each in waiting)
    server.answering.set()
    assert [each.get()['hostaddr'] for each in waiting] == ['192.0.2.1'] * 50


def test_while_it_is_silent_the_last_answer_counts(server):
    addressed({'host': 'db'})
    server.answering.clear()
    for _ in range(3):
        assert addressed({'host': 'db'})['hostaddr'] == '192.0.2.1'
    assert server.asked == 2
    server.answer = gevent.socket.gaierror(gevent.socket.EAI_AGAIN, 'Temporary failure in name resolution')
    server.answering.set()
    assert addressed({'host': 'db'})['hostaddr'] == '192.0.2.1'
    server.answer = ['192.0.2.2']
    gevent.sleep(0)
    assert addressed({'host': 'db'})['hostaddr'] == '192.0.2.2'


def test_a_name_that_there_is_not_fails_as_libpq_says_it(server):
    server.answer = gevent.socket.gaierror(gevent.socket.EAI_NONAME, 'Name or service not known')
    with pytest.raises(psycopg2.OperationalError, match='could not translate host name "nowhere" to address: Name or'):
        addressed({'host': 'nowhere'})
    server.answer = UnicodeError("label too long")
    with pytest.raises(psycopg2.OperationalError, match='to address: label too long'):
        addressed({'host': 'x' * 70})
