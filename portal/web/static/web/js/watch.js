// Draws the charts of the watch page from its data block. The tables beside them say the same.
const charts = JSON.parse(document.getElementById("watch-charts").textContent);
const COLOURS = ["--accent", "--present-line", "--quality-line", "--wrong-line", "--plain-line", "--going-line"];
const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3], [1, 2], [10, 5]];
const drawn = [];

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// The 95 % interval of a point, as a line through it.
const intervals = {
  id: "intervals",
  afterDatasetsDraw(chart) {
    const { ctx, scales } = chart;
    for (const [place, set] of chart.data.datasets.entries()) {
      if (!set.low || !chart.isDatasetVisible(place)) continue;
      ctx.save();
      ctx.strokeStyle = set.borderColor;
      ctx.lineWidth = 1.5;
      for (const [index, point] of chart.getDatasetMeta(place).data.entries()) {
        if (set.low[index] === null) continue;
        ctx.beginPath();
        ctx.moveTo(point.x, scales.y.getPixelForValue(set.low[index]));
        ctx.lineTo(point.x, scales.y.getPixelForValue(set.high[index]));
        ctx.stroke();
      }
      ctx.restore();
    }
  },
};

function datasets(chart) {
  return chart.series.map((one, place) => {
    const colour = token(COLOURS[place % COLOURS.length]);
    const line = chart.kind === "line";
    return {
      label: one.name, data: one.values, low: one.low, high: one.high,
      borderColor: colour, backgroundColor: line ? token("--sheet") : colour,
      borderWidth: line ? 2 : 0, borderDash: line ? DASHES[place % DASHES.length] : [],
      pointStyle: ["circle", "rect", "triangle"][place % 3], pointRadius: 4, tension: 0, spanGaps: true,
    };
  });
}

function axis(more) {
  return { ticks: { color: token("--quiet") }, grid: { color: token("--line") }, ...more };
}

function draw(chart, home) {
  const across = chart.kind === "across";
  const stacked = chart.stacked;
  const values = axis({ beginAtZero: true, stacked, ...(chart.top ? { max: chart.top } : {}) });
  const names = axis({ stacked });
  return new window.Chart(home.querySelector("canvas"), {
    type: chart.kind === "line" ? "line" : "bar",
    data: { labels: chart.labels, datasets: datasets(chart) },
    plugins: [intervals],
    options: {
      animation: false, responsive: true, maintainAspectRatio: false, indexAxis: across ? "y" : "x",
      scales: across ? { x: values, y: names } : { x: names, y: values },
      plugins: { legend: { display: chart.series.length > 1, labels: { color: token("--ink"), usePointStyle: true } } },
    },
  });
}

function drawAll() {
  while (drawn.length) drawn.pop().destroy();
  for (const chart of charts) {
    const home = document.querySelector(`[data-chart="${chart.slug}"]`);
    home.hidden = false;
    drawn.push(draw(chart, home));
  }
}

drawAll();
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
