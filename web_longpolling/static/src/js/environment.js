/** @odoo-module ignore */
// What the poll loop needs of a browser, in one object: a test hands the loop another one, with a clock, a network
// and tabs of its own.
//
// These files are classic scripts, so that OpenERP 7.0 can load them too. It joins them and minifies them with an
// expression of 2012 that knows no template literal: write none. They meet in one global, `web_longpolling_core`.
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    // A browser opens six connections to a host over HTTP/1.1. Polls leave two of them to everything else.
    const POLLS_AT_ONCE = 4;

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
     * @property {?LockManager} locks  null where there are none, as on a plain http:// page
     * @property {?function(string): BroadcastChannel} channel
     * @property {number} polls_at_once  how many polls all tabs together may have under way
     */

    /** The environment of a real page. */
    core.browser = function browser(window) {
        return {
            fetch: (url, options) => window.fetch(url, options),
            now: () => Date.now(),
            setTimeout: (callback, delay) => window.setTimeout(callback, delay),
            clearTimeout: (timer) => window.clearTimeout(timer),
            random: () => Math.random(),
            window: window,
            document: window.document,
            console: window.console,
            locks: (window.navigator && window.navigator.locks) || null,
            channel: window.BroadcastChannel ? (name) => new window.BroadcastChannel(name) : null,
            polls_at_once: is_multiplexed(window) ? Infinity : POLLS_AT_ONCE,
        };
    };

    /** Whether the page came over HTTP/2 or 3, where requests share one connection. */
    function is_multiplexed(window) {
        const performance = window.performance;
        const pages = performance && performance.getEntriesByType ? performance.getEntriesByType("navigation") : [];
        return pages.length > 0 && (pages[0].nextHopProtocol === "h2" || pages[0].nextHopProtocol === "h3");
    }

    /**
     * Wait `delay` milliseconds, or until `signal` is aborted.
     *
     * @returns {Promise<void>} never rejected
     */
    core.sleep = function sleep(env, delay, signal) {
        return new Promise(function (resolve) {
            if (signal.aborted || delay <= 0) {
                resolve();
                return;
            }
            const end = function () {
                env.clearTimeout(timer);
                signal.removeEventListener("abort", end);
                resolve();
            };
            const timer = env.setTimeout(end, delay);
            signal.addEventListener("abort", end);
        });
    };

    /**
     * Call `tick(elapsed)` every `period` milliseconds with the wall-clock time since the call before.
     *
     * One long timer does not do: it stands still while the machine sleeps, and runs on from there.
     *
     * @returns {function()} ends it
     */
    core.every = function every(env, period, tick) {
        let last = env.now();
        let timer = env.setTimeout(next, period);
        function next() {
            const elapsed = env.now() - last;
            last += elapsed;
            timer = env.setTimeout(next, period);
            tick(elapsed);
        }
        return () => env.clearTimeout(timer);
    };
})(globalThis);
