// A contact form where its script line stands. It stores nothing; the server puts the settings in place of CONFIG.
(() => {
  "use strict";
  const config = CONFIG;
  const script = document.currentScript;
  if (!script) return;
  const base = new URL("..", script.src).href;
  const language =
    [script.dataset.language, config.language, document.documentElement.lang, navigator.language]
      .map((name) => (name || "").slice(0, 2).toLowerCase())
      .find((name) => name === "de" || name === "en") || "en";

  const host = document.createElement("div");
  host.lang = language;
  const root = host.attachShadow({ mode: "open" });

  const place = async () => {
    const target = script.dataset.target && document.querySelector(script.dataset.target);
    if (target) target.append(host);
    else if (script.parentNode && script.parentNode !== document.head) script.after(host);
    else document.body.append(host);
    try {
      const { start } = await import(`${base}widget/assets/${config.version}/form.js`);
      await start({ config, base, language, root });
    } catch (error) {
      root.textContent = language === "de" ? "Das Formular lässt sich gerade nicht laden." : "The form cannot be loaded right now.";
      throw error;
    }
  };
  if (document.body) place();
  else document.addEventListener("DOMContentLoaded", place);
})();
