// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Follows what a view's component shows, for as long as it is mounted.
import { onMounted, onPatched, onWillUnmount } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { session } from "@web/session";
import { useService } from "@web/core/utils/hooks";

export const core = globalThis.web_longpolling_live_core;
export const live = session.longpolling_live || { models: [], presence: false, cards: false };

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
