// The visit form at the door: hides what is not asked, and takes the digests of photos on the phone itself.
(() => {
  const value = (form, name) => {
    const field = form.elements[`answer.${name}`];
    if (!field) return "";
    return field.value;
  };

  const show = (form) => {
    const answered = form.elements.no_answer_reason.value === "";
    for (const block of form.querySelectorAll("[data-question]")) {
      const depends = block.dataset.asks;
      const above = depends && form.querySelector(`[data-question="${depends}"]`);
      const fits = !depends || (!above.hidden && block.dataset.answers.split(" ").includes(value(form, depends)));
      block.hidden = !(answered && fits);
    }
  };

  const digest = async (file) => {
    const bytes = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  };

  const takePhotos = async (input) => {
    const photos = [];
    for (const file of input.files) {
      const taken = new Date(Math.min(file.lastModified, Date.now()));
      photos.push({ sha256: await digest(file), captured_at: taken.toISOString() });
    }
    const form = input.form;
    form.elements.photos.value = JSON.stringify(photos);
    form.querySelector("[data-photo-count]").textContent = String(photos.length);
  };

  const begin = () => document.querySelectorAll("form[data-visit]").forEach(show);
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (!form || !("visit" in form.dataset)) return;
    if (event.target.type === "file") takePhotos(event.target);
    else show(form);
  });
  document.addEventListener("DOMContentLoaded", begin);
  document.addEventListener("htmx:load", begin);
})();
