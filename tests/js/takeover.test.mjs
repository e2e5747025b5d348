// Many tabs of one browser when one of them goes, hangs or has to wait. Each test is named after the sentence it proves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser } from "./fakes.mjs";

async function opened(count, { path = () => "/wall", pause = 0, ...options } = {}) {
    const browser = new FakeBrowser(options);
    const tabs = [];
    for (let index = 0; index < count; index += 1) {
        const tab = browser.tab();
        await tab.start(path(index));
        tabs.push(tab);
        await browser.advance(pause);
    }
    await browser.advance(100);
    return { browser, tabs, network: browser.network };
}

function holder(browser, tabs) {
    return tabs.find((tab) => tab.name === browser.network.poll.tab);
}

test("if the tab that polls closes, another takes over with the same parameters", async () => {
    const { browser, tabs, network } = await opened(3);
    const first = holder(browser, tabs);
    await first.crash();
    await browser.advance(100);
    const second = holder(browser, tabs);
    assert.notEqual(second, first);
    network.poll.answer(200, 7);
    await browser.advance(100);
    const others = tabs.filter((tab) => tab !== first);
    assert.deepEqual(others.map((tab) => tab.answers), [[7], [7]]);
});

test("if the tab that polls stops, another takes over", async () => {
    const { browser, tabs, network } = await opened(3);
    const first = holder(browser, tabs);
    first.lp.stop_longpolling();
    await browser.advance(100);
    assert.equal(network.held.length, 1);
    assert.notEqual(holder(browser, tabs), first);
});

test("if the tab that polls freezes, another takes over, and the frozen one misses nothing once it is resumed", async () => {
    const browser = new FakeBrowser();
    const { network } = browser;
    const tabs = [browser.tab(), browser.tab()];
    for (const tab of tabs) {
        let last = 0;
        await tab.start(() => "/wall/" + last, {}, { success: (value) => (last = value) });
    }
    const [first, second] = tabs;
    await first.event("freeze", first.document);
    await browser.advance(100);
    assert.equal(network.poll.tab, second.name);
    network.poll.answer(200, 1);
    await browser.advance(100);
    assert.deepEqual([first.answers, second.answers], [[], [1]]);
    await first.event("resume", first.document);
    const poll = network.held.find((held) => held.tab === first.name);
    assert.equal(poll.url, "/openerplongpolling/wall/0");
});

test("if the tab that polls hangs, another takes the poll away from it after a while", async () => {
    const { browser, tabs, network } = await opened(3);
    const first = holder(browser, tabs);
    first.hung = true; // its timers do not run; the browser still holds its lock
    const dead = network.poll;
    await browser.advance(150e3);
    assert.ok(dead.aborted || network.held.length === 2);
    const taken = network.held.filter((held) => held.tab !== first.name);
    assert.equal(taken.length, 1);
    taken[0].answer(200, "here");
    await browser.advance(100);
    const others = tabs.filter((tab) => tab !== first);
    assert.deepEqual(others.map((tab) => tab.answers), [["here"], ["here"]]);
});

test("a tab that waits for the poll of another one is patient while that waits for a connection", async () => {
    const browser = new FakeBrowser();
    const { network } = browser;
    const busy = [0, 1, 2, 3].map(() => browser.tab());
    for (const [index, tab] of busy.entries()) {
        await tab.start("/busy/" + index);
    }
    const [first, second] = [browser.tab(), browser.tab()];
    await first.start();
    await second.start();
    await browser.advance(65e3);
    busy.forEach((tab) => tab.lp.stop_longpolling()); // first polls now, 65 s after second began to wait for it
    await browser.advance(50e3);
    assert.deepEqual(network.requests.filter((poll) => poll.url.endsWith("/wall")).map((poll) => poll.tab), [first.name]);
});

test("a tab that takes over goes on with the growing waits of the one that polled", async () => {
    const { browser, tabs, network } = await opened(2, { random: () => 0.999999 });
    for (let failure = 0; failure < 4; failure += 1) {
        network.poll.answer(502, {});
        await browser.advance(10e3);
    }
    const first = holder(browser, tabs);
    await first.crash();
    await browser.advance(100);
    network.poll.answer(502, {});
    await browser.advance(15e3);
    assert.equal(network.held.length, 0);
    await browser.advance(2e3);
    assert.equal(network.held.length, 1);
});

test("a laptop that slept repeats the poll of all its tabs once", async () => {
    const { browser, tabs, network } = await opened(5, { pause: 1100 });
    await browser.advance(40e3);
    browser.clock.sleep(8 * 3600e3);
    await browser.advance(20e3);
    assert.equal(network.held.length, 1);
    assert.equal(network.requests.length, 2);
    assert.deepEqual(tabs.map((tab) => tab.errors), Array(5).fill([]));
});

test("ten tabs that lost the sidecar come back as one", async () => {
    let seed = 1;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const { browser, tabs, network } = await opened(10, { random });
    for (let failure = 0; failure < 5; failure += 1) {
        network.poll.answer(502, {});
        await browser.advance(100);
        assert.deepEqual(tabs.map((tab) => tab.errors.length), Array(10).fill(failure + 1));
        await browser.advance(40e3);
        assert.equal(network.held.length, 1);
        assert.equal(network.requests.length, failure + 2);
    }
    network.poll.answer(200, "back");
    await browser.advance(100);
    assert.deepEqual(tabs.map((tab) => tab.answers), Array(10).fill(["back"]));
    assert.deepEqual(tabs.map((tab) => tab.state), Array(10).fill("live"));
});

test("the online event in every tab makes one new poll", async () => {
    const { browser, tabs, network } = await opened(6);
    for (const tab of tabs) {
        tab.window.dispatchEvent(new Event("online"));
    }
    await browser.advance(200);
    assert.equal(network.held.length, 1);
});

test("eight tabs on different paths leave connections to the host's own requests, and take turns", async () => {
    const { browser, tabs, network } = await opened(8, { path: (index) => "/path/" + index });
    assert.equal(network.held.length, 4);
    const first = network.held.map((poll) => poll.url);
    network.held.forEach((poll) => poll.answer(204));
    await browser.advance(200);
    assert.equal(network.held.length, 4);
    const second = network.held.map((poll) => poll.url);
    assert.deepEqual(second.filter((url) => first.includes(url)), []);
    network.held.forEach((poll) => poll.answer(200, poll.url));
    await browser.advance(200);
    assert.equal(tabs.filter((tab) => tab.answers.length === 1).length, 4);
    assert.equal(network.held.length, 4);
});

test("where requests share one connection, as with HTTP/2, no tab waits for another path", async () => {
    const { network } = await opened(8, { path: (index) => "/path/" + index, polls_at_once: Infinity });
    assert.equal(network.held.length, 8);
});

test("a tab that waits for a connection is not held up by one that hangs", async () => {
    const { browser, tabs, network } = await opened(5, { path: (index) => "/path/" + index });
    const waiting = tabs.find((tab) => !network.held.some((poll) => poll.tab === tab.name));
    tabs.filter((tab) => tab !== waiting).forEach((tab) => (tab.hung = true));
    await browser.advance(150e3);
    assert.ok(network.held.some((poll) => poll.tab === waiting.name));
});
