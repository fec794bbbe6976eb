// One connection for all tabs of this browser: browsers allow only six HTTP/1.1 connections to a host.
import { connect } from "./sse.js";

const ports = new Set();
let stream = null;
let state = "lost";

function tell(message) {
  if (message.type === "state") state = message.state;
  for (const port of ports) port.postMessage(message);
}

const BEAT_MS = 20000;
let beat = null;

// Here and not in the tabs: browsers slow the timers of hidden tabs down until a lease runs out.
setInterval(() => {
  if (beat && ports.size) fetch(beat.url, { method: "POST", headers: { "X-CSRFToken": beat.token } }).catch(() => {});
}, BEAT_MS);

function start(url, lastEventId) {
  stream?.stop();
  stream = connect(url, tell, { lastEventId });
}

self.onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data }) => {
    if (data.type === "join") {
      ports.add(port);
      beat = data.beat ?? beat;
      if (!stream || state === "signed-out") {
        start(data.url, data.cursor);
        return;
      }
      port.postMessage({ type: "state", state });
      // Between the rendering of this tab and its joining, events may have gone to the other tabs only.
      if (data.cursor !== stream.lastEventId) port.postMessage({ type: "event", event: "reset", id: "", data: "{}" });
    } else if (data.type === "leave") {
      ports.delete(port);
      if (ports.size === 0) {
        stream?.stop();
        stream = null;
        state = "lost";
      }
    }
  };
  port.start();
};
