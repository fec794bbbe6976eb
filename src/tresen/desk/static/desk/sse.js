// Server-Sent Events by `fetch`: unlike EventSource it can send Last-Event-ID after any kind of failure, sees the HTTP
// status (a signed-out agent must not knock for ever) and notices a silent connection.

const QUIET_MS = 45000; // the server sends a comment at least every 20 s

/**
 * Parses a stream of text chunks; calls `emit({id, event, data})` for every complete event. A heart-beat that only moves
 * the id has empty `data`.
 */
export function parser(emit, alive = () => {}) {
  let rest = "";
  let current = { id: "", event: "message", data: [] };
  const line = (text) => {
    if (text === "") {
      if (current.data.length || current.id) emit({ ...current, data: current.data.join("\n") });
      current = { id: "", event: "message", data: [] };
      return;
    }
    if (text.startsWith(":")) return;
    const colon = text.indexOf(":");
    const name = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (name === "data") current.data.push(value);
    else if (name === "id" || name === "event") current[name] = value;
  };
  return (chunk) => {
    alive();
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    lines.forEach(line);
  };
}

/**
 * Keeps a stream open until `stop()` is called. `on` is told `{type: "event", event, data, id}` and
 * `{type: "state", state}` with the states `open`, `lost` and `signed-out`.
 */
export function connect(url, on, { lastEventId = "", wait = (ms) => new Promise((r) => setTimeout(r, ms)) } = {}) {
  let last = lastEventId;
  let stopped = false;
  let abort = null;
  let failures = 0;

  async function once() {
    abort = new AbortController();
    let timer = setTimeout(() => abort.abort(), QUIET_MS);
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), QUIET_MS);
    };
    try {
      const headers = { Accept: "text/event-stream" };
      if (last) headers["Last-Event-ID"] = last;
      const answer = await fetch(url, { headers, cache: "no-store", credentials: "same-origin", signal: abort.signal });
      if (answer.status === 401 || answer.status === 403) return "signed-out";
      if (!answer.ok || !answer.body) return "lost";
      on({ type: "state", state: "open" });
      failures = 0;
      const feed = parser((event) => {
        if (event.id) last = event.id;
        if (event.data) on({ type: "event", event: event.event, id: event.id, data: event.data });
      }, alive);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return "lost";
        feed(value);
      }
    } catch {
      return "lost";
    } finally {
      clearTimeout(timer);
    }
  }

  (async () => {
    while (!stopped) {
      const state = await once();
      if (stopped) return;
      on({ type: "state", state });
      if (state === "signed-out") return;
      failures += 1;
      // Everybody comes back at once after a restart of the server: spread them.
      await wait(Math.min(500 * 2 ** Math.min(failures - 1, 5), 10000) * (0.5 + Math.random()));
    }
  })();

  return {
    get lastEventId() {
      return last;
    },
    stop() {
      stopped = true;
      abort?.abort();
    },
  };
}
