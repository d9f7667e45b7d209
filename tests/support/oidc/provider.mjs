// An OpenID Connect provider in a process of its own, by the certified implementation `oidc-provider`.
//
// The variable OIDC_OPTIONS has its options as JSON. The first line of its output is the issuer. It listens on 127.0.0.1 only.
// The login form asks for an email address, which is the subject. A prefix makes the address unverified, or leaves it out.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const options = JSON.parse(process.env.OIDC_OPTIONS);

const keys = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
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
    jwks: { keys: [options.signingKey ?? signingKey(options.algorithm)] },
    cookies: { keys: ['a key of tests'] },
    pkce: { required: () => true },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    // As Google does. With `true`, the claims would be at the userinfo endpoint only (OpenID Connect Core 1.0, section 5.4).
    conformIdTokenClaims: false,
    findAccount: (_, login) => ({ accountId: login, claims: () => claims(login) }),
    features: { devInteractions: { enabled: true } },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
  });
}

// The issuer contains the port, so the server must listen first.
const server = createServer();
server.listen(options.port ?? 0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', provider(issuer).callback());
  console.log(issuer);
});
// The process that starts the provider has its standard input, so that the provider never outlives it.
process.stdin.on('end', () => process.exit(0)).resume();
