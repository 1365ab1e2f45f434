// Keeps the pieces of a page fresh, and says so only while it is true: one event stream for all of them.
// Each [data-live="topic topic"] element gets a "refresh" event (its hx-trigger) when one of its topics is told.
// The stream beats every few seconds. After QUIET without anything the page asks by itself and says as of when it is.
(() => {
  "use strict";
  const url = document.body.dataset.liveUrl;
  const ASK_EVERY = 10000; // without events, in milliseconds
  const QUIET = 20000; // nothing arrived for so long: the page is not live
  const WORKER_QUIET = 20500; // a little more than the desk's own patience with a worker, which renders what follows
  let source = null;
  let listened = "";
  let lost = false; // something may have been missed
  let sure = false; // the stream has said that it hears of everything
  let degraded = false;
  let retry = 1000;
  let timer = 0;
  let heard = Date.now(); // when something last came through the stream
  let asOf = Date.now(); // as of when the pieces are known to be true
  let asked = 0;
  let ticked = Date.now();
  let workerAt = null; // when a worker last answered; null: not told yet
  let silent = Boolean(document.querySelector("[data-silent]"));

  const pieces = () => [...document.querySelectorAll("[data-live]")];
  const topics = () => [...new Set(pieces().flatMap((piece) => piece.dataset.live.split(/\s+/)))].filter(Boolean).sort();
  const refresh = (piece) => htmx.trigger(piece, "refresh");
  const refreshAll = () => { if (!document.hidden) { asked = Date.now(); pieces().forEach(refresh); } };
  const clock = (at) => new Date(at).toLocaleTimeString("en-GB", { timeZone: document.body.dataset.zone || "UTC" });

  function show(state, word) {
    document.querySelectorAll("[data-live-state]").forEach((place) => {
      const dot = place.querySelector(".dot");
      const said = place.querySelector("[data-live-word]");
      if (dot.className !== `dot dot-${state}`) dot.className = `dot dot-${state}`;
      if (said.textContent !== word) said.textContent = word;
    });
  }

  // The desk itself does not answer: what stands on the page is from before.
  function bar(away) {
    const place = document.querySelector("[data-desk-away]");
    if (!place) return;
    if (away) place.querySelector("[data-desk-since]").textContent = clock(asOf);
    place.hidden = !away;
    document.documentElement.toggleAttribute("data-away", away);
  }

  function tell(topic) {
    for (const piece of pieces()) if (piece.dataset.live.split(/\s+/).includes(topic)) refresh(piece);
    document.dispatchEvent(new CustomEvent("ampdesk:live", { detail: { topic } }));
  }

  function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
    sure = false;
    listened = "";
  }

  function open() {
    const wanted = topics();
    const key = wanted.join(" ");
    if (!url || document.hidden || (source && key === listened)) return;
    close();
    listened = key;
    source = new EventSource(`${url}?topics=${encodeURIComponent(wanted.join(","))}`);
    const hear = (name, act) => source.addEventListener(name, (event) => {
      heard = Date.now();
      act(event);
      if (sure && !lost) asOf = heard;
      judge();
    });
    source.onopen = () => { retry = 1000; heard = Date.now(); };
    // From here on nothing is missed: what was missed before is fetched now.
    hear("live", () => {
      degraded = false;
      sure = true;
      if (lost) { lost = false; refreshAll(); }
    });
    // The stream is there but hears of nothing: ask now and then, until it does.
    hear("degraded", () => { degraded = lost = true; sure = false; });
    hear("beat", (event) => {
      const told = JSON.parse(event.data);
      if ("worker_s" in told) workerAt = told.worker_s === null ? 0 : Date.now() - told.worker_s * 1000;
    });
    hear("topic", (event) => tell(JSON.parse(event.data)));
    source.onerror = () => {
      lost = true;
      sure = false;
      if (source?.readyState === EventSource.CLOSED) {
        close();
        timer = setTimeout(open, retry * (0.7 + Math.random() * 0.6));
        retry = Math.min(retry * 2, 30000);
      }
      judge();
    };
  }

  // What the page may say of itself at this moment, and what follows from it.
  function judge() {
    if (document.hidden || !url) return;
    const now = Date.now();
    const quiet = now - heard >= QUIET;
    if (quiet && source?.readyState === EventSource.OPEN) { lost = true; close(); timer = setTimeout(reopen, 0); } // up, but says nothing
    if ((quiet || degraded) && now - asked >= ASK_EVERY) refreshAll();
    bar(!sure && now - asOf >= QUIET);
    if (!quiet && workerAt !== null) {
      const gone = now - workerAt >= WORKER_QUIET;
      if (gone !== silent) { silent = gone; refreshAll(); }
    }
    const as = `as of ${clock(asOf)}`;
    if (!navigator.onLine) show("wait", `offline · ${as}`);
    else if (quiet || degraded) show("wait", `${as} · asking`);
    else if (sure) show(silent ? "bad" : "live", silent ? "no worker answers" : "live");
    else if (lost) show("wait", `${as} · reconnecting`);
  }

  const reopen = () => { open(); judge(); };

  // Every second; a longer pause means that the computer slept, and what it missed has to be fetched.
  setInterval(() => {
    const now = Date.now();
    if (now - ticked > ASK_EVERY) { lost = true; close(); reopen(); }
    ticked = now;
    judge();
  }, 1000);

  // A piece that came fresh is true as of now; while the stream is away only that counts.
  document.addEventListener("htmx:after:swap", (event) => {
    const { ctx } = event.detail;
    if (ctx?.sourceElement?.hasAttribute?.("data-live") && ctx.response?.status < 400) asOf = Date.now();
  });
  addEventListener("offline", () => { lost = true; judge(); });
  addEventListener("online", () => { close(); refreshAll(); reopen(); });
  // A hidden page lets its connection go (browsers allow few per site) and catches up when it is seen again.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { lost = true; close(); } else { show("wait", `as of ${clock(asOf)} · asking`); heard = Date.now(); reopen(); }
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) { lost = true; heard = Date.now(); reopen(); } });
  let pending = 0;
  document.addEventListener("htmx:after:process", () => { clearTimeout(pending); pending = setTimeout(open, 200); });
  open();
})();
