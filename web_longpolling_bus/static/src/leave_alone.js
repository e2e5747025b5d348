/** @odoo-module */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Where there are no shared workers, the page has one of its own, which ends with it: leave.js says good-bye for it.
import { registry } from "@web/core/registry";

registry.category("services").add("web_longpolling_bus", {
    dependencies: ["bus_service"],

    start(env, { bus_service }) {
        bus_service.addEventListener("WEB_LONGPOLLING_BUS", ({ detail }) => {
            window.web_longpolling_bus_leave?.set(detail.name, detail);
        });
    },
});
