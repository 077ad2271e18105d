// Draws each figure with [data-chart] from /api/v1/history: once it comes into view, then only what is new. What is not
// known (null) is a gap, never a zero. Under the plot stand a summary and, when it is opened, a table of the same numbers.

const SPAN_S = { second: 900, minute: 86400, hour: 7 * 86400 };
const LOOK_MS = { second: 2000, minute: 20000, hour: 120000 };
const OLD_S = { second: 15, minute: 300, hour: 7200 };
const SHOWN = 6;
const TABLE_ROWS = 300;
const SLACK = 3; // steps that may lack at the beginning without being told of

const language = document.documentElement.lang || "en";
const format = (options) => new Intl.DateTimeFormat(language, { timeZone: "UTC", hourCycle: "h23", ...options });
const clock = format({ hour: "2-digit", minute: "2-digit" });
const seconds = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = format({ day: "numeric", month: "short" });
const dayAndClock = format({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(language, { notation: "compact", maximumSignificantDigits: 3 });

let library;
function uPlotFrom(address) {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(window.uPlot);
    script.onerror = reject;
    document.head.append(script);
  });
  return library;
}

class Chart {
  constructor(figure) {
    this.figure = figure;
    this.metric = figure.dataset.chart;
    this.words = JSON.parse(figure.dataset.words);
    this.plotted = figure.querySelector(".plot");
    this.legend = figure.querySelector(".legend");
    this.note = figure.querySelector(".note");
    this.details = figure.querySelector("details");
    this.buttons = [...figure.querySelectorAll(".spans button")];
    for (const button of this.buttons) button.addEventListener("click", () => this.show(button.value));
    this.details.addEventListener("toggle", () => this.writeTable());
    this.plotted.addEventListener("keydown", (event) => this.onKey(event));
    this.visible = false;
    new IntersectionObserver(([entry]) => { this.visible = entry.isIntersecting; this.look(); }, { rootMargin: "200px" }).observe(figure);
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(this.plotted);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    document.addEventListener("visibilitychange", () => this.look());
    this.show(figure.dataset.step);
  }

  show(step) {
    for (const button of this.buttons) button.setAttribute("aria-pressed", button.value === step);
    this.step = step;
    this.at = [];
    this.series = {};
    this.completeUntil = null;
    this.knownSince = null;
    this.asking?.abort();
    this.asking = null;
    this.figure.querySelector("h2 small").textContent = this.metric === "latency" ? "ms" : this.words.per[step];
    this.look();
  }

  // --- the numbers

  async look() {
    clearTimeout(this.timer);
    if (this.asking || !this.visible || document.hidden || !this.figure.isConnected) return;
    const asking = (this.asking = new AbortController());
    try {
      const response = await fetch(this.address(), { signal: asking.signal, headers: { Accept: "application/json" } });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.detail);
      this.take(answer);
      delete this.figure.dataset.lost;
      await this.draw();
      this.writeSummary();
      this.writeTable();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.figure.dataset.lost = "";
      this.note.textContent = error instanceof TypeError ? this.words.lost : error.message;
    } finally {
      if (this.asking === asking) {
        this.asking = null;
        this.timer = setTimeout(() => this.look(), LOOK_MS[this.step]);
      }
    }
  }

  address() {
    const { page, run } = this.figure.dataset;
    const query = new URLSearchParams({ metric: this.metric, step: this.step });
    if (page !== undefined) query.set("page", page);
    if (run !== undefined) query.set("run", run);
    const from = this.completeUntil !== null && this.at.find((at) => at >= this.completeUntil - OLD_S[this.step]);
    if (from) query.set("from", new Date(from * 1000).toISOString());
    return `/api/v1/history?${query}`;
  }

  take(answer) {
    const kept = answer.at.length ? this.at.findIndex((at) => at >= answer.at[0]) : -1;
    const old = kept < 0 ? this.at.length : kept;
    const end = answer.at.at(-1) ?? this.at.at(-1) ?? 0;
    const stepS = answer.step_s;
    if (old && answer.at.length && answer.at[0] - this.at[old - 1] !== stepS) this.at = [], this.series = {};
    const before = Math.min(old, this.at.length);
    const at = [...this.at.slice(0, before), ...answer.at];
    const drop = Math.max(0, at.findIndex((moment) => moment > end - SPAN_S[this.step]));
    const known = Object.values(this.series)[0] ?? [];
    const none = this.metric === "latency" ? () => null : (index) => (known[index] === null ? null : 0);
    const series = {};
    for (const name of new Set([...Object.keys(this.series), ...Object.keys(answer.series)])) {
      const past = this.series[name]?.slice(0, before) ?? Array.from({ length: before }, (_, index) => none(index));
      const fresh = answer.series[name] ?? (Object.values(answer.series)[0] ?? answer.at.map(() => 0)).map((n) => n === null ? null : 0);
      series[name] = [...past, ...fresh].slice(drop);
    }
    this.at = at.slice(drop);
    this.series = series;
    this.noLog = answer.log === "not_configured" && this.step !== "second";
    this.completeUntil = answer.complete_until === null ? null : Date.parse(answer.complete_until) / 1000;
    const since = answer.known_since === null ? null : Date.parse(answer.known_since) / 1000;
    const goesOn = before > 0 && since === answer.at[0];
    if (!goesOn) this.knownSince = since;
  }

  // --- the picture

  names() {
    const sum = (name) => this.series[name].reduce((total, n) => total + n, 0);
    if (this.metric === "latency") return ["p50", "p95", "p99"].filter((name) => name in this.series);
    if (this.metric === "messages") return Object.keys(this.series).filter((name) => name === "sent" || sum(name) > 0);
    return Object.keys(this.series).sort((a, b) => sum(b) - sum(a)).slice(0, SHOWN);
  }

  colour(name) {
    const probe = this.figure.querySelector(`[data-series="${CSS.escape(name)}"] .key`);
    return getComputedStyle(probe).backgroundColor;
  }

  size() {
    return { width: Math.max(100, this.plotted.clientWidth), height: this.plotted.clientHeight };
  }

  writeLegend(names) {
    this.legend.replaceChildren(...names.map((name, index) => {
      const entry = document.createElement("div");
      entry.dataset.series = name;
      const key = Object.assign(document.createElement("span"), { ariaHidden: "true" });
      key.className = `key c-${["messages", "latency"].includes(this.metric) ? name : index + 1}`;
      const term = document.createElement("dt");
      term.append(key, this.word(name));
      entry.append(term, document.createElement("dd"));
      return entry;
    }));
  }

  word(name) {
    return this.words.names[name] ?? name.replaceAll("_", " ");
  }

  number(value) {
    if (value === null || value === undefined) return "–";
    return this.metric === "latency" ? `${whole.format(value)} ms` : whole.format(value);
  }

  async draw() {
    const uPlot = await uPlotFrom(this.figure.dataset.library);
    const names = this.names();
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const looks = `${names} ${dark} ${this.step}`;
    const data = [this.at, ...names.map((name) => this.series[name])];
    if (this.plot && this.looks === looks) {
      this.plot.setData(data);
      this.writeValues();
      return;
    }
    this.looks = looks;
    this.shown = names;
    this.writeLegend(names);
    this.plot?.destroy();
    const style = getComputedStyle(this.figure);
    const [line, soft] = [style.getPropertyValue("--line"), style.getPropertyValue("--soft")];
    const axis = { stroke: soft, font: "12px system-ui, sans-serif", grid: { stroke: line, width: 1 }, ticks: { show: false } };
    this.plot = new uPlot({
      ...this.size(),
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      legend: { show: false },
      padding: [8, 4, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      scales: { x: { time: true, range: () => this.shownTime() }, y: { range: (_plot, _low, high) => [0, Math.max(high ?? 0, 1) * 1.08] } },
      axes: [
        { ...axis, size: 28, space: 70, grid: { show: false }, values: (_plot, splits, _axis, _space, apart) => splits.map((at, index) => this.timeText(at, apart, index)) },
        { ...axis, size: 52, space: 38, values: (_plot, splits) => splits.map((n) => (Number.isInteger(n) || this.metric === "latency" ? short.format(n) : "")) },
      ],
      series: [{}, ...names.map((name) => this.look_of(name, this.colour(name)))],
      hooks: { setCursor: [() => this.writeValues()] },
    }, data, this.plotted);
    this.writeValues();
  }

  look_of(name, colour) {
    const area = name === "sent" || (this.metric !== "messages" && this.metric !== "latency" && this.shown[0] === name);
    const wash = area ? colour.replace(/^rgb\(/, "rgba(").replace(/\)$/, ", 0.16)") : undefined;
    return { label: this.word(name), stroke: colour, width: 1.5, fill: wash, points: { show: this.lonely } , spanGaps: false };
  }

  // All of the span, or as far back as anything is known, but never less than a tenth of it.
  shownTime() {
    const end = this.at.at(-1) ?? 1;
    const first = this.at.find((_, index) => this.shown.some((name) => this.series[name][index] !== null)) ?? this.at[0] ?? 0;
    return [Math.min(Math.max(first, this.at[0] ?? 0), end - SPAN_S[this.step] / 10), end];
  }

  timeText(at, apart, index) {
    const moment = new Date(at * 1000);
    if (apart >= 86400) return day.format(moment);
    if (this.step === "hour" && (index === 0 || at % 86400 === 0)) return day.format(moment);
    return (apart < 60 ? seconds : clock).format(moment);
  }

  lonely = (_plot, index, first, last) => {
    const values = this.series[this.shown[index - 1]] ?? [];
    return values.some((n, at) => n !== null && values[at - 1] == null && values[at + 1] == null && at >= first && at <= last);
  };

  // --- the words

  lastKnown() {
    const first = this.series[this.names()[0]] ?? [];
    return first.findLastIndex((n) => n !== null);
  }

  moment(index) {
    const at = new Date(this.at[index] * 1000);
    return (this.step === "second" ? seconds : this.step === "minute" ? clock : dayAndClock).format(at);
  }

  writeValues() {
    const under = this.plot?.cursor.idx;
    const index = under ?? this.lastKnown();
    for (const entry of this.legend.children) {
      const text = this.number(this.series[entry.dataset.series]?.[index]);
      const value = entry.querySelector("dd");
      if (value.textContent !== text) value.textContent = text;
    }
    if (under !== null && under !== undefined && this.at[under] !== undefined) {
      this.note.textContent = `${this.moment(under)} UTC`;
      this.pointed = true;
    } else if (this.pointed) {
      this.pointed = false;
      this.writeSummary();
    }
  }

  writeSummary() {
    if (this.pointed) return;
    const name = this.metric === "latency" ? "p95" : this.metric === "messages" ? "sent" : null;
    const columns = name ? [this.series[name] ?? []] : Object.values(this.series);
    const totals = this.at.map((_, index) => {
      const values = columns.map((column) => column[index]).filter((n) => n !== null && n !== undefined);
      return values.length ? values.reduce((total, n) => total + n, 0) : null;
    });
    const known = totals.filter((n) => n !== null);
    if (!known.length) {
      const nothing = this.noLog ? this.words.no_log : this.words.nothing;
      const isCalm = !columns.length && !this.noLog && this.knownSince !== null;
      this.note.textContent = isCalm ? `${this.words.calm} ${this.gap()}`.trim() : nothing;
      return;
    }
    const highest = Math.max(...known);
    const text = this.metric === "latency" ? this.words.latency : highest ? this.words.summary : this.words.calm;
    const values = {
      last: this.number(known.at(-1)),
      highest: this.number(highest),
      at: `${this.moment(totals.indexOf(highest))} UTC`,
      total: whole.format(known.reduce((total, n) => total + n, 0)),
    };
    const said = text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
    const whose = name ? `${this.word(name)}: ${said[0].toLowerCase()}${said.slice(1)}` : said;
    this.note.textContent = `${whose} ${this.gap()}`.trim();
  }

  // From when on all is known, where that is not the whole time shown.
  gap() {
    const first = this.at.findIndex((at) => at >= this.knownSince);
    return first > SLACK ? this.words.since.replace("{at}", `${this.moment(first)} UTC`) : "";
  }

  writeTable() {
    if (!this.details.open) return;
    const rows = this.details.querySelector(".rows");
    const names = this.names();
    const cell = (kind, text, scope) => {
      const made = Object.assign(document.createElement(kind), { textContent: text });
      if (scope) made.scope = scope;
      return made;
    };
    const head = document.createElement("tr");
    head.append(cell("th", this.words.time, "col"), ...names.map((name) => cell("th", this.word(name), "col")));
    const body = document.createElement("tbody");
    for (let index = this.at.length - 1; index >= 0 && body.children.length < TABLE_ROWS; index -= 1) {
      if (names.every((name) => !this.series[name][index])) continue;
      const row = document.createElement("tr");
      row.append(cell("th", this.moment(index), "row"));
      for (const name of names) row.append(cell("td", this.series[name][index] === null ? this.words.unknown : this.number(this.series[name][index])));
      body.append(row);
    }
    const table = document.createElement("table");
    table.append(document.createElement("thead"), body);
    table.tHead.append(head);
    rows.replaceChildren(table);
  }

  onKey(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!this.plot || (by === undefined && event.key !== "Escape")) return;
    event.preventDefault();
    if (event.key === "Escape") return this.plot.setCursor({ left: -10, top: -10 });
    const from = this.plot.cursor.idx ?? this.lastKnown();
    const index = Math.min(this.at.length - 1, Math.max(0, from + by));
    this.plot.setCursor({ left: this.plot.valToPos(this.at[index], "x"), top: 10 });
  }
}

// All of this can wait until the page is painted.
requestAnimationFrame(() => setTimeout(() => {
  for (const figure of document.querySelectorAll("figure[data-chart]")) new Chart(figure);
}));
