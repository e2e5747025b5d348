/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// A page's line to the hub: to the one that all tabs share, in a SharedWorker, or else to one of its own.
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    // Milliseconds between two signs of life that a page asks the hub for. The worker may live in the process of a tab,
    // and is gone with it, without a word, when that crashes.
    const PERIOD = 3000;
    // So long a hub may be silent, and so long before its first word, since its script must be loaded. Only the time
    // counts in which this page was awake.
    const SILENCE = 6000;
    const FIRST_SILENCE = 21000;

    core.Connection = class Connection {
        /** @param {Environment} env */
        constructor(env) {
            this.env = env;
            this.asked = new Map(); // polls without an outcome, by number
            this.number = 0;
            this.own = null; // this page's own hub, if it has to have one
            this.port = null;
            this.greeted = false;
            this.silent = 0; // for how long, in milliseconds
            this.here = true; // a page that was left (closed, frozen, in the back/forward cache) has no poll under way
            env.window.addEventListener("online", () => this.hurry(true));
            // No `beforeunload`: it comes before the user has decided to leave, comes for downloads too, and a page that
            // listens to it is kept out of Firefox's back/forward cache.
            env.window.addEventListener("pagehide", () => this.leave());
            env.window.addEventListener("pageshow", () => this.come_back());
            env.document.addEventListener("freeze", () => this.leave());
            env.document.addEventListener("resume", () => this.come_back());
            env.document.addEventListener("visibilitychange", () => {
                if (env.document.visibilityState === "visible") {
                    this.hurry(false);
                }
            });
        }

        /**
         * Have a poll sent until there is an outcome.
         *
         * @param {Object} asked  see Hub.join; and `login`, see the Hub itself
         * @param {function(Outcome)} deliver  called once
         * @param {function()} hurried  called when it is sent before its time
         * @returns {function()} ends the poll
         */
        poll(asked, deliver, hurried) {
            this.number += 1;
            const number = this.number;
            this.asked.set(number, { asked: asked, deliver: deliver, hurried: hurried });
            this.open();
            this.ask(number);
            return () => {
                if (this.asked.delete(number)) {
                    this.send({ type: "end", number: number });
                    if (this.asked.size === 0) {
                        this.close();
                    }
                }
            };
        }

        /** Send what waits for its time. `again`: also what is under way, which may hang on a connection that is dead. */
        hurry(again) {
            this.send({ type: "hurry", again: again });
            this.asked.forEach((poll) => poll.hurried());
        }

        ask(number) {
            this.send(Object.assign({ type: "poll", number: number }, this.asked.get(number).asked));
        }

        send(message) {
            if (this.greeted) {
                this.port.postMessage(message);
            }
        }

        open() {
            if (this.port !== null || !this.here) {
                return;
            }
            const port = (this.port = this.own === null ? this.shared_port() : this.own_port());
            port.onmessage = (event) => port === this.port && this.hear(event.data);
            port.onclose = () => port === this.port && this.lost("it ended");
            this.silent = 0;
            this.stop_listening = core.every(this.env, PERIOD, (elapsed) => this.listen(Math.min(elapsed, PERIOD)));
        }

        /** The port of the hub that all tabs share. */
        shared_port() {
            try {
                const worker = this.env.worker();
                worker.onerror = () => worker.port === this.port && this.lost("its script was not loaded");
                return worker.port;
            } catch (error) {
                this.go_alone(this.env.worker ? error : "this browser has no SharedWorker");
                return this.own_port();
            }
        }

        own_port() {
            const channel = this.env.channel();
            this.own.connect(channel.port1);
            return channel.port2;
        }

        /** This page is its own hub, from now on for good. */
        go_alone(reason) {
            this.own = new core.Hubs(this.env);
            this.env.console.warn("web_longpolling: polls are not shared between tabs, so each tab has a connection " +
                "of its own:", reason);
        }

        hear(message) {
            this.silent = 0;
            if (message.version !== undefined) {
                this.greeted = message.version === core.VERSION;
                if (this.greeted) {
                    this.asked.forEach((_, number) => this.ask(number));
                } else {
                    this.lost("it is of another release");
                }
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
                this.send({ type: "ping" });
            }
        }

        /** There is no hub behind the port. Where there was one there will be another one. */
        lost(reason) {
            if (!this.greeted && this.own === null) {
                this.go_alone(reason);
            }
            this.close();
            this.open();
        }

        close() {
            if (this.port !== null) {
                this.send({ type: "bye" });
                this.stop_listening();
                this.port.close();
                this.port = null;
                this.greeted = false;
            }
        }

        leave() {
            this.here = false;
            this.close();
        }

        come_back() {
            if (!this.here) {
                this.here = true;
                this.asked.forEach(function (poll) {
                    Object.assign(poll.asked, { wait: 0, failures: 0 });
                    poll.hurried();
                });
                if (this.asked.size > 0) {
                    this.open();
                }
            }
        }
    };

    /** The one Connection of a page. */
    core.connection_of = function connection_of(env) {
        env.connection = env.connection || new core.Connection(env);
        return env.connection;
    };
})(globalThis);
