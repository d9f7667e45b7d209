/** Act on a click, but not on the second one of a double click: it would hit what has moved into the place of the first. */
export function single(act: () => unknown): (event: MouseEvent) => void {
  return (event) => {
    if (event.detail < 2) void act();
  };
}
