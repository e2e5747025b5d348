// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Odoo 19.0's web client and its public pages:
//     import { LongPolling, useLongPolling } from "@web_longpolling/longpolling";
import { onMounted, onWillDestroy, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { useService } from "@web/core/utils/hooks";
import { session as page_session } from "@web/session";

// The hub and the loop are in ./js, in scripts that OpenERP 7.0 can load too; the manifest puts them before this one.
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
    login: (session) => ({ uid: user.userId || null, db: session.db }),
};

export class LongPolling extends core.LongPolling {
    constructor() {
        super(env, host);
    }
}

/** `useService("longpolling")`, for what is no component and ends its loops by itself. */
export const longpolling_service = {
    start: () => ({
        /**
         * Start a loop; the arguments are those of start_longpolling, without the session.
         *
         * @param {function({name: string, wait: number})} [onstate]  see LongPolling.onstate
         * @returns {function()} ends it
         */
        poll(path, params, success, error, onstate) {
            const lp = new LongPolling();
            lp.onstate = onstate || lp.onstate;
            lp.start_longpolling(page_session, path, params, success, error);
            return () => lp.stop_longpolling();
        },
    }),
};

registry.category("services").add("longpolling", longpolling_service);

/**
 * A loop that begins when the component is mounted and ends when it is destroyed; call it in `setup`.
 *
 * @param {string|function(): string} path
 * @param {Object|function(): Object} params
 * @param {function(*)} success
 * @param {function(Object, string)} [error]
 * @returns {{name: string, wait: number}} the state of the connection, for the template: see LongPolling.onstate
 */
export function useLongPolling(path, params, success, error) {
    const longpolling = useService("longpolling");
    const state = useState({ name: "connecting", wait: 0 });
    let end = () => undefined;
    onMounted(() => {
        end = longpolling.poll(path, params, success, error, (now) => Object.assign(state, now));
    });
    onWillDestroy(() => end());
    return state;
}
