// What this browser remembers of a visitor: nothing at all before the first message.

export class Memory {
  constructor(key) {
    this.key = key;
    this.kept = false; // something is remembered, or will be as soon as the browser lets us
    Object.assign(this, this.read());
  }

  read() {
    try {
      const stored = JSON.parse(localStorage.getItem(this.key));
      return stored ? { kept: true, token: String(stored.token || ""), open: Boolean(stored.open) } : {};
    } catch {
      return {};
    }
  }

  /** `token` to go on with, `open`: the chat was open when the page was left. */
  keep(token, open) {
    this.kept = true;
    try {
      localStorage.setItem(this.key, JSON.stringify({ token, open }));
    } catch {
      // A browser that stores nothing still chats.
    }
  }

  clear() {
    this.kept = false;
    try {
      localStorage.removeItem(this.key);
    } catch {
      // Nothing was stored.
    }
  }
}
