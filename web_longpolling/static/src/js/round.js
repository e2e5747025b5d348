/** @odoo-module ignore */
// One round of the loop: wait, have the poll sent by this tab or by another one, come back with what became of it.
//
// Why no answer is lost between tabs. A round listens to the others from its first moment. The tab that polls tells
// the outcome before it gives the lock away. Whoever gets the lock without having heard an outcome sends the same
// poll again, with the same parameters, and the server answers from what it knows: a tab that closed, froze or
// crashed with an answer in its hands takes nothing with it.
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    // A lock and a message travel on different ways. Who waited for the lock gives the message this long to arrive.
    const SETTLE = 50;

    core.Round = class Round {
        /**
         * @param {Environment} env
         * @param {core.Channel} channel
         * @param {string} key  names the poll: tabs with the same key share it
         * @param {number} limit  milliseconds within which a poll must have been answered
         * @param {function(AbortSignal): Promise<?Outcome>} send
         */
        constructor(env, channel, key, limit, send) {
            this.env = env;
            this.channel = channel;
            this.key = key;
            this.limit = limit;
            this.send = send;
            this.waiting = new AbortController();
            this.polling = new AbortController();
            /** @type {Promise<void>} settled when this tab has given its locks back */
            this.released = Promise.resolve();
        }

        /**
         * @param {number} delay  milliseconds to wait first; another tab's outcome ends that too
         * @returns {Promise<?Outcome>} null: the round was ended, begin another one
         */
        run(delay) {
            return new Promise((resolve) => {
                this.finish = (outcome) => {
                    this.finish = () => undefined;
                    this.waiting.abort();
                    this.polling.abort();
                    resolve(outcome);
                };
                this.patience = new core.Patience(this.env, this.limit);
                this.channel.listen(this.key, (outcome) => {
                    if (outcome === null) {
                        this.patience.heard();
                    } else {
                        this.finish(outcome);
                    }
                });
                this.released = this.take_part(delay).then(
                    () => this.finish(null),
                    (error) => this.give_up_sharing(error)
                );
            });
        }

        /** Whether the round still waits for its time. */
        is_waiting() {
            return !this.waiting.signal.aborted;
        }

        /** Poll now, if the round is still waiting for its time. */
        hurry() {
            this.waiting.abort();
        }

        end() {
            this.finish(null);
        }

        async take_part(delay) {
            await core.sleep(this.env, delay, this.waiting.signal);
            this.waiting.abort();
            if (this.polling.signal.aborted) {
                return;
            }
            if (this.channel.line === null) {
                await this.poll();
                return;
            }
            const lock = "web_longpolling:" + this.channel.identity + ":" + this.key;
            await core.with_lock(this.env, lock, this.polling.signal, this.patience, async (waited) => {
                if (waited) {
                    await core.sleep(this.env, SETTLE, this.polling.signal);
                }
                if (!this.polling.signal.aborted) {
                    this.channel.tell(this.key, null);
                    const patience = new core.Patience(this.env, this.limit);
                    await core.with_connection(this.env, this.polling.signal, patience, () => this.poll());
                }
            });
        }

        async poll() {
            if (this.polling.signal.aborted) {
                return;
            }
            this.channel.tell(this.key, null);
            const outcome = await this.send(this.polling.signal);
            if (outcome !== null) {
                this.channel.tell(this.key, outcome);
                this.finish(outcome);
            }
        }

        give_up_sharing(error) {
            if (error.name !== "AbortError") {
                // Locks that cannot be had at all (a sandboxed frame): this page polls for itself from now on.
                this.env.console.error("web_longpolling: polls are not shared between tabs:", error);
                this.env.locks = null;
                this.channel.close();
            }
            this.finish(null);
        }
    };
})(globalThis);
