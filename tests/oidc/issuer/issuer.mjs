// A real OpenID Connect issuer (oidc-provider) on a free port of loopback, for the tests of the jwt provider and of sign-in.
//
// Prints one JSON line when it serves: {"issuer": "http://127.0.0.1:PORT"}. Ends when its standard input closes.
//   POST /token                 client credentials with a resource indicator: a signed JWT access token (oidc-provider)
//   GET  /auth                  signs a browser in as alice, without asking; the client is hecate-web (oidc-provider)
//   POST /test/client {redirect_uri}  where browsers are sent back to; new keys with it
//   POST /test/sign             signs any header and claims with the issuer's own key, for tokens that no issuer makes
//   POST /test/rotate           a new provider with new keys behind the same name
//   POST /test/mode {mode}      discovery and keys: normal | down | slow | garbage | huge | other-issuer
//   GET  /test/keys             the public keys, without counting
//   GET  /test/requests         how often discovery and keys were asked for
import { createServer } from 'node:http';
import { once } from 'node:events';
import { createHmac } from 'node:crypto';
import Provider from 'oidc-provider';
import * as jose from 'jose';

const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const ttl = 600;
let generation = 0;
let mode = 'normal';
let requests = 0;
let keys;
let provider;
let redirectUris = [];
// Nobody reads standard output after the first line.
console.info = console.warn;

const server = createServer((request, response) => {
  handle(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(String(error.stack));
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;
await rotate();
process.stdout.write(`${JSON.stringify({ issuer })}\n`);
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));

async function rotate() {
  generation += 1;
  const make = async (alg, kid) => {
    const { privateKey } = await jose.generateKeyPair(alg, { extractable: true });
    return { ...(await jose.exportJWK(privateKey)), alg, kid, use: 'sig' };
  };
  keys = [await make('RS256', `rsa-${generation}`), await make('ES256', `ec-${generation}`)];
  provider = new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: 'team-a',
        client_secret: 'not-a-secret',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
      ...redirectUris.map((uri) => ({
        client_id: 'hecate-web',
        client_secret: 'web secret/1+2%',
        grant_types: ['authorization_code'],
        redirect_uris: [uri],
        response_types: ['code'],
      })),
    ],
    scopes: ['metrics', 'openid'],
    claims: { openid: ['sub', 'namespaces', 'groups'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['not-a-secret'] },
    ttl: { IdToken: ttl },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, namespaces: ['a'], groups: ['ml'] }) }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_context, client) => (client.clientId === 'team-a' ? 'urn:hecate' : undefined),
        getResourceServerInfo: (_context, resource, client) => ({
          scope: 'metrics',
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: ttl,
          jwt: { sign: { alg: client.clientId === 'team-a' ? 'RS256' : 'ES256' } },
        }),
      },
    },
    extraTokenClaims: () => ({ namespaces: ['team-a', 'team-b'], groups: ['ml'] }),
  });
}

async function handle(request, response) {
  const { pathname } = new URL(request.url, issuer);
  if (pathname.startsWith('/test/')) {
    const answer = await control(pathname, await body(request));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
    return;
  }
  if (pathname.startsWith('/interaction/')) {
    await agree(request, response);
    return;
  }
  if (pathname === '/jwks' || pathname.startsWith('/.well-known/')) {
    requests += 1;
    switch (mode) {
      case 'down':
        request.socket.destroy();
        return;
      case 'slow':
        // Says that it will answer, and never does: closed when the client gives up.
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{');
        return;
      case 'garbage':
        response.end('<html>welcome</html>');
        return;
      case 'huge':
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"keys": [');
        await huge(response);
        return;
      case 'other-issuer':
        response.end(JSON.stringify({ issuer: 'https://elsewhere.example', jwks_uri: `${issuer}/jwks` }));
        return;
      default:
    }
  }
  provider.callback()(request, response);
}

// Whoever comes is alice, and gives what is asked for.
async function agree(request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: 'alice' } });
    return;
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

// Up to 64 MiB, until the client has enough.
async function huge(response) {
  const piece = `${' '.repeat(65535)}\n`;
  for (let i = 0; i < 1024 && !response.destroyed; i += 1) {
    if (!response.write(piece)) {
      await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
  }
  response.end();
}

async function control(pathname, sent) {
  switch (pathname) {
    case '/test/rotate':
      await rotate();
      return {};
    case '/test/client':
      redirectUris = [sent.redirect_uri];
      await rotate();
      return {};
    case '/test/mode':
      mode = sent.mode;
      return {};
    case '/test/requests':
      return requests;
    case '/test/keys':
      return keys.map(({ kty, n, e, crv, x, y, alg, kid, use }) => ({ kty, n, e, crv, x, y, alg, kid, use }));
    case '/test/sign':
      return sign(sent);
    default:
      throw new Error(`no such control: ${pathname}`);
  }
}

// `key`: rsa | ec | stranger (a key that is in no set) | public (HMAC with the text of the RSA public key) | none
async function sign({ header, claims, key }) {
  const input = `${base64(header)}.${base64(claims)}`;
  if (key === 'none') {
    return `${input}.`;
  }
  if (key === 'public') {
    const { kty, n, e } = keys[0];
    const pem = await jose.exportSPKI(await jose.importJWK({ kty, n, e }, 'RS256', { extractable: true }));
    return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`;
  }
  const alg = key === 'ec' ? 'ES256' : 'RS256';
  const secret =
    key === 'stranger' ? (await jose.generateKeyPair(alg)).privateKey : await jose.importJWK(keys[key === 'ec' ? 1 : 0], alg);
  const signature = await new jose.FlattenedSign(Buffer.from(JSON.stringify(claims))).setProtectedHeader({ ...header, alg }).sign(secret);
  return `${signature.protected}.${signature.payload}.${signature.signature}`;
}

async function body(request) {
  const pieces = [];
  for await (const piece of request) {
    pieces.push(piece);
  }
  return pieces.length === 0 ? {} : JSON.parse(Buffer.concat(pieces).toString() || '{}');
}
