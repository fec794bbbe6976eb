// The journal's stream for this tab: shared with the browser's other tabs where SharedWorker exists, alone otherwise.
import { connect } from "./sse.js";

const BEAT_MS = 20000;

/**
 * Subscribes, and keeps the presence lease alive by POST to `beat.url`. `cursor` is the journal id the page was rendered at. `on` is told `{type: "event", event, data, id}` with
 * parsed `data`, and `{type: "state", state}` (`open`, `lost`, `signed-out`).
 */
export function subscribe({ url, worker, cursor, beat, on }) {
  const deliver = (message) => {
    if (message.type !== "event") return on(message);
    let data = null;
    try {
      data = JSON.parse(message.data);
    } catch {
      return undefined; // not ours
    }
    return on({ ...message, data });
  };
  if (!("SharedWorker" in window)) {
    const stream = connect(url, deliver, { lastEventId: cursor });
    setInterval(() => fetch(beat.url, { method: "POST", headers: { "X-CSRFToken": beat.token } }).catch(() => {}), BEAT_MS);
    addEventListener("pagehide", () => stream.stop());
    return;
  }
  const shared = new SharedWorker(worker, { type: "module", name: "tresen-stream" });
  shared.port.onmessage = ({ data }) => deliver(data);
  shared.port.start();
  shared.port.postMessage({ type: "join", url, cursor, beat });
  addEventListener("pagehide", () => shared.port.postMessage({ type: "leave" }));
  addEventListener("pageshow", (event) => {
    if (event.persisted) shared.port.postMessage({ type: "join", url, cursor: "", beat });
  });
}
