// Small comforts of the desk.  Every page works without this file.
(() => {
  "use strict";
  // The desk's words in the reader's language; English where the page brings none.
  const known = JSON.parse(document.body.dataset.words || "{}");
  const say = window.say = (text, value = "") => (known[text] ?? text).replace("%s", value);
  const each = (root, selector, act) => root.querySelectorAll?.(selector).forEach(act);

  // ---- keys: "/" goes to the search, Escape closes what is open ----
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.querySelector("[data-search]");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    }
    if (event.key === "Escape") {
      each(document, "details.drop[open]", (drop) => { drop.open = false; drop.querySelector("summary").focus(); });
      const menu = document.querySelector(".menu-toggle:checked");
      if (menu) { menu.checked = false; menu.focus(); }
      if (event.target.matches?.("[data-search]")) event.target.blur();
    }
  });
  // ---- Ctrl-K: find and go; the arrows lead through what was found ----
  const palette = document.querySelector("[data-palette]");
  document.addEventListener("keydown", (event) => {
    if (!palette) return;
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      if (palette.open) { palette.close(); return; }
      palette.showModal();
      const field = palette.querySelector("input");
      field.select();
      htmx.trigger(field, "open");
    }
    if (!palette.open || !palette.contains(event.target)) return;
    if (event.key === "Escape") { event.preventDefault(); palette.close(); return; } // a search field would only be emptied
    const stops = [palette.querySelector("input"), ...palette.querySelectorAll("a")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); stops[(stops.indexOf(event.target) + step + stops.length) % stops.length].focus(); }
    if (event.key === "Enter" && event.target === stops[0] && stops[0].value) { event.preventDefault(); wanted = stops[0].value; goOn(); }
  });
  // Whoever types faster than the desk finds goes to what was typed, not to what was listed before.
  let wanted = null;
  const goOn = () => {
    const field = palette.querySelector("input"), first = palette.querySelector("a");
    if (!palette.open || field.value !== wanted) wanted = null;
    if (wanted === null || palette.querySelector("[data-found]")?.dataset.found !== wanted) return;
    wanted = null;
    if (first) first.click(); else field.form.submit(); // whose page says that nothing was found
  };
  palette?.addEventListener("htmx:after:swap", goOn);
  palette?.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
  document.addEventListener("click", (event) => {
    each(document, "details.drop[open]", (drop) => { if (!drop.contains(event.target)) drop.open = false; });
  });

  // ---- a press is felt at once, and a form is sent once ----
  document.addEventListener("pointerdown", (event) => {
    const button = event.target.closest(".btn");
    if (!button) return;
    button.classList.add("is-pressed");
    setTimeout(() => button.classList.remove("is-pressed"), 400);
  });
  const busy = (form, on) => each(form, "button[type=submit]", (button) => {
    if (on) button.setAttribute("aria-busy", "true"); else button.removeAttribute("aria-busy");
  });
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post" || event.target.hasAttribute("hx-post")) return;
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = "1";
    busy(event.target, true);
    // An answer that is a file leaves the page where it was.
    setTimeout(() => { delete event.target.dataset.sent; busy(event.target, false); }, 8000);
  });
  addEventListener("pageshow", () => each(document, "form[data-sent]", (form) => { delete form.dataset.sent; busy(form, false); renew(form); }));
  // What is sent again after it was answered is meant so, but for the second of two quick presses; before that it is done once.
  function renew(form) {
    const key = form.querySelector("input[name=once]");
    if (key) key.value = [...crypto.getRandomValues(new Uint8Array(12))].map((part) => part.toString(16).padStart(2, "0")).join("");
  }
  document.addEventListener("htmx:before:request", (event) => { if (event.target.matches?.("form")) busy(event.target, true); });
  document.addEventListener("htmx:finally:request", (event) => {
    if (!event.target.matches?.("form")) return;
    busy(event.target, false);
    const { response, target } = event.detail.ctx;
    if (response) setTimeout(renew, 1000, event.target);
    // What becomes of an order is seen on a phone, too, where its row is below the buttons.
    if (response?.status === 202) target?.firstElementChild?.scrollIntoView({ block: "nearest" });
  });

  // ---- destructive forms ask first, naming what will happen ----
  const ask = document.querySelector("[data-ask]");
  function confirmed(form, submitter) {
    return new Promise((resolve) => {
      ask.querySelector("[data-ask-text]").textContent = submitter?.dataset.confirm || form.dataset.confirm;
      const yes = ask.querySelector("[data-ask-yes]");
      yes.textContent = form.dataset.confirmWord || submitter?.textContent.trim() || say("Continue");
      let answer = false;
      yes.onclick = () => { answer = true; ask.close(); };
      ask.querySelector("[data-ask-no]").onclick = () => ask.close();
      ask.onclose = () => resolve(answer);
      ask.showModal();
      ask.querySelector("[data-ask-no]").focus();
    });
  }
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const submitter = event.submitter;
    if (!ask || form.dataset.confirmed || !(form.dataset.confirm || submitter?.dataset.confirm)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    confirmed(form, submitter).then((yes) => {
      if (!yes) { submitter?.focus(); return; }
      form.dataset.confirmed = "1";
      form.requestSubmit(submitter);
      delete form.dataset.confirmed;
    });
  }, true);

  // ---- messages in the corner, and what a refused htmx request said ----
  function toast(text, kind) {
    const box = document.createElement("div");
    box.className = `flash flash-${kind}`;
    box.textContent = text;
    document.querySelector("[data-toasts]")?.append(box);
    setTimeout(() => box.remove(), 9000);
  }
  document.addEventListener("htmx:response:error", (event) => {
    const { ctx } = event.detail;
    if (ctx.response.status === 422) return;
    if (ctx.response.status === 401) { location.reload(); return; }
    if (ctx.sourceElement?.hasAttribute("data-live")) return;
    const page = new DOMParser().parseFromString(ctx.text || "", "text/html");
    toast(page.querySelector("[data-error]")?.textContent.trim() || say("That did not work (%s).", ctx.response.status), "error");
  });
  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx && !event.detail.ctx.sourceElement?.hasAttribute("data-live")) toast(say("The desk cannot be reached just now. Nothing was changed."), "error");
  });
  document.addEventListener("ampdesk:toast", (event) => toast(event.detail.text || event.detail.value, event.detail.kind || "info"));

  // ---- ages stay true ----
  function age(seconds) {
    const size = Math.abs(seconds);
    if (size < 60) return say("now");
    const text = size < 3600 ? `${Math.floor(size / 60)}\u00a0min` : size < 172800 ? `${Math.floor(size / 3600)}\u00a0h` : `${Math.floor(size / 86400)}\u00a0d`;
    return seconds > 0 ? say("%s ago", text) : say("in %s", text);
  }
  const ages = () => each(document, "time[data-ago]", (time) => {
    const text = age((Date.now() - Date.parse(time.dateTime)) / 1000);
    if (time.textContent !== text) time.textContent = text;
  });
  setInterval(ages, 15000);

  // ---- copy buttons, tick-all, filters that send themselves ----
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    const word = button.querySelector("span");
    if (word) { word.textContent = say("Copied"); setTimeout(() => { word.textContent = say("Copy"); }, 1500); }
  });
  document.addEventListener("change", (event) => {
    const box = event.target;
    const form = box.closest?.("form");
    if (box.matches?.("[data-check-all]")) each(form, 'input[name="ids"]', (one) => { one.checked = box.checked; });
    if (box.matches?.("[data-check-all], input[name=ids]")) {
      each(form, 'input[name="ids"]', (one) => one.closest("tr")?.classList.toggle("selected", one.checked));
      const count = form.querySelectorAll('input[name="ids"]:checked').length;
      each(form, "[data-bulk-count]", (label) => { label.textContent = say("%s selected", count); });
    }
    if (form?.matches("[data-autosubmit]") && box.matches("select, input[type=date], input[data-pick]")) form.requestSubmit();
    if (box.matches?.("[data-pick-many]")) pickOne(box);
  });
  // One of the options that were offered becomes a ticked box; what was typed otherwise stays, for the desk to read.
  function pickOne(field) {
    const option = [...document.getElementById(field.getAttribute("list")).options].find((one) => one.value === field.value);
    const list = document.querySelector(`[data-picked="${field.dataset.pickMany}"]`);
    if (!option || !list) return;
    field.value = "";
    const known = list.querySelector(`input[value="${option.dataset.number}"]`);
    if (known) { known.checked = true; return; }
    const label = document.createElement("label");
    label.className = "form-check";
    const box = Object.assign(document.createElement("input"), { type: "checkbox", className: "form-check-input", name: field.dataset.pickMany, value: option.dataset.number, checked: true });
    const word = Object.assign(document.createElement("span"), { className: "form-check-label", textContent: `${option.value} ${option.label}` });
    label.append(box, word);
    list.querySelector("p")?.remove();
    list.append(label);
  }

  function prepare(root) {
    each(root, "[data-copy]", (button) => { if (navigator.clipboard) button.hidden = false; });
    each(root, "[data-check-all]", (box) => { box.hidden = false; });
    // Where the style sheet cannot say that a row of tabs begins at the current one.
    if (!CSS.supports("scroll-initial-target", "nearest")) each(root, ".tabs [aria-current]", (tab) => { tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 16; });
  }
  document.addEventListener("htmx:after:process", (event) => { prepare(event.target); ages(); });
  prepare(document);
  ages();
})();
