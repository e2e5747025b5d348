// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Pivot tables, graphs and activities, which are loaded when they are first opened: all that they show is loaded anew.
import { GraphController } from "@web/views/graph/graph_controller";
import { patch } from "@web/core/utils/patch";
import { PivotController } from "@web/views/pivot/pivot_controller";
import { registry } from "@web/core/registry";
import { useFollower } from "@web_longpolling_live/odoo/live";

for (const Controller of [GraphController, PivotController]) {
    patch(Controller.prototype, {
        setup() {
            super.setup(...arguments);
            useFollower(this.props.resModel, {
                shows: () => ({ model: this.props.resModel, ids: [], domain: this.props.domain, context: this.props.context }),
                busy: () => false,
                hold: () => undefined,
                apply: async () => {
                    const { domain, context, groupBy, comparison } = this.props;
                    await this.model.load({ domain, context, groupBy, comparison });
                    this.model.notify();
                },
            });
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
