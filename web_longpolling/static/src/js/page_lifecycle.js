/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Whether the page is there: left pages (closed, in the back/forward cache, frozen) have no poll under way.
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    /**
     * Watch a page as long as it lives, and call `reactions`: `left()` and `back()` in turns, `online()` and
     * `visible()` at any time.
     *
     * No `beforeunload`: it comes before the user has decided to leave, comes for downloads too, and a page that
     * listens to it is kept out of Firefox's back/forward cache.
     */
    core.PageLifecycle = class PageLifecycle {
        constructor(env, reactions) {
            this.reactions = reactions;
            this.here = true;
            env.window.addEventListener("online", () => reactions.online());
            env.window.addEventListener("pagehide", () => this.leave());
            env.window.addEventListener("pageshow", () => this.come_back());
            env.document.addEventListener("freeze", () => this.leave());
            env.document.addEventListener("resume", () => this.come_back());
            env.document.addEventListener("visibilitychange", function () {
                if (env.document.visibilityState === "visible") {
                    reactions.visible();
                }
            });
        }

        leave() {
            if (this.here) {
                this.here = false;
                this.reactions.left();
            }
        }

        come_back() {
            if (!this.here) {
                this.here = true;
                this.reactions.back();
            }
        }
    };
})(globalThis);
