/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// OpenERP 7.0's web client: `new instance.web.LongPolling()`.
openerp.web_longpolling = function (instance) {
    "use strict";
    const core = globalThis.web_longpolling_core;
    const env = core.browser(window);

    /** See the typedef Host in longpolling.js. `session` is an instance.web.Session. */
    const host = {
        // The server names the session in its first answer; until then a poll would look like nobody's.
        is_ready: (session) => Boolean(session.session_id),

        configuration: function (session) {
            return new Promise(function (resolve, reject) {
                session.rpc("/web_longpolling/configuration", {}, { shadow: true }).then(resolve, function (error, event) {
                    // Without this the client opens a dialog whenever the server is away for a moment.
                    event.preventDefault();
                    reject(error);
                });
            });
        },

        origin: (session) => session.prefix,

        // The cookie `sid` names a file of sessions, the id the session in it.
        login: (session) => ({ session_id: session.session_id, uid: session.uid, db: session.db }),
    };

    // OpenERP destroys what has a widget for its parent together with the widget.
    const Life = instance.web.Class.extend(instance.web.ParentedMixin, {
        /** @this {*} */
        init: function (widget, end) {
            instance.web.ParentedMixin.init.call(this);
            this.setParent(widget);
            this.end = end;
        },
        /** @this {*} */
        destroy: function () {
            this.end();
            instance.web.ParentedMixin.destroy.call(this);
        },
    });

    instance.web.LongPolling = class LongPolling extends core.LongPolling {
        constructor() {
            super(env, host);
        }

        /**
         * As start_longpolling, with the widget's session and until the widget is destroyed:
         * `this.lp = new instance.web.LongPolling().start_with(this, "/mainpath", {}, callback);`
         *
         * @returns {LongPolling} itself
         */
        start_with(widget, path, params, success, error) {
            new Life(widget, () => this.stop_longpolling());
            this.start_longpolling(widget.session, path, params, success, error);
            return this;
        }
    };
};
