/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// The last page of a browser says that it leaves: what the bus worker sends then may be cut off with it.
(function () {
    "use strict";
    if (!window.BroadcastChannel || !navigator.sendBeacon || window.web_longpolling_bus_leave) {
        return;
    }
    const workers = new Map(); // by name: one, but after a change of the settings
    const channel = new BroadcastChannel("web_longpolling_bus");
    window.web_longpolling_bus_leave = workers;
    channel.onmessage = (event) => event.data && event.data.name && workers.set(event.data.name, event.data);
    channel.postMessage("?");
    window.addEventListener("pagehide", (event) => {
        if (event.persisted) {
            return;
        }
        workers.forEach((worker) => {
            if (worker.polling && worker.pages <= 1) {
                navigator.sendBeacon("/web_longpolling_bus/leave", worker.name);
            }
        });
    });
})();
