// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Forms: what a colleague changes appears; while somebody edits, a bar says so, and saving over it asks.
import { onMounted, onWillUnmount, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { FormController } from "@web/views/form/form_controller";
import { formatDate, formatDateTime } from "@web/core/l10n/dates";
import { patch } from "@web/core/utils/patch";
import { useService } from "@web/core/utils/hooks";
import { LiveBar, LivePeople } from "./bar";
import { core, live, useFollower } from "./live";

// Milliseconds between two signs of life of a page that looks at a record.
const SIGN = 20000;
// What can be said in a line; the rest says only that it differs.
const SIMPLE = ["char", "text", "integer", "float", "monetary", "boolean", "selection", "date", "datetime", "many2one"];
const NO_NEWS = ["write_date", "write_uid", "__last_update", "display_name"];

/** A value of the page or of the server as text. */
function as_text(value, field) {
    if (value === false || value === null || value === undefined || value === "") {
        return "–";
    }
    if (field.type === "many2one") {
        return value.display_name || (Array.isArray(value) ? value[1] : String(value.id || value));
    }
    if (field.type === "selection") {
        const found = field.selection.find((option) => option[0] === value);
        return found ? found[1] : String(value);
    }
    if (field.type === "date" && value.isLuxonDateTime) {
        return formatDate(value);
    }
    if (field.type === "datetime" && value.isLuxonDateTime) {
        return formatDateTime(value);
    }
    return value === true ? _t("Yes") : String(value);
}

function useLiveForm(controller) {
    const state = useState({ notice: null, people: [] });
    const orm = controller.orm;
    const dialog = controller.dialogService;
    const root = () => controller.model.root;
    // What was changed there since the page has read it: the record, and the names of its fields.
    let conflict = null;

    const settle = () => {
        conflict = null;
        state.notice = null;
        follower.forget();
    };

    /** What the server has now of the simple fields, as the record itself parses it. */
    async function look() {
        const record = root();
        const names = record.fieldNames.filter((name) => SIMPLE.includes(record.fields[name].type) && !NO_NEWS.includes(name));
        const specification = { write_date: {}, write_uid: { fields: { display_name: {} } } };
        for (const name of names) {
            specification[name] = record.fields[name].type === "many2one" ? { fields: { display_name: {} } } : {};
        }
        const [there] = await orm.silent.webRead(record.resModel, [record.resId], { specification, context: record.context });
        if (!there) {
            return { gone: true };
        }
        const values = record._parseServerValues(there);
        const differences = names
            .filter((name) => as_text(values[name], record.fields[name]) !== as_text(record._values[name], record.fields[name]))
            .map((name) => ({
                name: name,
                label: record.activeFields[name].string || record.fields[name].string,
                mine: as_text(record.data[name], record.fields[name]),
                theirs: as_text(values[name], record.fields[name]),
            }));
        return { differences, name: core.is_recent(there.write_date) && there.write_uid && there.write_uid.display_name };
    }

    function mark(before) {
        const record = root();
        for (const name of record.fieldNames) {
            if (before[name] !== undefined && before[name] !== as_text(record.data[name], record.fields[name])) {
                core.mark(controller.rootRef.el.querySelector(`.o_field_widget[name="${name}"]`));
            }
        }
    }

    const follower = useFollower(controller.props.resModel, {
        shows() {
            const record = root();
            return record && record.resId && !record.isNew
                ? { model: record.resModel, ids: [record.resId], domain: null, context: record.context } : null;
        },
        busy: () => root().dirty || root().isDirty(),
        async hold(changes) {
            const record = root();
            if (conflict && conflict.changes === changes) {
                return;
            }
            conflict = { changes, record: record.resId, names: [] };
            const found = await look();
            if (!conflict || conflict.record !== root().resId) {
                return;
            }
            if (!found.gone && !found.differences.length) {
                return settle(); // it was this page itself, or nothing that is shown here
            }
            conflict.names = found.gone ? [] : found.differences.map((difference) => difference.name);
            state.notice = Object.assign(found, {
                since: changes.since,
                take: found.gone ? null : async () => {
                    settle();
                    await root().discard();
                    await root().load();
                },
            });
        },
        async apply(changes) {
            conflict = null;
            const record = root();
            if (changes.gone.includes(record.resId)) {
                state.notice = { since: changes.since, gone: true };
                return;
            }
            state.notice = null;
            const before = {};
            for (const name of record.fieldNames) {
                if (SIMPLE.includes(record.fields[name].type)) {
                    before[name] = as_text(record.data[name], record.fields[name]);
                }
            }
            await record.load();
            await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
            mark(before);
        },
    });
    if (!follower) {
        return null;
    }

    /** Whether a save may go on: what the user would write over, he is asked about. */
    state.may_save = async function (changes) {
        const over = conflict && conflict.record === root().resId
            ? conflict.names.filter((name) => name in changes) : [];
        if (!over.length) {
            return true;
        }
        if (document.visibilityState === "hidden") {
            return false; // the form saves by itself when its tab is left: nobody is there to be asked
        }
        const labels = over.map((name) => root().fields[name].string).join(", ");
        return new Promise((resolve) =>
            dialog.add(ConfirmationDialog, {
                title: _t("Save over it?"),
                body: state.notice && state.notice.name
                    ? _t("%(name)s has changed %(fields)s meanwhile. Your save would replace it.", {
                        name: state.notice.name, fields: labels })
                    : _t("%s has changed meanwhile. Your save would replace it.", labels),
                confirmLabel: _t("Save mine"),
                confirm: () => resolve(true),
                cancel: () => resolve(false),
                dismiss: () => resolve(false),
            })
        );
    };
    state.settle = settle;
    usePresence(controller, state);
    return state;
}

function usePresence(controller, state) {
    if (!live.presence || controller.env.inDialog) {
        return;
    }
    const orm = controller.orm;
    const longpolling = useService("longpolling");
    let at = null;
    let editing = false;
    let end = () => undefined;
    let timer = null;

    const tell = (record, is_editing, leaving) =>
        orm.silent.call("longpolling.live.presence", "here", [record.model, record.id, is_editing, leaving]).catch(() => undefined);

    function look() {
        const root = controller.model.root;
        const here = root && root.resId && document.visibilityState === "visible"
            ? { model: root.resModel, id: root.resId } : null;
        const is_editing = Boolean(here && root.dirty);
        const moved = JSON.stringify(here) !== JSON.stringify(at);
        if (moved) {
            end();
            at && tell(at, false, true);
            at = here;
            state.people = [];
            end = !at ? () => undefined : longpolling.poll(
                "/live/presence", () => ({ model: at.model, record: at.id, known: JSON.parse(JSON.stringify(state.people)) }),
                (answer) => { state.people = answer.people; }, () => undefined);
        }
        if (at && (moved || editing !== is_editing || Date.now() - look.told > SIGN)) {
            look.told = Date.now();
            tell(at, is_editing, false);
        }
        editing = is_editing;
    }
    look.told = 0;
    // A page that is left sends nothing by itself any more.
    const leave = () => at && navigator.sendBeacon("/web/dataset/call_kw/longpolling.live.presence/here", new Blob([
        JSON.stringify({ jsonrpc: "2.0", method: "call", params: {
            model: "longpolling.live.presence", method: "here", args: [at.model, at.id, false, true], kwargs: {} } })],
        { type: "application/json" }));
    onMounted(() => {
        look();
        timer = setInterval(look, 1000);
        window.addEventListener("pagehide", leave);
    });
    onWillUnmount(() => {
        window.removeEventListener("pagehide", leave);
        clearInterval(timer);
        end();
        at && tell(at, false, true);
    });
}

patch(FormController.prototype, {
    // Not among the controller's components: those that other addons derive from it may have copied these before.
    LiveBar,
    LivePeople,
    setup() {
        super.setup(...arguments);
        this.live = useLiveForm(this);
    },
    async onWillSaveRecord(record, changes) {
        if (this.live && !(await this.live.may_save(changes))) {
            return false;
        }
        return super.onWillSaveRecord(...arguments);
    },
    async onRecordSaved() {
        this.live && this.live.settle();
        return super.onRecordSaved(...arguments);
    },
});
