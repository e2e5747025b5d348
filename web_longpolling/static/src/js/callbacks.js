/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// What the page gave to start_longpolling: where to poll, and whom to call back. No exception of the page's own
// functions gets past here.
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    core.Callbacks = class Callbacks {
        /**
         * @param {Console} console  where exceptions of the page's functions are reported
         * @param {string|function(): string} path  below the long polling path, such as "/wall/17"
         * @param {?Object|function(): Object} params  the controller's keyword arguments
         * @param {function(*)} success
         * @param {?function(Object, string)} error
         * @param {function({name: string, wait: number})} onstate
         */
        constructor(console, path, params, success, error, onstate) {
            this.console = console;
            this.path = path;
            this.params = params;
            this.success = success;
            this.error = error;
            this.onstate = onstate;
            this.state = null;
        }

        /** Where to poll now and with what: a callback may have changed both since the last poll. */
        read() {
            return {
                path: typeof this.path === "function" ? this.path() : this.path,
                params: Object.assign({}, typeof this.params === "function" ? this.params() : this.params),
            };
        }

        /** Call back and wait until that is done: a deferred or promise that is returned delays the next poll. */
        async deliver(outcome) {
            try {
                if (outcome.kind === core.KINDS.answer) {
                    await this.success(outcome.result);
                } else if (outcome.kind !== core.KINDS.nothing && this.error) {
                    await this.error(xhr_of(outcome), outcome.reason);
                }
            } catch (error) {
                // A deferred that is rejected is settled too, and whoever rejected it knows why. An exception is news.
                if (error instanceof Error) {
                    this.report(error);
                }
            }
        }

        /** @param {number} [wait]  milliseconds until the next poll */
        tell_state(name, wait) {
            if (this.state === name && name !== "reconnecting") {
                return;
            }
            this.state = name;
            try {
                this.onstate({ name: name, wait: (wait || 0) / 1000 });
            } catch (error) {
                this.report(error);
            }
        }

        report(error) {
            this.console.error("web_longpolling: a callback failed:", error);
        }
    };

    /** What the error callback gets first: an object that reads like jQuery's XMLHttpRequest. */
    function xhr_of(outcome) {
        return {
            readyState: outcome.status === 0 ? 0 : 4,
            status: outcome.status,
            statusText: outcome.reason,
            responseText: outcome.text,
            responseJSON: core.parsed(outcome.text),
            getResponseHeader: function (name) {
                const value = outcome.headers[name.toLowerCase()];
                return value === undefined ? null : value;
            },
        };
    }
})(globalThis);
