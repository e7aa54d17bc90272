// npm's oidc-provider, set up as askit is for the same login: pushed request, a user who is signed in and has agreed,
// private_key_jwt, DPoP, a JWT for one API, a refresh token. `node provider.mjs CLIENT_JWK`. It prints its port and the
// cookie of the user's session, and answers /cpu with the CPU time that it has used, in nanoseconds.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const API = 'https://api.example/accounts';
const key = JSON.parse(process.argv[2]);

const provider = new Provider('https://bank.example', {
  clients: [{
    client_id: 'fintech',
    redirect_uris: ['https://fintech.example/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    id_token_signed_response_alg: 'RS256',
    jwks: { keys: [key] },
  }],
  scopes: ['openid', 'accounts'],
  routes: { authorization: '/authorize', pushed_authorization_request: '/par', token: '/token' },
  features: {
    devInteractions: { enabled: false },
    dPoP: { enabled: true },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => API,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'accounts', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
    },
  },
  interactions: { policy: [] },
  issueRefreshToken: () => true,
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ clientId: 'fintech', accountId: 'alice' });
    grant.addOIDCScope('openid accounts');
    grant.addResourceScope(API, 'accounts');
    await grant.save();
    return grant;
  },
});
provider.proxy = true;

const session = new provider.Session({ accountId: 'alice', loginTs: Math.floor(Date.now() / 1000) });
await session.save(3600);

const answer = provider.callback();
const server = createServer((request, response) => {
  if (request.url === '/cpu') {
    const { user, system } = process.cpuUsage();
    response.end(String((user + system) * 1000));
    return;
  }
  answer(request, response);
});
server.listen(0, '127.0.0.1', () => console.log(`${server.address().port} ${session.jti}`));
