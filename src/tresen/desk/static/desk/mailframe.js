// Mail HTML lives in an iframe whose document may run no script and load nothing (its own CSP says so). Same origin is
// allowed, so that its height can be read from here; without scripts inside, that gives the mail nothing.

function fit(frame) {
  const page = frame.contentDocument?.documentElement;
  if (!page) return;
  frame.style.height = `${Math.max(24, page.scrollHeight)}px`;
}

function watch(frame) {
  fit(frame);
  const page = frame.contentDocument?.body;
  if (!page) return;
  frame.sizer?.disconnect();
  frame.sizer = new ResizeObserver(() => fit(frame));
  frame.sizer.observe(page);
}

/** Sizes the frames inside `root` to their content, now and whenever it changes. */
export function frames(root = document) {
  for (const frame of root.querySelectorAll("iframe.mail")) {
    if (frame.dataset.ready) continue;
    frame.dataset.ready = "1";
    frame.addEventListener("load", () => watch(frame));
    if (frame.contentDocument?.readyState === "complete") watch(frame);
  }
}

/** The button "show pictures": loads the same mail anew with remote pictures allowed, for this view only. */
export function pictures(button) {
  const frame = document.getElementById(button.dataset.frame);
  frame.src = button.dataset.src;
  button.closest(".mail-blocked").hidden = true;
}
