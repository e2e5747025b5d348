"""N polls held at once, beside as many on a bare gevent.pywsgi: ``python3 -m benchmarks.held [N]`` in a sandbox run."""

import os
import subprocess
import sys
import time
from pathlib import Path

from .client import Crowd, Visitor, processor, resident

IDLE_SECONDS = 30


def measure(name: str, url: str, process: int, request: bytes, count: int, publish) -> tuple[float, float]:
    """Hold `count` requests, then answer all; prints, and returns (bytes a poll, seconds to the last answer)."""
    warm = Crowd(url, 50)
    warm.send(request)
    time.sleep(1)
    warm.close()
    time.sleep(1)
    before = resident(process)
    crowd = Crowd(url, count)
    begun = time.monotonic()
    crowd.send(request)
    used = None
    while used is None or processor(process) - used > 0.02:     # until all of them are held
        used = processor(process)
        time.sleep(1)
    print(f'{name}: {count} polls held after {time.monotonic() - begun - 1:.1f} s', flush=True)
    size = (resident(process) - before) / count
    used = processor(process)
    time.sleep(IDLE_SECONDS)
    print(f'{name}: {processor(process) - used:.2f} s of processor in {IDLE_SECONDS} idle seconds, '
          f'{size / 1024:.1f} KiB a poll', flush=True)
    if name == 'sidecar':
        print(f'{name}: {connections()} connections to PostgreSQL')
    begun = time.monotonic()
    publish()
    answers = crowd.gather(60)
    good = sum(data.startswith(b'HTTP/1.1 200') for _, data in answers)
    last = max(when for when, _ in answers) - begun
    print(f'{name}: one event, {good} of {count} answered with 200, the last after {last:.3f} s', flush=True)
    crowd.close()
    return size, last


def connections() -> str:
    return subprocess.run(
        ['psql', os.environ['SANDBOX_DSN'], '-Atc',
         "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'longpolling%'"],
        check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    visitor = Visitor()

    def publish():
        visitor.call('/web/dataset/call_kw', {'model': 'longpolling.demo.note', 'method': 'create',
                                              'args': [{'text': 'benchmark'}], 'kwargs': {}})

    print(f'{os.environ["SANDBOX_HOST"]}, {count} polls', flush=True)
    publish()
    sidecar = measure('sidecar', os.environ['SANDBOX_SIDECAR_URL'], int(os.environ['SANDBOX_SIDECAR_PID']),
                      visitor.request(f'/wall/{published()}'), count, publish)
    with subprocess.Popen([os.environ['SANDBOX_PYTHON'], Path(__file__).with_name('floor.py')],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            port = int(child.stdout.readline())

            def tell():
                child.stdin.write(b'\n')
                child.stdin.flush()

            floor = measure('floor', f'http://127.0.0.1:{port}', child.pid, visitor.request('/'), count, tell)
        finally:
            child.kill()
    print(f'ratio: {sidecar[0] / floor[0]:.2f} x the floor in bytes, {sidecar[1] / floor[1]:.2f} x in time to the '
          'last answer (which has the RPC that writes the note in it)')


def published() -> int:
    return int(subprocess.run(['psql', os.environ['SANDBOX_DSN'], '-Atc',
                               'SELECT max(position) FROM longpolling_event'],
                              check=True, stdout=subprocess.PIPE, text=True).stdout)


if __name__ == '__main__':
    main()
