// A clock, a network, locks and channels between tabs that a test holds in its hands.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

const SOURCE = new URL("../../web_longpolling/static/src/js/", import.meta.url);
const FILES = [
    "environment.js", "backoff.js", "request.js", "locks.js", "channel.js", "round.js", "presence.js", "page.js",
    "loop.js", "longpolling.js",
];

// LONGPOLLING_BUNDLE names a file to test in place of the sources: what a web client made of them, minified.
globalThis.openerp = {};
const bundle = process.env.LONGPOLLING_BUNDLE;
for (const file of bundle ? [bundle] : FILES.map((name) => fileURLToPath(new URL(name, SOURCE)))) {
    vm.runInThisContext(readFileSync(file, "utf-8"), { filename: file });
}
export const core = globalThis.web_longpolling_core;

/** Let everything run that waits for no clock. */
export async function settle() {
    for (let turn = 0; turn < 4; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
    }
}

export class FakeClock {
    constructor() {
        this.time = Date.UTC(2026, 0, 1);
        this.timers = [];
    }

    set(callback, delay) {
        const timer = { at: this.time + delay, callback };
        this.timers.push(timer);
        return timer;
    }

    clear(timer) {
        this.timers = this.timers.filter((other) => other !== timer);
    }

    /** Time passes, and timers fire. */
    async advance(milliseconds) {
        const end = this.time + milliseconds;
        await settle();
        for (;;) {
            const next = this.timers.reduce((best, timer) => (!best || timer.at < best.at ? timer : best), null);
            if (next === null || next.at > end) {
                break;
            }
            this.time = Math.max(this.time, next.at);
            this.clear(next);
            next.callback();
            await settle();
        }
        this.time = end;
        await settle();
    }

    /** The machine sleeps: the wall clock goes on, timers do not. */
    sleep(milliseconds) {
        this.time += milliseconds;
        this.timers.forEach((timer) => (timer.at += milliseconds));
    }
}

/** A server that holds every request until the test answers it. */
export class FakeNetwork {
    constructor() {
        this.requests = [];
    }

    fetch(url, options, tab) {
        return new Promise((resolve, reject) => {
            const request = { url, options, tab, body: JSON.parse(options.body), aborted: false, done: false };
            request.answer = (status, body, headers = {}) => {
                request.done = true;
                resolve(response(status, body, headers));
            };
            request.fail = () => {
                request.done = true;
                reject(new TypeError("Failed to fetch"));
            };
            options.signal.addEventListener("abort", () => {
                request.aborted = true;
                reject(new DOMException("The user aborted a request.", "AbortError"));
            });
            this.requests.push(request);
        });
    }

    /** The requests that are held now. */
    get held() {
        return this.requests.filter((request) => !request.done && !request.aborted);
    }

    /** The one request that is held now. */
    get poll() {
        if (this.held.length !== 1) {
            throw new Error(`${this.held.length} polls are held, not one`);
        }
        return this.held[0];
    }
}

function response(status, body, headers) {
    const json = typeof body !== "string" && body !== undefined;
    const all = new Headers({ ...(json ? { "Content-Type": "application/json" } : {}), ...headers });
    return {
        status,
        ok: status >= 200 && status < 300,
        statusText: "",
        headers: all,
        text: async () => (json ? JSON.stringify(body) : body || ""),
    };
}

/** Web Locks, as far as the loop uses them: ifAvailable, signal and steal. */
export class FakeLocks {
    constructor() {
        this.held = new Map();
        this.queues = new Map();
    }

    /** The LockManager of one tab. */
    of(tab) {
        return { request: (name, options, work) => this.request(name, options, work, tab) };
    }

    request(name, options, work, tab) {
        return new Promise((resolve, reject) => {
            const request = { name, work, resolve, reject, tab };
            if (options.steal) {
                const holder = this.held.get(name);
                if (holder) {
                    holder.reject(new DOMException("Lock broken", "AbortError"));
                }
                this.grant(request);
            } else if (!this.held.has(name)) {
                this.grant(request);
            } else if (options.ifAvailable) {
                Promise.resolve(work(null)).then(resolve, reject);
            } else {
                this.enqueue(request, options.signal);
            }
        });
    }

    enqueue(request, signal) {
        const queue = this.queues.get(request.name) || [];
        this.queues.set(request.name, queue);
        queue.push(request);
        const leave = () => {
            if (queue.includes(request)) {
                queue.splice(queue.indexOf(request), 1);
                request.reject(new DOMException("The request was aborted.", "AbortError"));
            }
        };
        if (signal.aborted) {
            leave();
        }
        signal.addEventListener("abort", leave);
    }

    grant(request) {
        this.held.set(request.name, request);
        const release = () => {
            if (this.held.get(request.name) === request) {
                this.held.delete(request.name);
                const next = (this.queues.get(request.name) || []).shift();
                if (next) {
                    this.grant(next);
                }
            }
        };
        Promise.resolve()
            .then(() => request.work({ name: request.name }))
            .then(
                (value) => (release(), request.resolve(value)),
                (error) => (release(), request.reject(error))
            );
        request.release = release;
    }
}

/** BroadcastChannels whose messages take `latency` milliseconds of the fake clock. */
export class FakeChannels {
    constructor(clock, latency = 1) {
        this.clock = clock;
        this.latency = latency;
        this.open = new Set();
    }

    channel(name) {
        const line = {
            name,
            onmessage: null,
            postMessage: (message) => {
                const copy = structuredClone(message);
                this.clock.set(() => {
                    for (const other of this.open) {
                        if (other !== line && other.name === name && other.onmessage) {
                            other.onmessage({ data: structuredClone(copy) });
                        }
                    }
                }, this.latency);
            },
            close: () => this.open.delete(line),
        };
        this.open.add(line);
        return line;
    }
}

/** A browser with one server behind it; `tab()` opens a page in it. */
export class FakeBrowser {
    constructor({ random = () => 0.5, locks = true, channels = true, polls_at_once = 4 } = {}) {
        this.clock = new FakeClock();
        this.network = new FakeNetwork();
        this.locks = locks ? new FakeLocks() : null;
        this.channels = channels ? new FakeChannels(this.clock) : null;
        this.random = random;
        this.polls_at_once = polls_at_once;
        this.tabs = 0;
    }

    tab(session = { db: "mydb", uid: 1, session_id: "one" }) {
        this.tabs += 1;
        return new FakeTab(this, "tab " + this.tabs, session);
    }

    async advance(milliseconds) {
        await this.clock.advance(milliseconds);
    }
}

/** An EventTarget that knows how many listen. */
class CountingTarget extends EventTarget {
    listeners = 0;

    addEventListener(...words) {
        this.listeners += 1;
        super.addEventListener(...words);
    }

    removeEventListener(...words) {
        this.listeners -= 1;
        super.removeEventListener(...words);
    }
}

/** A page with a LongPolling of its own, and what its callbacks were told. */
export class FakeTab {
    constructor(browser, name, session) {
        this.browser = browser;
        this.name = name;
        this.session = session;
        this.answers = [];
        this.errors = [];
        this.states = [];
        this.reports = [];
        this.window = new CountingTarget();
        this.document = Object.assign(new CountingTarget(), { visibilityState: "visible" });
        this.configuration = async () => ({ path: "/openerplongpolling", timeout: 60 });
        this.lp = new core.LongPolling(this.environment(), {
            is_ready: (session) => Boolean(session.session_id),
            configuration: (session) => this.configuration(session),
            origin: () => "",
            parameters: (session) => ({ session_id: session.session_id }),
            identity: (session) => [session.db, session.uid, session.session_id],
        });
        this.lp.onstate = (state) => this.states.push(state);
    }

    environment() {
        const { clock, network, locks, channels, random, polls_at_once } = this.browser;
        return {
            fetch: (url, options) => network.fetch(url, options, this.name),
            now: () => clock.time,
            setTimeout: (callback, delay) => clock.set(() => !this.hung && callback(), delay),
            clearTimeout: (timer) => clock.clear(timer),
            random,
            window: this.window,
            document: this.document,
            console: { error: (...words) => this.reports.push(words) },
            locks: locks && locks.of(this.name),
            channel: channels && ((name) => channels.channel(name)),
            polls_at_once,
        };
    }

    /** start_longpolling with callbacks that write down what they are told. */
    async start(path = "/wall", params = {}, { success, error } = {}) {
        this.lp.start_longpolling(
            this.session, path, params,
            (result) => (this.answers.push(result), success && success(result)),
            (xhr, status) => (this.errors.push([xhr.status, status]), error && error(xhr, status))
        );
        await settle();
    }

    async event(name, target = this.window) {
        target.dispatchEvent(new Event(name));
        await settle();
    }

    /** The browser closes the tab: its locks and channels go, without a word to its scripts. */
    async crash() {
        this.hung = true;
        for (const request of this.browser.network.held.filter((held) => held.tab === this.name)) {
            request.aborted = true;
            // Nothing in the tab runs any more; only the browser gives its locks back.
        }
        for (const holder of [...this.browser.locks.held.values()]) {
            if (holder.tab === this.name) {
                holder.release();
            }
        }
        await settle();
    }

    get state() {
        return this.states.length ? this.states[this.states.length - 1].name : null;
    }
}
