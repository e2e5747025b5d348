// A browser that a test holds in its hands: its clock, its network, its tabs and what is between them.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import vm from "node:vm";
import { FakeClock, FakeNetwork, settle } from "./clock_and_network.mjs";
import { FakeWorker, pair } from "./workers.mjs";

export { settle };

const SOURCE = new URL("../../web_longpolling/static/src/js/", import.meta.url);
const FILES = [
    "hub.js", "environment.js", "connection.js", "callbacks.js", "loop.js", "longpolling.js",
];

// Milliseconds within which the hub has sent what it gathers, also if a tab that it has answered does not ask again.
export const SENT = 60;

export const source = (name) => readFileSync(fileURLToPath(new URL(name, SOURCE)), "utf-8");

// LONGPOLLING_BUNDLE names a file to test in place of the sources: what a web client made of them, minified.
globalThis.openerp = {};
const bundle = process.env.LONGPOLLING_BUNDLE;
for (const [name, text] of bundle ? [[bundle, readFileSync(bundle, "utf-8")]] : FILES.map((file) => [file, source(file)])) {
    vm.runInThisContext(text, { filename: name });
}
export const core = globalThis.web_longpolling_core;

/** A browser with one server behind it; `tab()` opens a page in it. */
export class FakeBrowser {
    constructor({ random = () => 0.5, shared = true, ...worker } = {}) {
        this.clock = new FakeClock();
        this.network = new FakeNetwork();
        this.random = random;
        this.shared = shared;
        this.worker_options = worker;
        this.worker = shared ? this.new_worker() : null;
        this.tabs = [];
    }

    new_worker() {
        return new FakeWorker(core, this.surroundings("worker"), this.worker_options);
    }

    tab(session = { db: "mydb", uid: 1, session_id: "one" }) {
        const tab = new FakeTab(this, "tab " + (this.tabs.length + 1), session);
        this.tabs.push(tab);
        return tab;
    }

    /** What a hub needs, in the worker or in a page. */
    surroundings(place, alive = () => true) {
        return {
            fetch: (url, options) => this.network.fetch(url, options, place),
            now: () => this.clock.time,
            setTimeout: (callback, delay) => this.clock.set(() => alive() && callback(), delay),
            clearTimeout: (timer) => this.clock.clear(timer),
            random: this.random,
        };
    }

    async advance(milliseconds) {
        await this.clock.advance(milliseconds);
    }

    /** Until the hub has sent what there is to send. */
    async sent() {
        await this.advance(SENT);
    }
}

/** A page with some LongPollings of its own, and what their callbacks were told. */
export class FakeTab {
    constructor(browser, name, session) {
        this.browser = browser;
        this.name = name;
        this.session = session;
        this.answers = [];
        this.errors = [];
        this.states = [];
        this.warnings = [];
        this.reports = [];
        this.window = new EventTarget();
        this.document = Object.assign(new EventTarget(), { visibilityState: "visible" });
        this.configuration = async () => ({ path: "/openerplongpolling", timeout: 60 });
        this.env = Object.assign(browser.surroundings(name, () => !this.hung), {
            window: this.window,
            document: this.document,
            console: { error: (...words) => this.reports.push(words), warn: (...words) => this.warnings.push(words) },
            worker: browser.shared ? () => (this.worker = browser.worker.connect(this)) : null,
            channel: pair,
        });
        this.host = {
            is_ready: (session) => Boolean(session.session_id),
            configuration: (session) => this.configuration(session),
            origin: () => "",
            login: (session) => ({ session_id: session.session_id, uid: session.uid }),
        };
        this.lp = this.another();
    }

    another() {
        const lp = new core.LongPolling(this.env, this.host);
        lp.onstate = (state) => this.states.push(state);
        return lp;
    }

    /** start_longpolling with callbacks that write down what they are told. */
    async start(path = "/wall", params = {}, { success, error, lp = this.lp } = {}) {
        lp.start_longpolling(
            this.session, path, params,
            (result) => (this.answers.push(result), success && success(result)),
            (xhr, status) => (this.errors.push([xhr.status, status]), error && error(xhr, status))
        );
        await this.browser.sent();
    }

    async event(name, target = this.window) {
        target.dispatchEvent(new Event(name));
        await this.browser.sent();
    }

    /** Nothing in the tab runs any more, and nobody was told; `told`: by the browser, as newer ones do. */
    async crash(told = false) {
        this.hung = true;
        this.worker.port.end(told);
        await this.browser.sent();
    }

    /** The tab is frozen or its main thread is busy: it hears nothing and says nothing. */
    hang() {
        this.hung = true;
        this.worker.port.onmessage = null;
    }

    get state() {
        return this.states.length ? this.states[this.states.length - 1].name : null;
    }
}

/** A browser with one tab that polls. */
export async function started(path, params, callbacks, options) {
    const browser = new FakeBrowser(options);
    const tab = browser.tab();
    await tab.start(path, params, callbacks);
    return { browser, tab, network: browser.network };
}
