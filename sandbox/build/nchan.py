"""nginx with the module nchan, a peer of the benchmarks: Debian's packages in a private root.

It is no part of `build`: `bench` asks for it. nginx takes the modules that were made for its very version, so both are
of the same suite, and so are the libraries that a newer system no longer has.
"""
from pathlib import Path
from typing import NamedTuple

from ..paths import TOOLS
from .debian import Package, unpack
from .steps import Step

FOLDER = TOOLS / 'nchan'
ROOT = FOLDER / 'root'
GIGABYTES = 0.1

PACKAGES = tuple(Package(name, 'bookworm') for name in (
    'nginx', 'libnginx-mod-nchan', 'libcrypt1', 'libpcre2-8-0', 'libssl3', 'zlib1g'))
LEAVE_OUT = ('./etc', './usr/share')


class Nchan(NamedTuple):
    """What was installed."""

    nginx: Path
    module: Path
    libraries: str      # for LD_LIBRARY_PATH


# nchan makes a folder of its own accord, whatever nginx.conf says; a relative one lies in nginx's prefix.
FIXED, RELATIVE = b'/var/lib/nginx/body', b'nchan-body-of-nginx'


def steps():
    """What installs it."""
    return [Step('packages', 'Downloading and unpacking nginx with nchan', make_root,
                 (PACKAGES, LEAVE_OUT, FIXED, RELATIVE))]


def make_root():
    """nginx and a module that writes nowhere but below nginx's prefix."""
    unpack(PACKAGES, ROOT, LEAVE_OUT)
    module = installation().module
    octets = module.read_bytes()
    assert octets.count(FIXED) == 1 and len(FIXED) == len(RELATIVE)
    module.write_bytes(octets.replace(FIXED, RELATIVE))


def installation():
    """What was installed."""
    [module] = ROOT.glob('usr/**/ngx_nchan_module.so')
    folders = sorted({str(path.parent) for path in ROOT.glob('**/lib*.so.*')})
    return Nchan(ROOT / 'usr/sbin/nginx', module, ':'.join(folders))
