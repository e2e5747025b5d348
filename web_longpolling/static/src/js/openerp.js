/** @odoo-module ignore */
// OpenERP 7.0's web client: `new instance.web.LongPolling()`.
openerp.web_longpolling = function (instance) {
    "use strict";
    const core = globalThis.web_longpolling_core;

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

        // The cookie `sid` names a file of sessions, this the session in it.
        parameters: (session) => ({ session_id: session.session_id }),

        identity: (session) => [session.db, session.uid, session.session_id],
    };

    instance.web.LongPolling = class LongPolling extends core.LongPolling {
        constructor() {
            super(core.browser(window), host);
        }
    };
};
