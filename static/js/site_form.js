// A new site: its time zone is the browser's unless another site says it; the currency follows the zone.
(() => {
  "use strict";
  const note = document.querySelector("[data-guess]");
  const zone = document.querySelector("[name=timezone]");
  const currency = document.querySelector("[name=currency]");
  if (!note || !zone || !currency) return;
  const paid = (name) => [...document.querySelectorAll("#zones option")].find((option) => option.value === name)?.dataset.currency;
  let typed = false;
  currency.addEventListener("input", () => { typed = true; });
  const follow = () => { if (!typed && paid(zone.value)) currency.value = paid(zone.value); };
  zone.addEventListener("change", follow);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (note.dataset.guess === "site" || !paid(here) || zone.value === here) return;
  zone.value = here;
  follow();
  note.textContent = note.dataset.browser;
})();
