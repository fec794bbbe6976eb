// Where the visitor writes: text, attachments, and name and e-mail when nobody is there to answer at once.

import { h, icon, iconButton } from "./dom.js";
import { Files, encoded } from "./files.js";

const TYPING_EVERY = 4000;

export class Composer {
  /** `on.send({text, name, email, files})`, `on.typing()`, `on.fault(text)`. `max`: bytes of all attachments. */
  constructor(text, language, max, on) {
    Object.assign(this, { text, on, typed: 0 });
    this.files = new Files(text, language, max, on.fault, () => this.input.focus());
    this.name = h("input", { id: "name", autocomplete: "name", maxlength: 200 });
    this.email = h("input", { id: "email", type: "email", autocomplete: "email", maxlength: 254, required: true });
    this.person = h(
      "div",
      { class: "person", hidden: true },
      h("label", { for: "name" }, text.name, " ", h("small", {}, text.optional)),
      this.name,
      h("label", { for: "email" }, text.email),
      this.email,
    );
    this.input = h("textarea", {
      id: "text", rows: 1, maxlength: 10000, placeholder: text.write, enterkeyhint: "send",
      oninput: () => this.changed(), onkeydown: (event) => this.key(event), onpaste: (event) => this.paste(event),
    }); // prettier-ignore
    const attach = iconButton("attach", text.attach, () => this.files.pick());
    const label = h("label", { for: "text", class: "hidden" }, text.write);
    const send = h("button", { type: "submit", class: "icon send", "aria-label": text.send, title: text.send }, icon("send"));
    const bar = h("div", { class: "bar" }, attach, this.files.picker, label, this.input, send);
    const onsubmit = (event) => this.submit(event);
    this.form = h("form", { class: "composer", novalidate: true, onsubmit }, this.person, this.files.list, bar);
  }

  /** With name and e-mail (nobody there) or without. */
  ask(person) {
    if (this.person.hidden !== person) return;
    this.person.hidden = !person;
    this.fit();
  }

  fit() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight + 2, 130)}px`;
  }

  key(event) {
    const enter = event.key === "Enter" && !event.shiftKey && !event.isComposing;
    if (!enter || matchMedia("(pointer: coarse)").matches) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  changed() {
    this.fit();
    if (!this.input.value.trim() || Date.now() - this.typed < TYPING_EVERY) return;
    this.typed = Date.now();
    this.on.typing();
  }

  paste(event) {
    const files = [...(event.clipboardData?.files || [])];
    if (!files.length) return;
    event.preventDefault();
    this.files.add(files);
  }

  async submit(event) {
    event.preventDefault();
    this.on.fault("");
    const text = this.input.value.trim();
    if (!text && !this.files.files.length) return this.person.hidden || this.complain(this.input, this.text.needText);
    if (!this.person.hidden && !this.email.checkValidity()) return this.complain(this.email, this.text.needEmail);
    const { files } = this.files;
    this.email.removeAttribute("aria-invalid");
    this.input.value = "";
    this.files.clear();
    this.changed();
    try {
      const [name, email] = this.person.hidden ? [] : [this.name.value.trim(), this.email.value.trim()];
      this.on.send({ text, name, email, files: await encoded(files) });
      this.typed = 0;
    } catch {
      this.input.value = text;
      this.on.fault(this.text.broken); // a file that was moved or deleted in the meantime
    }
  }

  complain(field, text) {
    field.setAttribute("aria-invalid", "true");
    this.on.fault(text);
    field.focus();
  }
}
