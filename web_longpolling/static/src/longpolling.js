// Odoo 19.0's web client: import { LongPolling } from "@web_longpolling/longpolling".
import { user } from "@web/core/user";

// The poll loop itself is in ./js, in scripts that OpenERP 7.0 can load too; the manifest puts them before this one.
const core = globalThis.web_longpolling_core;
const env = core.browser(window);

/** See the typedef Host in js/longpolling.js. `session` is the one of "@web/session". */
const host = {
    is_ready: () => true,
    configuration: async function (session) {
        if (!session || !session.longpolling) {
            throw new Error('Pass the session of "@web/session", of a database in which web_longpolling is installed.');
        }
        return session.longpolling;
    },
    origin: () => "",
    // The cookie says who is logged in; this, whose page it is.
    login: (session) => ({ uid: user.userId, db: session.db }),
};

export class LongPolling extends core.LongPolling {
    constructor() {
        super(env, host);
    }
}
