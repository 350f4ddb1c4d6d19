// Pages that keep themselves up to date say aloud what changed, and only that.
const announcer = document.getElementById("announcer");
let said = document.querySelector("[data-say]")?.dataset.say;

document.body.addEventListener("htmx:afterSettle", () => {
  const says = document.querySelector("[data-say]")?.dataset.say;
  if (says && says !== said) {
    said = says;
    announcer.textContent = says;
  }
});
