// What the loop takes from a real page. Each test is named after the sentence it proves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { core } from "./fakes.mjs";

function page({ protocol, ...more } = {}) {
    return {
        navigator: { locks: "the lock manager" },
        performance: { getEntriesByType: () => (protocol === undefined ? [] : [{ nextHopProtocol: protocol }]) },
        BroadcastChannel: class {
            constructor(name) {
                this.name = name;
            }
        },
        document: "the document",
        console: "the console",
        ...more,
    };
}

test("a page over HTTP/1.1 leaves connections of the browser to other requests", () => {
    for (const protocol of ["http/1.1", "", undefined]) {
        assert.equal(core.browser(page({ protocol })).polls_at_once, 4);
    }
    assert.equal(core.browser(page({ performance: undefined })).polls_at_once, 4);
});

test("a page over HTTP/2 or HTTP/3 needs to leave none", () => {
    assert.equal(core.browser(page({ protocol: "h2" })).polls_at_once, Infinity);
    assert.equal(core.browser(page({ protocol: "h3" })).polls_at_once, Infinity);
});

test("a page without Web Locks or BroadcastChannel is told so by null", () => {
    assert.equal(core.browser(page({ navigator: {} })).locks, null);
    assert.equal(core.browser(page({ BroadcastChannel: undefined })).channel, null);
    assert.equal(core.browser(page()).locks, "the lock manager");
    assert.equal(core.browser(page()).channel("a name").name, "a name");
});

test("a sleep ends when it is over or when it is aborted, and leaves no timer behind", async () => {
    const timers = new Set();
    const env = {
        setTimeout: (callback) => (timers.add(callback), callback),
        clearTimeout: (timer) => timers.delete(timer),
    };
    const over = core.sleep(env, 5, new AbortController().signal);
    [...timers][0]();
    await over;
    assert.equal(timers.size, 0);
    const aborted = new AbortController();
    const sleep = core.sleep(env, 5, aborted.signal);
    aborted.abort();
    await sleep;
    assert.equal(timers.size, 0);
    await core.sleep(env, 5, aborted.signal);
    await core.sleep(env, 0, new AbortController().signal);
    assert.equal(timers.size, 0);
});
