// Many tabs of one browser share their polls. Each test is named after the sentence it proves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser, settle } from "./fakes.mjs";

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

test("ten tabs of one user on one path hold one connection, and all get the answer", async () => {
    const { browser, tabs, network } = await opened(10);
    network.poll.answer(200, { text: "hello" });
    await browser.advance(200);
    assert.deepEqual(tabs.map((tab) => tab.answers), Array(10).fill([{ text: "hello" }]));
    assert.equal(network.held.length, 1);
});

test("a hundred answers reach each of ten tabs exactly once and in order, over one connection at a time", async () => {
    const browser = new FakeBrowser();
    const { network } = browser;
    const tabs = Array.from({ length: 10 }, () => browser.tab());
    for (const tab of tabs) {
        let last = 0;
        await tab.start(() => "/wall/" + last, {}, { success: (value) => (last = value) });
    }
    for (let value = 1; value <= 100; value += 1) {
        await browser.advance(200);
        assert.equal(network.poll.url, "/openerplongpolling/wall/" + (value - 1));
        network.poll.answer(200, value);
    }
    await browser.advance(200);
    for (const tab of tabs) {
        assert.deepEqual(tab.answers, Array.from({ length: 100 }, (_, index) => index + 1));
    }
    assert.equal(network.requests.length, 101);
});

test("each tab gets a copy of the answer that it may change", async () => {
    const { browser, tabs, network } = await opened(2);
    network.poll.answer(200, { list: [] });
    await browser.advance(100);
    tabs[0].answers[0].list.push("mine");
    assert.deepEqual(tabs[1].answers[0], { list: [] });
});

test("tabs with other parameters poll for themselves", async () => {
    const browser = new FakeBrowser();
    await browser.tab().start("/wall", { room: 1 });
    await browser.tab().start("/wall", { room: 2 });
    await browser.tab().start("/wall", { room: 1 });
    assert.equal(browser.network.held.length, 2);
});

for (const other of [{ db: "mydb", uid: 2, session_id: "one" }, { db: "other", uid: 1, session_id: "one" },
    { db: "mydb", uid: 1, session_id: "two" }]) {
    test(`users never share a poll: ${JSON.stringify(other)}`, async () => {
        const browser = new FakeBrowser();
        const [mine, theirs] = [browser.tab(), browser.tab(other)];
        await mine.start();
        await theirs.start();
        assert.equal(browser.network.held.length, 2);
        browser.network.held[0].answer(200, "mine alone");
        await browser.advance(1000);
        assert.deepEqual([mine.answers, theirs.answers], [["mine alone"], []]);
    });
}

test("a page that logs in as another user leaves the old user's line", async () => {
    const { browser, tabs, network } = await opened(2);
    const follower = tabs.find((tab) => tab.name !== network.poll.tab);
    // 7.0 logs in without loading the page again: the session object stays, what is in it changes.
    follower.session = { ...follower.session };
    await follower.start();
    Object.assign(follower.session, { uid: 2, session_id: "two" });
    await follower.event("online");
    await browser.advance(100);
    assert.equal(network.held.length, 2);
    network.held[0].answer(200, "for the first user");
    await browser.advance(1000);
    assert.deepEqual(follower.answers, []);
});

test("a tab that comes late takes part in the poll that is held", async () => {
    const { browser, network } = await opened(2);
    const late = browser.tab();
    await late.start();
    await browser.advance(30e3);
    assert.equal(network.requests.length, 1);
    network.poll.answer(200, "news");
    await browser.advance(100);
    assert.deepEqual(late.answers, ["news"]);
});

test("a tab whose callback is slow does not hold the others up, and misses nothing", async () => {
    const browser = new FakeBrowser();
    const { network } = browser;
    let release;
    const slow = browser.tab();
    const quick = browser.tab();
    const lasts = new Map();
    const path = (tab) => () => "/wall/" + (lasts.get(tab) || 0);
    await slow.start(path(slow), {}, {
        success: (value) => (lasts.set(slow, value), new Promise((resolve) => (release = resolve))),
    });
    await quick.start(path(quick), {}, { success: (value) => void lasts.set(quick, value) });
    network.poll.answer(200, 1);
    await browser.advance(100);
    assert.equal(network.poll.tab, quick.name);
    network.poll.answer(200, 2);
    await browser.advance(100);
    assert.deepEqual([slow.answers, quick.answers], [[1], [1, 2]]);
    release();
    await browser.advance(100);
    const poll = network.held.find((held) => held.tab === slow.name);
    assert.equal(poll.url, "/openerplongpolling/wall/1");
    poll.answer(200, 2);
    await browser.advance(100);
    assert.deepEqual(slow.answers, [1, 2]);
    assert.equal(network.held.length, 1);
});

test("the end of the session reaches every tab", async () => {
    const { browser, tabs, network } = await opened(4);
    network.poll.answer(401, {});
    await browser.advance(3600e3);
    assert.deepEqual(tabs.map((tab) => tab.errors), Array(4).fill([[401, "error"]]));
    assert.deepEqual(tabs.map((tab) => tab.state), Array(4).fill("logged_out"));
    assert.equal(network.requests.length, 1);
});

test("two loops of one page on one path share a poll, too", async () => {
    const browser = new FakeBrowser();
    const [one, other] = [browser.tab(), browser.tab()];
    other.name = one.name;
    await one.start();
    await other.start();
    browser.network.poll.answer(200, 1);
    await browser.advance(100);
    assert.deepEqual([one.answers, other.answers], [[1], [1]]);
});

test("a message of a script of another release is not understood, so not heard", async () => {
    const { browser, tabs } = await opened(1);
    const line = [...browser.channels.open][0];
    const stranger = browser.channels.channel(line.name);
    const outcome = { kind: "answer", status: 200, headers: {}, text: "no", wait: 0, failures: 0 };
    stranger.postMessage({ version: 99, key: '["/openerplongpolling/wall",{}]', outcome });
    stranger.postMessage("not even an object");
    stranger.postMessage(null);
    await browser.advance(100);
    assert.deepEqual([tabs[0].answers, tabs[0].reports], [[], []]);
});

for (const missing of ["locks", "channels"]) {
    test(`without ${missing} each tab polls for itself`, async () => {
        const { browser, tabs, network } = await opened(3, { [missing]: false });
        assert.equal(network.held.length, 3);
        network.held.forEach((poll) => poll.answer(200, poll.tab));
        await browser.advance(100);
        assert.deepEqual(tabs.map((tab) => tab.answers), tabs.map((tab) => [tab.name]));
        assert.equal(network.held.length, 3);
    });
}

test("where locks are forbidden, the tab says so once and polls for itself", async () => {
    const browser = new FakeBrowser();
    browser.locks.request = async () => {
        throw new DOMException("Access to the Locks API is denied in this context.", "SecurityError");
    };
    const tab = browser.tab();
    await tab.start();
    assert.equal(browser.network.held.length, 1);
    browser.network.poll.answer(204);
    await browser.advance(100);
    assert.equal(browser.network.held.length, 1);
    await tab.event("pagehide");
    await tab.event("pageshow");
    assert.equal(browser.network.held.length, 1);
    assert.equal(tab.reports.length, 1);
});

test("tabs leave nothing behind: no lock, no line, no timer", async () => {
    const { browser, tabs } = await opened(5);
    tabs.forEach((tab) => tab.lp.stop_longpolling());
    await settle();
    await browser.advance(300e3);
    assert.equal(browser.channels.open.size, 0);
    assert.equal(browser.locks.held.size, 0);
    assert.deepEqual(browser.clock.timers, []);
});
