/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// What a view shows, followed: both web clients have this in common. A plain script, so that OpenERP 7.0 can load it.
//
//     view rendered -> Follower.check -> a poll of /changes, anew if the view shows something else
//     answer -> Follower.hear -> gathered, until the view is seen, not busy, and 2 s after the last time -> view.apply
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_live_core = scope.web_longpolling_live_core || {});

    // Milliseconds between two reloads of one view; and up to so many more at random, so that all who look at the same
    // list do not reload it in the same moment. If they are many, the sidecar says within which time each takes its turn,
    // once; LONGEST at most.
    const PAUSE = 2000;
    const JITTER = 300;
    const LONGEST = 30000;
    // A write that is older, or a clock that is more wrong, says nothing of who has changed a record.
    const RECENT = 60000;
    // A list in which others than those shown change all the time is loaded anew at once only so many times within
    // WINDOW; then after these pauses, in which it follows what it shows alone.
    const OFTEN = 3;
    const WINDOW = 30000;
    const PAUSES = [8000, 16000, 30000];
    // How often a view that is busy is looked at again.
    const AGAIN = 1000;
    // After which a view that is being loaded is not waited for: web clients drop a load that another one has replaced.
    const STUCK = 15000;
    // What the sidecar takes in one poll.
    const MOST = 1000;
    // Characters of a long text that are compared before one's eyes, and how many of them lie before the first difference.
    const EXCERPT = 300;
    const BEFORE = 60;

    // What apply() says if somebody has begun to edit meanwhile: nothing is shown, and the view is asked again.
    core.BUSY = "busy";
    core.MOST = MOST;

    /** What a view is to be told, with what it was not told before. */
    const gathered = (before, answer) => ({
        changed: [...new Set([...before.changed, ...answer.changed])],
        gone: [...new Set([...before.gone, ...answer.gone])],
        others: before.others || answer.others,
        since: before.since,
        latest: Date.now(),
    });

    /**
     * @typedef {Object} View  what a Follower needs of the web client
     * @property {function(string, Object, function): function()} poll  starts a loop of polls; returns what ends it
     * @property {function(): ?{model: string, ids: number[], domain: ?Array, context: Object}} shows  null: nothing
     * @property {function(): Promise<boolean>|boolean} busy  whether somebody edits what is shown
     * @property {function(Changes): Promise} apply  shows what has changed; or gives BUSY
     * @property {function(Changes): Promise|void} hold  says that something has changed, while the view is busy
     */

    core.Follower = class Follower {
        /**
         * @param {View} view
         * @param {Document} document
         */
        constructor(view, document) {
            this.view = view;
            this.document = document;
            this.shown = null;
            this.ended = false;
            this.end_poll = () => undefined;
            this.pending = null;
            this.gone = new Set(); // of what is shown; it was told already
            this.applied = 0;
            this.turns = 0; // milliseconds within which each of many takes its turn
            this.timer = null;
            this.applying = false;
            this.others = []; // when it was told of others lately
            this.quiet = false;
            this.quiet_timer = undefined;
            this.seen = () => this.schedule();
            this.listens = false;
        }

        /** The view was rendered: follow what it shows now. */
        check() {
            if (!this.listens && !this.ended) { // not before: what is never rendered does not end either
                this.listens = true;
                this.document.addEventListener("visibilitychange", this.seen);
            }
            const shows = this.ended ? null : this.view.shows();
            if (shows) {
                shows.ids = shows.ids.slice(0, MOST);
            }
            const shown = shows && JSON.stringify(shows);
            if (shown === this.shown) {
                return;
            }
            this.shown = shown;
            this.gone.clear();
            this.follow(Date.now());
        }

        /** @param {number} since  when what is shown was read */
        follow(since) {
            const shown = this.shown;
            this.end_poll();
            this.end_poll = () => undefined;
            if (shown) {
                // The data came a moment before they were rendered.
                // Parsed: what the web client hands out may be proxies, which no port takes.
                const params = () => Object.assign({ age: (Date.now() - since) / 1000 + 1 }, JSON.parse(shown),
                    this.quiet ? { others: false } : {});
                this.end_poll = this.view.poll("/changes", params, (answer) => this.hear(answer));
            }
        }

        /** Many write what the view does not show: it is told of that again after a while. */
        be_quiet() {
            const now = Date.now();
            this.others = this.others.filter((when) => now - when < WINDOW);
            this.others.push(now);
            const often = this.others.length - OFTEN;
            if (often > 0 && !this.quiet) {
                this.quiet = true;
                this.quiet_timer = setTimeout(() => {
                    this.quiet = false;
                    this.follow(now); // its first poll says what was written since then
                }, PAUSES[Math.min(often, PAUSES.length) - 1] + Math.random() * PAUSE);
            }
        }

        /** @returns {Promise} settled when the next poll may begin: what happens meanwhile comes with it */
        hear(answer) {
            const gone = answer.gone.filter((id) => !this.gone.has(id));
            answer.changed.forEach((id) => this.gone.delete(id));
            gone.forEach((id) => this.gone.add(id));
            if (answer.changed.length || gone.length || answer.others) {
                this.pending = gathered(
                    this.pending || { changed: [], gone: [], others: false, since: Date.now() }, answer);
                this.turns = Math.min((answer.within || 0) * 1000, LONGEST);
                if (answer.others) {
                    this.be_quiet();
                }
                this.schedule();
                return new Promise((resolve) => setTimeout(resolve, PAUSE));
            }
            // What the view goes on to show though it is gone, such as a form its record, is answered at once each time.
            return new Promise((resolve) => setTimeout(resolve, answer.gone.length ? LONGEST : 0));
        }

        schedule(least) {
            if (this.pending && !this.ended && this.timer === null && !this.applying && !this.document.hidden) {
                const due = Math.max(least || 0, this.applied + Math.max(PAUSE, this.turns) - Date.now());
                // One that has had its turn keeps it: so they stay apart.
                const wait = due > 0 ? due + Math.random() * JITTER : Math.random() * Math.max(this.turns, JITTER);
                this.timer = setTimeout(() => {
                    this.timer = null;
                    this.flush();
                }, wait);
            }
        }

        async flush() {
            if (this.ended || this.document.hidden || !this.pending) {
                return; // visibilitychange comes back to it
            }
            this.applying = true;
            let wait = 0;
            try {
                if (await this.view.busy()) {
                    await this.view.hold(this.pending);
                    wait = AGAIN;
                } else {
                    const pending = this.pending;
                    this.pending = null;
                    this.applied = Date.now();
                    let timer;
                    const stuck = new Promise((resolve) => (timer = setTimeout(resolve, STUCK)));
                    const applied = await Promise.race([this.view.apply(pending), stuck]).finally(() => clearTimeout(timer));
                    if (applied === core.BUSY) {
                        this.pending = this.pending ? gathered(pending, this.pending) : pending;
                    }
                }
            } catch (error) {
                // The view is gone meanwhile, or the server is away: the next change tries again.
                console.warn("web_longpolling_live: the view could not be brought up to date:", error);
            } finally {
                this.applying = false;
                this.schedule(wait);
            }
        }

        /** What was held back is settled: the user has saved or discarded. */
        forget() {
            this.pending = null;
        }

        end() {
            this.ended = true;
            clearTimeout(this.timer);
            clearTimeout(this.quiet_timer);
            this.document.removeEventListener("visibilitychange", this.seen);
            this.end_poll();
        }
    };

    /** The domain of the records that refer to this one by any of these fields; null if there are none. */
    core.referring = (names, id) => names.length
        ? [...names.slice(1).map(() => "|"), ...names.map((name) => [name, "=", id])] : null;

    /** What a page calls itself among those of its user. */
    core.new_name = () => Date.now().toString(36) + Math.random().toString(36).slice(2);

    /** What "5 seconds ago", "2 minutes ago" or "a moment ago" is made of: a number and its unit. */
    core.ago = function (milliseconds) {
        const seconds = Math.max(0, Math.round(milliseconds / 1000));
        if (seconds < 2) {
            return [seconds, "moment"];
        }
        return seconds < 60 ? [seconds, "second"] : [Math.round(seconds / 60), "minute"];
    };

    /**
     * Whether who is said to have written a record last has done it just now: SQL and other programs leave that as it
     * was.
     *
     * @param {string} written  write_date as the server says it, in UTC
     */
    core.is_recent = (written) =>
        Boolean(written) && Math.abs(Date.now() - Date.parse(written.slice(0, 19).replace(" ", "T") + "Z")) < RECENT;

    /** What a text in HTML says, in a line. */
    core.plain = (html) => String(new DOMParser().parseFromString(
        html.replace(/<(br|hr|img|\/(p|div|li|h[1-6]|tr|td|th|pre|blockquote))\b/gi, " $&"), "text/html",
    ).body.textContent).replace(/\s+/g, " ").trim();

    /** Of two texts what a table has room for: the part where they begin to differ. */
    core.excerpts = function (one, other) {
        let same = 0;
        while (same < one.length && one[same] === other[same]) {
            same++;
        }
        const start = Math.max(one.length, other.length) > EXCERPT ? Math.max(0, same - BEFORE) : 0;
        return [one, other].map((text) => (start > 0 ? "…" : "") + text.slice(start, start + EXCERPT) +
            (text.length > start + EXCERPT ? "…" : ""));
    };

    /** Mark an element for a moment. */
    core.mark = function (element) {
        if (element) {
            element.classList.remove("o_live_changed");
            void element.offsetWidth; // so that the animation begins anew
            element.classList.add("o_live_changed");
            setTimeout(() => element.classList.remove("o_live_changed"), 3000);
        }
    };
})(globalThis);
