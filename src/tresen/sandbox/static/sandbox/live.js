// Keeps the list of mails current: asks every other second while the page is in view, and tells what is new.
// Sizes the frame in which a mail's HTML is shown (it runs no script; see its own policy).

const EVERY = 1500; // ms

function follow(place) {
  const title = document.title;
  const news = document.getElementById("news");
  let last = "";

  const unseen = () => Number(place.firstElementChild?.dataset.unseen || 0);
  const entitle = () => {
    document.title = unseen() ? `(${unseen()}) ${title}` : title;
  };

  const put = (html) => {
    const focused = place.contains(document.activeElement) && document.activeElement.getAttribute("href");
    const before = unseen();
    place.innerHTML = html; // our own server's template, every value escaped there
    if (focused) place.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    if (unseen() > before) news.textContent = place.dataset.news;
    entitle();
  };

  const ask = async () => {
    try {
      if (document.hidden) return;
      const answer = await fetch(place.dataset.live);
      if (!answer.ok) return;
      const html = await answer.text();
      if (last && html !== last) put(html);
      last = html;
    } catch {
      // the server restarts: the next round will find it
    } finally {
      setTimeout(ask, EVERY);
    }
  };
  entitle();
  ask();
}

function fit(frame) {
  const page = frame.contentDocument?.documentElement;
  if (page) frame.style.height = `${Math.max(90, page.scrollHeight + 16)}px`;
}

for (const place of document.querySelectorAll("[data-live]")) follow(place);
for (const frame of document.querySelectorAll("iframe.body")) {
  frame.addEventListener("load", () => fit(frame));
  fit(frame);
}
