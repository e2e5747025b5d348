// What the loop does with the functions that a page gives it. Each test is named after the sentence it proves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser, SENT, started } from "./fakes.mjs";

test("a callback that throws is reported to the console and does not end the loop", async () => {
    const { browser, tab, network } = await started("/wall", {}, {
        success: () => {
            throw new Error("a mistake of the page");
        },
    });
    network.request.answer(200, 1);
    await browser.sent();
    network.request.answer(200, 2);
    await browser.sent();
    assert.deepEqual(tab.answers, [1, 2]);
    assert.equal(tab.reports.length, 2);
    assert.match(String(tab.reports[0][1]), /a mistake of the page/);
});

test("an error callback that throws does not end the loop either", async () => {
    const { browser, tab, network } = await started("/wall", {}, {
        error: () => {
            throw new Error("a mistake of the page");
        },
    });
    network.request.answer(500);
    await browser.advance(1000);
    assert.equal(network.requests.length, 2);
    assert.equal(tab.reports.length, 1);
});

test("without an error callback a failed poll is simply repeated", async () => {
    const browser = new FakeBrowser();
    const tab = browser.tab();
    tab.lp.start_longpolling(tab.session, "/wall", {}, () => undefined);
    await browser.sent();
    browser.network.request.answer(500);
    await browser.advance(1000);
    assert.equal(browser.network.requests.length, 2);
    assert.deepEqual(tab.reports, []);
});

test("a callback that returns a promise delays the next poll until it is resolved", async () => {
    let resolve;
    const { browser, network } = await started("/wall", {}, { success: () => new Promise((done) => (resolve = done)) });
    network.request.answer(200, 1);
    await browser.advance(120e3);
    assert.equal(network.requests.length, 1);
    resolve();
    await browser.sent();
    assert.equal(network.requests.length, 2);
});

test("a callback's promise that is rejected lets the next poll go, too", async () => {
    const { browser, tab, network } = await started("/wall", {}, { success: () => Promise.reject(new Error("late mistake")) });
    network.request.answer(200, 1);
    await browser.sent();
    assert.equal(network.requests.length, 2);
    assert.match(String(tab.reports[0][1]), /late mistake/);
});

/** As jQuery 1.8 makes them: callbacks run at once, and `then` is no promise of the language. */
function deferred() {
    const waiting = [];
    let settled = null;
    const end = (index) => (...values) => {
        settled = [index, values];
        waiting.forEach((pair) => pair[index] && pair[index](...values));
    };
    return {
        resolve: end(0),
        reject: end(1),
        then(done, failed) {
            const pair = [done, failed];
            settled ? pair[settled[0]] && pair[settled[0]](...settled[1]) : waiting.push(pair);
            return this;
        },
        always(both) {
            return this.then(both, both);
        },
    };
}

for (const end of ["resolve", "reject"]) {
    test(`a jQuery deferred delays the next poll until it is settled: ${end}`, async () => {
        const work = deferred();
        const { browser, tab, network } = await started("/wall", {}, { success: () => work });
        network.request.answer(200, 1);
        await browser.advance(30e3);
        assert.equal(network.requests.length, 1);
        work[end]({}, "event");
        await browser.sent();
        assert.equal(network.requests.length, 2);
        assert.deepEqual(tab.reports, []);
    });
}

test("a deferred of the error callback delays the next poll, too", async () => {
    const work = deferred();
    const { browser, network } = await started("/wall", {}, { error: () => work });
    network.request.answer(500);
    await browser.advance(120e3);
    assert.equal(network.requests.length, 1);
    work.resolve();
    await browser.advance(500 + SENT);
    assert.equal(network.requests.length, 2);
});

test("params are read before every poll, so a callback may change them in place", async () => {
    const params = { last: 0 };
    const { browser, network } = await started("/wall", params, { success: (result) => (params.last = result) });
    network.request.answer(200, 17);
    await browser.sent();
    assert.equal(network.request.polls[0].params.last, 17);
    assert.deepEqual(params, { last: 17 });
});

test("path and params may be functions, asked before every poll", async () => {
    let last = 0;
    const { browser, network } = await started(() => "/wall/" + last, () => ({ seen: last }), { success: (value) => (last = value) });
    assert.equal(network.request.polls[0].path, "/wall/0");
    network.request.answer(200, 5);
    await browser.sent();
    assert.equal(network.request.polls[0].path, "/wall/5");
    assert.equal(network.request.polls[0].params.seen, 5);
});

test("a path function that throws is reported and does not end the loop", async () => {
    let calls = 0;
    const path = () => {
        calls += 1;
        if (calls === 1) {
            throw new Error("not yet");
        }
        return "/wall";
    };
    const { browser, tab, network } = await started(path);
    assert.equal(network.requests.length, 0);
    await browser.advance(1000);
    assert.equal(network.request.polls[0].path, "/wall");
    assert.equal(tab.reports.length, 1);
});

test("the page is told the state of its connection", async () => {
    const { browser, tab, network } = await started();
    assert.deepEqual(tab.states, [{ name: "connecting", wait: 0 }]);
    network.request.answer(200, 1);
    await browser.sent();
    network.request.answer(200, 2);
    await browser.sent();
    assert.deepEqual(tab.states.map((state) => state.name), ["connecting", "live"]);
    network.request.answer(500);
    await browser.sent();
    assert.deepEqual(tab.states.at(-1), { name: "reconnecting", wait: 0.5 });
    await browser.advance(500);
    assert.deepEqual(tab.states.at(-1), { name: "reconnecting", wait: 0 });
    network.request.answer(204);
    await browser.sent();
    assert.equal(tab.state, "live");
});

test("a poll that was not refused within two seconds counts as live", async () => {
    const { browser, tab } = await started();
    await browser.advance(1999 - SENT);
    assert.equal(tab.state, "connecting");
    await browser.advance(1);
    assert.equal(tab.state, "live");
});

test("a state callback that throws is reported and does not end the loop", async () => {
    const { browser, tab, network } = await started();
    tab.lp.onstate = () => {
        throw new Error("a mistake of the page");
    };
    network.request.answer(200, 1);
    await browser.sent();
    assert.equal(tab.reports.length, 1);
    assert.equal(network.held.length, 1);
});

