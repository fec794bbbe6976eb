// Entry point of every desk page.
import { compose, tidyDrafts, write } from "./composer.js";
import { choose } from "./choose.js";
import { keys } from "./keys.js";
import { refresh, start } from "./live.js";
import { frames, pictures } from "./mailframe.js";
import { toast, toasts } from "./toast.js";
import { follow, toEnd, watchThread } from "./thread.js";
import { menus } from "./menus.js";

// Morphing must not undo what the reader did: an opened fold, a sized frame, an input being typed in.
Object.assign(window.Idiomorph.defaults, { ignoreActiveValue: true, restoreFocus: true });
window.Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) => {
  if (element.tagName === "IFRAME") return false;
  if (name === "open" && (element.tagName === "DETAILS" || element.tagName === "DIALOG")) return false;
  return !(name === "hidden" && element.matches(".mail-blocked, #typing, #offline"));
};

function prepare(root) {
  compose(root);
  frames(root);
  watchThread();
}

let opening = ""; // the chosen conversation while it is being fetched

function clicked(event) {
  if (choose(event.target)) return;
  const row = event.target.closest("#list .row-link");
  if (row) {
    document.querySelector("#list .row-link[aria-current]")?.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
    opening = row.id.replace("row-", "");
  }
  const button = event.target.closest("[data-pictures], [data-copy], [data-dialog], [data-close], [data-end], [data-forward]");
  if (!button) return;
  if (button.hasAttribute("data-pictures")) pictures(button);
  else if (button.dataset.copy) {
    navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    toast({ text: button.dataset.copied });
  } else if (button.dataset.forward) write("forward", button.dataset.forward);
  else if (button.dataset.dialog) document.getElementById(button.dataset.dialog).showModal();
  else if (button.hasAttribute("data-close")) button.closest("dialog, [data-closable]")?.close?.();
  else toEnd();
}

document.addEventListener("click", clicked);
document.body.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.successful) detail.elt.closest?.(".go-online")?.remove();
});
document.addEventListener("submit", (event) => event.target.matches("[data-sign-out]") && tidyDrafts(true));
document.body.addEventListener("htmx:load", ({ target }) => prepare(target.parentElement ?? document));
document.body.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id === "conversation") opening = "";
  follow();
});
// Answers to actions name the panes they changed: HX-Trigger: {"desk:changed": {"panes": [...]}}.
document.body.addEventListener("desk:changed", ({ detail }) => refresh(detail.panes));
// A refreshed list keeps its length and its mark: what was loaded by "Show more" and what is open.
document.body.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.elt.closest?.("#list") == null || !detail.path.includes("/list/")) return;
  detail.parameters.open = opening || (document.getElementById("conversation")?.dataset.id ?? "");
  if (detail.elt.id === "list") detail.parameters.rows = document.querySelectorAll("#rows .row-link").length;
});
// A refresh that fails is repeated by the next event; only what somebody asked for deserves a word.
function asked({ requestConfig }) {
  return requestConfig.elt !== document.body && !requestConfig.triggeringEvent?.type.startsWith("desk:");
}
document.body.addEventListener("htmx:responseError", ({ detail }) => {
  if (detail.xhr.status === 401) location.reload();
  else if (asked(detail) && detail.xhr.getResponseHeader("HX-Trigger") === null) {
    toast({ text: document.body.dataset.failed, level: "danger" });
  }
});
document.body.addEventListener("htmx:sendError", ({ detail }) => {
  if (asked(detail)) toast({ text: document.body.dataset.unreachable, level: "danger" });
});

tidyDrafts();
toasts();
menus();
keys();
prepare(document);
toEnd();
start();
