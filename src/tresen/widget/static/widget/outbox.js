// Messages that the server has not acknowledged yet. They outlive reloads, closed tabs and a server that is away.

const STORE = "outbox";

const asked = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** IndexedDB where the browser gives it (files are too big for localStorage), else only this page's memory. */
export class Outbox {
  constructor(name) {
    Object.assign(this, { name, memory: new Map(), db: null });
  }

  async open() {
    if (this.db) return;
    try {
      const request = indexedDB.open(this.name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
      this.db = await asked(request);
    } catch {
      this.db = null;
    }
  }

  store(mode) {
    return this.db.transaction(STORE, mode, { durability: "strict" }).objectStore(STORE);
  }

  /** Everything unsent, oldest first. */
  async all() {
    if (this.db) for (const entry of await asked(this.store("readonly").getAll())) this.memory.set(entry.id, entry);
    return [...this.memory.values()].sort((a, b) => a.at - b.at);
  }

  async put(entry) {
    this.memory.set(entry.id, entry);
    await this.open();
    if (this.db) await asked(this.store("readwrite").put(entry)).catch(() => {});
  }

  async remove(id) {
    this.memory.delete(id);
    if (this.db) await asked(this.store("readwrite").delete(id)).catch(() => {});
  }

  async destroy() {
    this.memory.clear();
    this.db?.close();
    this.db = null;
    try {
      await asked(indexedDB.deleteDatabase(this.name));
    } catch {
      // No storage, nothing to delete.
    }
  }
}

/** crypto.randomUUID exists on secure pages only. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
