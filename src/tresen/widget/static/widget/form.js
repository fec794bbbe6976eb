// The contact form. The proof that it was shown to somebody is asked for when the first field is entered.

import { Api, pause } from "./api.js";
import { adopt, h, icon, size } from "./dom.js";
import { Files, encoded } from "./files.js";

const TRIES = 4;

export async function start(ctx) {
  const at = new URL(".", import.meta.url).href;
  const [{ default: text }, css] = await Promise.all([
    import(`${at}${ctx.language}.js`),
    fetch(`${at}form.css`, { credentials: "omit" }).then((response) => response.text()),
  ]);
  adopt(ctx.root, css);
  adopt(ctx.root, `:host { --accent: ${ctx.config.colour}; --on-accent: ${ctx.config.on_colour}; }`);
  return new ContactForm(ctx, text);
}

class ContactForm {
  constructor(ctx, text) {
    const { config, base, language, root } = ctx;
    Object.assign(this, { config, text, language, inputs: {} });
    this.api = new Api(base, config.key, () => {});
    this.status = h("p", { class: "status", role: "alert", tabindex: -1 });
    this.files = new Files(text, language, config.file_max, (words) => this.say(words));
    this.form = this.draw();
    const title = config.title && h("h2", { id: "title" }, config.title);
    const intro = config.intro && h("p", { class: "intro" }, config.intro);
    this.node = h("section", { class: "card", "aria-labelledby": title && "title" }, title, intro, this.form);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const theme = () => this.node.classList.toggle("dark", config.theme === "dark" || (config.theme === "auto" && dark.matches));
    dark.addEventListener("change", theme);
    theme();
    root.append(this.node);
  }

  draw() {
    const { text, config, language } = this;
    const trap = h("div", { class: "trap", "aria-hidden": "true" }, h("label", {}, "Website", (this.trap = h("input", { tabindex: -1, autocomplete: "off" }))));
    this.button = h("button", { class: "wide" }, text.submit);
    const attach = h("button", { type: "button", class: "attach", onclick: () => this.files.pick() }, icon("attach"), text.attach);
    return h(
      "form",
      { novalidate: true, onsubmit: (event) => this.submit(event), onfocusin: () => this.prove() },
      this.field("name", text.name, { autocomplete: "name", maxlength: 200 }),
      this.field("email", text.email, { kind: "email", required: true, autocomplete: "email", maxlength: 254 }),
      this.field("subject", text.subject, { maxlength: 300 }),
      config.fields.map((field) => this.field(`fields.${field.key}`, field.label[language], field)),
      this.field("text", text.message, { kind: "long", required: true, maxlength: 10000 }),
      this.files.list,
      attach,
      this.files.picker,
      trap,
      this.status,
      this.button,
    );
  }

  field(name, label, { kind = "text", required = false, choices = [], autocomplete, maxlength = 4000 }) {
    const id = name.replace(".", "-");
    const common = { id, name, required, "aria-describedby": `${id}-fault` };
    const input =
      kind === "long"
        ? h("textarea", { ...common, rows: 5, maxlength })
        : kind === "choice"
          ? h("select", common, h("option", { value: "" }, "–"), choices.map((choice) => h("option", { value: choice }, choice)))
          : h("input", { ...common, type: { email: "email", date: "date" }[kind] || "text", inputmode: kind === "number" && "decimal", autocomplete, maxlength });
    const fault = h("p", { id: `${id}-fault`, class: "fault" });
    this.inputs[name] = { input, fault };
    return h("div", { class: "field" }, h("label", { for: id }, label, " ", !required && h("small", {}, this.text.optional)), input, fault);
  }

  /** The id of the message and the proof for it; asked for once per message. */
  prove() {
    this.proof ||= this.api
      .fetch(`widget/${this.config.key}/proof`, { method: "POST", body: {} })
      .then((response) => response.json())
      .then((proof) => ({ ...proof, ready: Date.now() + proof.wait * 1000 + 200 }))
      .catch((error) => {
        this.proof = null;
        throw error;
      });
    this.proof.catch(() => {});
    return this.proof;
  }

  say(words) {
    this.status.textContent = words;
  }

  check() {
    let first;
    for (const { input, fault } of Object.values(this.inputs)) {
      const value = input.value.trim();
      const wrong = input.required && !value ? this.text.required : input.checkValidity() || !value ? "" : input.type === "email" ? this.text.needEmail : this.text.wrong;
      this.mark(input, fault, wrong);
      if (wrong) first ||= input;
    }
    first?.focus();
    return !first;
  }

  mark(input, fault, words) {
    fault.textContent = words;
    if (words) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }

  async submit(event) {
    event.preventDefault();
    this.say("");
    if (this.busy || !this.check()) return;
    this.busy = true;
    this.button.setAttribute("aria-busy", "true");
    this.button.textContent = this.text.sending;
    try {
      await this.send(await encoded(this.files.files), 0);
      this.done();
    } catch (error) {
      this.failed(error);
    } finally {
      this.busy = false;
      this.button.removeAttribute("aria-busy");
      this.button.textContent = this.text.submit;
    }
  }

  /** Sends with the same id until it is acknowledged or refused for good; so it arrives once. */
  async send(attachments, attempt) {
    try {
      const { id, proof, ready } = await this.prove();
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, ready - Date.now())));
      const body = { id, proof, website: this.trap.value, fields: {}, attachments };
      for (const [name, { input }] of Object.entries(this.inputs)) {
        if (name.startsWith("fields.")) body.fields[name.slice(7)] = input.value.trim();
        else body[name] = input.value.trim();
      }
      await this.api.fetch(`in/${this.config.key}/messages`, { method: "POST", body, timeout: 180_000 });
    } catch (error) {
      if (error.field === "proof") this.proof = null;
      if (attempt >= TRIES || !(error.retry !== false || error.field === "proof")) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause(attempt, error.after)));
      await this.send(attachments, attempt + 1);
    }
  }

  failed(error) {
    const named = this.inputs[error.field];
    if (named) {
      this.mark(named.input, named.fault, this.text.wrong);
      return named.input.focus();
    }
    this.say(error.status === 413 ? this.text.tooBig(size(this.config.file_max, this.language)) : error.retry ? this.text.notSent : this.text.broken);
  }

  done() {
    const email = this.inputs.email.input.value.trim();
    const again = h("button", { type: "button", class: "attach", onclick: () => this.anew() }, this.text.another);
    const heading = h("h3", { tabindex: -1 }, this.text.received);
    this.form.replaceWith((this.thanks = h("div", { class: "thanks", role: "status" }, heading, h("p", {}, this.text.thanks(email)), again)));
    heading.focus();
  }

  anew() {
    this.proof = null;
    this.form.reset();
    this.files.clear();
    this.thanks.replaceWith(this.form);
    this.inputs.name.input.focus();
  }
}
