// A bus worker with web_longpolling_bus in it: its WebSockets, its clock, its network and its pages are a test's.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import vm from "node:vm";
import { FakeClock, FakeNetwork, settle } from "./clock_and_network.mjs";

const source = (name) =>
    readFileSync(fileURLToPath(new URL("../../web_longpolling_bus/static/src/" + name, import.meta.url)), "utf-8");

const PATH = "/openerplongpolling";
const VERSION = "19.0-2";
const SCRIPT = "abcd1234";
export const ORIGIN = "https://odoo.example";

/** What the worker opens: the version says how to work. Seconds. */
export function url({ transport = "auto", timeout = 60, retry = 60 } = {}) {
    const version = [VERSION, transport, btoa(PATH), timeout, retry, SCRIPT].join("~");
    return ORIGIN.replace("http", "ws") + "/websocket?version=" + encodeURIComponent(version);
}

class FakeCloseEvent extends Event {
    constructor(type, { code, reason, wasClean }) {
        super(type);
        Object.assign(this, { code, reason, wasClean });
    }
}

export class FakeBus {
    constructor({ shared = true } = {}) {
        this.clock = new FakeClock();
        this.network = new FakeNetwork();
        this.natives = []; // the WebSockets of the browser that were opened
        this.told = []; // what was said to the pages by BroadcastChannel
        this.hears = {};
        const bus = this;
        this.scope = {
            URL, AbortController, DOMException, EventTarget, Event, MessageEvent, CloseEvent: FakeCloseEvent, atob,
            crypto: globalThis.crypto,
            console: { error: (...words) => this.reports.push(words) },
            fetch: (address, options) => this.network.fetch(address, options),
            setTimeout: (callback, delay) => this.clock.set(callback, delay),
            clearTimeout: (timer) => this.clock.clear(timer),
            addEventListener: (type, hear) => (this.hears[type] = hear),
            WebSocket: class {
                constructor(address) {
                    this.address = address;
                    this.sent = [];
                    bus.natives.push(this);
                }

                open() {
                    this.onopen({});
                }

                send(message) {
                    this.sent.push(message);
                }

                /** By the server, or on the way. */
                end(code = 1006, reason = "") {
                    if (this.onclose && !this.ended) {
                        this.ended = true;
                        this.onclose({ code, reason });
                    }
                }

                close(code = 1005) {
                    this.closed = true;
                    Promise.resolve().then(() => this.end(code));
                }
            },
        };
        this.reports = [];
        if (shared) {
            this.scope.SharedWorkerGlobalScope = class {
                static [Symbol.hasInstance]() {
                    return true;
                }
            };
            this.scope.BroadcastChannel = class {
                postMessage(message) {
                    bus.told.push({ ...message });
                }
            };
        }
        if (!shared) {
            this.scope.postMessage = ({ data }) => this.told.push({ ...data });
        }
        vm.createContext(this.scope);
        this.scope.now = () => this.clock.time;
        vm.runInContext("Math.random = () => 0.5; Date.now = now;", this.scope);
        vm.runInContext(source("socket.js"), this.scope, { filename: "socket.js" });
        this.name = this.scope.web_longpolling_bus.name;
    }

    /** A page of a SharedWorker's; `leave()`: it says good-bye. */
    page() {
        const port = new EventTarget();
        this.hears.connect({ ports: [port] });
        return { leave: () => port.dispatchEvent(new MessageEvent("message", { data: { action: "BUS:LEAVE" } })) };
    }

    /** What Odoo's worker does; `events`: what it was told, each a list of the type and what came with it. */
    async socket(options) {
        const socket = new this.scope.WebSocket(url(options));
        socket.events = [];
        const hear = (type, more = () => []) =>
            socket.addEventListener(type, (event) => socket.events.push([type, ...more(event)]));
        hear("open");
        hear("error");
        hear("message", (event) => [JSON.parse(event.data)]);
        hear("close", (event) => [event.code, event.reason]);
        await settle();
        return socket;
    }

    async advance(milliseconds) {
        await this.clock.advance(milliseconds);
    }

    get native() {
        return this.natives.at(-1);
    }

    /** The requests that are held now, for a route of the host or of the sidecar, such as "renew" or "messages". */
    held(route) {
        return this.network.held.filter((request) => request.url.endsWith("/web_longpolling_bus/" + route));
    }

    /** The one that is held now. */
    request(route) {
        const [request, ...more] = this.held(route);
        if (!request || more.length) {
            throw new Error(`${this.held(route).length} requests for ${route}, not one: ${this.network.held.map((r) => r.url)}`);
        }
        return request;
    }

    /** What a request of the host asks for. */
    asked(route) {
        return this.request(route).body.params;
    }

    async host(route, result) {
        this.request(route).answer_all(200, { jsonrpc: "2.0", result });
        await settle();
    }

    async sidecar(route, status, body, headers) {
        this.request(route).answer_all(status, body, headers);
        await settle();
    }

    /** A socket by polls that has subscribed, and holds a poll from position "p0" on. */
    async polling(options = { transport: "longpolling" }) {
        const socket = await this.socket(options);
        await this.sidecar("open", 200, true);
        await this.subscribe(socket);
        return socket;
    }

    async subscribe(socket, answer = {}) {
        socket.send(JSON.stringify({ event_name: "subscribe", data: { channels: ["a"], last: 5 } }));
        await settle();
        await this.subscribed(answer);
    }

    async subscribed(answer = {}) {
        const known = this.asked("subscribe").known;
        const position = known ? {} : { position: "p0" };
        await this.host("subscribe", { uid: 7, renewal: 120, ticket: "ticket-1", notifications: [], ...position, ...answer });
    }

    /** The held poll is answered with these events, [[id, text], …]. */
    async messages(position, ...payloads) {
        const events = payloads.map((payload, id) => ({ id, channel: "c", payload }));
        await this.sidecar("messages", 200, { position, events });
    }
}

/** A page with leave.js in it; `beacons`: what it has sent with its last breath. */
export class FakePage {
    constructor() {
        this.beacons = [];
        this.window = new EventTarget();
        const page = this;
        this.window.BroadcastChannel = class {
            constructor() {
                page.channel = this;
            }

            postMessage(message) {
                page.asked = message;
            }
        };
        vm.runInNewContext(source("leave.js"), {
            window: this.window,
            BroadcastChannel: this.window.BroadcastChannel,
            navigator: { sendBeacon: (address, body) => this.beacons.push([address, body]) },
            Map,
        }, { filename: "leave.js" });
    }

    hear(message) {
        this.channel.onmessage({ data: message });
    }

    hide({ persisted = false } = {}) {
        this.window.dispatchEvent(Object.assign(new Event("pagehide"), { persisted }));
    }
}
