/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Forms: what a colleague changes appears; while somebody edits, a bar says so, and saving over it asks.
openerp.web_longpolling_live.forms = function (instance, live) {
    "use strict";
    const core = globalThis.web_longpolling_live_core;
    const _t = instance.web._t;
    const {
        COMPARED, below_bar, compare, compare_rows, configure, end, follow, followers, hide_bar, is_editing, is_id,
        is_live, listed, poll, quietly, row_ids, rows_in_place, same, show_bar, start_presence, tell_of_row, view_in,
        written_rows } = live;

    const compared = (self) => _.filter(_.keys(self.fields), (name) => COMPARED.indexOf(self.fields[name].field.type) >= 0);

    /** The fields of a form by these names, as compare() needs them. */
    const fields_of = (self, names) => Object.fromEntries(names.map((name) => [name, _.defaults(
        { string: self.fields[name].string || self.fields[name].field.string }, self.fields[name].field)]));

    /** The form's record as it was read; or written, where it was not read again. */
    const loaded = (self) => _.extend({}, self.datarecord, self.live_written);

    // What a colleague has changed of that which is edited

    // So many differences can be looked through.
    const LINES = 20;

    /** Say what differs in the form's record and its rows, if something does: live_one and live_rows. */
    function tell_of_form(self, since) {
        const one = self.live_one, rows = _.compact(_.values(self.live_rows || {}));
        self.live_over = one ? one.differences : [];
        const all = _.compact([one].concat(rows));
        const differences = _.flatten(_.pluck(all, "differences")).slice(0, LINES);
        if (one && one.gone) {
            show_bar(self, { since: since, gone: true });
        } else if (differences.length) {
            show_bar(self, { since: since, form: self, differences: differences, name: _.find(all, (each) => !each.gone).name,
                take: function () {
                    settle(self);
                    listed(self).map(view_in).filter(is_editing).forEach((list) => list.cancel_edition(true));
                    self.$el.removeClass("oe_form_dirty");
                    self.reload();
                } });
        } else if (rows.length) { // gone: it is seen when this is saved, or discarded
            show_bar(self, { since: since });
        } else {
            hide_bar(self);
        }
        below_bar(self);
    }

    /**
     * Read once more what is about to be written: of what a colleague did a moment ago the page may not have been told.
     * One read of the form's record, and one for each list in it whose rows are written, if there are such values. The
     * form's mutex is held, which reading does not need.
     *
     * @param {*} list  the list in which the form is a row; null: it is a form by itself
     * @returns {*} a promise, also if it could not be read
     */
    function look_again(self, list) {
        const id = self.datarecord.id;
        const names = compared(self).filter((name) => self.fields[name]._dirty_flag && !self.fields[name].get("readonly"));
        const read = compare(self.model, [loaded(self)], fields_of(self, names), self.dataset.get_context());
        const own = read.then(function (different) {
            const one = different[id] || { differences: [] };
            const differences = (self.live_over || []).filter((each) => names.indexOf(each.name) < 0).concat(
                // Not what a colleague has written just so.
                one.differences.filter((each) => !same(each.value, self.fields[each.name].get_value(), self.fields[each.name].field)));
            const known = list ? (list.live_different || {})[id] : self.live_one;
            return one.gone || differences.length ? _.extend({}, known, one, { differences: differences }) : undefined;
        });
        const rows = list ? [] : written_rows(self);
        const lists = _.uniq(_.pluck(rows, "widget")).map(function (widget) {
            const written = rows.filter((row) => row.widget === widget);
            return compare_rows(widget, _.pluck(written, "id"), _.uniq(_.flatten(written.map((row) => _.keys(row.values))))).then(
                (different) => written.forEach(function (row) {
                    const one = different[row.id], fields = view_in(widget).fields_view.fields;
                    const differences = one ? one.differences.filter((each) => row.values[each.name] === undefined ||
                        !same(each.value, row.values[each.name], fields[each.name])) : [];
                    self.live_rows = Object.assign({}, self.live_rows, { [row.key]: one && (one.gone || differences.length)
                        ? _.extend({}, one, { differences: differences }) : undefined });
                }));
        });
        return $.when.apply($, [own].concat(lists)).then(function (one) {
            if (list) {
                return one ? tell_of_row(list, one) : (self.live_over = []);
            }
            self.live_one = one;
            tell_of_form(self, self.live_since || Date.now());
        }).then(null, function () {
            console.warn("web_longpolling_live: not known whether a save would replace a colleague's change");
            return $.when();
        });
    }

    /** Whether a save may go on: what the user would write over, he is asked about. */
    function may_save(self, list) {
        const over = (self.live_over || []).filter((one) => self.fields[one.name]._dirty_flag).concat(
            _.flatten((list ? [] : written_rows(self)).map(function (row) {
                const one = (self.live_rows || {})[row.key];
                return one ? one.differences.filter((each) => each.name in row.values) : [];
            })));
        return !over.length || confirm(_.str.sprintf(_t("%s has changed meanwhile. Your save would replace it. Save over it?"),
            _.uniq(_.pluck(over, "label")).join(", ")));
    }

    /** What new rows of that model are found by, in the lists that show them; null: nobody can say. */
    function belongs(self, model) {
        const inverse = _.compact(listed(self, model).map((widget) => (self.live_inverse || {})[widget.name]));
        return core.referring(inverse, self.datarecord.id);
    }

    /** A form's own record, if `model` is its own, and the rows of that model that it lists: one poll for both. */
    const form_view = (self, model) => ({
        shows: function () {
            const own = model === self.model ? [self.datarecord.id] : [];
            const ids = _.difference(_.uniq(own.concat(_.flatten(listed(self, model).map(row_ids)))), self.live_gone || []);
            const domain = belongs(self, model);
            return is_id(self.datarecord.id) && (ids.length || domain) && self.$el.is(":visible") ?
                { model: model, ids: ids, domain: domain, context: {} } : null;
        },
        busy: function () {
            if (self.get("actual_mode") === "view") {
                return false;
            }
            const focused = /** @type {*} */ (document.activeElement); // what is typed counts when the field is left
            const html = _.find(_.values(self.fields), (widget) => widget.$cleditor && widget.$el[0].contains(focused));
            if (html) {
                html.$cleditor.updateTextArea(true); // as when its frame is left
            }
            return self.is_dirty() || self.$el.is(".oe_form_dirty") || _.any(listed(self).map(view_in), is_editing) ||
                (self.$el[0].contains(focused) && $(focused).is("input, textarea") && Boolean(focused.value));
        },
        hold: function (changes) {
            const held = (self.live_held = self.live_held || {}), id = self.datarecord.id;
            if (held[model] === changes) {
                return;
            }
            held[model] = changes;
            const concerned = (one) => changes.changed.indexOf(one) >= 0 || changes.gone.indexOf(one) >= 0;
            const own = model !== self.model || !concerned(id) ? $.when(null) :
                compare(self.model, [loaded(self)], fields_of(self, _.keys(self.fields)), self.dataset.get_context());
            const lists = listed(self, model);
            const found = lists.map((widget) => compare_rows(widget, row_ids(widget).filter(concerned)));
            return $.when.apply($, [own].concat(found)).then(function (different, ...rows) {
                if (self.datarecord.id !== id || held !== self.live_held || held[model] !== changes) {
                    return;
                }
                if (different) {
                    self.live_one = different[id];
                }
                self.live_rows = self.live_rows || {};
                lists.forEach((widget, index) => row_ids(widget).filter(concerned).forEach(
                    (row) => (self.live_rows[widget.name + "," + row] = rows[index][row])));
                self.live_since = self.live_since || changes.since;
                tell_of_form(self, self.live_since);
            });
        },
        apply: function (changes) {
            const id = self.datarecord.id, own = model === self.model;
            if (own && changes.gone.indexOf(id) >= 0) {
                return show_bar(self, { since: changes.since, gone: true });
            }
            clear(self);
            if (!changes.gone.length && !changes.others && !(own && changes.changed.indexOf(id) >= 0)) {
                return rows_in_place(self, model, changes.changed);
            }
            const before = self.datarecord;
            self.live_gone = (self.live_gone || []).concat(changes.gone); // those that stay in a list are not asked about again
            // The lists whose rows are followed are not drawn anew, as long as they have the same rows.
            const kept = listed(self).filter((widget) => is_live(widget.field.relation));
            kept.forEach((widget) => (widget.live_keep = true));
            return reload(self, () => this.busy()).always(() => kept.forEach((widget) => (widget.live_keep = false))).then(function (busy) {
                if (busy) {
                    return core.BUSY;
                }
                compared(self).forEach(function (name) {
                    if (!_.isEqual(before[name], self.datarecord[name])) {
                        core.mark(self.fields[name].$el[0]);
                    }
                });
                return rows_in_place(self, null, null); // what they show may be computed from the form's record
            });
        },
    });

    /**
     * Read the form's record again, as its own reload() does, and show it, unless the form has become busy meanwhile.
     *
     * @returns {*} a promise of BUSY, or of nothing
     */
    function reload(self, busy) {
        const id = self.datarecord.id;
        return self.reload_mutex.exec(() => quietly(self.dataset.read_index(_.keys(self.fields_view.fields).concat(["display_name"]), {
            context: { bin_size: true, future_display_name: true } })).then(function (record) {
            if (busy()) {
                return core.BUSY;
            }
            if (self.datarecord.id === id && record.id === id) {
                self.trigger("load_record", record);
            }
        }));
    }

    /** Follow the rows of the lists in a form that is followed itself, if their model is live. */
    function follow_lists(self) {
        configure().done(function () {
            if (self.live && !self.isDestroyed()) {
                const models = _.uniq(listed(self).map((widget) => widget.field.relation));
                self.live_lists = self.live_lists || {};
                models.filter((model) => model !== self.model && is_live(model)).forEach((model) => (
                    self.live_lists[model] = self.live_lists[model] ||
                        new core.Follower(Object.assign({ poll: poll }, form_view(self, model)), document)));
                _.invoke(followers(self), "check");
                if (!self.live_inverse && _.any(listed(self), (widget) => is_live(widget.field.relation))) {
                    // Views do not say it. Of a field that another model lends nothing is found, as it must be.
                    self.live_inverse = {};
                    quietly(new instance.web.Model("ir.model.fields").query(["name", "relation_field"]).filter([
                        ["model", "=", self.model], ["ttype", "=", "one2many"], ["relation_field", "!=", false],
                        ["name", "in", _.pluck(listed(self), "name")]]).all()).done(function (found) {
                        found.forEach((field) => (self.live_inverse[field.name] = field.relation_field));
                        _.invoke(followers(self), "check");
                    });
                }
            }
        });
    }

    /** The form shows what the server has. */
    function clear(self) {
        hide_bar(self);
        self.live_held = self.live_one = self.live_since = null;
        self.live_rows = {};
        self.live_over = [];
    }

    /** What the form has been told of is settled: it was saved, or is given up. */
    function settle(self) {
        clear(self);
        _.invoke(followers(self), "forget");
    }

    instance.web.FormView.include({
        /** @this {*} */
        load_record: function (record) {
            const self = this;
            if (record && this.live_over && record.id !== this.datarecord.id) {
                settle(this);
                this.live_gone = [];
            }
            this.live_written = {};
            return $.when(this._super.apply(this, arguments)).then(function () {
                // Of forms in dialogs and rows nobody knows who else looks at them.
                if (self.ViewManager instanceof instance.web.ViewManagerAction) {
                    follow(self, form_view(self, self.model), start_presence);
                    follow_lists(self);
                }
            });
        },
        /** @this {*} */
        do_show: function () {
            const self = this;
            return $.when(this._super.apply(this, arguments)).then(() => _.invoke(followers(self), "check"));
        },
        /** @this {*} */
        do_hide: function () {
            const result = this._super.apply(this, arguments);
            _.invoke(followers(this), "check");
            return result;
        },
        /** @this {*} What is typed has become the values. */
        _process_save: function () {
            const self = this, args = arguments, _super = this._super, editor = this.getParent();
            const list = editor instanceof instance.web.list.Editor && editor.delegate.live ? editor.delegate : null;
            // Opened in a dialog from a field: what it saves is written at once, not with the form below.
            const dialog = editor instanceof instance.web.form.AbstractFormPopup && !editor.options.write_function &&
                is_live(this.model);
            if (!(this.live || list || dialog) || typeof this.datarecord.id !== "number") {
                return _super.apply(this, args);
            }
            return look_again(this, list).then(function () {
                if (!may_save(self, list)) {
                    return $.Deferred().reject().promise();
                }
                const written = compared(self).filter((name) => self.fields[name]._dirty_flag);
                const values = Object.fromEntries(written.map((name) => [name, self.fields[name].get_value()]));
                const rows = list ? [] : written_rows(self);
                return _super.apply(self, args).done(function () { // where it is not read again now
                    self.live_written = _.extend({}, self.live_written, values);
                    rows.forEach((row) => row.widget.dataset.live_saved(row.id, row.values));
                });
            });
        },
        /** @this {*} */
        save: function () {
            const self = this;
            return this._super.apply(this, arguments).done(() => settle(self));
        },
        /** @this {*} */
        destroy: function () {
            end(this);
            hide_bar(this);
            return this._super.apply(this, arguments);
        },
    });
};
