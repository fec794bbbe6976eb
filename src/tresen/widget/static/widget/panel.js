// The dialog around the conversation: head, notices, log, composer, and sheets that cover them. Knows no server.

import { h, iconButton } from "./dom.js";

const SMALL = "(max-width: 480px), (max-height: 460px)";

export class Panel {
  /** `on.close()`, `on.files(list)`, `on.device()`, `on.code()`. */
  constructor(ctx, text, composer, on) {
    Object.assign(this, { ctx, text, on, small: matchMedia(SMALL) });
    const { config } = ctx;
    this.state = h("p", { class: "state" }, text.connecting);
    this.options = this.menu();
    this.more = iconButton("more", text.more, () => this.toggle(), { "aria-expanded": "false", "aria-controls": "menu" });
    this.notice = h("div", { class: "notice", role: "status" });
    this.fault = h("div", { class: "alert", role: "alert" });
    this.typing = h("div", { class: "typing", role: "status" });
    this.greeting = h("div", { class: "message theirs first" }, h("div", { class: "bubble" }, h("p", { class: "text" }, config.greeting || text.hello)));
    this.log = h("div", { class: "log", role: "log", tabindex: 0, "aria-label": text.log, "aria-busy": "true" }, this.greeting);
    this.body = h("div", { class: "body" }, this.notice, this.log, this.typing, this.fault, composer.form);
    this.sheet = h("div", { class: "sheet", hidden: true });
    const title = h("h2", { id: "title", tabindex: -1 }, config.title || text.title);
    const close = iconButton("close", text.close, on.close, { class: "icon shut" });
    const head = h("header", {}, h("div", { class: "who" }, title, this.state), this.more, close, this.options);
    this.drop = h("div", { class: "drop", hidden: true }, text.drop);
    this.node = h("section", { class: "panel", role: "dialog", "aria-labelledby": "title", hidden: true }, head, this.body, this.sheet, this.drop);
    this.title = title;
    this.composer = composer;
    this.node.addEventListener("keydown", (event) => this.key(event));
    this.ending = true;
    const gap = (box) => box.scrollHeight - box.scrollTop - box.clientHeight;
    for (const box of [this.log, this.body]) box.addEventListener("scroll", () => (this.ending = gap(box) < 60));
    // A notice that appears or a growing text field must not push the newest message out of sight.
    new ResizeObserver(() => this.follow()).observe(this.log);
    this.dragging();
    this.theme();
    this.small.addEventListener("change", () => this.modal());
    ctx.root.append(this.node);
  }

  menu() {
    const item = (label, act) => h("li", {}, h("button", { type: "button", onclick: () => (this.toggle(false), act()) }, label));
    const { privacy_url: privacy } = this.ctx.config;
    const link = privacy && h("li", {}, h("a", { href: privacy, target: "_blank", rel: "noopener" }, this.text.privacy));
    return h("ul", { class: "menu", id: "menu", hidden: true }, item(this.text.device, this.on.device), item(this.text.haveCode, this.on.code), link);
  }

  toggle(show = this.options.hidden) {
    this.options.hidden = !show;
    this.more.setAttribute("aria-expanded", String(show));
    if (show) this.options.querySelector("button").focus();
  }

  theme() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const { theme } = this.ctx.config;
    const apply = () => this.node.classList.toggle("dark", theme === "dark" || (theme !== "light" && dark.matches));
    dark.addEventListener("change", apply);
    apply();
  }

  /** On a small screen the dialog covers the page and keeps the focus; beside a page it does not. */
  modal() {
    if (this.small.matches) this.node.setAttribute("aria-modal", "true");
    else this.node.removeAttribute("aria-modal");
  }

  get open() {
    return !this.node.hidden;
  }

  show(focus = true) {
    this.node.hidden = false;
    this.modal();
    this.ctx.button.setAttribute("aria-expanded", "true");
    if (focus) (matchMedia("(pointer: coarse)").matches ? this.title : this.composer.input).focus();
    this.toEnd();
  }

  hide() {
    const focused = this.node.contains(this.ctx.root.activeElement);
    this.node.hidden = true;
    this.toggle(false);
    this.ctx.button.setAttribute("aria-expanded", "false");
    if (focused) this.ctx.button.focus();
  }

  key(event) {
    event.stopPropagation(); // shortcuts of the page are not meant
    if (event.key === "Escape") {
      event.preventDefault();
      if (!this.options.hidden) this.toggle(false), this.more.focus();
      else if (!this.sheet.hidden) this.uncover();
      else this.on.close();
    } else if (event.key === "Tab" && this.small.matches) this.trap(event);
  }

  trap(event) {
    const all = [...this.node.querySelectorAll("button, input, textarea, a[href], [tabindex='0']")];
    const reachable = all.filter((element) => element.getClientRects().length && !element.disabled);
    const [from, to] = event.shiftKey ? [reachable[0], reachable.at(-1)] : [reachable.at(-1), reachable[0]];
    const here = this.ctx.root.activeElement;
    if (here !== from && reachable.includes(here)) return;
    event.preventDefault();
    to.focus();
  }

  dragging() {
    let depth = 0;
    const over = (change) => (this.drop.hidden = (depth = Math.max(0, depth + change)) === 0);
    const files = (event) => event.dataTransfer?.types.includes("Files");
    this.node.addEventListener("dragenter", (event) => files(event) && over(1));
    this.node.addEventListener("dragleave", (event) => files(event) && over(-1));
    this.node.addEventListener("dragover", (event) => files(event) && event.preventDefault());
    this.node.addEventListener("drop", (event) => {
      if (!files(event)) return;
      event.preventDefault();
      over(-depth);
      this.on.files([...event.dataTransfer.files]);
    });
  }

  /** A page over the conversation, with a way back. */
  cover(title, ...content) {
    const heading = h("h3", { tabindex: -1 }, title);
    const back = iconButton("back", this.text.back, () => this.uncover());
    this.sheet.replaceChildren(h("div", { class: "bar" }, back, heading), ...content);
    this.sheet.hidden = false;
    this.body.hidden = true;
    (this.sheet.querySelector("input") || heading).focus();
  }

  uncover() {
    this.sheet.hidden = true;
    this.body.hidden = false;
    this.composer.input.focus();
  }

  say(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  /** Stays at the newest message, unless somebody has scrolled away from it. */
  follow() {
    if (this.ending) this.toEnd();
  }

  toEnd() {
    for (const box of [this.log, this.body]) box.scrollTop = box.scrollHeight;
  }
}
