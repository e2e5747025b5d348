"""What a browser's bus worker does, as far as HTTP goes: it subscribes at the host and polls at the sidecar."""

import json
import secrets
import threading

from .clients import Session
from .pages import POSITION, SINCE

MESSAGES = '/web_longpolling_bus/messages'
ONLINE = {'inactivity_period': 0}       # of update_presence


class BusClient:
    """One browser on the bus by long polling. Its session may be nobody's, or a guest's by a cookie."""

    def __init__(self, session: Session):
        self.session = session
        self.name = secrets.token_hex(16)
        self.channels: list[str] = []
        self.last = 0
        self.uid: int | bool | None = None
        self.ticket: str | None = None
        self.renewal = 0                    # seconds
        self.position: str | None = None
        self.parts: dict[int, str] = {}     # by id: of messages that come in several events
        self.messages: list[dict] = []      # {"id", "message"}, in the order in which they came
        self.caught_up: set[int] = set()    # ids of those that came with a subscription
        self.statuses: list[int] = []       # of its polls

    def subscribe(self, *channels: str, last: int | None = None) -> dict:
        """As at the start of a worker, and when its channels change; what the host says. One that has left and comes
        back does so under another name."""
        self.channels = list(channels)
        said = self.ask(self.last if last is None else last)
        if said.get('gone'):
            self.name = secrets.token_hex(16)
            return self.subscribe(*channels, last=last)
        if 'ticket' in said:
            self.uid, self.ticket, self.renewal = said['uid'], said['ticket'], said['renewal']
            self.position = said.get('position', self.position)
            known = {message['id'] for message in self.messages}
            caught_up = [message for message in said['notifications'] if message['id'] not in known]
            self.caught_up |= {message['id'] for message in caught_up}
            self._take(caught_up)
        return said

    def ask(self, last: int = 0) -> dict:
        """What the host says to a subscription."""
        return self.session.call('/web_longpolling_bus/subscribe', {
            'name': self.name, 'channels': self.channels, 'last': last, 'uid': self.uid,
            'known': self.position is not None, 'ticket': self.ticket})

    def event(self, name: str, data: dict) -> dict:
        return self.session.call('/web_longpolling_bus/event', {
            'name': self.name, 'event_name': name, 'data': data, 'uid': self.uid})

    def renew(self) -> dict:
        return self.session.call('/web_longpolling_bus/renew', {
            'name': self.name, 'ticket': self.ticket, 'uid': self.uid})

    def move(self):
        """It has a WebSocket by now."""
        self.session.call('/web_longpolling_bus/moved', {'name': self.name, 'ticket': self.ticket})

    def leave(self):
        answer = self.session.http.post(self.session.url + '/web_longpolling_bus/leave', data=self.name, timeout=30)
        assert answer.status_code == 204, answer.text

    def poll(self, **more) -> int:
        """One poll; its status. What it brings is added to `messages`."""
        response = self.session.poll(MESSAGES, {'ticket': self.ticket}, headers={SINCE: self.position}, **more)
        self.statuses.append(response.status_code)
        if response.status_code in (200, 204):
            self.position = response.headers.get(POSITION, self.position)
        if response.status_code == 200:
            for event in response.json()['events']:
                number, text, *more_follow = event['payload']
                self.parts[number] = self.parts.get(number, '') + text
                if not more_follow:
                    message = json.loads(self.parts.pop(number))
                    self._take([{'id': number, 'message': message}] if number not in self.caught_up else [])
        return response.status_code

    def _take(self, messages):
        self.messages += messages
        self.last = max([self.last, *(message['id'] for message in messages)])

    def payloads(self, kind: str = 'test') -> list:
        return [message['message']['payload'] for message in self.messages if message['message']['type'] == kind]

    def poll_until(self, condition, polls: int = 50):
        """Poll until `condition()` is true."""
        for _ in range(polls):
            if condition():
                return
            status = self.poll()
            assert status in (200, 204), status
        assert condition(), self.messages

    def polling(self, over: threading.Event) -> threading.Thread:
        """Polls in a thread until `over` is set and a poll was answered after that."""
        def run():
            while not over.is_set():
                self.poll()
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread


def enter(session: Session) -> BusClient:
    """A browser of this login whose user is there."""
    browser = BusClient(session.clone())
    browser.subscribe()
    assert browser.event('update_presence', ONLINE) != {'expired': True}
    return browser
