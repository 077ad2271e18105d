// The dashboard's life: asks for figures once a second and writes them into the page. Text only, never markup.

const POLL_MS = 1000;
const SLOW_POLL_MS = 5000;
const ANSWER_WITHIN_MS = 8000;
const OLD_AFTER_MS = 4000;
const GRAPH_S = 300;
const GAP_S = 10;

const number = new Intl.NumberFormat("en");
const oneDigit = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat([], { timeStyle: "medium" });
const dayAndClock = new Intl.DateTimeFormat([], { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });

const seen = { at: 0, problem: null, registered: [], points: [] };

// --- saying things

const count = (n) => number.format(n);
const rate = (n) => (n >= 10 ? number.format(Math.round(n)) : oneDigit.format(n));
const ms = (n) => (n === null ? "–" : n >= 10000 ? `${oneDigit.format(n / 1000)} s` : `${number.format(Math.round(n))} ms`);

function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

function moment(iso) {
  const at = new Date(iso);
  return at.toDateString() === new Date().toDateString() ? clock.format(at) : dayAndClock.format(at);
}

const words = (name) => name.replaceAll("_", " ");

// --- writing into the page, only where something changed

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function value(name, text) {
  write(document.querySelector(`[data-value="${name}"]`), text);
}

function alarm(name, on) {
  document.querySelector(`[data-value="${name}"]`).parentElement.toggleAttribute("data-alarm", on);
}

function bar(element, parts, whole) {
  for (const segment of element.querySelectorAll("[data-segment]")) {
    const width = `${whole ? (100 * (parts[segment.dataset.segment] ?? 0)) / whole : 0}%`;
    if (segment.style.width !== width) segment.style.width = width;
  }
}

// Keep one row per item, in order; `fill` gets a function that finds the row's cells.
function rows(section, items, keyOf, fill) {
  const body = document.querySelector(`#${section} tbody`);
  const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
  items.forEach((item, index) => {
    const key = keyOf(item);
    const row = known.get(key) ?? document.getElementById(`${section}-row`).content.firstElementChild.cloneNode(true);
    known.delete(key);
    row.dataset.key = key;
    fill(item, (name) => row.querySelector(`[data-cell="${name}"]`), row);
    if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
  });
  for (const row of known.values()) row.remove();
  const empty = document.querySelector(`#${section} .empty`);
  if (empty) empty.hidden = items.length > 0;
  document.querySelector(`#${section} table`).hidden = items.length === 0;
}

function pill(element, text, tone) {
  write(element, text);
  element.dataset.tone = tone;
}

// --- the parts of the page

function showSpeed(figures) {
  const { last_1s: now, last_1m: minute, last_5m: five } = figures.messages_per_second;
  value("rate", rate(now));
  value("rate-note", `last minute ${rate(minute)}, last five minutes ${rate(five)}`);
  seen.points.push({ at_s: Date.now() / 1000, rate: now });
  drawGraph();
}

function drawGraph() {
  const now_s = Date.now() / 1000;
  seen.points = seen.points.filter((point) => now_s - point.at_s <= GRAPH_S);
  const most = niceCeiling(Math.max(1, ...seen.points.map((point) => point.rate)));
  let line = "";
  let area = "";
  let before = null;
  for (const point of seen.points) {
    const x = (300 * (1 - (now_s - point.at_s) / GRAPH_S)).toFixed(2);
    const y = (100 - (96 * point.rate) / most).toFixed(2);
    const gap = before === null || point.at_s - before.at_s > GAP_S;
    if (gap && before) area += `V100Z`;
    line += `${gap ? "M" : "L"}${x} ${y}`;
    area += gap ? `M${x} 100L${x} ${y}` : `L${x} ${y}`;
    before = point;
  }
  document.getElementById("graph-line").setAttribute("d", line);
  document.getElementById("graph-area").setAttribute("d", area && `${area}V100Z`);
  write(document.getElementById("graph-most"), `${count(most)} per second`);
}

function niceCeiling(n) {
  const power = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 5, 10].find((step) => step * power >= n) * power;
}

function showTiles({ queue, latency_ms, ingest, http_client: http, breaker }) {
  value("waiting", count(queue.waiting));
  value("waiting-note", queue.oldest_claimable_age_s > 5 ? `one could have left ${duration(queue.oldest_claimable_age_s)} ago` : "recipients in the queue");
  value("leased", count(queue.leased));
  value("leased-note", queue.marked ? `${count(queue.marked)} may have left already` : "claimed by a sender");
  value("delayed", count(queue.delayed));
  value("latency", ms(latency_ms.p95));
  value("latency-note", latency_ms.p50 === null ? "no measurement yet" : `p50 ${ms(latency_ms.p50)}, p99 ${ms(latency_ms.p99)}`);
  value("outbox", count(queue.outbox));
  value("lag", count(ingest.lag_events));
  value("lag-note", ingest.lag_s >= 1 ? `${duration(ingest.lag_s)} behind` : "events not yet in Postgres");
  value("sockets", `${count(http.in_flight)} / ${count(http.open)}`);
  value("sockets-note", http.requests ? `in use / open, ${oneDigit.format(100 * http.socket_reuse_ratio)} % reused` : "in use / open");
  value("breakers", count(breaker.open + breaker.half_open));
  value("breakers-note", breaker.app.by_hand ? "everything is paused by hand" : breaker.app.paused_until ? `the whole app rests: ${words(breaker.app.reason ?? "")}` : "by their circuit breaker");
  alarm("breakers", breaker.open > 0 || breaker.app.paused_until !== null);
}

function showOutcomes(outcomes) {
  const whole = Object.values(outcomes).reduce((sum, n) => sum + n, 0);
  bar(document.querySelector("[aria-labelledby=outcomes-title] .bar"), outcomes, whole);
  for (const [name, n] of Object.entries(outcomes)) value(`outcome-${name}`, count(n));
}

function showBreakers(breaker, now) {
  document.getElementById("breakers").hidden = breaker.pages.length === 0;
  rows("breakers", breaker.pages, (page) => page.page_id, (page, cell) => {
    write(cell("page"), page.page_id);
    pill(cell("state"), words(page.state), page.state === "open" ? "bad" : "warn");
    write(cell("reason"), words(page.reason ?? "–"));
    write(cell("failures"), count(page.failures));
    const wait_s = page.retry_at ? (Date.parse(page.retry_at) - now) / 1000 : null;
    write(cell("retry"), wait_s === null ? "–" : wait_s > 31536000 ? "by hand" : wait_s <= 0 ? "now" : `in ${duration(wait_s)}`);
  });
}

const TONES = { active: "busy", enqueuing: "busy", finished: "ok", paused: "warn", cancelled: "warn", expired: "warn", refused: "bad", queue_lost: "bad" };

function stateOf(run) {
  if (run.brake) return `stopped by the brake ${words(run.brake.rule)}`;
  if (run.state === "paused" && run.held_by.length) return `paused by ${run.held_by.join(", ")}`;
  if (run.state === "finished" && run.ended_as && run.ended_as !== "complete") return run.ended_as;
  if (run.state === "cancelled" || run.state === "expired") return `${run.state}, draining`;
  return words(run.state);
}

function timeLeft(run) {
  if (run.finished_at) return `ended ${moment(run.finished_at)}`;
  if (run.expires_soon) return `expires ${moment(run.expires_at)}`;
  return run.eta_s === null ? "–" : duration(run.eta_s);
}

function showRuns(figures) {
  const known = new Map([...figures.queue.runs, ...figures.other_runs].map((run) => [run.run_id, run]));
  const older = seen.registered.filter((run) => !known.has(run.run_id)).slice(0, 25);
  const others = [...figures.other_runs, ...older].sort((a, b) => (b.taken_at ?? "").localeCompare(a.taken_at ?? ""));
  const listed = [...figures.queue.runs, ...others];
  const unfinished = figures.queue.runs_unfinished;
  value("runs-note", unfinished > figures.queue.runs.length ? `the busiest ${figures.queue.runs.length} of ${count(unfinished)} unfinished` : listed.length ? `${count(unfinished)} unfinished` : "");
  rows("runs", listed, (run) => run.run_id, showRun);
}

function showRun(run, cell, row) {
  const { sent, failed, suppressed, expired, unknown, cancelled } = run.outcomes;
  const enqueuing = run.state === "enqueuing";
  write(cell("run"), run.run_id);
  write(cell("page"), `page ${run.page_id}`);
  pill(cell("state"), stateOf(run), run.brake ? "bad" : TONES[run.ended_as === "complete" ? "finished" : (run.ended_as ?? run.state)] ?? "");
  cell("state").title = run.brake ? `${run.brake.reason ?? ""}; newar run resume or newar run cancel` : run.reason ?? "";
  const percent = Math.floor(100 * run.progress);
  const progress = row.querySelector("[role=progressbar]");
  progress.setAttribute("aria-valuenow", percent);
  progress.setAttribute("aria-label", `Progress of run ${run.run_id}`);
  bar(progress, run.outcomes, run.recipients);
  write(cell("percent"), run.recipients ? `${percent} %` : "–");
  write(cell("recipients"), enqueuing ? `${count(run.recipients)} +` : count(run.recipients));
  write(cell("sent"), count(sent));
  write(cell("failed"), count(failed));
  write(cell("other"), count(suppressed + expired + unknown + cancelled));
  cell("other").title = Object.entries({ suppressed, expired, unknown, cancelled }).map(([k, n]) => `${k}: ${count(n)}`).join(", ");
  write(cell("rate"), run.left || enqueuing ? rate(run.rate_per_second) : "–");
  write(cell("eta"), timeLeft(run));
}

// What is wrong with one person is daily business; what is wrong with a page, the app or the message is not.
function toneOf(event) {
  if (event.outcome === "unknown") return "warn";
  return /recipient/.test(event.error_class ?? "") ? "" : "bad";
}

function showFailures(failures) {
  rows("failures", failures, (event) => event.event_id, (event, cell) => {
    const code = [event.error_code, event.error_subcode].filter((n) => n != null).join("/");
    write(cell("time"), moment(event.sent_at));
    cell("time").dateTime = event.sent_at;
    write(cell("run"), event.run_id);
    write(cell("recipient"), event.recipient_id);
    pill(cell("class"), words(event.error_class ?? event.outcome), toneOf(event));
    write(cell("message"), [event.error_message ?? "", code && `(${code})`].join(" ").trim() || "–");
  });
}

function showProcesses(processes, now) {
  rows("processes", processes, (process) => process.process_id, (process, cell) => {
    write(cell("service"), process.service);
    write(cell("where"), `${process.host}, ${process.pid}`);
    write(cell("uptime"), duration((now - Date.parse(process.started_at)) / 1000));
    write(cell("tasks"), process.tasks === null ? "–" : `${count(process.busy_tasks)} of ${count(process.tasks)}`);
  });
}

function showHealth(health) {
  const complaints = [];
  for (const [name, check] of Object.entries(health.checks)) {
    const item = document.querySelector(`[data-check="${name}"]`);
    item.dataset.status = check.status;
    write(item.querySelector(".word"), words(check.status));
    if (check.detail && ["degraded", "down"].includes(check.status)) complaints.push([item.children[1].textContent, check.detail]);
  }
  showComplaints(complaints);
}

function showComplaints(complaints) {
  const list = document.getElementById("complaints");
  if (list.dataset.of === JSON.stringify(complaints)) return;
  list.dataset.of = JSON.stringify(complaints);
  list.replaceChildren(...complaints.map(([title, detail]) => {
    const item = document.createElement("li");
    const name = document.createElement("b");
    name.textContent = `${title}: `;
    item.append(name, detail);
    return item;
  }));
}

function show(figures) {
  const now = Date.parse(figures.at);
  showSpeed(figures);
  showTiles(figures);
  showOutcomes(figures.outcomes);
  showBreakers(figures.breaker, now);
  showRuns(figures);
  showFailures(figures.failures);
  showProcesses(figures.processes, now);
}

// --- whether the figures are of now

function showAge() {
  const age_ms = Date.now() - seen.at;
  const old = seen.problem !== null || (seen.at > 0 && age_ms > OLD_AFTER_MS);
  const state = old ? "old" : seen.at ? "live" : "connecting";
  document.body.dataset.state = state;
  const banner = document.getElementById("banner");
  write(banner, old ? (seen.problem ?? "The server takes long to answer.") : "");
  banner.hidden = !old;
  write(document.getElementById("live-text"), { live: "Live", old: "Not live", connecting: "Connecting…" }[state]);
  write(document.getElementById("age"), !old ? "" : seen.at ? `figures are ${duration(age_ms / 1000)} old` : "no figures yet");
}

// --- asking

async function ask(path) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  } catch {
    throw new Error("The server does not answer. Is newar api running? Trying again every second.");
  }
  if (response.status === 401) throw new Error("A token is needed: reload this page and sign in.");
  if (path !== "/health" && !response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Error(`${problem.title ?? `The server answered ${response.status}`}: ${problem.detail ?? "no reason given"}.`);
  }
  return response.json();
}

async function pollFigures() {
  try {
    const figures = await ask("/api/v1/overview");
    seen.at = Date.now();
    seen.problem = null;
    show(figures);
  } catch (error) {
    if (seen.problem === null) pollHealth();
    seen.problem = error.message;
  }
  showAge();
}

async function pollHealth() {
  try {
    showHealth(await ask("/health"));
    seen.registered = (await ask("/api/v1/runs")).runs;
  } catch {
    // what is wrong is said by the figures' own poll
  }
}

// One poll at a time, none while nobody looks.
async function repeatedly(poll, every_ms) {
  for (;;) {
    if (!document.hidden) await poll();
    await new Promise((resolve) => setTimeout(resolve, every_ms));
  }
}

setInterval(showAge, 1000);
repeatedly(pollFigures, POLL_MS);
repeatedly(pollHealth, SLOW_POLL_MS);
