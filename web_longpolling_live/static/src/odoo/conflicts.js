// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// What a colleague has changed of that which somebody edits: the bar says it, and a save that would replace it asks.
import { _t } from "@web/core/l10n/translation";
import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { formatDate, formatDateTime } from "@web/core/l10n/dates";
import { patch } from "@web/core/utils/patch";
import { Record } from "@web/model/relational_model/record";
import { core, is_live } from "./live";

// What is compared: not which records a list holds, of which a save writes only what was added and removed; nor files.
export const COMPARED = ["char", "text", "html", "integer", "float", "monetary", "boolean", "selection", "date", "datetime", "many2one",
    "reference", "properties"];
const NO_NEWS = ["write_date", "write_uid", "__last_update", "display_name"];

/** A value of the page or of the server as text. */
export function as_text(value, field) {
    if (value === false || value === null || value === undefined || value === "") {
        return "–";
    }
    if (field.type === "many2one") {
        return value.display_name || (Array.isArray(value) ? value[1] : String(value.id || value));
    }
    if (field.type === "selection") {
        const found = (field.selection || []).find((option) => option[0] === value);
        return found ? found[1] : String(value);
    }
    if (field.type === "html") {
        return core.plain(String(value)) || "–";
    }
    if (field.type === "reference") {
        return value.displayName || `${value.resModel},${value.resId}`;
    }
    if (field.type === "properties") {
        return value.filter((one) => one.type !== "separator").map((one) => `${one.string}: ${as_text(one.value, one)}`).join("; ") || "–";
    }
    if (Array.isArray(value)) { // of a property: records, or the keys of tags
        const tags = new Map(field.tags || []);
        return value.map((one) => (Array.isArray(one) ? one[1] : tags.get(one) || one)).join(", ") || "–";
    }
    if (field.type === "date" && value.isLuxonDateTime) {
        return formatDate(value);
    }
    if (field.type === "datetime" && value.isLuxonDateTime) {
        return formatDateTime(value);
    }
    return value === true ? _t("Yes") : String(value);
}

/** Whether two values of the page are the same. How a colleague's record is named may depend on the view. */
export function same(one, other, field) {
    if (field.type === "many2one") {
        return (one && one.id) === (other && other.id) || !(one || other);
    }
    if (field.type === "reference") {
        return (one && one.resId) === (other && other.resId) && (one && one.resModel) === (other && other.resModel) || !(one || other);
    }
    if (field.type === "properties") {
        const values = (all) => (all || []).map((each) => [each.name, as_text(each.value, each)]);
        return JSON.stringify(values(one)) === JSON.stringify(values(other));
    }
    return field.type === "html" ? String(one || "") === String(other || "") : as_text(one, field) === as_text(other, field);
}

/** Whether Odoo itself lets nobody save over it: a text that is written together knows of whose words it is made. */
const is_guarded = (value, field) => field.type === "html" && String(value || "").includes("data-last-history-steps");

/**
 * What differs between these records, all of one model, and what the server has of them now.
 *
 * @param {string[]} [only]  names of fields; all that the records show if it is not given
 * @returns {Promise<Map>} by the records' ids in the page: {gone: true}, or {name, by, differences}, where `name` is the
 *     record's, `by` who has changed it, if that is known, and each difference {name, label, value}, the last as the page
 *     has values; none: all is the same
 */
async function compare(orm, records, context, only) {
    const found = new Map();
    const names_of = (record) => record.fieldNames.filter((name) =>
        COMPARED.includes(record.fields[name].type) && !NO_NEWS.includes(name) && (!only || only.includes(name)));
    const specification = { display_name: {} };
    for (const record of records) {
        if ("write_date" in record.fields) { // which a model need not keep
            Object.assign(specification, { write_date: {}, write_uid: { fields: { display_name: {} } } });
        }
        for (const name of names_of(record)) {
            specification[name] = ["many2one", "reference"].includes(record.fields[name].type) ? { fields: { display_name: {} } } : {};
        }
    }
    const ids = [...new Set(records.map((record) => record.resId))];
    const answer = records.length ? await orm.silent.webRead(records[0].resModel, ids, { specification, context }) : [];
    for (const record of records) {
        const there = answer.find((one) => one.id === record.resId);
        const values = there ? record._parseServerValues(there) : {};
        const differences = names_of(record)
            .filter((name) => !same(values[name], record._values[name], record.fields[name]))
            .map((name) => ({
                name: name,
                label: record.activeFields[name].string || record.fields[name].string,
                value: values[name],
            }));
        if (!there) {
            found.set(record.id, { gone: true, differences: [] });
        } else if (differences.length) {
            found.set(record.id, { name: there.display_name, differences,
                by: core.is_recent(there.write_date) && there.write_uid && there.write_uid.display_name });
        }
    }
    return found;
}

/**
 * The conflicts of a view's controller, which has `orm`, `dialogService` and a `model` of records.
 *
 * @param {*} controller
 * @param {Object} state  `notice` is set: what a LiveBar says
 * @param {Object} view
 * @param {function(): Object[]} view.edited  the records that a save would write now, the one that is edited first
 * @param {function(Object, Object): Array} [view.also]  what else is written if a record is saved with these changes:
 *     pairs of a record and its changes
 * @param {function(): Promise} view.commit  makes what is being typed the record's
 * @param {function(): Promise} view.discard  gives up what the user has typed
 * @param {function(Object)} view.saved  a record was saved
 */
export function useConflicts(controller, state, view) {
    const model = controller.model;
    let over = new Map(); // what differs, by the record's id in the page
    const looked = new WeakSet(); // the changes that have been looked at
    let generation = 0;

    /** Say what the edited records differ in. @returns {boolean} whether there is such a thing */
    function show(since) {
        const edited = view.edited();
        const records = edited.filter((record) => over.has(record.id));
        const differences = records.flatMap((record) => over.get(record.id).differences.map((one) => {
            const [mine, theirs] = core.excerpts(
                ...[record.data[one.name], one.value].map((value) => as_text(value, record.fields[one.name])));
            const label = record === edited[0] ? one.label : `${over.get(record.id).name}: ${one.label}`;
            return { key: `${record.id} ${one.name}`, label, mine, theirs };
        }));
        const notice = !records.length ? null : records.some((record) => over.get(record.id).gone) && !differences.length
            ? { since, gone: true }
            : { since, differences, name: over.get(records.find((record) => !over.get(record.id).gone).id).by };
        if (JSON.stringify(notice) !== show.said) {
            show.said = JSON.stringify(notice);
            state.notice = notice && Object.assign(notice, {
                take: notice.gone ? null : view.discard,
                async refresh() { // what is being typed is not yet the record's
                    await view.commit();
                    show(since);
                },
            });
        }
        return Boolean(notice);
    }
    show.said = "null";

    /**
     * Read once more what is about to be written: of what a colleague did a moment ago the page may not have been told.
     * One read for each live model, while the model's mutex is held, which reading does not need.
     */
    async function look_again(saves) {
        const models = new Map();
        for (const [record, changes] of saves) {
            const names = record.fieldNames.filter((name) => name in changes && COMPARED.includes(record.fields[name].type));
            if (record.resId && is_live(record.resModel) && names.length) {
                const one = models.get(record.resModel) || { records: [], names: [] };
                models.set(record.resModel, { records: [...one.records, record], names: [...one.names, ...names] });
            }
        }
        await Promise.all([...models.values()].map(async ({ records, names }) => {
            const found = await compare(controller.orm, records, records[0].context, names);
            for (const [record, changes] of saves.filter(([record]) => records.includes(record))) {
                const mine = (name) => (name in record._changes ? record.data[name] : changes[name]);
                const before = over.get(record.id) || { differences: [] };
                const now = found.get(record.id) || { differences: [] };
                const differences = [
                    ...before.differences.filter((one) => !names.includes(one.name)),
                    // Not what this page itself has written before, or a colleague just so.
                    ...now.differences.filter((one) => !same(one.value, mine(one.name), record.fields[one.name])),
                ];
                over.delete(record.id);
                if (now.gone || differences.length) {
                    over.set(record.id, { ...before, ...now, differences });
                }
            }
        }));
        show(state.notice ? state.notice.since : Date.now());
    }

    const conflicts = {
        /**
         * Look at what a colleague has changed of these records, which the view may not load anew now.
         *
         * @returns {Promise<boolean>} whether they show something else than the server has
         */
        async hold(changes, records) {
            if (!looked.has(changes)) {
                looked.add(changes);
                const begun = generation;
                const found = await compare(controller.orm, records, model.root.context);
                if (begun !== generation) {
                    return false;
                }
                records.forEach((record) => over.delete(record.id));
                found.forEach((one, id) => over.set(id, one));
            }
            return show(changes.since) || records.some((record) => over.has(record.id));
        },

        /** The page shows what the server has, or was told so. */
        settle() {
            generation++;
            over = new Map();
            show.said = "null";
            state.notice = null;
        },

        /** What a save of these pairs of a record and its changes would replace: list of differences. */
        replaced: (saves) => saves.flatMap(([record, changes]) => over.has(record.id)
            ? over.get(record.id).differences.filter(
                (one) => one.name in changes && !is_guarded(one.value, record.fields[one.name])) : []),

        /** Whether a save may go on: what the user would write over, he is asked about. */
        async may_save(saves, edited) {
            // What one click saves is not asked about; and when the page is closed, nothing can be waited for.
            if (edited.isInEdition && !model._urgentSave) {
                await look_again(saves).catch((error) =>
                    console.warn("web_longpolling_live: not known whether it would replace a colleague's change:", error));
            }
            const replaced = conflicts.replaced(saves);
            if (!replaced.length) {
                return true;
            }
            if (document.visibilityState === "hidden") {
                return false; // forms save by themselves when their tab is left: nobody is there to be asked
            }
            const fields = [...new Set(replaced.map((one) => one.label))].join(", ");
            const by = saves.map(([record]) => over.has(record.id) && over.get(record.id).by).find(Boolean);
            return new Promise((resolve) =>
                controller.dialogService.add(ConfirmationDialog, {
                    title: _t("Save over it?"),
                    body: by
                        ? _t("%(name)s has changed %(fields)s meanwhile. Your save would replace it.", { name: by, fields })
                        : _t("%s has changed meanwhile. Your save would replace it.", fields),
                    confirmLabel: _t("Save mine"),
                    confirm: () => resolve(true),
                    cancel: () => resolve(false),
                    dismiss: () => resolve(false),
                })
            );
        },
    };

    const all = (record, changes) => [[record, changes], ...(view.also ? view.also(record, changes) : [])];
    // The model's hooks, since the methods of the controllers that make them need not call those that they override.
    const { onWillSaveRecord, onRecordSaved, onWillSaveMulti } = model.hooks;
    Object.assign(model.hooks, {
        async onWillSaveRecord(record, changes) {
            return (await conflicts.may_save(all(record, changes), record)) ? onWillSaveRecord(...arguments) : false;
        },
        async onRecordSaved(record) {
            over.delete(record.id);
            view.saved(record);
            return onRecordSaved(...arguments);
        },
        async onWillSaveMulti(edited, changes) {
            if ((await onWillSaveMulti(...arguments)) === false) {
                return false;
            }
            const { selection } = model.root;
            if (await conflicts.may_save(selection.map((record) => [record, changes]), edited)) {
                selection.forEach((record) => over.delete(record.id));
                return true;
            }
            // As where the user does not confirm that several records are written.
            selection.forEach((record) => record._discard());
            model.root.leaveEditMode({ discard: true });
            return false;
        },
    });
    // Read by the patch below.
    model.live_replaces = (record, changes) => conflicts.replaced(all(record, changes)).length > 0;
    return conflicts;
}

patch(Record.prototype, {
    async _save() {
        // The page is closed, and Odoo saves what was typed: without a question, which nobody could answer any more. Not
        // saved, it lets the browser ask whether the page may be left.
        const { _urgentSave, live_replaces } = this.model;
        if (_urgentSave && live_replaces && live_replaces(this, this._getChanges())) {
            return false;
        }
        return super._save(...arguments);
    },
});
