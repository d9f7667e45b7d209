/** Return the path to go to after a sign-in: one of ours, else the projects. */
export function nextPath(value: string | null): string {
  if (!value || !/^\/(?![/\\])/.test(value)) return '/projects';
  const url = new URL(value, location.origin);
  if (url.pathname === '/sign-in') return nextPath(url.searchParams.get('next')); // a provider has led back there
  // Without its dots, a path may begin with two slashes, and would be the address of another site.
  const isOurs = url.origin === location.origin && !/^\/(\/|api\/)/.test(url.pathname);
  return isOurs ? url.pathname + url.search + url.hash : '/projects';
}

/** Return the secret of an emailed link, and remove it from the address at once. */
export function takeSecret(): string {
  const secret = decoded(location.hash.slice(1));
  if (secret) history.replaceState(history.state, '', location.pathname + location.search);
  return secret;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a link that was not copied in full
  }
}
