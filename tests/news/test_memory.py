"""What the feed keeps in memory is bounded, whatever one client asks for."""

import os

from tests.support.pages import following

# Bytes.
MEGABYTE = 1024 * 1024
# The replay buffer, the answers that are kept for others, and what is being encoded and sent.
BOUND = (32 + 8 + 40) * MEGABYTE
EVENTS, SIZE = 300, 100 * 1024
POSITIONS = 200


def resident(stack) -> int:
    """Bytes of memory of the sidecar."""
    with open(f'/proc/{stack.sidecar_pid}/statm') as statm:
        return int(statm.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def test_a_client_that_asks_for_every_position_leaves_the_process_where_it_was(stack, ann, publish, channel):
    """Two hundred polls from two hundred positions of the same 30 MB, one after the other."""
    stack.stop_sidecar()
    stack.start_sidecar()
    page, positions = following(ann, channel), []
    before = resident(stack)
    for number in range(EVENTS):
        publish(channel, [number, 'x' * SIZE])
        if number % 3 == 0:
            positions.append(following(ann, f'{channel}-other').position)
    found = set()
    for position in positions:
        page.position = position
        found.update(payload[0] for payload in page.payloads())
    first = resident(stack)
    assert first - before < BOUND
    for position in [*positions, *positions][:POSITIONS]:
        page.position = position
        page.payloads()
    assert resident(stack) - first < 16 * MEGABYTE
    assert len(found) > EVENTS / 2
