// Elements, icons and safe text. Nothing here or anywhere in the widget turns a string into markup.

const SVG = "http://www.w3.org/2000/svg";
const PATHS = {
  attach: "M15 7l-6.5 6.5a1.5 1.5 0 003 3L18 10a3 3 0 00-6-6l-6.5 6.5a4.5 4.5 0 009 9L21 13",
  back: "M15 6l-6 6 6 6",
  close: "M6 6l12 12M18 6L6 18",
  device: "M9 4h6a1 1 0 011 1v14a1 1 0 01-1 1H9a1 1 0 01-1-1V5a1 1 0 011-1zM11.5 17h1",
  file: "M14 3v4a1 1 0 001 1h4M17 21H7a2 2 0 01-2-2V5a2 2 0 012-2h7l5 5v11a2 2 0 01-2 2z",
  key: "M16.6 3.4a4 4 0 010 8 4 4 0 01-2.8-1.2L7 17v3H4v-3l7.4-7.4a4 4 0 015.2-6.2z",
  more: "M12 6v.01M12 12v.01M12 18v.01",
  send: "M5 12l-2-8 19 8-19 8 2-8zm0 0h9",
};

/** An element: `h("p", { class: "x", onclick: fn }, "text", child)`. Values of null, false and undefined are left out. */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.append(path);
  return svg;
}

/** A button that shows only an icon; its name is read out and shown as a tooltip. */
export const iconButton = (name, label, onclick, props) =>
  h("button", { type: "button", class: "icon", "aria-label": label, title: label, onclick, ...props }, icon(name));

/** A style sheet that the page's own policy cannot refuse: constructed, never inline. */
export function adopt(root, css) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
}

/** Text with its web addresses made clickable: only http and https, never more than the text that is seen. */
export function linked(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"']+/gi)) {
    const address = match[0].replace(/[.,;:!?)\]}]+$/, "");
    let url;
    try {
      url = new URL(address);
    } catch {
      continue;
    }
    parts.push(text.slice(end, match.index));
    parts.push(h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" }, address));
    end = match.index + address.length;
  }
  parts.push(text.slice(end));
  return parts;
}

export function size(bytes, language) {
  const [value, unit] = bytes < 1e6 ? [bytes / 1024, "kilobyte"] : [bytes / 1048576, "megabyte"];
  const maximumFractionDigits = unit === "megabyte" ? 1 : 0;
  return new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits }).format(Math.max(value, 1));
}
