// Keeps the end of a conversation in view while one reads there, and tells when something arrives below.

const NEAR = 120; // pixels

let atEnd = true;
let shown = "";

function box() {
  return document.getElementById("thread-scroll");
}

/** Scrolls to the newest message. */
export function toEnd() {
  const thread = box();
  if (!thread) return;
  thread.scrollTop = thread.scrollHeight;
  atEnd = true;
  const pill = document.getElementById("to-end");
  if (pill) pill.hidden = true;
}

/** After a swap: a conversation opened anew starts at its end; an open one follows only if the reader was at the end. */
export function follow() {
  const thread = box();
  if (!thread) {
    shown = "";
    return;
  }
  const id = thread.dataset.id;
  const last = thread.querySelector(".message:last-of-type")?.id ?? "";
  if (id !== shown.split(" ")[0] || atEnd) toEnd();
  else if (`${id} ${last}` !== shown) document.getElementById("to-end").hidden = false;
  shown = `${id} ${last}`;
}

/** Notes whether the reader is at the end. Frames that grow after loading keep the end in view. */
export function watchThread() {
  const thread = box();
  if (!thread || thread.dataset.watched) return;
  thread.dataset.watched = "1";
  thread.addEventListener("scroll", () => {
    atEnd = thread.scrollHeight - thread.scrollTop - thread.clientHeight < NEAR;
    if (atEnd) document.getElementById("to-end").hidden = true;
  });
  new ResizeObserver(() => atEnd && toEnd()).observe(thread.firstElementChild);
  follow();
}
