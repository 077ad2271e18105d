// What makes pages smoother. Each works without it: it follows the living part of a page, says when that is old, shows
// questions in a dialog, and adds the reader's own time to times in UTC.

const OLD_AFTER_MS = 8000;
const COME_AGAIN_MS = 3000;

const live = document.getElementById("live");
const age = document.getElementById("age");
const lost = document.getElementById("lost");
const dialog = document.getElementById("dialog");
const localTime = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
let stream = null;
let seen = performance.now();
let problem = "";

// --- the reader's own time

function addLocalTimes(within) {
  for (const time of within.querySelectorAll("time[datetime]:not([title])")) time.title = localTime.format(new Date(time.dateTime));
}

// --- the living part

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showAge() {
  const old_ms = performance.now() - seen;
  const old = problem !== "" || old_ms > OLD_AFTER_MS;
  document.body.dataset.state = old ? "old" : "live";
  write(age.querySelector("[role=status]"), old ? age.dataset.old.replace("{age}", `${Math.round(old_ms / 1000)} s`) : age.dataset.live);
  write(lost, old ? problem || age.dataset.lost : "");
  lost.hidden = !old;
}

// Only what changed is touched, so that focus, selection and what was unfolded stay.
function show(html) {
  Idiomorph.morph(live, html, { morphStyle: "innerHTML", callbacks: { beforeNodeMorphed: isNotKept, beforeAttributeUpdated } });
  addLocalTimes(live);
}

const isNotKept = (old) => !(old instanceof Element && old.hasAttribute("data-keep"));
const beforeAttributeUpdated = (name, element) => !(name === "open" && element instanceof HTMLDetailsElement);

function follow() {
  if (stream !== null || document.hidden) return;
  stream = new EventSource(live.dataset.follow);
  // What was read before this page was made would undo what an act has just changed.
  let before = false;
  stream.addEventListener("live", (event) => {
    if (!before) show(event.data);
  });
  stream.addEventListener("at", (event) => {
    before = Number(event.data) < Number(live.dataset.at);
    seen = performance.now();
    problem = "";
    showAge();
  });
  stream.addEventListener("problem", (event) => {
    problem = event.data || age.dataset.lost;
    showAge();
  });
  stream.onerror = () => {
    if (stream?.readyState === EventSource.CLOSED) {
      leave();
      setTimeout(follow, COME_AGAIN_MS);
    }
    if (performance.now() - seen > OLD_AFTER_MS) problem ||= age.dataset.lost;
  };
}

function leave() {
  stream?.close();
  stream = null;
}

function watch() {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) leave();
    else follow();
  });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", follow);
  setInterval(showAge, 1000);
  follow();
  showAge();
}

// --- questions

async function ask(link) {
  const response = await fetch(link.href, { headers: { "Newar-Fragment": "1" } });
  if (!response.ok || response.redirected) return location.assign(link.href);
  dialog.innerHTML = await response.text();
  const back = dialog.querySelector("[name=back]");
  if (back) back.value = location.pathname + location.search;
  addLocalTimes(dialog);
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    ask(link).catch(() => location.assign(link.href));
  } else if (event.target.closest("dialog [data-close]") || event.target === dialog) {
    event.preventDefault();
    dialog.close();
  }
});

// --- a part that takes its time

async function load(place) {
  const response = await fetch(place.dataset.load, { headers: { "Newar-Fragment": "1" } });
  if (!response.ok) return;
  place.innerHTML = await response.text();
  addLocalTimes(place);
}

// --- a form with a file: what is said of it is shown beneath, and the file stays chosen

async function send(form, button) {
  const beneath = document.getElementById(form.dataset.beneath);
  form.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(form.action, { method: "POST", headers: { "Newar-Fragment": "1" }, body: new FormData(form, button) });
    if (response.redirected) return location.assign(response.url);
    beneath.innerHTML = await response.text();
    addLocalTimes(beneath);
    beneath.scrollIntoView({ block: "nearest" });
  } finally {
    form.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.dataset.beneath) return;
  event.preventDefault();
  send(event.target, event.submitter).catch(() => event.target.submit());
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, textarea, select, dialog")) return;
  event.preventDefault();
  document.querySelector(".search input").focus();
});

// All of this can wait until the page is painted.
requestAnimationFrame(() => setTimeout(() => {
  addLocalTimes(document);
  document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  for (const place of document.querySelectorAll("[data-load]")) load(place).catch(() => {});
  if (age && live.dataset.follow) watch();
}));
