/** @odoo-module ignore */
// What the tabs of one user tell each other: «I am polling» and «this came of it».
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    // Tabs may run scripts of different releases: a message of another version is not understood, so not heard.
    const VERSION = 1;

    /**
     * A line to the other tabs with the same identity (database, user, session).
     *
     * Its name bears the identity, so that a page of another user never even receives a message.
     */
    core.Channel = class Channel {
        constructor(env, identity) {
            this.identity = identity;
            this.heard = null;
            // Locks and line go together: without either, each tab polls for itself.
            this.line = env.locks && env.channel ? env.channel("web_longpolling:" + identity) : null;
            if (this.line !== null) {
                this.line.onmessage = (event) => this.receive(event.data);
            }
        }

        receive(message) {
            if (this.heard !== null && message && message.version === VERSION && message.key === this.key) {
                this.heard(message.outcome);
            }
        }

        /**
         * Hear what others tell of the poll `key`, until `listen` is called again.
         *
         * @param {function(?Outcome)} heard  null: another tab began to poll
         */
        listen(key, heard) {
            this.key = key;
            this.heard = heard;
        }

        /** Tell the others what came of the poll `key`; null: that it begins now. */
        tell(key, outcome) {
            if (this.line !== null) {
                this.line.postMessage({ version: VERSION, key: key, outcome: outcome });
            }
        }

        close() {
            this.heard = null;
            if (this.line !== null) {
                this.line.close();
                this.line = null;
            }
        }
    };
})(globalThis);
