/** Figures as people write them, in a language (BCP 47). */

export interface Formats {
  /** BCP 47; one that Intl knows. */
  readonly locale: string;
  /** Day and time. */
  readonly time: (at: number) => string;
  readonly number: (value: number, digits?: number) => string;
  /** A share of 1, in per cent. */
  readonly share: (value: number) => string;
  readonly bytes: (value: number) => string;
}

export function formatsFor(language: string): Formats {
  const locale = Intl.DateTimeFormat.supportedLocalesOf([language])[0] ?? 'en';
  const number = (value: number, digits = 0): string =>
    value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return {
    locale,
    time: (at) => new Date(at).toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'short' }),
    number,
    share: (value) => value.toLocaleString(locale, { style: 'percent' }),
    bytes: (value) =>
      value < 1e6 ? `${number(Math.ceil(value / 1e3))} kB` : `${number(value / 1e6, value < 1e7 ? 1 : 0)} MB`,
  };
}

/** The first units of an id, enough to tell checkpoints apart. */
export const shortId = (id: string): string => (id.length > 12 ? id.slice(0, 8) : id);
