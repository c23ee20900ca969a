/** Icons of the tools: lines on a field of 24 by 24. */

const LINES = {
  back: "M15 5 8 12l7 7",
  next: "m9 5 7 7-7 7",
  undo: "M9 6 4 11l5 5 M4 11h10a4.5 4.5 0 0 1 0 9h-3",
  redo: "m15 6 5 5-5 5 M20 11H10a4.5 4.5 0 0 0 0 9h3",
  zoom_out: "M4 12h16",
  zoom_in: "M4 12h16 M12 4v16",
  fit: "M4 9V4h5 M15 4h5v5 M20 15v5h-5 M9 20H4v-5",
  heatmap: "M12 3c1 4 6 6 6 11a6 6 0 0 1-12 0c0-2 1-4 2.5-5 .5 2 1.5 3 2.5 3C12 9 10.5 6 12 3",
  regions: "M5 5h14v14H5z",
  region: "M4 8V4h4 M4 12v8h8 M12 12h8 m-3-3 3 3-3 3",
  brush: "M20 4 10 14 M8 15c-3 0-3 3-5 5 3 1 7 0 7-3a2 2 0 0 0-2-2",
  eraser: "m9 20-5-5L14 5l6 6-9 9z M9 10l6 6 M9 20h11",
  smaller: "M12 10a2 2 0 1 0 0 4 2 2 0 1 0 0-4",
  larger: "M12 5a7 7 0 1 0 0 14 7 7 0 1 0 0-14",
  outline: "M7 6c4-3 10-1 11 3s-1 9-6 9-8-2-8-6 1-5 3-6 M9 12l2 2 4-4",
};

const SVG = "http://www.w3.org/2000/svg";

export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", LINES[name]);
  drawing.append(path);
  return drawing;
}
