// The page's token against forged requests, as the server put it into the body for htmx.

export function csrfToken() {
  return JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
}
