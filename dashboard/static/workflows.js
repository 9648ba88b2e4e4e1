// Keeps the page fresh. It works without: the page then loads itself anew.
(function () {
  "use strict";

  var EVERY = 2000;
  var live = document.querySelector("[data-live]");
  var fresh = document.getElementById("wf-fresh");
  var said = document.getElementById("wf-said");
  var states = {};
  var told = "";
  var since = "";
  var looking = 0;

  function noteStates(speak) {
    document.querySelectorAll("[data-state]").forEach(function (card) {
      if (speak && states[card.id] !== card.dataset.state) {
        said.textContent = card.id + " is " + card.dataset.state;
      }
      states[card.id] = card.dataset.state;
    });
  }

  // The exact time, which is told on request, in the zone of whoever looks.
  function tellTimes(where) {
    where.querySelectorAll("time[datetime]").forEach(function (time) {
      time.title = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
    });
  }

  // Whoever types, marks, or is about to confirm something keeps the page under their hands.
  function isInUse() {
    var at = document.activeElement;
    var types = at && live.contains(at) && at.tagName === "INPUT";
    var typed = Array.prototype.some.call(live.querySelectorAll("input[name=why]"), function (field) {
      return field.value !== "";
    });
    return types || typed || live.querySelector("details[open]") || !getSelection().isCollapsed;
  }

  function put(text) {
    if (text === told) {
      return true;
    }
    if (isInUse()) {
      return false;
    }
    var focused = live.contains(document.activeElement) ? document.activeElement.id : "";
    var scrolled = Array.prototype.map.call(live.querySelectorAll(".wf-scroll"), function (box) {
      return box.scrollLeft;
    });
    live.innerHTML = text;
    tellTimes(live);
    live.querySelectorAll(".wf-scroll").forEach(function (box, index) {
      box.scrollLeft = scrolled[index] || 0;
    });
    if (focused) {
      var again = document.getElementById(focused) || live.querySelector(".wf-button");
      if (again) {
        again.focus({ preventScroll: true });
      }
    }
    told = text;
    noteStates(true);
    return true;
  }

  function mark(answers, isFresh) {
    live.classList.toggle("wf-old", !answers);
    fresh.classList.toggle("wf-lost", !answers);
    if (isFresh) {
      since = new Date().toLocaleTimeString();
    }
    fresh.textContent = (answers ? "" : "No answer from the dashboard. ") + "As of " + since +
      (answers && !isFresh ? "; it goes on when you are done" : "");
  }

  function look() {
    if (document.hidden) {
      return;
    }
    fetch(location.pathname + "?part=live", { credentials: "same-origin", redirect: "error", cache: "no-store" })
      .then(function (answer) {
        if (answer.status === 401) {
          clearInterval(looking);
          location.reload(); // people log in from now on, or this one is not among them any more
        }
        if (!answer.ok) {
          throw new Error(String(answer.status));
        }
        return answer.text();
      })
      .then(function (text) {
        mark(true, put(text));
      })
      .catch(function () {
        mark(false, false);
      });
  }

  tellTimes(document);

  if (live) {
    noteStates(false);
    mark(true, true);
    looking = setInterval(look, EVERY);
    document.addEventListener("visibilitychange", look);
  }

  // A link to what is folded unfolds it.
  function unfold() {
    var aim = location.hash && document.getElementById(location.hash.slice(1));
    if (aim && aim.tagName === "DETAILS") {
      aim.open = true;
      aim.scrollIntoView({ behavior: "instant" });
      aim.querySelector("summary").focus({ preventScroll: true });
    }
  }

  addEventListener("load", unfold);
  document.addEventListener("click", function (event) {
    if (event.target.closest("a[href*='#']")) {
      setTimeout(unfold);
    }
  });

  // What is typed into the editor is not left behind by mistake.
  var text = document.querySelector("#editor textarea");
  var kept = text && !document.querySelector(".wf-mistakes, .wf-difference") ? text.value : "";

  function ask(event) {
    if (text.value !== kept) {
      event.preventDefault();
    }
  }

  if (text) {
    addEventListener("beforeunload", ask);
  }

  // One press, one act.
  document.addEventListener("submit", function (event) {
    removeEventListener("beforeunload", ask);
    setTimeout(function () {
      event.target.querySelectorAll("button").forEach(function (button) {
        button.disabled = true;
      });
    });
  });

  document.querySelectorAll(".wf-line-link").forEach(function (link) {
    link.addEventListener("click", function () {
      var lines = text.value.split("\n");
      var number = Number(link.dataset.line) - 1;
      var start = lines.slice(0, number).join("\n").length + (number ? 1 : 0);
      text.focus();
      text.setSelectionRange(start, start + (lines[number] || "").length);
      text.scrollTop = (text.scrollHeight / lines.length) * Math.max(0, number - 5);
    });
  });
}());
