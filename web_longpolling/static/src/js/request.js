/** @odoo-module ignore */
// One request to the sidecar, and what became of it. Knows HTTP; knows nothing of loops, tabs or callbacks.
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    const TICK = 5000;
    // Between two ticks of 5 s lay more than this: the machine slept, or the browser froze the page.
    const SLEPT = 30000;

    /**
     * @typedef {Object} Outcome  a plain object, since it goes through a BroadcastChannel to other tabs
     * @property {string} kind  one of core.KINDS
     * @property {number} status  the HTTP status; 0 without an answer
     * @property {string} status_text
     * @property {string} reason  jQuery's word for it: "success", "error", "timeout", "parsererror"
     * @property {Object<string, string>} headers  names in lower case
     * @property {string} text  the body
     * @property {number} [wait]  milliseconds until the next poll, chosen by the tab that polled
     */

    core.KINDS = {
        answer: "answer", // the success callback, then the next poll
        nothing: "nothing", // the next poll
        stopping: "stopping", // the next poll, elsewhere
        failed: "failed", // the error callback, and a poll later
        logged_out: "logged_out", // the error callback, and no more
        refused: "refused", // the error callback, and no more
    };

    // Of the statuses from 400 to 499 these may pass by themselves; repeating any other request cannot help it.
    const PASSING = [408, 425, 429];

    function kind_of(response) {
        const status = response.status;
        if (status === 204) {
            return core.KINDS.nothing;
        }
        if (status >= 200 && status < 300) {
            return core.KINDS.answer;
        }
        if (status === 401) {
            return core.KINDS.logged_out;
        }
        if (status === 503 && response.headers.get("X-Longpolling") === "stopping") {
            return core.KINDS.stopping;
        }
        return status < 500 && PASSING.indexOf(status) < 0 ? core.KINDS.refused : core.KINDS.failed;
    }

    /** An outcome without an answer. `reason`: "error" (no connection) or "timeout" (held too long). */
    core.no_answer = function no_answer(reason) {
        return { kind: core.KINDS.failed, status: 0, status_text: "", reason: reason, headers: {}, text: "" };
    };

    /**
     * Send one poll.
     *
     * @param {string} url
     * @param {Object} parameters  sent as a JSON object
     * @param {?string} position  what the page has seen, as its last answer said; null before that
     * @param {number} limit  milliseconds after which the sidecar must have answered
     * @param {AbortSignal} signal  ends the request
     * @returns {Promise<?Outcome>} never rejected; null if there is nothing to tell: it was aborted, or the machine
     *     slept through it
     */
    core.send_poll = async function send_poll(env, url, parameters, position, limit, signal) {
        const request = new AbortController();
        const abort = () => request.abort();
        const watch = watch_age(env, limit, abort);
        signal.addEventListener("abort", abort);
        try {
            const response = await env.fetch(url, {
                method: "POST",
                headers: Object.assign(
                    { "Content-Type": "application/json", Accept: "application/json, */*" },
                    position === null ? {} : { "X-Longpolling-Since": position }
                ),
                body: JSON.stringify(parameters),
                credentials: "same-origin",
                cache: "no-store",
                signal: request.signal,
            });
            const text = await response.text();
            return outcome_of(response, text);
        } catch (error) {
            return signal.aborted || watch.slept() ? null : core.no_answer(request.signal.aborted ? "timeout" : "error");
        } finally {
            signal.removeEventListener("abort", abort);
            watch.end();
        }
    };

    /**
     * Abort a request that is older than `limit`: nobody will answer it any more.
     *
     * By the wall clock, so that a laptop that wakes drops the dead request of the evening before at its first tick.
     */
    function watch_age(env, limit, abort) {
        const sent = env.now();
        let slept = false;
        let overdue = false;
        const end = core.every(env, TICK, function (elapsed) {
            slept = slept || elapsed > SLEPT;
            if (env.now() - sent > limit) {
                overdue = true;
                abort();
            }
        });
        return { end: end, slept: () => slept && overdue };
    }

    function outcome_of(response, text) {
        /** @type {Object<string, string>} */
        const headers = {};
        response.headers.forEach(function (value, name) {
            headers[name.toLowerCase()] = value;
        });
        const outcome = {
            kind: kind_of(response),
            status: response.status,
            status_text: response.statusText,
            reason: response.ok ? "success" : "error",
            headers: headers,
            text: text,
        };
        if (outcome.kind === core.KINDS.answer && is_json(outcome) && parsed(text) === undefined) {
            outcome.kind = core.KINDS.failed;
            outcome.reason = "parsererror";
        }
        return outcome;
    }

    function is_json(outcome) {
        return (outcome.headers["content-type"] || "").indexOf("json") >= 0;
    }

    function parsed(text) {
        try {
            return JSON.parse(text);
        } catch (error) {
            return undefined;
        }
    }

    /** What the success callback gets: the value of a JSON answer, the text of any other (mode "http"). */
    core.result_of = function result_of(outcome) {
        return is_json(outcome) ? parsed(outcome.text) : outcome.text;
    };

    /** What the error callback gets first: an object that reads like jQuery's XMLHttpRequest. */
    core.xhr_of = function xhr_of(outcome) {
        return {
            readyState: outcome.status === 0 ? 0 : 4,
            status: outcome.status,
            statusText: outcome.status_text || outcome.reason,
            responseText: outcome.text,
            responseJSON: is_json(outcome) ? parsed(outcome.text) : undefined,
            getResponseHeader: function (name) {
                const value = outcome.headers[name.toLowerCase()];
                return value === undefined ? null : value;
            },
        };
    };
})(globalThis);
