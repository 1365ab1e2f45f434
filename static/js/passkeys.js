// Passkeys: forms with data-passkey ("make" or "use") ask the browser for one; without a script they stay hidden.
(() => {
  "use strict";
  const able = window.isSecureContext && window.PublicKeyCredential?.parseCreationOptionsFromJSON;
  const ways = {
    make: async (asked) => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) }),
    use: async (asked) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) }),
  };

  async function send(url, token, body) {
    const json = !(body instanceof FormData);
    const headers = json ? { "X-CSRFToken": token, "Content-Type": "application/json" } : { "X-CSRFToken": token };
    const answer = await fetch(url, { method: "POST", headers, body: json ? JSON.stringify(body) : body });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.sentence || answer.statusText);
    return told;
  }

  async function run(form) {
    const given = new FormData(form), token = given.get("csrf_token");
    const asked = await send(form.dataset.options, token, given);
    const credential = await ways[form.dataset.passkey](asked);
    const done = await send(form.action, token, { name: given.get("name"), credential: credential.toJSON() });
    location.assign(done.next);
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!able) continue;
    form.hidden = false;
    document.querySelectorAll("[data-passkey-none]").forEach((note) => { note.hidden = true; });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const note = form.querySelector("[data-passkey-note]"), button = form.querySelector("[type=submit]");
      note.hidden = true;
      button.disabled = true;
      try { await run(form); } catch (error) {
        // Whoever closes the browser's question has decided; nothing went wrong.
        const closed = error.name === "NotAllowedError" || error.name === "AbortError";
        note.textContent = closed ? form.dataset.closed : error.name === "InvalidStateError" ? form.dataset.known : error.message;
        note.hidden = false;
      } finally { button.disabled = false; }
    });
  }
})();
