// Answers nobody has looked at: the badge on the button, and the report to the server once they are in view.

export class Unread {
  constructor(api, thread, panel, { badge, button }, text) {
    Object.assign(this, { api, thread, panel, badge, button, text, label: button.getAttribute("aria-label") });
  }

  draw() {
    const { badge, button, label, text } = this;
    const unread = this.thread.unread();
    const shown = this.panel.open ? 0 : unread.length;
    badge.textContent = shown > 9 ? "9+" : String(shown || "");
    badge.hidden = !shown;
    button.setAttribute("aria-label", shown ? `${label}: ${text.unread(shown)}` : label);
    if (unread.length && this.panel.open && !document.hidden) this.report(unread);
  }

  async report(unread) {
    if (this.reporting) return;
    this.reporting = true;
    try {
      await this.api.post("read", { seq: Math.max(...unread.map((message) => message.seq)) });
      unread.forEach((message) => (message.state = "read"));
    } catch {
      // Still unread; the next look tries again.
    } finally {
      this.reporting = false;
    }
  }
}
