// How long the loop waits, and what ends the waiting. Each test is named after the sentence it proves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser, core, settle } from "./fakes.mjs";

async function started(options, path, params, callbacks) {
    const browser = new FakeBrowser(options);
    const tab = browser.tab();
    await tab.start(path, params, callbacks);
    return { browser, tab, network: browser.network };
}

/** Let the poll in flight fail, and measure how long the loop waits for the next one. */
async function wait_after_failure(browser, status = 500, headers = {}) {
    const { network } = browser;
    const [count, before] = [network.requests.length, browser.clock.time];
    network.poll.answer(status, {}, headers);
    await settle();
    while (network.requests.length === count) {
        const next = Math.min(...browser.clock.timers.map((timer) => timer.at));
        await browser.advance(next - browser.clock.time);
    }
    return browser.clock.time - before;
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
        const backoff = new core.Backoff({ random: () => luck, now: () => 0 });
        backoff.failed(null);
        backoff.failed(null);
        assert.equal(backoff.failed(null), expected);
    }
});

test("success resets the wait", async () => {
    const { browser, network } = await started({ random: () => 0.999999 });
    for (let failure = 0; failure < 5; failure += 1) {
        await wait_after_failure(browser);
    }
    network.poll.answer(200, 1);
    await settle();
    assert.equal(Math.round((await wait_after_failure(browser)) / 1000), 1);
});

test("a poll that was held until the timeout resets the wait, too", async () => {
    const { browser, network } = await started({ random: () => 0.999999 });
    await wait_after_failure(browser);
    await wait_after_failure(browser);
    network.poll.answer(204);
    await settle();
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
    network.poll.fail();
    await browser.advance(100);
    assert.equal(network.held.length, 0);
    await tab.event("online");
    assert.equal(network.held.length, 1);
});

test("the online event replaces a request that may hang on a dead connection", async () => {
    const { tab, network } = await started();
    const before = network.poll;
    await tab.event("online");
    assert.ok(before.aborted);
    assert.equal(network.held.length, 1);
    assert.deepEqual(tab.errors, []);
});

test("a page that becomes visible polls at once", async () => {
    const { browser, tab, network } = await started({ random: () => 1 });
    network.poll.answer(503, {}, { "Retry-After": "300" });
    await browser.advance(1000);
    tab.document.visibilityState = "hidden";
    await tab.event("visibilitychange", tab.document);
    assert.equal(network.held.length, 0);
    tab.document.visibilityState = "visible";
    await tab.event("visibilitychange", tab.document);
    assert.equal(network.held.length, 1);
});

test("a page that becomes visible keeps a poll that is held", async () => {
    const { tab, network } = await started();
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
    network.poll.answer(500, {});
    await settle();
    await tab.event("pagehide");
    await browser.advance(3600e3);
    assert.equal(network.held.length, 0);
    await tab.event("pageshow");
    assert.equal(network.held.length, 1);
    assert.equal(Math.round((await wait_after_failure(browser)) / 1000), 1);
});

test("the first pageshow of a page changes nothing", async () => {
    const { tab, network } = await started();
    await tab.event("pageshow");
    assert.equal(network.requests.length, 1);
});

test("a frozen page holds no poll, and one that is resumed polls at once", async () => {
    const { tab, network } = await started();
    await tab.event("freeze", tab.document);
    assert.ok(network.requests[0].aborted);
    await tab.event("online");
    assert.equal(network.held.length, 0);
    await tab.event("resume", tab.document);
    assert.equal(network.held.length, 1);
});

test("a page that was left during a callback does not poll until it is back", async () => {
    let done;
    const { tab, network } = await started({}, "/wall", {}, { success: () => new Promise((end) => (done = end)) });
    network.poll.answer(200, 1);
    await settle();
    await tab.event("pagehide");
    done();
    await settle();
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
        network.poll.answer(204);
        await browser.advance(10);
    }
    assert.ok(browser.clock.timers.length <= 2, String(browser.clock.timers.length));
    tab.lp.stop_longpolling();
    await browser.advance(60e3);
    assert.deepEqual(browser.clock.timers, []);
});
