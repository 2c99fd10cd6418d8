// The live page: each camera's newest picture while it is seen, and rows as they come.
"use strict";
(() => {
  let watched = 0;  // pictures in sight: the more, the less often each
  const every = () => Math.min(1000, 100 * Math.max(2, watched));
  const RETRY_MS = 1000, STALE_MS = 6000, MOST_ROWS = 40;

  function watch(view) {
    const image = view.querySelector("img"), waiting = view.querySelector(".waiting");
    let tag = "", url = "", seen = false, fresh = 0, running = false;

    async function next() {
      if (!seen || document.hidden) { running = false; return; }
      running = true;
      const began = performance.now();
      let pause = every();
      try {
        const width = Math.min(1920, Math.ceil(view.clientWidth * Math.min(window.devicePixelRatio || 1, 2)));
        const response = await fetch(`${view.dataset.picture}?width=${width}`, {
          cache: "no-store", headers: tag ? { "If-None-Match": tag } : {},
        });
        if (response.status === 200) {
          const before = url;
          url = URL.createObjectURL(await response.blob());
          image.src = url;
          await image.decode().catch(() => {});
          image.hidden = false;
          waiting.hidden = true;
          if (before) URL.revokeObjectURL(before);
          tag = response.headers.get("ETag") || "";
          fresh = performance.now();
        } else if (response.status !== 304 && response.status !== 204) {
          pause = RETRY_MS;
        }
      } catch { pause = RETRY_MS; }
      view.classList.toggle("stale", fresh > 0 && performance.now() - fresh > STALE_MS);
      setTimeout(next, Math.max(30, pause - (performance.now() - began)));
    }

    view.querySelector(".enlarge").addEventListener("click", (event) => {
      const card = view.closest(".camera"), large = card.classList.toggle("large");
      event.currentTarget.setAttribute("aria-pressed", String(large));
      for (const one of document.querySelectorAll(".camera.large")) if (one !== card) { one.classList.remove("large"); one.querySelector(".enlarge").setAttribute("aria-pressed", "false"); }
    });

    const begin = () => { if (!running && seen && !document.hidden) next(); };
    new IntersectionObserver((entries) => {
      const now = entries[entries.length - 1].isIntersecting;
      watched += Number(now) - Number(seen);
      seen = now;
      begin();
    }).observe(view);
    document.addEventListener("visibilitychange", begin);
  }

  // A row that changed comes again: the older one goes, and those that were joined to it.
  function settle(rows) {
    const first = rows.firstElementChild;
    if (!first) return;
    const gone = new Set((first.dataset.parts || "").split(" ").filter(Boolean));
    for (const one of [...rows.children].slice(1)) {
      if (one.dataset.event === first.dataset.event || gone.has(one.dataset.event)) one.remove();
    }
    if (first.dataset.status === "withdrawn") first.remove();
    while (rows.children.length > MOST_ROWS) rows.lastElementChild.remove();
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const view of document.querySelectorAll("[data-picture]")) watch(view);
    const rows = document.getElementById("rows");
    if (rows) document.addEventListener("htmx:sseMessage", (event) => { if (event.target === rows) settle(rows); });
  });
})();
