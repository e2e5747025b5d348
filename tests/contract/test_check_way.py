"""server.py --check --url through each dispatcher: https with a CA of one's own, Unix sockets, two sidecars."""

import pytest

from tests.support.dispatchers import dispatching, make_certificate

from .test_addresses import listening
from .test_check import HERE, WAY, lines


@pytest.fixture(scope='module')
def certificate(tmp_path_factory):
    """One for 127.0.0.1 and its key; it is its own CA."""
    return make_certificate(tmp_path_factory.mktemp('check'))


@pytest.mark.parametrize('name', ['nginx', 'apache'])
def test_https_with_a_ca_of_ones_own(stack, programs, certificate, name):
    """Who does not know the CA gets one sentence that says how to name it, and so does who asks by another name."""
    ca = stack.folder.path / 'tls' / certificate[0].name        # where the programs may read it
    with dispatching(name, stack, tls=certificate) as dispatcher:
        def check(url, **environment):
            outcome = programs.server('-c', stack.config, '-p', stack.sidecars[0].port, '--check', '--url', url,
                                      **environment)
            return outcome, lines(outcome)
        outcome, found = check(dispatcher.url, SSL_CERT_FILE=str(ca))
        assert [about for _, about, _ in found] == HERE + ['certificate'] + WAY
        assert all(well for well, _, _ in found) and outcome.status == 0, outcome.out
        assert 'ok     certificate: it fits, and is good until ' in outcome.out

        outcome, found = check(dispatcher.url)
        assert outcome.status == 1 and [about for _, about, _ in found] == HERE + ['certificate']
        well, _, text = found[-1]
        assert not well and text.startswith(f'browsers warn of that of {dispatcher.url}: ')
        assert text.endswith("; if your own CA has signed it, say where the CA's certificate is: "
                             "SSL_CERT_FILE=/path/ca.pem before the command.")

        other = dispatcher.url.replace('127.0.0.1', 'localhost')
        outcome, found = check(other, SSL_CERT_FILE=str(ca))
        well, about, text = found[-1]
        assert not well and about == 'certificate', outcome.out
        assert text.startswith(f'browsers warn of that of {other}: it is for another name (')

        outcome, found = check(stack.url.replace('http:', 'https:'))
        well, about, text = found[-1]
        assert not well and about == 'certificate', outcome.out
        assert 'does not answer: it does not speak TLS there (' in text


@pytest.mark.parametrize('name', ['nginx', 'apache'])
def test_two_sidecars_behind_one_dispatcher(stack, programs, place, name):
    """One by TCP and one by a Unix socket: each is found, whichever the dispatcher asks first."""
    by_tcp = '-c', stack.config, '-p', stack.sidecars[0].port
    by_socket = '-c', stack.config, '-i', f'unix:{place}'
    with listening(programs, *by_socket), \
            dispatching(name, stack, sidecar_ports=(stack.sidecars[0].port, f'unix:{place}')) as dispatcher:
        for arguments in (by_tcp, by_socket):
            outcome = programs.server(*arguments, '--check', '--url', dispatcher.url)
            found = lines(outcome)
            assert all(well for well, _, _ in found) and outcome.status == 0, outcome.out
            assert [about for _, about, _ in found] == HERE + WAY
