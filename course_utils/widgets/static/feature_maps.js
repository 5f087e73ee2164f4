// FeatureMaps' view: an image, a layer's maps, and for each cell of a map what it sees of the image.
import { field, h, listen, liveLine, whenResting } from "./common.js";
import { byChannels, byPalette, bytesOf, cellAt, cornerOf, paint, sheetLayout, threeDigits } from "./pixels.js";

const WIDEST = 520; // of the maps' sheet, in pixels
const ARROWS = { ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0],
  PageUp: [-1, 0, 0], PageDown: [1, 0, 0] };

/** The image's pixels that a cell sees: {rows, columns}, each [first, last]; null if there are none. */
export function seenBy(about, [, row, column]) {
  const [rows, columns] = [about.reach?.rows[row], about.reach?.columns[column]];
  return rows && columns ? { rows, columns } : null;
}

/** Bytes that run from each map's own least to its most, brought to the least and the most of all maps. */
export function onOneScale(bytes, about) {
  const [count, height, width] = about.shape;
  const [low, high] = [Math.min(...about.lows), Math.max(...about.highs)];
  return bytes.map((byte, place) => {
    const map = Math.floor(place / (height * width));
    const value = about.lows[map] + (byte / 255) * (about.highs[map] - about.lows[map]);
    return high > low ? Math.round((255 * (value - low)) / (high - low)) : 0;
  });
}

function render({ model, el }) {
  const control = (name, choices, label) => {
    const select = h("select", { onchange: () => save(name, select.value) },
      choices.map(([value, text]) => h("option", { value }, text)));
    return [select, field(label, select)];
  };
  const number = h("input", { type: "number", min: 0, max: model.get("count") - 1, step: 1, class: "fm-number",
    oninput: () => chooseImage() });
  const [layer, layerField] = control("layer", model.get("layers").map(([name, kind]) => [name, `${name} (${kind})`]), "layer");
  const [scale, scaleField] = control("scale", [["own", "own for each map"], ["shared", "one for all maps"]], "scale");
  const [colours, coloursField] = control("colours", [["cividis", "cividis"], ["grey", "grey"]], "colours");
  const status = h("p", { class: "fm-status", role: "status" });
  const image = h("canvas", { class: "fm-image", role: "img" });
  const title = h("p", { class: "fm-head" });
  const reading = h("p", { class: "fm-reading" });
  const head = h("p", { class: "fm-head" });
  const note = h("p", { class: "fm-note" });
  const grid = h("canvas", { class: "fm-maps", tabindex: "0", role: "application" });
  const kernelHead = h("p", { class: "fm-head" });
  const kernels = h("canvas", { class: "fm-kernels", role: "img" });
  const kernelNote = h("p", { class: "fm-note" });
  const kernelPart = h("div", {}, kernelHead, kernels, kernelNote);
  const spoken = liveLine("cbh-hidden");
  const root = h("div", { class: "cbh fm" },
    h("div", { class: "cbh-row" }, field("image", number, `of 0 to ${model.get("count") - 1}`), layerField, scaleField, coloursField),
    status,
    h("div", { class: "fm-parts" },
      h("div", { class: "fm-part fm-left" }, title, image, reading, kernelPart),
      h("div", { class: "fm-part" }, head, grid, note)),
    spoken);
  el.append(root);

  const say = whenResting((text) => { spoken.textContent = text; }, 500);
  const keepSpot = whenResting(() => model.save_changes(), 300);
  let about, maps, shown, filters, mapLayout, imageLayout, kernelLayout;

  function save(name, value) {
    model.set(name, value);
    model.save_changes();
    tell();
  }

  const chooseImage = whenResting(() => {
    const value = Number(number.value);
    const last = model.get("count") - 1;
    if (number.value === "" || !Number.isInteger(value) || value < 0 || value > last) {
      status.textContent = `The image is a whole number from 0 to ${last}: ${number.value || "nothing"} is not.`;
      status.className = "fm-status fm-fault";
    } else {
      save("image", value);
    }
  });

  /** What stands between the choice and what is shown. */
  function tell() {
    const [wanted, from] = [model.get("image"), model.get("layer")];
    const waiting = about.image !== wanted || about.layer !== from;
    status.textContent = model.get("fault") || (waiting ? `Asking Python for ${from} of image ${wanted} …` : "");
    status.className = model.get("fault") ? "fm-status fm-fault" : "fm-status";
  }

  /** Read what Python has sent. */
  function take() {
    about = model.get("about");
    maps = bytesOf(model.get("maps"));
    filters = bytesOf(model.get("filters"));
    const [count, height, width] = about.shape;
    if (maps.length !== count * height * width) return; // its maps are still on their way
    if (document.activeElement !== number) number.value = model.get("image"); // else the reader is typing there
    layer.value = model.get("layer");
    const across = Math.min(count, Math.max(4, Math.min(8, Math.ceil(Math.sqrt(count)))));
    const cell = Math.max(1, Math.min(20, Math.floor((WIDEST / across - 3) / width)));
    mapLayout = sheetLayout(count, height, width, across, cell);
    const [, tall, broad] = about.size;
    imageLayout = sheetLayout(1, tall, broad, 1, Math.max(1, Math.floor(256 / Math.max(tall, broad))), 0);
    kernelLayout = null;
    if (about.slices) {
      const [kernelCount, slices, kernelTall, kernelBroad] = about.filters;
      const small = slices === 1 || slices === 3; // a picture of each kernel, grey or in colour; else the slices of one
      const tiles = small ? kernelCount : slices;
      const columns = small ? across : Math.min(8, slices);
      const size = Math.max(2, Math.min(12, Math.floor((240 / columns - 3) / kernelBroad)));
      kernelLayout = { small, ...sheetLayout(tiles, kernelTall, kernelBroad, columns, size) };
    }
    tell();
    paintAll();
  }

  function paintAll() {
    scale.value = model.get("scale");
    colours.value = model.get("colours");
    const one = scale.value === "shared";
    shown = one ? onOneScale(maps, about) : maps;
    const [count, height, width] = about.shape;
    const some = count < about.channels ? `, of which ${count} are shown` : "";
    title.textContent = `image ${about.image}${about.title ? `: ${about.title}` : ""}`;
    head.textContent = `${about.layer} (${about.kind}): ${about.channels} ${about.channels === 1 ? "map" : "maps"} of ${height}×${width}${some}`;
    const range = `${threeDigits(Math.min(...about.lows))} to ${threeDigits(Math.max(...about.highs))}`;
    note.textContent = one
      ? `All maps: dark is ${range.replace(" to ", ", bright is ")}.`
      : `Each map runs from its own least (dark) to its own most (bright). All numbers: ${range}.`;
    grid.setAttribute("aria-label", `${head.textContent}. Arrow keys move over the cells, Page Up and Page Down over the maps.`);
    move(model.get("spot"), false);
  }

  /** Look at a cell: mark it, outline what it sees of the image, say so. */
  function move(spot, keep = true) {
    const [count, height, width] = about.shape;
    spot = spot.map((value, axis) => Math.max(0, Math.min([count, height, width][axis] - 1, value)));
    if (keep) {
      model.set("spot", spot);
      keepSpot();
    }
    const [map, row, column] = spot;
    paint(grid, mapLayout, byPalette(shown, colours.value));
    outline(grid, cornerOf(mapLayout, map, 0, 0), width * mapLayout.cell, height * mapLayout.cell, 0);
    outline(grid, cornerOf(mapLayout, map, row, column), mapLayout.cell, mapLayout.cell, mapLayout.cell < 4 ? 2 : 0);
    paint(image, imageLayout, byChannels(bytesOf(model.get("picture"))));
    const seen = seenBy(about, spot);
    const cell = imageLayout.cell;
    if (seen) {
      const [[top, bottom], [left, right]] = [seen.rows, seen.columns];
      outline(image, [left * cell, top * cell], (right - left + 1) * cell, (bottom - top + 1) * cell, -2);
    }
    const byte = maps[(map * height + row) * width + column] / 255;
    const value = about.lows[map] + byte * (about.highs[map] - about.lows[map]);
    const [fieldTall, fieldBroad] = about.reach ? about.reach.size : [];
    const sees = !about.reach ? "What it sees of the image is not followed here."
      : seen ? `It sees rows ${seen.rows.join(" to ")}, columns ${seen.columns.join(" to ")} of the image. Receptive field: ${fieldTall}×${fieldBroad}${
        clipped(seen) ? "; the rest is padding" : ""}.`
        : "It sees only padding.";
    reading.textContent = `map ${map}, row ${row}, column ${column}: about ${threeDigits(value)}. ${sees}`;
    image.setAttribute("aria-label", `${title.textContent}. ${sees}`);
    if (keep) say(reading.textContent);
    showKernels(map);
  }

  function clipped({ rows, columns }) {
    return rows[1] - rows[0] + 1 < about.reach.size[0] || columns[1] - columns[0] + 1 < about.reach.size[1];
  }

  function showKernels(map) {
    kernelPart.hidden = !kernelLayout;
    if (!kernelLayout) return;
    const [, slices, tall, broad] = about.filters;
    const area = tall * broad;
    let colourOf;
    if (!kernelLayout.small) {
      colourOf = byPalette(filters.subarray(map * slices * area, (map + 1) * slices * area), "grey");
    } else if (slices === 3) {
      colourOf = (place, rgb) => {
        const at = Math.floor(place / area) * 3 * area + (place % area);
        for (let part = 0; part < 3; part++) rgb[part] = filters[at + part * area];
      };
    } else {
      colourOf = byPalette(filters, "grey");
    }
    paint(kernels, kernelLayout, colourOf);
    if (kernelLayout.small) {
      const { cell } = kernelLayout;
      outline(kernels, cornerOf(kernelLayout, map), broad * cell, tall * cell, 0);
    }
    const cut = slices < about.slices ? `, the first ${slices} are shown` : "";
    kernelHead.textContent = kernelLayout.small ? `kernels of the maps, ${tall}×${broad}` : `kernel of map ${map}: ${about.slices} slices of ${tall}×${broad}${cut}`;
    const what = slices === 3 ? "red, green and blue are the three slices; grey is 0" : "grey is 0";
    kernelNote.textContent = `${what}, dark ${threeDigits(-about.bound)}, bright ${threeDigits(about.bound)}`;
    kernels.setAttribute("aria-label", `${kernelHead.textContent}; ${kernelNote.textContent}`);
  }

  /** A frame that is seen on any colour: light inside dark. `out` pixels further out than the box. */
  function outline(canvas, [x, y], wide, high, out) {
    const context = canvas.getContext("2d");
    for (const [colour, width] of [["#000", 4], ["#ffb000", 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.strokeRect(x - out, y - out, wide + 2 * out, high + 2 * out);
    }
  }

  grid.addEventListener("pointermove", (event) => {
    const frame = grid.getBoundingClientRect();
    const spot = cellAt(mapLayout, ((event.clientX - frame.left) * grid.width) / frame.width,
      ((event.clientY - frame.top) * grid.height) / frame.height);
    if (spot && spot.join() !== model.get("spot").join()) move(spot);
  });
  grid.addEventListener("keydown", (event) => {
    if (!(event.key in ARROWS) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    move(model.get("spot").map((value, axis) => value + ARROWS[event.key][axis]));
  });

  const again = () => paintAll();
  const deafen = listen(model, { "change:about": take, "change:maps": take, "change:picture": take,
    "change:filters": take, "change:fault": tell, "change:scale": again, "change:colours": again });
  take();
  return () => {
    deafen();
    say.cancel();
    keepSpot.cancel();
    chooseImage.cancel();
  };
}

export default { render };
