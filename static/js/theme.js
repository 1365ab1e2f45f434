// The light/dark switch.  The choice is the person's (their account) and this browser's; until there is one, the system decides (layouts/_head.html).
(() => {
  "use strict";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => root.dataset.theme ? root.dataset.theme !== "system" : kept();
  const kept = () => { try { return localStorage.getItem("ampdesk-theme"); } catch { return null; } };
  const button = document.querySelector("[data-theme-switch]");

  function show(theme) {
    root.dataset.bsTheme = theme;
    const use = button?.querySelector("use");
    if (use) use.setAttribute("href", use.getAttribute("href").replace(/#.*/, theme === "dark" ? "#sun" : "#moon"));
    document.dispatchEvent(new CustomEvent("ampdesk:theme", { detail: { theme } }));
  }

  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
      try { localStorage.setItem("ampdesk-theme", next); } catch { /* private window: the choice lasts as long as the page */ }
      root.dataset.theme = next;
      const headers = JSON.parse(document.body.getAttribute("hx-headers:inherited") || "{}");
      if (button.dataset.themeSwitch) fetch(button.dataset.themeSwitch, { method: "POST", keepalive: true, headers, body: new URLSearchParams({ theme: next }) }).catch(() => {});
      show(next);
    });
  }
  system.addEventListener("change", () => { if (!stored()) show(system.matches ? "dark" : "light"); });
  show(root.dataset.bsTheme || "light");
})();
