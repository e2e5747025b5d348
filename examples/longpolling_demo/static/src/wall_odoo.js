// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// The wall in Odoo 19.0's web client.
import { Component, onMounted, onWillUnmount, useRef, xml } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { session } from "@web/session";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { LongPolling } from "@web_longpolling/longpolling";

export class WallAction extends Component {
    static template = xml`<div class="longpolling_demo" t-ref="root"/>`;
    static props = { ...standardActionServiceProps };

    setup() {
        const orm = useService("orm");
        const root = useRef("root");
        let wall = null;
        globalThis.longpolling_demo.translate = (text) => _t(text);
        onMounted(() => {
            wall = new globalThis.longpolling_demo.Wall(root.el, {
                session,
                LongPolling,
                call: (model, method, args, kwargs) => orm.silent.call(model, method, args, kwargs),
            });
            wall.start();
        });
        onWillUnmount(() => wall.stop());
    }
}

registry.category("actions").add("longpolling_demo.wall", WallAction);
