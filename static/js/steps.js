// Draws a schedule from the rows of its form, and writes what is dragged back into them.
// The fields are the truth: without this file they are all there is, and the desk checks them.
(() => {
  "use strict";
  const root = document.querySelector("[data-steps]");
  if (!root) return;
  const words = JSON.parse(root.dataset.words);
  const chart = root.querySelector(".steps-chart");
  const list = root.querySelector(".steps-rows");
  const form = root.closest("form");
  const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
  const DAY = 86400, VOLTS = 230, SNAP_S = 900;
  const BOX = { width: 640, height: 240, left: 56, right: 628, top: 14, bottom: 208 };
  let top = 0; // what the scale ends with; it stays while something is dragged

  // ---- fields ----
  const field = (row, name) => row.querySelector(`[name$="-${name}"]`);
  const rows = () => [...list.querySelectorAll(".step-row")];
  const kind = () => form.elements.kind.value;
  const unit = () => form.elements.unit.value;

  function seconds(text) {
    const found = /^(?:([a-z]{3})[a-z]*\s+)?(\d{1,4}):([0-5]\d)(?::([0-5]\d))?$/i.exec(text.trim());
    if (!found) return /^\d{1,9}$/.test(text.trim()) ? Number(text) : NaN;
    const day = found[1] ? DAYS.indexOf(found[1].toLowerCase()) : 0;
    return day < 0 ? NaN : day * DAY + found[2] * 3600 + found[3] * 60 + Number(found[4] || 0);
  }
  const two = (number) => String(number).padStart(2, "0");
  const clock = (at) => `${two(Math.floor(at / 3600))}:${two(Math.floor(at / 60) % 60)}${at % 60 ? `:${two(at % 60)}` : ""}`;
  const inWords = (at) => (kind() === "weekly" ? `${words[DAYS[Math.floor(at / DAY) % 7]]} ${clock(at % DAY)}` : clock(at));
  const written = (at) => {
    if (kind() !== "weekly") return clock(at);
    const day = DAYS[Math.floor(at / DAY) % 7];
    return `${day[0].toUpperCase()}${day.slice(1)} ${clock(at % DAY)}`;
  };
  // The steps that can be drawn, in the order of time, each with its row.
  function steps() {
    return rows()
      .map((row) => ({ row, at: seconds(field(row, "starts").value), limit: parseFloat(field(row, "limit").value.replace(",", ".")) }))
      .filter((step) => Number.isFinite(step.at) && Number.isFinite(step.limit))
      .sort((one, other) => one.at - other.at);
  }
  function tidy() {
    for (const row of rows()) {
      const empty = !field(row, "starts").value && !field(row, "limit").value;
      row.hidden = empty && !row.dataset.kept && !row.querySelector(".error");
      row.querySelector("button").hidden = rows().filter((one) => !one.hidden).length < 2;
    }
  }

  // ---- scales ----
  function span() {
    if (kind() === "daily") return DAY;
    if (kind() === "weekly") return 7 * DAY;
    const last = Math.max(0, ...steps().map((step) => step.at));
    return Number(form.elements.duration_s.value) || Math.max(DAY, last + 4 * 3600);
  }
  const least = () => (unit() === "A" ? 32 : 22000);
  const snap = () => (unit() === "A" ? 1 : top > 50000 ? 1000 : 100);
  const across = (at) => BOX.left + ((BOX.right - BOX.left) * Math.min(at, span())) / span();
  const up = (limit) => BOX.bottom - ((BOX.bottom - BOX.top) * limit) / top;
  const rounded = (value, step) => Math.round(value / step) * step;
  const number = (value, digits) => new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: digits, useGrouping: false }).format(value);
  const shown = (limit) => (unit() === "W" && top >= 1000 ? `${number(limit / 1000, 2)} kW` : `${number(limit, 1)} ${unit()}`);

  // ---- drawing ----
  const SVG = "http://www.w3.org/2000/svg";
  function make(tag, attributes, text) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }
  function draw(focused) {
    const found = steps();
    chart.hidden = false;
    // One unit is one pixel, so that words are as large on a phone.
    BOX.width = Math.max(chart.clientWidth, 240);
    BOX.right = BOX.width - 10;
    if (!dragged) top = Math.max(least(), ...found.map((step) => step.limit)) * 1.15;
    const svg = make("svg", { viewBox: `0 0 ${BOX.width} ${BOX.height}`, role: "group", "aria-label": root.closest(".card").querySelector("h2").textContent });
    const every = [0.25, 0.5, 1].map((part) => part * (unit() === "A" ? 16 : 10000)).find((step) => top / step <= 5) || rounded(top / 4, snap()) || 1;
    for (let limit = 0; limit <= top; limit += every) {
      svg.append(make("line", { class: "grid", x1: BOX.left, x2: BOX.right, y1: up(limit), y2: up(limit) }));
      svg.append(make("text", { class: "tick", x: BOX.left - 12, y: up(limit) + 4, "text-anchor": "end" }, shown(limit)));
    }
    const apart = span() > 2 * DAY ? DAY : 4 * 3600;
    for (let at = 0; at < span(); at += apart * Math.max(1, Math.ceil(span() / apart / (BOX.width < 420 ? 4 : 8)))) {
      const text = apart === DAY && kind() === "weekly" ? words[DAYS[at / DAY]] : clock(at);
      svg.append(make("text", { class: "tick", x: across(at), y: BOX.bottom + 18, "text-anchor": at ? "middle" : "start" }, text));
    }
    let line = "";
    found.forEach((step, place) => {
      const until = place + 1 < found.length ? found[place + 1].at : span();
      line += `${line ? "L" : "M"}${across(step.at)} ${up(step.limit)}L${across(until)} ${up(step.limit)}`;
    });
    if (line) {
      svg.append(make("path", { class: "area", d: `${line}L${across(span())} ${BOX.bottom}L${across(found[0].at)} ${BOX.bottom}Z` }));
      svg.append(make("path", { class: "line", d: line }));
    }
    found.forEach((step, place) => {
      const said = words.step.replace("%(number)s", place + 1).replace("%(starts)s", inWords(step.at)).replace("%(limit)s", shown(step.limit));
      const middle = { cx: across(step.at), cy: up(step.limit) };
      const point = make("circle", { class: "point", ...middle, r: 12, tabindex: 0, role: "slider", "aria-label": said, "aria-valuenow": step.limit, "aria-valuemin": 0, "aria-valuetext": said });
      point.step = step;
      svg.append(make("circle", { class: "dot", ...middle, r: 7 }), point);
      if (step.row === focused) requestAnimationFrame(() => point.focus());
    });
    chart.replaceChildren(svg);
    tidy();
  }

  // ---- changing ----
  // A point stays between its neighbours; the first one stays at the beginning.
  function put(row, at, limit) {
    const found = steps();
    const place = found.findIndex((step) => step.row === row);
    const low = place > 0 ? found[place - 1].at + 60 : 0;
    const high = place + 1 < found.length ? found[place + 1].at - 60 : span() - 60;
    at = place === 0 ? found[0].at : Math.min(Math.max(at, low), high);
    field(row, "starts").value = written(at);
    field(row, "limit").value = String(+Math.max(limit, 0).toFixed(1));
  }
  function add(at, limit) {
    const empty = rows().find((row) => !field(row, "starts").value && !field(row, "limit").value);
    const row = empty || rows().at(-1).cloneNode(true);
    if (!empty) {
      const number = rows().length;
      for (const one of row.querySelectorAll("[name]")) { one.name = one.name.replace(/-\d+-/, `-${number}-`); one.id = one.id.replace(/-\d+-/, `-${number}-`); }
      for (const one of row.querySelectorAll("label")) one.htmlFor = one.htmlFor.replace(/-\d+-/, `-${number}-`);
      row.querySelectorAll(".error").forEach((one) => one.remove());
    }
    list.append(row);
    row.dataset.kept = "1";
    field(row, "starts").value = written(at);
    field(row, "limit").value = String(limit);
    return row;
  }
  function remove(row) {
    if (rows().filter((one) => !one.hidden).length < 2) return;
    field(row, "starts").value = field(row, "limit").value = "";
    delete row.dataset.kept;
    list.append(row);
    draw();
  }
  function place(event) {
    const svg = chart.querySelector("svg");
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const at = ((point.x - BOX.left) / (BOX.right - BOX.left)) * span();
    const limit = ((BOX.bottom - point.y) / (BOX.bottom - BOX.top)) * top;
    return { at: rounded(at, SNAP_S), limit: Math.max(0, rounded(limit, snap())) };
  }
  let dragged = null;
  chart.addEventListener("pointerdown", (event) => {
    const point = event.target.closest(".point");
    if (!point) return;
    event.preventDefault();
    dragged = point.step.row;
    chart.setPointerCapture(event.pointerId);
  });
  chart.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const { at, limit } = place(event);
    put(dragged, at, limit);
    draw();
  });
  for (const name of ["pointerup", "pointercancel"]) chart.addEventListener(name, () => {
    if (!dragged) return;
    const row = dragged;
    dragged = null;
    draw(row);
  });
  chart.addEventListener("dblclick", (event) => {
    if (event.target.closest(".point")) return;
    const { at, limit } = place(event);
    draw(add(at, limit));
  });
  chart.addEventListener("keydown", (event) => {
    const point = event.target.closest(".point");
    if (!point) return;
    const { row, at, limit } = point.step;
    const far = event.shiftKey ? 4 : 1;
    const moves = { ArrowLeft: [-SNAP_S, 0], ArrowRight: [SNAP_S, 0], ArrowUp: [0, snap()], ArrowDown: [0, -snap()], PageUp: [0, 10 * snap()], PageDown: [0, -10 * snap()] };
    if (event.key === "Delete") { event.preventDefault(); remove(row); return; }
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    put(row, at + move[0] * far, limit + move[1] * far);
    draw(row);
  });
  root.querySelector("[data-add-step]").addEventListener("click", () => {
    const last = steps().at(-1);
    const row = add(Math.min(last ? last.at + 3600 : 0, span() - SNAP_S), last ? last.limit : least() / 2);
    draw();
    field(row, "starts").focus();
  });
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) remove(button.closest(".step-row"));
  });
  form.addEventListener("input", () => draw());
  addEventListener("resize", () => draw());

  // ---- another unit or kind: the same limits and times, said otherwise ----
  form.elements.unit.addEventListener("change", () => {
    for (const { row, limit } of steps()) {
      const volts = VOLTS * (Number(field(row, "phases").value) || 3);
      const other = unit() === "W" ? limit * volts : Math.floor((limit / volts) * 10) / 10;
      field(row, "limit").value = String(+other.toFixed(1));
    }
    draw();
  });
  form.elements.kind.addEventListener("change", () => {
    for (const { row, at } of steps()) field(row, "starts").value = written(at);
    draw();
  });

  root.querySelector("[data-add-step]").hidden = false;
  document.querySelectorAll("[data-needs-script]").forEach((one) => { one.hidden = false; });
  draw();
})();
