// SPDX-FileCopyrightText: web_longpolling contributors
// SPDX-License-Identifier: AGPL-3.0-only
// Lists, kanbans and calendars: what a colleague changes is loaded anew in place, without losing what the user has begun.
import { onMounted, onPatched, onWillUnmount, toRaw, useState, useSubEnv } from "@odoo/owl";
import { CalendarController } from "@web/views/calendar/calendar_controller";
import { KanbanController } from "@web/views/kanban/kanban_controller";
import { KanbanRecord } from "@web/views/kanban/kanban_record";
import { KanbanRenderer } from "@web/views/kanban/kanban_renderer";
import { ListController } from "@web/views/list/list_controller";
import { clearProcessedTemplates, getTemplate, registerTemplateExtension } from "@web/core/templates";
import { patch } from "@web/core/utils/patch";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { LiveBar, LivePeople } from "./bar";
import { useConflicts } from "./conflicts";
import { core, is_live, live, load_beside, useFollower, watch_loads } from "./live";

/** What a record shows, as text, to compare it with what it shows later. */
function shown_by(record) {
    const values = {};
    for (const name of record.fieldNames) {
        const value = record.data[name];
        values[name] = value && value.records ? value.records.map((one) => one.resId || one.id) : value;
    }
    return JSON.stringify(values);
}

function shown_rows(root) {
    return new Map(root.records.filter((record) => record.resId).map((record) => [record.resId, shown_by(record)]));
}

/** Where the focus is, in words that outlive the elements; null: nowhere in the view. */
function focus_in(element, root) {
    const focused = document.activeElement;
    if (!element || !focused || !element.contains(focused)) {
        return null;
    }
    const row = /** @type {*} */ (focused.closest("[data-id]"));
    const record = row && root.records.find((one) => one.id === row.dataset.id);
    return record && { record: record.resId, index: [...row.querySelectorAll("*")].indexOf(focused) };
}

/** What the user has chosen of what is shown: its pages, its order, its open groups. */
function chosen(config) {
    const { domain, groupBy, orderBy, offset, limit, groups } = config;
    return [domain, groupBy, orderBy, offset, limit, Object.entries(groups || {}).map(
        ([value, group]) => [value, group.isFolded, group.extraDomain, chosen(group.list)])];
}

/** A copy, which a load may change without changing what is shown. */
function copied(config) {
    const groups = Object.entries(config.groups || {}).map(([value, group]) => [value, { ...group, list: copied(group.list) }]);
    return { ...config, ...(config.groups ? { groups: Object.fromEntries(groups) } : {}) };
}

/**
 * Load anew what a model shows, as its own load() does, but for what the user does meanwhile: nothing of it is replaced.
 *
 * @param {function(): boolean} busy  whether nothing may be replaced now
 * @returns {Promise<boolean>} whether it was done
 */
async function load_anew(model, busy) {
    const root = model.root;
    const state = () => JSON.stringify([chosen(model.config), root.records.map((record) => [record.id, shown_by(record)])]);
    const before = state();
    const config = copied(model._getNextConfig(model.config, {}));
    if (model.useSampleModel) {
        delete config.groups;
        delete config.currentGroups;
    }
    model.hooks.onWillLoadRoot(config);
    const data = await model._loadData(config);
    await model.mutex.getUnlockedDef();
    if (model.root !== root || busy() || state() !== before) {
        return false;
    }
    const fresh = model._createRoot(config, data);
    if (model.useSampleModel && !fresh.hasData) {
        return true;
    }
    const selected = new Set(model.useSampleModel ? [] : root.selection.map((record) => record.resId));
    for (const record of fresh.records) {
        record.selected = selected.has(record.resId);
    }
    fresh.isDomainSelected = root.isDomainSelected;
    model.useSampleModel = false;
    model.root = fresh;
    model.config = config;
    await model.hooks.onRootLoaded(fresh);
    model.notify();
    return true;
}

const element_of = (element, record) => element && record && element.querySelector(`[data-id="${record.id}"]`);

function useLiveList(controller) {
    const state = useState({ notice: null });
    const model = () => controller.model;
    let under_way = () => false;

    /** What a save would write now: the row that is edited, and with it those that are selected. */
    function edited() {
        const rows = model().root.records.filter((record) => record.isInEdition || record.dirty);
        return model().multiEdit && rows.some((record) => record.selected)
            ? [...rows, ...model().root.selection.filter((record) => !rows.includes(record))] : rows;
    }

    /** What is typed becomes the record's; of several records it would be saved. */
    async function commit() {
        const several = model().multiEdit && edited().some((record) => record.selected);
        await (!several && edited().length ? edited()[0].isDirty() : null);
    }

    /** Whether it is over in a moment, and needs no bar. */
    const moment = () => under_way() || Boolean(controller.rootRef.el && controller.rootRef.el.querySelector(
        ".o_dragged, .o_data_row .o-dropdown.show, .o_kanban_record .o-dropdown.show"));

    function busy() {
        return Boolean(
            moment() ||
            model().root.records.some((record) => record.isInEdition || record.dirty || record.isNew) ||
            (controller.quickCreateState && controller.quickCreateState.groupId)
        );
    }

    const follower = useFollower(controller.props.resModel, {
        shows() {
            const root = model().root;
            if (!model().isReady || !root || !root.records) {
                return null;
            }
            // Sample data have ids that are no records'.
            const ids = model().useSampleModel ? [] : root.records.map((record) => record.resId).filter(Boolean);
            return { model: root.resModel, ids: ids, domain: root.domain, context: root.context };
        },
        busy,
        async hold(changes) {
            if (moment()) {
                return;
            }
            await commit();
            const shown = model().root.records.filter(
                (record) => changes.changed.includes(record.resId) || changes.gone.includes(record.resId));
            const news = (await conflicts.hold(changes, shown)) || changes.others;
            if (news && !state.notice) { // nothing of it is edited
                state.notice = { since: changes.since };
            }
        },
        async apply() {
            conflicts.settle();
            const element = controller.rootRef.el;
            const before = shown_rows(model().root);
            let focus = /** @type {*} */ (null);
            let places = /** @type {Array} */ ([]);
            const done = await load_anew(toRaw(controller.model), () => {
                focus = focus_in(element, model().root);
                places = [...element.querySelectorAll(".o_content, .o_list_renderer, .o_renderer, .o_kanban_group")].map(
                    (place) => [place, place.scrollLeft, place.scrollTop]);
                return busy();
            });
            if (!done) {
                return core.BUSY;
            }
            const fresh = model().root;
            await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
            for (const [place, left, top] of places) {
                Object.assign(place, { scrollLeft: left, scrollTop: top });
            }
            for (const record of fresh.records) {
                if (before.get(record.resId) !== shown_by(record)) {
                    core.mark(element_of(element, record));
                }
            }
            if (focus && (document.activeElement === document.body || !document.activeElement)) {
                const row = element_of(element, fresh.records.find((record) => record.resId === focus.record));
                const target = row && (focus.index < 0 ? row : row.querySelectorAll("*")[focus.index]);
                target && target.focus({ preventScroll: true });
            }
            return undefined;
        },
    });
    if (!follower) {
        return null;
    }
    under_way = watch_loads(toRaw(controller.model));
    const conflicts = useConflicts(controller, state, {
        edited,
        commit,
        discard: () => model().root.leaveEditMode({ discard: true }),
        saved: () => (state.notice = null), // what else has changed is loaded anew in a moment
    });
    return state;
}

for (const Controller of [ListController, KanbanController]) {
    patch(Controller.prototype, {
        // Not among the controller's components: those that other addons derive from it may have copied these before.
        LiveBar,
        setup() {
            super.setup(...arguments);
            this.live = useLiveList(this);
        },
    });
}

// The sidecar tells of so many cards.
const CARDS = 100;

/** The faces of those who look at the records of a kanban's cards. */
function useCards(controller) {
    const model = controller.props.resModel;
    if (!live.cards || !is_live(model) || !registry.category("services").contains("longpolling")) {
        return;
    }
    const longpolling = useService("longpolling");
    const cards = useState({ people: {} });
    let shown = null;
    let end = () => undefined;
    function check() {
        const root = controller.model.root;
        const ids = root && root.records && !controller.model.useSampleModel ? root.records.map((record) => record.resId).filter(Boolean).slice(0, CARDS) : [];
        if (JSON.stringify(ids) !== shown) {
            shown = JSON.stringify(ids);
            end();
            end = !ids.length ? () => undefined : longpolling.poll(
                "/live/cards", () => ({ model, records: ids, known: JSON.parse(JSON.stringify(cards.people)) }),
                (answer) => { cards.people = answer.people; }, () => undefined);
        }
    }
    useSubEnv({ live_cards: cards });
    onMounted(check);
    onPatched(check);
    onWillUnmount(() => end());
}

patch(KanbanController.prototype, {
    setup() {
        super.setup(...arguments);
        useCards(this);
    },
});

const FACES = `<t><xpath expr="//article" position="inside">
    <t t-if="live_people.length" t-component="LivePeople" people="live_people" card="true"/>
</xpath></t>`;

/** Cards of other addons that do not inherit web.KanbanRecord's template, in live.xml, have a template of their own. */
function give_faces(name) {
    const template = getTemplate(name);
    if (template && template.querySelector("article") && !template.querySelector("[people=live_people]")) {
        registerTemplateExtension(name, "/web_longpolling_live/static/src/odoo/lists.js", FACES);
        clearProcessedTemplates();
    }
}

patch(KanbanRenderer.prototype, {
    setup() {
        super.setup(...arguments);
        if (this.env.live_cards) { // before the first card is made, with which its template is compiled for good
            give_faces(this.constructor.components.KanbanRecord.template);
        }
    },
});

patch(KanbanRecord.prototype, {
    LivePeople,
    setup() {
        super.setup(...arguments);
        this.live_cards = this.env.live_cards ? useState(this.env.live_cards) : null;
    },
    get live_people() {
        return (this.live_cards && this.live_cards.people[this.props.record.resId]) || [];
    },
});

patch(CalendarController.prototype, {
    setup() {
        super.setup(...arguments);
        const model = toRaw(this.model);
        let under_way = () => false;
        const follower = useFollower(this.props.resModel, {
            shows: () => ({
                model: this.model.resModel,
                ids: Object.keys(this.model.records || {}).map(Number).filter(Boolean),
                domain: this.props.domain,
                context: this.props.context,
            }),
            busy: () => under_way() || Boolean(document.querySelector(".fc-event-dragging, .fc-event-resizing, .o_cw_popover")),
            hold: () => undefined,
            apply: () => load_beside(model, (beside) => beside.load(), under_way),
        });
        if (follower) {
            under_way = watch_loads(model);
        }
    },
});
