/** @odoo-module ignore */
// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// OpenERP 7.0's lists and forms: what a colleague changes appears, without losing what the user has begun. Here is what both
// have in common, which the other files of this folder find in `live`.
openerp.web_longpolling_live = function (instance, live) {
    "use strict";
    const core = globalThis.web_longpolling_live_core;
    const _t = instance.web._t;
    let configuration = null;
    let models = []; // those that are live, when that has been asked

    /** A call for which nobody has asked: if it fails, no dialog says so. */
    const quietly = (called) => called.fail((error, event) => event && event.preventDefault && event.preventDefault());

    /** Which models are live for this user; asked once, and again if it could not be said. */
    function configure() {
        configuration = configuration || quietly(new instance.web.Model("longpolling.live.presence").call(
            "live", [], {}, { shadow: true })).done((answer) => (models = answer.models)).fail(() => (configuration = null));
        return configuration;
    }

    const is_live = (model) => models.indexOf(model) >= 0;

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
        configure().done(function (answer) {
            if (is_live(widget.model) && !widget.isDestroyed()) {
                widget.live = new core.Follower(Object.assign({ poll: poll }, view), document);
                widget.live.check();
                if (answer.presence && presence) {
                    widget.live_end_presence = presence(widget);
                }
            }
        }).fail(() => (widget.live = undefined)); // it is asked about again when the widget shows something else
    }

    /** The followers of a widget: of its model, and of those of the lists in it. */
    const followers = (widget) => _.compact([widget.live].concat(_.values(widget.live_lists || {})));

    function end(widget) {
        if (widget.live_end_presence) {
            widget.live_end_presence();
        }
        _.invoke(followers(widget), "end");
        widget.live = null;
        widget.live_lists = {};
    }

    /** The quiet bar above a widget. `notice`: see what the callers give; `form` is where those of its `differences` are
     * edited that do not say by `mine` what is here.
     */
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
                notice.differences.forEach(function (one) {
                    const texts = core.excerpts(one.mine ? one.mine() : mine(notice.form, one.name), one.theirs);
                    body.append($("<tr>").append($("<th>").text(one.label), $("<td>").text(texts[0]), $("<td>").text(texts[1])));
                });
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
        (widget.resize_fields ? [widget] : live.listed(widget).map(live.view_in)).forEach(function (list) {
            if (list && list.resize_fields) {
                list.resize_fields();
            }
        });
    }

    // What differs

    // Not which records a list holds, and not files.
    const COMPARED = ["char", "text", "html", "integer", "float", "boolean", "selection", "date", "datetime", "many2one", "reference"];

    /** A value as the server sends it, as text. */
    function as_text(value, field) {
        if (value === false || value === null || value === undefined || value === "") {
            return "–";
        }
        if (field.type === "selection") {
            const found = _.find(field.selection, (option) => option[0] === value);
            return found ? found[1] : String(value);
        }
        if (field.type === "html") {
            return core.plain(String(value)) || "–";
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
        const names = _.keys(fields).filter((name) => COMPARED.indexOf(fields[name].type) >= 0), called = new instance.web.Model(model);
        const call = (method, args) => quietly(called.call(method, args, { context: context }, { shadow: true }));
        const ids = _.pluck(records, "id");
        return !ids.length || !names.length ? $.when({}) : call("read", [ids, names]).then(function (found) {
            const different = {};
            records.forEach(function (record) {
                const there = found.find((one) => one.id === record.id);
                const differences = there ? names.filter(
                    (name) => record[name] !== undefined && !same(there[name], record[name], fields[name])).map((name) => ({
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

    Object.assign(live, {
        COMPARED, as_text, below_bar, compare, configure, end, follow, followers, hide_bar, is_live, mine, poll, quietly, same, show_bar });
    const { rows, lists, presence, forms } = openerp.web_longpolling_live;
    [rows, lists, presence, forms].forEach((part) => part(instance, live));
};
