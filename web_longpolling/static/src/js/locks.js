/** @odoo-module ignore */
// Web Locks, as the tabs of one user share their polls with them: one tab at a time sends a given poll, and all tabs
// together send no more polls than leave the browser connections for everything else.
(function (scope) {
    "use strict";
    const core = (scope.web_longpolling_core = scope.web_longpolling_core || {});

    const TICK = 5000;
    const SLOT = "web_longpolling:connection:";

    /**
     * Run `work(waited)` while this tab holds the lock `name`; `waited` tells whether another tab held it first.
     *
     * The lock goes to the next tab when the promise of `work` is settled, or when the tab closes or crashes. A tab
     * whose main thread hangs keeps it: then `patience` runs out and the lock is taken away from it.
     *
     * @param {AbortSignal} signal  ends the waiting; `work` has to watch it by itself
     * @param {core.Patience} patience
     * @returns {Promise<void>} rejected with an AbortError if the lock was taken away from this tab
     */
    core.with_lock = async function with_lock(env, name, signal, patience, work) {
        if (await try_lock(env, name, () => work(false))) {
            return;
        }
        if (!(await wait_for_lock(env, [name], signal, patience, () => work(true))) && !signal.aborted) {
            await env.locks.request(name, { steal: true }, () => work(true));
        }
    };

    /**
     * Run `work` while this tab holds one of the connections that polls may use.
     *
     * Who finds none free waits for the first that becomes free; whose patience runs out goes without.
     */
    core.with_connection = async function with_connection(env, signal, patience, work) {
        if (env.polls_at_once === Infinity) {
            return work();
        }
        const slots = Array.from({ length: env.polls_at_once }, (_, index) => SLOT + index);
        for (const slot of slots) {
            if (await try_lock(env, slot, work)) {
                return undefined;
            }
        }
        if (!(await wait_for_lock(env, slots, signal, patience, work)) && !signal.aborted) {
            await work();
        }
        return undefined;
    };

    /** Run `work` with the lock if nobody holds it or waits for it. Returns whether it ran. */
    async function try_lock(env, name, work) {
        let granted = false;
        await env.locks.request(name, { ifAvailable: true }, function (lock) {
            granted = lock !== null;
            return granted ? work() : undefined;
        });
        return granted;
    }

    /**
     * Run `work` with the first of the locks that is granted.
     *
     * @returns {Promise<boolean>} whether it ran: not after an abort, and not when patience ran out
     */
    async function wait_for_lock(env, names, signal, patience, work) {
        const queue = new AbortController();
        const leave = () => queue.abort();
        let granted = null;
        const wait = async function (name) {
            try {
                await env.locks.request(name, { signal: queue.signal }, function () {
                    if (granted !== null || signal.aborted) {
                        return undefined;
                    }
                    granted = name;
                    patience.end();
                    leave();
                    return work();
                });
            } catch (error) {
                if (granted === name || !queue.signal.aborted) {
                    throw error;
                }
            }
        };
        signal.addEventListener("abort", leave);
        patience.start(leave);
        if (signal.aborted) {
            leave();
        }
        try {
            await Promise.all(names.map(wait));
        } finally {
            signal.removeEventListener("abort", leave);
            patience.end();
        }
        return granted !== null;
    }

    /**
     * How long a tab waits for a tab that may be dead.
     *
     * It counts only the time that this tab was awake for: when a laptop wakes, the tab that polls must have the time
     * to find its request dead and to send another one before all the others take the lock from it.
     */
    core.Patience = class Patience {
        constructor(env, limit) {
            this.env = env;
            this.limit = limit + env.random() * limit; // not all tabs lose it in the same moment
            this.waited = 0;
            this.end = () => undefined;
        }

        start(lost) {
            this.waited = 0;
            const stop = core.every(this.env, TICK, (elapsed) => {
                this.waited += Math.min(elapsed, TICK);
                if (this.waited >= this.limit) {
                    lost();
                }
            });
            this.end = stop;
        }

        /** The other tab gave a sign of life. */
        heard() {
            this.waited = 0;
        }
    };
})(globalThis);
