// A browser that a test holds in its hands: its clock, its network, its tabs and what is between them.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import vm from "node:vm";
import { FakeChannels, FakeLocks } from "./between_tabs.mjs";
import { FakeClock, FakeNetwork, settle } from "./clock_and_network.mjs";

export { settle };

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
