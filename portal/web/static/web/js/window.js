// Window and level by slider, by dragging and by keys. Each step asks the server for the picture;
// the next one is asked for only when the last one has come.
const DRAG = 2; // widths a drag across the whole picture is worth

function stage() {
  const picture = document.querySelector("[data-picture]");
  const form = document.querySelector("[data-window]");
  return picture && form ? { picture, form, img: picture.querySelector("img") } : null;
}

function enhance() {
  const found = stage();
  if (!found || found.form.dataset.enhanced) return;
  const { form, img, picture } = found;
  form.dataset.enhanced = "yes";
  document.querySelector("[data-keys]").hidden = false;
  const [low, high] = [Number(form.dataset.low), Number(form.dataset.high)];
  slider(form, "centre", low, high);
  slider(form, "width", 1, high - low);
  form.querySelector("#apply-window").hidden = true;
  form.addEventListener("input", () => show(form, img));
  form.elements.full_size.addEventListener("change", () => picture.classList.toggle("stage__picture--full", form.elements.full_size.checked));
  picture.addEventListener("pointerdown", (event) => drag(event, found));
  picture.addEventListener("keydown", (event) => key(event, found));
}

function slider(form, name, least, most) {
  const number = form.elements[name];
  const range = document.createElement("input");
  range.type = "range";
  range.min = least;
  range.max = most;
  range.step = Math.max(1, Math.round((most - least) / 512));
  range.value = number.value || form.dataset[name];
  range.setAttribute("aria-label", `${number.labels[0].textContent.trim()}, slider`);
  number.before(range);
  range.addEventListener("input", () => set(form, { [name]: Number(range.value) }));
  number.addEventListener("input", () => { range.value = number.value; });
}

function current(form) {
  const { centre, width } = form.elements;
  return { centre: Number(centre.value || form.dataset.centre), width: Number(width.value || form.dataset.width) };
}

function set(form, change) {
  const next = { ...current(form), ...change };
  form.elements.centre.value = Math.round(next.centre * 10) / 10;
  form.elements.width.value = Math.max(1, Math.round(next.width * 10) / 10);
  for (const range of form.querySelectorAll("input[type=range]")) range.value = range.nextElementSibling.value;
}

function show(form, img) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (name !== "instance" && value !== "") query.set(name, value);
  img.dataset.wanted = `${img.src.split("?")[0]}?${query}`;
  query.set("instance", form.elements.instance.value);
  history.replaceState(history.state, "", `?${query}`);
  for (const review of document.querySelectorAll("[data-keeps-view]")) review.action = `${review.action.split("?")[0]}?${query}`;
  ask(img);
}

function ask(img) {
  if (img.dataset.busy || !img.dataset.wanted || img.dataset.wanted === img.src) return;
  img.dataset.busy = "yes";
  const free = () => {
    delete img.dataset.busy;
    ask(img);
  };
  img.addEventListener("load", free, { once: true });
  img.addEventListener("error", free, { once: true });
  img.src = img.dataset.wanted;
}

function drag(start, { picture, form, img }) {
  if (start.button !== 0 || form.elements.full_size.checked) return;
  const from = current(form);
  const box = picture.getBoundingClientRect();
  let moved = false;
  const move = (event) => {
    const dx = (event.clientX - start.clientX) / box.width;
    const dy = (event.clientY - start.clientY) / box.height;
    if (!moved && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) < 4) return;
    moved = true;
    set(form, { centre: from.centre + dy * from.width * DRAG, width: from.width * Math.exp(dx * DRAG) });
    show(form, img);
  };
  const end = () => {
    picture.removeEventListener("pointermove", move);
    picture.removeEventListener("pointerup", end);
    picture.removeEventListener("pointercancel", end);
  };
  picture.setPointerCapture(start.pointerId);
  picture.addEventListener("pointermove", move);
  picture.addEventListener("pointerup", end);
  picture.addEventListener("pointercancel", end);
}

function key(event, { form, img }) {
  if (event.ctrlKey || event.metaKey || event.altKey || form.elements.full_size.checked) return;
  const { centre, width } = current(form);
  const steps = {
    ArrowUp: { centre: centre - width * 0.04 },
    ArrowDown: { centre: centre + width * 0.04 },
    ArrowLeft: { width: width / 1.08 },
    ArrowRight: { width: width * 1.08 },
  };
  if (steps[event.key]) set(form, steps[event.key]);
  else if (event.key.toLowerCase() === "i") form.elements.invert.checked = !form.elements.invert.checked;
  else if (event.key === "0") for (const name of ["centre", "width"]) form.elements[name].value = "";
  else return;
  if (event.key === "0") form.elements.invert.checked = false;
  event.preventDefault();
  show(form, img);
}

enhance();
document.body.addEventListener("htmx:afterSettle", enhance);
