// Progressive enhancement: filters apply while typing, keyboard shortcuts, live progress of jobs. The panel works without this
// file. All texts are in the pages.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);

// The browser's time zone, in which times are shown.
function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const { zoneCookie, zoneAttributes } = document.documentElement.dataset;
  const cookie = `${zoneCookie}=${encodeURIComponent(zone)}`;
  if (zone && zoneCookie && !document.cookie.split("; ").includes(cookie)) {
    document.cookie = `${cookie}; ${zoneAttributes}`;
  }
}

// Filters that apply while typing: the page is fetched, and its results replace the current ones.
function liveFilter(form) {
  let waiting, running;
  const apply = async () => {
    running?.abort();
    running = new AbortController();
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    const url = query.size === 0 ? form.getAttribute("action") : `${form.getAttribute("action")}?${query}`;
    const results = one("#results");
    results.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { signal: running.signal, credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = one("#results", page);
      if (!fresh) throw new Error("no results");
      results.replaceWith(document.importNode(fresh, true));
      history.replaceState(null, "", url);
      for (const link of all("[data-follows]")) {
        const other = one(`#${link.id}`, page);
        if (other?.href) link.href = other.getAttribute("href");
        else if (other) [link.textContent, link.hidden] = [other.textContent, other.hidden];
      }
      one("#announcer").textContent = one("#results [data-count], #results .empty-title")?.textContent ?? "";
      dress(one("#results"));
    } catch (error) {
      if (error.name !== "AbortError") form.submit();
    }
  };
  form.addEventListener("input", (event) => {
    if (event.target.type !== "search") return;
    clearTimeout(waiting);
    waiting = setTimeout(apply, 250);
  });
  // Some browsers send only this event for selects and dates.
  form.addEventListener("change", (event) => {
    if (event.target.type === "search") return;
    // A preset overrules the days, and a day the preset.
    for (const field of all("select, input", event.target.closest("[data-period]") ?? document.createElement("i"))) {
      if (field.tagName !== event.target.tagName && (field.tagName !== "SELECT" || field.value !== "ever")) field.value = "";
    }
    clearTimeout(waiting);
    apply();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    apply();
  });
  // Escape empties the search and shows the whole list again; in an empty field it leaves.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.target.type !== "search" || event.target.value === "") return;
    event.preventDefault();
    event.stopPropagation();
    event.target.value = "";
    clearTimeout(waiting);
    apply();
  });
  for (const button of all("[data-apply]", form)) button.hidden = true;
}

// Accounts that fit what was typed, as suggestions of a field.
function suggest(field) {
  let waiting;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const typed = field.value.trim();
      if (typed === "") return field.list.replaceChildren();
      try {
        const url = `${document.documentElement.dataset.suggestions}?${new URLSearchParams({ q: typed })}`;
        const answer = await fetch(url, { credentials: "same-origin" });
        if (!answer.ok || answer.redirected || field.value.trim() !== typed) return;
        field.list.replaceChildren(...(await answer.json()).map(({ value, label }) => new Option(label, value)));
      } catch { /* Without suggestions the field works as well. */ }
    }, 200);
  });
}

// Selectable rows: all, a range with Shift, and the count.
function selection(bar) {
  const form = bar.closest("form");
  const boxes = all("input[name=selected]", form);
  const whole = one("[data-select-all]", form);
  const text = one("[data-bulk-text]", bar);
  let last = null;
  const update = () => {
    const count = boxes.filter((box) => box.checked).length;
    bar.classList.toggle("is-live", count > 0);
    if (text) text.textContent = count > 0 ? bar.dataset.selected.replace("%n", count) : "";
    if (whole) {
      whole.checked = count === boxes.length && count > 0;
      whole.indeterminate = count > 0 && count < boxes.length;
    }
  };
  boxes.forEach((box, at) => {
    box.addEventListener("click", (event) => {
      if (event.shiftKey && last !== null) {
        const [from, to] = [Math.min(last, at), Math.max(last, at)];
        boxes.slice(from, to + 1).forEach((other) => { other.checked = box.checked; });
      }
      last = at;
      update();
    });
    box.addEventListener("change", update);
  });
  if (whole) {
    whole.hidden = false;
    whole.addEventListener("change", () => {
      boxes.forEach((box) => { box.checked = whole.checked; });
      update();
    });
  }
  update();
}

// The progress of a job; at its end the page is reloaded for the report.
function watchJob(box) {
  const look = async () => {
    if (document.hidden) return setTimeout(look, 700);
    try {
      const answer = await fetch(box.dataset.job, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      const job = await answer.json();
      if (job.state !== "running") return location.reload();
      const bar = one("progress", box);
      if (bar) {
        bar.max = Math.max(job.total, 1);
        bar.value = job.done;
      }
      const text = one("[data-job-text]", box);
      if (text) text.textContent = job.text;
    } catch { /* Retried at the next interval. */ }
    setTimeout(look, 700);
  };
  setTimeout(look, 400);
}

// Copies the text of an element. Without https the clipboard is not available to scripts: the browser's own command is
// used, and if it refuses, the text stays selected for the keyboard.
async function copyText(source) {
  try {
    await navigator.clipboard.writeText((source.value ?? source.textContent).trim());
    return true;
  } catch { /* Not available, or not allowed. */ }
  if (source.select) source.select();
  else getSelection().selectAllChildren(source);
  return document.execCommand("copy");
}

function copyButton(button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const said = await copyText(one(button.dataset.copy)) ? button.dataset.copied : button.dataset.select;
    const label = one("span", button);
    const before = button.dataset.label ??= label.textContent;
    label.textContent = said;
    one("#announcer")?.replaceChildren(said);
    setTimeout(() => { label.textContent = before; }, 4000);
  });
}

// A box whose content is not final: it is fetched again until it is.
function watchPending(box) {
  let rounds = 0;
  const look = async () => {
    if (++rounds > 60) return;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = one(`#${box.id}`, page);
      if (answer.ok && fresh && !("pending" in fresh.dataset)) {
        box.replaceWith(document.importNode(fresh, true));
        // The notice says that the mail is being sent.
        one(".notices")?.replaceChildren();
        const list = one("#deliveries", page);
        if (list) one("#deliveries")?.replaceWith(document.importNode(list, true));
        one("#announcer")?.replaceChildren(one(`#${box.id} .badge`)?.textContent ?? "");
        return;
      }
    } catch { /* Retried at the next interval. */ }
    setTimeout(look, 1000);
  };
  setTimeout(look, 500);
}

function revealButton(button) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const field = document.getElementById(button.dataset.reveal);
    const shows = field.type === "password";
    field.type = shows ? "text" : "password";
    button.setAttribute("aria-pressed", String(shows));
  });
}

// What was typed into a form whose session had ended is kept in this tab until the next login, for the same account and page.
// Passwords, codes and hidden fields are never kept, and nothing is sent.
const draft = {
  read() {
    try { return JSON.parse(sessionStorage.getItem("draft")); } catch { return null; }
  },
  write(value) {
    try {
      if (value) sessionStorage.setItem("draft", JSON.stringify(value));
      else sessionStorage.removeItem("draft");
    } catch { /* Storage is turned off: the sign-in page says that nothing was saved. */ }
  },
};

// The fields of a form that were changed, without secrets.
function typedIn(form) {
  const isKept = ({ name, type, autocomplete, tagName }) => name && tagName !== "BUTTON" && tagName !== "FIELDSET" &&
    !["password", "hidden", "file"].includes(type) && !/password|one-time-code/.test(autocomplete);
  const isChanged = ({ name, value }) => form.elements.namedItem(`was_${name}`)?.value !== value;
  const value = (field) => field.type === "checkbox" ? field.checked : field.value;
  return [...form.elements].filter(isKept).filter(isChanged).map((field) => [field.name, field.type, value(field)]);
}

function restoreDraft() {
  const kept = draft.read();
  if (!kept) return;
  if (one("[data-ended]")) kept.ended = true;
  if (!document.body.classList.contains("app")) return draft.write(kept.ended ? kept : null);
  draft.write(null);
  const form = all("form[data-keep]").find((form) => form.getAttribute("action") === kept.action);
  if (!kept.ended || !form || document.documentElement.dataset.viewer !== kept.viewer) return;
  for (const [name, type, value] of kept.fields) {
    const field = [...form.elements].find((field) => field.name === name && field.type === type);
    if (field) field[type === "checkbox" ? "checked" : "value"] = value;
  }
  const notice = document.createElement("div");
  notice.className = "notice is-warn";
  notice.append(document.createElement("p"));
  notice.firstChild.textContent = form.dataset.keep;
  one(".notices").append(notice);
}

// Initialises a page, or results that were just inserted.
function dress(root) {
  all("[data-bulk]", root).forEach(selection);
  all("[data-copy]", root).forEach(copyButton);
  all("[data-reveal]", root).forEach(revealButton);
  all("[data-print]", root).forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => print());
  });
  all("[data-job]", root).forEach(watchJob);
  all("[data-pending]", root).forEach(watchPending);
  all("[data-script]", root).forEach((element) => { element.hidden = false; });
  all("[data-theme-preview]", root).forEach((form) => {
    form.addEventListener("change", (event) => {
      if (event.target.name === "theme") document.documentElement.dataset.theme = event.target.value;
    });
  });
}

// Shortcuts: / and Ctrl K search, ? help, j and k move, Enter opens, x selects, a leads to the action for the selected rows,
// Escape closes what is unfolded and leaves a field.
function move(step) {
  const rows = all("table[data-rows] tbody tr");
  if (rows.length === 0) return;
  const at = rows.findIndex((row) => row.classList.contains("is-at"));
  const next = rows[Math.min(Math.max(at + step, 0), rows.length - 1)];
  rows[at]?.classList.remove("is-at");
  next.classList.add("is-at");
  const link = one("a.open", next) ?? one("a", next);
  (link ?? next).focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

// The character of a key: the Latin letter in its place in Hangul mode, and in lower case with Caps Lock.
function character({ key, code, shiftKey }) {
  if (/^[a-z]$/i.test(key)) return key.toLowerCase();
  if (/^Key[A-Z]$/.test(code)) return code.slice(3).toLowerCase();
  if (key === "Process" && code === "Slash") return shiftKey ? "?" : "/";
  return key;
}

document.addEventListener("keydown", (event) => {
  const search = one("#find");
  const pressed = character(event);
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && pressed === "k" && search && !one("dialog[open]")) {
    event.preventDefault();
    return search.select();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const field = event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
  const menu = event.target.closest(UNFOLDED) ?? one(UNFOLDED);
  if (event.key === "Escape" && menu && (!field || menu.contains(field))) {
    menu.open = false;
    return one("summary", menu).focus();
  }
  if (event.key === "Escape" && field) {
    if (field === search && search.value !== "") {
      event.preventDefault();
      search.value = "";
      return;
    }
    return field.blur();
  }
  if (field || one("dialog[open]")) return;
  const here = one("tr.is-at");
  if (pressed === "/" && search) {
    event.preventDefault();
    search.select();
  } else if (pressed === "?") {
    one("#keys")?.showModal();
  } else if (pressed === "j") {
    move(1);
  } else if (pressed === "k") {
    move(-1);
  } else if (pressed === "x" && here) {
    one("input[type=checkbox]", here)?.click();
  } else if (pressed === "a") {
    // Otherwise the select takes the letter for the beginning of an option.
    event.preventDefault();
    one("[data-bulk] select, [data-bulk] button")?.focus();
  }
});

// What covers the page while it is unfolded: the filters, the menu of small screens, the name of a view. It closes when the
// focus or a click goes elsewhere.
const UNFOLDED = "details:is(.more, .menu, .save-view)[open]";
const closeOthers = (target) => all(UNFOLDED).filter((menu) => !menu.contains(target)).forEach((menu) => { menu.open = false; });
document.addEventListener("focusin", (event) => closeOthers(event.target));

// A click into a row opens it, as its link does that covers most of the row.
document.addEventListener("click", (event) => {
  closeOthers(event.target);
  const row = event.target.closest("table[data-rows] tbody tr");
  if (!row || event.target.closest("a, button, input, label, select") || String(getSelection()) !== "") return;
  one("a.open", row)?.dispatchEvent(new MouseEvent("click", event));
});

// A form is submitted once.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post" || event.defaultPrevented) return;
  const form = event.target;
  if ("keep" in form.dataset) {
    draft.write({ action: form.getAttribute("action"), viewer: document.documentElement.dataset.viewer, fields: typedIn(form) });
  }
  // After the form data is collected, which contains the value of the pressed button.
  setTimeout(() => all("button:not([type=button], [disabled])", event.target).forEach((button) => { button.disabled = button.dataset.sent = true; }));
});
addEventListener("pageshow", () => all("button[data-sent]").forEach((button) => { button.disabled = false; }));

tellZone();
all("form[data-live]").forEach(liveFilter);
all("[data-suggest]").forEach(suggest);
all("[data-keys]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => one("#keys").showModal());
});
dress(document);
restoreDraft();

// After an error the first field with one gets the focus.
one("[aria-invalid=true]")?.focus();
