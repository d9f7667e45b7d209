// An OpenID Connect provider in a process of its own, by the certified implementation `oidc-provider`.
//
// Its options come as one JSON value in the environment, and the first line that it prints is its issuer. It listens on this
// machine alone. Who is signed in is whatever the login form says: the address itself, behind a prefix that takes something away.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const options = JSON.parse(process.env.OIDC_OPTIONS);

const keys = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};

function signingKey(algorithm) {
  const { privateKey } = keys[algorithm]();
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: algorithm, use: 'sig' };
}

function claims(login) {
  const email = login.replace(/^(unverified|addressless)-/, '');
  const person = { sub: login, name: `Person of ${email}` };
  return login.startsWith('addressless-')
    ? person
    : { ...person, email, email_verified: !login.startsWith('unverified-') };
}

function provider(issuer) {
  return new Provider(issuer, {
    clients: [
      {
        client_id: options.clientId,
        client_secret: options.clientSecret,
        redirect_uris: options.redirectUris,
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: options.authMethod,
        id_token_signed_response_alg: options.algorithm,
      },
    ],
    clientAuthMethods: [options.authMethod],
    enabledJWA: { idTokenSigningAlgValues: [options.algorithm] },
    jwks: { keys: [signingKey(options.algorithm)] },
    cookies: { keys: ['a key of tests'] },
    pkce: { required: () => true },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    // When true, the standard's own way: whoever gets an access token finds the claims of its scopes at the userinfo endpoint.
    conformIdTokenClaims: options.claimsAtUserinfo,
    findAccount: (_, login) => ({ accountId: login, claims: () => claims(login) }),
    features: { devInteractions: { enabled: true } },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
  });
}

// The port must be known before the issuer is, so the server listens first and gets its provider then.
const server = createServer();
server.listen(options.port ?? 0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', provider(issuer).callback());
  console.log(issuer);
});
// Whoever started it holds its standard input; when that ends, so does this.
process.stdin.on('end', () => process.exit(0)).resume();
