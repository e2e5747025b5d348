/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// What the page's side needs of a browser, in one object: a test hands it another one, with a clock, a network and
// tabs of its own. These files meet in one global, `web_longpolling_core`.
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    // Its URL bears the version, so that pages of two releases have workers of their own.
    const WORKER = "/web_longpolling/static/src/js/hub.js?version=";

    /**
     * @typedef {Object} Environment
     * @property {function(string, Object): Promise<Response>} fetch
     * @property {function(): number} now  wall clock, in milliseconds; goes on while the machine sleeps
     * @property {function(Function, number): *} setTimeout
     * @property {function(*)} clearTimeout
     * @property {function(): number} random  from 0 up to, but not including, 1
     * @property {EventTarget} window  for online, pagehide and pageshow
     * @property {Document} document  for visibilitychange, freeze and resume
     * @property {Console} console
     * @property {?function(): SharedWorker} worker  starts the hub that all tabs share, or finds it; null where there
     *     are no such workers
     * @property {function(): MessageChannel} channel
     */

    /** The environment of a real page. */
    core.browser = (window) =>
        Object.assign(core.surroundings(window), {
            window: window,
            document: window.document,
            console: window.console,
            worker: window.SharedWorker ? () => new window.SharedWorker(WORKER + core.VERSION, "web_longpolling") : null,
            channel: () => new window.MessageChannel(),
        });
})(globalThis);
