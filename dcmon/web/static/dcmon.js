// The page's only program: swaps what changed, lets ages tick, and says so when dcmon can no longer be heard.
// The server draws every fragment and escapes every string; times come from dcmon's clock, never from this machine's.

const LOST_AFTER_MS = 5000;
const REOPEN_MS = 3000;
const REFRESH_MS = 3000;

const body = document.body;
const build = document.documentElement.dataset.build;
const title = document.title;

let now = null; // ms by dcmon's clock at the last event
let heard = performance.now();
let known = null; // incident ids of the last event; null until the first
let source = null;

function span(ms) {
  // like dcmon.web.text.span
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
  return `${Math.floor(s / 86400)} d ${two(Math.floor((s % 86400) / 3600))} h`;
}

function tick() {
  if (now === null) return;
  for (const age of document.querySelectorAll("time[data-since]")) {
    const text = span(now - Number(age.dataset.since));
    if (age.textContent !== text) age.textContent = text;
  }
}

function beat(data) {
  heard = performance.now();
  now = Date.parse(data.now);
  for (const place of document.querySelectorAll("[data-beat]")) {
    const text = data[place.dataset.beat];
    if (text !== undefined && place.textContent !== text) place.textContent = text;
  }
  if (!body.classList.contains("live")) found();
  tick();
}

function swap(element, html) {
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  element.innerHTML = html;
  if (focused) document.getElementById(focused)?.focus();
}

function announce(incidents) {
  const place = document.getElementById("announce");
  for (const [id, text] of Object.entries(incidents)) {
    if (known !== null && !known.has(id)) {
      const line = document.createElement("p");
      line.textContent = `${body.dataset.new}: ${text}`;
      place.append(line);
    }
  }
  while (place.childElementCount > 20) place.firstElementChild.remove();
  known = new Set(Object.keys(incidents));
  document.title = known.size ? `(${known.size}) ${title}` : title;
}

function update(data) {
  if (data.build !== undefined && data.build !== build) {
    location.reload(); // a wall that runs for months must not keep the program of an older dcmon
    return;
  }
  for (const [name, html] of Object.entries(data)) {
    const element = name.startsWith("part:") ? document.getElementById(name.slice(5)) : null;
    if (element) swap(element, html);
  }
  if (data.incidents) announce(data.incidents);
  beat(data);
  refresh();
}

let refreshing = false;
let again = false;

async function refresh() {
  // Pages without fragments of their own are fetched anew when something changed.
  if (!document.querySelector("[data-refresh]")) return;
  if (refreshing) {
    again = true;
    return;
  }
  refreshing = true;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const place = document.getElementById("live");
    if (answer.ok && place && !document.getElementById("ack").open) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
      if (fresh && fresh.innerHTML !== place.innerHTML) swap(place, fresh.innerHTML);
      tick();
    }
  } catch {
    // the stream notices a lost connection and says so
  }
  setTimeout(() => {
    refreshing = false;
    if (again) {
      again = false;
      refresh();
    }
  }, REFRESH_MS);
}

function lose() {
  body.classList.remove("live");
  body.classList.add("lost");
  const frozen = document.querySelector("[data-frozen]");
  const shown = document.querySelector("[data-beat=clock]");
  if (frozen && shown) frozen.textContent = shown.textContent;
  document.getElementById("lost").hidden = false;
  document.title = `⚠ ${title}`;
}

function found() {
  body.classList.remove("lost");
  body.classList.add("live");
  document.getElementById("lost").hidden = true;
}

function listen() {
  source?.close();
  source = new EventSource(body.dataset.stream);
  source.addEventListener("update", (event) => update(JSON.parse(event.data)));
  source.addEventListener("beat", (event) => beat(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, REOPEN_MS);
  });
}

setInterval(() => {
  const silence = performance.now() - heard;
  if (silence <= LOST_AFTER_MS) return;
  if (!body.classList.contains("lost")) lose();
  // A connection that stays open without a word (a sleeping laptop, a dead tunnel) does not end by itself.
  if (silence > 3 * LOST_AFTER_MS && source.readyState === EventSource.OPEN) {
    heard = performance.now() - LOST_AFTER_MS - 1;
    listen();
  }
}, 500);

const dialog = document.getElementById("ack");
const form = dialog.querySelector("form");
const fault = document.getElementById("ack-error");

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-ack]");
  if (!button) return;
  dialog.dataset.incident = button.dataset.ack;
  document.getElementById("ack-what").textContent = button.dataset.title;
  fault.textContent = "";
  form.elements.by.value = localStorage.getItem("dcmon-name") ?? "";
  dialog.showModal();
  form.elements.by.select();
});

dialog.querySelector("[data-cancel]").addEventListener("click", () => dialog.close());

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const by = form.elements.by.value.trim();
  if (!by) return;
  try {
    const answer = await fetch(`/api/v1/incidents/${encodeURIComponent(dialog.dataset.incident)}/ack`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ by }),
    });
    if (!answer.ok) {
      const refused = await answer.json();
      fault.textContent = `${refused.error}. ${refused.hint}`;
      return;
    }
    localStorage.setItem("dcmon-name", by);
    dialog.close();
    refresh();
  } catch (problem) {
    fault.textContent = String(problem);
  }
});

listen();
