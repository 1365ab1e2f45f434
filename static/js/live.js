// Keeps the pieces of a page fresh, and says so only while it is true: one event stream for all of them.
// Each [data-live="topic topic"] element gets a "refresh" event (its hx-trigger) when one of its topics is told.
// The visible windows of one person share a stream: the one that holds a lock opens it for the topics of all of them
// and passes on what it hears. Where a browser has no locks (plain http), each window has a stream of its own.
// The stream beats every few seconds. After QUIET without anything the page asks by itself and says as of when it is.
(() => {
  "use strict";
  const url = document.body.dataset.liveUrl;
  const ASK_EVERY = 10000; // without events, in milliseconds
  const QUIET = 20000; // nothing arrived for so long: the page is not live
  const GATHER = 60; // what several windows want is asked for at once
  const WORKER_QUIET = 20500; // a little more than the desk's own patience with a worker, which renders what follows
  const NAME = `ampdesk-live-${document.body.dataset.liveFor}`;
  const shares = Boolean(navigator.locks && window.BroadcastChannel);
  const me = `${Date.now()}-${Math.random()}`;
  const others = new Map(); // what the windows listen to for which this one leads
  let channel = null;
  let leads = false;
  let letGo = null; // gives the lock back, or waits for it no longer
  let source = null;
  let listened = new Set();
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
  const topics = () => pieces().flatMap((piece) => piece.dataset.live.split(/\s+/)).filter(Boolean);
  // A list in which somebody ticks rows stays as it is until they are done.
  const ticking = (piece) => piece.querySelector('input[name="ids"]:checked');
  const held = new Set();
  const refresh = (piece) => { if (ticking(piece)) held.add(piece); else htmx.trigger(piece, "refresh"); };
  document.addEventListener("htmx:before:swap", (event) => { // what was on its way when the first row was ticked
    const piece = event.detail.ctx.sourceElement;
    if (piece?.hasAttribute("data-live") && ticking(piece)) { event.preventDefault(); held.add(piece); }
  });
  document.addEventListener("change", () => held.forEach((piece) => { if (!ticking(piece)) { held.delete(piece); refresh(piece); } }));
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

  // The stream is there and hears of nothing: the pieces are as old as when they were last asked for.
  function pause(paused) {
    const place = document.querySelector("[data-live-paused]");
    if (!place) return;
    const drawn = clock(Math.max(asOf, asked));
    const said = place.querySelector("[data-live-drawn]");
    if (paused && said.textContent !== drawn) said.textContent = drawn;
    if (place.hidden === paused) place.hidden = !paused;
  }

  function tell(topic) {
    for (const piece of pieces()) if (piece.dataset.live.split(/\s+/).includes(topic)) refresh(piece);
    document.dispatchEvent(new CustomEvent("ampdesk:live", { detail: { topic } }));
  }

  // What the page does with an event, wherever it came from.
  const events = {
    // From here on nothing is missed: what was missed before is fetched now.
    live() {
      degraded = false;
      sure = true;
      if (lost) { lost = false; refreshAll(); }
    },
    // The stream is there but hears of nothing: ask now and then, until it does.
    degraded() { degraded = lost = true; sure = false; },
    beat(told) { if ("worker_s" in told) workerAt = told.worker_s === null ? 0 : Date.now() - told.worker_s * 1000; },
    topic(topic) { tell(topic); },
    // Between two streams something may be missed.
    lost() { lost = true; sure = false; },
  };

  function hear(name, data) {
    if (name !== "lost") heard = Date.now();
    events[name](data);
    if (sure && !lost) asOf = heard;
    judge();
  }

  const post = (message) => channel?.postMessage({ ...message, from: me });
  const share = (name, data) => { post({ name, data }); hear(name, data); };

  // One stream for the topics of all windows; the one before it ends once the new one is heard.
  function connect() {
    const wanted = [...new Set([...topics(), ...[...others.values()].flat()])].sort();
    if (!url || !leads || document.hidden || (source && wanted.every((topic) => listened.has(topic)))) return;
    clearTimeout(timer);
    const former = source;
    listened = new Set(wanted);
    const fresh = source = new EventSource(`${url}?topics=${encodeURIComponent(wanted.join(","))}`);
    for (const name of ["live", "degraded", "beat", "topic"]) {
      fresh.addEventListener(name, (event) => {
        former?.close();
        if (fresh === source) share(name, JSON.parse(event.data));
      });
    }
    fresh.onopen = () => { retry = 1000; heard = Date.now(); };
    fresh.onerror = () => {
      former?.close();
      if (fresh !== source) return;
      share("lost");
      if (fresh.readyState === EventSource.CLOSED) again();
    };
  }

  function again() {
    source = null;
    timer = setTimeout(connect, retry * (0.7 + Math.random() * 0.6));
    retry = Math.min(retry * 2, 30000);
  }

  function lead() {
    leads = true;
    if (sure) events.lost();
    post({ who: true });
    timer = setTimeout(connect, shares ? GATHER : 0); // the others say meanwhile what they listen to
  }

  function passed({ data: message }) {
    if (message.name) { if (!leads) hear(message.name, message.data); return; }
    if (message.who) { hear("lost"); post({ wants: topics() }); return; }
    if (!leads) return;
    if (message.bye) { others.delete(message.from); return; }
    others.set(message.from, message.wants);
    if (!source || !message.wants.every((topic) => listened.has(topic))) {
      if (source) { clearTimeout(timer); timer = setTimeout(connect, GATHER); }
      return;
    }
    // It is listened to already: say how things stand.
    if (degraded) post({ name: "degraded", data: {} });
    else if (sure) post({ name: "live", data: {} });
    if (workerAt !== null) post({ name: "beat", data: { worker_s: workerAt ? (Date.now() - workerAt) / 1000 : null } });
  }

  // A hidden page lets its connection go (browsers allow few per site), and its lead.
  function join() {
    if (!url || document.hidden || letGo) return;
    if (!shares) { letGo = () => {}; lead(); return; }
    const waiting = new AbortController();
    letGo = () => waiting.abort();
    channel = new BroadcastChannel(NAME);
    channel.onmessage = passed;
    navigator.locks.request(NAME, { signal: waiting.signal }, () => new Promise((done) => { letGo = done; lead(); })).catch(() => {});
    post({ wants: topics() });
  }

  function leave() {
    clearTimeout(timer);
    post({ bye: true });
    channel?.close();
    source?.close();
    letGo?.();
    channel = source = letGo = null;
    leads = sure = false;
    others.clear();
    listened = new Set();
  }

  // What the page may say of itself at this moment, and what follows from it.
  function judge() {
    if (document.hidden || !url) return;
    const now = Date.now();
    const quiet = now - heard >= QUIET;
    if (quiet && (!leads || source?.readyState === EventSource.OPEN)) {
      events.lost(); // up, but says nothing
      if (leads) { source.close(); source = null; timer = setTimeout(connect, 0); }
    }
    if ((quiet || degraded) && now - asked >= ASK_EVERY) refreshAll();
    bar(!sure && (quiet || !degraded) && now - asOf >= QUIET);
    pause(degraded && !quiet);
    if (!quiet && workerAt !== null) {
      const gone = now - workerAt >= WORKER_QUIET;
      if (gone !== silent) { silent = gone; refreshAll(); }
    }
    const as = say("as of %s", clock(asOf));
    if (!navigator.onLine) show("wait", `${say("offline")} · ${as}`);
    else if (quiet || degraded) show("wait", `${as} · ${say("asking")}`);
    else if (sure) show(silent ? "bad" : "live", say(silent ? "no worker answers" : "live"));
    else if (lost) show("wait", `${as} · ${say("reconnecting")}`);
  }

  const reopen = () => { leave(); join(); judge(); };

  // Every second; a longer pause means that the computer slept, and what it missed has to be fetched.
  setInterval(() => {
    const now = Date.now();
    if (now - ticked > ASK_EVERY) { lost = true; reopen(); }
    ticked = now;
    judge();
  }, 1000);

  // A piece that came fresh is true as of now; while the stream is away only that counts.
  document.addEventListener("htmx:after:swap", (event) => {
    const { ctx } = event.detail;
    if (ctx?.sourceElement?.hasAttribute?.("data-live") && ctx.response?.status < 400) asOf = Date.now();
  });
  addEventListener("offline", () => { lost = true; judge(); });
  addEventListener("online", () => { refreshAll(); reopen(); });
  // It catches up when it is seen again.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { lost = true; leave(); } else { show("wait", `${say("as of %s", clock(asOf))} · ${say("asking")}`); heard = Date.now(); reopen(); }
  });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => { if (event.persisted) { lost = true; heard = Date.now(); reopen(); } });
  let pending = 0;
  document.addEventListener("htmx:after:process", () => { clearTimeout(pending); pending = setTimeout(() => { if (leads) connect(); else post({ wants: topics() }); }, 200); });
  join();
})();
