// What the head and the notice under it say about the conversation.

/** The line in the head: who is there. */
export function presence(text, { conversation, session }) {
  const name = conversation?.status === "assigned" && conversation.assignee_name;
  return name ? text.withYou(name) : session.config.online ? text.online : text.away;
}

/** The notice: place in the queue with an honest range, or what happens to a message now. "" = nothing to say. */
export function notice(text, { conversation, session, wait, promised }, talking) {
  const { online } = session.config;
  const status = conversation?.status;
  if (!online && promised) return text.thanks(promised);
  if (!online && !talking) return session.identified ? text.later : text.offline;
  if (!online && status === "waiting") return text.later;
  if (status === "resolved") return text.resolved;
  if (status !== "waiting" || !wait?.position) return "";
  const place = wait.position === 1 ? text.next : text.place(wait.position);
  if (wait.high == null) return place;
  const [low, high] = [wait.low, wait.high].map((seconds) => Math.max(1, Math.round(seconds / 60)));
  return `${place} ${wait.high < 60 ? text.soon : text.range(low, high)}`;
}
