// A session ends when its person is away. Typing and moving are presence; an open page is not.
// When it has ended the screen shows nothing any more, but what was typed and not sent is kept.
const { idle, here, signIn, who } = document.body.dataset;
const LIMIT = Number(idle) * 1000;
const WARN_BEFORE = Math.min(2 * 60 * 1000, LIMIT / 3);
const NOTED_EVERY = 60 * 1000;
const main = document.getElementById("main");
const announcer = document.getElementById("announcer");
let lastSaid = Date.now(); // when the server last heard of the person
let lastMoved = Date.now();
let note = null;
let over = false;

for (const kind of ["keydown", "pointerdown", "input", "wheel"]) {
  document.addEventListener(kind, moved, { capture: true, passive: true });
}
document.body.addEventListener("htmx:beforeOnLoad", (event) => {
  if (!event.detail.xhr.getResponseHeader("HX-Redirect")) return;
  event.preventDefault();
  end();
});
document.addEventListener("visibilitychange", look);
setInterval(look, Math.min(5000, LIMIT / 10));

function moved() {
  if (over) return;
  lastMoved = Date.now();
  if (lastMoved - lastSaid >= Math.min(NOTED_EVERY, LIMIT / 6)) say();
}

async function say() {
  lastSaid = Date.now();
  const answer = await post(here);
  if (answer?.headers.has("HX-Redirect")) end();
  else if (answer?.ok) unwarn();
}

function post(address) {
  const token = document.querySelector("input[name=csrfmiddlewaretoken]").value;
  const headers = { "X-CSRFToken": token, "HX-Request": "true", "HX-Current-URL": location.href };
  return fetch(address, { method: "POST", headers }).catch(() => null);
}

function look() {
  if (over) {
    if (!document.hidden) comeBack();
    return;
  }
  const away = Date.now() - Math.max(lastMoved, lastSaid);
  if (away >= LIMIT) ask();
  else if (away >= LIMIT - WARN_BEFORE) warn();
}

// another tab may have kept the session: signed in, the sign-in page only leads on
async function ask() {
  const answer = await fetch(signIn, { redirect: "manual" }).catch(() => null);
  if (answer?.type !== "opaqueredirect") return end();
  lastSaid = Date.now() - LIMIT + WARN_BEFORE;
  unwarn();
}

function warn() {
  if (note) return;
  note = show("You will be signed out in a moment. Move or type to stay.");
}

function unwarn() {
  if (over || !note) return;
  note.remove();
  note = null;
}

function unsent() {
  const forms = [...document.querySelectorAll("form[data-unsent]")];
  return forms.find((form) => form.dataset.unsent === "refused" || [...form.elements].some(isTouched));
}

function isTouched(field) {
  if (field.type === "hidden" || field.type === "password") return false;
  if (field.type === "radio" || field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") return [...field.options].some((option) => option.selected !== option.defaultSelected && option.value !== "");
  return field.tagName !== "BUTTON" && field.value !== field.defaultValue;
}

function end() {
  if (over) return;
  over = true;
  const form = unsent();
  if (!form) {
    location.assign(`${signIn}?${new URLSearchParams({ next: location.pathname + location.search })}`);
    return;
  }
  note?.remove();
  hideBut(form);
  note = show("You were signed out. What you typed below was not sent; it is kept on this page. ");
  const link = note.querySelector("span").appendChild(document.createElement("a"));
  link.href = signIn;
  link.target = "_blank";
  link.textContent = "Sign in in another tab";
  link.after(", then come back here and send it.");
}

// nobody shall read the patient's name while nobody is signed in
function hideBut(form) {
  for (let part = form; part !== main; part = part.parentElement) {
    for (const other of part.parentElement.children) if (other !== part && !other.hidden) hide(other);
  }
}

function hide(part) {
  part.hidden = true;
  part.dataset.away = "";
}

async function comeBack() {
  const answer = await fetch(location.href, { redirect: "manual" }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  // somebody else signed in: what was typed is not theirs
  if (page.body.dataset.who !== who) return location.reload();
  const fresh = page.querySelector("input[name=csrfmiddlewaretoken]").value;
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = fresh;
  for (const part of document.querySelectorAll("[data-away]")) {
    part.hidden = false;
    delete part.dataset.away;
  }
  over = false;
  lastMoved = lastSaid = Date.now();
  unwarn();
}

function show(words) {
  const box = document.createElement("div");
  box.className = "note note--error session-note";
  box.appendChild(document.createElement("span")).textContent = words;
  main.prepend(box);
  announcer.textContent = words;
  return box;
}
