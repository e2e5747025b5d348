"""What the README and doc/installing.rst type: the same, with files that are there and that fit one another."""

import configparser
import re
import subprocess

from sandbox.paths import ROOT

README = (ROOT / 'README.rst').read_text()
SECTION = README[README.index('On your own server\n'):]
PAGE = (ROOT / 'doc/installing.rst').read_text()
UNIT = (ROOT / 'etc/systemd/longpolling.service').read_text()


def typed(text: str) -> list[str]:
    """The lines of all literal blocks, without their indentation."""
    blocks = re.findall(r'::\n\n((?: {4}.*\n|\n(?= {4}))+)', text)
    return [line[4:] for block in blocks for line in block.splitlines()]


def debian() -> list[str]:
    """The block of the page's first section."""
    return typed(PAGE[PAGE.index("Debian's package of Odoo"):PAGE.index('- A file has one')])


def test_the_page_types_for_debian_what_the_readme_does():
    lines = debian()
    assert len(lines) > 10
    assert [line for line in lines if line not in typed(SECTION)] == []


def test_each_file_that_is_copied_is_there():
    sources = {source for line in typed(SECTION) + typed(PAGE) for source in re.findall(r'^cp (?:-r )?(\S+)', line)}
    assert {'web_longpolling', 'etc/systemd/longpolling.service', 'nginx/web_longpolling.conf'} <= sources
    assert all((ROOT / source).exists() for source in sources)


def test_the_unit_starts_the_addon_from_where_it_was_copied():
    [place] = re.findall(r'^cp -r web_longpolling (\S+)/$', '\n'.join(debian()), re.MULTILINE)
    assert f'ExecStart=/usr/bin/python3 {place}/web_longpolling/server.py -c /etc/odoo/odoo.conf -d mydb\n' in UNIT
    assert f'addons_path = {place}' in debian()


def test_what_is_appended_to_the_configuration_is_read_with_it(tmp_path):
    """Typed by a shell, beside what Debian's file has."""
    path = tmp_path / 'odoo.conf'
    path.write_text('[options]\ndb_user = odoo\ndefault_productivity_apps = True\n')
    lines = debian()
    first, last = lines.index("cat >> /etc/odoo/odoo.conf <<'END'"), lines.index('END')
    script = '\n'.join(lines[first:last + 1]).replace('/etc/odoo/odoo.conf', str(path))
    subprocess.run(['sh', '-c', script], check=True)
    read = configparser.ConfigParser()
    read.read(path)
    assert dict(read['options']) == {'db_user': 'odoo', 'default_productivity_apps': 'True',
                                     'addons_path': '/srv/longpolling', 'proxy_mode': 'True'}


def test_nginx_gets_the_name_of_the_site_everywhere(tmp_path):
    path = tmp_path / 'web_longpolling.conf'
    path.write_text((ROOT / 'nginx/web_longpolling.conf').read_text())
    [command] = {line for line in typed(SECTION) if line.startswith('sed ')}
    subprocess.run(['sh', '-c', command.replace('/etc/nginx/conf.d/web_longpolling.conf', str(path))], check=True)
    assert 'server_name www.example.com;' in path.read_text()
    assert 'www.myopenerp.fr' not in path.read_text()
