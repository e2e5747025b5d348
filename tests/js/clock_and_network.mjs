// A clock and a network that a test holds in its hands.

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

    fetch(url, options, from) {
        return new Promise((resolve, reject) => {
            const request = { url, options, from, aborted: false, done: false };
            request.body = /^\{/.test(options.body) ? JSON.parse(options.body) : options.body;
            request.polls = request.body && request.body.polls;
            /** The whole request is answered by this status, perhaps by a server on the way. */
            request.answer_all = (status, body, headers = {}) => {
                request.done = true;
                resolve(response(status, body, headers));
            };
            /** The sidecar answers some of the polls: [{poll, status, result, ...}, ...] */
            request.answers = (...answers) => request.answer_all(200, { answers });
            /** It answers all of them alike. A text is one of mode "http". */
            request.answer = (status, body, more = {}) =>
                request.answers(...request.polls.map((_, poll) => ({ poll, status, ...content(status, body), ...more })));
            request.fail = () => {
                request.done = true;
                reject(new TypeError("Failed to fetch"));
            };
            if (options.signal) {
                options.signal.addEventListener("abort", () => {
                    request.aborted = true;
                    reject(new DOMException("The user aborted a request.", "AbortError"));
                });
            }
            this.requests.push(request);
        });
    }

    /** The requests that are held now. */
    get held() {
        return this.requests.filter((request) => !request.done && !request.aborted);
    }

    /** The one request that is held now. */
    get request() {
        if (this.held.length !== 1) {
            throw new Error(`${this.held.length} requests are held, not one`);
        }
        return this.held[0];
    }
}

function content(status, body) {
    if (status >= 400) {
        return { error: body || "one sentence" };
    }
    return typeof body === "string" ? { text: body, type: "text/html; charset=utf-8" } : { result: body };
}

function response(status, body, headers) {
    const json = typeof body !== "string" && body !== undefined;
    const all = new Headers({ ...(json ? { "Content-Type": "application/json" } : {}), ...headers });
    return {
        status,
        ok: status >= 200 && status < 300,
        headers: all,
        text: async () => (json ? JSON.stringify(body) : body || ""),
    };
}
