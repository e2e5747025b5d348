// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// The quiet bar above a view that somebody edits, and the faces of those who look at the same record.
import { Component, onMounted, onWillUnmount, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { core } from "./live";

export class LiveBar extends Component {
    static template = "web_longpolling_live.Bar";
    static props = { notice: Object };

    setup() {
        this.state = useState({ now: Date.now(), open: false });
        let timer = null;
        onMounted(() => (timer = setInterval(() => (this.state.now = Date.now()), 1000)));
        onWillUnmount(() => clearInterval(timer));
    }

    get text() {
        const { name, since, gone } = this.props.notice;
        if (gone) {
            return _t("This record was deleted, or you may no longer read it.");
        }
        const [number, unit] = core.ago(this.state.now - since);
        const when = unit === "moment" ? _t("a moment ago") : unit === "second" ? _t("%s seconds ago", number) : _t("%s minutes ago", number);
        return name ? _t("Changed by %(name)s, %(when)s", { name, when }) : _t("Changed %s", when);
    }

    async show() {
        const { refresh } = this.props.notice;
        if (!this.state.open && refresh) {
            await refresh();
        }
        this.state.open = !this.state.open;
    }
}

/** Those who look at the record of a form, or of a card. */
export class LivePeople extends Component {
    static template = "web_longpolling_live.People";
    static props = { people: Array, card: { type: Boolean, optional: true } };

    title(person) {
        return person.editing ? _t("%s is editing", person.name) : _t("%s is looking at this", person.name);
    }
}
