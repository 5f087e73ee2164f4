// DigitPad's view: the pad, the picture that the network sees, its answer and its first maps.
import { field, h, keepKeys, listen, liveLine, uniqueId, whenResting } from "./common.js";
import { byPalette, bytesOf, paint, sheetLayout, threeDigits } from "./pixels.js";
import { mailbox } from "./mailbox.js";
import { PAD, SIDE, centred, ink } from "./digit_geometry.js";

const STEP = 10; // of the pen, for one press of an arrow key
const FINE = 2; // with Shift
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SHARP = 2; // canvas pixels for one unit of the pad

function render({ model, el }) {
  const view = uniqueId("pad");
  let strokes = model.get("strokes").map((stroke) => [...stroke]);
  let drawing = null; // the stroke that is being drawn, also the last of `strokes`
  let pointer = null;
  let cursor = [PAD / 2, PAD / 2]; // the pen
  let byKeys = false; // whether the keyboard moves it: then it is shown
  const held = new Set();
  let asked = 0;

  const pad = h("canvas", {
    class: "dp-pad", width: PAD * SHARP, height: PAD * SHARP, tabindex: "0", role: "application",
    "aria-label": "Pad to draw a digit on. Arrow keys move the pen, with Shift in small steps. Space puts it down " +
      "and lifts it. Backspace takes back a stroke.",
  });
  const seen = h("canvas", { class: "dp-seen", role: "img", "aria-label": "28 by 28 picture that the network sees" });
  const undo = h("button", { type: "button", onclick: () => change(() => strokes.pop()) }, "Undo stroke");
  const clear = h("button", { type: "button", onclick: () => change(() => strokes.splice(0)) }, "Clear");
  const pen = h("input", { type: "range", min: 8, max: 48, step: 2, value: model.get("pen"), oninput: () => ask() });
  pen.addEventListener("change", () => save("pen", Number(pen.value)));
  const status = h("p", { class: "dp-status" });
  const verdict = h("p", { class: "dp-verdict" });
  const spoken = liveLine("cbh-hidden");
  const rows = model.get("classes").map((name) => {
    const fill = h("span", { class: "dp-fill" });
    const text = h("td", { class: "dp-share" });
    const row = h("tr", {}, h("th", { scope: "row" }, name),
      h("td", { class: "dp-bar", "aria-hidden": "true" }, fill), text);
    return { fill, text, row };
  });
  const bars = h("table", { class: "dp-bars" }, h("caption", {}, "It says"), h("tbody", {}, rows.map((r) => r.row)));
  const maps = h("div", { class: "dp-maps" });
  const root = h("div", { class: "cbh dp" },
    h("div", { class: "dp-top" },
      h("div", { class: "dp-left" }, h("p", { class: "dp-head" }, "Draw a digit"), pad,
        h("div", { class: "cbh-row" }, undo, clear, field("pen", pen))),
      h("div", { class: "dp-middle" }, h("p", { class: "dp-head" }, "The network sees"), seen,
        h("p", {}, "28×28, the longest side 20 pixels, the centre of mass in the middle"), verdict),
      bars),
    status, maps, spoken);
  el.append(root);

  const box = mailbox(([id, picture]) => {
    model.send({ kind: "predict", view, id: [view, id] }, undefined, [picture.buffer]);
  });
  const say = whenResting((text) => { spoken.textContent = text; }, 500);
  const late = whenResting(() => {
    status.textContent = "Python has not answered yet. It may be busy with a cell, or the kernel is not running.";
  }, 1500);

  /** Show what is drawn and ask Python what the network makes of it. */
  function ask() {
    const picture = centred(ink(strokes, Number(pen.value)));
    paint(seen, sheetLayout(1, SIDE, SIDE, 1, 5, 0), byPalette(picture, "grey"));
    draw();
    undo.disabled = clear.disabled = strokes.length === 0;
    asked += 1;
    root.dataset.asked = asked;
    if (strokes.length) {
      box.offer([asked, picture]);
      late();
    } else {
      box.stop();
      late.cancel();
      empty("");
    }
  }

  function draw() {
    const context = pad.getContext("2d");
    context.setTransform(SHARP, 0, 0, SHARP, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, PAD, PAD);
    if (!strokes.length) {
      context.fillStyle = "#b0b0b0";
      context.font = "14px system-ui, sans-serif";
      context.textAlign = "center";
      context.fillText("mouse, finger, or arrow keys and space", PAD / 2, PAD / 2 - 24);
    }
    context.lineWidth = Number(pen.value);
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = "#fff";
    for (const stroke of strokes) {
      context.beginPath();
      context.moveTo(stroke[0], stroke[1]);
      for (let at = 0; at < stroke.length; at += 2) context.lineTo(stroke[at], stroke[at + 1]);
      context.stroke();
    }
    if (!byKeys) return;
    // The keyboard's pen: a ring while it is up, a disc while it is down; a cross marks its point.
    const [x, y] = cursor;
    context.lineWidth = 2;
    context.strokeStyle = "#e69f00";
    context.fillStyle = "#e69f00";
    context.beginPath();
    context.arc(x, y, Math.max(6, Number(pen.value) / 2), 0, 2 * Math.PI);
    if (drawing) context.fill();
    context.stroke();
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [0, 1]]) {
      context.moveTo(x - 18 * dx, y - 18 * dy);
      context.lineTo(x + 18 * dx, y + 18 * dy);
    }
    context.stroke();
  }

  function save(name, value) {
    model.set(name, value);
    model.save_changes();
  }

  function change(action) {
    drawing = null;
    action();
    save("strokes", strokes.map((stroke) => [...stroke]));
    ask();
  }

  function begin(x, y) {
    cursor = [x, y];
    drawing = [x, y];
    strokes.push(drawing);
    ask();
  }

  function extend(x, y) {
    const [lastX, lastY] = drawing.slice(-2); // a pen at the edge stays where it is
    if (x === lastX && y === lastY) return;
    drawing.push(x, y);
    cursor = [x, y];
    ask();
  }

  function end() {
    if (!drawing) return;
    drawing = null;
    save("strokes", strokes.map((stroke) => [...stroke]));
    draw();
  }

  const within = (value) => Math.min(PAD, Math.max(0, Math.round(value)));
  const place = (event) => {
    const frame = pad.getBoundingClientRect();
    const [across, down] = [pad.clientWidth, pad.clientHeight];
    return [within(((event.clientX - frame.left - pad.clientLeft) * PAD) / across),
      within(((event.clientY - frame.top - pad.clientTop) * PAD) / down)];
  };
  pad.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return; // one finger draws, others wait
    end();
    byKeys = false;
    pointer = event.pointerId;
    try {
      pad.setPointerCapture(pointer); // the stroke goes on beside the pad
    } catch {
      // a pointer that is gone already: the stroke ends with the next event
    }
    begin(...place(event));
  });
  pad.addEventListener("pointermove", (event) => {
    if (event.pointerId === pointer && drawing) extend(...place(event));
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    pad.addEventListener(name, (event) => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      end();
    });
  }
  keepKeys(pad);
  pad.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in ARROWS || event.key === " ") byKeys = true;
    if (event.key in ARROWS) {
      held.add(event.key); // two arrows at a time go aslant
      const step = event.shiftKey ? FINE : STEP;
      for (const key of held) cursor = cursor.map((value, axis) => within(value + step * ARROWS[key][axis]));
      if (drawing && pointer === null) extend(...cursor);
      else draw();
      say(`Pen ${drawing ? "down" : "up"}, ${cursor[0]} across, ${cursor[1]} down`);
    } else if (event.key === " ") {
      if (event.repeat || pointer !== null) return event.preventDefault();
      if (drawing) end();
      else begin(...cursor);
      say(`Pen ${drawing ? "down" : "up"}`);
    } else if (event.key === "Backspace" && strokes.length) {
      change(() => strokes.pop());
      say("Stroke taken back");
    } else {
      return;
    }
    event.preventDefault();
  });
  pad.addEventListener("keyup", (event) => held.delete(event.key));
  pad.addEventListener("focus", () => {
    byKeys = pointer === null && pad.matches(":focus-visible");
    draw();
  });
  pad.addEventListener("blur", () => {
    held.clear();
    byKeys = false;
    if (pointer === null) end();
    draw();
  });

  function empty(fault) {
    for (const { fill, text, row } of rows) {
      fill.style.width = "0";
      text.textContent = "–";
      row.className = "";
    }
    verdict.textContent = "";
    maps.replaceChildren();
    status.textContent = fault;
    status.classList.toggle("dp-fault", fault !== "");
  }

  function answer(content, buffers) {
    if (content.kind !== "answer" || content.id[0] !== view) return;
    box.answered();
    if (!strokes.length) return;
    if (content.id[1] === asked) late.cancel();
    if (content.fault) {
      empty(`This model cannot read the picture: ${content.fault}`);
      say(status.textContent);
    } else {
      status.textContent = "";
      status.classList.remove("dp-fault");
      const shares = content.probabilities;
      const best = shares.indexOf(Math.max(...shares));
      rows.forEach(({ fill, text, row }, number) => {
        fill.style.width = `${100 * shares[number]}%`;
        text.textContent = `${(100 * shares[number]).toFixed(1)} %`;
        row.className = number === best ? "dp-best" : "";
      });
      verdict.textContent = `It reads ${model.get("classes")[best]}`;
      say(`${verdict.textContent}, ${rows[best].text.textContent}`);
      content.layers.forEach((layer, number) => showMaps(layer, bytesOf(buffers[number]), number));
      while (maps.children.length > content.layers.length) maps.lastChild.remove();
    }
    root.dataset.answered = content.id[1];
  }

  function showMaps(layer, bytes, number) {
    const [count, tall, wide] = layer.shape;
    let section = maps.children[number];
    if (!section) {
      section = h("div", {}, h("p", { class: "dp-head" }), h("canvas", { role: "img" }), h("p", { class: "dp-note" }));
      maps.append(section);
    }
    const [head, canvas, note] = section.children;
    const some = count < layer.channels ? `, the first ${count} are shown` : "";
    head.textContent = `${layer.name}: ${layer.channels} maps of ${tall}×${wide}${some}`;
    canvas.setAttribute("aria-label", head.textContent);
    note.textContent = `from ${threeDigits(layer.low)} (dark) to ${threeDigits(layer.high)} (bright)`;
    const cell = Math.max(1, Math.round(48 / Math.max(tall, wide)));
    paint(canvas, sheetLayout(count, tall, wide, Math.min(count, 8), cell), byPalette(bytes, "cividis"));
  }

  const deafen = listen(model, {
    "msg:custom": answer,
    "change:strokes": () => {
      const now = model.get("strokes");
      if (drawing || JSON.stringify(now) === JSON.stringify(strokes)) return;
      strokes = now.map((stroke) => [...stroke]);
      ask();
    },
    "change:pen": () => {
      if (Number(pen.value) === model.get("pen")) return;
      pen.value = model.get("pen");
      ask();
    },
  });
  ask();
  return () => {
    deafen();
    box.stop();
    late.cancel();
    say.cancel();
  };
}

export default { render };
