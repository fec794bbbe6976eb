// Messages as they are seen: bubbles, ticks, attachments. Texts of people go into text nodes only.

import { h, icon, linked, size } from "./dom.js";

const TICKS = { sending: "◷", stored: "✓", read: "✓✓", failed: "!" };
const PREVIEW = /^image\/(png|jpeg|gif|webp)$/;
const PREVIEW_MAX = 6e6;
const GAP = 5 * 60_000;

/** What a tick may claim: stored = the server has it durably, read = a person has opened it. */
const tickOf = (message) =>
  message.direction === "in" ? (["sending", "failed", "read"].includes(message.state) ? message.state : "stored") : "";

export class Bubbles {
  /** `log`: the element they go into. `max`: bytes of all attachments of a message. `on.retry(id)`, `on.discard(id)`, `on.file(url)` → Blob, `on.grown()`. */
  constructor(log, text, language, max, on) {
    Object.assign(this, { log, text, language, max, on, nodes: new Map() });
    this.clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
    this.date = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
  }

  clear() {
    [...this.nodes.keys()].forEach((key) => this.drop(key));
  }

  /** Brings the log in line with `messages`, touching only what changed, so that it is read out once. */
  show(messages) {
    const seen = new Set();
    let before;
    const last = messages.findLast((message) => message.direction === "in");
    for (const message of messages) {
      const key = message.uuid || message.id;
      const at = new Date(message.created_at || message.at);
      const day = !before || before.at.toDateString() !== at.toDateString();
      const first = day || before.who !== message.direction + message.author || at - before.at > GAP;
      if (day) this.keep(`day ${at.toDateString()}`, seen, () => h("p", { class: "day" }, this.day(at)));
      const files = (message.attachments || []).map((file) => file.url).join();
      if (files && this.nodes.get(`m${key}`)?.dataset.files === "") this.drop(`m${key}`); // stored now: can be opened
      const node = this.keep(`m${key}`, seen, () => this.bubble(message, at));
      node.dataset.files = files;
      node.classList.toggle("first", first);
      node.classList.toggle("latest", message === last);
      this.state(node, message);
      before = { at, who: message.direction + message.author };
    }
    for (const key of [...this.nodes.keys()]) if (!seen.has(key)) this.drop(key);
  }

  drop(key) {
    this.nodes.get(key).remove();
    this.nodes.delete(key);
  }

  keep(key, seen, make) {
    let node = this.nodes.get(key);
    if (!node) this.nodes.set(key, (node = make()));
    const place = this.log.children[seen.size + 1]; // the greeting stands first
    if (place !== node) this.log.insertBefore(node, place || null);
    seen.add(key);
    return node;
  }

  day(at) {
    const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 864e5);
    return days === 0 ? this.text.today : days === 1 ? this.text.yesterday : this.date.format(at);
  }

  bubble(message, at) {
    const own = message.direction === "in";
    const author = own ? this.text.you : message.author || this.text.team;
    const machine = message.automated && h("span", {}, ` · ${this.text.machine}`);
    const time = h("time", { datetime: at.toISOString() }, this.clock.format(at));
    const files = (message.attachments || message.files || []).map((file) => this.file(file));
    return h(
      "div",
      { class: `message ${own ? "own" : "theirs"}` },
      h("p", { class: own ? "hidden" : "author" }, author, machine),
      h("div", { class: "bubble" }, message.text && h("p", { class: "text" }, linked(message.text)), files),
      h("p", { class: "meta" }, time, h("span", { class: "tick" })),
      h("p", { class: "fault" }),
    );
  }

  state(node, message) {
    const state = tickOf(message);
    if (node.dataset.state === state) return;
    node.dataset.state = state;
    if (!state) return;
    const [tick, fault] = [node.querySelector(".tick"), node.querySelector(".fault")];
    const mark = h("span", { "aria-hidden": "true" }, TICKS[state]);
    tick.replaceChildren(mark, h("span", { class: "word" }, this.text[state]));
    fault.replaceChildren();
    if (state !== "failed") return;
    const act = (label, what) => h("button", { type: "button", class: "link", onclick: () => what(message.uuid) }, label);
    fault.append(
      h("span", { role: "alert" }, message.error === 413 ? this.text.tooBig(size(this.max, this.language)) : this.text.rejected),
      act(this.text.again, this.on.retry),
      act(this.text.discard, this.on.discard),
    );
  }

  file(file) {
    const label = h("span", {}, file.name, h("small", {}, size(file.size, this.language)));
    if (!file.url) return h("span", { class: "file" }, icon("file"), label);
    const title = this.text.download(file.name);
    const button = h("button", { type: "button", class: "file", title }, icon("file"), label);
    button.addEventListener("click", () => this.save(file, button));
    if (PREVIEW.test(file.type) && file.size <= PREVIEW_MAX) this.preview(file, button);
    return button;
  }

  async save(file, button) {
    button.setAttribute("aria-busy", "true");
    try {
      const href = URL.createObjectURL(await this.on.file(file.url));
      h("a", { href, download: file.name }).click();
      setTimeout(() => URL.revokeObjectURL(href), 60_000);
    } catch {
      this.on.fault();
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  /** A picture on a canvas: needs no img-src in the page's policy, and runs nothing that may be hidden in the file. */
  async preview(file, button) {
    try {
      const picture = await createImageBitmap(await this.on.file(file.url), { resizeWidth: 480, resizeQuality: "medium" });
      const canvas = h("canvas", { width: picture.width, height: picture.height });
      canvas.getContext("2d").drawImage(picture, 0, 0);
      picture.close();
      button.classList.add("picture");
      button.prepend(canvas);
      this.on.grown();
    } catch {
      // It stays a file to download.
    }
  }
}
