/** @odoo-module ignore */
// The poll loop from start to stop. Every start makes a new one, so an answer of an earlier loop has nowhere to go.
//
//     configure → round: wait, poll (this tab or another one) → call back, until that is settled → round …
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    // The sidecar answers within the timeout; this much later, in milliseconds, the network has lost the answer.
    const MARGIN = 10000;
    // A poll that was not refused within this time is taken to be held. HTTP does not tell earlier.
    const LIVE_AFTER = 2000;
    // How long to wait, in milliseconds, before looking again whether the host's session is ready.
    const NOT_READY = 100;
    // After these another poll would change nothing.
    const LAST = ["logged_out", "refused"];

    core.Loop = class Loop {
        /**
         * @param {Environment} env
         * @param {Host} host  see longpolling.js
         * @param {*} session  the host's
         * @param {core.Page} page
         */
        constructor(env, host, session, page) {
            this.env = env;
            this.host = host;
            this.session = session;
            this.page = page;
            this.stopped = false;
            this.configuration = null;
            this.position = null; // what the last answer said that this page has seen
            this.channel = null;
            this.round = null;
            this.pause = new AbortController();
            this.hope = new AbortController();
            this.backoff = new core.Backoff(env);
            this.presence = new core.Presence(env, {
                online: () => this.again(),
                visible: () => this.hurry(),
                left: () => this.leave(),
                back: () => this.backoff.succeeded(),
            });
        }

        /** Poll until `stop`, or until an outcome that no other poll would change. */
        async run() {
            this.page.tell_state("connecting");
            let delay = 0;
            while (!this.stopped) {
                const outcome = await this.next_outcome(delay);
                delay = 0;
                if (outcome !== null && !this.stopped) {
                    this.note(outcome);
                    delay = outcome.wait;
                    await (this.stopped ? undefined : this.page.deliver(outcome));
                    if (LAST.indexOf(outcome.kind) >= 0) {
                        this.stop();
                    }
                }
            }
        }

        stop() {
            if (!this.stopped) {
                this.stopped = true;
                this.presence.close();
                this.leave();
            }
        }

        /** End the request and give locks and channel back. The loop goes on when the page is back. */
        leave() {
            this.hope.abort();
            this.pause.abort();
            if (this.round !== null) {
                this.round.end();
            }
            if (this.channel !== null) {
                this.channel.close();
                this.channel = null;
            }
        }

        /** Poll now if the loop is waiting. */
        hurry() {
            this.pause.abort();
            if (this.round !== null) {
                this.round.hurry();
            }
        }

        /** The network changed: a request that is under way may hang on a connection that is dead. */
        again() {
            if (this.round !== null && !this.round.is_waiting()) {
                this.round.end();
            }
            this.hurry();
        }

        /** @returns {Promise<?Outcome>} null: nothing to tell, begin again */
        async next_outcome(delay) {
            if (!this.presence.here) {
                await this.presence.returned;
                return null;
            }
            if (this.configuration === null) {
                await this.wait(delay);
                return this.configure();
            }
            let poll;
            try {
                poll = this.page.read();
            } catch (error) {
                this.page.report(error);
                await this.wait(this.backoff.failed(null));
                return null;
            }
            return this.play_round(poll, delay);
        }

        /** Ask the host for path and timeout. */
        async configure() {
            if (!this.host.is_ready(this.session)) {
                await this.wait(NOT_READY);
                return null;
            }
            try {
                this.configuration = await this.host.configuration(this.session);
                return null;
            } catch (error) {
                // A host that is away tells the page by the error callback; a mistake in the set-up has to be seen.
                if (error instanceof Error) {
                    this.env.console.error("web_longpolling: where to poll is not known:", error);
                }
                return this.with_wait(core.no_answer("error"));
            }
        }

        async play_round(poll, delay) {
            if (this.round !== null) {
                await this.round.released;
            }
            if (this.stopped || !this.presence.here) {
                return null;
            }
            const identity = JSON.stringify(this.host.identity(this.session));
            if (this.channel === null || this.channel.identity !== identity) {
                this.leave();
                this.channel = new core.Channel(this.env, identity);
            }
            const url = this.host.origin(this.session) + this.configuration.path + poll.path;
            const limit = this.configuration.timeout * 1000 + MARGIN;
            this.round = new core.Round(this.env, this.channel, JSON.stringify([url, poll.params, this.position]), limit, (signal) => {
                const parameters = Object.assign(poll.params, this.host.parameters(this.session));
                return core.send_poll(this.env, url, parameters, this.position, limit, signal).then((outcome) => this.with_wait(outcome));
            });
            this.hope_for_life(this.round.waiting.signal, delay);
            return this.round.run(delay);
        }

        /** Settle, for all tabs, when to send the next poll. */
        with_wait(outcome) {
            if (outcome !== null) {
                outcome.wait = 0;
                if (outcome.kind === core.KINDS.failed) {
                    outcome.wait = this.backoff.failed(outcome.headers["retry-after"]);
                } else if (outcome.kind === core.KINDS.stopping) {
                    outcome.wait = this.backoff.sent_elsewhere();
                }
                outcome.failures = this.backoff.failures;
            }
            return outcome;
        }

        note(outcome) {
            this.hope.abort();
            this.backoff.failures = outcome.failures;
            this.position = outcome.headers["x-longpolling-position"] || this.position;
            switch (outcome.kind) {
                case core.KINDS.answer:
                case core.KINDS.nothing:
                    this.backoff.succeeded();
                    this.page.tell_state("live");
                    break;
                case core.KINDS.failed:
                    this.page.tell_state("reconnecting", outcome.wait);
                    break;
                case core.KINDS.logged_out:
                    this.page.tell_state("logged_out");
                    break;
                case core.KINDS.refused:
                    this.page.tell_state("stopped");
                    break;
            }
        }

        /** Tell the page that it is live again when the next poll seems to be held. */
        async hope_for_life(waiting, delay) {
            this.hope.abort();
            const hope = new AbortController();
            this.hope = hope;
            await core.sleep(this.env, delay, waiting);
            if (!hope.signal.aborted && this.page.state === "reconnecting") {
                this.page.tell_state("reconnecting");
            }
            await core.sleep(this.env, LIVE_AFTER, hope.signal);
            if (!hope.signal.aborted) {
                this.page.tell_state("live");
            }
        }

        wait(delay) {
            this.pause = new AbortController();
            return core.sleep(this.env, delay, this.pause.signal);
        }
    };
})(globalThis);
