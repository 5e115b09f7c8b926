// Passkeys: a form with data-passkey asks the browser for one, puts its answer into the field `credential` and is sent.
// The options come from the form's address followed by /options. All texts are in the page.
"use strict";

(() => {
  const base = document.currentScript.src.split("/static/")[0];
  const renewal = 4 * 60 * 1000; // Before the challenge expires.
  let conditional; // The request behind the suggestions of the sign-in field.

  const supported = () => Boolean(window.PublicKeyCredential?.parseCreationOptionsFromJSON);

  function show(form, name) {
    for (const note of form.querySelectorAll("[data-note]")) note.hidden = note.dataset.note !== name;
  }

  async function optionsOf(form, address = `${form.action}/options`) {
    const body = new URLSearchParams({ csrf: form.elements.csrf.value });
    const answer = await fetch(address, { method: "POST", body, credentials: "same-origin" });
    if (answer.redirected) return null; // To the sign-in: the session has ended.
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  function send(form, credential) {
    form.elements.credential.value = JSON.stringify(credential.toJSON());
    form.submit();
  }

  async function ask(form) {
    const options = await optionsOf(form);
    if (!options) return location.reload();
    const publicKey = form.dataset.passkey === "create"
      ? PublicKeyCredential.parseCreationOptionsFromJSON(options)
      : PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const credential = form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey })
      : await navigator.credentials.get({ publicKey });
    send(form, credential);
  }

  // The browser suggests passkeys in the field with autocomplete="… webauthn".
  async function suggest(form) {
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    conditional?.abort();
    const request = conditional = new AbortController();
    const timer = setTimeout(() => suggest(form), renewal);
    try {
      const options = await optionsOf(form);
      if (!options || request.signal.aborted) return;
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
      send(form, await navigator.credentials.get({ publicKey, mediation: "conditional", signal: request.signal }));
    } catch {
      // Aborted, or not offered: the button and the password remain.
      if (request.signal.aborted) clearTimeout(timer);
    }
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("button:not([type=button])");
    if (location.origin !== form.dataset.origin) {
      show(form, "origin");
      continue;
    }
    if (!supported()) {
      show(form, "unsupported");
      continue;
    }
    show(form, "");
    button.disabled = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      conditional?.abort();
      show(form, "");
      button.disabled = true;
      ask(form).catch((error) => {
        const name = error.name === "InvalidStateError" ? "registered" : "failed";
        show(form, form.querySelector(`[data-note=${name}]`) ? name : "failed");
      }).finally(() => {
        button.disabled = false;
        button.focus();
      });
    });
    if (form.dataset.passkey === "get" && form.hasAttribute("data-suggest")) suggest(form);
  }

  // In a form that asks for the second factor: the passkey is sent in place of a code.
  for (const button of document.querySelectorAll("button[data-proof]")) {
    if (!supported()) continue;
    const form = button.form;
    const note = form.querySelector("[data-proof-note]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        const options = await optionsOf(form, `${base}/admin/account/passkeys/proof`);
        const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
        const credential = await navigator.credentials.get({ publicKey });
        form.elements.current_passkey.value = JSON.stringify(credential.toJSON());
        form.elements.current.required = false;
        note.textContent = note.dataset.done;
      } catch {
        note.textContent = note.dataset.failed;
      }
    });
  }
})();
