"""The addon web_longpolling_bus beside Odoo's own WebSocket server: `python3 -m benchmarks.discuss [N]`.

N users who listen on the bus, each in a browser of their own, by the addon's routes or by a WebSocket: what they cost
while nothing happens, from the commit of a `_sendone` to its arrival, one `_sendone` to each of them by one
transaction, as many who come in the same moment, and how many can be held at most.
"""

import json
import time
from collections.abc import Iterator

from . import crowd, peers, stack
from .addon_bus import RENEWAL, AddonBus, Browser, addon_bus
from .bus import main, to_each
from .client import Crowd, converse, http_or_frame, percentile
from .figures import Figure
from .odoo_bus import OdooBus, odoo_bus
from .sessions import make_sessions

Bus = AddonBus | OdooBus

IDLE_SECONDS = 5
WARM = 50
NOTES = 50
# Of the storm; Odoo's bus refuses a part of them.
MOST_AT_ONCE = 1000
STORM_SECONDS = 30      # who is not held by then is not taken
NEW, BACK = 'a storm of new clients', 'all come back after a restart'
# So many are tried, and come in groups, each of which is waited for so long. Small ones: to accept a connection takes a
# descriptor before it is known whether there are enough for a WebSocket. Whom Odoo's bus takes in is held after less
# than a second; when descriptors are short, it never answers.
AT_MOST = 8000
GROUP = 50
GROUP_SECONDS = 15
# Of them, on Odoo's bus: where descriptors are short it takes a session's file that it can't open for an empty one, and
# saves that.
SPARE_USERS = 50


def storm(bus: Bus, sessions) -> Iterator[Figure]:
    """All connect at once, and send what they need until they are held; nobody tries again. The last of those taken.

    The addon's are on the way of a browser, through nginx, to the sidecar and the host.
    """
    with Crowd(stack.NGINX if isinstance(bus, AddonBus) else bus.url, len(sessions)) as clients:
        clients.answered = http_or_frame
        begun, when = time.monotonic(), []

        def enter(talk):
            request = next(talk)
            while True:
                answer = yield request
                try:
                    request = talk.send(answer)
                except StopIteration as end:
                    if isinstance(end.value, Browser):
                        clients.send_on(answer.connection, end.value.poll())
                    if end.value:
                        when.append(answer.when)
                    return

        converse(clients, map(enter, bus.entering(sessions)), len(sessions), STORM_SECONDS)
        if isinstance(bus, AddonBus):
            bus.wait_until_held(len(when))
        for what in (NEW, BACK) if isinstance(bus, OdooBus) else (NEW,):    # all begin anew when it was started again
            yield from of_storm(bus, what, len(sessions), max(when) - begun, len(when))


def back(bus: AddonBus, browsers) -> Iterator[Figure]:
    """All poll at once, with the tickets that they have, a sidecar that has just been started."""
    since = bus.answered_at(browsers[0].first_poll())
    with Crowd(bus.url, len(browsers)) as clients:
        begun = time.monotonic()
        clients.send([browser.poll(since) for browser in browsers])
        bus.wait_until_held(len(browsers))
        yield from of_storm(bus, BACK, len(browsers), time.monotonic() - begun, len(browsers))


def of_storm(bus: Bus, what: str, size: int, seconds: float, taken: int) -> Iterator[Figure]:
    yield Figure(bus.name, f'{what}, last', size, seconds, 's')
    yield Figure(bus.name, f'{what}, taken', size, taken, 'clients')


def idle(bus: Bus, sessions, clients: Crowd, before: int, seconds: float) -> Iterator[Figure]:
    """What those cost who are held while nothing happens."""
    count = len(sessions)
    stack.wait_until_idle(bus.pid, clients.rest)
    yield Figure(bus.name, 'resident each', count, (stack.resident(bus.pid) - before) / count, 'B')
    used = stack.processor(bus.pid)
    clients.rest(seconds)
    yield Figure(bus.name, 'idle, of a core', count, (stack.processor(bus.pid) - used) / seconds * 100, '%')
    yield Figure(bus.name, 'connections to PostgreSQL', count, stack.connections(bus.pid), '')
    if isinstance(bus, AddonBus):
        yield Figure(bus.name, 'renewals, of a core of the host', count, bus.renewing() * count / RENEWAL * 100, '%')


def arrival(bus: Bus, sessions, clients: Crowd, notes: int) -> Iterator[Figure]:
    """From the commit of one `_sendone` to its arrival at the one of all users for whom it is."""
    connections, times = list(clients.sockets), []
    for note in range(notes):
        number = note * len(sessions) // notes
        bus.teller.say('users', sessions[number].uid)
        answers = clients.gather(peers.SECONDS, 1)
        begun = bus.teller.hear()
        if [(answer.connection, answer.status) for answer in answers] != [(connections[number], 200)]:
            raise SystemExit(f'{bus.name}: a notification to client {number} was answered with {answers}.')
        times.append(answers[0].when - begun)
        if isinstance(bus, AddonBus):
            clients.send_on(connections[number], bus.browsers[number].poll(json.loads(answers[0].body)['position']))
            bus.wait_until_held(len(sessions))
    for what, share in (('median', .5), ('p99', .99)):
        yield Figure(bus.name, f'commit to arrival, {what}', len(sessions), percentile(times, share) * 1000, 'ms')


def at_most(bus: Bus, clients: Crowd, sessions, most: int) -> Figure:
    """How many it holds at a time, if `most` want to be held, who come after those who are held already."""
    held = len(clients)
    while held < most:
        some = [sessions[number % len(sessions)] for number in range(held, min(most, held + GROUP))]
        try:
            now = bus.hold_more(clients, some, GROUP_SECONDS)
        except OSError:         # it accepts no more
            break
        refused, held = now < held + len(some), max(held, now)
        if refused:
            break
    return Figure(bus.name, 'held at most', most, held, 'clients')


def measure(bus: Bus, sessions, seconds: float, notes: int, most: int = 0) -> Iterator[Figure]:
    """The life of a client for each of these sessions, of different users, on a process that has just been started."""
    with Crowd(bus.url, 0) as warm:
        bus.hold_new(warm, sessions[:WARM])
    bus.forget()
    before, used = stack.resident(bus.pid), processor(bus)
    with Crowd(bus.url, 0) as clients:
        bus.hold_new(clients, sessions)
        yield Figure(bus.name, 'subscribing, processor each', len(sessions),
                     (processor(bus) - used) / len(sessions) * 1000, 'ms')
        yield from idle(bus, sessions, clients, before, seconds)
        yield from arrival(bus, sessions, clients, notes)
        yield from to_each(crowd.one_event(bus, clients, lambda: bus.tell([session.uid for session in sessions])))
        bus.held_again(clients, sessions)
        stack.wait_until_idle(bus.pid, clients.rest)
        yield Figure(bus.name, 'resident each, once told', len(sessions),
                     (stack.resident(bus.pid) - before) / len(sessions), 'B')
        if most:
            yield at_most(bus, clients, make_sessions(most - len(sessions), SPARE_USERS)
                          if isinstance(bus, OdooBus) else sessions, most)


def processor(bus: Bus) -> float:
    """Seconds of processor time that its processes have used."""
    return sum(map(stack.processor, {bus.pid, getattr(bus, 'host', bus.pid)}))


def beside(sessions, seconds: float = IDLE_SECONDS, notes: int = NOTES, most: int = 0) -> Iterator[Figure]:
    """Those of both, on processes that have just been started."""
    at_once = len(sessions) <= MOST_AT_ONCE
    for begin in (addon_bus, odoo_bus):
        if at_once:
            with begin() as bus:
                yield from storm(bus, sessions)
        with begin() as bus:
            yield from measure(bus, sessions, seconds, notes, most)
        if at_once and isinstance(bus, AddonBus):
            with addon_bus() as again:
                yield from back(again, bus.browsers)


def figures(quick: bool) -> Iterator[Figure]:
    """Those of one round."""
    if quick:
        yield from beside(make_sessions(100, 100), 1, 5, 150)
        return
    sessions = make_sessions(5000, 5000)
    yield from beside(sessions[:1000])
    yield from beside(sessions, most=AT_MOST)


if __name__ == '__main__':
    main(beside)
