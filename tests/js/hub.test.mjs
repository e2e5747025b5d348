// What the hub puts into its requests. Each test is named after the sentence it proves.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { FakeBrowser, core, settle, source } from "./fakes.mjs";

/** A hub without pages; `join(path)` asks for a poll and writes down its outcomes. */
function hub(options) {
    const browser = new FakeBrowser(options);
    const made = new core.Hub(browser.surroundings("hub"), { url: "/lp", limit: 70e3, body: { uid: 1 } });
    const outcomes = [];
    const join = (path, { params = {}, since = null, wait = 0, failures = 0, again = false } = {}) => {
        const asked = { path, params, since, wait, failures };
        return made.join(asked, (outcome) => {
            outcomes.push([path, outcome.status]);
            if (again) {
                join(path, { params, since: outcome.position, wait: outcome.wait, again });
            }
        });
    };
    return { browser, network: browser.network, hub: made, outcomes, join };
}

const paths = (request) => request.polls.map((poll) => poll.path).sort();

test("the version is that of the file", () => {
    const text = source("hub.js");
    const version = text.match(/core\.VERSION = "(.*)"/)[1];
    const hash = createHash("sha256").update(text.replace(version, "")).digest("hex").slice(0, 12);
    assert.equal(version, hash, `write core.VERSION = "${hash}" into hub.js`);
});

test("polls that begin together are one request", async () => {
    const { browser, network, join } = hub();
    ["/a", "/b", "/c"].forEach((path) => join(path));
    await browser.sent();
    assert.deepEqual(paths(network.request), ["/a", "/b", "/c"]);
});

test("those that are ready are answered, and all are asked for again in one request", async () => {
    const { browser, network, outcomes, join } = hub();
    ["/a", "/b", "/c"].forEach((path) => join(path, { again: true }));
    await browser.sent();
    network.request.answers({ poll: 0, status: 200, result: 1, position: "p" }, { poll: 2, status: 204, position: "p" });
    await browser.advance(1);
    assert.deepEqual(outcomes, [["/a", 200], ["/c", 204]]);
    assert.deepEqual(paths(network.request), ["/a", "/b", "/c"]);
    assert.deepEqual(network.requests.length, 2);
});

test("one that was answered and does not ask again holds the others up for 50 ms at most", async () => {
    const { browser, network, join } = hub();
    join("/gone");
    join("/here", { again: true });
    await browser.sent();
    network.request.answer(204);
    await browser.advance(49);
    assert.equal(network.held.length, 0);
    await browser.advance(1);
    assert.deepEqual(paths(network.request), ["/here"]);
});

test("a newcomer joins the others in one request", async () => {
    const { browser, network, join } = hub();
    join("/a");
    await browser.advance(5000);
    const before = network.request;
    join("/b");
    await browser.advance(10);
    assert.ok(before.aborted);
    assert.deepEqual(paths(network.request), ["/a", "/b"]);
});

test("many newcomers, one after another, leave the request alone for longer and longer", async () => {
    const { browser, network, join } = hub();
    for (let number = 0; number < 100; number += 1) {
        join("/path/" + number % 60);
        await browser.advance(30);
    }
    assert.ok(network.requests.length < 12, String(network.requests.length));
    await browser.advance(2000);
    assert.equal(network.request.polls.length, 60);
});

test("after an answer newcomers join soon again", async () => {
    const { browser, network, join } = hub();
    for (let number = 0; number < 40; number += 1) {
        join("/path/" + number);
        await browser.advance(30);
    }
    await browser.advance(2000);
    network.request.answer(204);
    await browser.sent();
    join("/a");
    await browser.advance(100);
    join("/b");
    await browser.advance(20);
    assert.deepEqual(paths(network.request), ["/a", "/b"]);
});

test("those that were answered and never ask again delay no newcomer", async () => {
    const { browser, network, join } = hub();
    ["/gone", "/gone/too", "/gone/as/well"].forEach((path) => join(path));
    join("/here", { again: true });
    await browser.sent();
    network.request.answer(204);
    await browser.advance(5000);
    join("/new");
    await browser.advance(10);
    assert.deepEqual(paths(network.request), ["/here", "/new"]);
});

test("equal polls are one, and each gets the outcome", async () => {
    const { browser, network, outcomes, join } = hub();
    join("/a", { params: { room: 1 }, since: "p" });
    join("/a", { params: { room: 1 }, since: "p" });
    await browser.sent();
    join("/a", { params: { room: 1 }, since: "p" }); // also while it is under way: nothing is sent anew
    await browser.sent();
    assert.equal(network.requests.length, 1);
    assert.equal(network.request.polls.length, 1);
    network.request.answer(200, 1);
    await browser.sent();
    assert.deepEqual(outcomes, [["/a", 200], ["/a", 200], ["/a", 200]]);
});

test("a poll with other parameters or another position is another one", async () => {
    const { browser, network, join } = hub();
    join("/a", { params: { room: 1 }, since: "p" });
    join("/a", { params: { room: 2 }, since: "p" });
    join("/a", { params: { room: 1 }, since: null });
    await browser.sent();
    assert.equal(network.request.polls.length, 3);
});

test("a poll that ends leaves the request, and the last one ends it", async () => {
    const { browser, network, join } = hub();
    const [end_a, end_b] = [join("/a"), join("/b")];
    await browser.advance(3000);
    end_a();
    await browser.sent();
    assert.deepEqual(paths(network.request), ["/b"]);
    end_b();
    assert.ok(network.requests.at(-1).aborted); // at once: a worker without a page may be frozen in a moment
    await browser.advance(3000);
    assert.deepEqual([network.held.length, network.requests.length], [0, 2]);
    assert.deepEqual(browser.clock.timers, []);
});

test("an answer for a poll that has ended, or that was never asked for, goes nowhere", async () => {
    const { browser, network, outcomes, join } = hub();
    const end = join("/a");
    join("/b");
    await browser.sent();
    const { request } = network;
    end();
    request.answers({ poll: 0, status: 200, result: 1 }, { poll: 7, status: 200, result: 1 }, { poll: 1, status: 200 });
    await browser.sent();
    assert.deepEqual(outcomes, [["/b", 200]]);
});

test("more than 64 polls are as many requests as it takes, of 64 at most", async () => {
    const { browser, network, join } = hub();
    for (let number = 0; number < 130; number += 1) {
        join("/path/" + number);
    }
    await browser.sent();
    assert.deepEqual(network.held.map((request) => request.polls.length), [64, 64, 2]);
});

test("parameters that are too large for one request are several, and each is below 1 MB", async () => {
    const { browser, network, join } = hub();
    for (let number = 0; number < 5; number += 1) {
        join("/path/" + number, { params: { text: "€".repeat(100e3) } });
    }
    await browser.sent();
    const sizes = network.held.map((request) => Buffer.byteLength(request.options.body));
    assert.ok(Math.max(...sizes) < 1e6, String(sizes));
    assert.equal(network.held.reduce((sum, request) => sum + request.polls.length, 0), 5);
});

test("a poll whose controller is at work for long gets a request of its own, which nothing breaks off", async () => {
    const { browser, network, outcomes, join } = hub();
    join("/slow");
    join("/busy", { again: true });
    await browser.sent();
    network.request.answers({ poll: 1, status: 200 }, { poll: 0, status: 102 });
    await browser.sent();
    const [slow, busy] = ["/slow", "/busy"].map((path) => network.held.find((held) => paths(held)[0] === path));
    assert.deepEqual([paths(slow), paths(busy)], [["/slow"], ["/busy"]]);
    for (let number = 0; number < 20; number += 1) {
        join("/newcomer/" + number);
        await browser.advance(500);
    }
    assert.ok(!slow.aborted);
    assert.equal(network.held.length, 2);
    slow.answer(200);
    await browser.sent();
    assert.ok(outcomes.some(([path, status]) => path === "/slow" && status === 200));
    assert.equal(network.held.length, 1);
});

test("nobody waits for a request of slow controllers that was sent just now", async () => {
    const { browser, network, join } = hub();
    const leave = Array.from({ length: 7 }, (_, number) => join("/slow/" + number));
    await browser.sent();
    network.request.answers(...leave.map((_, poll) => ({ poll, status: 102 })));
    await browser.sent();
    // Each that leaves breaks the request off; the one after an ordinary request would be left alone for twice as long.
    for (const one of leave.slice(0, 5)) {
        one();
        await browser.sent();
    }
    join("/newcomer");
    await browser.advance(10);
    assert.deepEqual(network.held.map(paths), [["/slow/5", "/slow/6"], ["/newcomer"]]);
});

test("there are two requests at most, however many controllers are slow", async () => {
    const { browser, network, join } = hub();
    ["/slow/1", "/slow/2", "/busy"].forEach((path) => join(path, { again: true }));
    await browser.sent();
    network.request.answers({ poll: 0, status: 102 }, { poll: 2, status: 200 });
    await browser.sent();
    const main = network.held.find((held) => paths(held).includes("/busy"));
    const index = (path) => main.polls.findIndex((poll) => poll.path === path);
    main.answers({ poll: index("/slow/2"), status: 102 }, { poll: index("/busy"), status: 200 });
    await browser.sent();
    assert.equal(network.held.length, 2);
});

test("when the server is back after a failure, those that wait do not wait any longer", async () => {
    const { browser, network, join } = hub({ random: () => 0.99 });
    join("/a", { failures: 6, again: true });
    await browser.sent();
    network.request.fail();
    await browser.sent();
    assert.equal(network.held.length, 0);
    join("/newcomer");
    await browser.sent();
    assert.deepEqual(paths(network.request), ["/newcomer"]);
    network.request.answer(200);
    await browser.sent();
    assert.deepEqual(paths(network.request), ["/a"]);
});

test("after a failure that is over, a poll that fails by itself waits again", async () => {
    const { browser, network, join } = hub({ random: () => 0.99 });
    join("/fails", { again: true });
    join("/well", { again: true });
    await browser.sent();
    network.request.fail();
    await browser.advance(1100);
    network.request.answer(204);
    await browser.sent();
    const fails = network.request.polls.findIndex((poll) => poll.path === "/fails");
    network.request.answers({ poll: fails, status: 503, error: "full", retry_after: 30 });
    await browser.sent();
    network.request.answer(204);
    await browser.sent();
    assert.deepEqual(paths(network.request), ["/well"]);
});

test("a poll that waits is sent at once when somebody joins it who need not wait", async () => {
    const { browser, network, join } = hub();
    join("/a", { wait: 30e3 });
    await browser.sent();
    assert.equal(network.held.length, 0);
    join("/a", { wait: 20e3 });
    await browser.sent();
    assert.equal(network.held.length, 0);
    join("/a");
    await browser.sent();
    assert.deepEqual(paths(network.request), ["/a"]);
    await browser.advance(40e3);
    assert.equal(network.requests.length, 1);
});

test("the outcomes of one request that fails as a whole have one wait, by whoever has waited most", async () => {
    const { browser, hub: made, network } = hub({ random: () => 0.5 });
    const waits = [];
    for (const failures of [0, 3, 1]) {
        made.join({ path: "/" + failures, params: {}, since: null, wait: 0, failures }, (outcome) => waits.push(outcome.wait));
    }
    await browser.sent();
    network.request.fail();
    await settle();
    assert.deepEqual(waits, [4000, 4000, 4000]);
});
