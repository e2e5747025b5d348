# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""Which browsers are there, so that those who have left are offline.

Odoo calls ``_on_websocket_closed`` when a WebSocket closes. A poll that ends says nothing: the next one may follow. So
a browser says so when its last tab leaves, and renews its connection every few minutes; one that has crashed, or has
lost its network, does not.
"""
import datetime
import logging
import os

from odoo import fields, models
from odoo.http import STORED_SESSION_BYTES, request, root
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..parameters import seconds

_logger = logging.getLogger(__name__)

# Seconds between two renewals. Who has missed two is away.
RENEWAL = 120
MISSED = 2.5

# Who adds a row where another transaction has just added one begins anew: PostgreSQL says so at REPEATABLE READ.
_ADD = """
    INSERT INTO web_longpolling_bus_connection (name, user_id, guest, session, seen, gone)
    VALUES (%(name)s, %(user_id)s, %(guest)s, %(session)s, %(seen)s, %(gone)s) ON CONFLICT (name) DO NOTHING"""

# Seconds that a ticket lasts beyond that: the scheduled action may be late, or not run at all.
SPARE = 600


class Connection(models.Model):
    _name = 'web_longpolling_bus.connection'
    _description = "A browser that gets the bus's messages by long polling"
    _log_access = False

    name = fields.Char(required=True, help="What the browser calls it; nobody else knows.")
    user_id = fields.Many2one('res.users', ondelete='cascade', index=True)
    guest = fields.Integer(help="The id of its mail.guest, if it has no user.")
    # The half of its name that a session keeps when it is renewed; the other half is its secret.
    session = fields.Char()
    seen = fields.Datetime(required=True, default=lambda self: fields.Datetime.now())
    gone = fields.Boolean(help="It has left, and nobody comes under its name any more.")

    _name_unique = models.UniqueIndex('(name)')

    def _renewal(self):
        return seconds(self.env, 'renewal', RENEWAL)

    def _ticket_seconds(self):
        return int(MISSED * self._renewal()) + SPARE

    def _enter(self, name):
        """The browser of this request is there.

        :param name: what it calls its connection
        """
        guest = self.env['mail.guest']._get_guest_from_context() if 'mail.guest' in self.env else None
        values = {
            'user_id': request.session.uid or False,
            'guest': guest.id if guest and not request.session.uid else 0,
            'session': request.session.sid[:STORED_SESSION_BYTES],
            'seen': fields.Datetime.now(),
        }
        known = self.search([('name', '=', name)])
        if known and (known.user_id.id, known.guest) != (values['user_id'], values['guest']):
            known._leave()      # somebody else has logged in
            known = self.browse()
        if known:
            known.write(values)
        else:
            self._execute(_ADD, dict(values, name=name, user_id=values['user_id'] or None, gone=False))

    def _bury(self, name):
        """Nobody comes under this name any more: what a browser has sent before it left may be handled after that."""
        self._execute(_ADD, {'name': name, 'user_id': None, 'guest': 0, 'session': None,
                             'seen': fields.Datetime.now(), 'gone': True})

    def _execute(self, statement, parameters):
        """It may meet another transaction; the host then begins anew, of which nobody needs to read as of an error."""
        self.env.cr.execute(statement, parameters, log_exceptions=False)

    def _renew(self):
        """Whether it was known; it is there until the next renewal is missed.

        Who deletes it meanwhile waits for this transaction, and has to begin anew after it.
        """
        self._execute("UPDATE web_longpolling_bus_connection SET seen = %s WHERE id IN %s RETURNING id",
                      (fields.Datetime.now(), tuple(self.ids) or (0,)))
        return bool(self.env.cr.fetchall())

    def _leave(self):
        """These browsers are gone: what Odoo does when a WebSocket closes, but who has another one stays online."""
        for connection in self:
            others = self.search([
                ('id', 'not in', self.ids), ('user_id', '=', connection.user_id.id), ('guest', '=', connection.guest),
                ('seen', '>=', self._deadline())]) if connection.user_id or connection.guest else self.browse()
            # One of these that leaves beside this one waits here, and then does not find this one any more.
            self._execute("SELECT 1 FROM web_longpolling_bus_connection WHERE id IN %s ORDER BY id FOR UPDATE",
                          (tuple((connection + others).ids),))
            presences = getattr(connection._person(), 'presence_ids', []) if others else []
            statuses = [(presence, presence.status) for presence in presences]
            user, session, cookies = connection.user_id, connection.session, connection._cookies()
            connection.unlink()
            if session not in others.mapped('session'):
                user = user or self.env.ref('base.public_user')
                self.env['ir.websocket'].with_user(user).with_context(guest=None)._on_websocket_closed(cookies)
            for presence, status in statuses:
                presence.status = status

    def _person(self):
        """The user, or the guest, whose presence others see: a record, with the rights to change it."""
        if not self.user_id and 'mail.guest' in self.env:
            return self.env['mail.guest'].sudo().browse(self.guest).exists()
        return self.user_id.sudo()

    def _cookies(self):
        """Those of the browser, as far as Odoo looks at them when a WebSocket closes."""
        cookies, person = {'session_id': self._session_id()}, self._person()
        if person and person._name == 'mail.guest':
            cookies[person._cookie_name] = person._format_auth_cookie()
        return cookies

    def _deadline(self):
        """Who was not seen since then is gone."""
        return fields.Datetime.now() - datetime.timedelta(seconds=MISSED * self._renewal())

    def _session_id(self):
        """The name of the session just now, or '' if it has ended."""
        known = self.session or ''
        folder = os.path.join(getattr(root.session_store, 'path', ''), known[:2])
        try:
            names = sorted(name for name in os.listdir(folder) if name.startswith(known)) if known else []
        except EnvironmentError:
            names = []
        return names[-1] if names else ''

    def _expire(self):
        """Called by the scheduled action: those that were not renewed are gone.

        :returns: how many these were
        """
        self.sudo().search([('seen', '<', self._deadline()), ('gone', '=', True)]).unlink()
        gone = self.sudo().search([('seen', '<', self._deadline())])
        gone._leave_one_by_one()
        return len(gone)

    def _leave_one_by_one(self):
        """As `_leave`, but what fails with one of them does not keep the others online."""
        for connection in self:
            try:
                with self.env.cr.savepoint():
                    connection._leave()
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                continue        # somebody writes the same presence; the next run sees what became of it
            except Exception:
                _logger.exception("What Odoo does when a WebSocket closes has failed for %s.",
                                  connection._person() or 'a visitor')
                connection.unlink()


def remove_traces(env):
    """The addon is being removed: nothing of it stays behind in the database, and nobody who polled stays online.

    Who goes on with a WebSocket says that he is there when he hears that.
    """
    env['web_longpolling_bus.connection'].sudo().search([])._leave_one_by_one()
    env.cr.flush()      # Odoo adds to the bus now, of which the events must be gone, too
    env.cr.execute("""
        DELETE FROM longpolling_ticket WHERE channels LIKE '%"web\\_longpolling\\_bus.%';
        DELETE FROM longpolling_event WHERE channel LIKE 'web\\_longpolling\\_bus.%';
        DELETE FROM longpolling_purged WHERE channel LIKE 'web\\_longpolling\\_bus.%'""")
    env['ir.config_parameter'].sudo().search([('key', '=like', 'web\\_longpolling\\_bus.%')]).unlink()
