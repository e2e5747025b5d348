/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// What the wall looks like. Everything that somebody wrote is set as text, never as HTML.
(function (scope) {
    "use strict";
    const demo = (scope.longpolling_demo = scope.longpolling_demo || {});

    /** A text in the user's language, by the web client, which has it when the wall is shown. */
    const _t = (text) => (demo.translate ? String(demo.translate(text)) : text);

    /** An element with a class, attributes and children (elements or texts). */
    function element(name, class_name, attributes, children) {
        const made = document.createElement(name);
        made.className = class_name;
        Object.keys(attributes || {}).forEach((key) => made.setAttribute(key, attributes[key]));
        (children || []).forEach((child) => made.append(child));
        return made;
    }

    /** Both hosts write a time as "2026-01-31 12:00:00", in UTC, 7.0 with a fraction. */
    function local_time(text) {
        const date = new Date(text.slice(0, 19).replace(" ", "T") + "Z");
        const today = date.toDateString() === new Date().toDateString();
        const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
        return today ? time : date.toLocaleDateString([], { day: "numeric", month: "short" }) + ", " + time;
    }

    /** A colour for a name, the same in every window. */
    function hue(name) {
        return Array.from(name).reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
    }

    function avatar(name) {
        const made = element("span", "lpd_avatar", { "aria-hidden": "true" }, [Array.from(name)[0].toUpperCase()]);
        made.style.setProperty("--lpd-hue", hue(name));
        return made;
    }

    // What the mark of the connection says, and for what is wrong: what it means, and what one can do about it.
    const states = () => ({
        connecting: { word: _t("Connecting …") },
        live: { word: _t("Live") },
        reconnecting: {
            word: _t("Reconnecting"),
            notice: _t("No news just now: the server does not answer. What others write appears as soon as it does."),
            action: _t("Retry now"),
        },
        offline: { word: _t("Offline"), notice: _t("You are offline. What others write appears when the network is back.") },
        logged_out: {
            word: _t("Logged out"),
            notice: _t("You are logged out, so nothing new appears here."),
            action: _t("Log in again"),
        },
        stopped: {
            word: _t("Stopped"),
            notice: _t("This page gets no news any more; the browser's console says why."),
            action: _t("Load the page again"),
        },
    });

    class WallView {
        /**
         * @param {HTMLElement} root
         * @param {Object} actions
         * @param {function(string): Promise<number>} actions.post  write a note; its id
         * @param {function()} actions.retry  poll at once
         */
        constructor(root, actions) {
            this.actions = actions;
            this.shown = new Map(); // the elements of notes by id
            this.names = []; // of those who watch
            this.state = element("span", "lpd_state", { role: "status" });
            this.watchers = element("ul", "lpd_watchers", { "aria-label": _t("Watching now"), "aria-live": "polite" });
            this.text = element("textarea", "lpd_text", {
                id: "lpd_text", rows: "2", maxlength: "2000", placeholder: _t("Write a note …"), required: "",
            });
            this.button = element("button", "lpd_post", { type: "submit" }, [_t("Post")]);
            this.problem = element("p", "lpd_problem", { role: "alert" });
            this.form = element("form", "lpd_form", {}, [
                element("label", "lpd_hidden", { for: "lpd_text" }, [_t("Your note")]),
                this.text,
                element("div", "lpd_row", {}, [
                    element("span", "lpd_hint", {}, [_t("Enter posts, Shift + Enter begins a new line")]),
                    this.button,
                ]),
                this.problem,
            ]);
            this.notes = element("ol", "lpd_notes", {
                "aria-live": "polite", "aria-relevant": "additions", "aria-label": _t("Notes, the newest first"), tabindex: "0",
            });
            this.empty = element("p", "lpd_empty", { role: "status" }, [_t("Loading the notes …")]);
            this.notice = element("p", "lpd_notice", { role: "alert", hidden: "" });
            this.action = element("button", "lpd_action", { type: "button", hidden: "" });
            this.watching = element("div", "lpd_watching", {}, [
                element("span", "lpd_hint", { "aria-hidden": "true" }, [_t("Watching now")]), this.watchers,
            ]);
            root.append(
                element("main", "lpd_wall", { "aria-labelledby": "lpd_title" }, [
                    element("header", "lpd_header", {}, [
                        element("h1", "lpd_title", { id: "lpd_title" }, [_t("Wall")]), this.state,
                    ]),
                    element("div", "lpd_trouble", {}, [this.notice, this.action]),
                    this.watching, this.form, this.empty, this.notes,
                ])
            );
            this.form.addEventListener("submit", (event) => this.submit(event));
            this.text.addEventListener("keydown", (event) => {
                if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
                    this.submit(event);
                }
            });
            // The web clients have keyboard shortcuts of their own.
            this.form.addEventListener("keypress", (event) => event.stopPropagation());
            this.action.addEventListener("click", () => this.act());
            this.network = () => this.last_state && this.show_state(this.last_state);
            window.addEventListener("online", this.network);
            window.addEventListener("offline", this.network);
            this.text.focus();
        }

        act() {
            if (this.state.dataset.state === "reconnecting") {
                this.actions.retry();
            } else {
                window.location.reload();
            }
        }

        async submit(event) {
            event.preventDefault();
            const text = this.text.value.trim();
            if (text === "" || this.button.disabled) {
                return;
            }
            this.button.disabled = true;
            this.problem.textContent = "";
            this.text.value = "";
            const note = this.place(this.bubble(_t("You"), text, new Date().toISOString(), _t("Sending …")), Infinity);
            try {
                this.saved(note, await this.actions.post(text));
            } catch (error) {
                note.remove();
                this.text.value = text;
                this.problem.textContent = _t("The note could not be posted. It is still here: try again.");
            } finally {
                this.button.disabled = false;
                this.text.focus();
            }
        }

        /** The host has the note. It is the wall's when the poll has brought it, as it brings it to everybody. */
        saved(note, id) {
            if (this.shown.has(id)) {
                note.remove();
                return;
            }
            note.querySelector(".lpd_mark").textContent = _t("Saved, not confirmed yet");
            note.dataset.note = id;
        }

        /** @param {string} [mark]  what is said of a note that is not confirmed */
        bubble(author, text, date, mark) {
            const words = [
                element("strong", "lpd_author", {}, [author]),
                element("time", "lpd_time", { datetime: date }, [local_time(date)]),
            ];
            if (mark) {
                words.push(element("span", "lpd_mark", { role: "status" }, [mark]));
            }
            return element("li", mark ? "lpd_note lpd_pending" : "lpd_note", {}, [
                avatar(author),
                element("div", "lpd_bubble", {}, [
                    element("div", "lpd_by", {}, words),
                    element("p", "lpd_said", {}, [text]),
                ]),
            ]);
        }

        /** Put a note among the others, the newest first. */
        place(note, id) {
            const older = Array.from(this.notes.children).find((other) => Number(other.dataset.note || Infinity) < id);
            this.notes.insertBefore(note, older || null);
            this.empty.hidden = true;
            return note;
        }

        /** @param {Array<{id: number, text: string, author: string, date: string}>} notes */
        add_notes(notes) {
            notes.filter((note) => !this.shown.has(note.id)).forEach((note) => {
                const pending = this.notes.querySelector(".lpd_pending[data-note='" + note.id + "']");
                if (pending) {
                    pending.remove();
                }
                const made = this.bubble(note.author, note.text, note.date);
                made.dataset.note = note.id;
                this.shown.set(note.id, this.place(made, note.id));
            });
        }

        /** The notes that the wall begins with are all there. */
        show_all() {
            this.empty.textContent = _t("Nobody wrote anything yet. Open this page in a second window and begin.");
            this.empty.hidden = this.notes.children.length > 0;
        }

        show_watchers(names) {
            this.names = names;
            this.show_watching();
            this.watchers.replaceChildren(
                ...names.map((name) => element("li", "lpd_watcher", {}, [avatar(name), element("span", "", {}, [name])]))
            );
        }

        /** Who is watching is known while the page is live. */
        show_watching() {
            this.watching.hidden = this.names.length === 0 || this.state.dataset.state !== "live";
        }

        /** @param {{name: string, wait: number}} state  what LongPolling.onstate is called with */
        show_state(state) {
            clearInterval(this.countdown);
            this.last_state = state;
            const name = state.name === "reconnecting" && !navigator.onLine ? "offline" : state.name;
            const { word, notice, action } = states()[name];
            this.state.dataset.state = name;
            this.show_watching();
            this.notice.hidden = !notice;
            if (this.notice.textContent !== (notice || "")) {
                this.notice.textContent = notice || "";
            }
            this.action.hidden = !action;
            this.action.textContent = action || "";
            this.state.replaceChildren(word);
            if (name === "reconnecting") {
                this.count_down(Date.now() + state.wait * 1000);
            }
        }

        /** A screen reader reads "Reconnecting" once, and no number every second. */
        count_down(until) {
            const seconds = element("span", "", { "aria-hidden": "true" });
            const count = () => {
                const left = Math.ceil((until - Date.now()) / 1000);
                seconds.textContent = left > 0 ? " in " + left + " s" : " …";
            };
            count();
            this.countdown = setInterval(count, 250);
            this.state.append(seconds);
        }

        close() {
            clearInterval(this.countdown);
            window.removeEventListener("online", this.network);
            window.removeEventListener("offline", this.network);
        }
    }

    demo.WallView = WallView;
})(globalThis);
