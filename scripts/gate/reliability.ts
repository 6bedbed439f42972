/** Forecasts against what came, as a table for people. */
import { calibrationOf, type Forecast } from '../../src/gate/calibration.ts';
import { percent } from '../../src/replay/figures.ts';

export function reliability(forecasts: readonly Forecast[]): string {
  const rows = calibrationOf(forecasts).bins.map(
    ({ from, to, count, forecast, came }) =>
      `  ${from.toFixed(2)}-${to.toFixed(2)}  ${`${count}`.padStart(11)}  ${percent(forecast).padStart(13)}  ${percent(came).padStart(8)}`,
  );
  return ['  forecast     suggestions  mean forecast  accepted', ...rows].join('\n');
}
