"""How the measurements of `bench` are summed up, held against targets and against an older result."""

import contextlib
import json
import socket
import threading

import pytest

from benchmarks import bench, client, page, report
from benchmarks.bench import PROGRAMS, programs_on
from benchmarks.figures import Figure, Key, Summary, summed_up, worse, written
from benchmarks.targets import TARGETS, verdicts

LAST = 'one event, last'


def one_round(program='held', host='odoo-19.0', **values):
    """A round with the value of LAST of each, of 5,000 clients."""
    return {'host': host, 'program': program, 'round': 0, 'seconds': 1, 'failure': None,
            'figures': [list(Figure(of, LAST, 5000, value, 's')) for of, value in values.items()]}


def key(of, what=LAST, program='held', host='odoo-19.0', size=5000):
    return Key(host, program, what, size, of)


def test_a_figure_is_the_median_of_all_rounds_and_its_ratio_that_of_their_ratios():
    found = summed_up([one_round(sidecar=3, floor=2), one_round(sidecar=8, floor=4), one_round(sidecar=9, floor=9)])
    assert found[key('sidecar')] == Summary(8, 3, 9, 's', 1.5)
    assert found[key('floor')] == Summary(4, 2, 9, 's', None)


def test_what_stands_beside_no_reference_has_no_ratio():
    assert summed_up([one_round(sidecar=3)])[key('sidecar')].ratio is None


def test_worse_is_what_lies_beyond_all_rounds_of_both_runs():
    old = summed_up([one_round(sidecar=value) for value in (1.0, 1.1, 1.3)])
    assert worse(old, summed_up([one_round(sidecar=value) for value in (1.2, 1.4, 1.5)])) == []
    [sentence] = worse(old, summed_up([one_round(sidecar=value) for value in (1.4, 1.5, 1.6)]))
    assert 'sidecar, one event, last, 5,000: 1.10 s -> 1.50 s (1.36 x' in sentence


def test_less_is_worse_where_more_is_better():
    old, new = ({key('sidecar', 'answers', 'throughput', size=8): Summary(value, value, value, '/s', None)}
                for value in (800, 500))
    assert len(worse(old, new)) == 1 and worse(new, old) == []


def test_what_others_have_become_is_not_ours():
    assert worse(summed_up([one_round(floor=1)]), summed_up([one_round(floor=2)])) == []


def test_a_target_is_met_or_not_beside_what_was_measured_in_the_same_run():
    found = summed_up([one_round(sidecar=3, floor=2)])
    [verdict] = verdicts(key('sidecar'), found)
    assert verdict == ('at most 2 x floor', True)
    found = summed_up([one_round(sidecar=5, floor=2)])
    assert [verdict.met for verdict in verdicts(key('sidecar'), found)] == [False]


def test_without_what_stands_beside_it_there_is_no_verdict():
    assert verdicts(key('sidecar'), summed_up([one_round(sidecar=3)])) == []


def test_a_measurement_may_be_for_one_host_alone():
    assert programs_on('odoo-19.0') == list(PROGRAMS)
    assert set(PROGRAMS) - set(programs_on('openerp-7.0')) == {'discuss'}
    assert programs_on('openerp-7.0', ['herd', 'discuss']) == ['herd']


@pytest.mark.parametrize('words', [[], ['--odoo-14']])
def test_odoo_14_is_installed_and_measured_only_where_it_is_asked_for(monkeypatch, tmp_path, words):
    installed, measured = [], []
    monkeypatch.setattr(bench, 'machine', lambda *arguments: {})
    monkeypatch.setattr(bench, 'build_odoo14', lambda: installed.append(True))
    monkeypatch.setattr(bench, 'versions', lambda installation: '')
    monkeypatch.setattr(bench, 'running', lambda *arguments, **options: contextlib.nullcontext(Stack))
    monkeypatch.setattr(bench, 'measure', lambda variables, *arguments: measured.append(variables))
    bench.main(['--host', 'odoo-19.0', '--only', 'held', '--into', str(tmp_path), *words])
    assert ['SANDBOX_ODOO_14' in variables for variables in measured] == [bool(installed)] == [bool(words)]


class Stack:
    """One that never came up."""

    @staticmethod
    def environment():
        return {'SANDBOX_HOST': 'odoo-19.0'}


def test_a_target_may_be_for_one_host_alone():
    limits = {target.host: target.times for target in TARGETS
              if target.what == 'resident each' and target.beside == 'floor'}
    assert limits == {'odoo-19.0': 1.15, 'openerp-7.0': 1.3}


def test_a_result_becomes_a_table_and_pictures(tmp_path):
    rounds = [one_round(sidecar=3, floor=2), {**one_round(), 'failure': 'SystemExit: no'}]
    path = tmp_path / 'result.json'
    path.write_text(json.dumps({'about': {'date': '2026-01-02 03:04'}, 'rounds': rounds}))
    report.write(path)
    table = (tmp_path / 'result.md').read_text()
    assert '| one event, last | 5,000 | sidecar | 3 s | 1.50 | met: at most 2 x floor |' in table
    assert 'odoo-19.0, held, round 1: SystemExit: no' in table
    assert [picture.name for picture in tmp_path.glob('*.svg')] == ['result-held-odoo-19.0.svg']


def test_the_documentation_shows_the_latest_complete_result_with_its_date(tmp_path):
    assert page.page(tmp_path) == page.NONE
    for name, value in (('2026-01-02-0304', 5), ('2026-03-02-0304', 3), ('quick', 1)):
        about = {'date': name, 'rounds': '3', 'machine': 'this one', 'load at the beginning': '0.1'}
        result = {'about': about, 'rounds': [one_round(sidecar=value, floor=2)]}
        (tmp_path / f'{name}.json').write_text(json.dumps(result))
        (tmp_path / f'{name}-held-odoo-19.0.svg').touch()
    text = page.page(tmp_path)
    assert 'Measured on 2026-03-02-0304' in text and '     - met: at most 2 x floor' in text
    assert '.. image:: ../benchmarks/results/2026-03-02-0304-held-odoo-19.0.svg' in text


def test_what_is_no_result_is_refused_with_a_sentence(tmp_path):
    path = tmp_path / 'other.json'
    path.write_text('{}')
    with pytest.raises(SystemExit, match='is no result'):
        report.read(path)


@pytest.mark.parametrize('value, unit, text', [
    (2048, 'B', '2.0 KiB'), (0.0123, 's', '0.012 s'), (1.5, 's', '1.50 s'), (15.25, 'ms', '15.2 ms'),
    (15000, 'clients', '15,000 clients'), (1234.5, '/s', '1,234/s'), (9, '', '9')])
def test_a_value_is_written_as_people_read_it(value, unit, text):
    assert written(value, unit) == text


@pytest.mark.parametrize('received, status', [
    (b'HTTP/1.1 200 OK\r\nContent-Le', None),
    (b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab', None),
    (b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc', 200),
    (b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n', 101)])
def test_the_client_knows_when_an_answer_is_whole(received, status):
    assert client.http(received) == status


@pytest.mark.parametrize('received, status', [
    (b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n["new', None),
    (b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n["news"]\n', 200),
    (b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]', 204),
    (b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"error": 1}', 500),
    (b'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n', 503)])
def test_the_client_knows_whether_an_answer_carries_what_it_waits_for(received, status):
    assert client.carrying(b'news')(received) == status


@pytest.mark.parametrize('received, status', [
    (b'\x81', None), (b'\x81\x03ab', None), (b'\x81\x03abc', 200), (b'\x81\x7e\x00\x80' + b'a' * 127, None),
    (b'\x81\x7e\x00\x80' + b'a' * 128, 200), (b'\x8a\x00', 100), (b'\x88\x02\x03\xe8', 0)])
def test_the_client_knows_when_a_frame_is_whole(received, status):
    assert client.frame(received) == status


@pytest.mark.parametrize('received, left, reply', [
    (b'HTTP/1.1 200 OK\r\n\r\n\x89\x00', b'HTTP/1.1 200 OK\r\n\r\n\x89\x00', b''),
    (b'\x89\x00', b'', b'\x8a\x80\0\0\0\0'),
    (b'\x89\x02ab', b'', b'\x8a\x82\0\0\0\0ab'),
    (b'\x81\x03abc\x89\x00', b'\x81\x03abc', b'\x8a\x80\0\0\0\0'),
    (b'\x89\x00\x81\x7e\x00\x80' + b'a' * 128, b'\x81\x7e\x00\x80' + b'a' * 128, b'\x8a\x80\0\0\0\0'),
    (b'\x89\x00\x81\x03a', b'\x81\x03a', b'\x8a\x80\0\0\0\0'),
    (b'\x88\x02\x03\xf5', b'\x88\x02\x03\xf5', b'\x88\x82\0\0\0\0\x03\xf5')])
def test_pings_are_taken_out_of_what_a_websocket_receives_and_are_answered(received, left, reply):
    assert client.without_pings(received) == (left, reply)


def test_a_websocket_that_rests_answers_pings_and_says_when_it_was_ended():
    """As browsers do: Odoo's bus ends the one that leaves a ping unanswered for 15 s."""
    with socket.create_server(('127.0.0.1', 0)) as server, \
            client.Crowd(f'http://127.0.0.1:{server.getsockname()[1]}', 2) as crowd:
        crowd.answered = client.frame
        first, second = server.accept()[0], server.accept()[0]
        with first, second:
            second.sendall(b'\x89\x00')
            crowd.rest(0.1)
            assert second.recv(100) == client.masked(client.PONG, b'') and not crowd.ended
            first.sendall(b'\x88\x02\x03\xf5')
            crowd.rest(0.1)
            assert first.recv(100) == client.masked(client.CLOSE, b'\x03\xf5')
            [ended] = crowd.ended
            assert list(crowd.sockets).index(ended) == 0
            second.sendall(b'\x81\x03abc')
            assert [answer.status for answer in crowd.gather(10)] == [200]      # not for the one that ended
            assert list(crowd.come_back().values()) == [0] and not crowd.ended
            with server.accept()[0] as again:
                again.sendall(b'\x81\x03abc')
                assert [list(crowd.sockets).index(answer.connection) for answer in crowd.gather(10, 1)] == [0]
                again.sendall(b'\x81\x03abc')
                with pytest.raises(SystemExit, match='Nothing happened'):
                    crowd.rest(10)


def test_one_who_is_refused_and_hung_up_on_is_one_answer():
    with socket.create_server(('127.0.0.1', 0)) as server, \
            client.Crowd(f'http://127.0.0.1:{server.getsockname()[1]}', 2) as crowd:
        first, second = server.accept()[0], server.accept()[0]
        with second:
            with first:
                first.sendall(b'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n')
                assert crowd.gather(10, 1)[0].status == 500
                first.sendall(b'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n')
            threading.Timer(0.1, second.sendall, [b'HTTP/1.1 204 None\r\n\r\n']).start()
            assert [answer.status for answer in crowd.gather(10)] == [500, 204]


def test_what_was_measured_until_ctrl_c_is_kept(monkeypatch, tmp_path, capsys):
    def interrupted(variables, file, rounds, quick, programs):
        file.write_text(json.dumps(one_round('writers', 'any host', publish=1, plain=2)) + '\n')
        raise KeyboardInterrupt
    monkeypatch.setattr(bench, 'measure', interrupted)
    monkeypatch.setattr(bench, 'machine', lambda *arguments: {'date': '2026-01-02 03:04'})
    assert bench.main(['--only', 'writers', '--into', str(tmp_path)]) == 1
    kept = report.read(tmp_path / '2026-01-02-0304.json')
    assert kept['rounds'][0]['program'] == 'writers' and kept['about']['stopped'] == 'before all was measured'
    assert 'stopped: before all was measured' in (tmp_path / '2026-01-02-0304.md').read_text()


def test_ctrl_c_before_the_first_figure_leaves_no_result(monkeypatch, tmp_path):
    def interrupted(*arguments):
        raise KeyboardInterrupt
    monkeypatch.setattr(bench, 'measure', interrupted)
    monkeypatch.setattr(bench, 'machine', lambda *arguments: {'date': '2026-01-02 03:04'})
    assert bench.main(['--only', 'writers', '--into', str(tmp_path)]) == 1
    assert list(tmp_path.iterdir()) == []


def test_talks_take_turns_on_the_connections():
    """Each gets the answers to what it has sent, and as many talk side by side as are let."""
    def talk(word):
        first = yield b'%s 1 ' % word
        second = yield b'%s 2 ' % word
        return first.body, second.body
    with socket.create_server(('127.0.0.1', 0)) as server:
        threading.Thread(target=echo, args=(server,), daemon=True).start()
        with client.Crowd(f'http://127.0.0.1:{server.getsockname()[1]}', 2) as crowd:
            said = client.converse(crowd, map(talk, (b'a', b'b', b'c')), 1, 10, again=True)
            assert said == {number: (b'%s 1' % word, b'%s 2' % word) for number, word in enumerate((b'a', b'b', b'c'))}
            assert client.converse(crowd, (), 1, 10) == {}


def echo(server):
    """Answers what ends with a space on each connection, HTTP/1.1."""
    def serve(connection):
        with connection, connection.makefile('rwb', 0) as file:
            while (words := file.read(4)):
                file.write(b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n' + words[:3])
    while True:
        try:
            threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
        except OSError:
            return
