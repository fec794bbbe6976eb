// The calls to the server. No cookies, no token in an address, one way to tell "try again" from "never".

const TIMEOUT = 20_000;
const UPLOAD_TIMEOUT = 180_000;

/** An answer that is not a success. `retry`: trying again can help. Status 0: no answer at all. */
export class Problem extends Error {
  constructor(status, { field = "", detail = "" } = {}, after = 0) {
    super(detail || String(status));
    Object.assign(this, { status, field, after });
    this.retry = status === 0 || status === 408 || status === 429 || status >= 500;
  }
}

/** Milliseconds to wait before attempt n (from 0): doubling to half a minute, spread so that clients do not meet. */
export const pause = (attempt, after = 0) =>
  Math.max(after * 1000, Math.min(30_000, 1000 * 2 ** attempt) * (0.5 + Math.random() / 2));

export class Api {
  /** `base`: the server with a slash at the end. `remember(session)` is called with every new token. */
  constructor(base, key, remember) {
    Object.assign(this, { base, key, remember, token: "", identity: "", renewing: null });
  }

  async fetch(path, { method = "GET", body, bearer = this.token, timeout = TIMEOUT, signal, headers } = {}) {
    const limit = timeout && AbortSignal.timeout(timeout);
    let response;
    try {
      response = await fetch(this.base + path, {
        method,
        credentials: "omit",
        cache: "no-store",
        referrerPolicy: "strict-origin",
        signal: signal || limit || undefined,
        headers: {
          ...headers,
          ...(bearer && { Authorization: `Bearer ${bearer}` }),
          ...(body && { "Content-Type": "application/json" }),
        },
        body: body && JSON.stringify(body),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem(0);
    }
    if (response.ok) return response;
    const answer = await response.json().catch(() => ({}));
    throw new Problem(response.status, answer, Number(response.headers.get("Retry-After")) || 0);
  }

  /** A call with the visitor's token, which is renewed once when it has run out. */
  async call(path, options) {
    const used = this.token;
    try {
      return await this.fetch(path, options);
    } catch (error) {
      if (error.status !== 401) throw error;
      if (used === this.token) await this.session();
      return this.fetch(path, options);
    }
  }

  async json(path, options) {
    return (await this.call(path, options)).json();
  }

  /** Begins, renews or takes over (`code`) a session. Calls for the same at the same time share one request. */
  session(extra = {}) {
    const wish = `${extra.code || ""} ${this.identity}`;
    if (this.renewing?.wish === wish) return this.renewing.answer;
    const before = this.renewing?.answer.catch(() => {});
    const renewing = { wish };
    renewing.answer = Promise.resolve(before)
      .then(() => this.begin(extra))
      .finally(() => this.renewing === renewing && (this.renewing = null));
    return (this.renewing = renewing).answer;
  }

  async begin({ code, language = this.language } = {}) {
    this.language = language;
    const body = { language };
    if (this.token) body.token = this.token;
    if (this.identity) body.identity = this.identity;
    if (code) body.code = code;
    const path = `widget/${this.key}/session`;
    let response;
    try {
      response = await this.fetch(path, { method: "POST", body, bearer: "" });
    } catch (error) {
      if (error.field !== "identity") throw error;
      console.warn("Tresen: the identity was refused; the visitor stays anonymous.");
      this.identity = "";
      return this.begin({ code, language });
    }
    const session = await response.json();
    this.token = session.token;
    this.remember(session);
    return session;
  }

  messages(after) {
    return this.json(`widget/${this.key}/messages?after=${after}`);
  }

  /** Hands a message over. Returning means: stored durably. The same id again is the same message. */
  send({ id, text, name, email, files = [] }) {
    const attachments = files.map((file) => ({ name: file.name, type: file.type, base64: file.base64 }));
    const body = { id, text, ...(name && { name }), ...(email && { email }), attachments };
    return this.json(`in/${this.key}/messages`, { method: "POST", body, timeout: UPLOAD_TIMEOUT });
  }

  post(what, body = {}) {
    return this.json(`widget/${this.key}/${what}`, { method: "POST", body });
  }

  async file(url) {
    return (await this.call(url.replace(/^\//, ""), { timeout: UPLOAD_TIMEOUT })).blob();
  }
}
