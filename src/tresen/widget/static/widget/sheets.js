// "Continue on another device" and "I have a code".

import { h, icon } from "./dom.js";

/** Shows a fresh code and its link. */
export async function showCode(panel, text, api) {
  panel.cover(text.device, h("p", {}, text.wait));
  let answer;
  try {
    answer = await api.post("code");
  } catch (error) {
    panel.cover(text.device, h("p", { role: "alert" }, error.status === 409 ? text.noTalk : text.broken));
    return;
  }
  const copy = h("button", { type: "button", class: "wide" }, icon("device"), h("span", { role: "status" }, text.copy));
  copy.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(answer.url).then(() => (copy.lastChild.textContent = text.copied), () => {});
  });
  const link = h("a", { href: answer.url, target: "_blank", rel: "noopener" }, answer.url.replace(/^https?:\/\//, ""));
  const spoken = answer.code.replace(/^(.{4})/, "$1-");
  panel.cover(text.device, h("p", {}, text.deviceHow), h("p", { class: "code" }, spoken), h("p", { class: "address" }, link), copy);
}

/** Asks for a code; `use(code)` resumes the conversation and throws when the code does not hold. */
export function askCode(panel, text, use, given = "") {
  const input = h("input", { id: "code", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", maxlength: 12, required: true });
  input.value = given;
  const fault = h("p", { role: "alert", class: "alert" });
  const button = h("button", { class: "wide" }, icon("key"), text.resume);
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await use(input.value);
      panel.uncover();
    } catch (error) {
      fault.textContent = error.field === "code" ? text.badCode : text.broken;
      button.disabled = false;
      input.focus();
    }
  };
  const form = h("form", { onsubmit: submit, novalidate: true }, h("label", { for: "code" }, text.code), input, fault, button);
  panel.cover(text.haveCode, h("p", {}, text.codeHow), form);
}
