"""Apache before a stack's host and sidecars, configured by the very file that is meant for production.

`apache/web_longpolling.conf` is taken as it is; only what its comments mark with "SET:" is set. Apache itself is
Debian's package, unpacked into a private folder, so that the test is the same whether the machine has one or not.
"""

import contextlib
import re
import subprocess
from pathlib import Path

from ..build.debian import Package, library_path, unpacked
from ..errors import SandboxError
from ..paths import ROOT as CHECKOUT
from ..run import privilege
from ..run.ports import is_open, take_port
from ..run.process import Server, base_environment
from .substitute import substitute

PRODUCTION_FILE = CHECKOUT / 'apache' / 'web_longpolling.conf'

PACKAGES = tuple(Package(name, 'bookworm') for name in (
    'apache2', 'apache2-bin', 'libapr1', 'libaprutil1', 'libexpat1', 'libnghttp2-14', 'libpcre2-8-0', 'libssl3',
    'libuuid1'))
LEAVE_OUT = ('./usr/share/doc', './usr/share/man', './usr/share/apache2')

# What the comments of the production file say to enable, and what Debian enables by itself.
MODULES = ('mpm_event', 'authz_core', 'mime', 'proxy', 'proxy_http', 'proxy_balancer', 'lbmethod_byrequests',
           'lbmethod_bybusyness', 'headers', 'setenvif', 'env', 'slotmem_shm', 'reqtimeout', 'deflate', 'filter')
TLS_MODULES = ('socache_shmcb', 'ssl', 'http2')

MAIN = """# Written by the sandbox around apache/web_longpolling.conf.
ServerRoot "{place}"
PidFile "{place}/apache.pid"
DefaultRuntimeDir "{place}"
Mutex file:{place}
ErrorLog "{place}/error.log"
LogLevel info
ServerName 127.0.0.1
TypesConfig "{root}/etc/mime.types"
Listen 127.0.0.1:{port}
{modules}
ServerLimit 4
ThreadsPerChild 64
MaxRequestWorkers 256
Include "{place}/site.conf"
"""


def build_apache() -> Path:
    """Unpack Debian's Apache unless it is there already; returns its root. Raises SandboxError."""
    root = unpacked('apache', 'Apache (7 MB)', PACKAGES, LEAVE_OUT)
    (root / 'etc').mkdir(exist_ok=True)
    (root / 'etc/mime.types').write_text('text/html html\ntext/css css\ntext/javascript js\n')
    return root


def render(port: int, host_port: int, sidecar_ports, path: str, timeout: float, tls=None) -> str:
    """The production file, set for these loopback ports (or unix:/PATH); `tls`: a certificate's path and its key's."""
    text = PRODUCTION_FILE.read_text()

    if tls:
        text = substitute(text, r'^<VirtualHost \*:80>\n', '')
        text = re.sub(r'^( *)#tls ', r'\1', text, flags=re.MULTILINE)
        # The redirect: the sandbox has no port 80.
        text = substitute(text, r'^<VirtualHost \*:80>\n(.*\n)+?</VirtualHost>\n', '')
        text = substitute(text, r'^<VirtualHost \*:443>', f'<VirtualHost 127.0.0.1:{port}>')
        text = substitute(text, r'SSLCertificateFile \S+', f'SSLCertificateFile "{tls[0]}"')
        text = substitute(text, r'SSLCertificateKeyFile \S+', f'SSLCertificateKeyFile "{tls[1]}"')
    else:
        text = substitute(text, r'^<VirtualHost \*:80>', f'<VirtualHost 127.0.0.1:{port}>')
    text = substitute(text, r'^    Define LONGPOLLING_PORT \d+', f'    Define LONGPOLLING_PORT {port}', 2 if tls else 1)
    text = substitute(text, r'^    ServerName www\.myopenerp\.fr', '    ServerName 127.0.0.1')
    text = substitute(text, r'^Define LONGPOLLING_PATH \S+', f'Define LONGPOLLING_PATH {path}')
    text = substitute(text, r'^Define LONGPOLLING_SECONDS \d+', f'Define LONGPOLLING_SECONDS {timeout + 30:.0f}')
    text = substitute(text, r'^Define LONGPOLLING_HOST \S+', f'Define LONGPOLLING_HOST 127.0.0.1:{host_port}')
    text = substitute(text, r'^Define LONGPOLLING_HOST_BUS \S+', f'Define LONGPOLLING_HOST_BUS 127.0.0.1:{host_port}')
    example = r'^    # BalancerMember unix:/run/longpolling/8068\.sock\|'
    for number in sidecar_ports:
        if isinstance(number, str):         # the line for it is there, in a comment
            text = substitute(text, example, f'    BalancerMember {number}|')
    return substitute(text, r'^    BalancerMember http://127\.0\.0\.1:8068( .*)$',
                      '\n'.join(rf'    BalancerMember http://127.0.0.1:{number}\1' for number in sidecar_ports
                                if not isinstance(number, str)))


class Apache:
    """A dispatcher beside a stack's nginx, for its host and its first sidecars, or those on other ports."""

    def __init__(self, stack, tls: tuple[Path, Path] | None = None, sidecar_ports: tuple[int | str, ...] = ()):
        self.root = build_apache()
        self.stack = stack
        self.tls = tls
        self.sidecar_ports = sidecar_ports or tuple(sidecar.port for sidecar in stack.sidecars)
        self.port = take_port(stack.folder)
        self.place = stack.folder.path / f'apache-{self.port}'
        self.environment = {'LD_LIBRARY_PATH': library_path(self.root)}

    @property
    def url(self) -> str:
        return f'{"https" if self.tls else "http"}://127.0.0.1:{self.port}'

    def write(self):
        """The folder that is to Apache what /etc/apache2 is on a Debian machine."""
        self.place.mkdir(exist_ok=True)
        stack = self.stack
        names = (*MODULES, *(TLS_MODULES if self.tls else ()))
        (self.place / 'apache2.conf').write_text(MAIN.format(
            place=self.place, root=self.root, port=self.port, modules='\n'.join(
                f'LoadModule {name}_module "{self.root}/usr/lib/apache2/modules/mod_{name}.so"' for name in names)))
        (self.place / 'site.conf').write_text(render(
            self.port, stack.host_port, self.sidecar_ports, stack.path, stack.timeout, self.tls))
        (self.place / 'envvars').write_text(f'export APACHE_RUN_DIR="{self.place}" APACHE_LOCK_DIR="{self.place}"\n')
        privilege.give(self.place)

    def check(self) -> str:
        """Run `apachectl configtest`; returns its output."""
        self.write()
        (self.place / 'socks').mkdir(exist_ok=True)     # otherwise apachectl makes it, for www-data
        privilege.give(self.place / 'socks')
        done = subprocess.run(
            privilege.drop(['sh', str(self.root / 'usr/sbin/apachectl'), 'configtest']), check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.place,
            env={**base_environment(self.stack.folder), **self.environment, 'APACHE_CONFDIR': str(self.place),
                 'APACHE_HTTPD': str(self.root / 'usr/sbin/apache2'), 'APACHE_ULIMIT_MAX_FILES': ''})
        return done.stdout.strip()

    @contextlib.contextmanager
    def running(self):
        """Serve for as long as the `with` lasts."""
        self.write()
        server = Server(self.stack.folder, f'apache-{self.port}',
                        [self.root / 'usr/sbin/apache2', '-D', 'FOREGROUND', '-d', self.place, '-f',
                         self.place / 'apache2.conf'],
                        port=self.port, environment=self.environment, ready=lambda: is_open(self.port))
        server.start()
        try:
            try:
                server.wait_ready(15)
            except SandboxError as problem:
                raise SandboxError(f'{problem}\n{self.log()}') from None
            yield self
        finally:
            server.stop()

    def log(self) -> str:
        path = self.place / 'error.log'
        return path.read_text(errors='replace') if path.exists() else ''
