# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: web_longpolling contributors
# SPDX-License-Identifier: AGPL-3.0-only
"""``--check --url``: the way of a poll through the dispatcher, as a browser goes, and the host behind it.

The sidecar's own port gives a name (``probe.py``); what is asked under it through the dispatcher shows what arrives,
for how long the dispatcher waits, and whether it notices that a browser hangs up. Where no sidecar runs, the check
listens in its place meanwhile.
"""
import contextlib
import json
import socket
import time

import gevent

from ... import host, settings
from ..loop.clock import monotonic
from ..probe import PATH, Probe
from ..request import SINCE
from ..wire import address, responses
from ..wire.peer_watch import BrowserDisconnected, PeerWatch
from ..wire.server import PollServer
from . import here
from .client import BadCertificate, HTTPException, Unreachable
from .report import Finding, patience

# Seconds: a poll is held for no longer, whatever longpolling_timeout says.
LONGEST = 300
# Seconds that a poll is held beyond that timeout, so that a dispatcher that waits just as long is found.
BEYOND = 1
# Seconds in which a dispatcher has told the sidecar that a browser is gone, or has come.
NOTICED = 5
# Sidecars to which a dispatcher may send a request before the one that gave the name is found.
SIDECARS = 12

_SINCE = SINCE[len('HTTP_'):].replace('_', '-')
_BODY = json.dumps({'x': 'x' * 2000}).encode('ascii')


def may_listen(listener):
    """Listen on this bound socket; False if somebody else does there by now."""
    try:
        listener.listen(100)
    except socket.error:
        return False
    return True


@contextlib.contextmanager
def listening(listener):
    """In the block, a server answers probes on this socket; nothing, if there is none."""
    if listener is None:
        yield
        return
    watched = PeerWatch()
    probe = Probe(settings.read('longpolling_timeout'), watched)

    def respond(environ, start_response):
        try:
            answer = probe.answer(environ) or responses.refusal(503, "This server is being checked.")
        except BrowserDisconnected:
            answer = responses.NO_CONTENT
        start_response(answer.status, answer.headers)
        return [answer.body]

    server = PollServer(listener, respond, 100, bool(host.adapter().option('proxy_mode')))
    server.start()
    try:
        yield
    finally:
        address.remove(listener)
        server.stop(timeout=1)


def certificate(site):
    """A Finding on the certificate of a secure site."""
    try:
        until = site.certificate()
    except BadCertificate as error:
        return Finding('certificate', False, "browsers warn of that of %s: %s." % (site, error))
    except Unreachable as error:
        return Finding('certificate', False, "%s does not answer: %s; is this what browsers open?" % (site, error))
    return Finding('certificate', True, 'it fits, and is good until %s' % time.strftime('%Y-%m-%d', time.gmtime(until)))


def to_host(site, db):
    """Whether the host behind the site keeps its sessions where the sidecar looks for them.

    :param db: the name of a database
    """
    adapter = host.adapter()
    page = adapter.session_page(db)
    try:
        answer = site.ask('GET', page, seconds=60)
    except Unreachable as error:
        yield Finding('server', False, "%s does not answer: %s; is this what browsers open?" % (site, error))
        return
    if answer.status >= 500:
        yield Finding('server', False, "%s answers with %d: start your server, or name it in the dispatcher." % (
            site, answer.status))
        return
    cookie = _cookie(answer.headers.get('set-cookie', ''), adapter.SESSION_COOKIE)
    place = adapter.session_place()
    if not cookie:
        yield Finding('server', False, "%s%s answers with %d and gives no session (cookie %s): is this what browsers "
                                       "open?" % (site, page, answer.status, adapter.SESSION_COOKIE))
    elif adapter.is_stored(cookie):
        yield Finding('server', True, 'it keeps its sessions in %s' % place)
    else:
        yield Finding('server', False, "it has just made a session that is not in %s, and every poll would be 401: "
                                       "%s." % (place, here.unlike_hosts()))


def _cookie(header, name):
    for part in header.replace(',', ';').split(';'):
        key, _, value = part.strip().partition('=')
        if key == name:
            return value
    return None


def through(site, own):
    """Findings on what the dispatcher makes of polls.

    :param site: the Site that browsers open
    :param own: the Site of the sidecar's own port
    """
    name = (own.json('POST', '/probe') or {}).get('name')
    if name is None:
        yield Finding('dispatcher', False, "the sidecar at %s gives no answer to the check: it is of another version; "
                                           "restart it." % own)
        return
    path = settings.read('longpolling_path') + PATH + name
    found = _arrived(site, own, path)
    yield found[0]
    if found[1] is None:
        return
    for finding in _headers(site, *found[1]):
        yield finding
    yield _published(site)
    yield _hang_up(site, own, path, name)
    yield _held(site, path)


def _arrived(site, own, path):
    """A Finding, and the Answer and what it says if a request has arrived."""
    prefix = settings.read('longpolling_path')
    headers = {_SINCE: 'probe', 'Cookie': 'probe=1', 'Content-Type': 'application/json'}
    answer = None
    for _ in range(SIDECARS):
        try:
            answer = site.ask('POST', path, headers, _BODY)
        except Unreachable as error:
            return Finding('dispatcher', False, "%s%s does not answer: %s; let the dispatcher send %s to %s." % (
                site, prefix, error, prefix, own)), None
        told = _json(answer)
        if answer.status == 200 and 'headers' in told:
            return Finding('dispatcher', True, '%s%s comes to the sidecar at %s' % (site, prefix, own)), (answer, told)
        if not _of_another(answer):
            break
    if _of_another(answer):
        reason = "another sidecar answers there, and not the one at %s" % own
    elif answer.status in (502, 503, 504):
        reason = "the dispatcher answers with %d: it does not reach the sidecar" % answer.status
    else:
        reason = "somebody else answers there, with %d" % answer.status
    return Finding('dispatcher', False, "%s%s: %s. Let it send %s, which is longpolling_path, to %s." % (
        site, prefix, reason, prefix, own)), None


def _of_another(answer):
    """Whether another sidecar has answered, which does not know the name."""
    return answer.status == 404 and 'error' in _json(answer)


def _json(answer):
    try:
        told = json.loads(answer.body.decode('utf-8'))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _headers(site, answer, told):
    wrong, sent = [], told['headers']
    if sent.get('host', '').lower() != site.host.lower():
        wrong.append("the header Host says %s instead of %s (nginx: proxy_set_header Host $http_host)" % (
            sent.get('host'), site.host))
    if 'probe=1' not in sent.get('cookie', ''):
        wrong.append("cookies do not arrive")
    if sent.get(_SINCE.lower()) != 'probe' or answer.headers.get(responses.POSITION.lower()) != 'probe':
        wrong.append("the headers %s and %s are not passed on" % (_SINCE.title(), responses.POSITION))
    if told['method'] != 'POST' or told['body'] != len(_BODY):
        wrong.append("what was sent with POST has not arrived whole")
    if site.secure and told['scheme'] != 'https':
        wrong.append("the sidecar takes https for http (X-Forwarded-Proto and X-Forwarded-Host, and proxy_mode = True)")
    if wrong:
        return [Finding('headers', False, "the dispatcher changes what browsers send: %s." % '; '.join(wrong))]
    return [Finding('headers', True, 'host, cookies, positions and bodies arrive as they were sent')]


def _published(site):
    health = site.json('GET', '/health')
    if isinstance(health, dict) and 'polls_held' in health:
        return Finding('own pages', False, "%s/health is the sidecar's own page: let the dispatcher send it nothing "
                                           "but %s." % (site, settings.read('longpolling_path')))
    return Finding('own pages', True, 'the dispatcher publishes none')


def _hang_up(site, own, path, name):
    def counts():
        return own.json('GET', '/probe/' + name) or {}
    for _ in range(SIDECARS):
        try:
            connection = site.send('%s?hold=%d' % (path, LONGEST))
        except Unreachable as error:
            return Finding('hanging up', False, "a poll could not be sent: %s." % error)
        answered = gevent.spawn(_is_answered, connection)
        try:
            came = _until(lambda: answered.ready() or counts().get('held')) and not answered.ready()    # noqa: B023
        finally:
            answered.kill()
            connection.close()
        if came or not answered.value:      # otherwise it was another sidecar, which does not know the name
            break
    if not came:
        return Finding('hanging up', False, "a poll that was sent has not come to this sidecar within %d s." % NOTICED)
    began = monotonic()
    if _until(lambda: counts().get('gone')):
        return Finding('hanging up', True, 'noticed after %.1f s' % (monotonic() - began))
    return Finding('hanging up', False, "the dispatcher does not tell the sidecar that a browser is gone, so polls are "
                                        "held for nobody: take the project's own configuration of nginx or Apache.")


def _is_answered(connection):
    """Wait for the answer of what was sent on this connection; True if one has come."""
    try:
        return connection.getresponse().status > 0
    except (EnvironmentError, HTTPException):
        return False


def _until(what):
    ends = monotonic() + NOTICED
    while monotonic() < ends:
        if what():
            return True
        gevent.sleep(0.05)
    return False


def _held(site, path):
    timeout = settings.read('longpolling_timeout')
    seconds = int(min(timeout, LONGEST) + BEYOND)
    began = monotonic()
    reason = None
    with patience("holding a poll for %d s through the dispatcher" % seconds):
        try:
            for _ in range(SIDECARS):
                began = monotonic()
                answer = site.ask('GET', '%s?hold=%d' % (path, seconds), seconds=seconds + NOTICED)
                if not _of_another(answer):
                    break
            if answer.status != 200:
                reason = "answered it with %d" % answer.status
        except Unreachable as error:
            reason = "broke it off (%s)" % error
    if reason is not None:
        return Finding('holding', False, "the dispatcher %s after %.0f s, but longpolling_timeout is %g s: let it wait "
                                         "longer (nginx: proxy_read_timeout; Apache: timeout= of ProxyPass)." % (
                                             reason, monotonic() - began, timeout))
    return Finding('holding', True, 'a poll was held for %d s, longer than longpolling_timeout%s' % (
        seconds, '' if seconds > timeout else '; no longer one is tried'))
