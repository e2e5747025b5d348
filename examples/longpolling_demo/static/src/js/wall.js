/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// The wall: notes, who is watching, and a mark of the connection. One page for both web clients; what it needs of a
// client it gets from wall_openerp.js or wall_odoo.js. A plain script, for OpenERP 7.0: no template literals.
(function (scope) {
    "use strict";

    const NOTE = "longpolling.demo.note";
    const WATCHER = "longpolling.demo.watcher";
    // Notes on the wall when it opens.
    const AT_FIRST = 50;
    // Milliseconds between two signs of life of who watches; watchers.py forgets who gave none for 50 seconds.
    const SIGN_OF_LIFE = 20000;

    class Wall {
        /**
         * @param {HTMLElement} root  an empty element
         * @param {Object} client
         * @param {*} client.session  the host's, for start_longpolling
         * @param {new () => LongPolling} client.LongPolling  the host's class
         * @param {function(string, string, Array, Object=): Promise} client.call  the host's ordinary RPC: model,
         *     method, arguments, keyword arguments
         */
        constructor(root, client) {
            this.client = client;
            this.view = new scope.longpolling_demo.WallView(root, {
                post: (text) => this.post(text),
                retry: () => this.notes.poll_now(),
            });
            this.watching = null; // not known yet
            this.forget = () => {};
            this.notes = new client.LongPolling();
            this.watchers = new client.LongPolling();
        }

        async start() {
            this.notes.onstate = (state) => this.follow_state(state);
            const watch = () => this.watch();
            this.timer = setInterval(watch, SIGN_OF_LIFE);
            document.addEventListener("visibilitychange", watch);
            this.forget = () => document.removeEventListener("visibilitychange", watch);
            // First, so that the first answer about who is watching has this page's user in it.
            await this.watch();
            if (!this.stopped) {
                this.poll();
            }
        }

        /** The old notes are read when the poll has begun to follow, so that none is missed in between. */
        follow_state(state) {
            this.view.show_state(state);
            if (state.name === "live" && !this.loading) {
                this.loading = true;
                this.load().catch(() => (this.loading = false));
            }
        }

        stop() {
            this.stopped = true;
            this.notes.stop_longpolling();
            this.watchers.stop_longpolling();
            clearInterval(this.timer);
            this.forget();
            this.view.close();
        }

        poll() {
            const { session } = this.client;
            this.notes.start_longpolling(
                session,
                "/wall",
                {},
                (answer) => this.receive(answer),
                (xhr, status) => console.info("wall:", xhr.status, status)
            );
            // What this page knows already goes along: the answer comes as soon as something else is true.
            this.watchers.start_longpolling(session, "/watchers", () => ({ known: this.watching }), (answer) => {
                this.watching = answer.names;
                this.view.show_watchers(answer.names);
            });
        }

        /** The notes that the wall begins with, or that it missed, through the host's own RPC. */
        async load() {
            const fields = ["text", "create_uid", "create_date"];
            const call = this.client.call;
            const ids = await call(NOTE, "search", [[]], { limit: AT_FIRST, order: "id desc" });
            const notes = await call(NOTE, "read", [ids, fields]);
            notes.sort((one, other) => one.id - other.id);
            this.view.add_notes(
                notes.map((note) => ({
                    id: note.id,
                    text: note.text,
                    author: note.create_uid[1],
                    date: note.create_date,
                }))
            );
            this.view.show_all();
        }

        /**
         * The success callback. Polls only read; what there is to write goes through the ordinary RPC, and since its
         * promise is returned, the next poll waits for it.
         */
        receive(answer) {
            this.view.add_notes(answer.events.map((event) => event.payload));
            return answer.missed ? this.load() : this.watch();
        }

        /** Tell the others that somebody is looking at this page. */
        async watch() {
            if (!this.stopped && document.visibilityState === "visible") {
                await this.client.call(WATCHER, "watch", []).catch(() => undefined);
            }
        }

        /** @returns {Promise<number>} the id of the note, which the poll brings as well */
        async post(text) {
            const created = await this.client.call(NOTE, "create", [{ text: text }]);
            return Array.isArray(created) ? created[0] : created;
        }
    }

    scope.longpolling_demo = Object.assign(scope.longpolling_demo || {}, { Wall: Wall });
})(globalThis);
