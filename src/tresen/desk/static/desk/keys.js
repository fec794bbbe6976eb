// The keyboard: single keys while nothing is being typed. `?` shows them.
import { write } from "./composer.js";

function rows() {
  return [...document.querySelectorAll("#list .row-link")];
}

function step(by) {
  const all = rows();
  if (all.length === 0) return;
  const here = all.findIndex((row) => row === document.activeElement);
  const current = here >= 0 ? here : all.findIndex((row) => row.getAttribute("aria-current") === "true");
  const next = all[Math.max(0, Math.min(all.length - 1, current + by))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function press(selector) {
  const target = document.querySelector(selector);
  if (!target) return;
  target.click();
}

function openMenu(id) {
  const menu = document.getElementById(id);
  if (!menu) return;
  menu.open = !menu.open;
  menu.querySelector("summary").focus();
}

const ACTIONS = {
  j: () => step(1),
  k: () => step(-1),
  r: () => write("reply"),
  n: () => write("note"),
  f: () => write("forward"),
  e: () => press("[data-key=e]"),
  t: () => press("[data-key=t]"),
  a: () => openMenu("menu-assign"),
  s: () => openMenu("menu-snooze"),
  c: () => press("[data-key=c]"),
  "/": () => document.querySelector("#list input[type=search]")?.focus(),
  "?": () => document.getElementById("keys").showModal(),
};

/** Listens for the keys of `ACTIONS`. */
export function keys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input, textarea, select, [contenteditable], dialog[open], details.menu[open]")) return;
    const action = ACTIONS[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
