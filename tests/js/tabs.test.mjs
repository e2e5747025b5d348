// Many tabs of one browser share one connection. Each test is named after the sentence it proves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser } from "./fakes.mjs";

async function opened(count, { path = () => "/wall", ...options } = {}) {
    const browser = new FakeBrowser(options);
    for (let index = 0; index < count; index += 1) {
        await browser.tab().start(path(index));
    }
    // The first answer of each, after which all are at the same position.
    await browser.advance(3000);
    browser.network.request.answer(204, undefined, { position: "p0" });
    await browser.sent();
    return { browser, tabs: browser.tabs, network: browser.network };
}

test("ten tabs of one user on one path hold one connection with one poll, and all get the answer", async () => {
    const { browser, tabs, network } = await opened(10);
    assert.deepEqual(network.request.polls, [{ path: "/wall", params: {}, since: "p0" }]);
    network.request.answer(200, { text: "hello" });
    await browser.sent();
    assert.deepEqual(tabs.map((tab) => tab.answers), Array(10).fill([{ text: "hello" }]));
    assert.equal(network.request.polls.length, 1);
});

test("a hundred answers reach each of ten tabs exactly once and in order", async () => {
    const { browser, tabs, network } = await opened(10);
    const before = network.requests.length;
    for (let value = 1; value <= 100; value += 1) {
        assert.deepEqual(network.request.polls.map((poll) => poll.since), ["p" + (value - 1)]);
        network.request.answer(200, value, { position: "p" + value });
        await browser.sent();
    }
    for (const tab of tabs) {
        assert.deepEqual(tab.answers, Array.from({ length: 100 }, (_, index) => index + 1));
    }
    assert.equal(network.requests.length, before + 100);
});

test("a tab that joins gets a first answer of its own, and is one with the others after the next", async () => {
    const { browser, tabs, network } = await opened(2);
    const joined = browser.tab();
    await joined.start();
    assert.deepEqual(network.request.polls.map((poll) => poll.since).sort(), [null, "p0"]);
    const own = network.request.polls.findIndex((poll) => poll.since === null);
    network.request.answers({ poll: own, status: 200, result: "first", position: "p1" });
    await browser.sent();
    assert.deepEqual([joined.answers, tabs[0].answers], [["first"], []]);
    network.request.answer(200, "news", { position: "p2" });
    await browser.sent();
    assert.deepEqual([joined.answers, tabs[0].answers], [["first", "news"], ["news"]]);
    assert.deepEqual(network.request.polls, [{ path: "/wall", params: {}, since: "p2" }]);
});

test("each tab gets a copy of the answer that it may change", async () => {
    const { browser, tabs, network } = await opened(2);
    network.request.answer(200, { list: [] });
    await browser.sent();
    tabs[0].answers[0].list.push("mine");
    assert.deepEqual(tabs[1].answers[0], { list: [] });
});

test("eight tabs with six loops each hold one connection with six polls", async () => {
    const browser = new FakeBrowser();
    for (let index = 0; index < 8; index += 1) {
        const tab = browser.tab();
        for (let loop = 0; loop < 6; loop += 1) {
            await tab.start("/path/" + loop, {}, { lp: tab.another() });
        }
    }
    await browser.advance(3000);
    assert.equal(browser.network.request.polls.length, 6);
    browser.network.request.answers({ poll: 3, status: 200, result: "x", position: "p" });
    await browser.sent();
    assert.deepEqual(browser.tabs.map((tab) => tab.answers), Array(8).fill(["x"]));
    assert.equal(browser.network.request.polls.length, 6);
});

for (const other of [{ db: "mydb", uid: 2, session_id: "one" }, { db: "mydb", uid: 1, session_id: "two" }]) {
    test(`users never share a request: ${JSON.stringify(other)}`, async () => {
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

test("a page that logs in as another user leaves the old user's request", async () => {
    const { browser, tabs, network } = await opened(2);
    // 7.0 logs in without loading the page again: the session object stays, what is in it changes.
    Object.assign(tabs[1].session, { uid: 2 });
    network.request.answer(204);
    await browser.sent();
    assert.deepEqual(network.held.map((request) => request.body.uid).sort(), [1, 2]);
});

test("a callback that waits delays the next poll of its loop, and of no other", async () => {
    const browser = new FakeBrowser();
    const [waiting, other] = [browser.tab(), browser.tab()];
    let done;
    await waiting.start("/a", {}, { success: () => new Promise((resolve) => (done = resolve)) });
    await waiting.start("/b", {}, { lp: waiting.another() });
    await other.start("/a");
    await browser.advance(3000);
    browser.network.request.answer(200, 1, { position: "p1" });
    await browser.sent();
    assert.deepEqual(browser.network.request.polls.map((poll) => poll.path).sort(), ["/a", "/b"]);
    browser.network.request.answers({ poll: 0, status: 200, result: 2, position: "p2" },
        { poll: 1, status: 200, result: 2, position: "p2" });
    await browser.sent();
    assert.deepEqual([waiting.answers, other.answers], [[1, 1, 2], [1, 2]]);
    done();
    await browser.sent();
    assert.deepEqual(browser.network.request.polls.map((poll) => poll.path + poll.since).sort(), ["/ap1", "/ap2", "/bp2"]);
});

test("a tab that closes takes its polls along", async () => {
    const browser = new FakeBrowser();
    const [one, two] = [browser.tab(), browser.tab()];
    await one.start("/one");
    await two.start("/two");
    await one.event("pagehide");
    await browser.advance(3000);
    assert.deepEqual(browser.network.request.polls.map((poll) => poll.path), ["/two"]);
});

for (const told of [true, false]) {
    test(`a tab that crashes is gone, ${told ? "as the browser says so" : "at its next answer"}`, async () => {
        const { browser, tabs, network } = await opened(2, { path: (index) => "/path/" + index });
        await tabs[0].crash(told);
        await browser.advance(3000);
        if (!told) {
            assert.equal(network.request.polls.length, 2);
            network.request.answer(204, undefined, { position: "p1" });
            await browser.sent();
        }
        assert.deepEqual(network.request.polls.map((poll) => poll.path), ["/path/1"]);
    });
}

test("a tab that hangs holds nobody up", async () => {
    const { browser, tabs, network } = await opened(3);
    tabs[0].hang();
    for (let value = 1; value <= 5; value += 1) {
        network.request.answer(200, value, { position: "p" + value });
        await browser.sent();
    }
    assert.deepEqual(tabs.map((tab) => tab.answers), [[], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]);
});

test("a frozen tab misses nothing once it is resumed", async () => {
    const { browser, tabs, network } = await opened(2);
    await tabs[0].event("freeze", tabs[0].document);
    network.request.answer(200, 1, { position: "p1" });
    await browser.sent();
    await tabs[0].event("resume", tabs[0].document);
    assert.deepEqual([tabs[0].answers, tabs[1].answers], [[], [1]]);
    assert.deepEqual(network.request.polls.map((poll) => poll.since).sort(), ["p0", "p1"]);
});

test("a laptop that slept repeats the polls of all its tabs once", async () => {
    const { browser, tabs, network } = await opened(5);
    const before = network.requests.length;
    await browser.advance(40e3);
    browser.clock.sleep(8 * 3600e3);
    await browser.advance(20e3);
    assert.equal(network.held.length, 1);
    assert.equal(network.requests.length, before + 1);
    assert.deepEqual(tabs.map((tab) => tab.errors), Array(5).fill([]));
});

test("ten tabs that lost the sidecar come back as one", async () => {
    let seed = 1;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const { browser, tabs, network } = await opened(10, { random });
    const before = network.requests.length;
    for (let failure = 0; failure < 5; failure += 1) {
        network.request.answer_all(502, {});
        await browser.sent();
        assert.deepEqual(tabs.map((tab) => tab.errors.length), Array(10).fill(failure + 1));
        await browser.advance(40e3);
        assert.equal(network.requests.length, before + failure + 1);
    }
    network.request.answer(200, "back");
    await browser.sent();
    assert.deepEqual(tabs.map((tab) => tab.answers), Array(10).fill(["back"]));
    assert.deepEqual(tabs.map((tab) => tab.state), Array(10).fill("live"));
});

test("the online event in every tab makes one new request", async () => {
    const { browser, tabs, network } = await opened(6);
    const before = network.requests.length;
    for (const tab of tabs) {
        tab.window.dispatchEvent(new Event("online"));
    }
    await browser.sent();
    assert.equal(network.held.length, 1);
    assert.equal(network.requests.length, before + 1);
});
