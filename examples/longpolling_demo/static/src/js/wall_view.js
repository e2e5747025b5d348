/** @odoo-module ignore */
// What the wall looks like. Everything that somebody wrote is set as text, never as HTML.
(function (scope) {
    "use strict";

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

    class WallView {
        /**
         * @param {HTMLElement} root
         * @param {function(string): Promise} post
         */
        constructor(root, post) {
            this.post = post;
            this.shown = new Set();
            this.state = element("span", "lpd_state", { role: "status" });
            this.watchers = element("ul", "lpd_watchers", { "aria-label": "Watching now", "aria-live": "polite" });
            this.text = element("textarea", "lpd_text", {
                id: "lpd_text", rows: "2", maxlength: "2000", placeholder: "Write a note …", required: "",
            });
            this.button = element("button", "lpd_post", { type: "submit" }, ["Post"]);
            this.problem = element("p", "lpd_problem", { role: "alert" });
            this.form = element("form", "lpd_form", {}, [
                element("label", "lpd_hidden", { for: "lpd_text" }, ["Your note"]),
                this.text,
                element("div", "lpd_row", {}, [
                    element("span", "lpd_hint", {}, ["Enter posts, Shift + Enter begins a new line"]),
                    this.button,
                ]),
                this.problem,
            ]);
            this.notes = element("ol", "lpd_notes", {
                "aria-live": "polite", "aria-relevant": "additions", "aria-label": "Notes, the newest first", tabindex: "0",
            });
            this.empty = element("p", "lpd_empty", {}, ["Nobody wrote anything yet. Open this page in a second window and begin."]);
            root.append(
                element("main", "lpd_wall", { "aria-labelledby": "lpd_title" }, [
                    element("header", "lpd_header", {}, [
                        element("h1", "lpd_title", { id: "lpd_title" }, ["Wall"]), this.state,
                    ]),
                    element("div", "lpd_watching", {}, [
                        element("span", "lpd_hint", { "aria-hidden": "true" }, ["Watching now"]), this.watchers,
                    ]),
                    this.form, this.empty, this.notes,
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
            this.text.focus();
        }

        async submit(event) {
            event.preventDefault();
            const text = this.text.value.trim();
            if (text === "" || this.button.disabled) {
                return;
            }
            this.button.disabled = true;
            this.problem.textContent = "";
            try {
                await this.post(text);
                this.text.value = "";
            } catch (error) {
                this.problem.textContent = "The note could not be posted. It is still here: try again.";
            } finally {
                this.button.disabled = false;
                this.text.focus();
            }
        }

        /** @param {Array<{id: number, text: string, author: string, date: string}>} notes  the oldest first */
        add_notes(notes) {
            notes.filter((note) => !this.shown.has(note.id)).forEach((note) => {
                this.shown.add(note.id);
                this.notes.prepend(
                    element("li", "lpd_note", { "data-note": note.id }, [
                        avatar(note.author),
                        element("div", "lpd_bubble", {}, [
                            element("div", "lpd_by", {}, [
                                element("strong", "lpd_author", {}, [note.author]),
                                element("time", "lpd_time", { datetime: note.date }, [local_time(note.date)]),
                            ]),
                            element("p", "lpd_said", {}, [note.text]),
                        ]),
                    ])
                );
            });
            this.empty.hidden = this.shown.size > 0;
        }

        show_watchers(names) {
            this.watchers.replaceChildren(
                ...names.map((name) => element("li", "lpd_watcher", {}, [avatar(name), element("span", "", {}, [name])]))
            );
        }

        /** @param {{name: string, wait: number}} state  what LongPolling.onstate is called with */
        show_state(state) {
            clearInterval(this.countdown);
            this.state.dataset.state = state.name;
            const words = { connecting: "Connecting …", live: "Live", logged_out: "Logged out", stopped: "Stopped" };
            if (state.name !== "reconnecting") {
                this.state.replaceChildren(words[state.name]);
                return;
            }
            const until = Date.now() + state.wait * 1000;
            // A screen reader reads "Reconnecting" once, and no number every second.
            const seconds = element("span", "", { "aria-hidden": "true" });
            const count = () => {
                const left = Math.ceil((until - Date.now()) / 1000);
                seconds.textContent = left > 0 ? " in " + left + " s" : " …";
            };
            count();
            this.countdown = setInterval(count, 250);
            this.state.replaceChildren("Reconnecting", seconds);
        }

        close() {
            clearInterval(this.countdown);
        }
    }

    scope.longpolling_demo = Object.assign(scope.longpolling_demo || {}, { WallView: WallView });
})(globalThis);
