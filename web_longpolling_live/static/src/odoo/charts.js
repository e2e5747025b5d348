// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Pivot tables and graphs, which are loaded when they are first opened: all that they show is loaded anew.
import { GraphController } from "@web/views/graph/graph_controller";
import { patch } from "@web/core/utils/patch";
import { PivotController } from "@web/views/pivot/pivot_controller";
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
