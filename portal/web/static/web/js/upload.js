// Sends the upload form file by file, with progress. Without it the form is sent as a whole.
const AT_ONCE = 2;
const form = document.querySelector("[data-upload]");
const input = form.querySelector("input[type=file]");
const drop = form.querySelector("[data-drop]");
const send = form.querySelector("[data-send]");
const verdicts = document.querySelector("[data-verdicts]");
const list = verdicts.querySelector("[data-list]");
const summary = verdicts.querySelector("[data-summary]");
let running = 0;

drop.querySelector("[data-drop-hint]").hidden = false;
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("is-over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) {
      input.files = event.dataTransfer.files;
      send.focus();
    }
  });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const files = [...input.files];
  if (!files.length || running) return;
  const together = form.elements.together.checked;
  const jobs = together ? [files] : files.map((file) => [file]);
  const queue = jobs.map((job) => ({ job, row: waitingRow(job) }));
  verdicts.hidden = false;
  send.disabled = true;
  running = queue.length;
  summary.textContent = `Sending ${files.length} file${files.length === 1 ? "" : "s"} …`;
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(queue)));
  running = 0;
  send.disabled = false;
  input.value = "";
  summarise();
});

window.addEventListener("beforeunload", (event) => {
  if (running) event.preventDefault();
});

async function work(queue) {
  for (let next = queue.shift(); next; next = queue.shift()) {
    await sendFiles(next.job, next.row);
  }
}

function sendFiles(files, row) {
  const size = files.reduce((sum, file) => sum + file.size, 0);
  if (size > Number(form.dataset.limit)) {
    return tell(row, "Refused. It is larger than this server takes in one upload.", "refused");
  }
  const body = new FormData(form);
  body.delete("files");
  files.forEach((file) => body.append("files", file));
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("HX-Request", "true");
    request.upload.addEventListener("progress", (event) => {
      const bar = row.querySelector("progress");
      bar.max = event.total;
      bar.value = event.loaded;
      if (event.loaded === event.total) row.querySelector("[data-state]").textContent = "Sent; being checked …";
    });
    request.addEventListener("loadend", () => done(settle(request, row)));
    request.send(body);
  });
}

function settle(request, row) {
  const answer = new DOMParser().parseFromString(request.responseText, "text/html");
  const found = [...answer.querySelectorAll("li.verdict")];
  if (request.status === 200 && found.length) {
    row.replaceWith(...found.map((verdict) => document.adoptNode(verdict)));
  } else {
    tell(row, excuse(request), "refused");
  }
}

function excuse(request) {
  if (request.status === 0) return "The connection broke before an answer came. Send the file again: it is never stored twice.";
  if (request.status === 204) return "You are signed out. Reload the page, sign in and send it again.";
  if (request.status === 403) return "Refused: the page is too old or your role changed. Reload it and send the file again.";
  if (request.status === 413) return "Refused: it is larger than this server takes in one upload.";
  if (request.status === 422) return "Refused: the patient details cannot be used. Check them and send it again.";
  if (request.status === 503) return "A part of Overread does not answer just now. Wait a moment and send the file again.";
  return `The server answered ${request.status}. Send the file again; if it stays so, tell your administrator.`;
}

function waitingRow(files) {
  const row = document.createElement("li");
  row.className = "verdict verdict--sending";
  const box = row.appendChild(document.createElement("div"));
  const name = box.appendChild(document.createElement("p"));
  name.className = "verdict__name";
  name.appendChild(document.createElement("bdi")).textContent = files.map((file) => file.name).join(", ");
  const bar = box.appendChild(document.createElement("progress"));
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Upload of ${files.map((file) => file.name).join(", ")}`);
  const state = box.appendChild(document.createElement("p"));
  state.dataset.state = "";
  state.className = "quiet";
  state.textContent = "Waiting to be sent …";
  list.append(row);
  return row;
}

function tell(row, sentence, status) {
  row.className = `verdict verdict--${status}`;
  row.dataset.status = status;
  row.querySelector("progress")?.remove();
  row.querySelector("[data-state]").textContent = sentence;
}

function summarise() {
  const refused = list.querySelectorAll("[data-status=refused]").length;
  const all = list.querySelectorAll("[data-status]").length;
  summary.textContent = `${all - refused} of ${all} accepted${refused ? `, ${refused} refused` : ""}. `;
  const link = summary.appendChild(document.createElement("a"));
  link.href = form.dataset.list;
  link.textContent = "Go to the list";
}
