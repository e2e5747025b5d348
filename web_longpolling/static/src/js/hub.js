/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// The hub: it sends the polls of all tabs of a browser in one request, and hands out what comes back.
//
//     page -- port -> Hubs.hear -> Hub.join ... Hub.pump -> post {"polls": [...]}
//     page <- port -- Hub.deliver <- Hub.settle <- 200 {"answers": [...]}
//
// One file for two places: the script of a SharedWorker, which all tabs have in common, and a part of each page, which
// is its own hub where there is no such worker. A plain script, so that OpenERP 7.0 can load it. It joins and minifies
// its scripts with an expression of 2012 that knows no template literal: write none.
//
// The hub keeps nothing between two polls. A page asks for a poll and says which position it knows; the hub sends the
// poll with all others, as often as it takes, and forgets it with its answer. So a request may be broken off at any
// time, and a tab that freezes or crashes is gone with the answer that it does not pick up: it never asks again.
//
// It has 350 lines of code, of 820 in all scripts. What one request for all tabs needs, and one poll a tab did not, is
// said in doc/explanation/hub.rst; each part of it has a test in tests/js/hub.test.mjs.
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    // Of this file: a page and a worker of different releases do not understand each other. A test compares it.
    core.VERSION = "9d87978f35fb";

    // What the sidecar takes in one request; and bytes, below its 1 MB.
    const MOST_POLLS = 64;
    const MOST_BYTES = 900000;
    // Milliseconds from here on. So long polls are gathered before they are sent,
    const GATHER = 10;
    // so long those who were just answered may take to ask again before the others are sent without them,
    const RETURN = 50;
    // and a request that was broken off for a new poll is followed by one that is left alone for twice as long, up to
    // this, so that many newcomers do not keep a slow controller from ever answering.
    const MOST_PATIENCE = 2000;

    const FIRST_CEILING = 1000;
    const LAST_CEILING = 60000;
    const ELSEWHERE = 500;
    // A server that asks for a day means "not now": a page that a person looks at asks again within the hour.
    const LONGEST_RETRY_AFTER = 3600000;

    const TICK = 5000;
    // Between two ticks of 5 s lay more than this: the machine slept.
    const SLEPT = 30000;

    /**
     * @typedef {Object} Outcome  what became of a poll; a plain object, since it goes through a port
     * @property {string} kind  one of core.KINDS
     * @property {number} status  the HTTP status; 0 without an answer
     * @property {string} reason  jQuery's word for it: "success", "error", "timeout", "parsererror"
     * @property {Object<string, string>} headers  names in lower case
     * @property {*} result  what the success callback is called with
     * @property {string} text  the body
     * @property {?string} position  where the next poll goes on
     * @property {number} wait  milliseconds until the next poll
     */

    core.KINDS = {
        answer: "answer", // the success callback, then the next poll
        nothing: "nothing", // the next poll
        stopping: "stopping", // the next poll, elsewhere; no callback of the page is called
        reading: "reading", // not ready, and at work; no callback of the page is called
        failed: "failed", // the error callback, and a poll later
        logged_out: "logged_out", // the error callback, and no more
        refused: "refused", // the error callback, and no more
    };

    // Of the statuses from 400 to 499 these may pass by themselves; repeating any other request cannot help it.
    const PASSING = [408, 425, 429];

    function kind_of(status, stopping) {
        if (status === 204) {
            return core.KINDS.nothing;
        }
        if (status >= 200 && status < 300) {
            return core.KINDS.answer;
        }
        if (status === 102) {
            return core.KINDS.reading;
        }
        if (status === 401) {
            return core.KINDS.logged_out;
        }
        if (stopping) {
            return core.KINDS.stopping;
        }
        return status >= 400 && status < 500 && PASSING.indexOf(status) < 0 ? core.KINDS.refused : core.KINDS.failed;
    }

    /** @returns {Outcome}  of a whole request */
    function outcome_of(status, reason, headers, text) {
        const kind = kind_of(status, headers["x-longpolling"] === "stopping");
        return { kind, status, reason, headers, result: undefined, text, position: null, wait: 0 };
    }

    /** The outcome without an answer. `reason`: "error" (no connection) or "timeout" (held too long). */
    core.no_answer = (reason) => outcome_of(0, reason, {}, "");

    /** @returns {Outcome}  of one poll among others */
    function outcome_of_one(answer) {
        const failed = answer.error !== undefined;
        const headers = { "content-type": failed || !answer.type ? "application/json" : answer.type };
        if (answer.retry_after !== undefined) {
            headers["retry-after"] = String(answer.retry_after);
        }
        const text = failed ? JSON.stringify({ error: answer.error }) : answer.text || "";
        return Object.assign(outcome_of(answer.status, failed ? "error" : "success", headers, text), {
            result: answer.text === undefined ? answer.result : answer.text,
            position: answer.position || null,
        });
    }

    /** The value of a JSON text; undefined if it is none. */
    core.parsed = function parsed(text) {
        try {
            return JSON.parse(text);
        } catch (error) {
            return undefined;
        }
    };

    /**
     * How long to wait after a poll that failed: full jitter, so that thousands of browsers that lost their sidecar in
     * the same millisecond do not come back in the same millisecond.
     *
     * @param {number} failures  how many polls in a row had failed before this one
     * @param {?string} retry_after  the header's value, if there was one
     * @returns {number} milliseconds: what the server asked for and up to a second more, or else anything up to a
     *     ceiling that doubles from 1 s to 60 s
     */
    core.wait_after = function wait_after(env, failures, retry_after) {
        const asked = core.retry_after(retry_after, env.now());
        const ceiling = Math.min(LAST_CEILING, FIRST_CEILING * Math.pow(2, failures));
        return asked === null ? env.random() * ceiling : asked + env.random() * FIRST_CEILING;
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

    /**
     * Send one request and read the answer.
     *
     * A request that is older than `limit` by the wall clock is aborted, since nobody will answer it any more: a
     * laptop that wakes drops the dead request of the evening before at its first tick.
     *
     * @param {number} limit  milliseconds after which the sidecar must have answered
     * @param {AbortController} controller  breaks it off
     * @returns {Promise<?Outcome>} never rejected; null if there is no outcome: it was broken off, or the machine
     *     slept through it
     */
    async function post(env, url, body, limit, controller) {
        const sent = env.now();
        let [slept, overdue] = [false, false];
        const end = core.every(env, TICK, function (elapsed) {
            slept = slept || elapsed > SLEPT;
            if (env.now() - sent > limit) {
                overdue = true;
                controller.abort();
            }
        });
        try {
            const response = await env.fetch(url, {
                method: "POST",
                headers: { "Content-Type": "application/json", Accept: "application/json" },
                body: body,
                credentials: "same-origin",
                cache: "no-store",
                signal: controller.signal,
            });
            const text = await response.text();
            const headers = {};
            response.headers.forEach((value, name) => (headers[name.toLowerCase()] = value));
            return outcome_of(response.status, response.ok ? "success" : "error", headers, text);
        } catch (error) {
            const no_outcome = controller.signal.aborted && (slept || !overdue);
            return no_outcome ? null : core.no_answer(overdue ? "timeout" : "error");
        } finally {
            end();
        }
    }

    /** The polls of one login, and the requests that carry them: one, as long as 64 polls are enough. */
    core.Hub = class Hub {
        /**
         * @param {{fetch, now, setTimeout, clearTimeout, random}} env
         * @param {Object} login
         * @param {string} login.url  of the long polling path
         * @param {number} login.limit  milliseconds after which the sidecar must have answered
         * @param {Object} login.body  what goes along with the polls, such as the user's id
         */
        constructor(env, login) {
            this.env = env;
            this.login = login;
            this.polls = new Map(); // by path, parameters and position: equal polls of several tabs are one
            this.requests = new Set(); // those under way
            this.patience = GATHER;
            this.awaited = 0; // how many were answered and are expected to ask again
            this.timer = null;
            this.down = false; // whether the last request failed as a whole
        }

        /**
         * Send a poll with all others until there is an outcome.
         *
         * @param {{path: string, params: Object, since: ?string, wait: number, failures: number}} asked  `wait`:
         *     milliseconds until it is sent first; `failures`: how many polls of this loop failed just before it
         * @param {function(Outcome)} deliver  called once
         * @returns {function()} ends the poll
         */
        join(asked, deliver) {
            const body = { path: asked.path, params: asked.params, since: asked.since };
            const key = JSON.stringify([body.path, body.params, body.since]);
            const poll = this.polls.get(key) || { key, body, loops: new Set(), request: null, timer: null, slow: false };
            const loop = { failures: asked.failures, deliver: deliver };
            this.polls.set(key, poll);
            poll.loops.add(loop);
            const complete = this.awaited === 1;
            this.awaited = Math.max(0, this.awaited - 1);
            if (asked.wait > 0 && poll.loops.size === 1) {
                this.hold(poll, asked.wait);
            } else if (!(asked.wait > 0)) {
                this.release(poll);
            }
            this.schedule(complete);
            return () => {
                poll.loops.delete(loop);
                if (poll.loops.size === 0 && this.polls.get(key) === poll) {
                    this.forget(poll);
                    // The last one of a request ends it at once: in a moment this worker may be frozen together with
                    // the page that was left.
                    if (poll.request !== null && this.alive(poll.request).length === 0) {
                        this.take_back(poll.request);
                    }
                    this.schedule();
                }
            };
        }

        hold(poll, wait) {
            poll.timer = this.env.setTimeout(() => {
                poll.timer = null;
                this.schedule();
            }, wait);
        }

        release(poll) {
            this.env.clearTimeout(poll.timer);
            poll.timer = null;
        }

        forget(poll) {
            this.release(poll);
            this.polls.delete(poll.key);
        }

        /** Send what is waiting for its time now. `again`: what is under way may hang on a connection that is dead. */
        hurry(again) {
            this.polls.forEach((poll) => this.release(poll));
            if (again) {
                this.requests.forEach((request) => this.take_back(request));
            }
            this.schedule();
        }

        /**
         * See to it that the polls that are not under way are sent soon.
         *
         * @param {boolean} [complete]  whether all who were awaited have asked again
         */
        schedule(complete) {
            const waiting = [...this.polls.values()].some((poll) => poll.request === null && poll.timer === null);
            const left = [...this.requests].some((request) => this.alive(request).length < request.polls.length);
            if ((!waiting && !left) || (this.timer !== null && !complete)) {
                return;
            }
            let delay = complete ? 0 : this.awaited > 0 ? RETURN : GATHER;
            this.requests.forEach((request) => {
                if (!request.slow) {
                    delay = Math.max(delay, Math.min(this.patience, request.sent + this.patience - this.env.now()));
                }
            });
            this.env.clearTimeout(this.timer);
            this.timer = this.env.setTimeout(() => {
                this.timer = null;
                this.pump();
            }, delay);
        }

        /** The polls of a request that somebody still waits for. */
        alive(request) {
            return request.polls.filter((poll) => poll.request === request && poll.loops.size > 0);
        }

        take_back(request) {
            this.requests.delete(request);
            const polls = this.alive(request);
            polls.forEach((poll) => (poll.request = null));
            request.controller.abort();
            return polls;
        }

        /** Send the polls that are not under way, together with those that are. */
        pump() {
            this.awaited = 0;
            const fresh = [...this.polls.values()].filter((poll) => poll.request === null && poll.timer === null);
            const crowded = [...this.requests].some((request) => request.slow);
            const slow = fresh.filter((poll) => poll.slow && !crowded);
            const polls = fresh.filter((poll) => !poll.slow || crowded);
            this.requests.forEach((request) => {
                const alive = this.alive(request);
                const some_left = alive.length < request.polls.length;
                const may_grow = polls.length > 0 && !request.slow && alive.length + polls.length <= MOST_POLLS;
                if (some_left || may_grow) {
                    (request.slow ? slow : polls).push(...this.take_back(request));
                    this.patience = Math.min(MOST_PATIENCE, 2 * this.patience);
                }
            });
            groups(polls).forEach((group) => this.send(group, false));
            groups(slow).forEach((group) => this.send(group, true));
        }

        /** @param {boolean} slow  whether these are polls that others do not wait for, nor break off */
        async send(polls, slow) {
            const request = { polls: polls, slow: slow, sent: this.env.now(), controller: new AbortController() };
            polls.forEach((poll) => (poll.request = request));
            this.requests.add(request);
            const body = JSON.stringify(Object.assign({}, this.login.body, { polls: polls.map((poll) => poll.body) }));
            const outcome = await post(this.env, this.login.url, body, this.login.limit, request.controller);
            if (this.requests.has(request)) {
                const left = this.take_back(request);
                this.patience = GATHER;
                if (outcome !== null) {
                    this.settle(polls, left, outcome);
                }
                this.schedule();
            }
        }

        /**
         * @param {Array} polls  those of the request, in its order
         * @param {Array} left  those of them that somebody still waits for
         */
        settle(polls, left, outcome) {
            if (outcome.kind === core.KINDS.stopping) {
                // It sends all its browsers away at once.
                left.forEach((poll) => this.hold(poll, this.env.random() * ELSEWHERE));
                return;
            }
            const { answers } = (outcome.kind === core.KINDS.answer && core.parsed(outcome.text)) || {};
            if (!Array.isArray(answers)) {
                if (outcome.reason === "success") {
                    Object.assign(outcome, { kind: core.KINDS.failed, reason: "parsererror" });
                }
                this.down = true;
                this.deliver(left, outcome);
                return;
            }
            if (this.down) {
                this.down = false;
                this.hurry(false);
            }
            answers.forEach((answer) => {
                const poll = polls[answer.poll];
                if (left.indexOf(poll) >= 0 && this.polls.get(poll.key) === poll) {
                    this.deliver([poll], outcome_of_one(answer));
                }
            });
        }

        deliver(polls, outcome) {
            if (outcome.kind === core.KINDS.reading) {
                polls.forEach((poll) => (poll.slow = true));
                return;
            }
            const loops = [].concat(...polls.map((poll) => [...poll.loops]));
            if (outcome.kind === core.KINDS.failed) {
                const failures = Math.max(...loops.map((loop) => loop.failures));
                outcome.wait = core.wait_after(this.env, failures, outcome.headers["retry-after"]);
            } else if (outcome.kind === core.KINDS.logged_out) {
                outcome.wait = this.env.random() * FIRST_CEILING;
            }
            polls.forEach((poll) => this.forget(poll));
            this.awaited += loops.length;
            loops.forEach((loop) => loop.deliver(outcome));
        }
    };

    /** The polls, in as few requests as the sidecar takes. */
    function groups(polls) {
        const found = [];
        let bytes = 0;
        polls.forEach((poll) => {
            const size = 3 * poll.key.length; // a character is up to three bytes of UTF-8
            bytes += size;
            if (found.length === 0 || found[found.length - 1].length === MOST_POLLS || bytes > MOST_BYTES) {
                found.push([]);
                bytes = size;
            }
            found[found.length - 1].push(poll);
        });
        return found;
    }

    /** The hubs of all logins, and the ports of the pages that use them. */
    core.Hubs = class Hubs {
        constructor(env) {
            this.env = env;
            this.hubs = new Map(); // few: a browser seldom has more than one login in its life
        }

        /** @param {MessagePort} port  of a page */
        connect(port) {
            const ends = new Map(); // of the page's polls, by its numbers for them
            port.onmessage = (event) => this.hear(port, ends, event.data);
            port.onclose = () => ends.forEach((end) => end());
            port.postMessage({ version: core.VERSION });
        }

        hear(port, ends, message) {
            switch (message.type) {
                case "poll":
                    ends.set(message.number, this.hub_of(message.login).join(message, (outcome) => {
                        ends.delete(message.number);
                        port.postMessage({ number: message.number, outcome: outcome });
                    }));
                    break;
                case "end":
                    (ends.get(message.number) || (() => undefined))();
                    ends.delete(message.number);
                    break;
                case "bye":
                    ends.forEach((end) => end());
                    port.close();
                    break;
                case "hurry":
                    this.hubs.forEach((hub) => hub.hurry(message.again));
                    break;
                case "ping":
                    port.postMessage({});
                    break;
            }
        }

        hub_of(login) {
            const key = JSON.stringify(login);
            if (!this.hubs.has(key)) {
                this.hubs.set(key, new core.Hub(this.env, login));
            }
            return this.hubs.get(key);
        }
    };

    /** What a hub needs of the place where it runs; a test hands it something else. */
    core.surroundings = (place) => ({
        fetch: (url, options) => place.fetch(url, options),
        now: () => Date.now(),
        setTimeout: (callback, delay) => place.setTimeout(callback, delay),
        clearTimeout: (timer) => place.clearTimeout(timer),
        random: () => Math.random(),
    });

    if (typeof scope.SharedWorkerGlobalScope === "function" && scope instanceof scope.SharedWorkerGlobalScope) {
        const hubs = new core.Hubs(core.surroundings(scope));
        scope.onconnect = (event) => hubs.connect(event.ports[0]);
    }
})(globalThis);
