// Draws every figure.chart of the report from the JSON beside its canvas. Colors come from the style sheet, so
// charts follow the light or dark scheme, also when it changes and when the page is printed.
"use strict";
(function () {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = (v) => {
    if (v === 0) return "0";
    const a = Math.abs(v);
    return a < 1e-3 || a >= 1e6 ? v.toExponential(2).replace(/\.?0+e/, "e") : String(+v.toPrecision(4));
  };
  const percent = (v) => {
    const p = 100 * v;
    return (p === 0 ? "0" : p < 0.1 ? p.toPrecision(1) : +p.toFixed(2)) + "\u202f%";
  };

  // A dashed vertical line at the marked epoch, with its label.
  const marker = {
    id: "marker",
    afterDatasetsDraw(chart, _args, options) {
      if (options.at == null) return;
      const { ctx, chartArea: area, scales } = chart;
      const x = scales.x.getPixelForValue(options.at);
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = css("--soft");
      ctx.setLineDash([4, 4]);
      ctx.beginPath(); ctx.moveTo(x, area.top); ctx.lineTo(x, area.bottom); ctx.stroke();
      ctx.font = "12px system-ui, sans-serif";
      const right = x > (area.left + area.right) / 2;
      ctx.textAlign = right ? "right" : "left";
      ctx.fillText(options.label, x + (right ? -6 : 6), area.top + 12);
      ctx.restore();
    },
  };

  // Whiskers of bars that lie: the value give or take its spread.
  const whiskers = {
    id: "whiskers",
    afterDatasetsDraw(chart, _args, options) {
      (options.of || []).forEach((series, d) => {
        if (!series.spread) return;
        const { ctx, chartArea: area, scales } = chart;
        ctx.save();
        ctx.beginPath(); ctx.rect(area.left, area.top, area.width, area.height); ctx.clip();
        ctx.strokeStyle = css("--ink"); ctx.lineWidth = 1.2;
        chart.getDatasetMeta(d).data.forEach((bar, i) => {
          const [low, high] = [-1, 1].map((s) => scales.x.getPixelForValue(series.values[i] + s * series.spread[i]));
          ctx.beginPath(); ctx.moveTo(low, bar.y); ctx.lineTo(high, bar.y);
          for (const end of [low, high]) { ctx.moveTo(end, bar.y - 3); ctx.lineTo(end, bar.y + 3); }
          ctx.stroke();
        });
        ctx.restore();
      });
    },
  };

  function dataset(spec, series) {
    const color = css("--" + (series.color || "other"));
    if (spec.kind === "ranks") {
      return { label: series.name, data: series.values, backgroundColor: color + "c0", barPercentage: 0.9, categoryPercentage: 0.8 };
    }
    if (spec.kind === "dots") {
      return { label: series.name, data: series.values, borderColor: color, backgroundColor: color, showLine: false,
        pointRadius: 4.5, pointHitRadius: 8 };
    }
    if (series.faint) {
      return { label: "", data: series.values.map((y, i) => ({ x: spec.x[i], y: y })), borderColor: color + "30",
        borderWidth: 1, pointRadius: 0, pointHitRadius: 0, tension: 0, order: 3 };
    }
    if (series.straight) {
      return { label: series.name, type: "line", data: series.points, borderColor: css("--soft"), borderWidth: 1.2,
        borderDash: [5, 5], pointRadius: 0, pointHitRadius: 0, order: 2 };
    }
    if (spec.kind === "line") {
      return { label: series.name, data: series.values.map((y, i) => ({ x: spec.x[i], y: y })), borderColor: color,
        backgroundColor: color, borderWidth: series.color === "train" ? 1.6 : 2.4,
        borderDash: series.color === "train" ? [6, 3] : [], pointRadius: spec.x.length > 25 ? 0 : 2.4,
        pointHitRadius: 8, tension: 0 };
    }
    if (spec.kind === "bars") {
      return { label: series.name, data: series.points, backgroundColor: color, barPercentage: 1,
        categoryPercentage: 1, borderWidth: 1, borderColor: css("--card"), grouped: false };
    }
    const few = series.points.length < 300;
    return { label: series.name, data: series.points, clip: 16, backgroundColor: color + (few ? "b0" : "70"), borderWidth: 0,
      pointRadius: series.points.map((p) => p.r || (few ? 3.5 : 2.2)), pointHitRadius: 4 };
  }

  const named = (spec) => spec.kind === "ranks" || spec.kind === "dots";
  const day = (v) => new Date(v * 864e5).toISOString().slice(0, 10);

  // The axis of names beside bars or dots that lie.
  function names() {
    return { type: "category", offset: true, grid: { display: false }, border: { color: css("--rule") },
      ticks: { color: css("--ink"), autoSkip: false, font: { size: 12 } } };
  }

  function scale(spec, axis) {
    const ink = css("--soft");
    const y = axis === "y";
    const values = y !== named(spec);  // which axis the values are on
    return {
      type: (y && spec.logged) || (!y && spec.steps) ? "logarithmic" : "linear",
      title: { display: true, text: spec.titles[y ? 1 : 0], color: ink },
      grid: { color: css("--rule") },
      border: { color: css("--rule") },
      afterBuildTicks: !y && spec.steps ? (axis) => { axis.ticks = spec.x.map((value) => ({ value })); } : undefined,
      beginAtZero: y && Boolean(spec.zero) && !spec.logged,
      grace: y && !spec.logged && !spec.range ? "6%" : undefined,
      offset: false,
      min: values && spec.window ? spec.window[0] : spec.range && spec.range[0],
      max: values && spec.window ? spec.window[1] : spec.range && spec.range[1],
      ticks: {
        color: ink, includeBounds: false, maxRotation: 0, autoSkipPadding: 14,
        precision: !y && spec.kind === "line" && spec.x.every(Number.isInteger) ? 0 : undefined,
        callback(value) {
          if (y && spec.logged && !/^[125]/.test(value.toExponential())) return null;
          if (!y && spec.dates) return day(value);
          return spec.percent && (values || spec.percent === "both") ? percent(value) : short(value);
        },
      },
    };
  }

  function configuration(spec) {
    const label = (v, y) => (spec.percent && (y || spec.percent === "both") ? percent(v) : short(v));
    const several = spec.series.filter((s) => s.name).length > 1;
    const lines = spec.kind === "line";
    const lying = named(spec);
    const x = lying ? scale({ ...spec, range: null }, "x") : scale({ ...spec, range: lines ? [spec.x[0] - (spec.x.length < 2), spec.x[spec.x.length - 1] + (spec.x.length < 2)] : spec.range }, "x");
    return {
      type: { line: "line", bars: "bar", scatter: "scatter", ranks: "bar", dots: "line" }[spec.kind],
      data: { labels: spec.labels, datasets: spec.series.map((series) => dataset(spec, series)) },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false, normalized: true, indexAxis: lying ? "y" : "x",
        interaction: lines ? { mode: "index", intersect: false }
          : lying ? { mode: "index", axis: "y", intersect: false } : { mode: "nearest", intersect: true },
        scales: { x: x, y: lying ? names() : scale(spec.kind === "scatter" ? spec : { ...spec, range: null }, "y") },
        plugins: {
          marker: { at: spec.mark, label: spec.marked || "best epoch" },
          whiskers: { of: spec.kind === "ranks" ? spec.series : null },
          legend: { display: several, position: "bottom",
            labels: { color: css("--ink"), boxWidth: 22, boxHeight: 2, filter: (item) => Boolean(item.text) } },
          tooltip: {
            filter: (item) => !spec.series[item.datasetIndex].straight && !spec.series[item.datasetIndex].faint,
            callbacks: {
              title: (items) => (!items.length ? "" : lying ? items[0].label
                : lines ? spec.titles[0] + " " + (spec.dates ? day(items[0].parsed.x) : short(items[0].parsed.x))
                : items[0].raw.t || ""),
              label: (item) => lying ? (item.dataset.label ? item.dataset.label + ": " : "") + label(item.parsed.x, true)
                + (spec.series[item.datasetIndex].spread
                  ? " ± " + label(spec.series[item.datasetIndex].spread[item.dataIndex], true) : "")
                : lines || spec.kind === "bars"
                ? (item.dataset.label ? item.dataset.label + ": " : "") + label(item.parsed.y, true)
                : label(item.parsed.x, false) + " → " + label(item.parsed.y, true),
            },
          },
        },
      },
      plugins: [marker, whiskers],
    };
  }

  const drawn = [];
  for (const figure of document.querySelectorAll("figure.chart")) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    const entry = { spec: spec, canvas: figure.querySelector("canvas"), chart: null };
    const button = figure.querySelector("[data-log]");
    if (button) {
      button.setAttribute("aria-pressed", String(Boolean(spec.logged)));
      button.addEventListener("click", () => {
        spec.logged = !spec.logged;
        button.setAttribute("aria-pressed", String(spec.logged));
        draw(entry);
      });
    }
    drawn.push(entry);
    draw(entry);
  }

  function draw(entry) {
    if (entry.chart) entry.chart.destroy();
    entry.chart = new Chart(entry.canvas, configuration(entry.spec));
  }
  function print(on) {
    document.documentElement.toggleAttribute("data-print", on);
    drawn.forEach(draw);
  }
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(draw));
})();
