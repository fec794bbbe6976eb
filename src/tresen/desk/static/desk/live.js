// Turns journal events into refreshes. Panes carry `hx-trigger="desk:… from:body"` and fetch themselves anew; idiomorph
// changes only what differs, so focus, scroll position, open menus and drafts stay.
import { csrfToken } from "./csrf.js";
import { subscribe } from "./stream.js";

const PANES = ["list", "head", "thread", "customer", "bell", "presence", "parked"];
const PACE = { list: 800, head: 200, thread: 150, customer: 800, bell: 2000, presence: 2000, parked: 1000 };
const HIDDEN_PACE = 5000;

/** Which panes an event concerns. `open` is the id of the conversation on the screen (a string) or "". */
export function concerned(kind, data, open) {
  if (kind === "reset") return PANES;
  const here = open !== "" && String(data?.conversation_id ?? "") === open;
  const [subject] = kind.split(".");
  if (kind === "message.delivery") return here ? ["thread", "bell", "parked"] : ["bell", "parked"];
  if (kind === "typing") return [];
  if (subject === "message") return here ? ["list", "thread", "head"] : ["list"];
  if (subject === "conversation" || subject === "assignment") {
    return here ? ["list", "head", "thread", "customer"] : ["list"];
  }
  if (subject === "customer" || subject === "record" || subject === "identity" || subject === "company") {
    return open ? ["customer"] : [];
  }
  if (subject === "presence" || subject === "staff") return ["presence"];
  if (["parked", "job", "receipt", "delivery", "channel"].includes(subject)) return ["bell", "parked"];
  return [];
}

/** Runs `work` at once, then at most once per `pace()` milliseconds, never losing the last call. */
export function paced(work, pace, now = () => performance.now()) {
  let next = 0;
  let timer = null;
  return () => {
    if (timer) return;
    const rest = next - now();
    const go = () => {
      timer = null;
      next = now() + pace();
      work();
    };
    if (rest <= 0) go();
    else timer = setTimeout(go, rest);
  };
}

const refreshers = Object.fromEntries(
  PANES.map((pane) => [
    pane,
    paced(
      () => document.body.dispatchEvent(new CustomEvent(`desk:${pane}`)),
      () => (document.hidden ? HIDDEN_PACE : PACE[pane]),
    ),
  ]),
);

/** Refreshes the named panes, or all. */
export function refresh(panes = PANES) {
  panes.forEach((pane) => refreshers[pane]());
}

function openConversation() {
  return document.getElementById("conversation")?.dataset.id ?? "";
}

let typingTimer = null;
function showTyping(data) {
  const line = document.getElementById("typing");
  if (!line || String(data?.conversation_id ?? "") !== openConversation()) return;
  if (String(data.user_id ?? "") === document.body.dataset.me) return;
  line.querySelector(".who").textContent = data.author;
  line.hidden = false;
  clearTimeout(typingTimer);
  typingTimer = setTimeout(() => (line.hidden = true), 6000);
}

let lostTimer = null;
function showState(state) {
  const banner = document.getElementById("offline");
  document.body.dataset.live = state;
  if (state === "open") {
    clearTimeout(lostTimer);
    lostTimer = null;
    banner.hidden = true;
  } else if (state === "lost") {
    // A restart of the server takes a moment; nobody needs to be told about less than that.
    lostTimer ??= setTimeout(() => (banner.hidden = false), 3000);
  } else if (state === "signed-out") location.reload();
}

/** Starts everything live on this page; configuration stands in the body's data attributes. */
export function start() {
  const { stream, worker, cursor, beat } = document.body.dataset;
  if (!stream) return;
  subscribe({
    url: stream,
    worker,
    cursor: cursor ?? "",
    beat: { url: new URL(beat, location).href, token: csrfToken() },
    on(message) {
      if (message.type === "state") {
        showState(message.state);
        return;
      }
      if (message.event === "typing") showTyping(message.data);
      else refresh(concerned(message.event, message.data, openConversation()));
    },
  });
  // Parked work is told by no event: it is what could not become one.
  setInterval(() => document.hidden || refresh(["bell"]), 60000);
}
