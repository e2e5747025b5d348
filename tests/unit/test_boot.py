"""host/boot.py, as far as it needs no host: configuration files that are none, and the environment."""

import pytest

from web_longpolling.host import boot

CONTAINER = {'HOST': 'db', 'PORT': '5433', 'USER': 'odoo', 'PASSWORD': 'secret'}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """A function that sets variables; none of those that matter is there before."""
    for name in (*CONTAINER, 'PASSWORD_FILE', 'PGUSER', 'PGSSLMODE'):
        monkeypatch.delenv(name, raising=False)
    return lambda **variables: [monkeypatch.setenv(name, value) for name, value in variables.items()]


@pytest.mark.parametrize('text, said', [
    ('db_user = odoo\n', 'has no line [options] before line 1: write it at the top.'),
    ('\n# a comment\ndb_user = odoo\n', 'has no line [options] before line 3'),
    ('[other]\ndb_user = odoo\n', 'has no section [options], but [other]: nothing of it is read.'),
    ('[options]\nthis is nothing\n', "can't be read: "),
    ('[options]\n[options]\n', "can't be read: "),
])
def test_a_file_that_the_hosts_would_not_read_gets_one_sentence(tmp_path, text, said):
    path = tmp_path / 'odoo.conf'
    path.write_text(text)
    with pytest.raises(boot.BootError) as caught:
        boot._keys(str(path))
    assert f'The configuration file {path} ' in str(caught.value) and said in str(caught.value)
    assert '\n' not in str(caught.value) and str(caught.value).endswith('.')


def test_the_keys_of_a_file(tmp_path):
    path = tmp_path / 'odoo.conf'
    path.write_text('[options]\ndb_user = odoo\ndb_password = 100%\n[queue]\nchannels = 1\n')
    assert boot._keys(str(path)) == {'db_user', 'db_password'}
    assert boot._keys(str(tmp_path / 'none.conf')) == set()
    path.write_text('')
    assert boot._keys(str(path)) == set()


def test_the_containers_environment_goes_after_the_file_and_before_nothing(environment):
    environment(**CONTAINER)
    assert boot._own_options('odoo', {}, {'db_user'}) == ['--db_host=db', '--db_password=secret', '--db_port=5433']
    assert boot._own_options('odoo', {'db_host': 'other', 'data_dir': '/srv'}, {'db_user', 'db_password'}) == [
        '--data-dir=/srv', '--db_host=other', '--db_port=5433']


def test_a_password_may_be_in_a_file(environment, tmp_path):
    secret = tmp_path / 'password'
    secret.write_text('from the file\n')
    environment(HOST='db', PASSWORD_FILE=str(secret))
    assert '--db_password=from the file' in boot._own_options('odoo', {}, set())
    environment(PASSWORD_FILE=str(tmp_path / 'none'))
    with pytest.raises(boot.BootError, match="PASSWORD_FILE .* can't be read: No such file"):
        boot._own_options('odoo', {}, set())


@pytest.mark.parametrize('shell', [{'HOST': 'machine', 'USER': 'me'}, {'PASSWORD': 'secret', 'USER': 'me'}])
def test_what_many_shells_set_means_nothing(environment, shell):
    environment(**shell)
    assert boot._own_options('odoo', {}, set()) == []


def test_openerp_gets_what_it_does_not_read_itself(environment, monkeypatch):
    environment(PGUSER='role')
    assert boot._own_options('openerp', {'db_sslmode': 'require'}, set()) == ['--db_user=role']
    assert boot.os.environ['PGSSLMODE'] == 'require'
    assert boot._own_options('openerp', {}, {'db_user'}) == []
    assert boot._own_options('odoo', {}, set()) == []       # Odoo reads it
    with pytest.raises(boot.BootError, match='OpenERP 7.0 has no --data-dir'):
        boot._own_options('openerp', {'data_dir': '/srv'}, set())
