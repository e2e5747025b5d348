"""nginx before a run's host and sidecar, configured by the very file that is meant for production.

`nginx/web_longpolling.conf` is taken as it is; only what its comments mark with "SET:" is set: addresses, the long
polling path and the time that a poll may be held. A setting that is not found exactly where it is expected is an
error, so the file cannot drift away from what the tests run.
"""

import re
import resource
import signal
import time
from pathlib import Path
from typing import NamedTuple

from ..errors import SandboxError
from ..paths import ROOT
from ..run import privilege
from ..run.ports import is_open, take_port
from ..run.process import PortTaken, Server, run_once
from ..run.rundir import RunFolder
from .substitute import substitute

PRODUCTION_FILE = ROOT / 'nginx' / 'web_longpolling.conf'
CONNECTIONS = 32768         # of the one worker; a held poll uses two
DEFAULT_PATH = '/openerplongpolling'

MAIN = """# Written by the sandbox around nginx/web_longpolling.conf.
daemon off;
master_process on;
worker_processes 1;
worker_rlimit_nofile {files};
pid "{place}/nginx.pid";
error_log stderr info;
events {{
    worker_connections {connections};
}}
http {{
    access_log "{place}/access.log";
    client_body_temp_path "{place}/body";
    proxy_temp_path "{place}/proxy";
    fastcgi_temp_path "{place}/fastcgi";
    uwsgi_temp_path "{place}/uwsgi";
    scgi_temp_path "{place}/scgi";
    types {{
        text/html html;
        text/css css;
        text/javascript js;
    }}
    default_type application/octet-stream;
    include "{place}/site.conf";
}}
"""


class Dispatch(NamedTuple):
    """What the sandbox sets in the production file; ports are loopback ports."""

    port: int
    host_port: int
    sidecar_ports: tuple[int | str, ...]    # an address of another kind as nginx writes it, such as unix:/PATH
    path: str = DEFAULT_PATH
    timeout: float = 60.0           # longpolling_timeout in seconds
    tls: tuple[Path, Path] | None = None    # certificate and key
    ipv6: bool = False              # on the same port of ::1 too
    bus_port: int | None = None     # where Odoo's WebSockets go, if not to the host's port


def render(dispatch: Dispatch, text: str | None = None) -> str:
    """The production file, set for these addresses."""
    text = text or PRODUCTION_FILE.read_text()

    scheme = 'http'
    # Of the server itself; the redirect of TLS has its own, which go with it.
    text = substitute(text, r'^    ((?:#tls )?listen )\[::\]:\d+( ssl)?;.*\n',
                      rf'    \1[::1]:{dispatch.port}\2;\n' if dispatch.ipv6 else '', 2)
    if dispatch.tls:
        certificate, key = dispatch.tls
        scheme = 'https'
        text = substitute(text, r'^    listen 80;\n(?:    listen \[::1\]:\d+;\n)?', '')
        text = re.sub(r'^( *)#tls ', r'\1', text, flags=re.MULTILINE)
        # The redirect: the sandbox has no port 80.
        text = substitute(text, r'^server \{\n    listen 80;\n(.*\n)+?\}\n', '')
        text = substitute(text, r'listen 443 ssl;', f'listen 127.0.0.1:{dispatch.port} ssl;')
        text = substitute(text, r'ssl_certificate /\S+;', f'ssl_certificate "{certificate}";')
        text = substitute(text, r'ssl_certificate_key /\S+;', f'ssl_certificate_key "{key}";')
    else:
        text = substitute(text, r'^    listen 80;', f'    listen 127.0.0.1:{dispatch.port};')
    text = substitute(text, r'^    server_name www\.myopenerp\.fr;', '    server_name 127.0.0.1 localhost;')
    for port in (dispatch.host_port, dispatch.bus_port or dispatch.host_port):
        text = substitute(text, r'\A((?:.*\n)*?)    server 127\.0\.0\.1:8069 ', rf'\1    server 127.0.0.1:{port} ')
    for place in dispatch.sidecar_ports:
        if str(place).startswith('unix:'):  # the line for it is there, in a comment
            text = substitute(text, r'^    # server unix:/run/longpolling/8068\.sock( .*)$', rf'    server {place}\1')
    text = substitute(text, r'^    server 127\.0\.0\.1:8068 .*$\n',
                      ''.join('    server {} max_fails=0;\n'.format(port if isinstance(port, str) else
                                                                    f'127.0.0.1:{port}')
                              for port in dispatch.sidecar_ports if not str(port).startswith('unix:')))
    text = substitute(text, r'^    location /openerplongpolling \{', f'    location {dispatch.path} {{')
    text = substitute(text, r'proxy_read_timeout 90s;', f'proxy_read_timeout {dispatch.timeout + 30:.0f}s;')
    return f'# {scheme}://127.0.0.1:{dispatch.port}, from nginx/web_longpolling.conf\n{text}'


# What a worker logs when it has closed its listening socket.
LEAVES = 'gracefully shutting down'


class Nginx:
    """The dispatcher of a run; `dispatch(**changes)` sets it anew while it runs."""

    def __init__(self, tools, folder: RunFolder, dispatch: Dispatch):
        self.tools = tools
        self.folder = folder
        self.place = folder.path / 'nginx'
        self.dispatch = dispatch
        self.server: Server | None = None

    def write(self):
        self.place.mkdir(exist_ok=True)
        files = min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        (self.place / 'nginx.conf').write_text(MAIN.format(
            place=self.place, files=files, connections=min(CONNECTIONS, files)))
        (self.place / 'site.conf').write_text(render(self.dispatch))
        privilege.give(self.place)

    def command(self, *arguments: str) -> list[str]:
        return [str(self.tools.nginx), '-e', 'stderr', '-p', str(self.place), '-c', str(self.place / 'nginx.conf'),
                *arguments]

    def check(self):
        """Run `nginx -t`; SandboxError with its output if it refuses the configuration."""
        self.write()
        run_once(self.folder, self.command('-t'), self.folder.log / 'nginx-check.log', name='nginx -t', seconds=30)

    def start(self, tries: int = 3):
        for attempt in range(tries):
            self.write()
            self.server = Server(self.folder, 'nginx', self.command(), port=self.dispatch.port,
                                 ready=lambda: is_open(self.dispatch.port))
            try:
                self.server.start()
                return self.server.wait_ready(15)
            except PortTaken:
                if attempt == tries - 1:
                    raise
                self.dispatch = self.dispatch._replace(port=take_port(self.folder))

    def change(self, **changes):
        """Dispatch in another way from now on, for example to other `sidecar_ports`; held polls go on.

        It returns when the worker with the old configuration accepts no connection any more. What it has accepted
        it keeps: held polls, and connections that a browser opened and has not used yet (until client_header_timeout),
        whose polls still go to the old sidecars.
        """
        self.dispatch = self.dispatch._replace(**changes)
        self.check()
        assert self.server and self.server.child
        leaving = self.server.log_text().count(LEAVES)
        self.server.child.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while self.server.log_text().count(LEAVES) == leaving:
            if time.monotonic() > deadline:
                raise SandboxError(f'nginx did not take its new configuration within 10 s; see {self.server.log}.')
            time.sleep(0.02)

    def stop(self):
        if self.server:
            self.server.stop()
