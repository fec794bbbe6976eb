// Choosing a known customer for a new conversation: a suggestion becomes a chip that carries the id.

/** Handles clicks on suggestions and on the chip's remove button; true when the click was one of them. */
export function choose(target) {
  const suggestion = target.closest("[data-customer]");
  const remove = target.closest("[data-unchoose]");
  if (!suggestion && !remove) return false;
  const place = document.getElementById("chosen");
  const input = document.getElementById("name");
  if (remove) {
    place.replaceChildren();
    input.focus();
    return true;
  }
  const chip = document.getElementById("chosen-template").content.firstElementChild.cloneNode(true);
  chip.querySelector("input").value = suggestion.dataset.customer;
  chip.querySelector(".name").textContent = suggestion.dataset.name;
  place.replaceChildren(chip);
  document.getElementById("suggestions").replaceChildren();
  input.value = "";
  return true;
}
