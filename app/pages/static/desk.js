// Keeps the page as the server has it: asks every two seconds, exchanges only what has changed (so
// nothing flickers and the focus stays), and says so when the server does not answer.
"use strict";

const EVERY_MS = 2000;
const PATIENCE_MS = 5000;
const live = document.querySelector("[data-live]");
// The origin has no user and password, whatever address the page was opened by.
const address = live && new URL(live.dataset.live, location.origin);
const shown = new Map();   // list/key -> the HTML as the server sent it, before the clocks here touch it
let tag = null;
let misses = 0;
let offset = 0;            // server clock minus this clock, milliseconds

function name(list, key) {
  return `${list.dataset.list}/${key}`;
}

function remember(root) {
  for (const list of root.querySelectorAll("[data-list]")) {
    for (const node of list.children) shown.set(name(list, node.dataset.key), node.outerHTML);
  }
}

// Puts what `fresh` holds into `old`, an element with data-list, keeping every child that is equal.
function reconcile(old, fresh) {
  const have = new Map(Array.from(old.children, (node) => [node.dataset.key, node]));
  let place = old.firstElementChild;
  for (const node of Array.from(fresh.children)) {
    const key = node.dataset.key;
    const before = have.get(key);
    have.delete(key);
    let keep = before;
    if (!before || shown.get(name(old, key)) !== node.outerHTML) {
      shown.set(name(old, key), node.outerHTML);
      keep = document.importNode(node, true);
      if (before) {
        const focused = before.contains(document.activeElement);
        if (before === place) place = keep;
        before.replaceWith(keep);
        if (focused) (keep.querySelector("a, button") || keep).focus({preventScroll: true});
      } else if (old.dataset.list === "tickets") {
        keep.classList.add("fresh");
      }
    }
    if (keep === place) place = place.nextElementSibling;
    else old.insertBefore(keep, place);
  }
  for (const [key, node] of have) {
    shown.delete(name(old, key));
    node.remove();
  }
}

function take(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const fresh of page.querySelectorAll("[data-list]")) {
    const old = document.querySelector(`[data-list="${fresh.dataset.list}"]`);
    if (old) reconcile(old, fresh);
  }
  tick();
}

function span(ms) {
  const minutes = Math.floor(ms / 60000);
  if (minutes < 60) {
    const seconds = Math.floor(ms / 1000) % 60;
    return `${minutes}:${String(seconds).padStart(2, "0")} min`;
  }
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function tick() {
  const now = Date.now() + offset;
  for (const node of document.querySelectorAll("[data-deadline]")) {
    const left = Number(node.dataset.deadline) - now;
    const text = left >= 0 ? span(left) : `−${span(-left)}`;
    if (node.textContent !== text) node.textContent = text;
    node.classList.toggle("overdue", left < 0);
  }
  for (const node of document.querySelectorAll("[data-clock]")) {
    const text = new Intl.DateTimeFormat("en-GB", {
      timeZone: node.dataset.clock, hour: "2-digit", minute: "2-digit", second: "2-digit",
    }).format(new Date(now));
    if (node.textContent !== text) node.textContent = text;
  }
}

function connection(ok) {
  const state = document.querySelector(".live");
  const notice = document.querySelector(".lost-notice");
  if (ok === notice.hidden) return;
  state.classList.toggle("lost", !ok);
  state.textContent = ok ? "live" : "connection lost";
  notice.hidden = ok;
}

async function ask() {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), PATIENCE_MS);
  try {
    const headers = tag ? {"If-None-Match": tag} : {};
    const answer = await fetch(address, {headers, cache: "no-store", signal: abort.signal});
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const text = await answer.text();
      tag = answer.headers.get("ETag");
      take(text);
    }
    const sent = Number(answer.headers.get("X-Now"));
    if (sent) offset = sent - Date.now();
    misses = 0;
    connection(true);
  } catch {
    misses += 1;
    if (misses >= 2) {
      tag = null;           // a new process may count its answers anew
      connection(false);
    }
  } finally {
    clearTimeout(timer);
    setTimeout(ask, EVERY_MS);
  }
}

remember(document);
tick();
setInterval(tick, 500);
if (address) {
  const sent = Number(document.body.dataset.now);
  if (sent) offset = sent - Date.now();
  setTimeout(ask, EVERY_MS);
}
