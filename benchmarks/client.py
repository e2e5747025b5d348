"""A light client: many raw sockets, one epoll loop, so that the client is not what is measured."""

import collections
import itertools
import resource
import select
import socket
import struct
import time
from collections.abc import Callable, Generator, Iterable
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

T = TypeVar('T')
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10       # kinds of frames of a WebSocket
HTTP = b'H'                                 # with which no frame begins


class Answer(NamedTuple):
    """When an answer was complete (seconds of the monotonic clock), its status, the connection it came on, its text."""

    when: float
    status: int
    connection: int
    received: bytes = b''

    @property
    def body(self) -> bytes:
        return self.received.partition(b'\r\n\r\n')[2]


class Crowd:
    """Connections to one address, each of which sends a request and waits for its answer.

    As long as `answers` is read, a WebSocket's pings are answered with pongs, as browsers do: whoever reads nothing for
    long calls `rest`.

    answered: the status of the answer that a connection has received, None as long as it is not whole; `http` or
        `frame`, which may be changed meanwhile
    ended: the connections that the server has ended
    """

    _numbers = itertools.count()        # of all connections of this process

    def __init__(self, url: str, count: int):
        self.url = url
        self.answered: Callable[[bytes], int | None] = http
        self.epoll = select.epoll()
        self.sockets: dict[int, socket.socket] = {}
        self.received: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.grow(count)

    def grow(self, count: int) -> list[int]:
        """So many more connections; their numbers. OSError if the server accepts no more."""
        raise_limit(len(self) + count + 100)
        return [self._connect() for _ in range(count)]

    def come_back(self) -> dict[int, int]:
        """New connections in place of those that have ended: their numbers, and the place of each, from 0 on."""
        places = [place for place, number in enumerate(self.sockets) if number in self.ended]
        numbers = list(self.sockets)
        for place in places:
            self.sockets.pop(numbers[place]).close()
        self.ended.clear()
        for place in places:
            numbers[place] = self._connect()
        self.sockets = {number: self.sockets[number] for number in numbers}
        return {numbers[place]: place for place in places}

    def _connect(self) -> int:
        parts = urlsplit(self.url)
        # A source address carries 28,000 connections, and keeps the port of each for a minute after it was closed:
        # those of this program take turns on many.
        source = f'127.0.{1 + next(self._numbers) // 10000 % 250}.1', 0
        connection = socket.create_connection((parts.hostname, parts.port or 80), 30, source)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number = connection.fileno()
        self.sockets[number] = connection
        self.received.pop(number, None)
        self.epoll.register(connection, select.EPOLLIN)
        return number

    def __enter__(self) -> 'Crowd':
        return self

    def __exit__(self, *error):
        self.close()

    def __len__(self):
        return len(self.sockets)

    def send(self, requests: list[bytes]):
        """Send a request on each connection; `requests` are taken in turns."""
        for number, connection in enumerate(self.sockets.values()):
            connection.sendall(requests[number % len(requests)])

    def send_on(self, connection: int, request: bytes):
        self.sockets[connection].sendall(request)

    def answers(self, seconds: float):
        """Yield every Answer until the time is over. A connection that ends counts as one with the status 0."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            for number, _ in self.epoll.poll(left, 4096):
                try:
                    data = self.sockets[number].recv(65536)
                    received, reply = without_pings(self.received.get(number, b'') + data)
                    if reply:
                        self.sockets[number].sendall(reply)
                except ConnectionError:
                    data = received = b''
                status = self.answered(received) if data else 0
                if status is None:
                    self.received[number] = received
                    continue
                self.received.pop(number, None)
                if not status:
                    self.epoll.unregister(number)
                    self.ended.add(number)
                yield Answer(time.monotonic(), status, number, received)

    def rest(self, seconds: float):
        """Wait, while nobody is answered. What the server ends meanwhile is in `ended`."""
        for answer in self.answers(seconds):
            if answer.status:
                raise SystemExit(f'Nothing happened, and {answer.received[:80]!r} came from {self.url}.')

    def gather(self, seconds: float, count: int | None = None) -> list[Answer]:
        """The first `count` answers (default: one for each connection that has not ended), or those that came within
        the time."""
        found, whose, wanted = [], set(), len(self) - len(self.ended) if count is None else count
        if wanted:
            for answer in self.answers(seconds):
                if answer.status or answer.connection not in whose:     # an error may also end the connection
                    found.append(answer)
                    whose.add(answer.connection)
                if len(found) == wanted:
                    break
        return found

    def close(self):
        for connection in self.sockets.values():
            connection.close()
        self.epoll.close()


def converse(crowd: Crowd, talks: Iterable[Generator[bytes, Answer, T]], at_a_time: int, seconds: float,
             again: bool = False, connections: Iterable[int] | None = None) -> dict[int, T]:
    """Let each talk have a connection, on which it sends what it yields, and is sent the Answer to that.

    :param at_a_time: so many talk side by side, on connections that are taken in their order
    :param again: whether a connection on which one has ended serves another
    :param connections: these, instead of all
    :returns: what the talks have returned, by their number from 0 on, as far as they have ended within the seconds
    """
    free, waiting = collections.deque(crowd.sockets if connections is None else connections), iter(enumerate(talks))
    talking: dict[int, tuple[int, Generator[bytes, Answer, T]]] = {}
    said: dict[int, T] = {}

    def begin():
        while free and len(talking) < at_a_time and (one := next(waiting, None)):
            connection = free.popleft()
            talking[connection] = one
            crowd.send_on(connection, next(one[1]))

    begin()
    for answer in crowd.answers(seconds if talking else 0):
        if answer.connection not in talking:
            continue
        number, talk = talking[answer.connection]
        try:
            crowd.send_on(answer.connection, talk.send(answer))
        except StopIteration as end:
            said[number] = end.value
            del talking[answer.connection]
            if again and answer.status:
                free.append(answer.connection)
            begin()
            if not talking:
                break
    return said


def http(received: bytes) -> int | None:
    """The status if these bytes are a whole answer: a server says how long it is, a 204 or 101 has no body."""
    head, found, body = received.partition(b'\r\n\r\n')
    if not found:
        return None
    _, length, rest = head.lower().partition(b'content-length:')
    if length and len(body) < int(rest.split(b'\r\n')[0]):
        return None
    return int(received[9:12])


def carrying(text: bytes) -> Callable[[bytes], int | None]:
    """`http` for those who wait for this text in an answer of JSON-RPC: 500 if it is an error, 204 if it is without."""
    def status(received: bytes) -> int | None:
        found = http(received)
        if found != 200 or text in received:
            return found
        return 500 if b'"error":' in received else 204
    return status


def frame(received: bytes) -> int | None:
    """What kind of frame of a WebSocket these bytes are, if they are a whole one (RFC 6455, 5.2): 200 for a text, 100
    for a pong, 0 for one that closes it."""
    if end_of_frame(received) is None:
        return None
    return {TEXT: 200, PONG: 100}.get(received[0] & 15, 0)


def end_of_frame(received: bytes, begin: int = 0) -> int | None:
    """Where the frame of a server ends that begins there, if it is whole."""
    if len(received) < begin + 2:
        return None
    data, size = begin + 2, {126: 2, 127: 8}.get(received[begin + 1], 0)
    if len(received) < data + size:
        return None
    length = int.from_bytes(received[data:data + size], 'big') if size else received[begin + 1]
    end = data + size + length
    return end if end <= len(received) else None


def without_pings(received: bytes) -> tuple[bytes, bytes]:
    """What is left of these bytes when a WebSocket's pings are taken away, and what those are answered with.

    The frame that closes it is answered too, and is left (RFC 6455, 5.5).
    """
    left, reply, begin = b'', b'', 0
    while received[begin:begin + 1] != HTTP and (end := end_of_frame(received, begin)) is not None:
        kind, data = received[begin] & 15, received[begin + 2:end]      # of these kinds it is shorter than 126
        if kind in (PING, CLOSE):
            reply += masked(PONG if kind == PING else CLOSE, data)
        if kind != PING:
            left += received[begin:end]
        begin = end
    return left + received[begin:], reply


def masked(kind: int, data: bytes) -> bytes:
    """A frame of a client (RFC 6455, 5.2), with a mask of zeros."""
    assert len(data) < 126
    return struct.pack('!BBI', 0x80 | kind, 0x80 | len(data), 0) + data


def http_or_frame(received: bytes) -> int | None:
    """The answer to a handshake, or a frame after it."""
    return http(received) if received.startswith(b'HTTP') else frame(received)


def raise_limit(files: int):
    """Let this process open that many files, or say that it can't."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < files:
        raise SystemExit(f'{files} open files are needed, and {hard} are allowed: raise the limit with ulimit -n.')
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, files) if hard == resource.RLIM_INFINITY else hard, hard))


def percentile(values: list[float], share: float) -> float:
    """The value below which that share (0 to 1) of the values lies; 0.5 is the median."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
