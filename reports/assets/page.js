(function () {
  "use strict";
  var root = document.documentElement;
  var asked = /[?&]theme=(dark|light)/.exec(location.search);
  var dark = window.matchMedia && matchMedia("(prefers-color-scheme: dark)");
  function follow() { root.dataset.theme = dark && dark.matches ? "dark" : "light"; }
  if (asked) root.dataset.theme = asked[1];
  else { follow(); if (dark && dark.addEventListener) dark.addEventListener("change", follow); }
  window.addEventListener("beforeprint", function () { root.dataset.theme = "light"; });

  document.addEventListener("DOMContentLoaded", function () {
    var toggle = document.getElementById("theme");
    if (toggle) toggle.addEventListener("click", function () {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    });

    // What a mark means, on hover or touch.
    var tip = document.createElement("div");
    tip.id = "tip";
    document.body.appendChild(tip);
    function show(event) {
      var at = event.target.closest && event.target.closest("[data-tip]");
      if (!at) { tip.classList.remove("on"); return; }
      tip.textContent = at.getAttribute("data-tip");
      tip.classList.add("on");
      var x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
      var y = event.clientY + 16;
      if (y + tip.offsetHeight > innerHeight - 8) y = event.clientY - tip.offsetHeight - 12;
      tip.style.left = Math.max(8, x) + "px";
      tip.style.top = Math.max(8, y) + "px";
    }
    document.addEventListener("pointermove", show);
    document.addEventListener("pointerdown", show);

    // Point at a legend entry to see its marks alone; click to keep it so.
    var held = null;
    function only(key, scope) {
      scope.querySelectorAll("[data-key]").forEach(function (e) {
        e.classList.toggle("dimmed", key !== null && e.getAttribute("data-key") !== key);
      });
    }
    document.querySelectorAll(".legend [data-key]").forEach(function (entry) {
      var scope = entry.closest("section"), key = entry.getAttribute("data-key");
      entry.addEventListener("mouseenter", function () { if (!held) only(key, scope); });
      entry.addEventListener("mouseleave", function () { if (!held) only(null, scope); });
      entry.addEventListener("click", function () {
        held = held === entry ? null : entry;
        only(held ? key : null, scope);
      });
    });

    // Tables sort by the column clicked.
    document.querySelectorAll("table.sortable").forEach(function (table) {
      var heads = Array.prototype.slice.call(table.tHead.rows[0].cells);
      heads.forEach(function (head, column) {
        head.addEventListener("click", function () {
          var up = head.classList.contains("sorted") && !head.classList.contains("up");
          heads.forEach(function (h) { h.classList.remove("sorted", "up"); });
          head.classList.add("sorted");
          if (up) head.classList.add("up");
          var rows = Array.prototype.slice.call(table.tBodies[0].rows);
          rows.sort(function (a, b) {
            var x = a.cells[column], y = b.cells[column];
            var u = x.dataset.v, v = y.dataset.v;
            var order = u !== undefined && v !== undefined ? u - v
              : x.textContent.localeCompare(y.textContent);
            return up ? -order : order;
          });
          rows.forEach(function (row) { table.tBodies[0].appendChild(row); });
        });
      });
    });
  });
})();
