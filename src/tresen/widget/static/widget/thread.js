// What is known of the conversation: stored messages by id, unsent ones by uuid, and the order they stand in.

export class Thread {
  constructor() {
    this.clear();
  }

  clear() {
    this.stored = new Map();
    this.unsent = new Map();
  }

  /** A message as the server tells it. Its unsent twin, known by the uuid, goes. */
  add(message) {
    const known = this.stored.get(message.id);
    this.stored.set(message.id, { ...message, state: known?.state === "read" ? "read" : message.delivery });
    if (message.uuid) this.unsent.delete(message.uuid);
  }

  /** A message on its way: state is sending, stored (acknowledged, not listed yet) or failed. */
  keep(entry, state, error = "") {
    for (const message of this.stored.values()) if (message.uuid === entry.id) return;
    this.unsent.set(entry.id, { ...entry, uuid: entry.id, direction: "in", state, error });
  }

  delivery(id, state) {
    const message = this.stored.get(id);
    if (message && message.state !== "read") message.state = state;
  }

  /** A person has read the visitor's messages of a conversation up to `seq`. */
  seen(conversation, seq) {
    for (const message of this.stored.values()) {
      const own = message.direction === "in" && message.conversation_id === conversation;
      if (own && message.seq <= seq) message.state = "read";
    }
  }

  /** All messages as they are shown: stored by conversation and sequence, then what is on its way. */
  list() {
    const order = (a, b) => a.conversation_id - b.conversation_id || a.seq - b.seq;
    return [...[...this.stored.values()].sort(order), ...[...this.unsent.values()].sort((a, b) => a.at - b.at)];
  }

  /** The highest sequence number of a conversation. */
  last(conversation) {
    return Math.max(0, ...[...this.stored.values()].filter((m) => m.conversation_id === conversation).map((m) => m.seq));
  }

  unread() {
    return [...this.stored.values()].filter((m) => m.direction === "out" && m.state !== "read");
  }
}
