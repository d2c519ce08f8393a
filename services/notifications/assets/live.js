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
  const soon = () => {
    // An import changes something all the time: once in three seconds is live enough for people.
    if (waiting === null) waiting = setTimeout(refresh, 3000);
  };
  const source = new EventSource("/changes");
  // What changed after the page was made and before the stream began is told by nobody: look once.
  source.addEventListener("open", soon, { once: true });
  source.addEventListener("changed", soon);
  addEventListener("pagehide", () => source.close());
})();
