"""Telling the user what takes time: one line a step, on standard error so that a command's own output stays clean."""
import sys
import threading
import time
from contextlib import contextmanager

QUIET_SECONDS = 2     # a step that ends sooner is not worth a line
REPEAT_SECONDS = 15   # how often a long step says so where the line cannot be redrawn


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

    def show(self):
        text = '%s … %d s' % (self.title, time.monotonic() - self.began)
        self.shown = True
        self.write('\r\033[K' + text if self.terminal else text + '\n')

    def close(self, outcome):
        if self.shown:
            text = '%s: %s %.0f s' % (self.title, outcome, time.monotonic() - self.began)
            self.write(('\r\033[K' if self.terminal else '') + text + '\n')

    @staticmethod
    def write(text):
        sys.stderr.write(text)
        sys.stderr.flush()


def say(sentence):
    """One line for the user, at once."""
    print(sentence, file=sys.stderr, flush=True)
