// The page of a one-time link of `make demo`: it takes the secrets out of the address, and exchanges them for a session.

const [mfaToken, recoveryCode] = decodeURIComponent(location.hash.slice(1)).split('.');
const next = new URLSearchParams(location.search).get('next') ?? '';
history.replaceState(null, '', location.pathname);

function post(path, body, headers) {
  const json = { 'content-type': 'application/json', ...headers };
  return fetch(`/api/v1/auth/2fa/${path}`, { method: 'POST', headers: json, body: JSON.stringify(body) });
}

const response = await post('verify', { mfaToken, recoveryCode, mode: 'cookie' }).catch(() => null);
if (response?.ok) {
  const { csrfToken } = (await response.json()).data;
  await post('disable', {}, { 'x-csrf-token': csrfToken }); // the second factor was only there for the link
  // The sign-in checks that `next` is a page of ours, and finds the session.
  location.replace(`/sign-in?from=provider&next=${encodeURIComponent(next)}`);
} else {
  document.getElementById('title').textContent = 'This link no longer works';
  document.getElementById('trouble').hidden = false;
}
