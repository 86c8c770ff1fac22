// The scanning station: finding a dossier, sending scans, watching them go through.
//
// Sending: each file is a raw body under an id of its own. When the connection is lost it is sent
// again under the same id, so the archive keeps one record and gives the same receipt. What was not
// received yet stays in the queue of this window, is counted, and leaving asks first.
// Watching: the server sends the parts of the page that changed; when its stream of events fails
// twice the page asks every two seconds. Nobody is at a window that was not touched for a while:
// then it stops asking, so that the visit can end.
// Keys: F2 goes to the box for a dossier's code, and so does whatever is typed outside of fields: a
// wedge scanner types like a keyboard. F8 chooses files, F9 goes on to the comparison.
"use strict";

(() => {
  const AT_ONCE = 2;
  const HASHED_BYTES = 256 << 20; // A larger file would have to fit into memory as a whole.
  const POLL_MS = 2000;
  const UNTOUCHED_MS = 20 * 60 * 1000;
  const LONGEST_NAME = 255;

  const find = document.getElementById("dossier");
  const form = document.getElementById("station-form");
  const screen = document.getElementById("station-files");

  // ------------------------------------------------------------------ keys and wedge scanners

  const isField = (element) =>
    element.isContentEditable || element.matches("input, textarea, select");

  const pressed = {
    F2: () => find?.select(),
    F8: () => form?.querySelector("input[type=file]")?.click(),
    F9: () => document.querySelector('a[href^="/confirm/"]')?.click(),
  };

  let touched = Date.now();
  document.addEventListener(
    "keydown",
    (event) => {
      touched = Date.now();
      if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
      if (pressed[event.key]) {
        event.preventDefault();
        pressed[event.key]();
      } else if (/^[0-9A-Za-z\]]$/.test(event.key) && !isField(event.target)) {
        find?.focus(); // The character itself lands in the box.
        event.stopPropagation();
      }
    },
    true,
  );
  document.addEventListener("pointerdown", () => (touched = Date.now()));
  if (!document.querySelector("[data-error-summary]")) find?.focus();

  if (!screen) return;

  // ------------------------------------------------------------------ watching

  const here = `/station/${location.pathname.split("/")[2]}`;
  const said = document.getElementById("station-said");

  /** Puts a part in its place; the link that had the focus keeps it. */
  const place = (fresh) => {
    const now = document.getElementById(fresh.id);
    const address = now.contains(document.activeElement) && document.activeElement.getAttribute("href");
    now.replaceWith(fresh);
    if (!address) return;
    [...fresh.querySelectorAll("a")].find((a) => a.getAttribute("href") === address)?.focus();
  };

  /** Pictures that are there already are moved over, so that nothing flickers. */
  const keepPictures = (parts) => {
    const held = new Map(
      [...document.querySelectorAll("#station-files img")].map((img) => [img.getAttribute("src"), img]),
    );
    for (const img of parts.querySelectorAll("img")) {
      const old = held.get(img.getAttribute("src"));
      if (old?.naturalWidth) img.replaceWith(old);
    }
  };

  let last = "";
  const show = (html) => {
    if (html === last) return;
    last = html;
    const parts = new DOMParser().parseFromString(html, "text/html").body;
    keepPictures(parts);
    for (const part of [...parts.children]) place(part);
    const counts = document.getElementById("station-counts");
    for (const element of counts.querySelectorAll("[data-script]")) element.hidden = false;
    count();
    const text = [...counts.querySelectorAll("li:not([hidden])")].map((li) => li.textContent.trim());
    if (said.textContent !== text.join(", ")) said.textContent = text.join(", ");
  };

  let source = null;
  let failures = 0;
  let timer = 0;

  const ask = async () => {
    clearTimeout(timer);
    if (Date.now() - touched < UNTOUCHED_MS && !document.hidden) {
      try {
        const answer = await fetch(`${here}/state`, { credentials: "same-origin" });
        if (answer.ok && !answer.redirected) show(await answer.text());
      } catch {
        // No network: the next round may have one.
      }
    }
    timer = setTimeout(ask, POLL_MS);
  };

  const watch = () => {
    source?.close();
    if (!window.EventSource || failures >= 2) {
      ask();
      return;
    }
    source = new EventSource(`${here}/events`);
    source.onmessage = (event) => {
      failures = 0;
      show(event.data);
    };
    source.onerror = () => {
      failures += 1;
      source.close();
      if (Date.now() - touched < UNTOUCHED_MS) timer = setTimeout(watch, 1000);
      else document.addEventListener("pointerdown", watch, { once: true });
    };
  };
  watch();
  window.addEventListener("pagehide", () => source?.close());

  // ------------------------------------------------------------------ sending

  const list = document.querySelector(".cb-queue");
  const queue = [];
  let sending = 0;

  const count = () => {
    const open = queue.length;
    for (const element of document.querySelectorAll("[data-unsent]")) {
      element.dataset.unsent = open;
      element.textContent = open;
    }
    document.getElementById("station-queue").hidden = open === 0;
  };

  if (!form) return;
  const words = form.dataset;
  const token = form.querySelector("[name=csrf]").value;
  const input = form.querySelector("input[type=file]");
  const zone = form.querySelector("[data-drop-zone]");
  input.required = false;

  const newId = () =>
    [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

  /** A name may hold half a character (a lone surrogate), which no address and no header can. */
  const encoded = (text) => {
    const whole = [...text].map((c) => (/^[\ud800-\udfff]$/.test(c) ? "\ufffd" : c));
    return encodeURIComponent(whole.slice(0, LONGEST_NAME).join(""));
  };

  const line = (item) => {
    item.row = document.createElement("li");
    item.row.append(document.createElement("b"), document.createElement("span"));
    item.row.firstChild.textContent = item.file.name.slice(0, LONGEST_NAME).replace(/\p{C}/gu, "\ufffd");
    item.bar = document.createElement("progress");
    item.bar.max = 1;
    item.bar.value = 0;
    item.bar.setAttribute("aria-label", item.row.firstChild.textContent);
    item.row.append(item.bar);
    list.append(item.row);
    tell(item, words.queued);
  };

  const tell = (item, text, buttons = []) => {
    item.row.children[1].textContent = ` · ${text} `;
    item.row.querySelectorAll("button").forEach((button) => button.remove());
    for (const [label, act] of buttons) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "cb-btn sec";
      button.textContent = label;
      button.addEventListener("click", act);
      item.row.append(button);
    }
  };

  const drop = (item) => {
    const at = queue.indexOf(item);
    if (at >= 0) queue.splice(at, 1);
    item.row.remove();
    count();
  };

  const later = (item) => {
    item.tries += 1;
    item.state = "waiting";
    setTimeout(() => {
      if (item.state === "waiting") item.state = "queued";
      next();
    }, Math.min(1000 * 2 ** (item.tries - 1), 30000));
  };

  const again = (item, fresh) => () => {
    if (fresh) item.id = newId();
    item.state = "queued";
    item.tries = 0;
    next();
  };

  const digest = async (file) => {
    if (!window.crypto?.subtle || file.size > HASHED_BYTES) return null;
    const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return [...new Uint8Array(hash)].map((b) => b.toString(16).padStart(2, "0")).join("");
  };

  /** Opens the batch of some files; the same command again gets the same batch. */
  const begin = async (batch) => {
    if (batch.id) return;
    const fields = new URLSearchParams({ csrf: token, command: batch.command, files: batch.files });
    for (const name of ["sheets", "documents", "device"]) fields.set(name, batch[name]);
    const answer = await fetch(`${here}/batches`, { method: "POST", body: fields, credentials: "same-origin" });
    if (answer.redirected) throw { signedOut: true };
    const got = await answer.json();
    if (!answer.ok) throw got;
    batch.id = got.batch;
  };

  const put = (item, sha256) =>
    new Promise((resolve, reject) => {
      const secret = item.batch.secrecy !== "";
      const request = new XMLHttpRequest();
      request.open("PUT", `/station/batches/${item.batch.id}/files/${item.id}`);
      request.responseType = "text";
      request.setRequestHeader("X-CSRF", token);
      request.setRequestHeader("Accept", "application/json");
      if (secret) {
        // A state secret does not leave this machine: neither its name nor a byte of it.
        request.setRequestHeader("X-Secrecy", item.batch.secrecy);
      } else {
        request.setRequestHeader("X-File-Name", encoded(item.file.name));
        if (item.batch.paper_location) request.setRequestHeader("X-Paper-Location", encoded(item.batch.paper_location));
        if (sha256) request.setRequestHeader("X-Content-SHA256", sha256);
      }
      request.upload.onprogress = (event) => {
        if (event.lengthComputable) item.bar.value = event.loaded / event.total;
      };
      request.onload = () => {
        if (request.responseURL.includes("/sign-in")) reject({ signedOut: true });
        try {
          resolve(JSON.parse(request.responseText));
        } catch {
          reject({ told: request.status === 413 ? words.tooLarge : words.failed, again: request.status >= 500 });
        }
      };
      request.onerror = request.ontimeout = () => reject({ network: true });
      request.send(secret ? null : item.file);
    });

  const send = async (item) => {
    item.state = "sending";
    sending += 1;
    tell(item, words.sending);
    try {
      if (item.file.size > Number(words.limit)) throw { told: words.tooLarge };
      item.sha256 = item.sha256 ?? (item.batch.secrecy ? null : await digest(item.file));
      await begin(item.batch);
      const got = await put(item, item.sha256);
      if (got.state === "failed") throw got;
      drop(item); // Received, known already or refused: a fact that the list below shows.
    } catch (trouble) {
      await fail(item, trouble);
    }
    sending -= 1;
    next();
  };

  const fail = async (item, trouble) => {
    const buttons = [[words.resend, again(item, false)], [words.drop, () => drop(item)]];
    if (trouble.network || trouble instanceof TypeError) {
      // A visit that ended answers before a long body was sent, which looks like a lost line.
      const answer = await fetch(`${here}/state`, { credentials: "same-origin" }).catch(() => null);
      if (answer?.redirected) trouble = { signedOut: true };
    }
    if (trouble.signedOut) {
      item.state = "stopped";
      tell(item, words.signedOut, buttons);
    } else if (trouble.network || trouble instanceof TypeError) {
      tell(item, words.noNetwork, buttons);
      later(item);
    } else if (trouble.again) {
      tell(item, trouble.told ?? words.failed, buttons);
      later(item);
    } else {
      item.state = "stopped";
      tell(item, trouble.told ?? words.failed, [[words.resend, again(item, true)], buttons[1]]);
    }
  };

  const next = () => {
    while (sending < AT_ONCE) {
      const item = queue.find((each) => each.state === "queued");
      if (!item) return;
      send(item);
    }
  };
  window.addEventListener("online", () => {
    for (const item of queue) if (item.state === "waiting") item.state = "queued";
    next();
  });

  const take = (files) => {
    if (files.length === 0) return;
    const batch = { command: newId(), files: files.length };
    for (const name of ["sheets", "documents", "device", "secrecy", "paper_location"]) {
      batch[name] = form.elements[name].value.trim();
    }
    for (const file of files) {
      const item = { id: newId(), batch, file, state: "queued", tries: 0 };
      queue.push(item);
      line(item);
    }
    form.elements.sheets.value = form.elements.documents.value = ""; // Said of these files alone.
    count();
    next();
  };

  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = "";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // Else the browser would leave the page and open the file.
    zone.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
})();
