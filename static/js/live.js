// Keeps the pieces of a page fresh: one event stream for all of them.
// Each [data-live="topic topic"] element gets a "refresh" event (its hx-trigger) when one of its topics is told.
(() => {
  "use strict";
  const url = document.body.dataset.liveUrl;
  let source = null;
  let listened = "";
  let lost = false;
  let retry = 1000;
  let timer = 0;
  let asking = 0;
  const ASK_EVERY = 10000; // without events, in milliseconds

  const pieces = () => [...document.querySelectorAll("[data-live]")];
  const topics = () => [...new Set(pieces().flatMap((piece) => piece.dataset.live.split(/\s+/)))].filter(Boolean).sort();
  const refresh = (piece) => htmx.trigger(piece, "refresh");
  const refreshAll = () => { if (!document.hidden) pieces().forEach(refresh); };

  function show(state, word) {
    document.querySelectorAll("[data-live-state]").forEach((place) => {
      place.querySelector(".dot").className = `dot dot-${state}`;
      place.querySelector("[data-live-word]").textContent = word;
    });
  }

  function tell(topic) {
    for (const piece of pieces()) if (piece.dataset.live.split(/\s+/).includes(topic)) refresh(piece);
    document.dispatchEvent(new CustomEvent("ampdesk:live", { detail: { topic } }));
  }

  function rest() {
    clearInterval(asking);
    asking = 0;
  }

  function close() {
    clearTimeout(timer);
    rest();
    source?.close();
    source = null;
    listened = "";
  }

  function open() {
    const wanted = topics();
    const key = wanted.join(" ");
    if (!url || document.hidden || (source && key === listened)) return;
    close();
    listened = key;
    source = new EventSource(`${url}?topics=${encodeURIComponent(wanted.join(","))}`);
    source.onopen = () => { retry = 1000; };
    // From here on nothing is missed: what was missed before is fetched now.
    source.addEventListener("live", () => {
      show("live", "live");
      rest();
      if (lost) { lost = false; refreshAll(); }
    });
    // The stream is there but hears of nothing: ask now and then, until it does.
    source.addEventListener("degraded", () => {
      show("wait", "not live");
      lost = true;
      asking ||= setInterval(refreshAll, ASK_EVERY);
    });
    source.onerror = () => {
      show("wait", "reconnecting");
      lost = true;
      if (source?.readyState === EventSource.CLOSED) {
        close();
        timer = setTimeout(open, retry * (0.7 + Math.random() * 0.6));
        retry = Math.min(retry * 2, 30000);
      }
    };
    source.addEventListener("topic", (event) => tell(JSON.parse(event.data)));
  }

  // A hidden page lets its connection go (browsers allow few per site) and catches up when it is seen again.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { lost = true; close(); } else open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) { lost = true; open(); } });
  let pending = 0;
  document.addEventListener("htmx:after:process", () => { clearTimeout(pending); pending = setTimeout(open, 200); });
  open();
})();
