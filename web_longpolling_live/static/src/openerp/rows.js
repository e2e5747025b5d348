/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// The lists, and other views of many records, in forms.
openerp.web_longpolling_live.rows = function (instance, live) {
    "use strict";
    const core = globalThis.web_longpolling_live_core;
    const { as_text, compare, is_live, mine, quietly } = live;

    /** The lists in a form; of one model, or of all. */
    const listed = (self, model) => _.filter(_.values(self.fields || {}), (widget) => (
        widget instanceof instance.web.form.FieldOne2Many || widget instanceof instance.web.form.FieldMany2Many) &&
        (!model || widget.field.relation === model));

    /** The list, or what else shows the records of such a field; null: nothing yet. */
    function view_in(widget) {
        const views = widget.viewmanager && widget.viewmanager.views;
        const active = views && views[widget.viewmanager.active_view];
        return widget.list_view || (active && active.controller) || null;
    }

    const is_id = (id) => typeof id === "number"; // others are those of rows that are not saved yet
    const row_ids = (widget) => widget.dataset.ids.filter(is_id);
    const is_editing = (list) => Boolean(list && list.editor && list.editor.is_editing());

    /** What the user has written in a row of a form, which is saved with the form. */
    const written_in = (widget, id) => (_.find(widget.dataset.to_write || [], (one) => one.id === id) || { values: {} }).values;

    /** The values of a row as they were read, with its id; those that are not known are left out. */
    function loaded_row(widget, id) {
        const list = view_in(widget), record = list && list.records && list.records.get && list.records.get(id);
        const cached = _.find(widget.dataset.cache || [], (one) => one.id === id);
        const values = _.extend({}, cached ? cached.values : record ? record.attributes : {});
        _.keys(written_in(widget, id)).forEach((name) => delete values[name]);
        return _.extend(values, (widget.dataset.live_read || {})[id], { id: id });
    }

    /** What is here in a row of a form, as text. */
    function mine_in(widget, id, name, field) {
        const list = view_in(widget), record = list && list.records && list.records.get && list.records.get(id);
        if (is_editing(list) && list.editor.form.datarecord.id === id && list.editor.form.fields[name]) {
            return mine(list.editor.form, name);
        }
        const values = _.extend(loaded_row(widget, id), written_in(widget, id));
        return as_text(record && record.get(name) !== undefined ? record.get(name) : values[name], field);
    }

    /**
     * What the server has now of rows of a form. Each difference is labelled with its row, too.
     *
     * @param {string[]} [names]  of the fields that matter; all that are shown if it is not given
     * @returns {*} a promise of what compare() says
     */
    function compare_rows(widget, ids, names) {
        const view = view_in(widget);
        const all = view && view.fields_view ? view.fields_view.fields : {};
        const fields = Object.fromEntries(_.keys(all).filter((name) => !names || names.indexOf(name) >= 0).map(
            (name) => [name, all[name]]));
        return compare(widget.field.relation, ids.map((id) => loaded_row(widget, id)), fields, widget.dataset.get_context()).then(
            function (different) {
                _.each(different, function (one, id) {
                    const row = loaded_row(widget, Number(id));
                    const first = _.find(_.keys(all), (name) => all[name].type === "char" && row[name]);
                    one.differences.forEach((each) => _.extend(each, {
                        label: (row.name || (first && row[first]) || "#" + id) + ": " + each.label,
                        mine: () => mine_in(widget, Number(id), each.name, all[each.name]) }));
                });
                return different;
            });
    }

    /**
     * Read rows again where they are shown, each list by one read.
     *
     * @param {?string} model  null: the rows of all lists whose model is live
     * @param {?number[]} ids  null: all rows; then those are drawn anew that show something else than before
     */
    function rows_in_place(self, model, ids) {
        const widgets = listed(self, model).filter((widget) => is_live(widget.field.relation));
        return $.when.apply($, widgets.map(function (widget) {
            const view = view_in(widget), dataset = widget.dataset;
            const here = row_ids(widget).filter((id) => !ids || ids.indexOf(id) >= 0);
            if (!here.length || !view) {
                return $.when();
            }
            if (view.records && view.records.get) {
                // Those on other pages of the list are read when they are shown.
                here.filter((id) => !view.records.get(id) && dataset.evict_record).forEach((id) => dataset.evict_record(id));
                return live.in_place(view, here, !ids);
            }
            here.forEach((id) => dataset.evict_record(id));
            const cards = _.flatten(_.pluck(view.groups || [], "records")).filter((card) => here.indexOf(card.id) >= 0);
            const names = view.fields_keys.concat(["__last_update"]);
            return !cards.length ? $.when() : quietly(dataset.read_ids(_.pluck(cards, "id"), names)).then(function (found) {
                cards.forEach(function (card) {
                    const there = found.find((one) => one.id === card.id);
                    const same = (name) => card.values[name] && _.isEqual(card.values[name].value, there[name]);
                    if (ids || !_.all(_.without(names, "__last_update"), same)) {
                        card.do_reload(); // from what was read just now
                        core.mark(card.$el[0]);
                    }
                });
            });
        })).then((...all) => _.contains(all, core.BUSY) ? core.BUSY : undefined);
    }

    /** The rows that are saved with a form: list of {widget, id, values, key}. */
    const written_rows = (self) => _.flatten(listed(self).filter(
        (widget) => is_live(widget.field.relation)).map((widget) => (widget.dataset.to_write || []).filter(
        (one) => is_id(one.id)).map((one) => ({ widget: widget, id: one.id, values: one.values, key: widget.name + "," + one.id }))));

    const lists_in_forms = {
        /** @this {*} */
        set_value: function (value) {
            const { to_create, to_write, to_delete } = this.dataset;
            if (this.live_keep && view_in(this) && _.isEqual(value || [], this.dataset.ids) &&
                    !_.compact(_.flatten([to_create, to_write, to_delete])).length) {
                return $.when();
            }
            return this._super.apply(this, arguments);
        },
    };
    instance.web.form.FieldOne2Many.include(lists_in_forms);
    instance.web.form.FieldMany2Many.include(lists_in_forms);

    instance.web.form.One2ManyDataSet.include({
        /** @this {*} */
        reset_ids: function () {
            this.live_read = {}; // by the ids of rows that the user has changed: the values that were read
            return this._super.apply(this, arguments);
        },
        /** @this {*} */
        write: function (id) {
            const cached = _.find(this.cache, (one) => one.id === id);
            const written = _.find(this.to_write, (one) => one.id === id);
            const read = _.extend({}, cached && cached.values);
            _.keys(written ? written.values : {}).forEach((name) => delete read[name]);
            this.live_saved(id, _.extend(read, this.live_read[id]));
            return this._super.apply(this, arguments);
        },
        /** @this {*} The server has these values of a row. */
        live_saved: function (id, values) {
            this.live_read[id] = _.extend({}, this.live_read[id], values);
        },
    });

    Object.assign(live, { compare_rows, is_editing, is_id, listed, row_ids, rows_in_place, view_in, written_rows });
};
