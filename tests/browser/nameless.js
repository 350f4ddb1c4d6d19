// Every control has a name, every image an alternative, every id is there once, one h1.
() => {
  const wrong = [];
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (!field.labels?.length && !field.getAttribute("aria-label")) wrong.push(`no label: ${field.outerHTML}`);
  }
  for (const one of document.querySelectorAll("a, button, summary")) {
    if (!one.textContent.trim()) wrong.push(`no words: ${one.outerHTML}`);
  }
  for (const image of document.images) if (!image.alt) wrong.push(`no alternative: ${image.src}`);
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) wrong.push(`twice: #${id}`);
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not exactly one h1");
  return wrong;
}
