// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Follows what a view's component shows, for as long as it is mounted.
import { onMounted, onPatched, onWillUnmount } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { session } from "@web/session";
import { useService } from "@web/core/utils/hooks";

export const core = globalThis.web_longpolling_live_core;
export const live = session.longpolling_live || { models: [], presence: false, cards: false };

// Milliseconds after which a load that has not come back is not waited for: one that was replaced never does.
const LONGEST = 30000;

/** Whether views of this model are live for this user. */
export const is_live = (model) => live.models.includes(model);

/**
 * @param {string} model
 * @param {Object} view  shows, busy, apply and hold of a View: see js/follower.js
 * @returns {*} a Follower; null for a model that is not live
 */
export function useFollower(model, view) {
    // A web client without the service, as in tests of other addons, shows its views as ever.
    if (!is_live(model) || !registry.category("services").contains("longpolling")) {
        return null;
    }
    const longpolling = useService("longpolling");
    const poll = (path, params, success) => longpolling.poll(path, params, success, () => undefined);
    const follower = new core.Follower(Object.assign({ poll }, view), document);
    onMounted(() => follower.check());
    onPatched(() => follower.check());
    onWillUnmount(() => follower.end());
    return follower;
}

/**
 * Loads of a model that the user has asked for, by another search, say: of two that are under way Odoo keeps the last.
 *
 * @returns {function(): boolean} whether there is one under way
 */
export function watch_loads(model) {
    const load = model.load;
    let last = null;
    model.load = async function () {
        const mine = (last = { begun: Date.now() });
        try {
            return await load.apply(this, arguments);
        } finally {
            last = last === mine ? null : last;
        }
    };
    return () => Boolean(last) && Date.now() - last.begun < LONGEST;
}

/**
 * Let a model load anew beside itself, so that neither what it loads for its user, nor what that shows, is replaced.
 *
 * @param {function(Object): Promise} load  loads a model, which is a copy
 * @param {function(): boolean} under_way  whether the model loads something for its user
 * @returns {Promise} what a View's apply() says
 */
export async function load_beside(model, load, under_way) {
    const { data, metaData } = model;
    const beside = Object.create(model);
    const prototype = Object.getPrototypeOf(model);
    // What the model keeps of itself alone: which of its loads is the last one, and its methods made to count them.
    const own = { keepLast: model.keepLast && new model.keepLast.constructor(), notify: () => undefined };
    for (const name of ["load", "_loadData", "_fetchDataPoints"].filter((each) => Object.keys(model).includes(each))) {
        own[name] = prototype[name];
    }
    Object.assign(beside, own);
    await load(beside);
    if (under_way() || model.data !== data || model.metaData !== metaData) {
        return core.BUSY;
    }
    for (const name of Object.keys(own)) {
        delete beside[name];
    }
    if (model.useSampleModel && !beside.hasData()) {
        return undefined;
    }
    Object.assign(model, beside, { useSampleModel: false });
    model.notify();
    return undefined;
}
