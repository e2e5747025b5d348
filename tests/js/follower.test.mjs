// The follower of web_longpolling_live: when it loads anew what its view shows.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";

const SCRIPT = new URL("../../web_longpolling_live/static/src/js/follower.js", import.meta.url);

/** What the script gives to the web clients, in this scope. */
function core_in(scope) {
    vm.runInNewContext(readFileSync(SCRIPT, "utf8"), Object.assign(scope, { window: scope, globalThis: scope, self: scope }));
    return scope.web_longpolling_live_core;
}

/** A follower of a view, and the milliseconds after which it is woken. */
function following(view) {
    const waits = [];
    const scope = {
        console,
        setTimeout: (callback, milliseconds) => waits.push(milliseconds),
        clearTimeout: () => undefined,
        Math: Object.assign(Object.create(Math), { random: () => 0.5, max: Math.max, min: Math.min }),
    };
    const document = { hidden: false, addEventListener: () => undefined };
    const core = core_in(scope);
    return { core, waits, follower: new core.Follower(view, document) };
}

/** The milliseconds after which a follower loads its view that has heard this answer; it did so `ago` milliseconds ago. */
function heard(answer, ago) {
    const { waits, follower } = following({});
    follower.applied = Date.now() - (ago ?? 1e9);
    follower.hear({ changed: [1], gone: [], others: false, ...answer });
    return waits[0];
}

test("one of a few reloads within a moment", () => assert.equal(heard({}), 150));

test("one of many takes its turn within the time that the sidecar says", () => assert.equal(heard({ within: 5 }), 2500));

test("nobody waits for long, whatever is said", () => {
    assert.equal(heard({ within: 1e9 }), 15000);
    assert.equal(heard({ within: -1 }), 150);
});

test("one that has had its turn keeps its place: the next comes when all others have had theirs", () => {
    const near = (milliseconds, expected) => assert.ok(Math.abs(milliseconds - expected) < 100, String(milliseconds));
    near(heard({ within: 5 }, 1000), 4150);
    near(heard({}, 500), 1650);
    near(heard({ within: 5 }, 5500), 2500);
});

test("what the view goes on to show though it is gone is told once, and asked about every 30 seconds", () => {
    const { waits, follower } = following({});
    follower.hear({ changed: [], gone: [1], others: false });
    assert.deepEqual([...follower.pending.gone], [1]);
    assert.equal(waits.at(-1), 2000);
    follower.pending = null;
    follower.hear({ changed: [], gone: [1], others: false });
    assert.equal(follower.pending, null);
    assert.equal(waits.at(-1), 30000);
    follower.hear({ changed: [1], gone: [], others: false }); // it is there again
    follower.hear({ changed: [], gone: [1], others: false });
    assert.deepEqual([[...follower.pending.changed], [...follower.pending.gone]], [[1], [1]]);
});

test("of two long texts the parts are shown where they begin to differ", () => {
    const { excerpts } = core_in({});
    assert.deepEqual([...excerpts("Oslo", "Bergen")], ["Oslo", "Bergen"]);
    assert.deepEqual([...excerpts("", "–")], ["", "–"]);
    const [mine, theirs] = excerpts("a".repeat(1000) + "mine", "a".repeat(1000) + "theirs" + "b".repeat(1000));
    assert.equal(mine, "…" + "a".repeat(60) + "mine");
    assert.equal(theirs, "…" + "a".repeat(60) + "theirs" + "b".repeat(234) + "…");
    const [all, begun] = excerpts("a".repeat(1000), "a".repeat(100));
    assert.equal(all, "…" + "a".repeat(300) + "…");
    assert.equal(begun, "…" + "a".repeat(60));
});

test("what a view has not shown, since it has become busy, it is told again with what came meanwhile", async () => {
    const { core, waits, follower } = following({ busy: () => false, apply: async () => {
        follower.hear({ changed: [2], gone: [], others: true });
        return core.BUSY;
    } });
    follower.hear({ changed: [1], gone: [], others: false });
    const since = follower.pending.since;
    follower.timer = null;
    waits.length = 0;
    await follower.flush();
    const { changed, others } = follower.pending;
    assert.deepEqual([[...changed], others, follower.pending.since], [[1, 2], true, since]);
    assert.ok(waits.some((milliseconds) => milliseconds > 1900));
});
