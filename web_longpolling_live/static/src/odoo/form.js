// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Forms: what a colleague changes appears; while somebody edits, a bar says so, and saving over it asks.
import { onMounted, onWillUnmount, toRaw, useState } from "@odoo/owl";
import { FormController } from "@web/views/form/form_controller";
import { patch } from "@web/core/utils/patch";
import { useService } from "@web/core/utils/hooks";
import { X2ManyFieldDialog } from "@web/views/fields/relational_utils";
import { LiveBar, LivePeople } from "./bar";
import { COMPARED, same, useConflicts } from "./conflicts";
import { core, live, useFollower } from "./live";

// Milliseconds between two signs of life of a page that looks at a record.
const SIGN = 20000;

// How many dialogs show rows of a form's lists, by the form's model: what is typed there is not the form's before they close.
const dialogs = new WeakMap();

patch(X2ManyFieldDialog.prototype, {
    setup() {
        super.setup(...arguments);
        const model = toRaw(this.props.record.model);
        const add = (number) => dialogs.set(model, (dialogs.get(model) || 0) + number);
        onMounted(() => add(1));
        onWillUnmount(() => add(-1));
    },
});

/**
 * Load a form's record anew, as its own load() does, but for what the user does meanwhile: nothing of it is replaced.
 *
 * @param {function(): Promise<boolean>|boolean} unwanted  whether nothing may be replaced now
 * @returns {Promise<boolean>} whether it was done
 */
async function read_anew(record, unwanted) {
    const { model, _values: values } = record;
    const config = { ...record.config };
    const data = await model._loadData(config);
    if ((await unwanted()) || record._values !== values) {
        return false;
    }
    model.hooks.onWillLoadRoot(config);
    Object.assign(record.config, config);
    record._setData(data);
    await model.hooks.onRootLoaded(record);
    return true;
}

function useLiveForm(controller) {
    const state = useState({ notice: null, people: [] });
    const root = () => controller.model.root;

    function mark(before) {
        const record = root();
        for (const name of record.fieldNames) {
            if (name in before && !same(before[name], record.data[name], record.fields[name])) {
                core.mark(controller.rootRef.el.querySelector(`.o_field_widget[name="${name}"]`));
            }
        }
    }

    /** The rows that the record's lists of other records show, of one model or of all. */
    const rows = (model) => root().fieldNames.flatMap((name) => (root().data[name] && root().data[name].records) || []).filter(
        (row) => row.resId && (!model || row.resModel === model));

    let loaded = 0;
    async function load_anew(changes) {
        if (changes.latest < loaded) {
            return undefined; // what has changed together is loaded together
        }
        const begun = Date.now();
        const record = root();
        const before = {};
        for (const name of record.fieldNames) {
            if (COMPARED.includes(record.fields[name].type)) {
                before[name] = record.data[name];
            }
        }
        if (!(await read_anew(record, () => root() !== record || busy()))) {
            return core.BUSY;
        }
        loaded = begun;
        conflicts.settle();
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
        mark(before);
        return undefined;
    }

    /** Whether a row of the record's lists is open. */
    const opened = () => dialogs.get(toRaw(root().model)) > 0 || rows().some((row) => row.isInEdition);
    // What is typed becomes the record's by asking whether it is dirty.
    const busy = () => root().dirty || root().isDirty().then((dirty) => dirty || opened());
    const follower = useFollower(controller.props.resModel, {
        shows() {
            const record = root();
            return record && record.resId && !record.isNew
                ? { model: record.resModel, ids: [record.resId], domain: null, context: record.context } : null;
        },
        busy,
        async hold(changes) {
            if (!(await conflicts.hold(changes, [root()])) && root().dirty) {
                follower.forget(); // it was this page itself, or nothing that is shown here
            }
        },
        async apply(changes) {
            if (changes.gone.includes(root().resId)) {
                conflicts.settle();
                state.notice = { since: changes.since, gone: true };
                return undefined;
            }
            return load_anew(changes);
        },
    });
    if (!follower) {
        return null;
    }
    const listed = Object.values(controller.archInfo.fieldNodes).filter((node) => node.views && controller.props.fields[node.name]);
    /** What new rows of that model are found by, in the lists that show them; null: nobody can say. */
    function belongs(model) {
        const inverse = listed.map((node) => controller.props.fields[node.name]).filter(
            (field) => field.relation === model && field.relation_field && !field.related).map((field) => field.relation_field);
        return core.referring(inverse, root().resId);
    }
    const followers = [...new Set(listed.map((node) => controller.props.fields[node.name].relation))].map(
        (model) => useFollower(model, {
            shows() {
                const domain = root() && root().resId && belongs(model);
                return domain || (root() && rows(model).length)
                    ? { model, ids: rows(model).map((row) => row.resId), domain, context: root().context } : null;
            },
            busy,
            hold: (changes) => conflicts.hold(changes, rows(model).filter(
                (row) => changes.changed.includes(row.resId) || changes.gone.includes(row.resId))),
            apply: load_anew,
        })).filter(Boolean);
    const settle = () => {
        conflicts.settle();
        [follower, ...followers].forEach((one) => one.forget());
    };
    const conflicts = useConflicts(controller, state, {
        edited: () => [root(), ...rows().filter((row) => row.dirty || row.isInEdition)],
        also: (record, changes) => record.fieldNames.filter((name) => name in changes && record.data[name] && record.data[name].records)
            .flatMap((name) => record.data[name].records.filter((row) => row.resId).map((row) => [row, row._getChanges()])),
        commit: () => root().isDirty(),
        async discard() {
            settle();
            await root().discard();
            await root().load();
        },
        saved: settle,
    });
    usePresence(controller, state);
    return state;
}

function usePresence(controller, state) {
    if (!live.presence || controller.env.inDialog) {
        return;
    }
    const orm = controller.orm;
    const page = core.new_name();
    const longpolling = useService("longpolling");
    let at = null;
    let editing = false;
    let end = () => undefined;
    let timer = null;

    const tell = (record, is_editing, leaving) =>
        orm.silent.call("longpolling.live.presence", "here", [record.model, record.id, is_editing, leaving, page]).catch(() => undefined);

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
            model: "longpolling.live.presence", method: "here", args: [at.model, at.id, false, true, page], kwargs: {} } })],
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
});
