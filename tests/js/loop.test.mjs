// The poll loop of one page. Each test is named after the sentence it proves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser, core, settle } from "./fakes.mjs";

async function started(path, params, callbacks, options) {
    const browser = new FakeBrowser(options);
    const tab = browser.tab();
    await tab.start(path, params, callbacks);
    return { browser, tab, network: browser.network };
}

test("a poll is a POST of the parameters as a JSON object to the long polling path and the route", async () => {
    const { network } = await started("/mainpath", { last: 3 });
    assert.equal(network.poll.url, "/openerplongpolling/mainpath");
    assert.equal(network.poll.options.method, "POST");
    assert.equal(network.poll.options.headers["Content-Type"], "application/json");
    assert.deepEqual(network.poll.body, { last: 3, session_id: "one" });
});

test("the path and the timeout come from the host", async () => {
    const browser = new FakeBrowser();
    const tab = browser.tab();
    tab.configuration = async () => ({ path: "/otherpath", timeout: 30 });
    await tab.start("/wall");
    assert.equal(browser.network.poll.url, "/otherpath/wall");
});

test("an answer goes to the success callback, and the next poll follows at once", async () => {
    const { browser, tab, network } = await started();
    network.poll.answer(200, { count: 3 });
    await browser.advance(0);
    assert.deepEqual(tab.answers, [{ count: 3 }]);
    assert.equal(network.requests.length, 2);
});

test("the text of an answer that is no JSON goes to the success callback", async () => {
    const { tab, network } = await started();
    network.poll.answer(200, "<p>hello</p>", { "Content-Type": "text/html" });
    await settle();
    assert.deepEqual(tab.answers, ["<p>hello</p>"]);
});

test("when nothing happened until the timeout, the next poll follows without a callback", async () => {
    const { browser, tab, network } = await started();
    network.poll.answer(204);
    await browser.advance(0);
    assert.deepEqual([tab.answers, tab.errors], [[], []]);
    assert.equal(network.requests.length, 2);
});

for (const [status, state] of [[401, "logged_out"], [404, "stopped"], [400, "stopped"], [413, "stopped"]]) {
    test(`status ${status} goes to the error callback, and the loop stops`, async () => {
        const { browser, tab, network } = await started();
        network.poll.answer(status, { error: "one sentence" });
        await browser.advance(3600e3);
        assert.deepEqual(tab.errors, [[status, "error"]]);
        assert.equal(network.requests.length, 1);
        assert.equal(tab.state, state);
    });
}

for (const status of [500, 502, 503, 504, 429, 408]) {
    test(`status ${status} goes to the error callback, and another poll follows later`, async () => {
        const { browser, tab, network } = await started();
        network.poll.answer(status, { error: "one sentence" });
        await settle();
        assert.deepEqual(tab.errors, [[status, "error"]]);
        await browser.advance(499);
        assert.equal(network.requests.length, 1);
        await browser.advance(1);
        assert.equal(network.requests.length, 2);
    });
}

test("errors reach the page as something like an XMLHttpRequest and a status", async () => {
    const { network } = await started("/wall", {}, {
        error: (xhr, status) => {
            assert.equal(status, "error");
            assert.equal(xhr.status, 500);
            assert.equal(xhr.readyState, 4);
            assert.deepEqual(xhr.responseJSON, { error: "the controller failed" });
            assert.equal(xhr.responseText, '{"error":"the controller failed"}');
            assert.equal(xhr.getResponseHeader("X-Thing"), "seven");
            assert.equal(xhr.getResponseHeader("X-Nothing"), null);
            seen = true;
        },
    });
    let seen = false;
    network.poll.answer(500, { error: "the controller failed" }, { "X-Thing": "seven" });
    await settle();
    assert.ok(seen);
});

test("a lost connection goes to the error callback with status 0", async () => {
    const { browser, tab, network } = await started();
    network.poll.fail();
    await settle();
    assert.deepEqual(tab.errors, [[0, "error"]]);
    await browser.advance(500);
    assert.equal(network.requests.length, 2);
});

test("an answer that is broken JSON is an error of the kind parsererror", async () => {
    const { tab, network } = await started();
    network.poll.answer(200, '{"half', { "Content-Type": "application/json" });
    await settle();
    assert.deepEqual([tab.answers, tab.errors], [[], [[200, "parsererror"]]]);
});

test("a sidecar that stops sends the page elsewhere at once, without a callback", async () => {
    const { browser, tab, network } = await started();
    network.poll.answer(503, { error: "stopping" }, { "X-Longpolling": "stopping", "Retry-After": "30" });
    await browser.advance(500);
    assert.deepEqual(tab.errors, []);
    assert.equal(network.requests.length, 2);
});

test("pages that a stopping sidecar sends away do not all come back in the same millisecond", async () => {
    const times = [];
    for (const luck of [0.1, 0.9]) {
        const { browser, network } = await started("/wall", {}, {}, { random: () => luck });
        const before = browser.clock.time;
        network.poll.answer(503, {}, { "X-Longpolling": "stopping" });
        while (network.requests.length < 2) {
            await browser.advance(1);
        }
        times.push(browser.clock.time - before);
    }
    assert.ok(times[1] - times[0] >= 300, String(times));
});

test("the session's id is read before every poll, since it may change", async () => {
    const { tab, network } = await started();
    tab.session.session_id = "two";
    network.poll.answer(204);
    await settle();
    assert.equal(network.poll.body.session_id, "two");
});

test("stop_longpolling aborts the request in flight", async () => {
    const { browser, tab, network } = await started();
    tab.lp.stop_longpolling();
    await browser.advance(3600e3);
    assert.ok(network.requests[0].aborted);
    assert.equal(network.requests.length, 1);
    assert.deepEqual([tab.answers, tab.errors, browser.clock.timers], [[], [], []]);
    assert.deepEqual(tab.states.map((state) => state.name), ["connecting"]);
    assert.deepEqual([tab.window.listeners, tab.document.listeners], [0, 0]);
});

test("an answer that arrives after the stop is never delivered", async () => {
    const { tab, network } = await started();
    const { poll } = network;
    poll.answer(200, "late");
    tab.lp.stop_longpolling();
    await settle();
    assert.deepEqual(tab.answers, []);
});

test("a stop in the success callback ends the loop", async () => {
    const { browser, tab, network } = await started("/wall", {}, { success: () => tab.lp.stop_longpolling() });
    network.poll.answer(200, 1);
    await browser.advance(3600e3);
    assert.equal(network.requests.length, 1);
});

test("starting twice leaves one loop, with the callbacks of the second start", async () => {
    const { tab, network } = await started("/first");
    const first = network.poll;
    await tab.start("/second");
    assert.ok(first.aborted);
    assert.equal(network.poll.url, "/openerplongpolling/second");
    network.poll.answer(200, 2);
    await settle();
    assert.deepEqual(tab.answers, [2]);
    assert.equal(network.held.length, 1);
});

test("a start in the error callback begins anew after a logout", async () => {
    const { tab, network } = await started("/wall", {}, {
        error: (xhr) => xhr.status === 401 && tab.start("/public"),
    });
    network.poll.answer(401, {});
    await settle();
    assert.equal(network.poll.url, "/openerplongpolling/public");
});

test("a host that does not say where to poll is asked again, as after a failed poll", async () => {
    const browser = new FakeBrowser();
    const tab = browser.tab();
    const answer = tab.configuration;
    let asked = 0;
    tab.configuration = async () => {
        asked += 1;
        throw { message: "host down" };
    };
    await tab.start();
    assert.deepEqual([asked, tab.errors], [1, [[0, "error"]]]);
    await browser.advance(500);
    assert.equal(asked, 2);
    tab.configuration = answer;
    await browser.advance(1000);
    assert.equal(browser.network.held.length, 1);
});

test("a mistake in the set-up is reported to the console", async () => {
    const browser = new FakeBrowser();
    const tab = browser.tab();
    tab.configuration = async () => {
        throw new Error("pass the session");
    };
    await tab.start();
    assert.match(String(tab.reports[0][1]), /pass the session/);
    assert.deepEqual(tab.errors, [[0, "error"]]);
});

test("a session that is not ready yet is waited for", async () => {
    const browser = new FakeBrowser();
    const tab = browser.tab({ db: "mydb", uid: 1, session_id: null });
    await tab.start();
    await browser.advance(5000);
    assert.equal(browser.network.requests.length, 0);
    tab.session.session_id = "one";
    await browser.advance(100);
    assert.equal(browser.network.poll.body.session_id, "one");
});

test("a stop while the session is not ready ends the waiting", async () => {
    const browser = new FakeBrowser();
    const tab = browser.tab({ db: "mydb", uid: 1, session_id: null });
    await tab.start();
    tab.lp.stop_longpolling();
    await browser.advance(5000);
    assert.deepEqual(browser.clock.timers, []);
});

test("the files leave one name in the page, and it is ours", () => {
    assert.ok(core.LongPolling);
    assert.deepEqual(Object.keys(globalThis).filter((name) => /longpolling/i.test(name)), ["web_longpolling_core"]);
});
