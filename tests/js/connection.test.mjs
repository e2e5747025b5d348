// A page's line to the hub, and what it does without one. Each test is named after the sentence it proves.
import assert from "node:assert/strict";
import { test } from "node:test";
import vm from "node:vm";
import { FakeBrowser, core, settle, source, started } from "./fakes.mjs";

const places = (network) => network.held.map((request) => request.from);

test("the polls of all pages are sent by the worker", async () => {
    const { tab, network } = await started();
    assert.deepEqual(places(network), ["worker"]);
    assert.deepEqual(tab.warnings, []);
});

test("without SharedWorker each tab is its own hub, and says so once", async () => {
    const browser = new FakeBrowser({ shared: false });
    const tabs = [browser.tab(), browser.tab()];
    for (const tab of tabs) {
        await tab.start("/one");
        await tab.start("/two", {}, { lp: tab.another() });
    }
    assert.deepEqual(places(browser.network), ["tab 1", "tab 2"]);
    for (const tab of tabs) {
        assert.equal(tab.warnings.length, 1);
        assert.match(tab.warnings[0].join(" "), /not shared between tabs.*no SharedWorker/);
    }
    browser.network.held[0].answer(200, 1);
    await browser.sent();
    assert.deepEqual(tabs.map((tab) => tab.answers.length), [2, 0]);
});

test("where the worker must not be started, the page is its own hub", async () => {
    const browser = new FakeBrowser();
    const tab = browser.tab();
    tab.env.worker = () => {
        throw new DOMException("access denied", "SecurityError");
    };
    await tab.start();
    assert.deepEqual(places(browser.network), ["tab 1"]);
    assert.match(tab.warnings[0].join(" "), /access denied/);
});

test("a worker whose script is not loaded is given up", async () => {
    const browser = new FakeBrowser();
    browser.worker.hung = true;
    const tab = browser.tab();
    await tab.start();
    tab.worker.onerror(new Event("error"));
    await browser.sent();
    assert.deepEqual(places(browser.network), ["tab 1"]);
    assert.match(tab.warnings[0].join(" "), /script was not loaded/);
});

test("a worker that never says a word is given up after 21 seconds", async () => {
    const browser = new FakeBrowser();
    browser.worker.hung = true;
    const tab = browser.tab();
    await tab.start();
    await browser.advance(20e3);
    assert.deepEqual(places(browser.network), []);
    await browser.advance(1e3);
    assert.deepEqual(places(browser.network), ["tab 1"]);
});

test("a worker that hangs is given up after half a minute, and its polls are not lost", async () => {
    const { browser, tab, network } = await started();
    await browser.advance(30e3);
    browser.worker.hang();
    await browser.advance(30e3);
    assert.ok(places(network).includes("tab 1"));
    network.held.find((request) => request.from === "tab 1").answer(200, "here");
    await browser.sent();
    assert.deepEqual(tab.answers, ["here"]);
    assert.match(tab.warnings[0].join(" "), /does not answer/);
});

test("a worker is not given up for the time that the machine slept", async () => {
    const { browser, tab } = await started();
    browser.clock.sleep(8 * 3600e3);
    await browser.advance(30e3);
    assert.deepEqual(tab.warnings, []);
});

for (const told of [true, false]) {
    test(`a worker that crashes is started anew, and its polls are not lost: ${told ? "told" : "not told"}`, async () => {
        const { browser, tab, network } = await started();
        const crashed = browser.worker;
        network.held.forEach((request) => (request.aborted = true));
        browser.worker = browser.new_worker();
        crashed.ports.forEach(({ port }) => port.end(told));
        await browser.advance(told ? 100 : 9e3);
        assert.deepEqual(places(network), ["worker"]);
        assert.deepEqual(tab.warnings, []);
        network.request.answer(200, "here");
        await browser.sent();
        assert.deepEqual(tab.answers, ["here"]);
    });
}

test("a worker of another release is left to the pages of that release", async () => {
    const browser = new FakeBrowser({ version: "another" });
    const tab = browser.tab();
    await tab.start();
    assert.deepEqual(places(browser.network), ["tab 1"]);
    assert.match(tab.warnings[0].join(" "), /another release/);
});

test("the address of the worker bears its version, so old and new pages have workers of their own", () => {
    const made = [];
    const window = {
        SharedWorker: class {
            constructor(...words) {
                made.push(words);
            }
        },
    };
    core.browser(window).worker();
    assert.deepEqual(made, [["/web_longpolling/static/src/js/hub.js?version=" + core.VERSION, "web_longpolling"]]);
    assert.equal(core.browser({}).worker, null);
});

test("a page that is left closes its port, and opens another one when it is back", async () => {
    const { browser, tab, network } = await started();
    await tab.event("pagehide");
    assert.deepEqual([network.held.length, tab.worker.port.open], [0, false]);
    const before = browser.worker.ports.length;
    await tab.event("pageshow");
    assert.deepEqual([network.held.length, browser.worker.ports.length], [1, before + 1]);
});

test("a loop that stops takes its poll out of the request, and the other loops of its page go on", async () => {
    const { browser, tab, network } = await started("/one");
    const other = tab.another();
    await tab.start("/two", {}, { lp: other });
    await browser.advance(3000);
    assert.equal(network.request.polls.length, 2);
    other.stop_longpolling();
    await browser.sent();
    assert.deepEqual(network.request.polls.map((poll) => poll.path), ["/one"]);
    network.request.answer(200, "here");
    await browser.sent();
    assert.deepEqual(tab.answers, ["here"]);
});

test("a page without polls has no port open", async () => {
    const { tab } = await started();
    tab.lp.stop_longpolling();
    await settle();
    assert.equal(tab.worker.port.open, false);
    await tab.start();
    assert.equal(tab.worker.port.open, true);
});

test("the file is the script of the worker, too", async () => {
    const ports = [];
    const scope = vm.createContext({ AbortController, setTimeout, clearTimeout, Date, Math, JSON });
    scope.globalThis = scope;
    vm.runInContext("class SharedWorkerGlobalScope {}; globalThis.SharedWorkerGlobalScope = SharedWorkerGlobalScope;" +
        "Object.setPrototypeOf(globalThis, SharedWorkerGlobalScope.prototype)", scope);
    vm.runInContext(source("hub.js"), scope);
    const told = [];
    const port = { postMessage: (message) => told.push(message), close: () => ports.push("closed") };
    scope.onconnect({ ports: [port] });
    port.onmessage({ data: { type: "ping" } });
    port.onmessage({ data: { type: "bye" } });
    assert.deepEqual(JSON.parse(JSON.stringify(told)), [{ version: core.VERSION }, {}]);
    assert.deepEqual(ports, ["closed"]);
});
