/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Lists: what a colleague changes appears in its row; while a row is edited, a bar says so.
openerp.web_longpolling_live.lists = function (instance, live) {
    "use strict";
    const core = globalThis.web_longpolling_live_core;
    const { below_bar, compare, end, follow, hide_bar, show_bar } = live;

    /** Say what differs in the row that is edited, and that other rows do. */
    function tell_of_rows(self, changes) {
        const form = self.editor.form, id = form.datarecord.id, different = self.live_different || {};
        const one = self.editor.is_editing() && different[id];
        form.live_over = one ? one.differences : [];
        const said = one ? JSON.stringify([id, one]) :
            String(changes.others || changes.gone.length > 0 || _.any(_.values(different)));
        if (said !== self.live_said) {
            self.live_said = said;
            hide_bar(self);
            if (one) {
                show_bar(self, one.gone ? { since: changes.since, gone: true } : _.extend({
                    since: changes.since, form: form, take: () => self.cancel_edition(true) }, one));
            } else if (said === "true") {
                show_bar(self, { since: changes.since });
            }
            below_bar(self);
        }
    }

    /** A save of the row that is edited has found out that a colleague has changed it. */
    function tell_of_row(self, one) {
        const id = self.editor.form.datarecord.id;
        self.live_different = Object.assign({}, self.live_different, { [id]: one });
        tell_of_rows(self, self.live_held || { since: Date.now(), gone: [], others: false });
    }

    /** What the list has been told of is settled; of one record, or of all. */
    function settle_rows(self, id) {
        self.live_different = id ? Object.assign({}, self.live_different, { [id]: undefined }) : {};
        self.live_held = id ? self.live_held : null;
        self.live_said = null;
        self.editor.form.live_over = [];
        hide_bar(self);
    }

    const list_view = (self) => ({
        shows: function () {
            return self.live_search && self.$el.is(":visible") ? {
                model: self.model, ids: self.records.map((record) => record.get("id")),
                domain: self.live_search.domain, context: self.live_search.context } : null;
        },
        busy: () => Boolean(self.editor && self.editor.is_editing()),
        hold: function (changes) {
            if (self.live_held === changes) {
                return tell_of_rows(self, changes);
            }
            self.live_held = changes;
            const rows = self.records.map((record) => record.attributes).filter((row) => row.id &&
                (changes.changed.indexOf(row.id) >= 0 || changes.gone.indexOf(row.id) >= 0));
            const names = _.pluck(_.filter(self.columns, (one) => one.tag === "field"), "name");
            const fields = Object.fromEntries(names.map((name) => [name, self.fields_view.fields[name]]));
            return compare(self.model, rows, fields, self.dataset.get_context()).then(function (different) {
                if (self.live_held === changes) {
                    self.live_different = different;
                    tell_of_rows(self, changes);
                }
            });
        },
        apply: function (changes) {
            settle_rows(self);
            const shown = self.records.map((record) => record.get("id"));
            if (self.grouped) { // anew it would be closed: whoever has opened its groups decides
                if (changes.others || changes.gone.length) {
                    show_bar(self, { since: changes.since, take: () => { hide_bar(self); self.reload_content(); } });
                }
                return in_place(self, changes.changed);
            }
            const search = self.live_search, limit = self.limit();
            const sort = self.dataset._sort.map((one) => one[0] === "-" ? one.slice(1) + " desc" : one).join(", ");
            return new instance.web.Model(self.model).call("search", [search.domain, self.page * limit, limit, sort || false], {
                context: search.context }, { shadow: true }).then(function (ids) {
                if (_.isEqual(ids, shown)) {
                    return in_place(self, changes.changed);
                }
                return anew(self, shown, changes.changed);
            });
        },
    });

    /**
     * Read these records again, all by one read, in their rows.
     *
     * @param {boolean} [differing]  whether only those are drawn anew that show something else than before
     */
    function in_place(self, ids, differing) {
        const rows = ids.map((id) => self.records.get(id)).filter(Boolean);
        const names = _.pluck(_.filter(self.columns, (one) => one.tag === "field"), "name");
        const read = (ids) => new instance.web.Model(self.model).call("read", [ids, names], {
            context: self.dataset.get_context() }, { shadow: true });
        return !rows.length ? $.when() : read(rows.map((row) => row.get("id"))).then(function (found) {
            found.forEach(function (there) {
                const record = self.records.get(there.id);
                const place = () => self.$("tr[data-id=" + there.id + "]");
                const checked = place().find("input:checkbox").prop("checked");
                const cached = _.find(self.dataset.cache || [], (one) => one.id === there.id); // of a list in a form
                if (cached) {
                    _.extend(cached.values, there);
                }
                if (record && !(differing && _.all(there, (value, name) => _.isEqual(record.get(name), value)))) {
                    _.each(there, (value, name) => record.set(name, value, { silent: true }));
                    record.trigger("change", record);
                    place().find(".oe_list_record_selector input:checkbox, input[name=radiogroup]").prop("checked", checked);
                    core.mark(place()[0]);
                }
            });
        });
    }

    /** Load the list again: rows have come, gone or moved. */
    function anew(self, shown, changed) {
        const checked = self.$(".oe_list_record_selector input:checked, input[name=radiogroup]:checked").get().map(
            (box) => $(box).closest("tr").data("id"));
        const places = self.$el.parents().get().filter((place) => place.scrollTop > 0).map(
            (place) => ({ place: place, top: place.scrollTop }));
        self.$el.css("min-height", self.$el.height()); // so that nothing jumps while it is empty
        return self.reload_content().then(function () {
            self.$el.css("min-height", "");
            places.forEach((one) => (one.place.scrollTop = one.top));
            self.records.each(function (record) {
                const id = record.get("id"), row = self.$("tr[data-id=" + id + "]");
                if (checked.indexOf(id) >= 0) {
                    row.find(".oe_list_record_selector input:checkbox, input[name=radiogroup]").prop("checked", true);
                }
                if (shown.indexOf(id) < 0 || changed.indexOf(id) >= 0) {
                    core.mark(row[0]);
                }
            });
        });
    }

    instance.web.ListView.include({
        /** @this {*} */
        do_search: function (domain, context) {
            this.live_search = { domain: domain, context: context };
            return this._super.apply(this, arguments);
        },
        /** @this {*} */
        reload_content: function () {
            const self = this;
            return this._super.apply(this, arguments).then(function () {
                if (self.live_search) { // embedded lists are searched by nobody
                    if (self.live === undefined) {
                        self.on("save:after", self, (saved) => self.live_different && saved && saved.record &&
                            settle_rows(self, saved.record.get("id")));
                    }
                    follow(self, list_view(self));
                }
            });
        },
        /** @this {*} */
        do_show: function () {
            const result = this._super.apply(this, arguments);
            if (this.live) {
                this.live.check();
            }
            return result;
        },
        /** @this {*} */
        do_hide: function () {
            const result = this._super.apply(this, arguments);
            if (this.live) {
                this.live.check();
            }
            return result;
        },
        /** @this {*} */
        destroy: function () {
            end(this);
            hide_bar(this);
            return this._super.apply(this, arguments);
        },
    });

    Object.assign(live, { in_place, tell_of_row });
};
