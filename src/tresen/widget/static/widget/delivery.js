// From the composer to the server: every message keeps its id until it is acknowledged, so that it arrives once.

import { pause } from "./api.js";
import { Outbox, uuid } from "./outbox.js";

export class Delivery {
  /** `ready()`: a session exists. `changed()`: draw again. `stored()`: the server has acknowledged one. */
  constructor(api, thread, name, { ready, changed, stored }) {
    Object.assign(this, { api, thread, ready, changed, stored, outbox: new Outbox(name), tries: 0 });
  }

  async write(draft) {
    const entry = { id: uuid(), at: Date.now(), ...draft };
    this.thread.keep(entry, "sending");
    this.changed();
    await this.outbox.put(entry);
    this.flush();
  }

  /** Brings what an earlier page could not send back into the thread. */
  async restore(kept) {
    if (kept) await this.outbox.open();
    for (const entry of await this.outbox.all()) {
      if (!this.thread.unsent.has(entry.id)) this.thread.keep(entry, entry.error ? "failed" : "sending", entry.error);
    }
  }

  /** Sends what waits, one after the other; on trouble it comes back by itself. */
  async flush() {
    if (this.busy || !this.ready()) return;
    this.busy = true;
    clearTimeout(this.later);
    try {
      for (const entry of await this.outbox.all()) if (!entry.error) await this.send(entry);
      this.tries = 0;
    } catch (error) {
      this.later = setTimeout(() => this.flush(), pause(this.tries++, error.after));
    } finally {
      this.busy = false;
      this.changed();
    }
  }

  async send(entry) {
    try {
      await this.api.send(entry);
      await this.outbox.remove(entry.id);
      this.thread.keep(entry, "stored");
      this.stored();
      this.changed();
    } catch (error) {
      if (error.retry !== false || error.status === 401) throw error;
      entry.error = error.status;
      await this.outbox.put(entry);
      this.thread.keep(entry, "failed", entry.error);
    }
  }

  async retry(id) {
    const entry = (await this.outbox.all()).find((other) => other.id === id);
    if (!entry) return;
    delete entry.error;
    await this.outbox.put(entry);
    this.thread.keep(entry, "sending");
    this.changed();
    this.flush();
  }

  async discard(id) {
    await this.outbox.remove(id);
    this.thread.unsent.delete(id);
    this.changed();
  }

  stop() {
    clearTimeout(this.later);
    this.outbox.memory.clear();
  }
}
