import { redirect } from '@sveltejs/kit';
import { providerTrouble } from '#lib/features/accounts/provider-trouble.ts';
import { nextPath } from '#lib/session/next.ts';
import { session } from '#lib/session/session.svelte.ts';

export const load = async ({ url }) => {
  const next = nextPath(url.searchParams.get('next'));
  const mfaToken = new URLSearchParams(url.hash.slice(1)).get('mfaToken') ?? '';
  const comesFromProvider = url.searchParams.get('from') === 'provider';
  const error = url.searchParams.get('error'); // the code of a sign-in with a provider that failed
  if (!mfaToken && (session.known || comesFromProvider) && (await session.reload())) {
    redirect(307, error === null ? next : `/account/security?error=${encodeURIComponent(error)}`);
  }
  return { next, mfaToken, trouble: providerTrouble(error) };
};
