// Locks and channels between the tabs of one browser, as far as the poll loop uses them.

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
