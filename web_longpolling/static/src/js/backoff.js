/** @odoo-module ignore */
// How long to wait after a poll that failed: full jitter, so that thousands of pages that lost their sidecar in the
// same millisecond do not come back in the same millisecond.
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    const FIRST_CEILING = 1000;
    const LAST_CEILING = 60000;
    const ELSEWHERE = 500;
    // A server that asks for a day means «not now»: a page that a person looks at asks again within the hour.
    const LONGEST_RETRY_AFTER = 3600000;

    core.Backoff = class Backoff {
        constructor(env) {
            this.env = env;
            this.failures = 0;
        }

        /**
         * Count a failed poll.
         *
         * @param {?string} retry_after  the header's value, if there was one
         * @returns {number} milliseconds to wait: what the server asked for and up to a second more, or else anything
         *     up to a ceiling that doubles from 1 s to 60 s
         */
        failed(retry_after) {
            const ceiling = Math.min(LAST_CEILING, FIRST_CEILING * Math.pow(2, this.failures));
            this.failures += 1;
            const asked = core.retry_after(retry_after, this.env.now());
            return asked === null ? this.env.random() * ceiling : asked + this.env.random() * FIRST_CEILING;
        }

        /** Milliseconds to wait before asking elsewhere: a sidecar that stops sends all its pages away at once. */
        sent_elsewhere() {
            return this.env.random() * ELSEWHERE;
        }

        succeeded() {
            this.failures = 0;
        }
    };

    /**
     * Milliseconds that a Retry-After header asks for (RFC 9110, section 10.2.3: seconds, or a date).
     *
     * @returns {?number} null without a header that can be read
     */
    core.retry_after = function retry_after(value, now) {
        const text = (value || "").trim();
        if (text === "") {
            return null;
        }
        const seconds = Number(text);
        const wait = Number.isNaN(seconds) ? Date.parse(text) - now : seconds * 1000;
        return Number.isNaN(wait) ? null : Math.min(LONGEST_RETRY_AFTER, Math.max(0, wait));
    };
})(globalThis);
