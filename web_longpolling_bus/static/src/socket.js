/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// What the bus worker takes for the browser's WebSocket: a real one where that works, or else polls.
//
//     new WebSocket(url)  ->  Socket
//       by_websocket         the browser's own; when it can't be opened, or dies again and again:
//       by_polls             Polls: up to the host by POST, down from the sidecar by held polls
//
// The worker of Odoo notices nothing of it: same events, same close codes, same JSON. What the server has to say about
// how to work stands in the version, after Odoo's own: see models/ir_http.py. Without it, sockets are the browser's own.
(function (/** @type {any} */ scope) {
    "use strict";
    const Native = scope.WebSocket;
    if (!Native || !scope.fetch || scope.web_longpolling_bus) {
        return;
    }

    // Close codes (RFC 6455, section 7.4.1, and Odoo's own).
    const CLEAN = 1000;
    const GOING_AWAY = 1001;
    const NO_STATUS = 1005;
    const ABNORMAL = 1006;
    const SESSION_EXPIRED = 4001;
    const KEEP_ALIVE_TIMEOUT = 4002; // the worker connects again at once
    // By these a server ends a WebSocket that works.
    const ENDED = [CLEAN, GOING_AWAY, SESSION_EXPIRED, KEEP_ALIVE_TIMEOUT];

    // Milliseconds. A WebSocket is given so long to open,
    const OPENING = 5000;
    // and works if it lives for so long; proxies that let none live end them after 10 s.
    const WORKS = 20000;
    // So many that died sooner, one after the other, are enough.
    const DEATHS = 2;
    // The pause until one is tried again doubles up to this.
    const LONGEST_RETRY = 1800000;

    // A sidecar that restarts is back within this; until then nobody is told.
    const PATIENCE = 20000;
    const FIRST_CEILING = 500;
    const LAST_CEILING = 5000;
    // The sidecar answers after its timeout; who hears nothing for so much longer has lost the connection.
    const OVERDUE = 20000;
    // How long the host may take to answer.
    const HOST = 60000;
    // The pause before it is asked for a subscription again doubles up to this.
    const LONGEST_PAUSE = 30000;
    // After which it is asked again whether the user has said who he is.
    const LOCKED = 30000;
    // How long a good-bye is waited for.
    const LEAVING = 10000;

    // As long as Odoo's server does: a transaction that takes longer may have a lower id than what was told before.
    const HELD_BACK = 10000;
    // So long it is known what was told; nobody takes longer to tell it once more.
    const REMEMBERED = 60000;

    /** What this worker calls itself until it leaves; nobody can guess it. */
    const new_name = () => [...scope.crypto.getRandomValues(new Uint8Array(16))]
        .map((byte) => byte.toString(16).padStart(2, "0"))
        .join("");

    // Of this worker.
    /** @type {Record<string, any>} */
    const browser = {
        name: new_name(),
        left: false, // whether its last page has left, and the host was told
        leaving: null, // by this request
        deaths: 0,
        polling: false, // whether WebSockets are known not to work
        retries: 0,
        probe: null, // a WebSocket that is tried while polls go on
        ready: null, // one that has shown that it works
        presence: null, // what the worker last said of its user
        unsaid: false, // whether the host has not heard it
        failures: 0, // subscriptions that the host has not answered, one after the other
        ticket: null, // by which the host knows this browser, null if it does not
        parts: new Map(), // by id: of the messages that come in several events; they go with the position
        position: null, // up to which messages were handed out,
        uid: null, // to the socket of this user, of
        base: null, // this server
        last: 0, // the highest id among them
        settled: 0, // the highest one of those that are no longer among
        told: new Map(), // by id: when it was told
    };

    /** Those of the messages that were not told before, by whatever way. */
    function untold(messages) {
        const now = Date.now();
        for (const [id, when] of browser.told) {
            if (now - when > REMEMBERED) {
                browser.told.delete(id);
                browser.settled = Math.max(browser.settled, id);
            }
        }
        const some = messages.filter((message) => !browser.told.has(message.id));
        some.forEach((message) => browser.told.set(message.id, now));
        return some;
    }

    /** The id from which another way goes on: some of what comes after it was told, and is not told again. */
    function settled(last) {
        if (browser.settled === 0 && browser.told.size === 0) {
            browser.settled = last || 0;
        }
        let highest = browser.settled;
        browser.told.forEach((when, id) => {
            highest = Date.now() - when > HELD_BACK ? Math.max(highest, id) : highest;
        });
        return highest;
    }

    /** The next socket is another user's, or of another database. */
    function forget() {
        browser.uid = browser.position = browser.presence = null;
        browser.unsaid = false;
        browser.settled = browser.last = 0;
        browser.told.clear();
    }

    /** What the version says; null if it is Odoo's own alone. */
    function parse(url) {
        const address = new URL(url);
        const parts = (address.searchParams.get("version") || "").split("~");
        if (parts.length !== 6) {
            return null;
        }
        const [version, transport, path, timeout, retry, script] = parts;
        address.searchParams.set("version", version);
        return {
            native: address.href,
            version: version + "~" + script,
            base: address.origin.replace(/^ws/, "http"),
            transport: transport,
            path: scope.atob(path.replace(/-/g, "+").replace(/_/g, "/")),
            timeout: Number(timeout) * 1000,
            retry: Number(retry) * 1000,
        };
    }

    const jitter = (delay) => delay * (0.75 + Math.random() / 2);
    const pause = (delay) => new Promise((resolve) => scope.setTimeout(resolve, delay));

    /** A response of the server, or null if there is none in time, or it was broken off. */
    async function request(url, options, limit, controller) {
        const abort = controller || new AbortController();
        const timer = scope.setTimeout(() => abort.abort(), limit);
        try {
            const response = await scope.fetch(
                url,
                Object.assign({ credentials: "same-origin", cache: "no-store", signal: abort.signal }, options)
            );
            return { status: response.status, headers: response.headers, text: await response.text() };
        } catch {
            return null;
        } finally {
            scope.clearTimeout(timer);
        }
    }

    const as_json = (body) => ({
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify(body),
    });

    /**
     * The result of a route of the host; {failed: true} if there is none, with {error: true} if that is its answer, or
     * {removed: true} if it has no such route.
     */
    async function call(base, route, params) {
        const response = await request(
            base + "/web_longpolling_bus/" + route,
            as_json({ jsonrpc: "2.0", method: "call", params: params }),
            HOST
        );
        try {
            const body = response !== null && response.status === 200 ? JSON.parse(response.text) : {};
            if (body.error) {
                return body.error.code === 100 ? { expired: true } : { failed: true, error: true };
            }
            const removed = response !== null && response.status === 404;
            return body.result === undefined ? { failed: true, removed } : body.result;
        } catch {
            return { failed: true };
        }
    }

    /** The messages of one socket, by polls. */
    class Polls {
        /** @param {Socket} socket  whose events these are */
        constructor(socket, settings) {
            this.socket = socket;
            this.settings = settings;
            this.ended = false;
            this.ticket = null;
            this.held = null; // the AbortController of the poll under way
            this.up = Promise.resolve(browser.leaving); // which must not come after what this sends
            this.refused = 0;
            this.gone = false; // whether it was not let in, since its last page had left
            this.wake = /** @type {(value?: any) => void} */ (() => undefined);
            if (browser.base !== null && browser.base !== settings.base) {
                forget();
            }
            browser.base = settings.base;
            this.open();
        }

        async open() {
            const answer = await request(this.sidecar("open"), {}, OPENING);
            if (this.ended) {
                return;
            }
            if (answer === null || answer.status !== 200 || answer.text.trim() !== "true") {
                // There is no sidecar, so the next one is a WebSocket, if it may.
                browser.polling = false;
                this.fail();
                return;
            }
            if (browser.failures > 0) {
                // Once it is open, the worker forgets how long it was to wait before the next one.
                await pause(jitter(Math.min(1000 * Math.pow(2, browser.failures), LONGEST_PAUSE)));
                if (this.ended) {
                    return;
                }
            }
            this.socket.opened();
            announce();
        }

        sidecar(route) {
            return this.settings.base + this.settings.path + "/web_longpolling_bus/" + route;
        }

        /** What the worker sends goes up in its order, one after the other. */
        send(message) {
            if (typeof message !== "string") {
                return; // it only asks whether the connection is alive
            }
            this.wake(); // somebody is there
            const { event_name, data } = JSON.parse(message);
            this.up = this.up.then(() => {
                if (this.ended) {
                    return undefined;
                }
                if (event_name === "subscribe") {
                    return this.subscribe(data.channels, data.last);
                }
                return this.event(event_name, data);
            });
        }

        async event(event_name, data, again = true) {
            const is_presence = event_name === "update_presence";
            if (is_presence) {
                browser.presence = data;
            }
            const say = () => call(this.settings.base, "event", { name: browser.name, event_name, data, uid: browser.uid });
            const begun = Date.now();
            let answer = await say();
            for (let delay = FIRST_CEILING; answer.failed && !answer.error; delay = Math.min(2 * delay, LAST_CEILING)) {
                if (this.ended || Date.now() - begun > PATIENCE) {
                    browser.unsaid = browser.unsaid || (is_presence && browser.presence !== null);
                    if (!this.ended) {
                        this.fail();
                    }
                    return;
                }
                await pause(jitter(delay)); // the host restarts
                answer = await say();
            }
            if (this.heed(answer) && answer.renewed === false && again && !is_left()) {
                // The host took this browser for gone. It is not, so it comes back, and says that once more.
                await this.subscribe(this.channels, browser.last);
                if (!this.ended) {
                    await this.event(event_name, data, false);
                }
            }
        }

        /** @returns {boolean} whether the socket goes on */
        heed(answer) {
            if (answer.expired && !this.ended) {
                forget();
                this.close(SESSION_EXPIRED);
            }
            return !this.ended;
        }

        /** @returns what the host says to a subscription */
        ask(channels, last) {
            const known = browser.position !== null && browser.uid !== null;
            return call(this.settings.base, "subscribe", {
                name: browser.name,
                version: this.settings.version,
                channels: channels,
                last: settled(last),
                uid: browser.uid,
                known: known,
                ticket: this.ticket,
            });
        }

        async subscribe(channels, last) {
            this.channels = channels;
            let answer = await this.ask(channels, last);
            while ((answer.locked || answer.gone) && !this.ended) {
                if (answer.locked) {
                    await new Promise((resolve) => {
                        this.wake = resolve;
                        scope.setTimeout(resolve, LOCKED);
                    });
                } else if (is_left()) {
                    this.gone = true; // the host has heard the good-bye before this
                    return;
                } else {
                    rename();
                }
                answer = this.ended ? answer : await this.ask(channels, last);
            }
            if (!this.heed(answer)) {
                return;
            }
            if (answer.outdated) {
                this.end();
                if (browser.ticket !== null) {
                    leave(this.settings.base);
                }
                this.socket.closed(CLEAN, "OUTDATED_VERSION"); // as Odoo's server says it
                return;
            }
            if (answer.failed) {
                browser.failures += 1;
                // Where the host does not have the addon any more, the next one is a WebSocket, if it may.
                browser.polling = browser.polling && !answer.removed;
                this.fail();
                return;
            }
            browser.failures = 0;
            browser.uid = answer.uid;
            if (answer.position !== undefined) {
                browser.position = answer.position;
                browser.parts.clear();
            }
            // On a channel that is new to this browser something may have been told before the position.
            this.hand_out(answer.notifications);
            this.renew_after(answer.renewal * 1000);
            const first = this.ticket === null;
            this.ticket = browser.ticket = answer.ticket;
            if (first) {
                this.poll();
            } else if (this.held !== null) {
                this.held.abort(); // it is held by the ticket of before
            }
            if (browser.unsaid) {
                browser.unsaid = false;
                await this.event("update_presence", browser.presence);
            }
        }

        renew_after(delay) {
            scope.clearTimeout(this.renewal);
            this.renewal = scope.setTimeout(async () => {
                const answer = await call(this.settings.base, "renew", {
                    name: browser.name,
                    ticket: this.ticket,
                    uid: browser.uid,
                });
                if (!this.heed(answer)) {
                    return;
                }
                this.renew_after(delay);
                if (answer.renewed === false && !is_left()) {
                    this.come_back();
                }
            }, jitter(delay));
        }

        /** The host took this browser for gone, and its user for offline. */
        come_back() {
            if (this.ticket === null && !this.gone) {
                return; // it is still on its way
            }
            this.gone = false;
            this.up = this.up.then(() => browser.leaving); // which must not come after it
            this.subscribe_again();
            if (browser.presence !== null) {
                this.send(JSON.stringify({ event_name: "update_presence", data: browser.presence }));
            }
        }

        subscribe_again() {
            this.up = this.up.then(() => (this.ended ? undefined : this.subscribe(this.channels, browser.last)));
            return this.up;
        }

        /** Poll until the socket is closed. */
        async poll() {
            let failing_since = null;
            let failures = 0;
            while (!this.ended) {
                const ticket = this.ticket;
                this.held = new AbortController();
                const options = as_json({ ticket: ticket });
                options.headers["X-Longpolling-Since"] = browser.position;
                const answer = await request(
                    this.sidecar("messages"), options, this.settings.timeout + OVERDUE, this.held);
                this.held = null;
                if (this.ended) {
                    return;
                }
                const status = answer === null ? 0 : answer.status;
                if (status === 200 && this.received(answer)) {
                    failing_since = null;
                    failures = this.refused = 0;
                    continue;
                }
                if (answer !== null && status === 204) {
                    browser.position = answer.headers.get("X-Longpolling-Position") || browser.position;
                    failing_since = null;
                    failures = this.refused = 0;
                    continue;
                }
                if (ticket !== this.ticket) {
                    continue; // broken off
                }
                if (status === 401) {
                    // The host knows whether the session has ended; it may be that its name has changed just now.
                    this.refused += 1;
                    if (this.refused > 2) {
                        this.heed({ expired: true });
                        return;
                    }
                    await pause(200);
                    await this.subscribe_again();
                    continue;
                }
                if (status === 410 && this.refused < 3) {
                    this.refused += 1;
                    await this.subscribe_again();
                    continue;
                }
                const now = Date.now();
                failing_since = failing_since === null ? now : failing_since;
                if (now - failing_since > PATIENCE) {
                    this.fail();
                    return;
                }
                const stopping = answer !== null && answer.headers.get("X-Longpolling") === "stopping";
                const ceiling = stopping ? FIRST_CEILING : FIRST_CEILING * Math.pow(2, failures);
                failures += stopping ? 0 : 1;
                await pause(Math.random() * Math.min(ceiling, LAST_CEILING));
            }
        }

        /** @returns {boolean} whether it is what a sidecar answers */
        received(answer) {
            let batch;
            try {
                batch = JSON.parse(answer.text);
            } catch {
                return false; // a page of a proxy's
            }
            if (typeof batch.position !== "string" || !Array.isArray(batch.events)) {
                return false;
            }
            if (batch.missed) {
                this.missed();
                return true;
            }
            browser.position = batch.position;
            const messages = [];
            for (const event of batch.events) {
                const [id, text, more] = event.payload;
                const whole = (browser.parts.get(id) || "") + text;
                if (more) {
                    browser.parts.set(id, whole); // those of others may come in between
                    continue;
                }
                browser.parts.delete(id);
                try {
                    messages.push({ id: id, message: JSON.parse(whole) });
                } catch (error) {
                    scope.console.error("A message of the bus is not JSON", error);
                }
            }
            this.hand_out(messages);
            return true;
        }

        hand_out(messages) {
            browser.last = messages.reduce((last, message) => Math.max(last, message.id), browser.last);
            this.socket.tell_messages(untold(messages));
        }

        /** Events are lost: the pages are told when the worker has connected again. */
        async missed() {
            browser.position = null;
            this.ended = true;
            await call(this.settings.base, "missed", {});
            if (this.socket.readyState === Socket.OPEN) {
                this.close(KEEP_ALIVE_TIMEOUT);
            }
        }

        fail() {
            this.end();
            this.socket.failed();
        }

        end() {
            this.ended = true;
            this.wake();
            scope.clearTimeout(this.renewal);
            if (this.held !== null) {
                this.held.abort();
            }
            announce();
        }

        /** @param {number} [code]  without one it is the worker that closes */
        close(code) {
            this.end();
            if (code === undefined || code === CLEAN || code === SESSION_EXPIRED) {
                leave(this.settings.base);
            }
            this.socket.closed(code || NO_STATUS, "");
        }
    }

    /** What the worker takes for a WebSocket. */
    class Socket extends EventTarget {
        static CONNECTING = 0;
        static OPEN = 1;
        static CLOSING = 2;
        static CLOSED = 3;

        constructor(url, protocols) {
            const settings = parse(url);
            if (settings === null) {
                return /** @type {any} */ (new Native(url, protocols));
            }
            super();
            this.url = url;
            /** @type {NonNullable<ReturnType<typeof parse>>} */
            this.settings = settings;
            /** @type {number} */
            this.readyState = Socket.CONNECTING;
            this.binaryType = "blob";
            this.inner = null;
            this.was_open = false;
            if (settings.transport === "longpolling" || (browser.polling && browser.ready === null)) {
                this.by_polls();
            } else {
                this.by_websocket();
            }
            sockets.add(this);
        }

        // -- what the worker does

        send(message) {
            if (this.readyState === Socket.CONNECTING) {
                throw new DOMException("Still in CONNECTING state.", "InvalidStateError");
            }
            if (this.readyState === Socket.OPEN) {
                this.inner.send(this.inner instanceof Polls ? message : this.going_on(message));
            }
        }

        /** What a WebSocket sends up: it goes on where polls have ended. */
        going_on(message) {
            if (typeof message !== "string" || !message.includes('"subscribe"')) {
                return message;
            }
            const { event_name, data } = JSON.parse(message);
            const asked = event_name === "subscribe" ? Object.assign({}, data, { last: settled(data.last) }) : data;
            return JSON.stringify({ event_name, data: asked });
        }

        close(code, reason) {
            if (code === CLEAN) {
                forget(); // also if this one is closed by now, and the next one is not open yet
            }
            if (this.readyState < Socket.CLOSING) {
                this.readyState = Socket.CLOSING;
                const inner = this.inner;
                Promise.resolve().then(() => inner.close(code, reason));
            }
        }

        // -- what becomes of it

        tell(event) {
            this.dispatchEvent(event);
            const handler = this["on" + event.type];
            if (typeof handler === "function") {
                handler.call(this, event);
            }
        }

        tell_messages(messages) {
            if (messages.length > 0) {
                this.tell(new MessageEvent("message", { data: JSON.stringify(messages) }));
            }
        }

        opened() {
            if (this.readyState === Socket.CONNECTING) {
                this.readyState = Socket.OPEN;
                this.was_open = true;
                this.tell(new Event("open"));
            }
        }

        /** It could not be opened, or its connection is lost. */
        failed() {
            if (!this.was_open) {
                this.readyState = Socket.CLOSED;
                this.tell(new Event("error"));
            }
            this.closed(ABNORMAL, "");
        }

        closed(code, reason) {
            sockets.delete(this);
            this.readyState = Socket.CLOSED;
            this.tell(new CloseEvent("close", { code: code, reason: reason, wasClean: code !== ABNORMAL }));
        }

        // -- the two ways

        by_polls() {
            this.inner = new Polls(this, this.settings);
            if (this.settings.transport === "auto") {
                try_again_later(this.settings);
            }
        }

        by_websocket() {
            const socket = browser.ready || new Native(this.settings.native);
            const was_ready = browser.ready !== null;
            browser.ready = null;
            this.inner = socket;
            let works = null;
            let young = true;
            const opened = () => {
                scope.clearTimeout(opening);
                browser.position = null; // from here on the server itself goes on from the last id
                if (browser.ticket !== null) {
                    // Who does not come back to be renewed is not offline: the server sees when this one closes.
                    call(this.settings.base, "moved", { name: browser.name, ticket: browser.ticket });
                    browser.ticket = null;
                }
                works = scope.setTimeout(() => {
                    young = false;
                    browser.deaths = 0;
                }, WORKS);
                this.opened();
            };
            const give_up = () => {
                socket.onopen = socket.onclose = socket.onmessage = socket.onerror = null;
                socket.close();
                if (this.readyState === Socket.CONNECTING) {
                    browser.polling = true;
                    this.by_polls();
                } else {
                    this.closed(ABNORMAL, "");
                }
            };
            const opening = scope.setTimeout(give_up, OPENING);
            socket.onopen = opened;
            socket.onmessage = (event) => this.tell_messages(untold(JSON.parse(event.data)));
            socket.onclose = (event) => {
                scope.clearTimeout(opening);
                scope.clearTimeout(works);
                if (!this.was_open) {
                    give_up();
                    return;
                }
                if (!ENDED.includes(event.code) && young && this.readyState === Socket.OPEN) {
                    browser.deaths += 1;
                    browser.polling = browser.deaths >= DEATHS;
                }
                this.closed(event.code, event.reason);
            };
            if (was_ready) {
                Promise.resolve().then(opened);
            }
        }
    }
    const sockets = new Set();

    /** While polls go on: see now and then whether a WebSocket lives. */
    function try_again_later(settings) {
        if (browser.probe !== null) {
            return;
        }
        const delay = Math.min(settings.retry * Math.pow(2, browser.retries), LONGEST_RETRY);
        browser.probe = scope.setTimeout(() => {
            if (!is_polling()) {
                browser.probe = null;
                return;
            }
            const socket = new Native(settings.native);
            let works = null;
            const opening = scope.setTimeout(() => socket.close(), OPENING); // some browsers would wait for minutes
            socket.onopen = () => {
                scope.clearTimeout(opening);
                works = scope.setTimeout(() => {
                    socket.onopen = socket.onclose = null;
                    browser.probe = null;
                    browser.retries = browser.deaths = 0;
                    browser.polling = false;
                    const polling = [...sockets].filter((each) => each.inner instanceof Polls);
                    if (polling.length === 0) {
                        socket.close();
                        return;
                    }
                    // The worker connects again at once, and gets this one.
                    browser.ready = socket;
                    socket.onclose = () => (browser.ready = browser.ready === socket ? null : browser.ready);
                    polling.forEach((each) => each.inner.close(KEEP_ALIVE_TIMEOUT));
                }, WORKS);
            };
            socket.onclose = () => {
                scope.clearTimeout(opening);
                scope.clearTimeout(works);
                browser.probe = null;
                browser.retries += 1;
                if ([...sockets].some((each) => each.inner instanceof Polls)) {
                    try_again_later(settings);
                }
            };
        }, jitter(delay));
    }

    // -- who leaves

    const ports = new Set(); // of the pages of a SharedWorker
    // A page without SharedWorker has this worker for itself, and would hear of those of other pages.
    const shared = typeof scope.SharedWorkerGlobalScope === "function" && scope instanceof scope.SharedWorkerGlobalScope;
    const pages = shared && scope.BroadcastChannel ? new BroadcastChannel("web_longpolling_bus") : null;

    /** Whether the last page has said good-bye; the worker itself may go on for a while, or for another page. */
    const is_left = () => shared && ports.size === 0;
    const is_polling = () => [...sockets].some((each) => each.inner instanceof Polls && !each.inner.ended);

    function tell_pages(polling, number) {
        const told = { name: browser.name, polling: polling, pages: number };
        if (pages !== null) {
            pages.postMessage(told);
        } else if (!shared) {
            scope.postMessage({ type: "WEB_LONGPOLLING_BUS", data: told }); // Odoo's bus service hands it on
        }
    }

    /** Tell the pages what the last of them has to say when it leaves; see leave.js. */
    function announce() {
        tell_pages(is_polling(), Math.max(1, ports.size));
    }

    /** Under its old name nothing comes any more: it was left. */
    function rename() {
        tell_pages(false, 1);
        browser.name = new_name();
        announce();
    }

    function leave(base) {
        browser.ticket = null;
        const goodbye = { method: "POST", body: browser.name, keepalive: true };
        browser.leaving = request(base + "/web_longpolling_bus/leave", goodbye, LEAVING);
    }

    function left(port) {
        if (port !== null && !ports.delete(port)) {
            return;
        }
        if (ports.size === 0 && is_polling()) {
            browser.left = true;
            leave(browser.base);
        }
        announce();
    }

    if (pages !== null) {
        pages.onmessage = (event) => event.data === "?" && announce();
    }
    scope.addEventListener("connect", (event) => {
        const port = event.ports[0];
        if (browser.left) {
            // What the worker says to this page is that it is connected, and the page does not say that its user is there.
            browser.left = false;
            rename();
            browser.presence = { inactivity_period: 0 };
            [...sockets].filter((each) => each.inner instanceof Polls).forEach((each) => each.inner.come_back());
        }
        ports.add(port);
        port.addEventListener("message", (message) => message.data && message.data.action === "BUS:LEAVE" && left(port));
        port.addEventListener("close", () => left(port));
        announce();
    });
    if (!shared) {
        scope.addEventListener(
            "message", (message) => message.data && message.data.action === "BUS:LEAVE" && left(null));
    }

    scope.web_longpolling_bus = browser;
    scope.WebSocket = Socket;
})(globalThis);
