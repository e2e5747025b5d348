// What Odoo's bus worker takes for a WebSocket. Each test is named after the sentence it proves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBus, FakePage, ORIGIN } from "./bus_fakes.mjs";
import { settle } from "./clock_and_network.mjs";

const OPENED = [["open"]];
const PRESENCE = { event_name: "update_presence", data: { inactivity_period: 0 } };
const polls = { transport: "longpolling" };

/** A bus whose WebSockets are refused, so that it polls. */
async function refused() {
    const bus = new FakeBus();
    const socket = await bus.socket();
    bus.native.end();
    await bus.sidecar("open", 200, true);
    await bus.subscribe(socket);
    return { bus, socket };
}

/** A second goes by in which nothing happens. */
async function polls_on(bus) {
    await bus.advance(1000);
    bus.held("messages").forEach((request) => request.answer_all(204));
    bus.held("renew").forEach((request) => request.answer_all(200, { result: { renewed: true } }));
}

// -- a WebSocket or polls

test("without anything of ours in the version the socket is the browser's own", () => {
    const bus = new FakeBus();
    const socket = new bus.scope.WebSocket("wss://odoo.example/websocket?version=19.0-2");
    assert.equal(socket, bus.native);
});

test("a WebSocket that opens is taken, and hears Odoo's own version", async () => {
    const bus = new FakeBus();
    const socket = await bus.socket();
    assert.equal(bus.native.address, "wss://odoo.example/websocket?version=19.0-2");
    assert.throws(() => socket.send("too early"));
    bus.native.open();
    bus.native.onmessage({ data: '[{"id":1}]' });
    socket.send("up");
    bus.native.end(4001, "expired");
    assert.deepEqual(bus.native.sent, ["up"]);
    assert.deepEqual(socket.events, [...OPENED, ["message", [{ id: 1 }]], ["close", 4001, "expired"]]);
    await bus.advance(60000);
    assert.equal(bus.network.requests.length, 0);
});

test("one that is refused is replaced by polls, and the worker is told of one opening alone", async () => {
    const { bus, socket } = await refused();
    assert.deepEqual(socket.events, OPENED);
    assert.equal(bus.network.requests[0].url, ORIGIN + "/openerplongpolling/web_longpolling_bus/open");
    const next = await bus.socket(); // no other one is tried first
    assert.equal(bus.natives.length, 1);
    assert.equal(next.readyState, 0);
});

test("where the host does not have the addon any more, the next one is a WebSocket, if it may", async () => {
    for (const [transport, natives] of [["auto", 2], ["longpolling", 0]]) {
        const bus = new FakeBus();
        const socket = await bus.socket({ transport });
        bus.natives.forEach((native) => native.end());
        await bus.sidecar("open", 200, true);
        await bus.subscribe(socket);
        await bus.sidecar("messages", 410); // the tickets are removed with it
        await bus.sidecar("subscribe", 404, "<h1>Not Found</h1>");
        assert.deepEqual(socket.events, [...OPENED, ["close", 1006, ""]]);
        await bus.socket({ transport });
        assert.equal(bus.natives.length, natives);
    }
});

test("a user's or a database's end is one also where the socket has closed before", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    await bus.messages("p1", [9, '"nine"']);
    for (let second = 0; second < 25; second++) {
        bus.held("messages").forEach((request) => request.answer_all(502));
        await bus.advance(1000);
    }
    assert.equal(socket.readyState, 3);
    socket.close(1000); // another page has come, of another database
    const next = await bus.socket(polls);
    await bus.sidecar("open", 200, true);
    next.send(JSON.stringify({ event_name: "subscribe", data: { channels: ["a"], last: 5 } }));
    await settle();
    const { uid, known, last } = bus.asked("subscribe");
    assert.deepEqual({ uid, known, last }, { uid: null, known: false, last: 5 });
});

test("one that is not answered within five seconds is given up", async () => {
    const bus = new FakeBus();
    await bus.socket();
    await bus.advance(4999);
    assert.equal(bus.held("open").length, 0);
    await bus.advance(1);
    assert.equal(bus.held("open").length, 1);
    assert.ok(bus.native.closed);
});

test("two that die young, one after the other, are enough", async () => {
    const bus = new FakeBus();
    for (let number = 0; number < 2; number += 1) {
        const socket = await bus.socket();
        bus.native.open();
        await bus.advance(10000);
        bus.native.end();
        assert.deepEqual(socket.events, [...OPENED, ["close", 1006, ""]]);
    }
    await bus.socket();
    assert.deepEqual([bus.natives.length, bus.held("open").length], [2, 1]);
});

test("those that die after twenty seconds, or are ended by the server, do not count", async () => {
    const bus = new FakeBus();
    for (const [life, code] of [[10000, 1006], [20000, 1006], [10000, 1006], [100, 1001], [100, 4002]]) {
        await bus.socket();
        bus.native.open();
        await bus.advance(life);
        bus.native.end(code);
    }
    await bus.socket();
    assert.equal(bus.natives.length, 6);
    assert.equal(bus.held("open").length, 0);
});

test("where there is neither the worker is told that it could not be opened", async () => {
    const bus = new FakeBus();
    const socket = await bus.socket();
    bus.native.end();
    await bus.sidecar("open", 502, "<html>");
    assert.deepEqual(socket.events, [["error"], ["close", 1006, ""]]);
    const next = await bus.socket(polls);
    await bus.advance(5000); // no answer
    assert.deepEqual(next.events, [["error"], ["close", 1006, ""]]);
});

test("a server that has no room again and again is one that dies", async () => {
    const bus = new FakeBus();
    for (const code of [1013, 1011]) {
        await bus.socket();
        bus.native.open();
        bus.native.end(code);
    }
    await bus.socket();
    assert.deepEqual([bus.natives.length, bus.held("open").length], [2, 1]);
});

test("where no sidecar answers, each next one is a WebSocket, as without the addon", async () => {
    const bus = new FakeBus();
    for (const [number, body] of [[1, ""], [2, "<html>a page for everything</html>"]]) {
        await bus.socket();
        assert.equal(bus.natives.length, number);
        bus.native.end();
        await bus.sidecar("open", body ? 200 : 502, body);
    }
    const socket = await bus.socket();
    bus.native.open();
    assert.deepEqual(socket.events, OPENED);
    await bus.advance(200000); // and no other one is tried beside it
    assert.equal(bus.natives.length, 3);
});

// -- back to the WebSocket

test("one that is not answered is given up, and tried again later", async () => {
    const { bus } = await refused();
    await bus.advance(65000);
    assert.ok(bus.native.closed);
    for (let second = 0; second < 121; second += 1) {
        await polls_on(bus);
    }
    assert.equal(bus.natives.length, 3);
});

test("who has a WebSocket by now is not taken for gone when he does not renew", async () => {
    const { bus } = await refused();
    await bus.advance(60000);
    bus.native.open();
    await bus.advance(20000);
    assert.equal(bus.held("moved").length, 0);
    await bus.socket();
    assert.deepEqual(bus.asked("moved"), { name: bus.name, ticket: "ticket-1" });
    assert.equal(bus.held("leave").length, 0);
});

test("a WebSocket that has lived for twenty seconds beside the polls is taken", async () => {
    const { bus, socket } = await refused();
    await bus.advance(60000);
    const probe = bus.native;
    assert.equal(bus.natives.length, 2);
    probe.open();
    await bus.advance(19999);
    assert.deepEqual(socket.events, OPENED);
    await bus.advance(1);
    assert.deepEqual(socket.events, [...OPENED, ["close", 4002, ""]]); // the worker connects again at once
    assert.equal(bus.held("messages").length + bus.held("leave").length, 0);
    const next = await bus.socket();
    assert.deepEqual([next.events, bus.natives.length], [OPENED, 2]);
    probe.onmessage({ data: '[{"id":2}]' });
    assert.deepEqual(next.events[1], ["message", [{ id: 2 }]]);
});

test("one that has shown that it works and dies before the worker takes it is not taken", async () => {
    const { bus } = await refused();
    await bus.advance(60000);
    bus.native.open();
    await bus.advance(20000);
    bus.native.end();
    const next = await bus.socket();
    assert.deepEqual([next.readyState, bus.natives.length], [0, 3]);
});

test("the pause until one is tried again doubles, up to half an hour", async () => {
    const { bus } = await refused();
    const pauses = [];
    for (let number = 0; number < 7; number += 1) {
        const [before, begun] = [bus.natives.length, bus.clock.time];
        while (bus.natives.length === before) {
            await polls_on(bus);
        }
        pauses.push((bus.clock.time - begun) / 1000);
        bus.native.end();
    }
    assert.deepEqual(pauses, [60, 120, 240, 480, 960, 1800, 1800]);
});

test("who is told to poll tries no WebSocket", async () => {
    const bus = new FakeBus();
    await bus.polling();
    await bus.advance(100000);
    assert.equal(bus.natives.length, 0);
});

// -- messages

test("what a subscription and polls bring is told with its ids, and each poll goes on from the last answer", async () => {
    const bus = new FakeBus();
    const socket = await bus.socket(polls);
    await bus.sidecar("open", 200, true);
    socket.send(JSON.stringify({ event_name: "subscribe", data: { channels: ["a", "b"], last: 5 } }));
    await settle();
    assert.deepEqual(bus.asked("subscribe"), {
        name: bus.name, version: "19.0-2~abcd1234", channels: ["a", "b"], last: 5, uid: null, known: false, ticket: null,
    });
    await bus.subscribed({ notifications: [{ id: 6, message: "six" }] });
    const since = () => bus.request("messages").options.headers["X-Longpolling-Since"];
    assert.deepEqual([since(), bus.request("messages").body], ["p0", { ticket: "ticket-1" }]);
    await bus.messages("p1", [8, '"eight"'], [7, '"seven"']);
    assert.equal(since(), "p1");
    await bus.sidecar("messages", 204, undefined, { "X-Longpolling-Position": "p2" });
    assert.equal(since(), "p2");
    assert.deepEqual(socket.events.slice(1), [
        ["message", [{ id: 6, message: "six" }]],
        ["message", [{ id: 8, message: "eight" }, { id: 7, message: "seven" }]],
    ]);
});

test("another subscription goes on from the position, in place of the ticket, and asks for what new channels had", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    await bus.messages("p1", [9, "1"]);
    const before = bus.request("messages");
    socket.send(JSON.stringify({ event_name: "subscribe", data: { channels: ["a", "c"], last: 9 } }));
    await settle();
    const { known, last, uid, ticket } = bus.asked("subscribe");
    // What was told a moment ago may have come before others with lower ids.
    assert.deepEqual([known, last, uid, ticket], [true, 5, 7, "ticket-1"]);
    await bus.subscribed({ ticket: "ticket-2", notifications: [{ id: 7, message: "of c" }, { id: 9, message: 1 }] });
    assert.ok(before.aborted);
    assert.deepEqual(bus.request("messages").body, { ticket: "ticket-2" });
    assert.equal(bus.request("messages").options.headers["X-Longpolling-Since"], "p1");
    await bus.messages("p2", [7, '"of c"'], [10, "2"]);
    const told = [[{ id: 9, message: 1 }], [{ id: 7, message: "of c" }], [{ id: 10, message: 2 }]];
    assert.deepEqual(socket.events.slice(1), told.map((messages) => ["message", messages]));
    await bus.advance(11000);
    socket.send(JSON.stringify({ event_name: "subscribe", data: { channels: ["a"], last: 9 } }));
    await settle();
    assert.equal(bus.asked("subscribe").last, 10);
});

test("a message that comes in parts is told when it is whole, also if the parts come in several answers", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    await bus.messages("p1", [1, '"a'], [2, '["b', true]);
    assert.deepEqual(bus.reports.length, 1); // the first one is cut off, which is nobody's but the server's fault
    await bus.messages("p2", [2, 'c"', true]);
    await bus.messages("p3", [2, ', 1]'], [3, "3"]);
    assert.deepEqual(socket.events.slice(1), [["message", [{ id: 2, message: ["bc", 1] }, { id: 3, message: 3 }]]]);
});

test("who has missed events tells the host, connects again and asks by the last id", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    await bus.messages("p1", [9, "1"]);
    await bus.sidecar("messages", 200, { position: "p9", events: [], missed: true });
    assert.equal(bus.held("missed").length, 1);
    await bus.host("missed", {});
    assert.deepEqual(socket.events.at(-1), ["close", 4002, ""]);
    const next = await bus.socket(polls);
    await bus.sidecar("open", 200, true);
    next.send(JSON.stringify({ event_name: "subscribe", data: { channels: [], last: 9 } }));
    await settle();
    // A transaction that is still under way may have a lower id, so what comes is told unless it was told.
    assert.deepEqual([bus.asked("subscribe").known, bus.asked("subscribe").last], [false, 5]);
    await bus.subscribed({ notifications: [{ id: 8, message: 8 }, { id: 9, message: 1 }] });
    assert.deepEqual(next.events, [...OPENED, ["message", [{ id: 8, message: 8 }]]]);
});

test("who is closed while he tells the host what he has missed is closed once", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    await bus.sidecar("messages", 200, { position: "p9", events: [], missed: true });
    socket.close(1000);
    await settle();
    await bus.host("missed", {});
    assert.deepEqual(socket.events.slice(1), [["close", 1000, ""]]);
});

test("parts of messages that were sent side by side come in any order, and each message is whole", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    await bus.messages("p1", [1, '"a', true], [2, '"b', true], [3, "3"]);
    await bus.messages("p2", [1, '1"'], [4, "4"], [2, '2"']);
    assert.deepEqual(socket.events.slice(1), [
        ["message", [{ id: 3, message: 3 }]],
        ["message", [{ id: 1, message: "a1" }, { id: 4, message: 4 }, { id: 2, message: "b2" }]],
    ]);
});

test("nothing is lost or told twice when polls end and a WebSocket takes over", async () => {
    const { bus, socket } = await refused();
    await bus.messages("p1", [20, "20"]);
    await bus.advance(60000);
    bus.native.open();
    await bus.advance(15000);
    await bus.messages("p2", [32, "32"], [30, "30"]); // which committed last
    await bus.advance(5000);
    assert.deepEqual(socket.events.at(-1), ["close", 4002, ""]);
    const next = await bus.socket();
    next.send(JSON.stringify({ event_name: "subscribe", data: { channels: ["a"], last: 30 } }));
    next.send(JSON.stringify(PRESENCE));
    assert.deepEqual(bus.native.sent.map((sent) => JSON.parse(sent)), [
        { event_name: "subscribe", data: { channels: ["a"], last: 20 } }, PRESENCE,
    ]);
    const told = (...ids) => ({ data: JSON.stringify(ids.map((id) => ({ id, message: id }))) });
    bus.native.onmessage(told(30, 32));
    bus.native.onmessage(told(31, 32, 33)); // one that has committed meanwhile
    assert.deepEqual(next.events.slice(1), [["message", [{ id: 31, message: 31 }, { id: 33, message: 33 }]]]);
});

test("nor when polls take over from a WebSocket", async () => {
    const bus = new FakeBus();
    const told = (...ids) => ({ data: JSON.stringify(ids.map((id) => ({ id, message: id }))) });
    for (const id of [40, 42]) {
        const socket = await bus.socket();
        bus.native.open();
        socket.send(JSON.stringify({ event_name: "subscribe", data: { channels: ["a"], last: 5 } }));
        bus.native.onmessage(told(id));
        await bus.advance(10000);
        bus.native.end();
    }
    const socket = await bus.socket();
    await bus.sidecar("open", 200, true);
    socket.send(JSON.stringify({ event_name: "subscribe", data: { channels: ["a"], last: 42 } }));
    await settle();
    assert.equal(bus.asked("subscribe").last, 40);
    await bus.subscribed({ notifications: [{ id: 41, message: 41 }, { id: 42, message: 42 }] });
    assert.deepEqual(socket.events.slice(1), [["message", [{ id: 41, message: 41 }]]]);
});

test("another user, or another database, begins anew", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    await bus.messages("p1", [9, "1"]);
    socket.close(1000); // as Odoo's worker does then
    await settle();
    await bus.sidecar("leave", 204);
    const next = await bus.socket(polls);
    await bus.sidecar("open", 200, true);
    next.send(JSON.stringify({ event_name: "subscribe", data: { channels: [], last: 3 } }));
    await settle();
    const { uid, known, last } = bus.asked("subscribe");
    assert.deepEqual([uid, known, last], [null, false, 3]);
    await bus.subscribed({ notifications: [{ id: 9, message: "another" }] });
    assert.deepEqual(next.events.slice(1), [["message", [{ id: 9, message: "another" }]]]);
});

// -- what goes wrong

test("a sidecar that is away for less than twenty seconds is not noticed", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    await bus.sidecar("messages", 503, "", { "X-Longpolling": "stopping" });
    for (const status of [502, 200, 503]) {
        await bus.advance(4000);
        await bus.sidecar("messages", status, "<html>a page of a proxy's</html>");
    }
    await bus.advance(5000);
    await bus.messages("p1", [1, "1"]);
    assert.deepEqual(socket.events.slice(1), [["message", [{ id: 1, message: 1 }]]]);
});

test("one that stops sends polls elsewhere, which go there at once", async () => {
    const bus = new FakeBus();
    await bus.polling();
    for (let sidecar = 0; sidecar < 6; sidecar += 1) {
        await bus.sidecar("messages", 503, "", { "X-Longpolling": "stopping" });
        await bus.advance(250);
        assert.equal(bus.held("messages").length, 1);
    }
});

test("one that is away for longer is a lost connection", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    for (let second = 0; second < 30 && socket.readyState === 1; second += 1) {
        bus.held("messages").forEach((request) => request.answer_all(502));
        await bus.advance(1000);
    }
    assert.deepEqual(socket.events.slice(1), [["close", 1006, ""]]);
    assert.equal(bus.network.held.length, 0);
});

test("a poll that is not answered in time is broken off, and repeated", async () => {
    const bus = new FakeBus();
    await bus.polling({ transport: "longpolling", timeout: 60 });
    const first = bus.request("messages");
    await bus.advance(79999);
    assert.ok(!first.aborted);
    await bus.advance(1000);
    assert.ok(first.aborted);
    assert.equal(bus.held("messages").length, 1);
});

test("a session that has ended is told, and nothing of the user is kept", async () => {
    const expired = { result: { expired: true } };
    for (const answer of [expired, { error: { code: 100, message: "Session expired" } }]) {
        const bus = new FakeBus();
        const socket = await bus.polling();
        socket.send(JSON.stringify({ event_name: "update_presence", data: { inactivity_period: 0 } }));
        await settle();
        bus.request("event").answer_all(200, answer);
        await settle();
        assert.deepEqual(socket.events.slice(1), [["close", 4001, ""]]);
        const { uid, position, presence } = bus.scope.web_longpolling_bus;
        assert.deepEqual([uid, position, presence], [null, null, null]);
        assert.equal(bus.request("leave").body, bus.name); // its user is not here any more
        const next = await bus.socket(polls);
        await bus.sidecar("open", 200, true);
        next.send(JSON.stringify({ event_name: "subscribe", data: { channels: [], last: 0 } }));
        await settle();
        assert.equal(bus.held("subscribe").length, 0); // the good-bye must not come after it
        await bus.sidecar("leave", 204);
        assert.deepEqual([bus.asked("subscribe").uid, bus.asked("subscribe").known], [null, false]);
    }
});

test("a poll that is refused asks the host, twice, before the session is taken for ended", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    for (let time = 0; time < 2; time += 1) {
        await bus.sidecar("messages", 401, { error: "log in again" });
        await bus.advance(200);
        await bus.subscribed({ ticket: "ticket-" + (time + 2) });
    }
    assert.equal(bus.request("messages").body.ticket, "ticket-3");
    assert.deepEqual(socket.events, OPENED);
    await bus.sidecar("messages", 401, { error: "log in again" });
    assert.deepEqual(socket.events.slice(1), [["close", 4001, ""]]);
});

test("who has to say who he is asks again every half a minute, or when he does something, and goes on", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    await bus.sidecar("messages", 401, { error: "log in again" });
    await bus.advance(200);
    await bus.host("subscribe", { locked: true });
    for (let time = 0; time < 10; time += 1) {
        await bus.advance(29999);
        assert.equal(bus.network.held.filter((request) => !request.url.endsWith("/renew")).length, 0);
        await bus.advance(1);
        await bus.host("subscribe", { locked: true });
    }
    socket.send(JSON.stringify(PRESENCE));
    await settle();
    await bus.subscribed({ ticket: "ticket-2" });
    const { headers, body } = bus.request("messages").options;
    assert.deepEqual([headers["X-Longpolling-Since"], body], ["p0", '{"ticket":"ticket-2"}']);
    assert.deepEqual(bus.asked("event").data, PRESENCE.data);
    assert.deepEqual(socket.events, OPENED);
});

test("a ticket that is over is replaced", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    await bus.sidecar("messages", 410, { error: "gone" });
    await bus.subscribed({ ticket: "ticket-2" });
    assert.equal(bus.request("messages").body.ticket, "ticket-2");
    assert.deepEqual(socket.events, OPENED);
});

test("a worker that is out of date is told so as Odoo's server tells it", async () => {
    const bus = new FakeBus();
    const socket = await bus.socket(polls);
    await bus.sidecar("open", 200, true);
    socket.send(JSON.stringify({ event_name: "subscribe", data: { channels: [], last: 0 } }));
    await settle();
    await bus.host("subscribe", { outdated: true });
    assert.deepEqual(socket.events.slice(1), [["close", 1000, "OUTDATED_VERSION"]]);
});

test("a host that fails at the subscription is a lost connection", async () => {
    const bus = new FakeBus();
    const socket = await bus.socket(polls);
    await bus.sidecar("open", 200, true);
    socket.send(JSON.stringify({ event_name: "subscribe", data: { channels: [], last: 0 } }));
    await settle();
    await bus.sidecar("subscribe", 500, "");
    assert.deepEqual(socket.events.slice(1), [["close", 1006, ""]]);
});

test("a host that is away is asked less and less often for a subscription, until it answers", async () => {
    const bus = new FakeBus();
    const pauses = [];
    for (let number = 0; number < 7; number += 1) {
        const socket = await bus.socket(polls);
        const begun = bus.clock.time;
        await bus.sidecar("open", 200, true);
        while (socket.readyState === 0) {
            await bus.advance(1000);
        }
        pauses.push((bus.clock.time - begun) / 1000);
        socket.send(JSON.stringify({ event_name: "subscribe", data: { channels: [], last: 0 } }));
        await settle();
        if (number < 6) {
            await bus.sidecar("subscribe", 502, "");
        }
    }
    assert.deepEqual(pauses, [0, 2, 4, 8, 16, 30, 30]);
    await bus.subscribed();
    const next = await bus.socket(polls);
    await bus.sidecar("open", 200, true);
    assert.deepEqual(next.events, OPENED);
});

test("what a host that restarts has not heard is said again", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    socket.send(JSON.stringify(PRESENCE));
    await settle();
    await bus.sidecar("event", 502, "");
    await bus.advance(1000);
    await bus.host("event", { renewed: true });
    assert.deepEqual([socket.events, bus.held("event").length], [OPENED, 0]);

    socket.send(JSON.stringify(PRESENCE)); // and now it stays away for longer
    for (let second = 0; second < 40 && socket.readyState === 1; second += 1) {
        bus.held("event").forEach((request) => request.answer_all(503, ""));
        await bus.advance(1000);
    }
    assert.deepEqual(socket.events.at(-1), ["close", 1006, ""]);
    const next = await bus.socket(polls);
    await bus.sidecar("open", 200, true);
    await bus.subscribe(next);
    assert.deepEqual(bus.asked("event"), { name: bus.name, ...PRESENCE, uid: 7 });
});

test("what the host refuses is not said again", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    socket.send(JSON.stringify(PRESENCE));
    await settle();
    bus.request("event").answer_all(200, { error: { code: 0, message: "Odoo Server Error" } });
    await bus.advance(10000);
    assert.deepEqual([socket.events, bus.held("event").length], [OPENED, 0]);
});

// -- up to the host

test("what is sent goes up one after the other", async () => {
    const bus = new FakeBus();
    const socket = await bus.socket(polls);
    await bus.sidecar("open", 200, true);
    socket.send(JSON.stringify({ event_name: "subscribe", data: { channels: [], last: 0 } }));
    socket.send(JSON.stringify(PRESENCE));
    socket.send(new Uint8Array([0])); // asks whether the connection is alive
    await settle();
    assert.equal(bus.held("event").length, 0);
    await bus.subscribed();
    assert.deepEqual(bus.asked("event"), { name: bus.name, ...PRESENCE, uid: 7 });
    await bus.host("event", { renewed: true });
    assert.equal(bus.held("event").length, 0);
});

test("who was taken for gone subscribes again, and says once more what he was about to say, but only once", async () => {
    const bus = new FakeBus();
    bus.page();
    const socket = await bus.polling();
    socket.send(JSON.stringify(PRESENCE));
    await settle();
    await bus.host("event", { renewed: false });
    assert.equal(bus.asked("subscribe").known, true);
    await bus.subscribed({ ticket: "ticket-2" });
    assert.deepEqual(bus.asked("event"), { name: bus.name, ...PRESENCE, uid: 7 });
    await bus.host("event", { renewed: false });
    assert.deepEqual([bus.held("event").length, bus.held("subscribe").length], [0, 0]);
});

test("it says every two minutes that it is there, and who was taken for gone says that its user is, too", async () => {
    const bus = new FakeBus();
    bus.page();
    const socket = await bus.polling({ transport: "longpolling", timeout: 600 });
    socket.send(JSON.stringify(PRESENCE));
    await settle();
    await bus.host("event", { renewed: true });
    await bus.advance(120000);
    assert.deepEqual(bus.asked("renew"), { name: bus.name, ticket: "ticket-1", uid: 7 });
    await bus.host("renew", { renewed: true });
    await bus.advance(120000);
    await bus.host("renew", { renewed: false });
    await bus.subscribed({ ticket: "ticket-2" });
    assert.deepEqual(bus.asked("event").data, PRESENCE.data);
});

// -- who leaves

test("the last page that leaves is told to the host, and the last page knows that it is that", async () => {
    const bus = new FakeBus();
    const pages = [bus.page(), bus.page()];
    await bus.polling();
    pages[0].leave();
    assert.deepEqual(bus.told.at(-1), { name: bus.name, polling: true, pages: 1 });
    assert.equal(bus.held("leave").length, 0);
    pages[1].leave();
    pages[1].leave(); // the port's closing is an event of its own
    assert.deepEqual([bus.request("leave").body, bus.request("leave").options.keepalive], [bus.name, true]);
});

test("what a worker without pages sent before is not sent anew", async () => {
    const bus = new FakeBus();
    const page = bus.page();
    const socket = await bus.polling();
    socket.send(JSON.stringify(PRESENCE));
    await settle();
    page.leave();
    await bus.host("event", { renewed: false });
    assert.equal(bus.held("subscribe").length, 0);
});

test("a page that comes to a worker whose last one has left brings its user back, after the good-bye", async () => {
    const bus = new FakeBus();
    const page = bus.page();
    await bus.polling();
    page.leave();
    bus.page();
    await settle();
    assert.equal(bus.held("subscribe").length, 0);
    await bus.sidecar("leave", 204);
    await bus.subscribed();
    assert.deepEqual(bus.asked("event").data, { inactivity_period: 0 });
    await bus.host("event", { renewed: true });
    bus.page();
    await settle();
    assert.equal(bus.held("subscribe").length, 0);
});

test("a worker that was taken for gone comes back under another name", async () => {
    const bus = new FakeBus();
    bus.page();
    const socket = await bus.socket(polls);
    await bus.sidecar("open", 200, true);
    socket.send(JSON.stringify({ event_name: "subscribe", data: { channels: [], last: 0 } }));
    await settle();
    assert.equal(bus.asked("subscribe").name, bus.name);
    await bus.host("subscribe", { gone: true });
    const name = bus.asked("subscribe").name;
    assert.notEqual(name, bus.name);
    assert.deepEqual(bus.told.slice(-2), [
        { name: bus.name, polling: false, pages: 1 }, // which the pages do not say good-bye for any more
        { name, polling: true, pages: 1 },
    ]);
    await bus.subscribed();
    assert.equal(bus.held("messages").length, 1);
});

test("one whose subscription comes after its good-bye waits for a page", async () => {
    const bus = new FakeBus();
    const page = bus.page();
    const socket = await bus.socket(polls);
    await bus.sidecar("open", 200, true);
    socket.send(JSON.stringify({ event_name: "subscribe", data: { channels: [], last: 0 } }));
    await settle();
    page.leave();
    await bus.sidecar("leave", 204);
    await bus.host("subscribe", { gone: true });
    assert.equal(bus.network.held.length, 0);
    bus.page();
    await settle();
    assert.notEqual(bus.asked("subscribe").name, bus.name);
    await bus.subscribed();
    assert.equal(bus.held("messages").length, 1);
});

test("a worker that closes the socket leaves, and one without polls says nothing", async () => {
    const bus = new FakeBus();
    const socket = await bus.polling();
    socket.close();
    await settle();
    assert.equal(bus.request("leave").body, bus.name);
    assert.deepEqual(socket.events.slice(1), [["close", 1005, ""]]);
    assert.equal(bus.held("messages").length, 0);
    const other = new FakeBus();
    const page = other.page();
    await other.socket();
    other.native.open();
    page.leave();
    assert.equal(other.network.requests.length, 0);
});

test("a worker of one page alone leaves with it", async () => {
    const bus = new FakeBus({ shared: false });
    await bus.polling();
    bus.hears.message({ data: { action: "BUS:LEAVE" } });
    assert.equal(bus.request("leave").body, bus.name);
    assert.deepEqual(bus.told[0], { name: bus.name, polling: true, pages: 1 }); // its page says it as well
});

test("the last page of a browser that polls sends a beacon, and no other does", () => {
    const hidden = (worker, how) => {
        const page = new FakePage();
        assert.equal(page.asked, "?");
        page.hear({ name: "other", polling: true, pages: 2 });
        page.hear(worker);
        page.hide(how);
        return page.beacons;
    };
    const worker = { name: "one", polling: true, pages: 1 };
    assert.deepEqual(hidden(worker), [["/web_longpolling_bus/leave", "one"]]);
    assert.deepEqual(hidden({ ...worker, pages: 2 }), []);
    assert.deepEqual(hidden({ ...worker, polling: false }), []);
    assert.deepEqual(hidden(worker, { persisted: true }), []); // it may be shown again
});
