"""`demo`: a held request, answered by a real host the moment somebody writes.

    Ann  ── POST /openerplongpolling/wall ──────> nginx ──> sidecar      … held: no thread, no cursor
    Bob  ── create a note by the ordinary RPC ───> nginx ──> host ──> commit
    Ann  <── the note

Without `--once` everything stays up, to be looked at in a browser, until Ctrl-C.
"""

import statistics
import threading
import time

from ..errors import SandboxError
from ..paths import ROOT
from ..running import running
from .visitor import Visitor

PEOPLE = {'ann': 'ann', 'bob': 'bob'}      # logins and passwords
MODEL = 'longpolling.demo.note'
NOTES = ('Hello from Bob', 'Fresh coffee in the kitchen', 'The parcel is here')
# How long the poll is held before Bob writes, so that it is seen to wait.
HOLD_SECONDS = 1.0
PATIENCE_SECONDS = 30


def demo(host: str, once: bool) -> int:
    """Show the demo on a host; returns the exit status."""
    with running(host, addons=[ROOT / 'examples'], install=['longpolling_demo', 'web_longpolling_live']) as stack:
        admin = Visitor(stack).login(stack.login, stack.password)
        for login, password in PEOPLE.items():
            admin.create_user(login, password)
        show_arrivals(stack)
        if not once:
            stay_up(stack)
    return 0


def show_arrivals(stack):
    """Let Ann hold polls and Bob write notes, and print what arrived where and when."""
    ann, bob = (Visitor(stack).login(login, password) for login, password in PEOPLE.items())
    position = ann.poll('/wall')[2]     # her page's first poll: from here on she follows
    print(f'Ann and Bob are logged in to {stack.host} at {stack.url}.')
    times = []
    for text in NOTES:
        poll = HeldPoll(ann, position)
        print(f'\nAnn  polls {stack.path}/wall and is held by the sidecar.')
        time.sleep(HOLD_SECONDS)
        if poll.is_answered():
            raise SandboxError(f'The poll was to be held and was answered at once: {poll.result()}')
        begun = time.monotonic()
        bob.rpc(MODEL, 'create', {'text': text})
        written = time.monotonic()
        status, answer, position, arrived = poll.result()
        events = (answer or {}).get('events', [])
        if text not in [event['payload'].get('text') for event in events]:
            raise SandboxError(f'Bob wrote "{text}", and Ann got {status} {answer}.')
        times.append((arrived - begun) * 1000)
        print(f'Bob  writes "{text}": his own request took {(written - begun) * 1000:.0f} ms.')
        for event in events:
            note = event['payload']
            print(f'Ann  sees "{note["text"]}" by {note["author"]} {times[-1]:.0f} ms after Bob began to write '
                  f'(held for {poll.seconds_held():.1f} s).')
    print(f'\n{len(NOTES)} notes arrived, each in the poll that was held for it; median '
          f'{statistics.median(times):.0f} ms from the start of the writing to the arrival.', flush=True)


class HeldPoll:
    """One poll of the wall on a thread of its own."""

    def __init__(self, visitor: Visitor, position: str):
        self._outcome: tuple[int, dict, str, float] | SandboxError | None = None
        self._thread = threading.Thread(target=self._hold, args=(visitor, position), daemon=True)
        self._begun = time.monotonic()
        self._thread.start()

    def _hold(self, visitor, position):
        try:
            self._outcome = (*visitor.poll('/wall', position), time.monotonic())
        except SandboxError as problem:
            self._outcome = problem

    def is_answered(self) -> bool:
        return not self._thread.is_alive()

    def result(self) -> tuple[int, dict, str, float]:
        """(status, answer, position, when it came); raises what the poll raised."""
        self._thread.join(PATIENCE_SECONDS)
        if self._thread.is_alive():
            raise SandboxError(f'Nothing arrived within {PATIENCE_SECONDS} s; see sidecar.log.')
        if isinstance(self._outcome, SandboxError):
            raise self._outcome
        assert self._outcome
        return self._outcome

    def seconds_held(self) -> float:
        return self.result()[-1] - self._begun


def stay_up(stack):
    """Print how to look at it, and wait for Ctrl-C (which the caller turns into an orderly end)."""
    people = '\n'.join(f'    {login} / {password}' for login, password in PEOPLE.items())
    print(f'''
{stack.host} stays up. Open two windows of a browser (one of them private) at

    {stack.url}

and log in as (login / password)

{people}
    {stack.login} / {stack.password} (administrator)

The wall is in the menu "Long Polling Demo". Partners are live: open the menu "Live Partners" in
both windows and change one as the administrator. What goes below {stack.path} is answered by the sidecar.

    host     {stack.host_url}      log {stack.log_dir / 'host.log'}
    sidecar  {stack.sidecar_url}      log {stack.log_dir / 'sidecar.log'}
    database {stack.dsn}

Ctrl-C takes everything down.''', flush=True)
    while True:
        time.sleep(3600)
