"""What the administrator may write into the configuration file, and what is said of a mistake."""

import re

import pytest

from web_longpolling import host, settings
from web_longpolling.errors import ConfigurationError


class Configuration:
    """A host's adapter, as far as settings go."""

    def __init__(self, **options):
        self.option = options.get


@pytest.fixture
def configured(monkeypatch):
    """A function that sets what the host's configuration file holds."""
    return lambda **options: monkeypatch.setattr(host, '_adapter', Configuration(**options))


def test_the_defaults_are_those_of_the_specification(configured):
    configured()
    assert settings.read('longpolling_timeout') == 60.0
    assert settings.read('longpolling_path') == '/openerplongpolling'


@pytest.mark.parametrize('name', settings.SETTINGS)
def test_every_default_is_a_value_that_may_be_written(configured, name):
    default = settings.SETTINGS[name].default
    if default is not None:
        configured(**{name: str(default)})
        assert settings.read(name) == default


@pytest.mark.parametrize('name', settings.SETTINGS)
def test_every_setting_has_a_meaning(name):
    assert re.fullmatch(r'longpolling_[a-z_]+', name)
    assert settings.SETTINGS[name].meaning


@pytest.mark.parametrize('name, written, value', [
    ('longpolling_timeout', '30', 30.0), ('longpolling_timeout', ' 2.5 ', 2.5), ('longpolling_timeout', '86400', 86400),
    ('longpolling_path', '/otherpath', '/otherpath'), ('longpolling_path', ' /a/b-c_d.e~f ', '/a/b-c_d.e~f')])
def test_a_value_is_read(configured, name, written, value):
    configured(**{name: written})
    assert settings.read(name) == value


@pytest.mark.parametrize('name, written', [
    *[('longpolling_path', path) for path in (
        'otherpath', '', '/', '/a/', '//a', '/a b', '/a?b', '/a#b', '/ä', '/<x>', '/a\nb', 'http://x/', True)],
    *[('longpolling_timeout', number) for number in (
        '', 'soon', '-5', '0', '0.5', 'nan', 'inf', '-inf', '1e300', '86401', '30s', True, False)],
    ('longpolling_retention', '0'), ('longpolling_max_held', '1.5'), ('longpolling_max_held', '0'),
    ('longpolling_max_held_per_session', 'many'), ('longpolling_listen_port', '65536'),
    ('longpolling_listen_port', 'x'), ('longpolling_listen_host', '')])
def test_a_mistake_gives_one_sentence_that_names_the_setting(configured, name, written):
    configured(**{name: written})
    with pytest.raises(ConfigurationError) as caught:
        settings.read(name)
    sentence = str(caught.value)
    assert sentence.startswith(f'The configuration says {name} = ')
    assert sentence.endswith('.') and ', which is not ' in sentence
    with pytest.raises(ConfigurationError):
        settings.check()


def test_check_accepts_what_is_right(configured):
    configured(longpolling_path='/otherpath', longpolling_timeout='30')
    settings.check()
