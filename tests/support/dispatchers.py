"""Dispatchers beside a stack's own: the shipped configurations of nginx and Apache, with and without TLS."""

import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from sandbox.run import privilege
from sandbox.run.ports import take_port
from sandbox.servers.apache import Apache
from sandbox.servers.nginx import Nginx


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody has signed but itself, and its key."""
    openssl = shutil.which('openssl')
    assert openssl, 'The TLS tests make a certificate: install openssl (Debian: apt-get install openssl).'
    pair = folder / 'certificate.pem', folder / 'key.pem'
    subprocess.run([openssl, 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1',
                    '-addext', 'subjectAltName=IP:127.0.0.1', '-out', pair[0], '-keyout', pair[1]],
                   check=True, capture_output=True)
    return pair


def own_copy(stack, certificate):
    """Certificate and key where the servers, which are not root, may read them."""
    place = stack.folder.path / 'tls'
    place.mkdir(exist_ok=True)
    pair = [Path(shutil.copy(file, place)) for file in certificate]
    for file in pair:
        file.chmod(0o600)
    privilege.give(place)
    for file in pair:
        privilege.give(file)
    return tuple(pair)


@contextmanager
def dispatching(name, stack, tls=None, ipv6=False, sidecar_ports=None):
    """A second dispatcher before the stack, `nginx` or `apache`: its check's words and its URL.

    `sidecar_ports`: of other sidecars than the stack's; or unix:/PATH.
    """
    tls = own_copy(stack, tls) if tls else None
    ports = sidecar_ports or tuple(sidecar.port for sidecar in stack.sidecars)
    if name == 'apache':
        apache = Apache(stack, tls, ports)
        said = apache.check()
        with apache.running():
            yield SimpleNamespace(said=said, url=apache.url, log=apache.log)
        return
    nginx = Nginx(stack.tools, stack.folder, stack.nginx.dispatch._replace(
        port=take_port(stack.folder), sidecar_ports=ports, tls=tls, ipv6=ipv6))
    nginx.place = stack.folder.path / f'nginx-{nginx.dispatch.port}'
    nginx.check()
    nginx.start()
    assert nginx.server is not None
    try:
        scheme = 'https' if tls else 'http'
        address = '[::1]' if ipv6 else '127.0.0.1'
        yield SimpleNamespace(said='', url=f'{scheme}://{address}:{nginx.dispatch.port}', log=nginx.server.log_text)
    finally:
        nginx.stop()
