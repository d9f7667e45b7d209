const SENTENCES = new Map([
  ['access_denied', 'You did not agree at the provider, so nothing has changed. Try again, or sign in another way.'],
  ['invalid_token', 'This took more than ten minutes, or began in another browser. Start again here.'],
  ['oauth_failed', 'The provider did not confirm who you are. Try again.'],
  ['provider_unavailable', 'The provider does not answer. Try again in a few minutes, or use your password.'],
  ['invalid_credentials', 'This account is switched off. Ask the operator of this Holdall to switch it on.'],
  ['sign_up_closed', 'This Holdall takes new people by invitation only. Ask its operator.'],
  ['email_unverified', 'The provider has not confirmed your email address. Confirm it there, then try again.'],
  ['email_taken', 'Your email address has an account already. Sign in with its password, then link the provider under Security.'],
  ['identity_taken', 'That account of the provider is linked to another account, or yours has one of this provider. Unlink it first.'],
  ['too_many_requests', 'That was often. Wait a few minutes and try again.'],
  ['not_found', 'This provider is not offered here. Sign in another way.'],
]);

/** Return what to tell a person whom a provider did not sign in, or null. Only the code comes from the address. */
export function providerTrouble(code: string | null): string | null {
  if (code === null) return null;
  return SENTENCES.get(code) ?? 'The provider could not sign you in. Try again, or sign in another way.';
}
