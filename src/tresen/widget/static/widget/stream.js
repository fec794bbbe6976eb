// Live events by fetch, because EventSource cannot send an Authorization header. One tab of a browser holds the
// stream and passes events on to the others: a browser opens only six connections to a host.

import { pause } from "./api.js";

const SILENCE = 45_000; // the server sends a heart-beat well within this time

export class Stream {
  /** `on.event(name, data)`, `on.live(yes)`: whether events flow, `on.reset()`: fetch everything anew. */
  constructor(api, visitor, on) {
    Object.assign(this, { api, on, cursor: "", attempt: 0, stopped: new AbortController() });
    this.name = `tresen:${api.key}:${visitor}`;
  }

  /** Starts after event `cursor`. */
  start(cursor) {
    this.cursor = cursor;
    if ("BroadcastChannel" in window) {
      this.channel = new BroadcastChannel(this.name);
      this.channel.onmessage = ({ data }) => this.take(data);
    }
    window.addEventListener("online", this.wake);
    const { signal } = this.stopped;
    if (navigator.locks) navigator.locks.request(this.name, { signal }, () => this.lead()).catch(() => this.lead());
    else this.lead();
  }

  stop() {
    this.stopped.abort();
    this.request?.abort();
    this.wake();
    this.channel?.close();
    window.removeEventListener("online", this.wake);
  }

  wake = () => {
    clearTimeout(this.timer);
    this.proceed?.();
  };

  /** Something the leading tab saw. A follower learns it here, and where to go on if it has to lead. */
  take({ id, event, data, live }) {
    if (id) this.cursor = id;
    if (live !== undefined) this.on.live(live);
    else if (event === "gone") return; // the connection ends now; the next one proves its rights anew
    else if (event === "reset") this.on.reset();
    else this.on.event(event, data);
  }

  share(item) {
    this.channel?.postMessage(item);
    this.take(item);
  }

  async lead() {
    while (!this.stopped.signal.aborted) {
      let after = 0;
      try {
        await this.connect();
      } catch (error) {
        after = error.after || 0;
        if (error.status === 403 || error.status === 404) return;
      }
      if (this.stopped.signal.aborted) return;
      this.share({ live: false });
      await new Promise((resolve) => {
        this.proceed = resolve;
        this.timer = setTimeout(resolve, pause(this.attempt++, after));
      });
    }
  }

  async connect() {
    this.request = new AbortController();
    let watchdog;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => this.request.abort(), SILENCE);
    };
    alive();
    try {
      const headers = { Accept: "text/event-stream", ...(this.cursor && { "Last-Event-ID": String(this.cursor) }) };
      const response = await this.api.call("events", { headers, signal: this.request.signal });
      this.attempt = 0;
      this.share({ live: true });
      await this.read(response.body.pipeThrough(new TextDecoderStream()).getReader(), alive);
    } finally {
      clearTimeout(watchdog);
    }
  }

  async read(reader, alive) {
    let buffer = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      alive();
      const blocks = (buffer + value).replace(/\r\n/g, "\n").split("\n\n");
      buffer = blocks.pop();
      blocks.forEach((block) => this.block(block));
    }
  }

  block(block) {
    const item = { id: "", event: "message", data: "" };
    for (const line of block.split("\n")) {
      const [, name, value] = /^([a-z]+): ?(.*)$/.exec(line) || [];
      if (name === "data") item.data += value;
      else if (name in item) item[name] = value;
    }
    if (!item.data) {
      this.cursor = item.id || this.cursor; // a heart-beat: nothing before this place is missing
      return;
    }
    try {
      item.data = JSON.parse(item.data);
    } catch {
      return;
    }
    this.share(item);
  }
}
