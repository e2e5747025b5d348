/** @odoo-module ignore */
// Whether the page is there: left pages (closed, in the back/forward cache, frozen) hold no poll and no lock.
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    /**
     * Watch a page, and tell `reactions`: `left()` and `back()` in turns, `online()` and `visible()` at any time.
     *
     * No `beforeunload`: it comes before the user has decided to leave, comes for downloads too, and a page that
     * listens to it is kept out of Firefox's back/forward cache.
     */
    core.Presence = class Presence {
        constructor(env, reactions) {
            this.env = env;
            this.reactions = reactions;
            this.here = true;
            this.returned = new Promise(() => undefined);
            this.ways = [
                [env.window, "online", () => reactions.online()],
                [env.window, "pagehide", () => this.leave()],
                [env.window, "pageshow", () => this.come_back()],
                [env.document, "freeze", () => this.leave()],
                [env.document, "resume", () => this.come_back()],
                [env.document, "visibilitychange", () => this.see()],
            ];
            this.ways.forEach(([target, name, react]) => target.addEventListener(name, react));
        }

        leave() {
            if (this.here) {
                this.here = false;
                this.returned = new Promise((resolve) => {
                    this.arrive = resolve;
                });
                this.reactions.left();
            }
        }

        come_back() {
            if (!this.here) {
                this.here = true;
                this.reactions.back();
                this.arrive();
            }
        }

        see() {
            if (this.env.document.visibilityState === "visible") {
                this.reactions.visible();
            }
        }

        close() {
            this.ways.forEach(([target, name, react]) => target.removeEventListener(name, react));
        }
    };
})(globalThis);
