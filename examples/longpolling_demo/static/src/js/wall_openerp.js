/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// The wall in OpenERP 7.0's web client.
openerp.longpolling_demo = function (instance) {
    "use strict";
    const demo = globalThis.longpolling_demo;
    demo.translate = (text) => instance.web._t(text);

    /** The ordinary RPC, without the dialog and the "Loading" of the client: the page shows by itself what failed. */
    function call(model, method, args, kwargs) {
        const answer = new instance.web.Model(model).call(method, args, kwargs || {}, { shadow: true });
        return new Promise(function (resolve, reject) {
            answer.then(resolve, function (error, event) {
                event.preventDefault();
                reject(error);
            });
        });
    }

    instance.longpolling_demo.Wall = instance.web.Widget.extend({
        className: "longpolling_demo",

        /** @this {*} */
        start: function () {
            this.wall = new demo.Wall(this.el, {
                session: this.session,
                LongPolling: instance.web.LongPolling,
                call: call,
            });
            return $.when(this._super(), this.wall.start());
        },

        /** @this {*} */
        destroy: function () {
            this.wall.stop();
            this._super();
        },
    });

    instance.web.client_actions.add("longpolling_demo.wall", "instance.longpolling_demo.Wall");
};
