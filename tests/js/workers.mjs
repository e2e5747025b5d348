// SharedWorkers and the ports to them, as far as the pages use them.

/** Two ports; a message arrives a moment later, as a copy. */
export function pair() {
    const ports = [{}, {}];
    ports.forEach((port, index) => {
        Object.assign(port, {
            open: true,
            onmessage: null,
            postMessage(message) {
                const copy = structuredClone(message);
                const other = ports[1 - index];
                if (port.open) {
                    Promise.resolve().then(() => other.open && other.onmessage && other.onmessage({ data: copy }));
                }
            },
            close() {
                port.open = false;
            },
            /** The other side has gone without a word. */
            end(told) {
                port.open = false;
                ports[1 - index].open = false;
                Promise.resolve().then(() => told && ports[1 - index].onclose && ports[1 - index].onclose());
            },
        });
    });
    return { port1: ports[0], port2: ports[1] };
}

/** The SharedWorker of a browser: one Hubs, and the ports of the pages that use it. */
export class FakeWorker {
    constructor(core, env, { version } = {}) {
        this.hubs = new core.Hubs(env);
        this.version = version;
        this.ports = [];
        this.hung = false;
    }

    /** From now on it hears nothing and says nothing. */
    hang() {
        this.hung = true;
        this.ports.forEach(({ port }) => (port.open = false));
    }

    /** What `new SharedWorker` returns in a page. */
    connect(page) {
        const { port1, port2 } = pair();
        this.ports.push({ port: port1, page });
        Promise.resolve().then(() => {
            if (this.version) {
                port1.postMessage({ version: this.version });
            } else if (!this.hung) {
                this.hubs.connect(port1);
                const hear = port1.onmessage;
                port1.onmessage = (event) => this.hung || hear(event);
            }
        });
        return { port: port2, onerror: null };
    }
}
