// Shows the values under the pointer, in all charts at once, at the same moment.
"use strict";

const charts = [...document.querySelectorAll("[data-chart]")].map((figure) => {
  const outputs = [...figure.querySelectorAll("output")];
  return {
    svg: figure.querySelector("svg"),
    cross: figure.querySelector(".cross"),
    outputs,
    last: outputs.map((output) => output.textContent),
    data: JSON.parse(figure.dataset.chart),
  };
});

function show(seconds) {
  for (const { cross, outputs, data } of charts) {
    let best = 0;
    data.seconds.forEach((time, place) => {
      if (Math.abs(time - seconds) < Math.abs(data.seconds[best] - seconds)) best = place;
    });
    cross.setAttribute("x1", data.x[best]);
    cross.setAttribute("x2", data.x[best]);
    outputs.forEach((output, line) => (output.textContent = data.values[line][best]));
  }
}

function hide() {
  for (const { cross, outputs, last } of charts) {
    cross.setAttribute("x1", -9);
    cross.setAttribute("x2", -9);
    outputs.forEach((output, line) => (output.textContent = last[line]));
  }
}

for (const { svg, data } of charts) {
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    let best = 0;
    data.x.forEach((place, number) => {
      if (Math.abs(place - x) < Math.abs(data.x[best] - x)) best = number;
    });
    show(data.seconds[best]);
  });
  svg.addEventListener("pointerleave", hide);
}
