/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// The class that a page uses. Each web client has a thin wrapper that puts its host in: openerp.js, ../longpolling.js.
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    /**
     * What differs between the web clients: the same functions in each wrapper.
     *
     * @typedef {Object} Host
     * @property {function(session): boolean} is_ready  whether the session can be asked for the rest yet
     * @property {function(session): Promise<{path: string, timeout: number}>} configuration  the long polling path,
     *     and the seconds after which a poll is answered at the latest
     * @property {function(session): string} origin  what stands before the path in a URL; "" for the page's own
     * @property {function(session): Object} login  what goes along with the polls: `uid`, the user whose page it is,
     *     and what the host needs besides, such as a session id. Tabs that agree in it share their polls
     */

    core.LongPolling = class LongPolling {
        /**
         * @param {Environment} env
         * @param {Host} host
         */
        constructor(env, host) {
            this.env = env;
            this.host = host;
            this.loop = null;
            /**
             * Set it to follow the connection: called with `{name, wait}`, where `name` is one of "connecting",
             * "live", "reconnecting" (`wait`: seconds until the next poll), "logged_out", "stopped" (refused).
             *
             * @type {function(Object): void}
             */
            this.onstate = function () {};
        }

        /**
         * Poll a route of the sidecar until `stop_longpolling`, or until a login or the route is missing.
         *
         * @param {*} session  the host's session
         * @param {string|function(): string} path  the route's, without the long polling path; a function is asked
         *     before every poll
         * @param {Object|function(): Object} params  the controller's keyword arguments, read before every poll
         * @param {function(*)} success  called with every answer; when it returns a deferred or a promise, the next
         *     poll waits until that is settled
         * @param {function(Object, string)} [error]  called with an XMLHttpRequest-like object (status, statusText,
         *     responseText, responseJSON, getResponseHeader) and "error", "timeout" or "parsererror"
         */
        start_longpolling(session, path, params, success, error) {
            this.stop_longpolling();
            const onstate = (state) => this.onstate(state);
            const callbacks = new core.Callbacks(this.env.console, path, params, success, error, onstate);
            const loop = new core.Loop(this.env, this.host, session, callbacks);
            this.loop = loop;
            loop.run().catch((problem) => this.env.console.error("web_longpolling: the loop ended:", problem));
        }

        /** Poll at once, in place of waiting for the time that follows an error: for a button that says so. */
        poll_now() {
            core.connection_of(this.env).hurry(true);
        }

        /** End the poll that is under way and call nobody back any more. */
        stop_longpolling() {
            if (this.loop !== null) {
                this.loop.stop();
                this.loop = null;
            }
        }
    };
})(globalThis);
