// The composer: grows with its text, keeps drafts over reloads, sends by Ctrl+Enter, takes files by drag, paste or button.

import { csrfToken } from "./csrf.js";

const DRAFT = "tresen-draft:";
const DRAFT_DAYS = 14;

function draftKey(form) {
  return DRAFT + form.dataset.draft;
}

function grow(area) {
  area.style.height = "auto";
  area.style.height = `${Math.min(area.scrollHeight + 2, Math.round(innerHeight * 0.45))}px`;
}

function save(form) {
  const text = form.querySelector("textarea")?.value ?? "";
  if (text.trim()) localStorage.setItem(draftKey(form), JSON.stringify({ text, mode: mode(form), at: Date.now() }));
  else localStorage.removeItem(draftKey(form));
}

function mode(form) {
  return form.querySelector('[name="mode"]:checked, [name="kind"]:checked')?.value ?? "";
}

function restore(form) {
  const area = form.querySelector("textarea");
  const stored = localStorage.getItem(draftKey(form));
  if (!area || area.value.trim() || !stored) return;
  const draft = JSON.parse(stored);
  area.value = draft.text;
  const radio = form.querySelector(`[name="mode"][value="${CSS.escape(draft.mode)}"]`);
  if (radio) radio.checked = true;
}

/** Forgets drafts that nobody came back to, and all of them when the agent signs out. */
export function tidyDrafts(all = false) {
  for (const key of Object.keys(localStorage)) {
    if (!key.startsWith(DRAFT)) continue;
    const age = Date.now() - (JSON.parse(localStorage.getItem(key)).at ?? 0);
    if (all || age > DRAFT_DAYS * 86400000) localStorage.removeItem(key);
  }
}

function sizeText(bytes) {
  const unit = bytes < 1048576 ? ["kB", 1024] : ["MB", 1048576];
  return `${(bytes / unit[1]).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 })} ${unit[0]}`;
}

/** Shows the chosen files as removable chips. Names go in as text, never as markup. */
function showFiles(form) {
  const input = form.querySelector('input[type="file"]');
  const list = form.querySelector(".composer-files");
  if (!input || !list) return;
  const max = Number(input.dataset.max || 0);
  list.replaceChildren(
    ...[...input.files].map((file, index) => {
      const chip = form.querySelector("template.composer-file").content.firstElementChild.cloneNode(true);
      chip.querySelector(".name").textContent = file.name;
      chip.querySelector(".size").textContent = sizeText(file.size);
      chip.classList.toggle("too-large", max > 0 && file.size > max);
      chip.querySelector("button").addEventListener("click", () => setFiles(form, [...input.files].toSpliced(index, 1)));
      return chip;
    }),
  );
}

function setFiles(form, files) {
  const transfer = new DataTransfer();
  files.forEach((file) => transfer.items.add(file));
  form.querySelector('input[type="file"]').files = transfer.files;
  showFiles(form);
}

function addFiles(form, files) {
  const input = form.querySelector('input[type="file"]');
  if (input && files.length) setFiles(form, [...input.files, ...files]);
}

/** Only some channels reach an address that one types in: the first of them is chosen when the present one does not. */
function ableToForward(channel) {
  const able = (option) => option.dataset.has.split(" ").includes("forward");
  if (able(channel.selectedOptions[0])) return;
  const other = [...channel.options].find(able);
  if (other) channel.value = other.value;
}

function showMode(form) {
  form.dataset.mode = mode(form) || "reply";
  const channel = form.querySelector('[name="channel"]');
  if (form.dataset.mode === "forward") ableToForward(channel);
  const option = channel?.selectedOptions?.[0] ?? channel;
  const has = (option?.dataset.has ?? "").split(" ");
  for (const part of form.querySelectorAll("[data-needs], [data-mode-only]")) {
    const { needs, modeOnly } = part.dataset;
    const fits = !modeOnly || modeOnly.split(" ").includes(form.dataset.mode);
    // A note goes nowhere, so it needs nothing of a channel but may always carry files.
    const able = !needs || (form.dataset.mode === "note" ? needs === "files" : has.includes(needs));
    part.hidden = !(fits && able);
    // What is not shown is not sent either.
    for (const field of part.matches("button") ? [part] : part.querySelectorAll("input, select")) {
      field.disabled = part.hidden;
    }
  }
  const limit = Number(option?.dataset.textMax || 0);
  const left = form.querySelector(".composer-left");
  if (left) {
    const rest = limit - (form.querySelector("textarea")?.value.length ?? 0);
    left.hidden = !limit || form.dataset.mode === "note" || rest > limit / 4;
    left.textContent = rest;
    left.classList.toggle("text-danger", rest < 0);
  }
}

/** Wires one composer; called for every composer that appears on the page. */
function prepare(form) {
  if (form.dataset.ready) return;
  form.dataset.ready = "1";
  restore(form);
  const area = form.querySelector("textarea");
  grow(area);
  showMode(form);
  showFiles(form);
  form.addEventListener("input", () => {
    grow(area);
    showMode(form);
    save(form);
    tellTyping(form, area);
  });
  form.addEventListener("change", (event) => {
    if (event.target.type === "file") showFiles(form);
    showMode(form);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("[data-primary]:not([hidden])"));
    } else if (event.key === "Escape") area.blur();
  });
  form.addEventListener("click", (event) => {
    const reveal = event.target.closest("[data-reveal]");
    if (!reveal) return;
    const part = form.querySelector(`#${CSS.escape(reveal.dataset.reveal)}`);
    part.classList.remove("collapsed");
    reveal.remove();
    part.querySelector("input")?.focus();
  });
  wireFiles(form, area);
  if (!form.hasAttribute("hx-post")) form.addEventListener("submit", () => localStorage.removeItem(draftKey(form)));
  form.addEventListener("htmx:beforeRequest", ({ target }) => target === form && form.classList.add("sending"));
  form.addEventListener("htmx:xhr:progress", ({ detail }) => {
    const bar = form.querySelector("progress");
    if (bar && detail.lengthComputable && detail.total) bar.value = detail.loaded / detail.total;
  });
  // Before the answer brings a fresh composer, which would take the draft for its own.
  form.addEventListener("htmx:beforeOnLoad", ({ detail }) => {
    if (detail.elt === form && detail.xhr.status < 300) localStorage.removeItem(draftKey(form));
  });
  form.addEventListener("htmx:afterRequest", () => form.classList.remove("sending"));
}

const TYPING_MS = 3000;
let told = 0;

/** Tells others that somebody writes here, at most every three seconds; nobody minds when it fails. */
function tellTyping(form, area) {
  if (!form.dataset.typing || !area.value.trim() || Date.now() - told < TYPING_MS) return;
  told = Date.now();
  const body = new URLSearchParams({ mode: mode(form) });
  fetch(form.dataset.typing, { method: "POST", body, headers: { "X-CSRFToken": csrfToken() } }).catch(() => {});
}

function wireFiles(form, area) {
  area.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    addFiles(form, event.clipboardData.files);
  });
  const zone = form.closest(".pane-thread") ?? form;
  zone.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files") || !form.isConnected) return;
    event.preventDefault();
    form.classList.add("dropping");
  });
  zone.addEventListener("dragleave", (event) => {
    if (!zone.contains(event.relatedTarget)) form.classList.remove("dropping");
  });
  zone.addEventListener("drop", (event) => {
    if (!form.isConnected) return;
    event.preventDefault();
    form.classList.remove("dropping");
    addFiles(form, event.dataTransfer.files);
  });
}

/** Prepares all composers inside `root`. */
export function compose(root = document) {
  root.querySelectorAll("form.composer").forEach(prepare);
}

/** Puts the cursor into the composer in the mode `reply`, `note` or `forward`; `message` is the one to forward. */
export function write(wanted, message = "") {
  const form = document.querySelector("form.composer");
  const forwarded = form?.querySelector('[name="message"]');
  if (forwarded && message) forwarded.value = message;
  const radio = form?.querySelector(`[name="mode"][value="${wanted}"]`);
  if (!radio) return false;
  radio.checked = true;
  showMode(form);
  const area = form.querySelector("textarea");
  (wanted === "forward" ? form.querySelector('[name="to"]') : area).focus();
  area.scrollIntoView({ block: "nearest" });
  return true;
}
