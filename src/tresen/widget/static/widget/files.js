// Chosen files: limits told before anything is sent, a list with remove buttons, and what goes into the request.

import { h, icon, iconButton, size } from "./dom.js";

const FILES_MAX = 10;

const base64 = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });

/** Files as they are sent. Rejects when one was moved or deleted in the meantime. */
export const encoded = (files) =>
  Promise.all(
    files.map(async (file) => ({
      name: file.name,
      type: file.type || "application/octet-stream",
      size: file.size,
      base64: await base64(file),
    })),
  );

export class Files {
  /** `max`: bytes of all together. `fault(words)` shows what is wrong, `changed()` follows every change. */
  constructor(text, language, max, fault, changed = () => {}) {
    Object.assign(this, { text, language, max, fault, changed, files: [] });
    this.picker = h("input", { type: "file", multiple: true, hidden: true, onchange: () => this.picked() });
    this.list = h("ul", { class: "chips", "aria-label": text.attach, hidden: true });
  }

  pick() {
    this.picker.click();
  }

  picked() {
    this.add([...this.picker.files]);
    this.picker.value = "";
  }

  add(files) {
    this.fault("");
    for (const file of files) {
      const total = this.files.reduce((sum, other) => sum + other.size, file.size);
      const full = this.files.length >= FILES_MAX && this.text.tooMany(FILES_MAX);
      const big = total > this.max && `${file.name}: ${this.text.tooBig(size(this.max, this.language))}`;
      if (full || big) {
        this.fault(full || big);
        break;
      }
      this.files.push(file);
    }
    this.draw();
  }

  clear() {
    this.files = [];
    this.draw();
  }

  draw() {
    this.list.hidden = !this.files.length;
    this.list.replaceChildren(...this.files.map((file) => this.chip(file)));
    this.changed();
  }

  chip(file) {
    const remove = iconButton("close", this.text.remove(file.name), () => {
      this.files = this.files.filter((other) => other !== file);
      this.draw();
    });
    return h("li", {}, icon("file"), h("span", {}, file.name), h("small", {}, size(file.size, this.language)), remove);
  }
}
