// The poll loop of one page. Each test is named after the sentence it proves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser, SENT, core, settle, started } from "./fakes.mjs";

test("a poll is sent in a POST to the long polling path, with whose page it is", async () => {
    const { network } = await started("/mainpath", { last: 3 });
    const { request } = network;
    assert.equal(request.url, "/openerplongpolling");
    assert.equal(request.options.method, "POST");
    assert.equal(request.options.headers["Content-Type"], "application/json");
    const polls = [{ path: "/mainpath", params: { last: 3 }, since: null }];
    assert.deepEqual(request.body, { polls, session_id: "one", uid: 1 });
});

test("the path comes from the host", async () => {
    const browser = new FakeBrowser();
    const tab = browser.tab();
    tab.configuration = async () => ({ path: "/otherpath", timeout: 30 });
    await tab.start("/wall");
    assert.equal(browser.network.request.url, "/otherpath");
});

test("an answer goes to the success callback, and the next poll follows at once", async () => {
    const { browser, tab, network } = await started();
    network.request.answer(200, { count: 3 });
    await browser.advance(1);
    assert.deepEqual(tab.answers, [{ count: 3 }]);
    assert.equal(network.requests.length, 2);
});

test("the position of an answer goes along with the next poll, and of one without a position the one before", async () => {
    const { browser, network } = await started();
    for (const [status, position, since] of [[200, "p1", "p1"], [204, "p2", "p2"], [200, undefined, "p2"],
        [500, undefined, "p2"]]) {
        network.request.answer(status, "x", { position });
        await browser.advance(1000);
        assert.equal(network.request.polls[0].since, since);
    }
});

test("a loop that is started anew begins without a position", async () => {
    const { browser, tab, network } = await started();
    network.request.answer(200, 1, { position: "p1" });
    await browser.sent();
    await tab.start();
    assert.deepEqual(network.request.polls.map((poll) => poll.since), [null]);
});

test("the text of an answer of mode http goes to the success callback", async () => {
    const { browser, tab, network } = await started();
    network.request.answer(200, "<p>hello</p>");
    await browser.sent();
    assert.deepEqual(tab.answers, ["<p>hello</p>"]);
});

test("when nothing happened until the timeout, the next poll follows without a callback", async () => {
    const { browser, tab, network } = await started();
    network.request.answer(204);
    await browser.sent();
    assert.deepEqual([tab.answers, tab.errors], [[], []]);
    assert.equal(network.requests.length, 2);
});

for (const [status, state] of [[403, "stopped"], [404, "stopped"], [400, "stopped"], [413, "stopped"]]) {
    for (const whole of [false, true]) {
        test(`status ${status} goes to the error callback and the loop stops: ${whole ? "all" : "one"}`, async () => {
            const { browser, tab, network } = await started("/nosuch");
            if (whole) {
                network.request.answer_all(status, { error: "one sentence" });
            } else {
                network.request.answer(status, "one sentence");
            }
            await browser.advance(3600e3);
            assert.deepEqual(tab.errors, [[status, "error"]]);
            assert.equal(network.requests.length, 1);
            assert.equal(tab.state, state);
            assert.deepEqual(tab.warnings.map((words) => words.join(" ")), [
                "web_longpolling: no more polls of /nosuch: " + status + ", one sentence"]);
        });
    }
}

test("a loop that stops for good says why also without an error callback", async () => {
    const browser = new FakeBrowser();
    const tab = browser.tab();
    tab.lp.start_longpolling(tab.session, "/nosuch", {}, () => undefined);
    await browser.sent();
    browser.network.request.answer(404, "There is no such route.");
    await browser.sent();
    assert.match(tab.warnings[0].join(" "), /no more polls of \/nosuch: 404, There is no such route/);
});

test("a path that is not dispatched to a sidecar has a sentence of its own", async () => {
    const { browser, tab, network } = await started();
    network.request.answer_all(404, "<h1>Not Found</h1>");
    await browser.sent();
    assert.match(tab.warnings[0].join(" "), /no sidecar answers at \/openerplongpolling/);
});

for (const whole of [false, true]) {
    const refuse = (network) => whole ? network.request.answer_all(401, { error: "x" }) : network.request.answer(401, "x");

    test(`nobody is logged in: asked once more, and then the loop stops: ${whole ? "all" : "one"}`, async () => {
        const { browser, tab, network } = await started();
        refuse(network);
        await browser.advance(1000);
        assert.deepEqual(tab.errors, []);
        refuse(network);
        await browser.advance(3600e3);
        assert.deepEqual(tab.errors, [[401, "error"]]);
        assert.equal(network.requests.length, 2);
        assert.equal(tab.state, "logged_out");
        assert.match(tab.warnings[0].join(" "), /401, x/);
    });
}

test("whether nobody is logged in is asked again within a second, not at once", async () => {
    const { browser, network } = await started();
    network.request.answer(401, "x");
    await browser.advance(499);
    assert.equal(network.requests.length, 1);
    await browser.advance(1 + SENT);
    assert.equal(network.requests.length, 2);
});

test("a session that was renewed meanwhile goes on, without a callback", async () => {
    const { browser, tab, network } = await started();
    for (let renewals = 0; renewals < 3; renewals += 1) {
        network.request.answer(401, "x");
        await browser.advance(1000);
        network.request.answer(200, renewals);
        await browser.sent();
    }
    assert.deepEqual([tab.answers, tab.errors], [[0, 1, 2], []]);
});

for (const status of [500, 502, 503, 504, 429, 408]) {
    test(`status ${status} goes to the error callback, and another poll follows later`, async () => {
        const { browser, tab, network } = await started();
        network.request.answer_all(status, { error: "one sentence" });
        await settle();
        assert.deepEqual(tab.errors, [[status, "error"]]);
        await browser.advance(499);
        assert.equal(network.requests.length, 1);
        await browser.advance(1 + SENT);
        assert.equal(network.requests.length, 2);
    });
}

test("errors reach the page as something like an XMLHttpRequest and a status", async () => {
    let seen = 0;
    const check = (xhr, status) => {
        assert.equal(status, "error");
        assert.equal(xhr.status, 500);
        assert.equal(xhr.readyState, 4);
        assert.deepEqual(xhr.responseJSON, { error: "the controller failed" });
        assert.equal(xhr.responseText, '{"error":"the controller failed"}');
        assert.equal(xhr.getResponseHeader("Content-Type"), "application/json");
        assert.equal(xhr.getResponseHeader("X-Nothing"), null);
        seen += 1;
    };
    const { browser, tab, network } = await started("/wall", {}, { error: check });
    network.request.answer(500, "the controller failed");
    await browser.advance(1000);
    network.request.answer_all(500, { error: "the controller failed" });
    await browser.advance(1);
    assert.equal(seen, 2);
    assert.deepEqual(tab.reports, []);
});

test("a lost connection goes to the error callback with status 0", async () => {
    const { browser, tab, network } = await started();
    network.request.fail();
    await settle();
    assert.deepEqual(tab.errors, [[0, "error"]]);
    await browser.advance(500 + SENT);
    assert.equal(network.requests.length, 2);
});

for (const body of ['{"half', "<p>another server</p>", "[]", '{"answers": 5}', ""]) {
    test(`an answer that is not the sidecar's is an error of the kind parsererror: ${body}`, async () => {
        const { browser, tab, network } = await started();
        network.request.answer_all(200, body);
        await browser.sent();
        assert.deepEqual([tab.answers, tab.errors], [[], [[200, "parsererror"]]]);
    });
}

test("a whole request that is answered with 204 is an error too, and is not repeated at once", async () => {
    const { browser, tab, network } = await started();
    network.request.answer_all(204);
    await browser.sent();
    assert.deepEqual([tab.errors.length, network.requests.length], [1, 1]);
});

test("a sidecar that stops sends the page elsewhere at once, without a callback", async () => {
    const { browser, tab, network } = await started();
    network.request.answer_all(503, { error: "stopping" }, { "X-Longpolling": "stopping", "Retry-After": "30" });
    await browser.advance(500);
    assert.deepEqual(tab.errors, []);
    assert.equal(network.requests.length, 2);
});

test("browsers that a stopping sidecar sends away do not all come back in the same millisecond", async () => {
    const times = [];
    for (const luck of [0.1, 0.9]) {
        const { browser, network } = await started("/wall", {}, {}, { random: () => luck });
        const before = browser.clock.time;
        network.request.answer_all(503, {}, { "X-Longpolling": "stopping" });
        while (network.requests.length < 2) {
            await browser.advance(1);
        }
        times.push(browser.clock.time - before);
    }
    assert.ok(times[1] - times[0] >= 300, String(times));
});

test("the session's id is read before every poll, since it may change", async () => {
    const { browser, tab, network } = await started();
    tab.session.session_id = "two";
    network.request.answer(204);
    await browser.sent();
    assert.equal(network.request.body.session_id, "two");
});

test("stop_longpolling aborts the request in flight", async () => {
    const { browser, tab, network } = await started();
    tab.lp.stop_longpolling();
    await browser.advance(3600e3);
    assert.ok(network.requests[0].aborted);
    assert.equal(network.requests.length, 1);
    assert.deepEqual([tab.answers, tab.errors, browser.clock.timers], [[], [], []]);
    assert.deepEqual(tab.states.map((state) => state.name), ["connecting"]);
});

test("an answer that arrives after the stop is never delivered", async () => {
    const { browser, tab, network } = await started();
    network.request.answer(200, "late");
    tab.lp.stop_longpolling();
    await browser.sent();
    assert.deepEqual(tab.answers, []);
});

test("a stop in the success callback ends the loop", async () => {
    const { browser, tab, network } = await started("/wall", {}, { success: () => tab.lp.stop_longpolling() });
    network.request.answer(200, 1);
    await browser.advance(3600e3);
    assert.equal(network.requests.length, 1);
});

test("starting twice leaves one loop, with the callbacks of the second start", async () => {
    const { browser, tab, network } = await started("/first");
    const first = network.request;
    await tab.start("/second");
    assert.ok(first.aborted);
    assert.deepEqual(network.request.polls.map((poll) => poll.path), ["/second"]);
    network.request.answer(200, 2);
    await browser.sent();
    assert.deepEqual(tab.answers, [2]);
    assert.equal(network.held.length, 1);
});

test("a start in the error callback begins anew after a logout", async () => {
    const { browser, tab, network } = await started("/wall", {}, {
        error: (xhr) => { xhr.status === 401 && tab.start("/public"); },
    });
    network.request.answer(401, "x");
    await browser.advance(1000);
    network.request.answer(401, "x");
    await browser.advance(1000);
    assert.deepEqual(network.request.polls.map((poll) => poll.path), ["/public"]);
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
    await browser.advance(1000 + SENT);
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

test("a session that is not ready yet is waited for, and after 10 seconds the console is told", async () => {
    const browser = new FakeBrowser();
    const tab = browser.tab({ db: "mydb", uid: 1, session_id: null });
    await tab.start();
    await browser.advance(9000);
    assert.deepEqual([browser.network.requests.length, tab.warnings.length], [0, 0]);
    await browser.advance(60000);
    assert.match(tab.warnings.join(""), /nobody is logged in/);
    assert.equal(tab.warnings.length, 1);
    tab.session.session_id = "one";
    await browser.advance(100 + SENT);
    assert.equal(browser.network.request.body.session_id, "one");
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
