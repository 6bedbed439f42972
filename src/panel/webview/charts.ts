/** Draws the page's charts, with Chart.js, in the theme's colours. */
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  type ChartConfiguration,
  LinearScale,
  Tooltip,
} from 'chart.js';
import type { Chart as ChartData } from '../chart.ts';

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip);

/** Draws all charts inside of an element. */
export function drawCharts(inside: Element): void {
  const { fontFamily, fontSize } = getComputedStyle(document.body);
  Object.assign(Chart.defaults.font, { family: fontFamily, size: Number.parseFloat(fontSize) * 0.9 });
  for (const canvas of canvases(inside)) new Chart(canvas, configurationOf(JSON.parse(canvas.dataset.chart!)));
}

/** Lets go of them, before the element's content goes. */
export function dropCharts(inside: Element): void {
  for (const canvas of canvases(inside)) Chart.getChart(canvas)?.destroy();
}

/** Draws them anew whenever VS Code puts another theme's colours on the page. */
export function followTheme(): void {
  const redraw = (): void => {
    for (const canvas of canvases(document.body)) Chart.getChart(canvas)?.update();
  };
  const observer = new MutationObserver(redraw);
  // The colours are variables in the root's style; the kind of theme is a class of the body.
  observer.observe(document.documentElement, { attributeFilter: ['style', 'class'] });
  observer.observe(document.body, { attributeFilter: ['class'] });
}

const canvases = (inside: Element): NodeListOf<HTMLCanvasElement> => inside.querySelectorAll('canvas[data-chart]');

/** The first of these variables of the theme that it has: high contrast lacks some, other themes lack its borders. */
function colour(...names: readonly string[]): string {
  const style = getComputedStyle(document.documentElement);
  for (const name of names) {
    const value = style.getPropertyValue(`--vscode-${name}`).trim();
    if (value !== '') return value;
  }
  return 'transparent';
}

/** Colours are functions, which Chart.js calls again at each update. */
function configurationOf({ bars, top, unit, locale }: ChartData): ChartConfiguration<'bar', (number | null)[], string> {
  const text = (): string => colour('descriptionForeground', 'foreground');
  const scale = new Intl.NumberFormat(locale, unit === 'share' ? { style: 'percent' } : { maximumFractionDigits: 0 });
  const quietLine = (): string => colour('editorIndentGuide-background1', 'contrastBorder');
  return {
    type: 'bar',
    data: {
      labels: bars.map(({ day }) => day),
      datasets: [
        {
          data: bars.map(({ value }) => value),
          backgroundColor: () => colour('charts-blue', 'foreground'),
          hoverBackgroundColor: () => colour('charts-purple', 'foreground'),
          borderColor: () => colour('contrastActiveBorder'),
          borderWidth: 1,
          minBarLength: 2, // a day with none taken is another thing than a day without suggestions
          maxBarThickness: 40,
        },
      ],
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: 'index', intersect: false },
      scales: {
        x: {
          grid: { display: false },
          border: { display: false },
          ticks: { color: text, maxRotation: 0, autoSkipPadding: 24 },
        },
        y: {
          beginAtZero: true,
          suggestedMax: top,
          grid: { color: quietLine },
          border: { display: false },
          ticks: {
            color: text,
            maxTicksLimit: 5,
            callback: (value) => scale.format(Number(value)),
          },
        },
      },
      plugins: {
        tooltip: {
          displayColors: false,
          filter: ({ dataIndex }) => bars[dataIndex]!.value !== null,
          callbacks: { title: () => '', label: ({ dataIndex }) => bars[dataIndex]!.title },
          backgroundColor: () => colour('editorHoverWidget-background', 'editor-background'),
          borderColor: () => colour('editorHoverWidget-border', 'contrastBorder'),
          borderWidth: 1,
          bodyColor: () => colour('editorHoverWidget-foreground', 'foreground'),
        },
      },
    },
  };
}
