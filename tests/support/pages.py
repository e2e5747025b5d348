"""What a page does: it sends the position of its last answer with every poll."""

SINCE, POSITION = 'X-Longpolling-Since', 'X-Longpolling-Position'


class Page:
    """Polls one route, as the JavaScript class does."""

    def __init__(self, session, route: str, params: dict | None = None, position: str | None = None):
        self.session = session
        self.route = route
        self.params = params or {}
        self.position = position

    def poll(self, **more):
        """One poll; the response."""
        headers = {} if self.position is None else {SINCE: self.position}
        response = self.session.poll(self.route, self.params, headers=headers, **more)
        self.position = response.headers.get(POSITION, self.position)
        return response

    def begin(self) -> 'Page':
        """The first poll of a page that follows: it gets a position and nothing else."""
        response = self.poll()
        assert (response.status_code, response.content) == (204, b''), response.text
        assert self.position
        return self

    def answer(self):
        """One poll that is answered; what its JSON says."""
        response = self.poll()
        assert response.status_code == 200, (response.status_code, response.text)
        return response.json()

    def payloads(self) -> list:
        """The payloads of one answer of a page that follows."""
        return payloads(self.answer())


def payloads(answer) -> list:
    return [event['payload'] for event in answer['events']]


def following(session, *channels: str, position: str | None = None) -> Page:
    """A page that follows these channels; without a position it has begun to, from now on."""
    page = Page(session, '/news/follow', {'channels': channels}, position)
    return page if position else page.begin()
