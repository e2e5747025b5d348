"""What the program that runs Odoo's own tests reads in Odoo's log."""

import pytest

from tests.support.odoo_suite import Outcome, outcome

LOG = """\
2026-11-30 17:50:12,243 3272 ERROR sandbox odoo.addons.mail.tests.test_mail_render: FAIL: TestRendering.test_regex
Traceback (most recent call last):
AssertionError: FAIL: nothing of Odoo's
2026-11-30 17:51:07,900 3272 ERROR sandbox odoo.addons.mail.tests.test_mail: ERROR: setUpClass (odoo.addons.mail.Tests)
2026-11-30 17:52:00,000 3272 ERROR sandbox odoo.addons.base.models.assetsbundle: 'Could not get content for x.js.'
2026-11-30 17:58:00,000 3272 ERROR sandbox odoo.tests.result: 1 failed, 1 error(s) of 301 tests when loading database
"""


def test_the_tests_that_failed_and_how_many_there_were():
    assert outcome(LOG) == Outcome(301, {'TestRendering.test_regex', 'setUpClass (odoo.addons.mail.Tests)'})


def test_a_log_without_tests_is_no_success():
    with pytest.raises(SystemExit, match='has run no tests'):
        outcome('2026-11-30 17:50:12,243 3272 CRITICAL sandbox odoo.service.server: Failed to initialize database')
