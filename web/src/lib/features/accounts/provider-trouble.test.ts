import { expect, it } from 'vitest';
import { providerTrouble } from './provider-trouble.ts';

it('says what to do next', () => {
  expect(providerTrouble('access_denied')).toMatch(/nothing has changed. Try again/);
});

it.each(['', 'constructor', '__proto__', 'Call 555-0100 to unlock your account'])('shows no text of the address: %s', (code) => {
  expect(providerTrouble(code)).toBe('The provider could not sign you in. Try again, or sign in another way.');
});

it('says nothing if nothing failed', () => {
  expect(providerTrouble(null)).toBeNull();
});
