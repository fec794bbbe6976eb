// The conversation: joins server, outbox, stream and panel. Loaded when somebody opens the chat, or has before.

import { Api, pause } from "./api.js";
import { Bubbles } from "./bubbles.js";
import { Composer } from "./composer.js";
import { Delivery } from "./delivery.js";
import { adopt, h } from "./dom.js";
import { Memory } from "./memory.js";
import { Panel } from "./panel.js";
import { askCode, showCode } from "./sheets.js";
import { notice, presence } from "./status.js";
import { Stream } from "./stream.js";
import { Thread } from "./thread.js";
import { Unread } from "./unread.js";

const TYPING_LASTS = 6000;
const QUEUE_EVERY = 20_000;
const QUIET = 3000; // shorter breaks of the line are not worth a word

export async function start(ctx) {
  const at = new URL(".", import.meta.url).href;
  const [{ default: text }, css] = await Promise.all([
    import(`${at}${ctx.language}.js`),
    fetch(`${at}chat.css`, { credentials: "omit" }).then((response) => response.text()),
  ]);
  adopt(ctx.root, css);
  const chat = new Chat(ctx, text);
  if (ctx.open) chat.open();
  else if (chat.memory.open && !chat.panel.small.matches) chat.open(false); // as it was on the page before
  if (ctx.code) askCode(chat.panel, text, (code) => chat.takeOver(code), ctx.code);
  chat.connect();
  return chat;
}

class Chat {
  constructor(ctx, text) {
    const { config, base, language, storageKey } = ctx;
    Object.assign(this, { ctx, text, attempt: 0, changes: 0, thread: new Thread(), memory: new Memory(storageKey) });
    this.api = new Api(base, config.key, (session) => this.renewed(session));
    this.api.language = language;
    this.api.identity = ctx.identity;
    this.api.token = this.memory.token || "";
    this.delivery = new Delivery(this.api, this.thread, storageKey, {
      ready: () => this.session,
      changed: () => this.draw(),
      stored: () => this.follow(),
    });
    const fault = (words = text.broken) => this.panel.say(this.panel.fault, words);
    this.composer = new Composer(text, language, config.file_max, {
      send: (draft) => this.write(draft),
      typing: () => this.stream && this.api.post("typing").catch(() => {}),
      fault,
    });
    this.panel = new Panel(ctx, text, this.composer, {
      close: () => this.close(),
      files: (files) => this.composer.files.add(files),
      device: () => showCode(this.panel, text, this.api),
      code: () => askCode(this.panel, text, (code) => this.takeOver(code)),
    });
    this.bubbles = new Bubbles(this.panel.log, text, language, config.file_max, {
      retry: (id) => this.delivery.retry(id),
      discard: (id) => this.delivery.discard(id).then(() => this.composer.input.focus()),
      file: (url) => this.api.file(url),
      grown: () => this.panel.follow(),
      fault,
    });
    this.unread = new Unread(this.api, this.thread, this.panel, ctx, text);
    document.addEventListener("visibilitychange", () => this.unread.draw());
    window.addEventListener("online", () => this.delivery.flush());
    window.addEventListener("storage", (event) => event.key === storageKey && !event.newValue && this.forget());
  }

  keep() {
    this.memory.keep(this.api.token, this.panel.open);
  }

  // Connection

  async connect(extra) {
    clearTimeout(this.again);
    this.started = true;
    await this.delivery.restore(this.memory.kept); // shown even when the server is away
    this.draw();
    try {
      this.begin(await this.api.session(extra));
      await this.load();
      this.attempt = 0;
      this.delivery.flush();
    } catch (error) {
      if (error.status === 403 || error.status === 404) return this.state(this.text.away, this.text.blocked);
      this.state(this.text.connecting, error.status === 429 || error.status === 503 ? this.text.busy : this.text.lost);
      this.again = setTimeout(() => this.connect(extra), pause(this.attempt++, error.after));
    } finally {
      this.draw();
    }
  }

  /** Every fresh token. It may stand for somebody else: the old one was too old, or somebody logged in. */
  renewed(session) {
    const known = this.session?.visitor;
    if (this.memory.kept) this.keep();
    if (!known || known === session.visitor) return;
    this.begin(session);
    this.refresh(true);
  }

  begin(session) {
    if (this.session && this.session.visitor !== session.visitor) this.thread.clear(), this.bubbles.clear();
    this.session = session;
    this.conversation = session.conversation;
    this.wait = session.wait;
    if (session.conversation || session.resumed) this.keep();
    this.state();
  }

  async load(after = 0) {
    const changes = this.changes;
    const { items, conversation, wait, online, cursor } = await this.api.messages(after);
    // What the stream has told in the meantime is newer.
    if (changes === this.changes) Object.assign(this, { conversation, wait });
    this.session.config.online = online;
    items.forEach((message) => this.thread.add(message));
    this.follow(cursor);
  }

  /** Opens the stream as soon as there is something to hear: visitors who only look cost nothing. */
  follow(cursor) {
    const { visitor } = this.session;
    if (!this.conversation && !this.thread.unsent.size) return;
    if (this.stream?.visitor === visitor) return;
    this.stream?.stop();
    this.stream = new Stream(this.api, visitor, {
      event: (name, data) => this.event(name, data),
      live: (yes) => this.live(yes),
      reset: () => this.refresh(true),
    });
    this.stream.visitor = visitor;
    this.stream.start(cursor || this.session.cursor);
  }

  live(yes) {
    if (yes) {
      this.quiet = clearTimeout(this.quiet);
      const missed = this.broken;
      this.broken = false;
      this.state();
      if (missed) this.refresh(), this.delivery.flush();
    } else {
      this.quiet ||= setTimeout(() => this.state((this.broken = true) && this.text.connecting, this.text.lost), QUIET);
    }
  }

  async refresh(everything = false) {
    try {
      await this.load(everything ? 0 : this.thread.last(this.conversation?.id));
      this.draw();
    } catch {
      // The stream's own next attempt brings us back here.
    }
  }

  event(name, data) {
    const foreign = this.conversation && data.conversation_id && data.conversation_id !== this.conversation.id;
    if (foreign) return this.refresh(true);
    if (name === "message.created" && data.message) {
      this.thread.add(data.message);
      if (data.message.direction === "out") this.typing("", 0);
      if (!this.conversation) this.refresh();
    } else if (name === "message.delivery") this.thread.delivery(data.message_id, data.state);
    else if (name === "typing") this.typing(data.author, TYPING_LASTS);
    else if (name === "message.seen") this.thread.seen(data.conversation_id, data.seq);
    else if (data.status) {
      this.conversation = { ...this.conversation, id: data.conversation_id, ...data };
      this.wait = data.wait;
      this.changes++;
    }
    this.draw();
  }

  // Writing

  write(draft) {
    if (draft.email) this.promised = draft.email;
    this.keep();
    this.delivery.write(draft);
    this.panel.toEnd();
  }

  // Showing

  draw() {
    this.bubbles.show(this.thread.list());
    this.panel.log.removeAttribute("aria-busy");
    this.panel.follow();
    this.state();
    this.unread.draw();
  }

  /** The head's line and the notice under it; `trouble` goes before everything else. */
  state(line, trouble) {
    const { text, session, panel } = this;
    const talking = this.conversation || this.thread.unsent.size;
    this.trouble = line ? { line, trouble } : this.session && !this.broken ? null : this.trouble;
    panel.node.classList.toggle("away", Boolean(this.trouble) || !session?.config.online);
    if (this.trouble) {
      panel.say(panel.state, this.trouble.line);
      return panel.say(panel.notice, this.trouble.trouble || "");
    }
    if (!session) return;
    panel.say(panel.state, presence(text, this));
        this.composer.ask(!(session.config.online || talking || session.identified));
    panel.say(panel.notice, notice(text, this, talking));
    this.watchQueue();
  }

  /** Others come and go in the queue: the place is asked for anew while somebody looks at it. */
  watchQueue() {
    if (this.conversation?.status !== "waiting" || this.watching) return;
    this.watching = setTimeout(async () => {
      if (this.panel.open && !document.hidden) await this.refresh();
      this.watching = 0;
      this.watchQueue();
    }, QUEUE_EVERY);
  }

  typing(author, lasts) {
    clearTimeout(this.typed);
    const { typing } = this.panel;
    if (!lasts) return typing.replaceChildren();
    const words = this.text.typing(author);
    if (typing.textContent !== words) typing.replaceChildren(h("span", { class: "dots", "aria-hidden": "true" }), words);
    this.typed = setTimeout(() => typing.replaceChildren(), lasts);
  }

  // window.Tresen

  isOpen() {
    return this.panel.open;
  }

  open(focus = true) {
    this.panel.show(focus);
    if (this.memory.kept) this.keep();
    if (!this.session && this.started) this.connect();
    this.draw();
  }

  close() {
    if (!this.ctx.host.classList.contains("page")) this.panel.hide();
    if (this.memory.kept) this.keep();
  }

  async identify(jwt) {
    this.api.identity = jwt;
    await this.connect();
  }

  async takeOver(code) {
    this.begin(await this.api.session({ code }));
    this.keep();
    await this.load();
    this.draw();
  }

  /** Log-out: nothing of the visitor stays here. */
  async shutdown() {
    this.memory.clear();
    await this.delivery.outbox.destroy();
    this.forget();
  }

  forget() {
    this.memory.kept = false;
    this.close();
    this.stream?.stop();
    [this.again, this.quiet, this.watching].forEach(clearTimeout);
    Object.assign(this.api, { token: "", identity: "" });
    Object.assign(this, { session: null, conversation: null, wait: null, stream: null, promised: "", broken: false, watching: 0 });
    this.delivery.stop();
    this.thread.clear();
    this.bubbles.clear();
    this.unread.draw();
  }
}
