import { beforeEach, describe, expect, it, vi } from 'vitest';
import { forgetUndo, undoable, undoLast } from './undo.ts';

describe('undo', () => {
  beforeEach(forgetUndo);
  const act = () => {
    const undo = vi.fn(async () => {});
    return { undo, run: undoable(undo) };
  };

  it('undoes the last act once, by key or by button', () => {
    const { undo, run } = act();
    undoLast();
    undoLast();
    run();
    expect(undo).toHaveBeenCalledTimes(1);
  });

  it('does not take an act for the last that was undone by its button', () => {
    const [first, second] = [act(), act()];
    second.run();
    undoLast();
    expect([first.undo, second.undo].map((undo) => undo.mock.calls.length)).toEqual([0, 1]);
  });

  it('forgets', () => {
    const { undo } = act();
    forgetUndo();
    undoLast();
    expect(undo).not.toHaveBeenCalled();
  });
});
