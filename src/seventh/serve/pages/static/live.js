// Keeps a page current. Without it every page is complete, and refreshes itself every half minute.
"use strict";

const main = document.getElementById("main");
const told = document.getElementById("live");
let names = null; // numbers and names of the map's cells, in its order
let due = 0;
let stream = null;

const maps = () => [...document.querySelectorAll("svg.heat")];
const rows = () => [...document.querySelectorAll("[data-row]")];

// The same drawing as the server's (heat.py), for the width that there is.
function draw(svg) {
  const cells = svg.dataset.cells, size = Number(svg.dataset.size);
  const room = svg.parentElement.clientWidth;
  const columns = Math.max(1, Math.min(cells.length, Math.floor(room / size)));
  const runs = {};
  for (let at = 0; at < cells.length;) {
    const x = at % columns, y = Math.floor(at / columns), cell = cells[at];
    let end = at + 1;
    while (end < cells.length && end % columns && cells[end] === cell) end += 1;
    (runs[cell] ??= []).push(`M${x} ${y}h${end - at}`);
    at = end;
  }
  const lines = Math.ceil(cells.length / columns);
  svg.setAttribute("viewBox", `0 -.5 ${columns} ${lines}`);
  svg.setAttribute("width", columns * size);
  svg.setAttribute("height", lines * size);
  svg.replaceChildren(...Object.entries(runs).map(([cell, parts]) => {
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("class", `c${cell}`);
    path.setAttribute("d", parts.join(""));
    return path;
  }));
  svg.dataset.columns = columns;
}

async function learnNames() {
  const section = document.querySelector(".maps");
  names = null;
  if (!section) return;
  const answer = await fetch(section.dataset.cells);
  if (answer.ok) {
    names = await answer.json();
    names.at = new Map(names.numbers.map((number, at) => [number, at]));
  }
}

// The index of a map's cell below the pointer among all cells; -1 beside them.
function cellAt(svg, event) {
  const box = svg.getBoundingClientRect(), columns = Number(svg.dataset.columns);
  const x = Math.floor((event.clientX - box.left) / box.width * columns);
  const y = Math.floor((event.clientY - box.top) / box.height * Math.ceil(svg.dataset.cells.length / columns));
  const at = y * columns + x;
  if (x < 0 || x >= columns || at < 0 || at >= svg.dataset.cells.length) return -1;
  let before = 0;
  for (const each of maps()) {
    if (each === svg) return before + at;
    before += each.dataset.cells.length;
  }
  return -1;
}

document.addEventListener("pointermove", (event) => {
  const tip = document.getElementById("tip");
  if (!tip) return;
  const svg = event.target.closest?.("svg.heat");
  const at = svg && names ? cellAt(svg, event) : -1;
  tip.hidden = at < 0;
  if (at < 0) return;
  tip.textContent = names.names[at];
  const box = tip.parentElement.getBoundingClientRect();
  const left = Math.min(event.clientX - box.left + 12, box.width - tip.offsetWidth);
  tip.style.left = `${Math.max(0, left)}px`;
  tip.style.top = `${event.clientY - box.top + 16}px`;
});

document.addEventListener("click", (event) => {
  const svg = event.target.closest?.("svg.heat");
  const at = svg && names ? cellAt(svg, event) : -1;
  if (at >= 0) location.href = `/targets/${names.numbers[at]}`;
});

document.addEventListener("submit", (event) => {
  for (const button of event.target.querySelectorAll("button")) {
    if (event.target.method === "post") setTimeout(() => { button.disabled = true; });
  }
});

function show(event) {
  const news = JSON.parse(event.data);
  for (const row of rows()) {
    const now = news.rows[row.dataset.row];
    if (!now) continue;
    row.querySelector("[data-of=time]").textContent = now[0];
    row.querySelector("[data-of=loss]").textContent = now[1];
  }
  if (names) {
    const all = maps(), changed = new Set();
    for (const [number, cell] of Object.entries(news.cells)) {
      let at = names.at.get(Number(number));
      if (at === undefined) continue;
      for (const svg of all) {
        const cells = svg.dataset.cells;
        if (at < cells.length) {
          svg.dataset.cells = cells.slice(0, at) + cell + cells.slice(at + 1);
          changed.add(svg);
          break;
        }
        at -= cells.length;
      }
    }
    changed.forEach(draw);
  }
  if (news.moved) due = Math.min(due, Date.now() + 1500);
}

function listen() {
  stream?.close();
  stream = null;
  const shown = rows().map((row) => row.dataset.row);
  if (!shown.length) return;
  stream = new EventSource(`/live?rows=${shown.slice(0, 200).join(",")}`);
  stream.onmessage = show;
  stream.onopen = () => { told.textContent = "live"; };
  stream.onerror = () => { told.textContent = "not live: trying again"; };
}

const later = () => { due = Date.now() + (Number(main.dataset.refresh) || 1e9) * 1000; };

// Whether a person is in the middle of something that a new page would undo.
function busy() {
  const active = document.activeElement;
  return document.hidden || main.querySelector("details[open]") !== null ||
    (active && main.contains(active) && /^(INPUT|SELECT|TEXTAREA)$/.test(active.tagName)) ||
    String(getSelection()) !== "";
}

async function refresh() {
  later();
  const answer = await fetch(location.href);
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
  if (!fresh || busy()) return;
  const at = document.activeElement?.getAttribute?.("href");
  main.replaceChildren(...fresh.childNodes);
  main.dataset.refresh = fresh.dataset.refresh;
  if (at) main.querySelector(`a[href="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
  maps().forEach(draw);
  if (maps().length) await learnNames();
  listen();
}

setInterval(() => {
  if (Number(main.dataset.refresh) && Date.now() >= due && !busy()) {
    refresh().catch(() => { told.textContent = "not live: trying again"; });
  }
}, 500);

const resized = new ResizeObserver(() => maps().forEach(draw));
resized.observe(main);
later();
maps().forEach(draw);
learnNames().catch(() => {}).finally(listen);
