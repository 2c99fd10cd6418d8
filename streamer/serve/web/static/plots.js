// Charts: <div class="plot" data-plot="URL"> shows {"x": [...], "x_kind": "time"|"number", "unit": "", "series": [{"label", "values", "kind": "line"|"bars"}]};
// with data-every="5" it is loaded again every 5 s. Colours follow the theme.
"use strict";
(() => {
  const COLOURS = ["#2f6fe4", "#d9790b", "#1d9a60", "#b0419c", "#6b7280", "#c03a2b", "#0f9bb0", "#8a6d1d"];
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function options(data, element, width, height) {
    const axis = { stroke: css("--muted"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
    const unit = data.unit ? ` ${data.unit}` : "";
    return {
      width, height,
      scales: { x: { time: data.x_kind === "time" }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high ?? 1) > 0 ? high * 1.12 : 1] } },
      cursor: { points: { size: 6 }, drag: { x: true, y: false } },
      legend: { live: true },
      axes: [{ ...axis }, { ...axis, size: (_, values) => 22 + 7 * Math.max(3, ...(values || []).map((one) => one.length)), values: (_, ticks) => ticks.map((one) => `${one.toLocaleString()}${unit}`) }],
      series: [
        data.x_kind === "time" ? { value: (_, at) => (at == null ? "–" : new Date(at * 1000).toLocaleTimeString(window.alpr.language())) } : {},
        ...data.series.map((one, k) => {
          const colour = COLOURS[k % COLOURS.length];
          const bars = one.kind === "bars";
          return { label: one.label || element.getAttribute("aria-label") || "", stroke: colour, width: bars ? 0 : 1.75, fill: bars ? colour : undefined, points: { show: false },
            paths: bars ? uPlot.paths.bars({ size: [0.9, 80] }) : undefined, value: (_, v) => (v == null ? "–" : `${v}${unit}`) };
        }),
      ],
    };
  }

  function draw(element) {
    let chart = null, shape = "", last = null;
    const size = () => [Math.max(200, element.clientWidth), 210];
    const make = (data) => {
      if (chart) chart.destroy();
      element.replaceChildren();
      chart = new uPlot(options(data, element, ...size()), [data.x, ...data.series.map((one) => one.values)], element);
    };
    async function load() {
      if (document.hidden) return;
      try {
        const response = await fetch(element.dataset.plot, { headers: { Accept: "application/json" } });
        if (!response.ok) return;
        const data = await response.json();
        last = data;
        if (!data.x.length || !data.series.length) { if (!chart) element.replaceChildren(empty()); return; }
        const now = JSON.stringify([data.unit, data.series.map((one) => one.label)]);
        if (now !== shape) { shape = now; make(data); } else chart.setData([data.x, ...data.series.map((one) => one.values)]);
      } catch { /* the next time */ }
    }
    const empty = () => { const one = document.createElement("p"); one.className = "empty small"; one.textContent = element.dataset.empty || "–"; return one; };
    new ResizeObserver(() => { if (chart) chart.setSize({ width: size()[0], height: size()[1] }); }).observe(element);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (last && last.x.length) make(last); });
    load();
    if (element.dataset.every) setInterval(load, Number(element.dataset.every) * 1000);
  }

  const begin = (root) => { for (const one of root.querySelectorAll("[data-plot]")) if (!one.dataset.drawn) { one.dataset.drawn = "1"; draw(one); } };
  document.addEventListener("DOMContentLoaded", () => begin(document));
  document.addEventListener("htmx:afterSwap", (event) => begin(event.target));
})();
