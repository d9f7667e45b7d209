/** Return the path to go to after a sign-in: one of ours, else the projects. */
export function nextPath(value: string | null): string {
  if (!value || !/^\/(?![/\\])/.test(value) || value.startsWith('/api/')) return '/projects';
  const url = new URL(value, location.origin);
  if (url.pathname === '/sign-in') return nextPath(url.searchParams.get('next')); // a provider has led back there
  return url.origin === location.origin ? url.pathname + url.search + url.hash : '/projects';
}

/** Return the secret of an emailed link, and remove it from the address at once. */
export function takeSecret(): string {
  const secret = decodeURIComponent(location.hash.slice(1));
  if (secret) history.replaceState(history.state, '', location.pathname + location.search);
  return secret;
}
