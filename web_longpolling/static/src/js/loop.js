/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// The poll loop from start to stop. Every start makes a new one, so an answer of an earlier loop has nowhere to go.
//
//     configure → poll, by the hub → call back, until that is settled → poll …
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    // The sidecar answers within the timeout; this much later, in milliseconds, the network has lost the answer.
    const MARGIN = 10000;
    // A poll that was not refused within this time is taken to be held. HTTP gives no earlier sign.
    const LIVE_AFTER = 2000;
    // How long to wait, in milliseconds, before looking again whether the host's session is ready; and after how many
    // such looks the console gets a warning.
    const NOT_READY = 100;
    const LOOKS = 100;
    // After these another poll would change nothing.
    const LAST = ["logged_out", "refused"];
    // The state that the page gets after each kind of outcome.
    const STATES = {
        answer: "live", nothing: "live", failed: "reconnecting", logged_out: "logged_out", refused: "stopped",
    };

    core.Loop = class Loop {
        /**
         * @param {Environment} env
         * @param {Host} host  see longpolling.js
         * @param {*} session  the host's
         * @param {core.Callbacks} callbacks
         */
        constructor(env, host, session, callbacks) {
            this.env = env;
            this.host = host;
            this.session = session;
            this.callbacks = callbacks;
            this.stopped = false;
            this.end_poll = () => undefined;
            this.timers = [];
            // What the next poll is asked with; see Hub.join.
            this.since = null;
            this.wait = 0;
            this.failures = 0;
            this.doubted = false; // whether the sidecar has said once that nobody is logged in
        }

        /** Poll until `stop`, or until an outcome that no other poll would change. */
        async run() {
            this.callbacks.tell_state("connecting");
            const configuration = await this.configure();
            while (!this.stopped) {
                const outcome = await this.poll(configuration);
                if (outcome !== null && !this.stopped) {
                    this.note(outcome);
                    await (this.stopped || this.doubted ? undefined : this.callbacks.deliver(outcome));
                    if (LAST.indexOf(outcome.kind) >= 0 && !this.doubted) {
                        this.stop();
                    }
                }
            }
        }

        stop() {
            this.stopped = true;
            this.end_poll();
            this.clear_timers();
        }

        /** Wait for the session, and ask the host for path and timeout until it says them. */
        async configure() {
            for (let looks = 1; !this.stopped && !this.host.is_ready(this.session); looks += 1) {
                if (looks === LOOKS) {
                    this.env.console.warn("web_longpolling: the session that was passed has no id yet: nobody is logged in, " +
                        "or it is no session. Polls begin when it has one.");
                }
                await this.sleep(NOT_READY);
            }
            while (!this.stopped) {
                try {
                    return await this.host.configuration(this.session);
                } catch (error) {
                    // The error callback is called if the host is away; a mistake in the set-up must be seen.
                    if (error instanceof Error) {
                        this.env.console.error("web_longpolling: where to poll is not known:", error);
                    }
                    const outcome = core.no_answer("error");
                    outcome.wait = core.wait_after(this.env, this.failures, null);
                    if (!this.stopped) {
                        this.note(outcome);
                        await this.callbacks.deliver(outcome);
                        await this.sleep(outcome.wait);
                        this.wait = 0;
                    }
                }
            }
            return null;
        }

        /** @returns {Promise<?Outcome>} null: the page does not say where to poll */
        poll(configuration) {
            let poll;
            try {
                poll = this.callbacks.read();
            } catch (error) {
                this.callbacks.report(error);
                this.failures += 1;
                return this.sleep(core.wait_after(this.env, this.failures - 1, null)).then(() => null);
            }
            this.path = poll.path;
            this.url = this.host.origin(this.session) + configuration.path;
            const login = {
                url: this.url,
                limit: configuration.timeout * 1000 + MARGIN,
                body: this.host.login(this.session),
            };
            const state = { since: this.since, wait: this.wait, failures: this.failures, login: login };
            return new Promise((resolve) => {
                const hurried = () => this.report_live_when_held(0);
                this.end_poll = core.connection_of(this.env).poll(Object.assign(poll, state), resolve, hurried);
                this.report_live_when_held(this.wait);
            });
        }

        /** Keep what the next poll needs, and inform page and console of what became of this one. */
        note(outcome) {
            this.clear_timers();
            this.since = outcome.position || this.since;
            this.wait = outcome.wait;
            this.failures = outcome.kind === core.KINDS.failed ? this.failures + 1 : 0;
            // Nobody is logged in: that is asked once more, since the session may have been renewed a moment ago.
            this.doubted = outcome.kind === core.KINDS.logged_out && !this.doubted;
            if (this.doubted) {
                return;
            }
            this.callbacks.tell_state(STATES[outcome.kind], outcome.wait);
            if (LAST.indexOf(outcome.kind) >= 0) {
                this.env.console.warn("web_longpolling: no more polls of " + this.path + ":", reason_of(outcome, this.url));
            }
        }

        /** Tell the page that it is live again when the next poll seems to be held. */
        report_live_when_held(delay) {
            this.clear_timers();
            if (this.callbacks.state !== "live") {
                if (this.callbacks.state === "reconnecting") {
                    this.later(delay, () => this.callbacks.tell_state("reconnecting"));
                }
                this.later(delay + LIVE_AFTER, () => this.callbacks.tell_state("live"));
            }
        }

        sleep(delay) {
            return new Promise((resolve) => this.later(delay, resolve));
        }

        later(delay, action) {
            this.timers.push(this.env.setTimeout(action, delay));
        }

        clear_timers() {
            this.timers.splice(0).forEach((timer) => this.env.clearTimeout(timer));
        }
    };

    /** Why a loop stops for good, for the console. */
    function reason_of(outcome, url) {
        const body = core.parsed(outcome.text);
        if (body && body.error) {
            return outcome.status + ", " + body.error;
        }
        if (outcome.status === 404) {
            return "404, no sidecar answers at " + url + ". Does the dispatcher send this path there?";
        }
        return String(outcome.status);
    }
})(globalThis);
