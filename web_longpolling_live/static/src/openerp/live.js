/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// OpenERP 7.0's lists and forms: what a colleague changes appears, without losing what the user has begun.
openerp.web_longpolling_live = function (instance) {
    "use strict";
    const core = globalThis.web_longpolling_live_core;
    const _t = instance.web._t;
    let configuration = null;

    /** Which models are live for this user; asked once. */
    function configure() {
        configuration = configuration || new instance.web.Model("longpolling.live.presence").call("live", [], {}, { shadow: true });
        return configuration;
    }

    function poll(path, params, success) {
        const lp = new instance.web.LongPolling();
        lp.start_longpolling(instance.session, path, params, success, () => undefined);
        return () => lp.stop_longpolling();
    }

    /** Have a widget followed from now on if its model is live; `presence` says who else looks at what it shows. */
    function follow(widget, view, presence) {
        if (widget.live !== undefined) {
            return widget.live && widget.live.check();
        }
        widget.live = null;
        configure().done(function (live) {
            if (live.models.indexOf(widget.model) >= 0 && !widget.isDestroyed()) {
                widget.live = new core.Follower(Object.assign({ poll: poll }, view), document);
                widget.live.check();
                if (live.presence && presence) {
                    widget.live_end_presence = presence(widget);
                }
            }
        });
    }

    function end(widget) {
        if (widget.live_end_presence) {
            widget.live_end_presence();
        }
        if (widget.live) {
            widget.live.end();
        }
        widget.live = null;
    }

    /** The quiet bar above a widget. `notice`: see what the callers give; `form` is where its `differences` are edited. */
    function show_bar(widget, notice) {
        hide_bar(widget);
        const bar = $("<div class='o_live_bar' role='status'>").append("<span>");
        const tell = function () {
            const since = core.ago(Date.now() - notice.since);
            const when = since[1] === "moment" ? _t("a moment ago") : _.str.sprintf(since[1] === "second" ? _t("%s seconds ago") : _t("%s minutes ago"), since[0]);
            bar.children("span").text(
                notice.gone ? _t("This record was deleted, or you may no longer read it.") :
                notice.name ? _.str.sprintf(_t("Changed by %s, %s"), notice.name, when) : _.str.sprintf(_t("Changed %s"), when));
        };
        tell();
        widget.live_timer = setInterval(tell, 1000);
        const button = (text, action) => $("<button type='button'>").text(text).click(action).appendTo(bar);
        if (notice.differences) {
            const table = $("<table class='o_live_differences'>").hide();
            table.append($("<thead>").append($("<tr>").append("<th>", $("<th>").text(_t("Here")), $("<th>").text(_t("There")))));
            const body = $("<tbody>").appendTo(table);
            const show = button(_t("Show"), function () {
                body.empty();
                notice.differences.forEach((one) => body.append($("<tr>").append(
                    $("<th>").text(one.label), $("<td>").text(mine(notice.form, one.name)), $("<td>").text(one.theirs))));
                table.toggle();
                const open = table.is(":visible");
                show.text(open ? _t("Hide") : _t("Show")).attr("aria-expanded", String(open));
                below_bar(widget);
            }).attr("aria-expanded", "false");
            button(_t("Discard mine"), notice.take);
            bar.append(table);
        } else if (notice.take) {
            button(_t("Show"), notice.take);
        }
        widget.live_bar = bar.prependTo(widget.$el);
    }

    function hide_bar(widget) {
        clearInterval(widget.live_timer);
        if (widget.live_bar) {
            widget.live_bar.remove();
        }
        widget.live_bar = null;
    }

    /** The fields of a row that is edited lie above its cells, which the bar has moved. */
    function below_bar(widget) {
        if (widget.resize_fields) {
            widget.resize_fields();
        }
    }

    // What differs

    const SIMPLE = ["char", "text", "integer", "float", "boolean", "selection", "date", "datetime", "many2one"];

    /** A value as the server sends it, as text. */
    function as_text(value, field) {
        if (value === false || value === null || value === undefined || value === "") {
            return "–";
        }
        if (field.type === "selection") {
            const found = _.find(field.selection, (option) => option[0] === value);
            return found ? found[1] : String(value);
        }
        return value === true ? _t("Yes") : _.isArray(value) ? String(value[1]) : String(value);
    }

    /** What a form has in a field, also what is being typed. */
    function mine(form, name) {
        const widget = form.fields[name];
        const focused = /** @type {*} */ (document.activeElement); // what is typed there is not yet the value
        if (widget.$el[0].contains(focused) && focused.value) {
            return focused.value;
        }
        const value = widget.get_value();
        if (widget.field.type === "many2one" && value) {
            return as_text(widget.display_value ? [value, widget.display_value[value] || value] : value, widget.field);
        }
        return as_text(value, widget.field);
    }

    /** Whether two values, as the server sends or takes them, are the same. */
    function same(one, other, field) {
        const id = (value) => (_.isArray(value) ? value[0] : value) || false; // [id, name] is sent, id is taken
        return field.type === "many2one" ? id(one) === id(other) : as_text(one, field) === as_text(other, field);
    }

    /**
     * What the server has now of records of which the page has these values.
     *
     * @param {Object} fields  by name: {type, string, selection}
     * @param {*} context  with which the records were read
     * @returns {*} a promise of an object by the ids: {gone: true}, or {name: who has changed it, differences: [{name, label,
     *     theirs, value}]}; without those that are the same
     */
    function compare(model, records, fields, context) {
        const names = _.keys(fields).filter((name) => SIMPLE.indexOf(fields[name].type) >= 0), called = new instance.web.Model(model);
        const call = (method, args) => called.call(method, args, { context: context }, { shadow: true }).fail(
            (error, event) => event && event.preventDefault()); // nobody has asked for it: no dialog
        const ids = _.pluck(records, "id");
        return !ids.length || !names.length ? $.when({}) : call("read", [ids, names]).then(function (found) {
            const different = {};
            records.forEach(function (record) {
                const there = found.find((one) => one.id === record.id);
                const differences = there ? names.filter((name) => !same(there[name], record[name], fields[name])).map((name) => ({
                    name: name, label: fields[name].string, theirs: as_text(there[name], fields[name]), value: there[name] })) : [];
                if (!there) {
                    different[record.id] = { gone: true, differences: [] };
                } else if (differences.length) {
                    different[record.id] = { differences: differences };
                }
            });
            const changed = _.keys(different).filter((id) => !different[id].gone).map(Number);
            return !changed.length ? different : call("perm_read", [changed]).then(function (written) {
                written.forEach((by) => (different[by.id].name = core.is_recent(by.write_date) && by.write_uid[1]));
                return different;
            });
        });
    }

    // Lists

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

    /** Read these records again, in their rows. */
    function in_place(self, ids) {
        return $.when.apply($, ids.map(function (id) {
            const record = self.records.get(id);
            const checked = self.$("tr[data-id=" + id + "] input:checkbox").prop("checked");
            return record && self.reload_record(record).then(function () {
                const row = self.$("tr[data-id=" + id + "]");
                row.find(".oe_list_record_selector input:checkbox, input[name=radiogroup]").prop("checked", checked);
                core.mark(row[0]);
            });
        }));
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

    // Forms

    const simple = (self) => _.filter(_.keys(self.fields), (name) => SIMPLE.indexOf(self.fields[name].field.type) >= 0);

    /** The fields of a form by these names, as compare() needs them. */
    const fields_of = (self, names) => Object.fromEntries(names.map((name) => [name, _.defaults(
        { string: self.fields[name].string || self.fields[name].field.string }, self.fields[name].field)]));

    /** The form's record as it was read; or written, where it was not read again. */
    const loaded = (self) => _.extend({}, self.datarecord, self.live_written);

    /** Say what differs in the form's record, if something does: see compare(). */
    function tell_of_form(self, one, since) {
        self.live_over = one ? one.differences : [];
        if (one) {
            show_bar(self, one.gone ? { since: since, gone: true } : _.extend({
                since: since, form: self,
                take: function () {
                    settle(self);
                    self.$el.removeClass("oe_form_dirty");
                    self.reload();
                } }, one));
        }
    }

    /**
     * Read once more what is about to be written: of what a colleague did a moment ago the page may not have been told.
     * The form's mutex is held, which reading does not need.
     *
     * @param {*} list  the list in which the form is a row; null: it is a form by itself
     * @returns {*} a promise, also if it could not be read
     */
    function look_again(self, list) {
        const id = self.datarecord.id;
        const names = simple(self).filter((name) => self.fields[name]._dirty_flag && !self.fields[name].get("readonly"));
        return compare(self.model, [loaded(self)], fields_of(self, names), self.dataset.get_context()).then(function (different) {
            const one = different[id] || { differences: [] };
            const differences = (self.live_over || []).filter((each) => names.indexOf(each.name) < 0).concat(
                // Not what a colleague has written just so.
                one.differences.filter((each) => !same(each.value, self.fields[each.name].get_value(), self.fields[each.name].field)));
            if (one.gone || differences.length) {
                const found = _.extend({}, one, { differences: differences });
                return list ? tell_of_row(list, found) : tell_of_form(self, found, self.live_held ? self.live_held.since : Date.now());
            }
            self.live_over = [];
        }).then(null, function () {
            console.warn("web_longpolling_live: not known whether a save would replace a colleague's change");
            return $.when();
        });
    }

    /** Whether a save may go on: what the user would write over, he is asked about. */
    function may_save(self) {
        const over = (self.live_over || []).filter((one) => self.fields[one.name]._dirty_flag);
        return !over.length || confirm(_.str.sprintf(_t("%s has changed meanwhile. Your save would replace it. Save over it?"),
            _.pluck(over, "label").join(", ")));
    }

    const form_view = (self) => ({
        shows: function () {
            return typeof self.datarecord.id === "number" && self.$el.is(":visible") ?
                { model: self.model, ids: [self.datarecord.id], domain: null, context: {} } : null;
        },
        busy: function () {
            if (self.get("actual_mode") === "view") {
                return false;
            }
            const focused = /** @type {*} */ (document.activeElement); // what is typed counts when the field is left
            return self.is_dirty() || self.$el.is(".oe_form_dirty") ||
                (self.$el[0].contains(focused) && $(focused).is("input, textarea") && Boolean(focused.value));
        },
        hold: function (changes) {
            if (self.live_held === changes) {
                return;
            }
            self.live_held = changes;
            const id = self.datarecord.id;
            compare(self.model, [loaded(self)], fields_of(self, _.keys(self.fields)), self.dataset.get_context()).then(function (different) {
                if (self.datarecord.id === id && self.live_held === changes) {
                    tell_of_form(self, different[id], changes.since);
                }
            });
        },
        apply: function (changes) {
            if (changes.gone.length) {
                return show_bar(self, { since: changes.since, gone: true });
            }
            settle(self);
            const before = self.datarecord;
            return self.reload().then(function () {
                simple(self).forEach(function (name) {
                    if (!_.isEqual(before[name], self.datarecord[name])) {
                        core.mark(self.fields[name].$el[0]);
                    }
                });
            });
        },
    });

    // Milliseconds between two signs of life of a page that looks at a record.
    const SIGN = 20000;

    /** Say who else looks at the form's record, and tell them that this user does. */
    function start_presence(self) {
        const presences = new instance.web.Model("longpolling.live.presence");
        let at = null, editing = false, told = 0, people = [], end_poll = () => undefined;
        const tell = (is_editing, leaving) => presences.call(
            "here", [at.model, at.id, is_editing, leaving], {}, { shadow: true });
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
                model: "longpolling.live.presence", method: "here", args: [at.model, at.id, false, true], kwargs: {},
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

    function settle(self) {
        hide_bar(self);
        self.live_held = null;
        self.live_over = [];
        if (self.live) {
            self.live.forget();
        }
    }

    instance.web.FormView.include({
        /** @this {*} */
        load_record: function (record) {
            const self = this;
            if (record && this.live_over && record.id !== this.datarecord.id) {
                settle(this);
            }
            this.live_written = {};
            return $.when(this._super.apply(this, arguments)).then(function () {
                // Of forms in dialogs and rows nobody knows who else looks at them.
                if (self.ViewManager instanceof instance.web.ViewManagerAction) {
                    follow(self, form_view(self), start_presence);
                }
            });
        },
        /** @this {*} */
        do_show: function () {
            const self = this;
            return $.when(this._super.apply(this, arguments)).then(() => self.live && self.live.check());
        },
        /** @this {*} */
        do_hide: function () {
            const result = this._super.apply(this, arguments);
            if (this.live) {
                this.live.check();
            }
            return result;
        },
        /** @this {*} What is typed has become the values. */
        _process_save: function () {
            const self = this, args = arguments, _super = this._super, editor = this.getParent();
            const list = editor instanceof instance.web.list.Editor && editor.delegate.live ? editor.delegate : null;
            if (!(this.live || list) || typeof this.datarecord.id !== "number") {
                return _super.apply(this, args);
            }
            return look_again(this, list).then(function () {
                if (!may_save(self)) {
                    return $.Deferred().reject().promise();
                }
                const written = simple(self).filter((name) => self.fields[name]._dirty_flag);
                return _super.apply(self, args).done(() => (self.live_written = _.extend({}, self.live_written,
                    Object.fromEntries(written.map((name) => [name, self.fields[name].get_value()])))));
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
