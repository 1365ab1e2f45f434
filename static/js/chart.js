// Draws every [data-chart] holder with uPlot from the JSON beside it (macros/chart.html says what is in it).
(() => {
  "use strict";
  const colour = (name) => {
    const probe = document.createElement("i");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  };
  const faint = (value, share) => `color-mix(in srgb, ${value} ${share}%, transparent)`;
  const LOOKS = {
    power: { token: "primary", width: 2, fill: 13 },
    energy: { token: "info", width: 1.75, dash: [3, 3] },
    soc: { token: "idle", width: 1.75, dash: [1, 3] },
    current: { token: "primary", width: 2 },
    voltage: { token: "info", width: 1.75, dash: [3, 3] },
    level: { token: "muted", width: 1.25, dash: [5, 4] },
  };

  const RANGES = {
    soc: { range: [0, 100] },
    voltage: { range: (_, low, high) => [Math.floor(low - 4), Math.ceil(high + 4)] },
  };

  // The idle time behind the lines, with its length written into it.
  function shade(spans) {
    return (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.font = `${11 * devicePixelRatio}px Inter, sans-serif`;
      ctx.textAlign = "center";
      for (const [from, to, words] of spans) {
        const left = Math.max(plot.valToPos(from, "x", true), bbox.left);
        const right = Math.min(plot.valToPos(to, "x", true), bbox.left + bbox.width);
        if (right <= left) continue;
        ctx.fillStyle = faint(colour("idle-fill"), 14);
        ctx.fillRect(left, bbox.top, right - left, bbox.height);
        if (words && ctx.measureText(words).width < right - left) {
          ctx.fillStyle = colour("idle");
          ctx.fillText(words, (left + right) / 2, bbox.top + bbox.height / 2);
        }
      }
      ctx.restore();
    };
  }

  // What a line of the cost rests on.
  function mark(span) {
    return (plot) => {
      if (!span?.length) return;
      const { ctx, bbox } = plot;
      const left = Math.max(plot.valToPos(span[0], "x", true), bbox.left);
      const right = Math.min(plot.valToPos(span[1], "x", true), bbox.left + bbox.width);
      if (right < left) return;
      ctx.save();
      ctx.fillStyle = faint(colour("info"), 16);
      ctx.fillRect(left, bbox.top, Math.max(right - left, 2), bbox.height);
      ctx.restore();
    };
  }

  function options(holder, data) {
    const muted = colour("muted");
    const grid = { stroke: colour("line"), width: 1 };
    const axis = { stroke: muted, grid, ticks: { show: false }, font: "11px Inter, sans-serif" };
    const scales = { x: { time: true } };
    const series = [{}];
    const day = data.days && { day: "numeric", month: "short", timeZone: data.zone };
    const reader = document.documentElement.lang.replace(/^en$/, "en-GB");
    const number = (value, digits) => new Intl.NumberFormat(reader, { ...digits, useGrouping: false }).format(value);
    const clock = new Intl.DateTimeFormat(reader, day || { hour: "2-digit", minute: "2-digit", timeZone: data.zone });
    const exact = new Intl.DateTimeFormat(reader, day || { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: data.zone });
    series[0].label = say("at");
    series[0].value = (_, at) => (at == null ? "–" : exact.format(at * 1000));
    const axes = [{ ...axis, grid: { show: false }, size: 28, space: 70, values: (_, ticks) => ticks.map((tick) => clock.format(tick * 1000)) }];
    for (const one of data.series) {
      const look = LOOKS[one.kind] || LOOKS.power;
      const line = colour(look.token);
      const scale = one.scale || one.kind;
      scales[scale] = RANGES[scale] || { range: (_, low, high) => [0, Math.max(high * 1.08, 1)] };
      const places = one.places ?? (one.kind === "soc" ? 0 : 2);
      series.push({
        label: one.label, scale, stroke: line, width: look.width, dash: look.dash, spanGaps: true, points: { show: false },
        fill: look.fill ? faint(line, look.fill) : undefined,
        value: (_, value) => (value == null ? "–" : `${number(value, { minimumFractionDigits: places, maximumFractionDigits: places })} ${one.unit}`),
      });
      if (axes.length < 3 && !one.scale) axes.push({ ...axis, scale, side: axes.length === 1 ? 3 : 1, grid: axes.length === 1 ? grid : { show: false }, size: 52, values: (_, ticks) => ticks.map((tick, at) => (at === ticks.length - 1 ? `${number(tick)} ${one.unit}` : number(tick))) });
    }
    return {
      width: holder.clientWidth, height: Math.max(220, Math.min(300, holder.clientWidth * 0.32)), series, scales, axes,
      legend: { live: true }, cursor: { y: false }, hooks: { drawClear: [shade(data.idle || []), mark(data.marked)] },
      tzDate: (seconds) => (data.zone ? uPlot.tzDate(new Date(seconds * 1000), data.zone) : new Date(seconds * 1000)),
    };
  }

  function draw(holder) {
    const source = document.getElementById(holder.dataset.chart);
    if (!source || typeof uPlot === "undefined") return;
    // Folded away it has no width; drawn already, it stays as it is.
    const wanted = `${holder.clientWidth} ${document.documentElement.dataset.bsTheme} ${source.textContent}`;
    if (!holder.clientWidth || holder.drawn === wanted) return;
    holder.drawn = wanted;
    const data = JSON.parse(source.textContent);
    holder.plot?.destroy();
    holder.replaceChildren();
    if (!data.times.length) { holder.textContent = say("No readings yet."); return; }
    const setup = options(holder, data);
    holder.plot = new uPlot(setup, [data.times, ...data.series.map((one) => one.values)], holder);
  }

  const all = () => document.querySelectorAll("[data-chart]").forEach(draw);
  let pending = 0;
  const later = () => { clearTimeout(pending); pending = setTimeout(all, 120); };
  addEventListener("resize", later);
  document.addEventListener("ampdesk:theme", later);
  document.addEventListener("htmx:after:swap", later);
  document.addEventListener("toggle", later, true);
  all();
})();
