// Keeps an open page up to date: asks whether anything changed, loads the page again behind the scenes, and puts in
// place those parts (data-live) that are another now. What is being typed, read open or focused is left as it is.
"use strict";
(() => {
  const EVERY = 5000, SLOWEST = 60000;
  const main = document.getElementById("main"), state = document.getElementById("live-state");
  const said = document.getElementById("said");
  let wait = EVERY, timer = 0, busy = false;

  const clock = () => new Date().toISOString().slice(11, 16) + " UTC";
  const tell = (text) => { state.textContent = text; };

  const parsed = async (address) => {
    const answer = await fetch(address, { headers: { accept: "text/html" }, credentials: "same-origin" });
    if (answer.redirected && new URL(answer.url).pathname === "/login") throw new Error("login");
    if (!answer.ok) throw new Error("" + answer.status);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };

  // Which <details> are open, and what has the focus, by id.
  const put = (old, fresh) => {
    for (const one of fresh.querySelectorAll("details[id]")) {
      const here = document.getElementById(one.id);
      if (here) one.open = here.open;
    }
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.replaceWith(document.adoptNode(fresh));
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  };

  const refresh = async () => {
    const page = await parsed(location.href);
    let changed = 0;
    for (const fresh of page.querySelectorAll("[data-live][id]")) {
      const old = document.getElementById(fresh.id);
      if (old && old.textContent !== fresh.textContent) { put(old, fresh); changed += 1; }
    }
    document.title = page.title;
    main.dataset.mark = page.getElementById("main").dataset.mark || "";
    if (changed) said.textContent = "This page was updated at " + clock() + ".";
  };

  const look = async () => {
    if (busy || document.hidden) return;
    busy = true;
    try {
      const address = "/live?mark=" + encodeURIComponent(main.dataset.mark);
      const answer = await fetch(address, { credentials: "same-origin", redirect: "manual" });
      if (answer.type === "opaqueredirect") throw new Error("login");
      if (!answer.ok) throw new Error("" + answer.status);
      if ((await answer.json()).changed) await refresh();
      wait = EVERY;
      tell("Live; last looked " + clock() + ".");
    } catch (error) {
      wait = Math.min(2 * wait, SLOWEST);
      tell(error.message === "login" ? "No longer live: log in again." : "Not live now; what you see is as of before.");
    } finally {
      busy = false;
      clearTimeout(timer);
      timer = setTimeout(look, wait);
    }
  };

  // A part that takes long to make is loaded after the page.
  const load = async (place) => {
    const link = place.innerHTML;
    place.setAttribute("aria-busy", "true");
    place.textContent = "Looking whether anything changed since …";
    try {
      const fresh = (await parsed(place.dataset.load)).getElementById(place.id);
      place.replaceChildren(...document.adoptNode(fresh).childNodes);
    } catch {
      place.innerHTML = link; // the server's own markup, as it came
    } finally {
      place.removeAttribute("aria-busy");
    }
  };

  for (const place of document.querySelectorAll("[data-load][id]")) load(place);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { clearTimeout(timer); look(); } });
  timer = setTimeout(look, wait);
})();
