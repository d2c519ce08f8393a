// Fetches the live parts of a page anew when the server says that something changed.
(() => {
  "use strict";
  if (!document.querySelector("[data-live]") || !window.EventSource) return;
  let waiting = null;
  const refresh = () => {
    waiting = null;
    if (document.hidden) {
      document.addEventListener("visibilitychange", refresh, { once: true });
      return;
    }
    document.querySelectorAll("[data-live]").forEach((part) => window.htmx.trigger(part, "changed"));
  };
  const source = new EventSource("/changes");
  source.addEventListener("changed", () => {
    // An import changes something all the time: once in three seconds is live enough for people.
    if (waiting === null) waiting = setTimeout(refresh, 3000);
  });
  addEventListener("pagehide", () => source.close());
})();
