/**
 * Starts the page: draws the finished graph, or the step that the address asks for.
 */

import "./caption.js";
import "./colour.js";
import "./keyboard.js";
import "./pointer.js";
import "./search.js";
import { fit } from "./camera.js";
import { data } from "./data.js";
import { byId } from "./dom.js";
import { groups, setAll } from "./groups.js";
import { showPane } from "./panes.js";
import { draw } from "./picture.js";
import { followAddress } from "./playback.js";
import { showChosen } from "./selection.js";
import { followStep, lastStep, show } from "./steps.js";
import { canHide, hiding } from "./visible.js";
import { when } from "./events.js";

const PHONE = matchMedia("(max-width: 760px)");

when("drawn", showChosen);
byId("fit").addEventListener("click", () => fit());
for (const [id, open] of [["close-all", false], ["open-all", true]]) {
  byId(id).hidden = groups.size === 1;
  byId(id).addEventListener("click", () => {
    setAll(open);
    draw();
    fit();
  });
}

byId("quiet").hidden = !canHide;
byId("quiet").addEventListener("click", () => {
  hiding.on = !hiding.on;
  draw();
  fit();
});
when("drawn", () => byId("quiet").setAttribute("aria-pressed", String(hiding.on)));

draw();
fit(true);
const telling = data.findings.some((each) => each.tone === "nonfinite") || data.items.some((item) => item.changes);
showPane(telling && !PHONE.matches ? "findings" : "details", { open: false });
show(lastStep, { quiet: true });
followAddress();
followStep();

let waiting = null;
window.addEventListener("resize", () => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => {
    draw();
    fit(true);
    followStep();
  });
});
window.addEventListener("beforeprint", () => { // the finished picture, and the table of leaves
  show(lastStep);
  showPane("leaves", { open: false });
  draw();
  fit();
});
document.documentElement.dataset.ready = "1";
