/** The extension's icon: media/icon.svg as the PNG that the marketplace asks for, 256 pixels, drawn by Chromium. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { ensureChromium } from './editor/chromium.ts';
import { ROOT } from './paths.ts';
import { main, step } from './progress.ts';

const SIZE = 256;

export async function drawIcon(detail: (line: string) => void): Promise<void> {
  const svg = readFileSync(join(ROOT, 'media', 'icon.svg'), 'utf8');
  const browser = await chromium.launch({ executablePath: await ensureChromium(detail), args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage({ viewport: { width: SIZE, height: SIZE } });
    await page.setContent(`<style>body{margin:0}svg{display:block}</style>${svg}`);
    await page.screenshot({ path: join(ROOT, 'media', 'icon.png'), omitBackground: true });
  } finally {
    await browser.close();
  }
}

if (import.meta.main) {
  await main(async () => {
    await step('Drawing the icon', drawIcon);
    return 0;
  });
}
