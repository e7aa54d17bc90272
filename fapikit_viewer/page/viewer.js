// Draws a recorded flow: live from the server's events, or from the data inside a saved page.
//
// Everything that a message holds is inserted as text, never as HTML. The page's Content-Security-Policy (Trusted Types)
// lets the browser refuse anything else.

const ROLE_WORDS = { browser: "browser", device: "device", client: "client", as: "authorization server", rs: "API",
  attacker: "attacker" };
const ICONS = {
  browser: "M2 4h16v12H2z M2 7.5h16 M4.5 5.8h.01 M6.5 5.8h.01",
  device: "M6 2h8v16H6z M9 15.5h2",
  client: "M3 5h14v8H3z M7 17h6 M10 13v4",
  as: "M2.5 8L10 3l7.5 5z M4.5 8v6 M8.2 8v6 M11.8 8v6 M15.5 8v6 M2.5 16.5h15 M4 14h12",
  rs: "M7 5L2.5 10 7 15 M13 5l4.5 5-4.5 5 M11.2 4L8.8 16",
  attacker: "M2 8c5-1.5 11-1.5 16 0-.5 5-3 7-5 6-1.5-.8-4.5-.8-6 0-2 1-4.5-1-5-6z M6 10h2 M12 10h2",
};
const REASONS = { 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 302: "Found", 303: "See Other", 304: "Not Modified",
  400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict", 413: "Content Too Large",
  415: "Unsupported Media Type", 429: "Too Many Requests", 500: "Server Error", 502: "Bad Gateway", 503: "Service Unavailable" };
const LANE = 112; // pixels that a lane needs; with less there is a list
const TIGHT = 175; // with less, names of parties take two lines
const GUTTER = 88;
const PAUSE = 3; // seconds without a message that are worth a word
const TIMES = new Set(["exp", "iat", "nbf", "auth_time", "updated_at"]); // claims in seconds since 1970
const LONG = 700; // characters of a value that are shown at first
const MOST = 6000; // rows; older ones are left out
const AT_ONCE = 250; // rows that are drawn before the browser may answer the user

const parties = new Map();
const rows = new Map(); // id -> { entry, item, button, found }
let order = []; // rows in the order of time
let opened = null; // the row whose message is open
let current = null; // the row that the Tab key reaches
let unseen = 0;
let began = Infinity; // when the first message was sent
let leftOut = 0; // rows
let numbered = 0; // the number of the last message among them
const $ = (id) => document.getElementById(id);
const page = { state: $("state"), main: document.querySelector("main"), list: $("messages"), lanes: $("lanes"), detail: $("detail"),
  text: $("text"), party: $("party"), refusals: $("refusals"), count: $("count"), told: $("told"), newer: $("newer"), save: $("save"),
  theme: $("theme"), empty: $("empty"), secrets: $("secrets") };

// Characters that turn the order of a line, or that nobody sees: whoever sent them could show another value than he sent.
const DISGUISES = /[\u0000-\u0008\u000b-\u001f\u007f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
const undisguised = (text) => (typeof text === "string"
  ? text.replace(DISGUISES, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`) : text);

/** An element with properties, and children that are elements or text. */
function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : undisguised(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== "").map(undisguised));
  return made;
}

function icon(role) {
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [name, value] of Object.entries({ viewBox: "0 0 20 20", fill: "none", stroke: "currentColor", "stroke-width": "1.5",
    "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" })) drawn.setAttribute(name, value);
  path.setAttribute("d", ICONS[role] ?? ICONS.client);
  drawn.append(path);
  return drawn;
}

const isNote = (entry) => entry.kind === "checks";
const called = (name) => parties.get(name)?.title ?? name;
const plural = (number, one, many) => `${number} ${number === 1 ? one : many}`;
const clause = (of) => (of ? make("span", { class: "clause" }, of) : null);

function duration(ms) {
  if (ms === null || ms === undefined) return "";
  return ms < 10 ? `${ms.toFixed(1)} ms` : ms < 10000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

const utc = (seconds) => new Date(seconds * 1000).toISOString().replace("T", " ").replace("Z", "");

function waited(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** "passed", "refused", "undecided", or "" where nothing was decided. */
function outcome(entry) {
  if (entry.undecided) return "undecided";
  if (entry.refused) return "refused";
  return isNote(entry) ? "passed" : "";
}

function status(entry) {
  if (entry.status === null || entry.status === undefined) return "no answer yet";
  return `${entry.status} ${REASONS[entry.status] ?? ""}`.trim();
}

function checksChip(entry, again) {
  const all = plural(entry.checks.length, "check", "checks");
  const failed = entry.checks.filter((check) => !check.passed).length;
  if (!entry.checks.length) return null;
  if (failed && again) return null;
  return failed ? make("span", { class: "chip refused" }, `✕ ${failed} of ${all} failed`) : make("span", { class: "chip passed" }, `✓ ${all}`);
}

const SIGNS = { refused: "✕ Refused", undecided: "? Not decided", passed: "✓ Passed" };

// Parties and their lanes.

/** Each has a lane, in the order in which they are given. */
function setParties(given) {
  const told = JSON.stringify(given);
  if (told === setParties.told) return;
  setParties.told = told;
  parties.clear();
  given.forEach((party, index) => parties.set(party.name, { ...party, lane: index + 1 }));
  drawParties();
}

function drawParties() {
  const lanes = [...parties.values()];
  page.main.style.setProperty("--lanes", Math.max(lanes.length, 1));
  page.lanes.replaceChildren(...lanes.map((party) => make("li", { "data-role": party.role, title: party.title }, icon(party.role),
    make("div", {}, make("b", {}, party.title), make("small", {}, ROLE_WORDS[party.role] ?? "")))));
  const chosen = page.party.value;
  page.party.replaceChildren(make("option", { value: "" }, "Everybody"),
    ...lanes.map((party) => make("option", { value: party.name }, party.title)));
  page.party.value = parties.has(chosen) ? chosen : "";
  for (const row of order) draw(row);
  fit();
}

/** Lanes where there is room for them, else a list. */
function fit() {
  const lane = (page.main.clientWidth - GUTTER - 40) / Math.max(parties.size, 1);
  page.main.classList.toggle("as-list", lane < LANE);
  page.main.classList.toggle("tight", lane < TIGHT);
}

// One row.

function place(button, entry) {
  const from = parties.get(entry.from)?.lane ?? 1;
  const to = parties.get(entry.to)?.lane ?? from;
  let low = Math.min(from, to);
  let high = Math.max(from, to);
  button.classList.toggle("leftward", to < from);
  button.classList.toggle("alone", from === to);
  if (isNote(entry) || from === to) { // as wide as the lanes beside it allow
    button.classList.toggle("first", low === 1 && parties.size > 1);
    button.classList.toggle("last", low === parties.size && parties.size > 1);
    low = Math.max(1, low - 1);
    high = Math.min(parties.size, high + 1);
  }
  button.style.setProperty("--from", low + 1);
  button.style.setProperty("--until", high + 2);
  button.style.setProperty("--span", high - low + 1);
}

const route = (entry) => (entry.from === entry.to ? called(entry.from) : `${called(entry.from)} → ${called(entry.to)}`);

/** What a screen reader says for the row. */
function name(entry) {
  const decided = outcome(entry);
  const told = entry.error ? ` ${entry.error.rule} ${entry.error.said}` : "";
  const word = decided ? SIGNS[decided].slice(2).toLowerCase() : "";
  if (isNote(entry)) return `${called(entry.from)}: ${headline(entry)}, ${word}.${told}`;
  const parts = [entry.title, `from ${called(entry.from)} to ${called(entry.to)}`, `${entry.channel} channel`, status(entry), word,
    duration(entry.ms)];
  return `${parts.filter(Boolean).join(", ")}.${told} ${entry.meaning}`.trim();
}

const headline = (entry) => (isNote(entry) && !entry.checks.length ? "decision" : entry.title);

/** Why it was refused. An error that asks for the same request once more refuses nothing. */
function why(entry, decided) {
  if (!entry.error || !decided) return null;
  return make("span", { class: "why" }, make("span", {}, make("b", {}, entry.error.rule), " ", entry.error.said, " ",
    clause(entry.error.clause)));
}

function draw(row) {
  const { entry, button } = row;
  const decided = outcome(entry);
  row.found = undefined;
  button.className = `row ${isNote(entry) ? "note " : ""}${decided} ${isNote(entry) || entry.response ? "" : "waiting"}`;
  button.dataset.channel = entry.channel;
  button.setAttribute("aria-label", name(entry));
  place(button, entry);
  row.when = make("span", { class: "when" });
  if (isNote(entry)) {
    const first = entry.error ? `${SIGNS[decided]}: ${entry.error.rule}` : `✓ ${entry.title} passed`;
    button.replaceChildren(row.when, make("span", { class: "route" }, route(entry)), make("span", { class: "card" },
      make("b", {}, first), make("span", {}, entry.meaning, " ", clause(entry.error?.clause))));
  } else {
    const again = entry.error && !decided;
    const below = why(entry, decided) ?? (entry.meaning && make("span", { class: "about" }, make("span", {}, entry.meaning)));
    button.replaceChildren(row.when, make("span", { class: "route" }, route(entry)), make("span", { class: "title" }, entry.title),
      make("span", { class: "arrow" }, make("i")), ...(below ? [below] : []), make("span", { class: "answer" },
        decided ? make("span", { class: `chip ${decided}` }, SIGNS[decided]) : null,
        again ? make("span", { class: "chip" }, "↻ to be sent again") : null,
        make("span", { class: "chip" }, [status(entry), duration(entry.ms)].filter(Boolean).join(" · ")), checksChip(entry, again)));
  }
  stamp(row);
}

function stamp(row) {
  const { entry } = row;
  const since = entry.at - began;
  row.when.replaceChildren(...(row.number ? [make("b", {}, String(row.number))] : []),
    make("span", {}, `+${since < 100 ? since.toFixed(2) : Math.round(since)} s`),
    ...(isNote(entry) ? [] : [make("span", {}, entry.channel)]));
  const before = order[row.index - 1];
  const gap = before ? entry.at - before.entry.at : 0;
  row.item.querySelector(".pause")?.remove();
  if (gap >= PAUSE) row.item.prepend(make("p", { class: "pause" }, make("span", {}, `${waited(gap)} later`)));
}

/** Everything that the filter searches. */
function found(row) {
  row.found ??= `${JSON.stringify(row.entry)} ${route(row.entry)}`.toLowerCase();
  return row.found;
}

function fits(row) {
  const { entry } = row;
  if (page.refusals.checked && !["refused", "undecided"].includes(outcome(entry))) return false;
  if (page.party.value && ![entry.from, entry.to].includes(page.party.value)) return false;
  const words = page.text.value.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => found(row).includes(word));
}

// The list.

function addEntries(entries, live) {
  let moved = order.length;
  const added = [];
  const follow = live && page.main.scrollHeight - page.main.scrollTop - page.main.clientHeight < 160 && !opened;
  for (const entry of entries) {
    const known = rows.get(entry.id);
    if (known) {
      known.entry = entry;
      draw(known);
      known.item.hidden = !fits(known);
      if (opened === known) show(known, false);
      continue;
    }
    const item = make("li", { class: live && "new" });
    const button = make("button", { type: "button", tabindex: -1, "aria-expanded": "false", "aria-controls": "detail" });
    const row = { entry, item, button };
    button.addEventListener("click", () => show(row, true));
    button.addEventListener("focus", () => reach(row));
    item.append(button);
    began = Math.min(began, entry.at);
    let index = order.length;
    while (index && order[index - 1].entry.at > entry.at) index -= 1;
    order.splice(index, 0, row);
    moved = Math.min(moved, index);
    rows.set(entry.id, row);
    added.push(row);
  }
  let number = order.slice(0, moved).reduce((highest, row) => row.number || highest, numbered);
  for (let index = moved; index < order.length; index += 1) {
    const row = order[index];
    row.index = index;
    if (!isNote(row.entry)) row.number = number += 1;
    if (row.when) stamp(row);
    else draw(row);
    row.item.hidden = !fits(row);
  }
  for (let index = order.length - 1; index >= moved; index -= 1) {
    if (!order[index].item.isConnected) page.list.insertBefore(order[index].item, order[index + 1]?.item ?? null);
  }
  leaveOut();
  if (!current && order.length) reach(order[0]);
  count();
  const shown = added.filter((row) => !row.item.hidden);
  if (!shown.length || !live) return;
  if (follow) page.main.scrollTop = page.main.scrollHeight;
  else tellNewer(shown.length);
  tell(shown.length, shown.filter((row) => outcome(row.entry) === "refused").length);
}

/** Keep the newest rows. The number of a message stays. */
function leaveOut() {
  const old = order.splice(0, Math.max(0, order.length - MOST));
  if (!old.length) return;
  leftOut += old.length;
  numbered = old.reduce((highest, row) => row.number || highest, numbered);
  for (const row of old) {
    if (opened === row) close();
    rows.delete(row.entry.id);
    row.item.remove();
  }
  order.forEach((row, index) => { row.index = index; });
  if (!rows.has(current?.entry.id)) reach(order[0]);
}

function count() {
  const shown = order.filter((row) => !row.item.hidden).length;
  const refused = order.filter((row) => outcome(row.entry) === "refused").length;
  const all = plural(order.length, "entry", "entries");
  page.count.textContent = `${shown === order.length ? all : `${shown} of ${all}`}${refused ? ` · ${refused} refused` : ""}`;
  page.empty.hidden = shown > 0;
  if (order.length) page.empty.textContent = "Nothing fits this filter.";
  page.save.disabled = !order.length;
}

function filter() {
  for (const row of order) row.item.hidden = !fits(row);
  if (current?.item.hidden) reach(order.find((row) => !row.item.hidden) ?? current);
  count();
  say(page.count.textContent);
}

function tellNewer(added) {
  unseen += added;
  page.newer.textContent = `↓ ${plural(unseen, "new entry", "new entries")}`;
  page.newer.hidden = false;
}

/** The row that Tab reaches. The arrow keys go from row to row. */
function reach(row) {
  current?.button.setAttribute("tabindex", "-1");
  row.button.setAttribute("tabindex", "0");
  current = row;
}

function step(by) {
  const visible = order.filter((row) => !row.item.hidden);
  const at = visible.indexOf(opened ?? current);
  return at + by >= 0 ? visible[at + by] : undefined;
}

function move(row) {
  if (!row) return;
  reach(row);
  row.button.focus();
  if (opened) show(row, false);
}

// What a screen reader is told: at most once in four seconds.
const waiting = { added: 0, refusals: 0, timer: null };

function tell(added, refusals) {
  waiting.added += added;
  waiting.refusals += refusals;
  waiting.timer ??= setTimeout(() => {
    say(`${plural(waiting.added, "new entry", "new entries")}${waiting.refusals ? `, ${waiting.refusals} refused` : ""}`);
    Object.assign(waiting, { added: 0, refusals: 0, timer: null });
  }, 4000);
}

function say(words) {
  page.told.textContent = words;
}

// One message, opened.

const phone = matchMedia("(max-width: 47.99rem)");

/** On a phone the opened message covers the rest, which then cannot be reached. */
function cover() {
  for (const covered of [page.main, document.querySelector("header")]) covered.inert = phone.matches && opened !== null;
}

phone.addEventListener("change", cover);

function close() {
  if (!opened) return;
  const row = opened;
  opened.button.setAttribute("aria-expanded", "false");
  opened = null;
  page.detail.hidden = true;
  cover();
  fit();
  reach(row);
  row.button.focus();
  row.button.scrollIntoView({ block: "nearest" });
}

function show(row, focus) {
  opened?.button.setAttribute("aria-expanded", "false");
  const same = opened === row;
  opened = row;
  row.button.setAttribute("aria-expanded", "true");
  const scrolled = same ? page.detail.scrollTop : 0;
  const within = page.detail.contains(document.activeElement);
  page.detail.replaceChildren(...detail(row));
  page.detail.hidden = false;
  page.detail.scrollTop = scrolled;
  cover();
  fit();
  if (focus || within) $("detail-title").focus({ preventScroll: same });
  requestAnimationFrame(() => row.button.scrollIntoView({ block: "nearest" })); // when the list has its new width
}

function detail(row) {
  const { entry } = row;
  const before = step(-1);
  const after = step(1);
  const go = (to) => () => { reach(to); show(to, true); };
  const decided = outcome(entry);
  const at = `${utc(entry.at)} UTC`;
  const facts = isNote(entry) ? [route(entry)] : [route(entry), `${entry.channel} channel`, status(entry), duration(entry.ms)];
  return [
    make("div", { class: "bar" },
      make("p", {}, row.number ? `Message ${row.number}` : "Checks"),
      make("button", { type: "button", "aria-label": "The entry before (left arrow)", disabled: !before, onclick: before && go(before) }, "←"),
      make("button", { type: "button", "aria-label": "The entry after (right arrow)", disabled: !after, onclick: after && go(after) }, "→"),
      make("button", { type: "button", onclick: close, "aria-keyshortcuts": "Escape" }, "Close")),
    make("h2", { id: "detail-title", tabindex: -1 }, isNote(entry) ? `${called(entry.from)}: ${headline(entry)}` : entry.title),
    entry.meaning !== entry.error?.said ? make("p", { class: "lead" }, entry.meaning, " ", clause(entry.clause)) : null,
    make("div", { class: "facts" }, decided ? make("span", { class: `chip ${decided}` }, SIGNS[decided]) : null,
      ...[...facts, at].filter(Boolean).map((fact) => make("span", { class: "chip" }, fact))),
    refusal(entry, decided),
    checks(entry.checks),
    side("Request", entry.request),
    isNote(entry) ? null : side("Answer", entry.response, "There is no answer yet."),
  ].filter(Boolean);
}

function refusal(entry, decided) {
  if (!entry.error) return null;
  const { rule, said, remedy } = entry.error;
  return make("div", { class: `box ${decided || "neutral"}` },
    make("p", {}, make("b", {}, `${SIGNS[decided] ?? "The answer"}: ${rule}`), said, " ", clause(entry.error.clause)),
    remedy ? make("p", {}, make("b", {}, "What to do"), remedy) : null);
}

/** The checks of each party that made some. */
function checks(all) {
  if (!all.length) return null;
  const makers = [...new Set(all.map((check) => check.party))];
  return make("section", {}, make("h3", {}, `Checks (${all.length})`), makers.map((maker) => [
    make("h4", {}, `by ${called(maker)}`),
    make("ul", { class: "checks" }, all.filter((check) => check.party === maker).map((check) =>
      make("li", { class: check.passed ? "passed" : "failed" },
        make("span", { class: "sign" }, make("span", { "aria-hidden": "true" }, check.passed ? "✓" : "✕"),
          make("span", { class: "unseen" }, check.passed ? "passed: " : "failed: ")),
        make("span", {}, check.said, " ", clause(check.clause)))))]).flat());
}

function side(title, message, without) {
  if (!message) return without ? make("section", {}, make("h3", {}, title), make("p", { class: "lead" }, without)) : null;
  const { line, headers, parameters, body } = message;
  const explained = headers.filter((field) => field.jwt); // a proof or a token in a header is what one opens a message for
  return make("section", {}, make("h3", {}, title),
    make("p", { class: "wire" }, clipped(line)),
    parameters.length ? [make("h4", {}, "Parameters"), fields(parameters)] : null,
    explained.length ? [make("h4", {}, "Headers with a JWT"), fields(explained)] : null,
    headers.length > explained.length ? make("details", { open: !parameters.length && !explained.length },
      make("summary", {}, `${explained.length ? "Other headers" : "Headers"} (${headers.length - explained.length})`),
      fields(headers.filter((field) => !field.jwt))) : null,
    body ? make("details", {}, make("summary", {}, "Body as it was sent"), make("pre", {}, clipped(body))) : null);
}

function fields(given) {
  return make("dl", { class: "fields" }, given.map((field) => make("div", {},
    make("dt", {}, field.name),
    make("dd", {},
      field.jwt ? null : make("div", { class: "value" }, clipped(field.value), moment(field),
        field.masked ? make("span", { class: "chip" }, "masked") : null),
      field.meaning || field.clause ? make("p", { class: "means" }, field.meaning, " ", clause(field.clause)) : null),
    field.jwt ? make("dd", { class: "jwt" }, jwt(field)) : null)));
}

/** The date that a claim such as `exp` means, and how far it is from the message. */
function moment({ name: claim, value }) {
  if (!TIMES.has(claim) || !/^\d{9,11}$/.test(value)) return null;
  const apart = Number(value) - opened.entry.at;
  const far = Math.abs(apart) < 1 ? "now" : `${waited(Math.abs(apart))} ${apart < 0 ? "before" : "after"} this message`;
  return make("span", { class: "moment" }, ` ${utc(Number(value)).slice(0, 19)} UTC, ${far}`);
}

/** A JWT: header, payload, signature, and what it was sent as. A JWT inside it is decoded in the same way. */
function jwt(field) {
  const { what, header, payload, signature } = field.jwt;
  return [
    make("p", {}, what, make("small", {}, "a JWT, decoded")),
    make("div", { class: "part header" }, make("h5", {}, "Header"), fields(header)),
    payload.length ? make("div", { class: "part payload" }, make("h5", {}, "Payload"), fields(payload)) : null,
    make("div", { class: "part signature" }, signature ? [make("h5", {}, "Signature"), make("p", { class: "value" }, clipped(signature))] : null,
      make("details", {}, make("summary", {}, "As it was sent"), make("p", { class: "value" }, clipped(field.value)))),
  ].filter(Boolean);
}

/** A long text begins short. */
function clipped(whole) {
  if (whole.length <= LONG) return whole;
  const holder = make("span", {}, `${whole.slice(0, LONG)}… `);
  const more = make("button", { type: "button", class: "more" }, `Show all ${whole.length.toLocaleString("en")} characters`);
  more.addEventListener("click", () => holder.replaceChildren(undisguised(whole)));
  holder.append(more);
  return holder;
}

// The keyboard.

document.addEventListener("keydown", (pressed) => {
  if (pressed.ctrlKey || pressed.metaKey || pressed.altKey) return;
  const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(pressed.target.tagName);
  if (pressed.key === "Escape") {
    if (pressed.target === page.text && page.text.value) {
      page.text.value = "";
      filter();
    } else if (opened) close();
    else if (typing) current?.button.focus();
    else return;
    pressed.preventDefault();
    return;
  }
  if (pressed.target === page.text && ["Enter", "ArrowDown"].includes(pressed.key)) {
    pressed.preventDefault();
    move(order.find((row) => !row.item.hidden));
    return;
  }
  if (typing) return;
  const inside = page.detail.contains(pressed.target);
  const visible = () => order.filter((row) => !row.item.hidden);
  const keys = {
    "/": () => page.text.focus(),
    ArrowDown: () => !inside && move(document.activeElement === current?.button ? step(1) : current),
    ArrowUp: () => !inside && move(document.activeElement === current?.button ? step(-1) : current),
    Home: () => !inside && move(visible()[0]),
    End: () => !inside && move(visible().at(-1)),
    ArrowRight: () => inside && step(1) && (reach(step(1)), show(step(1), true)),
    ArrowLeft: () => inside && step(-1) && (reach(step(-1)), show(step(-1), true)),
  };
  if (keys[pressed.key] && keys[pressed.key]() !== false) pressed.preventDefault();
});

document.getElementById("filter").addEventListener("submit", (sent) => sent.preventDefault());
let typed;
page.text.addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(filter, 80);
});
page.party.addEventListener("change", filter);
page.refusals.addEventListener("change", filter);
page.newer.addEventListener("click", () => { page.main.scrollTop = page.main.scrollHeight; });
page.main.addEventListener("scroll", () => {
  if (page.main.scrollHeight - page.main.scrollTop - page.main.clientHeight < 160) {
    unseen = 0;
    page.newer.hidden = true;
  }
}, { passive: true });
new ResizeObserver(fit).observe(page.main);

// Light or dark, as the system says until somebody chooses.

const dark = matchMedia("(prefers-color-scheme: dark)");
let chosen = null;
const isDark = () => (chosen ?? (dark.matches ? "dark" : "light")) === "dark";

function nameTheme() {
  page.theme.textContent = isDark() ? "Light" : "Dark";
  page.theme.setAttribute("aria-label", `${page.theme.textContent} theme`);
}

page.theme.addEventListener("click", () => {
  chosen = isDark() ? "light" : "dark";
  document.documentElement.style.colorScheme = chosen;
  nameTheme();
});
dark.addEventListener("change", nameTheme);
nameTheme();

// Where the flow comes from.

function sayState(state, words) {
  page.state.dataset.state = state;
  page.state.textContent = words;
}

let about = {}; // what is said of the whole flow

async function take(view, live) {
  if (view.whole) forget();
  about = { parties: view.parties, throwaway: view.throwaway, full: view.full };
  setParties(view.parties);
  for (let index = 0; index < view.entries.length; index += AT_ONCE) {
    addEntries(view.entries.slice(index, index + AT_ONCE), live);
    if (index + AT_ONCE < view.entries.length) await new Promise((next) => setTimeout(next));
  }
  count();
  page.secrets.textContent = [about.throwaway ? "All keys are throw-away: nothing is masked." : "Secrets are masked.",
    about.full ? "The recording is full: what happened later is not in it." : "",
    leftOut ? `${leftOut} older entries are not shown.` : ""].join(" ");
}

function forget() {
  if (opened) close();
  rows.clear();
  order = [];
  current = null;
  leftOut = numbered = 0;
  began = Infinity;
  page.list.replaceChildren();
}

/** Text of a saved page: `empty` with the data in it. `<` is written so that no value can end the element. */
function saved(empty) {
  const view = { saved_at: Date.now() / 1000, ...about, entries: order.map((row) => row.entry) };
  return empty.replace(">null<", () => `>${JSON.stringify(view).replaceAll("<", "\\u003c")}<`);
}

/** With the empty page at hand, the flow can be saved after the server has ended. */
function offerSave(empty) {
  page.save.hidden = false;
  page.save.addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([saved(empty)], { type: "text/html" }));
    make("a", { href: url, download: `flow-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.html` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
    say("Saved");
  });
}

async function watch() {
  let taken = Promise.resolve(); // one batch after the other
  let first = true;
  const events = new EventSource("events");
  events.addEventListener("open", () => sayState("live", "Live"));
  events.addEventListener("error", () => sayState("lost", events.readyState === EventSource.CLOSED
    ? "The server has refused: load the page again" : "Not connected. What is here stays; it tries again"));
  events.addEventListener("flow", (event) => {
    const live = !first;
    first = false;
    taken = taken.then(() => take(JSON.parse(event.data), live));
  });
  offerSave(await (await fetch("empty.html")).text());
}

const inside = document.getElementById("recorded");
if (inside) {
  const view = JSON.parse(inside.textContent);
  sayState("saved", `Saved ${utc(view.saved_at).slice(0, 16)} UTC, read-only`);
  take(view, false);
} else {
  watch();
}
