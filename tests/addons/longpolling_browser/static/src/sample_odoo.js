// The specification's JavaScript samples in an Odoo 19.0 component: the class is imported, and where OpenERP 7.0 had a
// jQuery deferred there is a promise.
import { Component, onMounted, onWillUnmount, xml } from "@odoo/owl";
import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { session } from "@web/session";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { LongPolling, useLongPolling } from "@web_longpolling/longpolling";

const seen = (window.longpolling_sample = { answers: [], errors: [], written: [] });

class Sample extends Component {
    static template = xml`<div class="longpolling_sample"/>`;
    static props = { ...standardActionServiceProps };

    setup() {
        onMounted(() => this.start());
        onWillUnmount(() => this.lp.stop_longpolling());
        seen.widget = this;
    }

    start() {
        this.lp = new LongPolling();
        const path = "/mainpath";
        const param = {}; // all param are on the controller kwargs
        const successcallback = function (result) {
            seen.answers.push(result);
        };
        const errorcallback = function (xhr, status) {
            seen.errors.push([xhr.status, status]);
        };
        this.lp.start_longpolling(session, path, param, successcallback, errorcallback);
    }

    write_in_callback() {
        const successcallback = function (result) {
            rpc("/longpolling_browser/write", { write: result });
        };
        this.lp.start_longpolling(session, "/mainpath", {}, successcallback);
    }

    write_and_wait() {
        // Lets a test see that the next poll waits: the answer is held until it says so.
        const held = new Promise((resolve) => (seen.go_on = resolve));
        const successcallback = function (result) {
            return rpc("/longpolling_browser/write", { write: result }).then(function () {
                seen.written.push(result);
                return held;
            });
        };
        this.lp.start_longpolling(session, "/mainpath", {}, successcallback);
    }
}

registry.category("actions").add("longpolling_browser.sample", Sample);

/** A loop that lives as long as its component, and the state of the connection in its template. */
class Hooked extends Component {
    static template = xml`<div class="longpolling_hooked" t-att-data-state="live.name"/>`;
    static props = { ...standardActionServiceProps };

    setup() {
        this.live = useLongPolling("/mainpath", { colour: "blue" }, (result) => seen.answers.push(result));
    }
}

registry.category("actions").add("longpolling_browser.hooked", Hooked);
