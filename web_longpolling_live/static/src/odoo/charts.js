// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Pivot tables, graphs and activities, which are loaded when they are first opened: all that they show is loaded anew.
import { onMounted, onPatched, toRaw } from "@odoo/owl";
import { GraphController } from "@web/views/graph/graph_controller";
import { patch } from "@web/core/utils/patch";
import { PivotController } from "@web/views/pivot/pivot_controller";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { core, load_beside, useFollower, watch_loads } from "@web_longpolling_live/odoo/live";

/** Whether the user has asked for more than a graph shows by itself. */
const loaded_all = (data) => Boolean(data) && !data.exceeds && data.datasets.length > 80;

/** What the model shows now, loaded anew: its measures, its kind and its open rows are the user's own, not the search's. */
const LOADS = new Map([
    [GraphController, (model) => model._fetchDataPoints({ ...model.metaData }, loaded_all(model.data))],
    [PivotController, (model) => model._loadData({ metaData: model._buildMetaData(), data: model.data })],
]);

for (const [Controller, load] of LOADS) {
    patch(Controller.prototype, {
        setup() {
            super.setup(...arguments);
            const orm = useService("orm");
            const model = toRaw(this.model);
            const under_way = () => loading() || Boolean(model.race.getCurrentProm());
            let loading = () => false;
            let ids = [];
            let known = null;
            /** Of which records it tells: that they are deleted is told of those alone that a page shows. */
            const know = async () => {
                const { resModel, domain, context } = this.props;
                const asked = (known = JSON.stringify(domain));
                const found = await orm.silent.search(resModel, domain, { context, limit: core.MOST }).catch(() => []);
                if (asked === known) {
                    ids = found;
                    follower.check();
                }
            };
            const follower = useFollower(this.props.resModel, {
                shows: () => ({ model: this.props.resModel, ids, domain: this.props.domain, context: this.props.context }),
                busy: under_way,
                hold: () => undefined,
                apply: async () => {
                    await know();
                    return load_beside(model, load, under_way);
                },
            });
            if (follower) {
                loading = watch_loads(model);
                onMounted(know);
                onPatched(() => JSON.stringify(this.props.domain) !== known && know());
            }
        },
    });
}

/** The view of activities is another addon's, mail's, which need not be there; nor need it be loaded before this file. */
function follow_activities(Controller) {
    patch(Controller.prototype, {
        setup() {
            super.setup(...arguments);
            const apply = async () => {
                const { offset, limit } = this.model.root;
                const { domain, context } = this.getSearchProps();
                const params = { domain: [...(domain || []), ["activity_ids.active", "in", [true, false]]], context, offset, limit };
                await Promise.all([this.model.root.load(params), this.model.fetchActivityData(params)]);
                this.model.notify();
            };
            const busy = () => Boolean(document.querySelector(".o-mail-ActivityListPopover, .o_popover, .modal"));
            const hold = () => undefined;
            const root = () => this.model.root;
            useFollower(this.props.resModel, { busy, hold, apply, shows: () => root() && root().records ? {
                model: this.props.resModel, ids: root().records.map((record) => record.resId).filter(Boolean),
                domain: this.props.domain, context: this.props.context } : null });
            // What is planned for a record does not change the record.
            useFollower("mail.activity", { busy, hold, apply, shows: () => this.model.activityData ? {
                model: "mail.activity", ids: Object.values(this.model.activityData.grouped_activities).flatMap(
                    (types) => Object.values(types).flatMap((one) => one.ids || [])),
                domain: [["res_model", "=", this.props.resModel]], context: {} } : null });
        },
    });
}

const views = registry.category("views");
if (views.contains("activity")) {
    follow_activities(views.get("activity").Controller);
} else {
    views.addEventListener("UPDATE", ({ detail }) => {
        if (detail.key === "activity" && detail.operation === "add") {
            follow_activities(detail.value.Controller);
        }
    });
}
