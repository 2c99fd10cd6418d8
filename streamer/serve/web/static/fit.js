// Zones and lines drawn on the camera's picture: by mouse, touch and keyboard, and as numbers beside it.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("places");
  if (!place) return;
  const svg = document.getElementById("drawing"), list = document.getElementById("shapes");
  const said = (key) => place.dataset["text" + key], editable = "editable" in place.dataset;
  const [width, height] = JSON.parse(place.dataset.size);
  const points = JSON.parse(place.dataset.points);
  const shapes = [
    ...Object.entries(JSON.parse(place.dataset.zones)).map(([name, one]) => ({ name, kind: "zone", use: one.use, at: one.polygon })),
    ...Object.entries(JSON.parse(place.dataset.lines)).map(([name, one]) => ({ name, kind: "line", use: "", at: [one.start, one.end] })),
  ];
  let chosen = -1, digest = place.dataset.digest, dirty = false;
  place.querySelector(".canvas").style.aspectRatio = `${width} / ${height}`;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);

  const clamp = (v) => Math.min(1, Math.max(0, v));
  const shown = (v) => String(Math.round(v * 1000) / 10);
  function element(name, attributes, parent) {
    const one = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    if (parent) parent.append(one);
    return one;
  }
  const px = ([x, y]) => [x * width, y * height];
  const path = (one) => one.at.map((p, k) => (k ? "L" : "M") + px(p).join(" ")).join("") + (one.kind === "zone" ? "Z" : "");
  const scale = () => width / Math.max(svg.clientWidth, 1);

  function changed() {
    dirty = true;
    const button = place.querySelector("[data-do=save]");
    if (button) button.disabled = false;
  }

  // The picture
  function draw(focus) {
    svg.replaceChildren();
    const r = scale();
    for (const p of points) { const [cx, cy] = px(p); element("circle", { class: "point", cx, cy, r: 3 * r }, svg); }
    shapes.forEach((one, number) => {
      const d = path(one), group = element("g", {}, svg);
      element("path", { class: "halo", d }, group);
      const drawn = element("path", { class: `shape ${one.kind} ${one.use} ${number === chosen ? "chosen" : ""}`, d }, group);
      drawn.addEventListener("pointerdown", (event) => { event.preventDefault(); if (number !== chosen) choose(number); if (editable) drag(event, drawn, one, null); });
      if (one.kind === "line") arrow(one, group, r);
      const [x, y] = px([one.at.reduce((s, p) => s + p[0], 0) / one.at.length, one.at.reduce((s, p) => s + p[1], 0) / one.at.length]);
      const text = element("text", { class: "shape-name", x, y: one.kind === "line" ? y - 9 * r : y, "font-size": 14 * r, "text-anchor": "middle" }, group);
      text.textContent = one.name;
    });
    if (editable && shapes[chosen]) handles(shapes[chosen], r, focus);
  }

  // To the right of the direction from start to end is +.
  function arrow(one, parent, r) {
    const [[x1, y1], [x2, y2]] = one.at.map(px), length = Math.hypot(x2 - x1, y2 - y1) || 1;
    const [nx, ny] = [-(y2 - y1) / length, (x2 - x1) / length], [mx, my] = [(x1 + x2) / 2, (y1 + y2) / 2];
    const tip = [mx + nx * 28 * r, my + ny * 28 * r], [tx, ty] = [(x2 - x1) / length, (y2 - y1) / length];
    element("path", { class: "shape arrow", d: `M${mx} ${my}L${tip}M${tip[0] - nx * 9 * r + tx * 7 * r} ${tip[1] - ny * 9 * r + ty * 7 * r}L${tip}L${tip[0] - nx * 9 * r - tx * 7 * r} ${tip[1] - ny * 9 * r - ty * 7 * r}` }, parent);
    const plus = element("text", { class: "shape-name", x: tip[0] + nx * 12 * r, y: tip[1] + ny * 12 * r + 5 * r, "font-size": 16 * r, "text-anchor": "middle" }, parent);
    plus.textContent = "+";
  }

  function handles(one, r, focus) {
    if (one.kind === "zone") {
      one.at.forEach((p, k) => {
        const q = one.at[(k + 1) % one.at.length], middle = [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2], [cx, cy] = px(middle);
        const handle = element("circle", { class: "handle middle", cx, cy, r: 6 * r }, svg);
        handle.addEventListener("pointerdown", (event) => { event.preventDefault(); one.at.splice(k + 1, 0, middle); changed(); fill(); draw(); drag(event, svg, one, k + 1); });
      });
    }
    one.at.forEach((p, k) => {
      const [cx, cy] = px(p);
      const label = `${one.name}: ${cornerName(one, k)} ${shown(p[0])} %, ${shown(p[1])} %`;
      const handle = element("circle", { class: "handle", cx, cy, r: 9 * r, tabindex: 0, role: "button", "aria-label": label, "data-corner": k }, svg);
      handle.addEventListener("pointerdown", (event) => { event.preventDefault(); handle.focus(); drag(event, svg, one, k); });
      handle.addEventListener("keydown", (event) => keyed(event, one, k));
      if (focus === k) handle.focus();
    });
  }
  const cornerName = (one, k) => (one.kind === "line" ? said(k ? "End" : "Start") : `${said("Corner")} ${k + 1}`);

  function keyed(event, one, k) {
    const step = event.shiftKey ? 0.05 : 0.005;
    const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (move) one.at[k] = [clamp(one.at[k][0] + move[0]), clamp(one.at[k][1] + move[1])];
    else if ((event.key === "Delete" || event.key === "Backspace") && one.kind === "zone" && one.at.length > 3) { one.at.splice(k, 1); k = Math.max(0, k - 1); }
    else return;
    event.preventDefault();
    changed(); fill(); draw(k);
  }

  // `corner` null: the whole shape.
  function drag(event, target, one, corner) {
    const box = svg.getBoundingClientRect(), at = (e) => [(e.clientX - box.left) / box.width, (e.clientY - box.top) / box.height];
    const from = at(event), before = one.at.map((p) => [...p]);
    let moved = false;
    const move = (e) => {
      if (e.pointerId !== event.pointerId) return;
      const to = at(e);
      if (!moved && Math.hypot(e.clientX - event.clientX, e.clientY - event.clientY) < 3) return;
      moved = true;
      if (corner !== null) one.at[corner] = to.map(clamp);
      else {
        const dx = Math.min(Math.max(to[0] - from[0], -Math.min(...before.map((p) => p[0]))), 1 - Math.max(...before.map((p) => p[0])));
        const dy = Math.min(Math.max(to[1] - from[1], -Math.min(...before.map((p) => p[1]))), 1 - Math.max(...before.map((p) => p[1])));
        one.at = before.map((p) => [p[0] + dx, p[1] + dy]);
      }
      draw(corner === null ? undefined : corner);
    };
    const end = (e) => {
      if (e.pointerId !== event.pointerId) return;
      window.removeEventListener("pointermove", move); window.removeEventListener("pointerup", end); window.removeEventListener("pointercancel", end);
      if (moved) { changed(); fill(); draw(corner === null ? undefined : corner); }
    };
    window.addEventListener("pointermove", move); window.addEventListener("pointerup", end); window.addEventListener("pointercancel", end);
  }

  // The numbers
  function field(label, input) {
    const one = document.createElement("label"), text = document.createElement("span");
    one.className = "field"; text.textContent = label; one.append(text, input);
    return one;
  }
  function number(value, label, set) {
    const input = document.createElement("input");
    Object.assign(input, { type: "number", min: 0, max: 100, step: 0.1, value: shown(value), disabled: !editable });
    input.setAttribute("aria-label", label);
    input.addEventListener("input", () => { const v = Number(input.value); if (input.value !== "" && v >= 0 && v <= 100) { set(v / 100); changed(); draw(); } });
    return input;
  }
  function button(text, does, kind) {
    const one = document.createElement("button");
    one.type = "button"; one.className = `button ${kind || ""}`; one.textContent = text;
    one.addEventListener("click", does);
    return one;
  }

  function fill() {
    list.replaceChildren(...shapes.map((one, k) => {
      const details = document.createElement("details"), summary = document.createElement("summary");
      details.className = "place"; details.open = k === chosen;
      const key = document.createElement("span"), name = document.createElement("span"), badge = document.createElement("span");
      key.className = `key ${one.kind} ${one.use}`; name.textContent = one.name; badge.className = "badge";
      badge.textContent = one.kind === "line" ? said("Line") : said(one.use === "ignore" ? "Ignore" : "Read");
      summary.append(key, name, badge);
      summary.addEventListener("click", (event) => { event.preventDefault(); choose(chosen === k ? -1 : k); list.querySelectorAll("summary")[k].focus(); });
      details.append(summary);
      if (k === chosen) details.append(form(one, k, name));
      return details;
    }));
  }

  function form(one, k, title) {
    const box = document.createElement("div");
    box.className = "form";
    const name = document.createElement("input");
    Object.assign(name, { value: one.name, disabled: !editable, maxLength: 60, autocomplete: "off" });
    name.addEventListener("input", () => { one.name = name.value.trim(); title.textContent = one.name; changed(); draw(); });
    box.append(field(said("Name"), name));
    if (one.kind === "zone") {
      const use = document.createElement("select");
      for (const value of ["read", "ignore"]) use.append(new Option(said(value === "read" ? "Read" : "Ignore"), value, false, value === one.use));
      use.disabled = !editable;
      use.setAttribute("aria-label", said("Zone"));
      use.addEventListener("change", () => { one.use = use.value; changed(); draw(); fill(); });
      box.append(use);
    }
    one.at.forEach((p, c) => {
      const row = document.createElement("div"), text = document.createElement("span");
      row.className = "corner"; text.className = "small muted"; text.textContent = cornerName(one, c);
      row.append(text, number(p[0], `${text.textContent} x %`, (v) => { one.at[c][0] = v; }), number(p[1], `${text.textContent} y %`, (v) => { one.at[c][1] = v; }));
      if (editable && one.kind === "zone" && one.at.length > 3) {
        const less = button("×", () => { one.at.splice(c, 1); changed(); fill(); draw(); }, "quiet");
        less.setAttribute("aria-label", `${said("RemoveCorner")} ${c + 1}`);
        row.append(less);
      }
      box.append(row);
    });
    if (editable) box.append(button(said("Remove"), () => { shapes.splice(k, 1); changed(); choose(-1); }, "danger"));
    return box;
  }

  function choose(k) { chosen = k; fill(); draw(); }

  function fresh(kind) {
    const stem = kind === "zone" ? "zone" : "line";
    let n = 1;
    while (shapes.some((one) => one.name === `${stem}${n}`)) n += 1;
    return `${stem}${n}`;
  }

  async function save() {
    const fault = document.getElementById("places-fault");
    fault.hidden = true;
    const names = shapes.map((one) => `${one.kind} ${one.name}`);
    if (shapes.some((one) => !one.name) || new Set(names).size !== names.length) { fault.textContent = said("Names"); fault.hidden = false; return; }
    const zones = {}, lines = {};
    for (const one of shapes) {
      if (one.kind === "zone") zones[one.name] = { polygon: one.at, use: one.use };
      else lines[one.name] = { start: one.at[0], end: one.at[1] };
    }
    try {
      const answer = await window.alpr.post("/api/v1/places", { camera: place.dataset.camera, zones, lines, digest });
      digest = answer.digest;
      dirty = false;
      place.querySelector("[data-do=save]").disabled = true;
      window.alpr.toast(said("Saved"));
    } catch (error) { fault.textContent = error.message; fault.hidden = false; }
  }

  place.addEventListener("click", (event) => {
    const what = event.target.closest("[data-do]");
    if (!what) return;
    if (what.dataset.do === "save") { save(); return; }
    const zone = what.dataset.do === "zone";
    shapes.push({ name: fresh(what.dataset.do), kind: what.dataset.do, use: zone ? "read" : "", at: zone ? [[0.25, 0.3], [0.75, 0.3], [0.75, 0.8], [0.25, 0.8]] : [[0.2, 0.6], [0.8, 0.6]] });
    changed();
    choose(shapes.length - 1);
  });
  window.addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
  new ResizeObserver(() => draw()).observe(svg);
  choose(-1);
});
