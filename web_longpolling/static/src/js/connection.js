/** @odoo-module ignore */
// A page's line to the hub: to the one that all tabs share, in a SharedWorker, or else to one of its own.
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    // Milliseconds between two signs of life that a page asks the hub for.
    const PERIOD = 10000;
    // So long a hub may be silent before it has said its first word (its script must be loaded), and after that. Only
    // the time counts in which this page was awake.
    const FIRST_SILENCE = 20000;
    const SILENCE = 60000;

    core.Connection = class Connection {
        /** @param {Environment} env */
        constructor(env) {
            this.env = env;
            this.asked = new Map(); // polls without an outcome, by number
            this.number = 0;
            this.own = null; // this page's own hub, if it has to have one
            this.port = null;
            this.greeted = false;
            this.lifecycle = new core.PageLifecycle(env, {
                online: () => this.tell({ type: "hurry", again: true }),
                visible: () => this.tell({ type: "hurry", again: false }),
                left: () => this.close(),
                back: () => this.come_back(),
            });
        }

        /**
         * Have a poll sent until there is an outcome.
         *
         * @param {Object} asked  see Hub.join; and `login`, see the Hub itself
         * @param {function(Outcome)} deliver  called once
         * @returns {function()} ends the poll
         */
        poll(asked, deliver) {
            this.number += 1;
            const number = this.number;
            this.asked.set(number, { asked: asked, deliver: deliver });
            this.open();
            this.ask(number);
            return () => {
                if (this.asked.delete(number)) {
                    this.tell({ type: "end", number: number });
                    if (this.asked.size === 0) {
                        this.close();
                    }
                }
            };
        }

        ask(number) {
            this.tell(Object.assign({ type: "poll", number: number }, this.asked.get(number).asked));
        }

        tell(message) {
            if (this.greeted) {
                this.port.postMessage(message);
            }
        }

        open() {
            if (this.port !== null || !this.lifecycle.here) {
                return;
            }
            const port = (this.port = this.own === null ? this.shared() : this.private());
            port.onmessage = (event) => port === this.port && this.hear(event.data);
            port.onclose = () => port === this.port && this.lost("it ended");
            this.silent = 0;
            this.stop_listening = core.every(this.env, PERIOD, (elapsed) => this.listen(Math.min(elapsed, PERIOD)));
        }

        /** The port of the hub that all tabs share. */
        shared() {
            try {
                const worker = this.env.worker();
                worker.onerror = () => worker.port === this.port && this.lost("its script was not loaded");
                return worker.port;
            } catch (error) {
                return this.private(this.env.worker ? error : "this browser has no SharedWorker");
            }
        }

        /** The port of a hub of this page's own, from now on for good. */
        private(reason) {
            if (this.own === null) {
                this.own = new core.Hubs(this.env);
                this.env.console.warn("web_longpolling: polls are not shared between tabs, so each tab has a " +
                    "connection of its own:", reason);
            }
            const channel = this.env.channel();
            this.own.connect(channel.port1);
            return channel.port2;
        }

        hear(message) {
            this.silent = 0;
            if (message.version !== undefined) {
                if (message.version !== core.VERSION) {
                    this.lost("it is of another release");
                    return;
                }
                this.greeted = true;
                this.asked.forEach((_, number) => this.ask(number));
            } else if (this.asked.has(message.number)) {
                const deliver = this.asked.get(message.number).deliver;
                this.asked.delete(message.number);
                deliver(message.outcome);
            }
        }

        listen(elapsed) {
            this.silent += elapsed;
            if (this.silent >= (this.greeted ? SILENCE : FIRST_SILENCE)) {
                this.lost("it does not answer");
            } else {
                this.tell({ type: "ping" });
            }
        }

        /** There is no hub behind the port. One that had answered was well, so another one will be. */
        lost(reason) {
            const crashed = this.greeted && reason === "it ended";
            this.close();
            if (!crashed && this.own === null) {
                this.private(reason).close();
            }
            this.open();
        }

        close() {
            if (this.port !== null) {
                this.tell({ type: "bye" });
                this.stop_listening();
                this.port.close();
                this.port = null;
                this.greeted = false;
            }
        }

        come_back() {
            this.asked.forEach((poll) => Object.assign(poll.asked, { wait: 0, failures: 0 }));
            if (this.asked.size > 0) {
                this.open();
            }
        }
    };

    /** The one Connection of a page. */
    core.connection_of = function connection_of(env) {
        env.connection = env.connection || new core.Connection(env);
        return env.connection;
    };
})(globalThis);
