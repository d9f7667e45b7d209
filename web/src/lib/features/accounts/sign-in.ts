import { call } from '#lib/api/client.ts';
import type { Config } from '#lib/api/types.ts';
import { session } from '#lib/session/session.svelte.ts';

export type MfaRequired = { mfaRequired: true; mfaToken: string };
type SignInResult = MfaRequired | { csrfToken: string };

/** Sign in with the session cookie. Returns the request for a second factor, or null when signed in. */
export async function signIn(email: string, password: string): Promise<MfaRequired | null> {
  return finish(await post<SignInResult>('/auth/login', { email, password, mode: 'cookie' }));
}

/** Complete a sign-in with a code of the authenticator app, or with a recovery code. */
export async function verifyCode(mfaToken: string, code: string): Promise<void> {
  // A code of an app is six digits. Recovery codes have letters.
  const digits = code.replace(/\s/g, '');
  const factor = /^\d{6}$/.test(digits) ? { code: digits } : { recoveryCode: code.trim() };
  await finish(await post<SignInResult>('/auth/2fa/verify', { mfaToken, ...factor, mode: 'cookie' }));
}

/** Verify the address of a new account, and sign in. */
export async function verifyEmail(token: string, password: string): Promise<MfaRequired | null> {
  return finish(await post<SignInResult>('/auth/verify-email', { token, password, mode: 'cookie' }));
}

/** Accept an invitation to the installation, and sign in. */
export async function acceptInvitation(token: string, password: string): Promise<MfaRequired | null> {
  const { user } = await post<{ user: { email: string } }>('/auth/accept-invitation', { token, password });
  return signIn(user.email, password);
}

const PROVIDERS: Record<string, string> = { google: 'Google', github: 'GitHub' };

/** Return what people call a provider. */
export function providerName(name: string, providers: Config['providers']): string {
  return PROVIDERS[providers.find((each) => each.name === name)?.kind ?? ''] ?? name;
}

let config: Promise<Config> | null = null;

/** Read the public settings once. */
export function readConfig(): Promise<Config> {
  config ??= call<Config>('/config').catch((error: unknown) => {
    config = null;
    throw error;
  });
  return config;
}

async function finish(result: SignInResult): Promise<MfaRequired | null> {
  if ('mfaRequired' in result) return result;
  await session.start();
  return null;
}

function post<T>(path: string, json: object): Promise<T> {
  return call<T>(path, { method: 'POST', json, bySecret: true });
}
