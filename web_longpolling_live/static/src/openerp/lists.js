/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Lists: what a colleague changes appears in its row; while a row is edited, a bar says so.
openerp.web_longpolling_live.lists = function (instance, live) {
    "use strict";
    const core = globalThis.web_longpolling_live_core;
    const { below_bar, compare, end, follow, hide_bar, is_id, quietly, show_bar } = live;

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

    const LIMIT = 80; // as of the web client's lists
    const ids_of = (records) => records.map((record) => record.get("id")).filter(is_id); // not of those that are new
    const is_busy = (self) => Boolean(self.editor && self.editor.is_editing());
    const fields_in = (self) => _.pluck(_.filter(self.columns, (one) => one.tag === "field"), "name");

    const list_view = (self) => ({
        shows: function () {
            return self.live_search && self.$el.is(":visible") ? {
                model: self.model, ids: ids_of(self.records),
                domain: self.live_search.domain, context: self.live_search.context } : null;
        },
        busy: () => is_busy(self),
        hold: function (changes) {
            if (self.live_held === changes) {
                return tell_of_rows(self, changes);
            }
            self.live_held = changes;
            const rows = self.records.map((record) => record.attributes).filter((row) => row.id &&
                (changes.changed.indexOf(row.id) >= 0 || changes.gone.indexOf(row.id) >= 0));
            const fields = Object.fromEntries(fields_in(self).map((name) => [name, self.fields_view.fields[name]]));
            return compare(self.model, rows, fields, self.dataset.get_context()).then(function (different) {
                if (self.live_held === changes) {
                    self.live_different = different;
                    tell_of_rows(self, changes);
                }
            });
        },
        apply: function (changes) {
            settle_rows(self);
            return (self.grouped ? groups_in_place(self, changes) : in_place_or_anew(self, changes)).done(
                () => self.live && self.live.check());
        },
    });

    /** Anew the groups would be closed: whoever has opened them decides. */
    function groups_in_place(self, changes) {
        const totals = _.pluck(_.filter(self.aggregate_columns, (column) => column["function"]), "name");
        const rows = _.difference(changes.changed, changes.gone).map((id) => self.records.get(id)).filter(Boolean);
        const summed = () => rows.map((row) => totals.map((name) => row.get(name)));
        const before = summed();
        return in_place(self, _.invoke(rows, "get", "id")).then((busy) => busy || $.when.apply($, opened(self.groups).map(function (list) {
            const ids = _.intersection(ids_of(list.records), changes.changed);
            return !ids.length ? true : quietly(new instance.web.Model(self.model).call(
                "search", [list.dataset.domain.concat([["id", "in", ids]])], { context: list.dataset.get_context() },
                { shadow: true })).then((found) => found.length === ids.length);
        }))).then(function (...stay) { // those that are in their groups
            if (stay[0] === core.BUSY) {
                return core.BUSY;
            }
            if (changes.others || changes.gone.length || !_.all(stay, _.identity) || !_.isEqual(summed(), before)) {
                show_bar(self, { since: changes.since, take: () => { hide_bar(self); self.reload_content(); } });
            }
        });
    }

    /** The lists of the groups that are open. */
    const opened = (groups) => _.flatten(_.values(groups.children).map((child) => child.dataset ? [child] : opened(child)));

    /** A function that says whether the user still wants the same rows in the same order as now. */
    function part_of(self) {
        const wanted = () => [self.page, self.limit(), self.dataset._sort.slice()];
        const search = self.live_search, before = wanted();
        return () => self.live_search === search && _.isEqual(wanted(), before);
    }

    function in_place_or_anew(self, changes) {
        const search = self.live_search, limit = self.limit(), shown = ids_of(self.records), same_part = part_of(self);
        const sort = self.dataset._sort.map((one) => one[0] === "-" ? one.slice(1) + " desc" : one).join(", ");
        return quietly(new instance.web.Model(self.model).call("search", [
            search.domain, self.page * limit, limit, sort || false], { context: search.context }, { shadow: true })).then(
            function (ids) {
                if (!same_part()) {
                    return $.when(); // it was searched anew meanwhile
                }
                if (is_busy(self)) {
                    return core.BUSY;
                }
                if (_.isEqual(ids, shown)) {
                    // Those of which no poll tells are other ones to it.
                    const beyond = changes.others ? shown.slice(core.MOST) : [];
                    return in_place(self, changes.changed).then((busy) => busy || in_place(self, beyond, true));
                }
                return anew(self, shown, changes.changed);
            });
    }

    /**
     * Read these records again, all by one read, in their rows.
     *
     * @param {boolean} [differing]  whether only those are drawn anew that show something else than before
     * @returns {*} a promise of BUSY, or of nothing
     */
    function in_place(self, ids, differing) {
        const rows = ids.map((id) => self.records.get(id)).filter(Boolean);
        const read = (ids) => quietly(new instance.web.Model(self.model).call("read", [ids, fields_in(self)], {
            context: self.dataset.get_context({ bin_size: true }) }, { shadow: true }));
        return !rows.length ? $.when() : read(rows.map((row) => row.get("id"))).then((found) => named(self, found)).then(function (found) {
            if (is_busy(self)) {
                return core.BUSY; // a row was opened, which would be drawn anew
            }
            found.forEach(function (there) {
                const record = self.records.get(there.id);
                const place = () => self.$("tr[data-id=" + there.id + "]");
                const box = ".oe_list_record_selector input:checkbox, input[name=radiogroup]";
                const checked = place().find(box).prop("checked");
                const cached = _.find(self.dataset.cache || [], (one) => one.id === there.id); // of a list in a form
                if (cached) {
                    _.extend(cached.values, there);
                }
                if (record && !(differing && _.all(there, (value, name) => _.isEqual(record.get(name), value)))) {
                    _.each(there, (value, name) => record.set(name, value, { silent: true }));
                    record.trigger("change", record);
                    place().find(box).prop("checked", checked);
                    core.mark(place()[0]);
                    if (checked) {
                        select(self);
                    }
                }
            });
        });
    }

    /** What is selected has changed: its totals, and what can be done with it. */
    function select(self) {
        const selection = self.groups.get_selection();
        self.do_select(selection.ids, selection.records);
    }

    /** Rows as they were read, with the names of many2many fields: cells ask for them once, and keep what they have. */
    function named(self, found) {
        const columns = _.filter(self.columns, (one) => one.tag === "field" && one.type === "many2many");
        return $.when.apply($, columns.map(function (column) {
            const other = found.filter(function (there) {
                const record = self.records.get(there.id);
                return record && there[column.name].length && !_.isEqual(record.get(column.name), there[column.name]);
            });
            const ids = _.uniq(_.flatten(_.pluck(other, column.name)));
            return !ids.length ? undefined : quietly(new instance.web.Model(column.relation).call(
                "name_get", [ids], { context: self.dataset.get_context() }, { shadow: true })).then(function (names) {
                const name = Object.fromEntries(names);
                other.forEach((there) => (there[column.name + "__display"] = _.compact(
                    there[column.name].map((id) => name[id])).join(", ")));
            });
        })).then(() => found);
    }

    /** Load the list again: rows have come, gone or moved. It stays as it is until they are there, or if that fails. */
    function anew(self, shown, changed) {
        const search = self.live_search, page = self.page, limit = self.limit(), groups = self.groups.datagroup;
        const same_part = part_of(self);
        const dataset = new instance.web.DataSetSearch(groups, self.model, search.context, search.domain);
        dataset._sort = self.dataset._sort.slice();
        return quietly(dataset.read_slice(fields_in(self), {
            offset: page * limit, limit: limit, context: { bin_size: true } })).then(function (found) {
            if (!same_part()) {
                return $.when(); // the user has asked for others meanwhile, which are loaded
            }
            if (is_busy(self)) {
                return core.BUSY;
            }
            if (!found.length && page > 0) { // the last page has gone
                self.page = page - 1;
                return anew(self, shown, changed);
            }
            groups.list = function (names, if_groups, if_records) { // once
                delete groups.list;
                dataset.read_slice = function () {
                    delete dataset.read_slice;
                    return $.when(found);
                };
                if_records(dataset);
            };
            return drawn_anew(self, shown, changed);
        });
    }

    function drawn_anew(self, shown, changed) {
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
            if (checked.length) {
                select(self);
            }
        });
    }

    instance.web.ListView.include({
        /** @this {*} One that was replaced by a click on "Edit" while it is read again has no parent to ask any more. */
        limit: function () {
            return this.isDestroyed() ? this._limit || LIMIT : this._super.apply(this, arguments);
        },
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
                    if (!self.live_listens) {
                        self.live_listens = true;
                        const check = _.debounce(() => self.live && self.live.check(), 0);
                        self.records.bind("remove", check);
                        self.on("save:after", self, function (saved) {
                            if (self.live_different && saved && saved.record) {
                                settle_rows(self, saved.record.get("id"));
                            }
                            check();
                        });
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

    instance.web.ListView.Groups.include({
        /** @this {*} A group is opened, or another page of it is shown. */
        render_dataset: function () {
            return this._super.apply(this, arguments).done(() => this.view.live && this.view.live.check());
        },
        /** @this {*} */
        close: function () {
            const result = this._super.apply(this, arguments);
            if (this.view.live) {
                this.view.live.check();
            }
            return result;
        },
    });

    Object.assign(live, { in_place, tell_of_row });
};
