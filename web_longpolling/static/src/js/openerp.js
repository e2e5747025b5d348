/** @odoo-module ignore */
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

    instance.web.LongPolling = class LongPolling extends core.LongPolling {
        constructor() {
            super(env, host);
        }
    };
};
