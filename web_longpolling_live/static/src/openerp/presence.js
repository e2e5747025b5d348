/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Who else looks at the record of a form.
openerp.web_longpolling_live.presence = function (instance, live) {
    "use strict";
    const core = globalThis.web_longpolling_live_core;
    const _t = instance.web._t;
    const { poll, quietly } = live;

    // Milliseconds between two signs of life of a page that looks at a record.
    const SIGN = 20000;

    /** Say who else looks at the form's record, and tell them that this user does. */
    function start_presence(self) {
        const presences = new instance.web.Model("longpolling.live.presence");
        const page = core.new_name();
        let at = null, editing = false, told = 0, people = [], end_poll = () => undefined;
        const tell = (is_editing, leaving) => quietly(presences.call(
            "here", [at.model, at.id, is_editing, leaving, page], {}, { shadow: true }));
        const title = (person) => _.str.sprintf(person.editing ? _t("%s is editing") : _t("%s is looking at this"), person.name);
        const show = function (answer) {
            people = answer.people;
            self.$el.children(".o_live_people").remove();
            if (people.length) {
                const row = $("<div class='o_live_people' role='status'>").attr("aria-label", _t("Who else looks at this record"));
                people.forEach((person) => row.append($("<img>").toggleClass("o_live_editing", person.editing).attr({
                    src: instance.session.url("/web/binary/image", { model: "res.users", field: "image_small", id: person.id }),
                    alt: title(person), title: title(person) })));
                row.append($("<span>").text(title(people[0])), people.length > 1 ? $("<span>").text("+" + (people.length - 1)) : "");
                self.$el.prepend(row);
            }
        };
        const look = function () {
            const id = self.datarecord && self.datarecord.id;
            const here = typeof id === "number" && self.$el.is(":visible") && !document.hidden ? { model: self.model, id: id } : null;
            const is_editing = Boolean(here) && self.get("actual_mode") !== "view";
            const moved = !_.isEqual(here, at);
            if (moved) {
                end_poll();
                if (at) {
                    tell(false, true);
                }
                at = here;
                show({ people: [] });
                end_poll = !at ? () => undefined : poll(
                    "/live/presence", () => ({ model: at.model, record: at.id, known: people }), show);
            }
            if (at && (moved || editing !== is_editing || Date.now() - told > SIGN)) {
                told = Date.now();
                tell(is_editing, false);
            }
            editing = is_editing;
        };
        // A page that is left sends nothing by itself any more.
        const leave = () => at && navigator.sendBeacon("/web/dataset/call_kw", JSON.stringify({
            jsonrpc: "2.0", method: "call", params: {
                model: "longpolling.live.presence", method: "here", args: [at.model, at.id, false, true, page], kwargs: {},
                session_id: instance.session.session_id } }));
        const timer = setInterval(look, 1000);
        window.addEventListener("pagehide", leave);
        look();
        return function () {
            clearInterval(timer);
            window.removeEventListener("pagehide", leave);
            end_poll();
            if (at) {
                tell(false, true);
            }
        };
    }

    Object.assign(live, { start_presence });
};
