"""requirements.py: what is missing, and the command that installs it."""

import sys
import sysconfig

from web_longpolling import requirements

HERE, MISSING = ('json', 'json', 'python3-json'), ('no_such_one', 'no-such-one', 'python3-no-such-one')


def test_nothing_is_missing():
    assert requirements.problem((HERE,)) is None


def test_what_is_missing_is_named_with_the_command():
    assert requirements.problem((HERE, MISSING)) == (
        f"This Python, {sys.executable}, can't import no_such_one: run the command with the Python of your server, or "
        f"install what is missing with '{sys.executable} -m pip install no-such-one'.")


def test_a_distributions_python_is_told_its_own_command(monkeypatch, tmp_path):
    """PEP 668: its pip would refuse."""
    (tmp_path / 'EXTERNALLY-MANAGED').touch()
    monkeypatch.setattr(sysconfig, 'get_path', lambda name: str(tmp_path))
    monkeypatch.setattr(sys, 'prefix', sys.base_prefix)
    assert "install what is missing with 'apt install python3-no-such-one'." in requirements.problem((MISSING,))


def test_what_is_there_and_does_not_fit_is_told_with_its_reason(monkeypatch, tmp_path):
    (tmp_path / 'broken_package.py').write_text("raise ImportError('libpq.so.5: cannot open shared object file')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "can't import broken_package (libpq.so.5: cannot open shared object file): " in requirements.problem(
        (('broken_package', 'broken', 'python3-broken'),))
