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

// Where the network looked, over the whole picture: off until somebody asks for it. Of several
// images it is offered with the one that is shown; what was chosen outlives a part that is swapped.
const RAMP = [[40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21], [250, 193, 39]];
const SIDE = 224;
const chosen = new Map();
const resized = new ResizeObserver(() => lay(document.querySelector("[data-overlay]")));

function where() {
  const found = stage();
  document.querySelector("[data-overlay]")?.remove();
  resized.disconnect();
  for (const part of document.querySelectorAll("[data-map]")) offer(part, found);
}

function offer(part, found) {
  const isShown = found?.form.elements.instance.value === part.dataset.image;
  const [tools, elsewhere] = ["[data-where-tools]", "[data-where-elsewhere]"].map((name) => part.querySelector(name));
  const [box, range] = ["input[type=checkbox]", "input[type=range]"].map((name) => part.querySelector(name));
  tools.hidden = !isShown;
  elsewhere.hidden = isShown;
  if (!isShown) return;
  const kept = chosen.get(part.dataset.map) ?? { on: false, opacity: range.value };
  box.checked = kept.on;
  range.value = kept.opacity;
  const change = () => {
    chosen.set(part.dataset.map, { on: box.checked, opacity: range.value });
    range.disabled = !box.checked;
    overlay(found, part.dataset.map, box.checked, range.value / 100);
  };
  box.onchange = change;
  range.oninput = change;
  change();
}

function overlay({ picture, img }, address, isOn, opacity) {
  let canvas = picture.querySelector("[data-overlay]");
  if (!canvas && isOn) {
    canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE, className: "stage__map" });
    canvas.setAttribute("aria-hidden", "true");
    canvas.dataset.overlay = "";
    const context = canvas.getContext("2d", { willReadFrequently: true });
    picture.append(canvas);
    const map = new Image();
    map.addEventListener("load", () => colour(context, map), { once: true });
    map.src = address;
    resized.observe(picture);
    resized.observe(img);
    img.onload = () => lay(canvas);
  }
  if (!canvas) return;
  canvas.hidden = !isOn;
  canvas.style.opacity = opacity;
  lay(canvas);
}

function colour(context, map) {
  context.imageSmoothingQuality = "high";
  context.drawImage(map, 0, 0, SIDE, SIDE);
  const pixels = context.getImageData(0, 0, SIDE, SIDE);
  for (let at = 0; at < pixels.data.length; at += 4) {
    const value = pixels.data[at];
    const place = (value / 255) * (RAMP.length - 1);
    const [low, high] = [RAMP[Math.floor(place)], RAMP[Math.ceil(place)]];
    for (let part = 0; part < 3; part += 1) pixels.data[at + part] = low[part] + (high[part] - low[part]) * (place % 1);
    pixels.data[at + 3] = value;
  }
  context.putImageData(pixels, 0, 0);
}

// The picture keeps its proportions within its element; what lies around it is not picture. What is
// drawn instead of an image that cannot be shown has other proportions, and gets no map.
function lay(canvas) {
  const img = canvas?.parentElement.querySelector("img");
  if (!img?.naturalWidth) return;
  const [width, height] = [img.naturalWidth, img.naturalHeight];
  const asked = img.getAttribute("width") / img.getAttribute("height");
  const scale = Math.min(img.clientWidth / width, img.clientHeight / height);
  const fits = Math.abs(width / height / asked - 1) < 0.02;
  Object.assign(canvas.style, {
    left: `${img.offsetLeft + (img.clientWidth - width * scale) / 2}px`,
    top: `${img.offsetTop + (img.clientHeight - height * scale) / 2}px`,
    width: `${fits ? width * scale : 0}px`,
    height: `${fits ? height * scale : 0}px`,
  });
}

function begin() {
  enhance();
  where();
}

begin();
document.body.addEventListener("htmx:afterSettle", begin);
