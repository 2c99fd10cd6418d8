// What all pages share: times in the reader's zone, requests that change something, and messages.
"use strict";
window.alpr = (() => {
  const body = () => document.body;
  const language = () => document.documentElement.lang || undefined;
  const token = () => JSON.parse(body().getAttribute("hx-headers") || "{}")["X-CSRF-Token"] || "";

  function showTimes(root) {
    for (const one of root.querySelectorAll("time[datetime]")) {
      const at = new Date(one.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      const style = one.dataset.style;
      const today = at.toDateString() === new Date().toDateString();
      if (style === "age") one.textContent = age(at);
      else if (style === "time" && today) one.textContent = at.toLocaleTimeString(language());
      else one.textContent = at.toLocaleString(language(), { dateStyle: "medium", timeStyle: "medium" });
      one.title = at.toLocaleString(language(), { dateStyle: "full", timeStyle: "long" });
    }
  }

  function age(at) {
    const seconds = Math.round((at.getTime() - Date.now()) / 1000);
    const form = new Intl.RelativeTimeFormat(language(), { numeric: "auto" });
    for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
      if (Math.abs(seconds) >= length) return form.format(Math.round(seconds / length), unit);
    }
    return form.format(seconds, "second");
  }

  function toast(text) {
    const one = document.createElement("p");
    one.className = "toast";
    one.textContent = text;
    document.getElementById("toasts").append(one);
    setTimeout(() => one.remove(), 8000);
  }

  // JSON or form data to a path below the prefix; throws with the server's text where it refuses.
  async function post(path, data, method) {
    const form = data instanceof FormData || data instanceof URLSearchParams;
    const headers = { "X-CSRF-Token": token(), Accept: "application/json" };
    if (!form && data !== undefined) headers["Content-Type"] = "application/json";
    const response = await fetch(body().dataset.prefix + path, {
      method: method || "POST", headers, body: form || data === undefined ? data : JSON.stringify(data),
    });
    const text = await response.text();
    let told = text;
    try { told = JSON.parse(text); } catch { /* no JSON */ }
    if (!response.ok) throw new Error((told && told.detail) || body().dataset.stale);
    return told;
  }

  document.addEventListener("DOMContentLoaded", () => {
    showTimes(document);
    const tab = document.querySelector(".side > ul [aria-current]");  // on a phone they scroll
    if (tab) { const list = tab.closest("ul"), at = tab.parentElement; list.scrollLeft = at.offsetLeft - (list.clientWidth - at.offsetWidth) / 2; }
    for (const form of document.querySelectorAll("form[data-submit-on-change]")) {
      form.querySelector("button").hidden = true;
      form.addEventListener("change", () => form.requestSubmit());
    }
    document.addEventListener("click", (event) => {
      for (const menu of document.querySelectorAll("details.me[open]")) if (!menu.contains(event.target)) menu.open = false;
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      for (const menu of document.querySelectorAll("details.me[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
    });
    document.addEventListener("submit", (event) => {
      const question = event.target.dataset && event.target.dataset.confirm;
      if (question && !window.confirm(question)) event.preventDefault();
    });
    setInterval(() => { for (const one of document.querySelectorAll('time[data-style="age"]')) one.textContent = age(new Date(one.dateTime)); }, 10000);
  });
  for (const name of ["htmx:afterSwap", "htmx:oobAfterSwap", "htmx:sseMessage"]) {
    document.addEventListener(name, (event) => showTimes(event.target instanceof Element ? event.target : document));
  }
  document.addEventListener("htmx:responseError", (event) => {
    const xhr = event.detail.xhr;
    const part = new DOMParser().parseFromString(xhr.responseText || "", "text/html").querySelector(".note, h1");
    toast(part ? part.textContent.trim() : body().dataset.stale);
  });
  let lost = false;
  document.addEventListener("htmx:sseError", () => { if (!lost) { lost = true; toast(body().dataset.lost); } });
  document.addEventListener("htmx:sseOpen", () => { lost = false; });
  return { post, toast, token, showTimes, language };
})();
