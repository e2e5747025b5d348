"""server.py --reload: while one works on an addon."""

import requests

from tests.support import addon_writer
from tests.support.held_polls import eventually

NAME = 'longpolling_worked_on'
CODE = """# -*- coding: utf-8 -*-
from openerp.addons.web_longpolling.longpolling import longpolling


@longpolling.route('/worked/on', mustbeauthenticated=False)
def worked_on(request, **kwargs):
    return %r
"""


def test_the_sidecar_starts_anew_when_a_file_changes_and_gets_over_a_mistake(stack, programs, oe_config, admin):
    """In the same process, on the same port; a file that can't be imported leaves it waiting for the next change."""
    addon_writer.write(stack, NAME, CODE % 'first')
    status = programs.oe('-c', oe_config, '-d', stack.db, '-u', 'base', '-i', NAME, '--stop-after-init').status
    assert status == 0
    file = addon_writer.folder(stack) / NAME / '__init__.py'
    with programs.serving('-c', oe_config, '-d', stack.db, '-p', programs.port(), '--reload') as serving:
        def said():
            try:
                answer = requests.post(serving.url + stack.path + '/worked/on', json={}, timeout=10)
            except requests.ConnectionError:
                return None
            return answer.json() if answer.status_code == 200 else answer.status_code
        assert said() == 'first'
        assert 'Started with --reload, which is for development alone' in serving.log
        pid = serving.child.pid
        file.write_text(CODE % 'second')
        eventually(lambda: said() == 'second', 60, 0.2)
        assert f'{NAME}/__init__.py has changed: the sidecar starts anew' in serving.log
        file.write_text('this is no Python')
        eventually(lambda: 'SyntaxError' in serving.log, 60, 0.2)
        file.write_text(CODE % 'mended')
        eventually(lambda: said() == 'mended', 60, 0.2)
        assert serving.child.pid == pid and serving.child.poll() is None
        serving.stop()


def test_without_it_nothing_is_watched(stack, programs):
    with programs.serving('-d', stack.db, '-c', programs.config('unwatched'), '-p', programs.port()) as serving:
        assert '--reload' not in serving.log
