// The pages do without this script. With it states change by themselves, actions need no new
// page, a log runs on, and there is a filter.

const RETRY = 3000; // milliseconds until a lost connection is tried again

const page = document.body.dataset.page;
if (page === "status") status();
if (page === "tail") tail();

// ---- the status page ----

function status() {
  const message = document.getElementById("message");
  const dialog = document.getElementById("confirm");
  const table = document.querySelector("table");
  const tbody = document.querySelector("tbody");
  const input = document.querySelector("#filter input");
  const rows = new Map([...(tbody?.rows ?? [])].map((row) => [row.dataset.name, row])); // by namespec
  const busy = new Set(); // namespecs with an action under way
  let ahead = Number(document.body.dataset.now) - Date.now() / 1000; // of the daemon's clock

  say(message.textContent);
  if (location.search.includes("message=")) {
    history.replaceState(null, "", location.pathname); // a reload shall not say it again
  }

  // Actions.
  for (const link of document.querySelectorAll("a[data-confirm]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const button = dialog.querySelector("[name=action]");
      const count = tbody ? tbody.rows.length : 0;
      button.value = link.dataset.confirm;
      button.textContent = link.textContent;
      const what = count === 1 ? "the only process" : `all ${count} processes`;
      dialog.querySelector("p").textContent = link.textContent.replace(/ All$/, "") + ` ${what}?`;
      dialog.showModal();
      dialog.querySelector(".cancel").focus();
    });
  }
  dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());

  document.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close();
    act(event.target, event.submitter);
  });

  async function act(form, button) {
    const body = new URLSearchParams(new FormData(form));
    body.set(button.name, button.value);
    const name = body.get("processname") ?? "";
    if (name !== "" && busy.has(name)) return;
    busy.add(name);
    mark(name);
    const what = `${button.textContent} ${rows.get(name)?.querySelector("td.name").textContent ?? ""}`;
    say(`${what}\u2026`, false);
    try {
      // getAttribute, because form.action is the button of that name.
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const told = next.querySelector(".status_msg");
      say(told ? told.textContent : `${answer.status} ${answer.statusText}`, told?.matches(".bad") ?? !answer.ok);
      if (tbody && !live.open) {
        for (const row of next.querySelectorAll("tbody tr")) replace(row);
      }
    } catch {
      say(`No answer: nobody knows whether "${what}" was done.`, true);
    }
    busy.delete(name);
    mark(name);
  }

  function mark(name) {
    rows.get(name)?.setAttribute("aria-busy", busy.has(name)); // disabled buttons would lose the focus
  }

  function say(text, bad = message.matches(".bad")) {
    message.textContent = text;
    message.className = text === "" ? "hidden" : bad ? "status_msg bad" : "status_msg";
  }

  // What changes.
  const live = stream({
    change(data) {
      ahead = data.now - Date.now() / 1000;
      const names = data.names ?? [];
      if (data.names && (names.length > 0) !== Boolean(tbody)) {
        location.reload(); // from no table to one, or back
        return;
      }
      if (!tbody) return;
      const parser = document.createElement("template");
      for (const html of Object.values(data.rows ?? {})) {
        parser.innerHTML = html; // escaped by the server
        replace(parser.content.querySelector("tr"));
      }
      if (data.names) arrange(names);
      document.getElementById("summary").textContent = data.summary;
      tick();
      filter();
    },
  });

  // replace puts a row in the place of its elder, or at the end, and keeps the focus in it. A
  // button that is gone hands it to the name, never to another button under the same finger.
  function replace(row) {
    const old = rows.get(row.dataset.name);
    if (!old) {
      tbody.append(row);
      rows.set(row.dataset.name, row);
    } else if (old.dataset.rev !== row.dataset.rev) {
      const focused = old.contains(document.activeElement) ? document.activeElement : null;
      old.replaceWith(row);
      rows.set(row.dataset.name, row);
      if (focused) {
        const same = [...row.querySelectorAll("a, button")].find((e) => e.textContent === focused.textContent);
        (same ?? row.querySelector("td.name a")).focus();
      }
    }
    mark(row.dataset.name);
  }

  function arrange(names) {
    const wanted = new Set(names);
    for (const [name, row] of rows) {
      if (wanted.has(name)) continue;
      row.remove();
      rows.delete(name);
    }
    names.forEach((name, i) => {
      if (tbody.rows[i]?.dataset.name !== name) tbody.insertBefore(rows.get(name), tbody.rows[i] ?? null);
    });
  }

  // Uptimes.
  function tick() {
    if (document.hidden || !tbody) return;
    const now = Math.floor(Date.now() / 1000 + ahead);
    for (const row of tbody.querySelectorAll("tr[data-start]")) {
      const info = row.querySelector(".info");
      const text = info.textContent.replace(/uptime .*$/, "uptime " + uptime(now - row.dataset.start));
      if (text !== info.textContent) info.textContent = text;
    }
  }
  setInterval(tick, 1000);

  // The filter: every word must occur.
  function filter() {
    if (!tbody) return;
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of tbody.rows) {
      const text = ["td.status", "td.name", "td.desc"].map((c) => row.querySelector(c).textContent).join(" ").toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown++;
    }
    table.classList.toggle("filtered", words.length > 0);
    document.getElementById("none").hidden = shown > 0;
  }
  if (tbody) {
    input.parentElement.hidden = false;
    input.addEventListener("input", filter);
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      input.value = "";
      filter();
      input.blur();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (document.activeElement.matches("input, textarea") || dialog.open) return;
      event.preventDefault();
      input.focus();
    });
    filter(); // the browser may have kept what was typed
  }

  // stream listens for events while the page is seen: browsers allow a site six connections,
  // and tabs in the background shall not hold them.
  function stream(on) {
    const state = { open: false };
    let source, timer;
    const connect = () => {
      clearTimeout(timer);
      source?.close();
      source = new EventSource("events");
      source.addEventListener("change", (event) => {
        state.open = true;
        light("on", "live");
        table?.classList.remove("stale");
        on.change(JSON.parse(event.data));
      });
      source.addEventListener("down", (event) => lost(JSON.parse(event.data)));
      source.addEventListener("error", () => lost("connection lost"));
    };
    const lost = (why) => {
      source.close();
      state.open = false;
      light("off", why);
      table?.classList.add("stale");
      clearTimeout(timer);
      timer = setTimeout(connect, RETRY);
    };
    whileSeen(connect, () => {
      clearTimeout(timer);
      source?.close();
      state.open = false;
    });
    return state;
  }
}

// uptime is Python's str(timedelta): "0:00:12", "1 day, 0:00:12".
function uptime(seconds) {
  seconds = Math.max(0, seconds);
  const two = (n) => String(n).padStart(2, "0");
  const days = Math.floor(seconds / 86400);
  const time = `${Math.floor(seconds / 3600) % 24}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return days === 0 ? time : `${days} day${days === 1 ? "" : "s"}, ${time}`;
}

// ---- the tail page ----

function tail() {
  const PIECE = 1 << 14; // characters in a text node, about
  const log = document.getElementById("log");
  let size = log.textContent.length;
  const keep = Math.max(1 << 20, 2 * size); // characters that stay on the page
  const button = document.getElementById("follow");
  log.scrollTop = log.scrollHeight;
  if (!button) return;

  let want = true; // to follow
  let reading; // an AbortController while we do
  let timer;
  button.hidden = false;
  button.addEventListener("click", () => {
    want = !want;
    if (want) start();
    else stop();
  });
  whileSeen(() => want && start(), stop);

  async function start() {
    if (reading) return;
    clearTimeout(timer);
    const mine = (reading = new AbortController());
    button.setAttribute("aria-pressed", true);
    let why = "the log has ended";
    try {
      const answer = await fetch(button.dataset.href, { signal: mine.signal });
      if (!answer.ok) throw new Error(answer.status === 404 ? "no log" : `${answer.status} ${answer.statusText}`);
      light("on", "live");
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let first = true; ; first = false) {
        const { value, done } = await reader.read();
        if (done) break;
        append(first ? fresh(value) : value);
      }
    } catch (error) {
      why = error instanceof TypeError ? "connection lost" : error.message;
    }
    if (reading !== mine) return; // we stopped it ourselves
    reading = undefined;
    button.setAttribute("aria-pressed", false);
    light("off", why);
    timer = setTimeout(() => want && !document.hidden && start(), RETRY);
  }

  function stop() {
    clearTimeout(timer);
    const was = reading;
    reading = undefined;
    was?.abort();
    button.setAttribute("aria-pressed", false);
    light("", "paused");
  }

  // fresh is what of the stream's beginning, the end of the log, the page does not show yet.
  function fresh(text) {
    const shown = log.textContent;
    text = text.replace(/^\uFFFD+/, ""); // it may begin inside a character
    for (let n = Math.min(text.length, shown.length); n > 0; n--) {
      if (shown.endsWith(text.slice(0, n))) return text.slice(n);
    }
    return shown === "" ? text : "\n[\u2026]\n" + text; // more was written than that
  }

  function append(text) {
    if (text === "") return;
    const end = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    if (log.lastChild?.length < PIECE) log.lastChild.appendData(text);
    else log.append(text);
    size += text.length;
    while (size > keep && log.childNodes.length > 1) {
      size -= log.firstChild.length;
      log.firstChild.remove();
    }
    if (end) log.scrollTop = log.scrollHeight;
  }
}

// ---- both ----

function light(state, text) {
  const live = document.getElementById("live");
  live.hidden = false;
  live.className = state;
  live.textContent = text;
}

function whileSeen(start, stop) {
  if (!document.hidden) start();
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  addEventListener("pagehide", stop); // a page in the back/forward cache holds no connection
  addEventListener("pageshow", (event) => event.persisted && start());
}
