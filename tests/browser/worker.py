"""The SharedWorker of a browser, through Chromium's DevTools: Playwright itself does not see it."""

import json
from contextlib import contextmanager

NO_LIMIT = {'latency': 0, 'downloadThroughput': -1, 'uploadThroughput': -1}


class Worker:
    """The worker that carries the polls of a window's browser.

    requests: the bodies of the requests that it has sent since `watch`
    received: how many bytes of answers have come since then, as they came over the wire
    """

    def __init__(self, window):
        self.window = window
        self.requests = []
        self.received = 0
        self._devtools = window.context.browser.new_browser_cdp_session()
        self._devtools.on('Target.receivedMessageFromTarget', lambda event: self._hear(json.loads(event['message'])))
        self._session = None
        self._number = 0

    def targets(self) -> list[str]:
        """The ids of the browser's workers with our script."""
        page = self.window.context.new_cdp_session(self.window.page)
        ours = page.send('Target.getTargetInfo')['targetInfo']['browserContextId']
        found = self._devtools.send('Target.getTargets', {'filter': [{'type': 'shared_worker'}]})['targetInfos']
        return [target['targetId'] for target in found
                if target['browserContextId'] == ours and '/web_longpolling/static/src/js/hub.js' in target['url']]

    def watch(self) -> 'Worker':
        """Hear of its requests from now on."""
        [target] = self.targets()
        attached = self._devtools.send('Target.attachToTarget', {'targetId': target, 'flatten': False})
        self._session = attached['sessionId']
        self._send('Network.enable')
        self.window.page.wait_for_timeout(100)
        return self

    def set_offline(self, whether: bool):
        """For the worker what `context.set_offline` is for the pages."""
        if self._session is None:
            self.watch()
        self._send('Network.emulateNetworkConditions', offline=whether, **NO_LIMIT)

    def crash(self):
        [target] = self.targets()
        self._devtools.send('Target.closeTarget', {'targetId': target})

    def _send(self, method, **params):
        self._number += 1
        self._devtools.send('Target.sendMessageToTarget', {
            'sessionId': self._session,
            'message': json.dumps({'id': self._number, 'method': method, 'params': params})})

    def _hear(self, message):
        params = message.get('params', {})
        if message.get('method') == 'Network.requestWillBeSent':
            self.requests.append(params['request'].get('postData'))
        elif message.get('method') == 'Network.loadingFinished':
            self.received += params['encodedDataLength']


@contextmanager
def offline(window):
    """The network is gone for all windows of this browser, and for their worker."""
    worker = Worker(window)
    worker.set_offline(True)
    window.context.set_offline(True)
    try:
        yield
    finally:
        worker.set_offline(False)
        window.context.set_offline(False)
