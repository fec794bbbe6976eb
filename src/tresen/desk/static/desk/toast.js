// Short messages at the edge, with an optional undo. The texts come from the server, translated.

const SHOW_MS = 6000;

/** Shows `text`; `undo` is a URL that takes the action back by POST, `label` its button's text. */
export function toast({ text, level = "", undo = "", label = "" }) {
  const region = document.getElementById("toasts");
  const item = document.createElement("div");
  item.className = `toast-line ${level}`;
  const line = document.createElement("span");
  line.textContent = text;
  item.append(line);
  if (undo) {
    // Only the last step can be taken back.
    region.querySelectorAll("button").forEach((older) => older.parentElement.remove());
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-link btn-sm";
    button.textContent = label;
    button.addEventListener("click", () => {
      window.htmx.ajax("POST", undo, { swap: "none", source: document.body });
      item.remove();
    });
    item.append(button);
  }
  region.append(item);
  setTimeout(() => item.remove(), level === "danger" ? SHOW_MS * 2 : SHOW_MS);
}

/** Shows what answers announce by HX-Trigger: {"desk:toast": {...}}. */
export function toasts() {
  document.body.addEventListener("desk:toast", ({ detail }) => toast(detail));
}
