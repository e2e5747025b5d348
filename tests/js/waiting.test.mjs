// How long the loop waits, and what ends the waiting. Each test is named after the sentence it proves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SENT, core, settle, started as started_with } from "./fakes.mjs";

const started = (options, path, params, callbacks) => started_with(path, params, callbacks, options);

/** Let the request in flight fail, and measure how long it takes to the next one, within 50 ms. */
async function wait_after_failure(browser, status = 500, headers = {}) {
    const { network } = browser;
    const [count, before] = [network.requests.length, browser.clock.time];
    network.request.answer_all(status, {}, headers);
    await settle();
    while (network.requests.length === count) {
        const next = Math.min(...browser.clock.timers.map((timer) => timer.at));
        await browser.advance(next - browser.clock.time);
    }
    return Math.floor((browser.clock.time - before) / 50) * 50;
}

test("waits between failed polls grow from 1 s to 60 s", async () => {
    const { browser } = await started({ random: () => 0.999999 });
    const waits = [];
    for (let failure = 0; failure < 9; failure += 1) {
        waits.push(Math.round((await wait_after_failure(browser)) / 1000));
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

test("the jitter is full: a wait may be anything from nothing up to its ceiling", async () => {
    for (const [luck, expected] of [[0, 0], [0.25, 1000], [0.5, 2000]]) {
        assert.equal(core.wait_after({ random: () => luck, now: () => 0 }, 2, null), expected);
    }
});

test("a poll that fails among others waits by itself, and the others go on", async () => {
    const { browser, tab, network } = await started({}, "/fails");
    await tab.start("/well", {}, { lp: tab.another() });
    const paths = () => network.request.polls.map((poll) => poll.path).sort();
    for (const wait of [500, 1000, 2000]) {
        network.request.answers({ poll: network.request.polls.findIndex((poll) => poll.path === "/fails"), status: 500, error: "x" });
        await browser.sent();
        assert.deepEqual(paths(), ["/well"]);
        await browser.advance(wait);
        assert.deepEqual(paths(), ["/fails", "/well"]);
    }
    assert.deepEqual(tab.errors, [[500, "error"], [500, "error"], [500, "error"]]);
});

test("a Retry-After of one poll is obeyed", async () => {
    const { browser, network } = await started({ random: () => 0 }, "/full");
    network.request.answers({ poll: 0, status: 503, error: "full", retry_after: 7 });
    await browser.advance(6999);
    assert.equal(network.held.length, 0);
    await browser.advance(1 + SENT);
    assert.equal(network.held.length, 1);
});

test("success resets the wait", async () => {
    const { browser, network } = await started({ random: () => 0.999999 });
    for (let failure = 0; failure < 5; failure += 1) {
        await wait_after_failure(browser);
    }
    network.request.answer(200, 1);
    await browser.sent();
    assert.equal(Math.round((await wait_after_failure(browser)) / 1000), 1);
});

test("a poll that was held until the timeout resets the wait, too", async () => {
    const { browser, network } = await started({ random: () => 0.999999 });
    await wait_after_failure(browser);
    await wait_after_failure(browser);
    network.request.answer(204);
    await browser.sent();
    assert.equal(Math.round((await wait_after_failure(browser)) / 1000), 1);
});

test("Retry-After in seconds is obeyed", async () => {
    const { browser } = await started({ random: () => 0 });
    assert.equal(await wait_after_failure(browser, 503, { "Retry-After": "7" }), 7000);
});

test("pages that a full sidecar told the same Retry-After come back spread over a second", async () => {
    const { browser } = await started({ random: () => 0.75 });
    assert.equal(await wait_after_failure(browser, 503, { "Retry-After": "7" }), 7750);
});

test("Retry-After as a date is obeyed", async () => {
    const { browser } = await started({ random: () => 0 });
    await browser.advance(1000 - (browser.clock.time % 1000)); // a date has no milliseconds
    const date = new Date(browser.clock.time + 12000).toUTCString();
    assert.equal(await wait_after_failure(browser, 503, { "Retry-After": date }), 12000);
});

test("a Retry-After that cannot be read, is in the past or asks for years does no harm", () => {
    const now = Date.UTC(2026, 0, 1);
    assert.equal(core.retry_after("soon", now), null);
    assert.equal(core.retry_after("", now), null);
    assert.equal(core.retry_after(null, now), null);
    assert.equal(core.retry_after("-5", now), 0);
    assert.equal(core.retry_after("Wed, 21 Oct 2015 07:28:00 GMT", now), 0);
    assert.equal(core.retry_after("99999999", now), 3600000);
});

test("the online event polls at once", async () => {
    const { browser, tab, network } = await started({ random: () => 1 });
    for (let failure = 0; failure < 6; failure += 1) {
        await wait_after_failure(browser);
    }
    network.request.fail();
    await browser.advance(100);
    assert.equal(network.held.length, 0);
    await tab.event("online");
    assert.equal(network.held.length, 1);
});

test("the online event replaces a request that may hang on a dead connection", async () => {
    const { browser, tab, network } = await started();
    const before = network.request;
    await tab.event("online");
    assert.ok(before.aborted);
    assert.equal(network.held.length, 1);
    assert.deepEqual(tab.errors, []);
});

test("a page that becomes visible polls at once", async () => {
    const { browser, tab, network } = await started({ random: () => 1 });
    network.request.answer_all(503, {}, { "Retry-After": "300" });
    await browser.advance(1000);
    tab.document.visibilityState = "hidden";
    await tab.event("visibilitychange", tab.document);
    assert.equal(network.held.length, 0);
    tab.document.visibilityState = "visible";
    await tab.event("visibilitychange", tab.document);
    assert.equal(network.held.length, 1);
});

test("a page may ask for a poll at once", async () => {
    const { browser, tab, network } = await started({ random: () => 1 });
    network.request.answer_all(503, {}, { "Retry-After": "300" });
    await browser.advance(1000);
    tab.lp.poll_now();
    await browser.sent();
    assert.equal(network.held.length, 1);
    await browser.advance(2000);
    assert.equal(tab.state, "live"); // not only when the wait would have been over
});

test("a page that becomes visible keeps a poll that is held", async () => {
    const { browser, tab, network } = await started();
    await tab.event("visibilitychange", tab.document);
    assert.equal(network.requests.length, 1);
    assert.ok(!network.requests[0].aborted);
});

test("leaving the page aborts the request, without a callback", async () => {
    const { browser, tab, network } = await started();
    await tab.event("pagehide");
    await browser.advance(600e3);
    assert.ok(network.requests[0].aborted);
    assert.equal(network.requests.length, 1);
    assert.deepEqual([tab.answers, tab.errors, tab.reports], [[], [], []]);
});

test("a page that comes out of the back/forward cache resumes at once, its waits reset", async () => {
    const { browser, tab, network } = await started({ random: () => 0.999999 });
    await wait_after_failure(browser);
    await wait_after_failure(browser);
    network.request.answer(500);
    await browser.sent();
    await tab.event("pagehide");
    await browser.advance(3600e3);
    assert.equal(network.held.length, 0);
    await tab.event("pageshow");
    assert.equal(network.held.length, 1);
    assert.equal(Math.round((await wait_after_failure(browser)) / 1000), 1);
});

test("the first pageshow of a page changes nothing", async () => {
    const { browser, tab, network } = await started();
    await tab.event("pageshow");
    assert.equal(network.requests.length, 1);
});

test("a frozen page holds no poll, and one that is resumed polls at once", async () => {
    const { browser, tab, network } = await started();
    await tab.event("freeze", tab.document);
    assert.ok(network.requests[0].aborted);
    await tab.event("online");
    assert.equal(network.held.length, 0);
    await tab.event("resume", tab.document);
    assert.equal(network.held.length, 1);
});

test("a page that was left during a callback does not poll until it is back", async () => {
    let done;
    const { browser, tab, network } = await started({}, "/wall", {}, { success: () => new Promise((end) => (done = end)) });
    network.request.answer(200, 1);
    await browser.sent();
    await tab.event("pagehide");
    done();
    await browser.sent();
    assert.equal(network.held.length, 0);
    await tab.event("pageshow");
    assert.equal(network.held.length, 1);
});

test("a stop while the page is in the back/forward cache is final", async () => {
    const { browser, tab, network } = await started();
    await tab.event("pagehide");
    tab.lp.stop_longpolling();
    await tab.event("pageshow");
    await browser.advance(600e3);
    assert.equal(network.requests.length, 1);
});

test("a laptop that slept through the timeout drops the dead request and repeats it, without a callback", async () => {
    const { browser, tab, network } = await started();
    await browser.advance(20e3);
    browser.clock.sleep(8 * 3600e3);
    await browser.advance(5e3);
    assert.ok(network.requests[0].aborted);
    assert.equal(network.held.length, 1);
    assert.deepEqual(tab.errors, []);
});

test("a request older than the timeout and 10 s is aborted and repeated, and the page is told timeout", async () => {
    const { browser, tab, network } = await started();
    await browser.advance(70e3);
    assert.ok(!network.requests[0].aborted);
    await browser.advance(5e3);
    assert.ok(network.requests[0].aborted);
    assert.deepEqual(tab.errors, [[0, "timeout"]]);
    await browser.advance(1e3);
    assert.equal(network.held.length, 1);
});

test("a poll that is held leaves no timers behind when it is answered", async () => {
    const { browser, tab, network } = await started();
    for (let poll = 0; poll < 50; poll += 1) {
        network.request.answer(204);
        await browser.advance(10);
    }
    // The age of the request, and the sign of life that the page asks for.
    assert.ok(browser.clock.timers.length <= 2, String(browser.clock.timers.length));
    tab.lp.stop_longpolling();
    await browser.advance(60e3);
    assert.deepEqual(browser.clock.timers, []);
});
