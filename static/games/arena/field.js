// @ts-check
/**
 * The playing field: its size and its rocks. The twin of game_server/games/arena/field.py; change both or neither.
 */

export const WORLD_SIZE = 4096.0;

/** @type {ReadonlyArray<readonly [number, number, number]>} x, y, radius */
export const ROCKS = [
  [2048.0, 2048.0, 180.0],
  [1120.0, 1180.0, 130.0],
  [2980.0, 1090.0, 110.0],
  [3050.0, 2960.0, 140.0],
  [1080.0, 2990.0, 115.0],
  [2060.0, 820.0, 80.0],
  [3330.0, 2010.0, 90.0],
  [2010.0, 3280.0, 85.0],
  [790.0, 2070.0, 95.0],
  [1560.0, 1640.0, 60.0],
  [2560.0, 1560.0, 55.0],
  [2600.0, 2520.0, 60.0],
  [1500.0, 2470.0, 55.0],
  [420.0, 520.0, 100.0],
  [3650.0, 480.0, 90.0],
  [3600.0, 3620.0, 105.0],
  [500.0, 3590.0, 95.0],
];
