// The chat button. This file is all that a page loads before somebody opens the chat: it stores nothing and contacts
// nobody. The server puts the channel's settings in place of CONFIG.
(() => {
  "use strict";
  const config = CONFIG;
  const script = document.currentScript;
  if (!script || window.Tresen) return;

  const LABELS = {
    de: ["Chat öffnen", "Der Chat lässt sich gerade nicht laden. Bitte noch einmal versuchen."],
    en: ["Open chat", "The chat cannot be loaded right now. Please try again."],
  };
  const STYLE = `
    :host { all: initial !important; position: fixed !important; display: block !important;
      z-index: 2147483000 !important; inset: auto auto max(20px, env(safe-area-inset-bottom)) auto !important;
      font: 15px/1.45 system-ui, sans-serif !important; }
    :host(.right) { right: 20px !important; } :host(.left) { left: 20px !important; }
    .launch { all: unset; position: relative; box-sizing: border-box; display: grid; place-items: center;
      width: 56px; height: 56px; border-radius: 50%; border: 2px solid var(--on-accent); background: var(--accent);
      color: var(--on-accent); cursor: pointer; box-shadow: 0 0 0 1px #0002, 0 6px 20px #0004; transition: transform .15s; }
    .launch:hover { transform: scale(1.05); }
    .launch:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
    .launch svg { width: 28px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round;
      stroke-linejoin: round; }
    .launch[aria-expanded=true] path:first-child, .launch[aria-expanded=false] path:last-child { display: none; }
    .launch[aria-busy=true] svg { animation: breathe 1s infinite alternate; } @keyframes breathe { to { opacity: .3; } }
    .badge { position: absolute; top: -6px; right: -6px; min-width: 22px; padding: 0 6px; box-sizing: border-box;
      border-radius: 11px; background: #c8102e; color: #fff; font: 700 13px/22px system-ui, sans-serif; text-align: center; }
    .broken { position: absolute; bottom: 68px; width: 220px; padding: 10px 12px; border-radius: 10px;
      background: #fff; color: #8f0d22; box-shadow: 0 6px 20px #0004; }
    :host(.right) .broken { right: 0; } :host(.left) .broken { left: 0; } [hidden] { display: none !important; }
:host(.page) .launch { display: none; }
    @media (prefers-reduced-motion: reduce) { .launch, .launch svg { transition: none; animation: none !important; } }
    @media print { :host { display: none !important; } }`;

  const base = new URL("..", script.src).href;
  const language =
    [script.dataset.language, config.language, document.documentElement.lang, navigator.language]
      .map((name) => (name || "").slice(0, 2).toLowerCase())
      .find((name) => name in LABELS) || "en";
  const storageKey = `tresen:${config.key}`;
  const hash = /^#tresen=([\w-]{8,12})$/.exec(location.hash);
  const waiting = { identity: "" };
  let app;
  let loading;

  const remembered = () => {
    try {
      return localStorage.getItem(storageKey);
    } catch {
      return null;
    }
  };

  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const shape of ["M21 12a8 8 0 01-8 8H4l1.6-3.2A8 8 0 1121 12zM9 12v.01M13 12v.01M17 12v.01", "M6 9l6 6 6-6"]) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", shape);
    svg.append(path);
  }

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const button = document.createElement("button");
  const badge = document.createElement("span");
  const broken = document.createElement("div");
  host.lang = language;
  host.className = script.dataset.open === "page" ? "page" : config.position === "left" ? "left" : "right";
  button.className = "launch";
  button.type = "button";
  button.setAttribute("aria-label", LABELS[language][0]);
  button.setAttribute("aria-haspopup", "dialog");
  button.setAttribute("aria-expanded", "false");
  badge.className = "badge";
  badge.hidden = true;
  broken.className = "broken";
  broken.hidden = true;
  broken.setAttribute("role", "alert");
  button.append(svg, badge);
  root.append(button, broken);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`${STYLE} :host { --accent: ${config.colour}; --on-accent: ${config.on_colour}; }`);
  root.adoptedStyleSheets = [sheet];

  const load = (options) =>
    (loading ||= (async () => {
      button.setAttribute("aria-busy", "true");
      broken.hidden = true;
      try {
        const { start } = await import(`${base}widget/assets/${config.version}/chat.js`);
        app = await start({ config, base, language, host, root, button, badge, storageKey, ...waiting, ...options });
        return app;
      } catch (error) {
        loading = undefined;
        if (options.open) {
          broken.textContent = LABELS[language][1];
          broken.hidden = false;
        }
        throw error;
      } finally {
        button.removeAttribute("aria-busy");
      }
    })());

  const open = async (options) => {
    const known = app;
    const chat = await load({ open: true, ...options });
    if (known) chat.open();
  };

  button.addEventListener("click", () => (app?.isOpen() ? app.close() : open().catch(() => {})));

  window.Tresen = Object.freeze({
    open: () => open(),
    close: () => app?.close(),
    /** A short JWT that your server signed for the user who is logged in. Until the chat is opened it stays here. */
    identify: async (jwt) => {
      waiting.identity = String(jwt || "");
      await app?.identify(waiting.identity);
    },
    /** Log-out: forgets the visitor, in this browser and in this page. */
    shutdown: async () => {
      waiting.identity = "";
      await app?.shutdown();
      if (remembered() === null) return;
      localStorage.removeItem(storageKey);
      indexedDB.deleteDatabase(storageKey);
    },
  });

  const place = () => {
    document.body.append(host);
    if (hash) {
      history.replaceState(history.state, "", location.pathname + location.search);
      open({ code: hash[1] }).catch(() => {});
    } else if ("open" in script.dataset) open().catch(() => {});
    else if (remembered() !== null) (window.requestIdleCallback || setTimeout)(() => load({}).catch(() => {}));
  };
  if (document.body) place();
  else document.addEventListener("DOMContentLoaded", place);
})();
