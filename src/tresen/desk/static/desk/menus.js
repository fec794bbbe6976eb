// Menus are <details class="menu">: open without any script; this closes them as one expects.

function closeAll(except = null) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}

/** Closes menus on a click elsewhere, on Escape (focus returns) and after a choice; arrow keys move inside. */
export function menus() {
  document.addEventListener("click", (event) => {
    const menu = event.target.closest("details.menu");
    closeAll(menu);
    if (menu && event.target.closest("[data-choice]")) menu.open = false;
  });
  // A menu that is a form has done its work once it was sent.
  document.body.addEventListener("htmx:afterRequest", ({ detail }) => {
    const menu = detail.successful && detail.elt.matches?.("form") && detail.elt.closest("details.menu");
    if (menu) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details.menu[open]");
    if (!menu) return;
    if (event.key === "Escape") {
      menu.open = false;
      menu.querySelector("summary").focus();
      event.stopPropagation();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.target.matches("input, textarea, select")) return;
    const stops = [...menu.querySelectorAll("summary, a, button, input")].filter((stop) => stop.offsetParent);
    event.preventDefault();
    stops[(stops.indexOf(document.activeElement) + step + stops.length) % stops.length].focus();
  });
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details.menu[open]")) {
      closeAll(event.target);
      event.target.querySelector("[data-autofocus]")?.focus();
    }
  }, true);
}
