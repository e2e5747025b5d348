"""Progress of long steps: one line for each, on standard error, so that a command's own output stays clean."""
import sys
import threading
import time
from contextlib import contextmanager

QUIET_SECONDS = 2     # a step that ends sooner is not worth a line
REPEAT_SECONDS = 15   # how often the line of a long step is repeated where it cannot be redrawn


@contextmanager
def step(title):
    """Announce `title` once the block has taken longer than QUIET_SECONDS, and at its end how long it took.

    On a terminal the line is redrawn every second; elsewhere it is repeated every REPEAT_SECONDS.
    """
    line = Line(title)
    ended = threading.Event()
    watcher = threading.Thread(target=watch, args=(line, ended), daemon=True)
    watcher.start()
    outcome = 'failed after'
    try:
        yield
        outcome = 'done in'
    finally:
        ended.set()
        watcher.join()
        line.close(outcome)


def watch(line, ended):
    """Show that the step still runs, until `ended`."""
    if ended.wait(QUIET_SECONDS):
        return
    line.show()
    while not ended.wait(1 if line.terminal else REPEAT_SECONDS):
        line.show()


class Line:
    """The line of one step."""

    def __init__(self, title):
        self.title = title
        self.began = time.monotonic()
        self.terminal = sys.stderr.isatty()
        self.shown = False

    def elapsed(self):
        return f'{time.monotonic() - self.began:.0f} s'

    def show(self):
        self.shown = True
        if self.terminal:
            self.write(f'\r\033[K{self.title} … {self.elapsed()}')
        else:
            self.write(f'{self.title} … {self.elapsed()}\n')

    def close(self, outcome):
        if self.shown:
            start = '\r\033[K' if self.terminal else ''
            self.write(f'{start}{self.title}: {outcome} {self.elapsed()}\n')

    @staticmethod
    def write(text):
        sys.stderr.write(text)
        sys.stderr.flush()


def say(sentence):
    """One line for the user, at once."""
    print(sentence, file=sys.stderr, flush=True)
