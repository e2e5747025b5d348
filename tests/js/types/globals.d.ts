// What the scripts find in a page, for tsc alone: the web clients of the hosts, and the names under which our own
// scripts find each other. Our own types that are defined inside a function, where other scripts can't see them, stand
// here as `any`.
declare var web_longpolling_core: any;
declare var web_longpolling_live_core: any;
declare var longpolling_demo: any;
declare var openerp: any;
declare var $: any;
declare var _: any;

type Changes = any;
type Environment = any;
type Host = any;
type LongPolling = any;
type Outcome = any;
type session = any;

interface Window {
    web_longpolling_bus_leave: any;
}

// Newer than the compiler's own list.
interface MessagePort {
    onclose: ((event: Event) => any) | null;
}

// Whatever a host's own modules export.
declare module "@odoo/*";
declare module "@web/*";
declare module "@bus/*";
declare module "@web_longpolling/*";
declare module "@web_longpolling_live/*";
