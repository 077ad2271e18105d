// What makes pages smoother. Each works without it: it reads the living part anew, says when that is old, shows
// questions in a dialog, and adds the reader's own time to times in UTC.

const LOOK_MS = 2000;
const OLD_AFTER_MS = 8000;

const live = document.getElementById("live");
const age = document.getElementById("age");
const lost = document.getElementById("lost");
const dialog = document.getElementById("dialog");
const localTime = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
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
  write(lost, problem || (old ? age.dataset.lost : ""));
  lost.hidden = lost.textContent === "";
}

function look() {
  if (!document.hidden) htmx.trigger(live, "look");
}

function watch() {
  Idiomorph.defaults.callbacks.beforeNodeMorphed = (old) => !(old instanceof Element && old.hasAttribute("data-keep"));
  live.addEventListener("htmx:afterSettle", () => {
    seen = performance.now();
    problem = "";
    addLocalTimes(live);
    showAge();
  });
  live.addEventListener("htmx:responseError", (event) => {
    const said = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html").querySelector("[data-problem]");
    problem = said?.textContent ?? `${event.detail.xhr.status} ${event.detail.xhr.statusText}`;
    showAge();
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) live.addEventListener(name, () => { problem = age.dataset.lost; showAge(); });
  document.addEventListener("visibilitychange", look);
  setInterval(showAge, 1000);
  setInterval(look, LOOK_MS);
  showAge();
}

// --- questions

async function ask(link) {
  const response = await fetch(link.href, { headers: { "HX-Request": "true" } });
  if (!response.ok || response.redirected) return location.assign(link.href);
  dialog.innerHTML = await response.text();
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

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, textarea, select, dialog")) return;
  event.preventDefault();
  document.querySelector(".search input").focus();
});

addLocalTimes(document);
if (age) watch();
